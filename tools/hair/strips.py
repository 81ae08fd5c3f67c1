"""Where strands run on MakeHuman's hair, and texture coordinates that follow them.

MakeHuman paints each style on a texture of its own, and its strands run along one axis of it, of `braid01`
along u, of the others along v. Ours has one texture for all, on which strands run along v from root to tip.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from clothes import Clothes
from headshot.hair.strands import PERIOD

ALONG_U = ("braid01",)
SHELL = 4000.0  # mm²: larger pieces are shells, smaller ones wisps
HEM = 16.0  # mm from a border over which a shell frays
NARROW = 60.0  # mm: strips of less fray at their ends alone
FRAY = 0.10  # share of the strands' length that frays at the root


@dataclass(frozen=True)
class Strips:
    """Corners of a style, split where its texture has seams.

    Attributes:
        vertex: (T,) number of the vertex.
        uv: (T, 2) across in periods of the texture, along from 0 at the root to 1 at the tip.
        wisp: (T,) whether a wisp is painted on it rather than a shell.
        hem: (T,) 1 at the free border of a shell, to 0 at `HEM` from it.
        triangles: (F, 3) into these.
    """

    vertex: np.ndarray
    uv: np.ndarray
    wisp: np.ndarray
    hem: np.ndarray
    triangles: np.ndarray


def strips_of(clothes: Clothes, vertices: np.ndarray, over: np.ndarray) -> Strips:
    """Texture coordinates along the strands of a style.

    Args:
        clothes: the style.
        vertices: (P, 3) mm, on the mean head.
        over: (P,) mm over the skin.
    """
    pairs = np.stack([clothes.triangles.ravel(), clothes.triangles_uv.ravel()], axis=1)
    corners, triangles = np.unique(pairs, axis=0, return_inverse=True)
    triangles = triangles.reshape(-1, 3)
    vertex = corners[:, 0]
    given = clothes.uv[corners[:, 1]] * [1, -1] + [0, 1]  # v from the top
    if clothes.name in ALONG_U:
        given = given[:, ::-1]
    points, height = vertices[vertex], over[vertex]
    piece = pieces_of(triangles, len(vertex))
    uv, wisp, hem = np.empty((len(vertex), 2)), np.zeros(len(vertex), bool), np.zeros(len(vertex))
    border = _border(clothes.triangles, len(vertices))
    for k in range(piece.max() + 1):
        mine = piece == k
        own = triangles[mine[triangles[:, 0]]]
        flat = given[mine]
        low, high = flat.min(0), flat.max(0)
        along = (flat[:, 1] - low[1]) / max(high[1] - low[1], 1e-9)
        # The root is nearer to the skin, and mostly above.
        if _slope(along, height[mine]) - 0.3 * _slope(along, points[mine, 1]) < 0:
            along = 1 - along
        area, wide = _measures(points, given, own)
        narrow = wide * (high[0] - low[0]) < NARROW
        uv[mine] = np.stack([flat[:, 0] * wide / PERIOD + 0.37 * k, along], axis=1)
        wisp[mine] = area < SHELL
        if narrow:  # frays at its ends alone
            hem[mine] = np.where(np.abs(along - 0.5) > 0.45, 1.0, 0.0)
        elif area >= SHELL:
            # Towards a border a shell frays: at the root's end where it is nearer.
            # Where both are as near, at its sides, it stays whole.
            ended = np.clip((np.abs(along - 0.45) - 0.12) / 0.2, 0, 1)
            hem[mine] = ended * _hem(points[mine], points[mine & border[vertex]])
            middle = FRAY + (0.80 - FRAY) * along
            uv[mine, 1] = middle + hem[mine] * (np.where(along > 0.45, 1.0, 0.0) - middle)
    return Strips(vertex, uv, wisp, hem, triangles)


def pieces_of(triangles: np.ndarray, count: int) -> np.ndarray:
    """(T,) number of the piece that each corner belongs to."""
    a, b = triangles[:, [0, 1]].ravel(), triangles[:, [1, 2]].ravel()
    return connected_components(coo_matrix((np.ones(len(a)), (a, b)), (count, count)), directed=False)[1]


def _border(triangles: np.ndarray, count: int) -> np.ndarray:
    """(P,) vertices of edges that one triangle has alone."""
    edges = np.sort(
        np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]]), axis=1
    )
    unique, uses = np.unique(edges, axis=0, return_counts=True)
    out = np.zeros(count, bool)
    out[unique[uses == 1]] = True
    return out


def _slope(a: np.ndarray, b: np.ndarray) -> float:
    """By how many mm ``b`` grows over the range of ``a``."""
    spread = a - a.mean()
    return float((spread * b).sum() / max((spread**2).sum(), 1e-9))


def _hem(points: np.ndarray, border: np.ndarray) -> np.ndarray:
    """1 at the border to 0 at `HEM` from it."""
    if not len(border):
        return np.zeros(len(points))
    nearest = np.array([np.linalg.norm(border - point, axis=1).min() for point in points])
    return np.clip(1 - nearest / HEM, 0, 1)


def _measures(points: np.ndarray, uv: np.ndarray, triangles: np.ndarray) -> tuple[float, float]:
    """Area of a piece, mm², and the width of one unit of u, mm: the median over its triangles by area."""
    a, b = (points[triangles[:, k]] - points[triangles[:, 0]] for k in (1, 2))
    (ua, va), (ub, vb) = ((uv[triangles[:, k]] - uv[triangles[:, 0]]).T for k in (1, 2))
    areas = 0.5 * np.linalg.norm(np.cross(a, b), axis=1)
    turn = ua * vb - ub * va
    known = np.abs(turn) > 1e-12
    across = (a[known] * vb[known, None] - b[known] * va[known, None]) / turn[known, None]
    wide = np.linalg.norm(across, axis=1)
    order = np.argsort(wide)
    total = np.cumsum(areas[known][order])
    return float(areas.sum()), float(wide[order][np.searchsorted(total, total[-1] / 2)])
