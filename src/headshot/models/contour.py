"""The 68 iBUG points of a fitted head, with the jaw line where the photo shows it.

Points 0-16 of the iBUG scheme follow the visible outline of the face, so on a turned head those of the far
side are no fixed points of the skin. As in "landmark marching" (Zhu et al., "High-fidelity pose and
expression normalization", CVPR 2015, section 3.2) each slides along a line across the cheek to where the
outline is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from headshot.arrays import Array, Index
from headshot.geometry.camera import Camera
from headshot.models.topologies.ibug68 import JAW, JAW_POINTS, POINTS

if TYPE_CHECKING:
    from headshot.models.protocol import FaceModel


def landmarks68(model: FaceModel, vertices: ArrayLike, camera: Camera) -> Array:
    """Positions (68, 3) of the iBUG points on a head as seen by a camera, in the head's frame and units.

    Args:
        model: the head model; of others than this project's own, points that they do not fix on the skin
            are NaN, those of the jaw among them.
        vertices: (V, 3) vertices of the head.
        camera: the camera that sees it; decides only where the outline runs.
    """
    from headshot.models.head_model import HeadModel  # its kernels are not needed for what is in JSON files

    if not isinstance(model, HeadModel):
        known = np.full((POINTS, 3), np.nan)
        found = model.landmark_set("ibug68")
        if found is not None:
            known[found.index] = found.points.on(vertices, model.triangles)
        return known
    points = model.landmarks["ibug68"].on(vertices, model.triangles).astype(np.float64)
    lines = model.landmarks["contour"].on(vertices, model.triangles).astype(np.float64)
    lines = lines.reshape(JAW_POINTS, -1, 3)
    chosen = on_outline(points[JAW], lines, camera)
    moved = np.flatnonzero(chosen >= 0)
    points[moved] = lines[moved, chosen[moved]]
    return points


def on_outline(points: ArrayLike, lines: ArrayLike, camera: Camera) -> Index:
    """Which of its candidates lies on the outline that a camera sees, for each point of the jaw.

    Args:
        points: (17, 3) on the jaw, in the head's frame and units.
        lines: (17, C, 3) candidates from the cheek to behind the jaw.
        camera: that sees them.

    Returns:
        (17,) numbers of candidates; -1 where the point itself lies farther out than all.
    """
    jaw, across = np.asarray(points, np.float64), np.asarray(lines, np.float64)
    # What lies behind the anatomical jaw point is not face: annotators follow the jaw on the near side even
    # where ear and neck stand out farther.
    reach = ((across - jaw[:, None]) ** 2).sum(axis=2).argmin(axis=1)
    up = camera.rotation[:2, 1] * [1, -1]
    up = up / max(float(np.linalg.norm(up)), 1e-9)
    right = np.array([-up[1], up[0]])
    # The cheeks' lines run sideways, the chin's downwards.
    side = np.arange(JAW_POINTS) - JAW_POINTS // 2
    outward = np.where((abs(side) <= 3)[:, None], -up, right * np.sign(side)[:, None])
    out = (camera.project(across) * outward[:, None]).sum(axis=2)
    out[np.arange(across.shape[1]) > reach[:, None]] = -np.inf
    best = out.argmax(axis=1)
    farther = out[np.arange(JAW_POINTS), best] > (camera.project(jaw) * outward).sum(axis=1)
    return np.where(farther, best, -1)
