"""How well expressions behave on a head: lids and lips that shut, round eyeballs, parts that stay inside.

All lengths are millimetres in the head frame, areas square millimetres as seen from some metre away.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from headshot.arrays import F32, Array, Index
from headshot.geometry.camera import Camera, project_for_raster, rotation_from_angles
from headshot.geometry.raster import rasterise
from headshot.models.head_model import HeadModel
from headshot.models.topologies import ibug68

_DISTANCE = 800.0  # mm from the camera
_PER_MM = 4.0  # pixels
_LID = 0.35  # weight of the region of the lids from which on a vertex belongs to them


def shown(
    model: HeadModel, vertices: F32, target: Array, yaw: float, pitch: float = 0.0, span: float = 60.0
) -> dict[str, float]:
    """The area in mm^2 of each part that a window of ``span`` mm around ``target`` (3,) shows from a side.

    Args:
        model: of the vertices.
        vertices: (V, 3).
        target: (3,) the middle of the window.
        yaw, pitch: of the head, degrees, as in `headshot.geometry.camera.Camera.angles`.
        span: width and height of the window.
    """
    near = np.abs(vertices - target.astype(np.float32)).max(axis=1) < 1.3 * span
    chosen = np.flatnonzero(near[model.triangles].any(axis=1))
    size = int(span * _PER_MM)
    rotation = rotation_from_angles(yaw, pitch, 0.0)
    camera = Camera(
        size,
        size,
        _PER_MM * _DISTANCE,
        (size / 2, size / 2),
        rotation,
        -rotation @ target - [0, 0, _DISTANCE],
    )
    xy, depth = project_for_raster(vertices, camera)
    raster = rasterise(xy, depth, model.triangles[chosen], size, size)
    hit = chosen[raster.triangle[raster.triangle >= 0]]
    return {
        name: float(((hit >= first) & (hit < last)).sum()) / _PER_MM**2
        for name, (first, last) in model.parts.items()
    }


def eye_centre(model: HeadModel, neutral: F32, side: str) -> Array:
    """Centre (3,) of an eyeball, from the vertices (V, 3) of a head without expression: of its back half."""
    points = neutral[np.unique(model.part_triangles(f"eye_{side}"))].astype(np.float64)
    back = points[points[:, 2] < np.median(points[:, 2])]
    system = np.column_stack([2 * back, np.ones(len(back))])
    return np.asarray(np.linalg.lstsq(system, (back**2).sum(axis=1), rcond=None)[0][:3])


def eye_radii(model: HeadModel, vertices: F32, neutral: F32, side: str) -> Array:
    """Distances (n,) of an eyeball's vertices from its centre."""
    points = vertices[np.unique(model.part_triangles(f"eye_{side}"))]
    return np.asarray(np.linalg.norm(points - eye_centre(model, neutral, side), axis=1))


def eye_shown(
    model: HeadModel, vertices: F32, neutral: F32, side: str, yaws: Sequence[float] = (-35, 0, 35)
) -> float:
    """The most of an eyeball that is seen from any of some sides, mm^2: 0 where the lids are shut."""
    target = eye_centre(model, neutral, side) + [0, 0, 12]
    return max(shown(model, vertices, target, yaw, span=44.0)[f"eye_{side}"] for yaw in yaws)


def mouth_shown(model: HeadModel, vertices: F32, yaws: Sequence[float] = (-40, 0, 40)) -> float:
    """The most of teeth, tongue and the inside of the mouth that is seen from some sides, mm^2.

    It is 0 where the lips are shut.
    """
    lips = model.landmarks["ibug68"].on(vertices, model.triangles)[ibug68.LIPS_INNER]
    inside = ("mouth", "teeth_upper", "teeth_lower", "tongue")
    most = 0.0
    for yaw in yaws:
        seen = shown(model, vertices, lips.mean(axis=0).astype(np.float64), yaw, span=76.0)
        most = max(most, sum(seen[part] for part in inside))
    return most


def eye_through_lids(model: HeadModel, vertices: F32, neutral: F32, side: str) -> float:
    """How far an eyeball stands out of the lids, mm; negative where it keeps that distance from them.

    What is behind the edge of the lids, and runs into the eyeball, does not count.
    """
    centre = eye_centre(model, neutral, side)
    ball = vertices[np.unique(model.part_triangles(f"eye_{side}"))] - centre
    radius = np.linalg.norm(ball, axis=1)
    lids = _lids(model, side)
    around = vertices[lids] - centre
    distance = np.linalg.norm(around, axis=1)
    cosine = (around / distance[:, None]) @ (ball / radius[:, None]).T
    return float((radius[cosine.argmax(axis=1)] - distance).max())


@lru_cache(maxsize=4)
def _lids(model: HeadModel, side: str) -> Index:
    """Vertices (n,) of the lids but for what is behind their edge."""
    first, last = model.parts["skin"]
    edges = model.triangles[first:last, [0, 1, 1, 2, 2, 0]].reshape(-1, 2)
    pairs, count = np.unique(np.sort(edges, axis=1), axis=0, return_counts=True)
    border = np.unique(pairs[count == 1])
    if model.resolution == "high":  # the ring between the border and the edge, too
        border = np.unique(pairs[np.isin(pairs, border).any(axis=1)])
    return np.setdiff1d(np.flatnonzero(model.regions[f"eyelid_{side}"] > _LID), border)
