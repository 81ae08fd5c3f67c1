"""The texels of a head model's texture: which point of the surface each of them shows.

Computed once for a model and texture size and cached.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from headshot.arrays import F32, I32
from headshot.geometry.raster import rasterise
from headshot.kernels import njit
from headshot.models.head_model import HeadModel


class TexelMesh(NamedTuple):
    """The texels on the mesh, as kernels take them.

    Attributes:
        triangle: (T, T) triangle of the mesh that each texel lies on, -1 outside of the charts.
        barycentric: (T, T, 3) where on the triangle.
        triangles: (F, 3) vertex indices.
    """

    triangle: I32
    barycentric: F32
    triangles: I32


@dataclass(frozen=True, eq=False)
class Atlas:
    """Texels of a T x T texture.

    Attributes:
        mesh: where on the mesh each texel lies.
        count: (V,) number of texels each vertex stands for: the sum of its barycentric weights.
        gutter, source: (G,) flat indices of texels close to a chart, and of the chart texel nearest to each.
    """

    mesh: TexelMesh
    count: F32
    gutter: I32
    source: I32

    @property
    def triangle(self) -> I32:
        """(T, T) triangle of the mesh that each texel lies on, -1 outside of the charts."""
        return self.mesh.triangle

    @property
    def barycentric(self) -> F32:
        """(T, T, 3) where on the triangle."""
        return self.mesh.barycentric


@njit(cache=True, nogil=True, error_model="numpy")
def _dilate(nearest: I32, rounds: int, width: int) -> None:
    """Grow the charts: ``nearest`` (T * T,) holds each chart texel's own index, -1 elsewhere, and is filled
    with the index of the nearest chart texel for those within ``rounds`` steps."""
    total = nearest.shape[0]
    front, next_front = np.empty(total, np.int32), np.empty(total, np.int32)
    count = 0
    for n in range(width + 1, total - width - 1):  # charts do not touch the border
        if (
            nearest[n] >= 0
            and min(min(nearest[n - 1], nearest[n + 1]), min(nearest[n - width], nearest[n + width])) < 0
        ):
            front[count] = n
            count += 1
    for _ in range(rounds):
        grown = 0
        for k in range(count):
            n = front[k]
            x = n % width
            for side in range(4):
                if side == 0:
                    m = n + 1 if x < width - 1 else -1
                elif side == 1:
                    m = n - 1 if x > 0 else -1
                else:
                    m = n + width if side == 2 else n - width
                if 0 <= m < total and nearest[m] < 0:
                    nearest[m] = nearest[n]
                    next_front[grown] = m
                    grown += 1
        front, next_front, count = next_front, front, grown


@lru_cache(maxsize=2)
def atlas_of(model: HeadModel, size: int) -> Atlas:
    """Texels of the model's charts in a texture of size x size."""
    flat = np.ones(len(model.uv), np.float32)
    raster = rasterise(model.uv * np.float32(size), flat, model.triangles_uv, size, size, cull=False)
    inside = raster.triangle.ravel() >= 0
    nearest = np.where(inside, np.arange(size * size, dtype=np.int32), np.int32(-1))
    _dilate(nearest, max(4, size // 64), size)
    gutter = np.flatnonzero((nearest >= 0) & ~inside).astype(np.int32)
    count = np.zeros(len(model.mean))
    for first in range(0, size, 256):  # in parts: all at once takes a gigabyte at the largest size
        some = raster.triangle[first : first + 256]
        corners, weights = (
            model.triangles[some[some >= 0]],
            raster.barycentric[first : first + 256][some >= 0],
        )
        count += np.bincount(corners.ravel(), weights.ravel(), minlength=len(count))
    mesh = TexelMesh(raster.triangle, raster.barycentric, model.triangles)
    return Atlas(mesh, count.astype(np.float32), gutter, nearest[gutter])
