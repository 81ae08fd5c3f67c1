"""Batches and threads give what single pictures give."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from headshot.geometry.raster import Topology, interpolate, rasterise, sample, vertex_normals
from headshot.geometry.raster.batch import (
    RasterSettings,
    for_each,
    interpolate_batch,
    rasterise_batch,
    sample_batch,
    vertex_normals_batch,
)
from headshot.geometry.raster.projection import project


@pytest.mark.parametrize("threads", [1, 3])
def test_like_one_by_one(threads: int, sphere: Callable[..., Any]) -> None:
    rng = np.random.default_rng(0)
    ball, triangles = sphere()
    topology = Topology(triangles, len(ball))
    points = (ball * rng.uniform(0.5, 1.2, (5, 1, 3)) - [0, 0, 4]).astype(np.float32)
    xy, depth = project(points, np.full(5, 60.0), np.tile([20.0, 16.0], (5, 1)))
    colours = rng.uniform(size=points.shape).astype(np.float32)
    raster = rasterise_batch(xy, depth, topology, RasterSettings(32, 40, threads=threads))
    picture = interpolate_batch(raster, colours, topology, threads)
    normals = vertex_normals_batch(points, topology, threads)
    samples = sample_batch(picture, xy, threads)
    for b in range(5):
        alone = rasterise(xy[b], depth[b], triangles, 32, 40)
        np.testing.assert_array_equal(raster.triangle[b], alone.triangle)
        np.testing.assert_array_equal(raster.barycentric[b], alone.barycentric)
        np.testing.assert_array_equal(raster.depth[b], alone.depth)
        np.testing.assert_array_equal(picture[b], interpolate(alone, colours[b], topology))
        np.testing.assert_array_equal(normals[b], vertex_normals(points[b], triangles))
        np.testing.assert_array_equal(samples[b], sample(picture[b], xy[b]))


def test_an_empty_batch() -> None:
    topology, settings = Topology([[0, 1, 2]], 3), RasterSettings(4, 5)
    raster = rasterise_batch(np.zeros((0, 3, 2)), np.zeros((0, 3)), topology, settings)
    assert interpolate_batch(raster, np.zeros((0, 3, 2)), topology).shape == (0, 4, 5, 2)


def test_errors_reach_the_caller() -> None:
    def fail(item: int) -> None:
        raise ValueError(f"item {item}")

    with pytest.raises(ValueError, match="item 0"):
        for_each(fail, 3, 2)
