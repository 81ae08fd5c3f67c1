"""Rows of teeth with gums: one sheet each, laid over ICT-FaceKit's teeth from cheek side to tongue side.

Columns run along the arch, two to three a tooth and one between two; rows over the gum, the edge of the
teeth, and down the other side. Each vertex is where a ray from outside meets ICT's surface.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.ndimage import gaussian_filter1d, median_filter

from ict import Ict
from register import FLIP

FIRST_TOOTH = 17039  # vertex of ICT; the gums come before
GUMS = (14062, 17039)
COUNT = 7  # teeth of a side, from the middle
INSIDE = ((-0.62, 0.0, 0.62),) * 3 + ((-0.5, 0.5),) * 2 + ((-0.5, 0.5),) * 2  # columns within each tooth
PAPILLA = 2.2  # mm that gum reaches farther between two teeth
NOTCH = 1.5  # mm by which teeth are shorter where they meet
STEP = 0.2  # mm, of the search for the edge of the gum
# Rows: mm beyond the edge of the gum on both sides, and shares of the crown between gum and edge.
GUM_OUT, GUM_IN = (11.0, 6.5, 3.0, 1.0), (1.0, 8.0)
CROWN_OUT, CROWN_IN = (0.0, 0.35, 0.8), (0.6, 0.0)
GUM_ROWS = len(GUM_OUT)


@dataclass(frozen=True)
class Row:
    """A row of teeth, in ICT's frame, mm.

    Attributes:
        vertices: (n, 3); column-major, exactly symmetric.
        quads: (q, 4) counter-clockwise from outside.
        uv: (n, 2) in the unit square.
        gums: (n,) 1 on gum, 0 on teeth.
        between: (n,) 1 where two teeth meet, 0 within teeth.
        mirror: (n,).
    """

    vertices: np.ndarray
    quads: np.ndarray
    uv: np.ndarray
    gums: np.ndarray
    between: np.ndarray
    mirror: np.ndarray


@dataclass(frozen=True)
class _Rays:
    """Triangles of one jaw that rays are shot at: corners (F, 3, 3), and which are of teeth (F,)."""

    corners: np.ndarray
    tooth: np.ndarray

    def first(self, origin: np.ndarray, direction: np.ndarray) -> tuple[float, bool]:
        """Distance to the first hit and whether it is a tooth; infinite without (Moller & Trumbore 1997)."""
        a = self.corners[:, 0]
        e1, e2, s = self.corners[:, 1] - a, self.corners[:, 2] - a, origin - a
        h = np.cross(direction, e2)
        det = (e1 * h).sum(1)
        det[np.abs(det) < 1e-12] = np.inf
        u = (s * h).sum(1) / det
        q = np.cross(s, e1)
        v, t = (q @ direction) / det, (e2 * q).sum(1) / det
        t[~((u >= -1e-9) & (v >= -1e-9) & (u + v <= 1 + 1e-9) & (t > 0))] = np.inf
        k = int(t.argmin())
        return float(t[k]), bool(self.tooth[k])


def rows_of_teeth(ict: Ict) -> dict[str, Row]:
    """The rows "teeth_upper" and "teeth_lower"."""
    moved = np.linalg.norm(ict.expression["jawOpen"], axis=1)
    return {
        "teeth_upper": _row(ict, moved < 3, up=1.0),
        "teeth_lower": _row(ict, moved > 8, up=-1.0),
    }


def _row(ict: Ict, jaw: np.ndarray, up: float) -> Row:
    """The row of the jaw whose vertices are given (V,) bool; ``up`` is 1 for the upper one, else -1."""
    vertices = np.flatnonzero(jaw)
    inside = np.isin(ict.triangles, vertices[vertices >= GUMS[0]]).all(1)
    triangles = ict.triangles[inside & (ict.triangles < 21451).all(1)]
    rays = _Rays(ict.mean[triangles], (triangles >= FIRST_TOOTH).all(1))
    teeth = _teeth(ict, triangles)
    line = np.array([tooth.mean(0)[[0, 2]] for tooth in teeth])
    height = np.array([tooth[:, 1].mean() for tooth in teeth])
    crown_edge = np.array([up * (up * tooth[:, 1]).min() for tooth in teeth])
    between = [np.array([0.0, line[0, 1] + 0.6])]
    between += [(a + b) / 2 for a, b in pairwise(line)]
    between.append(line[-1] + (line[-1] - between[-1]))
    places, is_gap, number = [between[0]], [True], [0]
    for k, shares in enumerate(INSIDE):
        for share in shares:
            ends = between[k] if share < 0 else between[k + 1]
            places.append(line[k] + abs(share) * (ends - line[k]))
            is_gap.append(False)
            number.append(k)
        places.append(between[k + 1])
        is_gap.append(True)
        number.append(k)
    at, gap, number = np.array(places), np.array(is_gap), np.array(number)
    # Tangents of the arch, in x and z; of the whole, mirrored, so that the middle has one.
    whole = np.concatenate([at[:0:-1] * [-1, 1], at])
    tangent = gaussian_filter1d(np.gradient(whole, axis=0), 2.0, axis=0)[len(at) - 1 :]
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    outward = np.stack([-tangent[:, 1], tangent[:, 0]], axis=1)
    margins = np.array([_margin(rays, at[c], outward[c], height[number[c]], up) for c in range(len(at))])
    known = np.flatnonzero(~gap & np.isfinite(margins))
    arc = np.r_[0, np.cumsum(np.linalg.norm(np.diff(at, axis=0), axis=1))]
    margins = np.interp(arc, arc[known], margins[known])
    level = gaussian_filter1d(margins, 4.0)
    margins = margins - up * PAPILLA * gap
    edges = crown_edge[number] + up * np.where(gap, NOTCH, 0.15)
    edges[0] = crown_edge[0] + up * 0.6 * NOTCH
    made = [_column(rays, at[c], outward[c], (margins[c], level[c], edges[c]), up) for c in range(len(at))]
    heights, outside, inside = (np.array([column[k] for column in made]) for k in range(3))
    inside = median_filter(inside, (3, 1), mode="nearest")
    core = np.stack([at[:, 0], 0 * at[:, 0], at[:, 1]], axis=1)[:, None]
    away = np.stack([outward[:, 0], 0 * outward[:, 0], outward[:, 1]], axis=1)[:, None]
    edge = 0.35 * (outside[:, -1:] - np.minimum(inside[:, :1], 2.5))
    reach = np.concatenate([outside, edge, -inside], axis=1)
    half = core + reach[..., None] * away + heights[..., None] * [0, 1, 0]  # (columns, rows, 3)
    half[0, :, 0] = 0
    return _sheet(half, arc, gap, up)


def _teeth(ict: Ict, triangles: np.ndarray) -> list[np.ndarray]:
    """Crowns (n, 3) of the left side's teeth, from the middle: vertices of ICT that belong together."""
    label = np.arange(len(ict.mean))
    own = triangles[(triangles >= FIRST_TOOTH).all(1)]
    for _ in range(200):
        least = label[own].min(1)
        before = label.copy()
        for k in range(3):
            np.minimum.at(label, own[:, k], least)
        label = label[label]
        if (label == before).all():
            break
    found = []
    for k in np.unique(label[own]):
        points = ict.mean[np.unique(own[label[own[:, 0]] == k])]
        if points[:, 0].mean() > 0:
            found.append(points)
    found.sort(key=lambda points: -points[:, 2].mean())
    return found[:COUNT]


