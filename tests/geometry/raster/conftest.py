"""Meshes and pictures that several tests of the rasteriser draw."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from headshot.geometry.raster import Raster, Topology
from headshot.geometry.raster.antialias import Silhouettes, antialias, antialias_gradient, find_silhouettes
from headshot.geometry.raster.batch import RasterSettings, interpolate_batch, rasterise_batch
from headshot.geometry.raster.gradients import interpolate_gradient, rasterise_gradient
from headshot.geometry.raster.projection import project, project_gradient

Mesh = tuple[np.ndarray, np.ndarray]


@pytest.fixture(scope="session")
def sphere() -> Callable[..., Mesh]:
    """Makes a closed unit sphere: vertices (V, 3) and outward counter-clockwise triangles (F, 3)."""

    def make(rows: int = 12, columns: int = 20) -> Mesh:
        t = np.linspace(0, np.pi, rows + 1)[1:-1]
        p = np.arange(columns) / columns * 2 * np.pi
        x, y, z = (
            np.outer(np.sin(t), np.sin(p)),
            np.outer(np.cos(t), p * 0 + 1),
            np.outer(np.sin(t), np.cos(p)),
        )
        vertices = np.vstack([np.stack([x, y, z], axis=-1).reshape(-1, 3), [[0, 1, 0], [0, -1, 0]]])
        i, j = (n.ravel() for n in np.mgrid[: rows - 2, :columns])
        a, b = i * columns + j, i * columns + (j + 1) % columns
        body = np.stack([a, a + columns, b + columns, a, b + columns, b], axis=1).reshape(-1, 3)
        j = np.arange(columns)
        k, top, last = (j + 1) % columns, np.full(columns, len(vertices) - 2), (rows - 2) * columns
        caps = np.vstack([np.stack([top, j, k], axis=1), np.stack([top + 1, last + k, last + j], axis=1)])
        return vertices.astype(np.float32), np.vstack([caps, body]).astype(np.int32)

    return make


@dataclass(frozen=True)
class Scene:
    """A mesh with colours in front of a plain background: picture and gradients, from camera space on.

    The picture is (B, H, W, 4): red, green, blue and depth (0 where empty), antialiased.
    """

    topology: Topology
    settings: RasterSettings
    focal: float
    background: Any = (0.1, -0.4, 0.7)

    def parts(
        self, points: np.ndarray, colours: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, Raster, np.ndarray, Silhouettes]:
        """xy, depth, raster, the picture before antialiasing, silhouettes."""
        xy, depth = project(points, *self.lens(points))
        raster = rasterise_batch(xy, depth, self.topology, self.settings)
        seen = raster.triangle >= 0
        surface = interpolate_batch(raster, colours, self.topology, self.settings.threads)
        behind = np.append(self.background, 0).astype(points.dtype)
        drawn = np.concatenate([surface, np.where(seen, raster.depth, 0)[..., None]], axis=-1)
        picture = np.where(seen[..., None], drawn, behind)
        return xy, depth, raster, picture, find_silhouettes(xy, depth, self.topology, raster, self.settings)

    def lens(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        batch, size = len(points), [self.settings.width / 2, self.settings.height / 2]
        return np.full(batch, self.focal, points.dtype), np.tile(np.array(size, points.dtype), (batch, 1))

    def render(self, points: np.ndarray, colours: np.ndarray) -> np.ndarray:
        *_, picture, silhouettes = self.parts(points, colours)
        return antialias(picture, silhouettes)

    def gradients(
        self, points: np.ndarray, colours: np.ndarray, d_picture: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Of points (B, V, 3) and colours (B, V, 3)."""
        xy, depth, raster, picture, silhouettes = self.parts(points, colours)
        d_picture, moved = antialias_gradient(picture, silhouettes, d_picture)
        d_picture = np.where(raster.triangle[..., None] >= 0, d_picture, 0).astype(points.dtype)
        d_colours, d_weights = interpolate_gradient(raster, colours, self.topology, d_picture[..., :3])
        d_xy, d_depth = rasterise_gradient(
            xy, depth, self.topology, raster, d_weights, d_picture[..., 3], self.settings.threads
        )
        d_points, _, _ = project_gradient(points, self.lens(points)[0], d_xy + moved, d_depth)
        return d_points, d_colours


@pytest.fixture(scope="session")
def scene() -> type[Scene]:
    return Scene
