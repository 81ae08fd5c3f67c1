"""Error maps: a scan seen from front and side, coloured by its distance to a prediction."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image

from headshot.arrays import U8, Array
from headshot.geometry.camera import project_for_raster
from headshot.geometry.raster import interpolate, rasterise, vertex_normals
from headshot.render import view_camera

# Blue over white to red, distinct with red-green blindness; grey where nothing was measured.
_STOPS = np.array(
    [[0.23, 0.30, 0.75], [0.66, 0.78, 0.94], [0.95, 0.92, 0.85], [0.93, 0.56, 0.40], [0.70, 0.02, 0.15]]
)
_GREY = np.array([0.62, 0.62, 0.62])


def colours(errors: ArrayLike, limit: float) -> Array:
    """sRGB colours (N, 3) in [0, 1] of errors (N,) from 0 to ``limit``; grey where they are NaN."""
    e = np.asarray(errors, np.float64)
    known = np.isfinite(e)
    place = np.clip(np.where(known, e, 0.0) / limit, 0, 1) * (len(_STOPS) - 1)
    out = np.stack([np.interp(place, np.arange(len(_STOPS)), _STOPS[:, c]) for c in range(3)], axis=-1)
    out[~known] = _GREY
    return out


def error_map(
    vertices: ArrayLike, triangles: ArrayLike, errors: ArrayLike, limit: float = 5.0, size: int = 280
) -> bytes:
    """A PNG of a mesh from the front and from half the side.

    Args:
        vertices: (V, 3) in the head frame, mm.
        triangles: (F, 3).
        errors: (V,) mm, NaN where nothing was measured.
        limit: error that is shown red.
        size: height of the picture.
    """
    points, faces = np.asarray(vertices, np.float32), np.asarray(triangles, np.int32)
    known = np.isfinite(np.asarray(errors, np.float64))
    used = faces[known[faces].any(axis=1)]
    around = np.linalg.norm(points - points[known].mean(axis=0), axis=1) < 170  # scans have shoulders
    faces = faces[around[faces].all(axis=1)] if len(used) else faces
    fields = np.concatenate([vertex_normals(points, faces), colours(errors, limit)], axis=1)
    pictures = []
    for yaw in (0.0, 50.0):
        camera = view_camera(points[known] * [1.25, 1.25, 1.0], yaw, 0.0, size * 2)
        xy, depth = project_for_raster(points, camera)
        raster = rasterise(xy, depth, faces, size * 2, size * 2, cull=False)
        seen = interpolate(raster, fields.astype(np.float32), faces)
        normal = seen[..., :3] @ camera.rotation.T
        normal /= np.maximum(np.linalg.norm(normal, axis=-1, keepdims=True), 1e-6)
        light = 0.55 + 0.45 * np.abs(normal @ np.array([-0.3, 0.4, 0.87]))
        picture = np.where(raster.triangle[..., None] >= 0, seen[..., 3:] * light[..., None], 1.0)
        pictures.append(picture.reshape(size, 2, size, 2, 3).mean(axis=(1, 3)))
    stream = io.BytesIO()
    pixels: U8 = np.clip(np.concatenate(pictures, axis=1) * 255 + 0.5, 0, 255).astype(np.uint8)
    Image.fromarray(pixels).save(stream, format="PNG")
    return stream.getvalue()
