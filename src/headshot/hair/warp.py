"""Bringing a style to the outline of hair in a photo.

Dimension letters: G x G cells of a window, P vertices of a style, F its triangles, V vertices of the head.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headshot.arrays import F32, I32, ReadOnly
from headshot.geometry.camera import project_for_raster
from headshot.geometry.raster import rasterise
from headshot.hair.clearance import Reach, slid
from headshot.hair.outline import SPREADS, shifts, signed_distance
from headshot.hair.window import CELL, GRID, MIDDLE, SKULL, HairWindow, halved
from headshot.ramps import smoothstep

_HALF = GRID // 2
_BEHIND, _BEFORE = -30.0, 20.0  # mm before the middle of the head: hairlines draw what lies before
_BROWS, _CHEEK = 20.0, 36.0  # mm: below and beside which hair does not stick out before the cheeks,
_SLOPE, _FRONT = 1.1, 22.0  # which go back by so much a mm of width, from so far before the eyes
_EYES, _FARTHEST = -5.0, 90.0  # mm: hair beside the head does not come before the one, by the other at most
_SIDEWAYS = 0.35  # cosine of the yaw below which photos are from the side, and show what is before a face
_STICKING = 0.15  # what is left of how far it did
_GROWTH = (-15.0, 45.0)  # mm behind the head
_GROWTH_BEFORE = 0.25  # of that before it, where foreheads are


@dataclass(frozen=True, eq=False, repr=False)
class Target(ReadOnly):
    """What a style is drawn to in one photo, on a grid of half the window's cells a side.

    Attributes:
        window: what the photo shows.
        outer, face: (G/2, G/2) signed distances from the border of the person against what is behind, and
            from that of bare skin.
        hair: (G/2, G/2) share of hair.
        known: (G/2, G/2) how much each cell counts.
        head, nearest: (G/2, G/2) the bare head's share of a cell, and its depth, mm.
    """

    window: HairWindow
    outer: F32
    face: F32
    hair: F32
    known: F32
    head: F32
    nearest: F32


def distances(share: F32) -> F32:
    """Signed distances (G/2, G/2) of a share (G/2, G/2)."""
    out = np.empty((_HALF, _HALF), np.float32)
    signed_distance(share, out)
    return out


def target_of(window: HairWindow) -> Target:
    """What the photo of a window asks of a style."""
    person = np.maximum(np.clip(window.hair + window.skin, 0, 1), window.hat)
    head = halved(np.isfinite(window.depth).astype(np.float32))
    z = window.depth
    nearest = np.minimum(np.minimum(z[::2, ::2], z[1::2, ::2]), np.minimum(z[::2, 1::2], z[1::2, 1::2]))
    return Target(
        window,
        distances(halved(person)),
        distances(halved(window.skin)),
        halved(window.hair),
        halved(window.known) * np.float32(window.weight),
        head,
        nearest,
    )


def two_sided(triangles: I32) -> I32:
    """Triangles (2 F, 3) for a rasteriser that draws front sides only."""
    return np.ascontiguousarray(np.concatenate([triangles, triangles[:, ::-1]]))


def covered(window: HairWindow, points: F32, both: I32) -> F32:
    """Whether hair (P, 3) is seen in each cell (G, G): before the head, or beside it."""
    xy, far = project_for_raster(points, window.camera)
    return np.asarray(rasterise(xy, far, both, GRID, GRID).depth < window.depth, np.float32)


def covered_coarsely(target: Target, points: F32, both: I32) -> F32:
    """`covered` on the grid of a target (G/2, G/2)."""
    xy, far = project_for_raster(points, target.window.camera)
    raster = rasterise(xy * np.float32(0.5), far, both, _HALF, _HALF)
    return np.asarray(raster.depth < target.nearest, np.float32)


def drawn(points: F32, both: I32, target: Target, reach: Reach, *, quick: bool = False) -> F32:
    """A style (P, 3) mm, drawn to the outlines of a photo.

    The hairline draws what lies before the middle of the head along the skin, the border of the person
    everything; as far as hair grows in the picture on average, it grows towards and away from the viewer.
    To compare styles, a ``quick`` way is enough, on which hairline and border draw everything.
    """
    camera = target.window.camera
    seen = covered_coarsely(target, points, both)
    outer = distances(np.maximum(seen, target.head))
    face = distances(target.head * (1 - seen))
    styles, photos = np.stack([outer, face]), np.stack([target.outer, target.face])
    weights = np.stack([target.known, target.known])
    whole = np.zeros((_HALF, _HALF, 2), np.float32)
    if quick:
        shifts(styles, photos, weights, SPREADS, whole)
        border = whole
    else:
        shifts(styles[:1], photos[:1], weights[:1], SPREADS, whole)
        border = whole.copy()
        shifts(styles, photos, weights, SPREADS[1:], whole)

    toward = camera.rotation[2].astype(np.float32)
    before = smoothstep((points - SKULL) @ toward, _BEHIND, _BEFORE)[:, None]
    xy, far = project_for_raster(points, camera)
    scale = (far / np.float32(camera.focal))[:, None] * np.array(
        [2, -2], np.float32
    )  # mm a cell of the coarse grid
    plane = camera.rotation[:2].astype(np.float32)
    outwards = _at(border, xy)
    along = before * (_at(whole, xy) - outwards)
    out = slid(points, (along[:, ::-1] * scale) @ plane, reach) + (outwards[:, ::-1] * scale) @ plane
    apart = out - SKULL
    away = (apart @ toward) / np.maximum(np.linalg.norm(apart, axis=1), 1)
    growth = growth_beyond(outer, target) * np.where(away > 0, _GROWTH_BEFORE, 1) * away
    return _beside_face(_beside_cheeks(out + growth[:, None] * toward, float(toward[2])), target)


def _beside_cheeks(points: F32, frontal: float) -> F32:
    """Hair (P, 3) that frames the face beside the cheeks rather than before them.

    A photo from the front, as of which ``frontal`` is 1, does not tell; one from the side, 0, does.
    """
    out = points.astype(np.float32)
    limit = _FRONT - _SLOPE * (np.abs(out[:, 0]) - _CHEEK)
    low = smoothstep(-out[:, 1], -_BROWS - 20, -_BROWS) * smoothstep(
        np.abs(out[:, 0]), _CHEEK - 10, _CHEEK + 5
    )
    share = (1 - _STICKING) * max(frontal, 0.0) ** 2 * low
    out[:, 2] -= share * np.maximum(out[:, 2] - limit, 0)
    return out


def _beside_face(points: F32, target: Target) -> F32:
    """Hair (P, 3) that a photo shows beside the head, and not before the face as seen from the front.

    Where along its ray hair beside the head lies, the photo does not tell: it goes back along it.
    """
    camera = target.window.camera
    toward = camera.rotation[2].astype(np.float32)
    if toward[2] < _SIDEWAYS:
        return points
    xy, _ = project_for_raster(points, camera)
    i, j = (np.clip(np.floor(xy[:, k] / 2), 0, _HALF - 1).astype(int) for k in (0, 1))
    beside = 1 - smoothstep(target.head[j, i], 0.0, 0.5)
    low = smoothstep(-points[:, 1], -_BROWS - 20, -_BROWS)
    limit = np.minimum(_FRONT - _SLOPE * (np.abs(points[:, 0]) - _CHEEK), _EYES)
    back = np.clip((points[:, 2] - limit) / toward[2], 0, _FARTHEST) * beside * low
    return np.asarray(points - back[:, None] * toward, np.float32)


def _at(flow: F32, xy: F32) -> F32:
    """Shifts (P, 2) at cells (P, 2) of the window, bilinear."""
    x, y = (np.clip(xy[:, k] / 2 - 0.5, 0, _HALF - 1.001) for k in (0, 1))
    i, j = x.astype(int), y.astype(int)
    u, v = (x - i)[:, None], (y - j)[:, None]
    upper = (1 - u) * flow[j, i] + u * flow[j, i + 1]
    lower = (1 - u) * flow[j + 1, i] + u * flow[j + 1, i + 1]
    return np.asarray((1 - v) * upper + v * lower, np.float32)


def growth_beyond(outer: F32, target: Target) -> float:
    """mm by which a photo's outline lies beyond another, on average over the upper half of the head.

    Args:
        outer: (G/2, G/2) signed distances of the other outline.
        target: the photo.
    """
    ears = target.window.camera.project(np.array([0.0, -10.0, MIDDLE[2]]))[1] / 2
    edge = (np.abs(outer) < 1) & (target.known > 0.8 * target.window.weight)
    edge[int(np.clip(ears, 0, _HALF)) :] = False
    if edge.sum() < 5:
        return 0.0
    return float(np.clip(np.mean(target.outer[edge] - outer[edge]) * 2 * CELL, *_GROWTH))
