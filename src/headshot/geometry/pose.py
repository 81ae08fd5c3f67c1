"""Head pose from corresponding points, in closed form."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from headshot.arrays import Array
from headshot.geometry.camera import nearest_rotation


def orthographic_pose(points: ArrayLike, shape: ArrayLike, weight: ArrayLike) -> tuple[Array, Array, float]:
    """Pose under scaled orthography, in closed form (linear least squares, then the nearest rotation).

    Args:
        points: (L, 2) pixels, y down.
        shape: (L, 3) mm.
        weight: (L,) non-negative.

    Returns:
        rotation (3, 3); image position (2,) of the head's origin, pixels; scale in pixels per mm.
    """
    p, s, w = (np.asarray(a, dtype=np.float64) for a in (points, shape, weight))
    design = np.column_stack([s, np.ones(len(s))]) * w[:, None]
    affine, *_ = np.linalg.lstsq(design, p * [1, -1] * w[:, None], rcond=None)
    rows = affine[:3].T
    scale = float(np.sqrt(np.linalg.norm(rows[0]) * np.linalg.norm(rows[1])))
    # The two rows of a noisy affine camera are not orthogonal; the cross product completes them to a
    # matrix whose nearest rotation splits the error evenly.
    first, second = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    rotation = nearest_rotation(np.stack([first, second, np.cross(first, second)]))
    return rotation, affine[3] * [1, -1], scale
