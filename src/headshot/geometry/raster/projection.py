"""From camera space to the picture and back to gradients: perspective division for whole meshes."""

from __future__ import annotations

from typing import Any

import numpy as np

from headshot.geometry.raster.batch import Floats, checked, float_type
from headshot.kernels import njit

CLOSEST = 1e-6  # points nearer to the camera's plane than this, which have no image, are taken as this far


@njit(cache=True, nogil=True, error_model="numpy")
def _depth(z: float) -> float:
    depth = -z
    if abs(depth) < CLOSEST:
        depth = CLOSEST if depth >= 0.0 else -CLOSEST
    return depth


@njit(cache=True, nogil=True, error_model="numpy")
def _project(points: Any, focal: Any, centre: Any, xy: Any, depth: Any) -> None:
    for b in range(points.shape[0]):
        for v in range(points.shape[1]):
            d = _depth(points[b, v, 2])
            scale = focal[b] / d
            xy[b, v, 0] = centre[b, 0] + scale * points[b, v, 0]
            xy[b, v, 1] = centre[b, 1] - scale * points[b, v, 1]
            depth[b, v] = d


@njit(cache=True, nogil=True, error_model="numpy")
def _project_gradient(
    points: Any, focal: Any, d_xy: Any, d_depth: Any, d_points: Any, d_focal: Any, d_centre: Any
) -> None:
    for b in range(points.shape[0]):
        for v in range(points.shape[1]):
            gx, gy, gd = d_xy[b, v, 0], d_xy[b, v, 1], d_depth[b, v]
            if gx == 0.0 and gy == 0.0 and gd == 0.0:  # also keeps NaN points, which nobody sees, out
                continue
            x, y, d = points[b, v, 0], points[b, v, 1], _depth(points[b, v, 2])
            scale = focal[b] / d
            slant = gx * (x / d) - gy * (y / d)
            d_points[b, v, 0] = gx * scale
            d_points[b, v, 1] = -gy * scale
            d_points[b, v, 2] = slant * scale - gd
            d_focal[b] += slant
            d_centre[b, 0] += gx
            d_centre[b, 1] += gy


def project(points: Floats, focal: Floats, centre: Floats) -> tuple[Floats, Floats]:
    """Pixels and depths of points in the camera frame (right-handed, y up, looking down -z).

    Args:
        points: (B, V, 3).
        focal: (B,) focal lengths in pixels.
        centre: (B, 2) principal points in pixels.

    Returns:
        xy (B, V, 2) in pixels and depth (B, V) = -z. Points behind the camera have negative depth and xy
        mirrored through the principal point, as the near plane of the rasteriser needs them; points within
        1e-6 of the camera's plane are taken as 1e-6 away.
    """
    dtype = float_type(points)
    p = checked(points, dtype, None, None, 3)
    f, c = checked(focal, dtype, len(p)), checked(centre, dtype, len(p), 2)
    xy, depth = np.empty((*p.shape[:2], 2), dtype), np.empty(p.shape[:2], dtype)
    _project(p, f, c, xy, depth)
    return xy, depth


def project_gradient(
    points: Floats, focal: Floats, d_xy: Floats, d_depth: Floats
) -> tuple[Floats, Floats, Floats]:
    """Gradients of `project`: with respect to points (B, V, 3), focal (B,) and centre (B, 2).

    ``d_xy`` (B, V, 2) and ``d_depth`` (B, V) are the derivatives of the loss with respect to its results.
    """
    dtype = float_type(points)
    p = checked(points, dtype, None, None, 3)
    f = checked(focal, dtype, len(p))
    gxy, gd = checked(d_xy, dtype, *p.shape[:2], 2), checked(d_depth, dtype, *p.shape[:2])
    d_points, d_focal, d_centre = np.zeros_like(p), np.zeros_like(f), np.zeros((len(p), 2), dtype)
    _project_gradient(p, f, gxy, gd, d_points, d_focal, d_centre)
    return d_points, d_focal, d_centre
