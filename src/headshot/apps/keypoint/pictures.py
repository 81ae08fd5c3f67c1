"""Pictures of a fitted face: with the photo's colours from another side, and as grey clay."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from headshot.arrays import I32, U8
from headshot.geometry.camera import Camera
from headshot.geometry.raster import interpolate, rasterise, vertex_normals
from headshot.geometry.view import raster_view
from headshot.photo_colours import PhotoSurface


def paint(surface: PhotoSurface, camera: Camera, supersample: int = 2, backdrop: int = 240) -> U8:
    """Picture (H, W, 3) uint8 of the surface with the photo's colours, from another side."""
    s = supersample
    large = camera.resized(s)
    xy, depth = raster_view(large, surface.vertices)
    raster = rasterise(
        xy.astype(np.float32), depth.astype(np.float32), surface.triangles, large.height, large.width
    )
    attributes = np.column_stack([surface.vertices, surface.seen, surface.colours]).astype(np.float32)
    values = interpolate(raster, attributes, surface.triangles)
    covered = raster.triangle >= 0
    out = np.full((*covered.shape, 3), backdrop / 255, np.float32)
    found = values[covered]
    out[covered] = surface.at(found[:, :3], found[:, 3], found[:, 4:])
    out = out.reshape(camera.height, s, camera.width, s, 3).mean(axis=(1, 3))
    return np.asarray(np.round(np.clip(out, 0, 1) * 255), np.uint8)


def clay(
    vertices: ArrayLike, triangles: I32, camera: Camera, supersample: int = 2, backdrop: int = 240
) -> U8:
    """Picture (H, W, 3) uint8 of a grey surface, lit from the camera and a little from above."""
    s = supersample
    large = camera.resized(s)
    xy, depth = raster_view(large, vertices)
    raster = rasterise(xy.astype(np.float32), depth.astype(np.float32), triangles, large.height, large.width)
    normals = vertex_normals(np.asarray(vertices, np.float32), triangles) @ camera.rotation.T.astype(
        np.float32
    )
    shown = interpolate(raster, normals, triangles)
    light = np.array([-0.25, 0.35, 0.9], np.float32)
    light /= np.linalg.norm(light)
    value = 0.25 + 0.6 * np.clip(shown @ light, 0, 1)
    grey = np.where(raster.triangle >= 0, value, backdrop / 255)
    grey = grey.reshape(camera.height, s, camera.width, s).mean(axis=(1, 3))
    return np.repeat(np.round(grey * 255).astype(np.uint8)[:, :, None], 3, axis=2)
