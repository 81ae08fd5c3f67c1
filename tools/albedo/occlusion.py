"""How much light from all around reaches each point of the mean head: ambient occlusion by rasterising."""

from __future__ import annotations

import numpy as np

from headshot.geometry.raster import rasterise, vertex_normals
from headshot.models.head_model import HeadModel

DIRECTIONS = 400
PIXELS = 400  # along the head
TOLERANCE = 1.5  # mm


def reach(model: HeadModel) -> np.ndarray:
    """Share (V,) of cosine-weighted light from all around that reaches each vertex, in [0, 1]."""
    normals = vertex_normals(model.mean, model.triangles)
    points = model.mean - model.mean.mean(axis=0)
    radius = np.linalg.norm(points, axis=1).max()
    scale = PIXELS / (2.05 * radius)
    k = np.arange(DIRECTIONS) + 0.5
    z, turn = 1 - 2 * k / DIRECTIONS, np.pi * (1 + np.sqrt(5)) * k
    every = np.stack([np.sqrt(1 - z * z) * np.cos(turn), np.sqrt(1 - z * z) * np.sin(turn), z], axis=1)
    seen, total = np.zeros(len(points)), np.zeros(len(points))
    for towards in every:
        up = np.eye(3)[np.abs(towards).argmin()]
        right = np.cross(up, towards)
        right /= np.linalg.norm(right)
        up = np.cross(towards, right)
        xy = np.stack([points @ right, -points @ up], axis=1) * scale + PIXELS / 2
        distance = 2 * radius - points @ towards
        raster = rasterise(
            xy.astype(np.float32), distance.astype(np.float32), model.triangles, PIXELS, PIXELS, cull=False
        )
        cosine = normals @ towards
        facing = cosine > 0
        column, row = np.clip(xy.astype(int), 0, PIXELS - 1).T
        slope = np.sqrt(np.maximum(1 - cosine**2, 0)) / np.maximum(cosine, 0.05) / scale
        free = distance < raster.depth[row, column] + TOLERANCE + slope
        seen += np.where(facing & free, cosine, 0)
        total += np.where(facing, cosine, 0)
    return seen / np.maximum(total, 1e-9)