def _margin(rays: _Rays, at: np.ndarray, outward: np.ndarray, height: float, up: float) -> float:
    """Height at which tooth becomes gum on the outside of a column, mm; NaN if there is no tooth."""
    direction = -np.array([outward[0], 0, outward[1]])
    seen = False
    for step in np.arange(-4.0, 12.0, STEP):
        y = height + up * step
        origin = np.array([at[0], y, at[1]]) - 14 * direction
        distance, tooth = rays.first(origin, direction)
        if np.isfinite(distance) and distance < 24:
            if tooth:
                seen = True
            elif seen:
                return y
    return np.nan


def _column(
    rays: _Rays, at: np.ndarray, outward: np.ndarray, heights: tuple[float, float, float], up: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A column: heights of its rows, and how far outside and inside lie from the arch's line, mm.

    Args:
        rays: the jaw.
        at, outward: (2,) place of the column on the arch and the direction out of the mouth, x and z.
        heights: of the edge of the gum here, of the same along the whole row, and of the edge of the tooth.
        up: 1 for the upper jaw, -1 for the lower.
    """
    margin, level, edge = heights
    gum = [level + up * GUM_OUT[0], level + up * GUM_OUT[1]]
    gum += [(level + margin) / 2 + up * GUM_OUT[2], margin + up * GUM_OUT[3]]
    crown = [margin + share * (edge - margin) for share in CROWN_OUT]
    behind = [margin + share * (edge - margin) for share in CROWN_IN]
    behind += [margin + up * GUM_IN[0], level + up * GUM_IN[1]]
    direction = -np.array([outward[0], 0, outward[1]])
    core = np.array([at[0], 0, at[1]])

    def side(rows: list[float], sign: float, most: float) -> np.ndarray:
        """How far from the arch's line rays from a side meet the surface; holes are filled."""
        reach = []
        for y in rows:
            distance, _ = rays.first(core + [0, y, 0] - 14 * sign * direction, sign * direction)
            reach.append(14 - distance if distance < 22 else np.nan)
        values, known = np.array(reach), np.isfinite(reach)
        filled = np.interp(np.arange(len(values)), np.flatnonzero(known), values[known])
        return np.clip(filled, 1.0, most)

    rows = np.array([*gum, *crown, edge, *behind])
    return rows, side(gum + crown, 1.0, 9.0), side(behind, -1.0, 5.0)


def _sheet(half: np.ndarray, arc: np.ndarray, gap: np.ndarray, up: float) -> Row:
    """Both halves as one sheet."""
    columns, rows, _ = half.shape
    both = np.concatenate([half[:0:-1] * FLIP, half])
    n = len(both)
    index = np.arange(n * rows).reshape(n, rows)
    mirror = index[::-1].ravel()
    quads = np.stack([index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1]], axis=-1).reshape(-1, 4)
    if up < 0:  # of the lower row, rows run upwards
        quads = quads[:, ::-1]
    # The same diagonal on both sides: quads of the right half start one corner later.
    right = (index[:-1, :-1] * 0 + np.arange(n - 1)[:, None]).ravel() < columns - 1
    quads[right] = np.roll(quads[right], -1, axis=1)
    along = np.concatenate([-arc[:0:-1], arc]) / (2 * arc[-1]) + 0.5
    path = np.r_[0, np.cumsum(np.linalg.norm(np.diff(half, axis=1), axis=2).mean(0))]
    across = path / path[-1]
    uv = np.stack(np.broadcast_arrays(along[:, None], across[None]), axis=-1).reshape(-1, 2)
    if up < 0:
        uv[:, 1] = 1 - uv[:, 1]
    gums = np.zeros((n, rows))
    gums[:, :GUM_ROWS] = 1
    gums[:, -len(GUM_IN) :] = 1
    gums[:, GUM_ROWS], gums[:, -len(GUM_IN) - 1] = 0.5, 0.5
    between = np.repeat(np.r_[gap[:0:-1], gap], rows).astype(float)
    return Row(both.reshape(-1, 3), quads, uv, gums.ravel(), between, mirror)
