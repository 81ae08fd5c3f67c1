"""Gradients of visibility: finite differences, areas in closed form, hidden silhouettes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from headshot.geometry.raster import Topology
from headshot.geometry.raster.antialias import antialias, antialias_gradient, find_silhouettes
from headshot.geometry.raster.batch import RasterSettings, rasterise_batch


def coverage(
    xy: np.ndarray, depth: np.ndarray, topology: Topology, settings: RasterSettings
) -> tuple[np.ndarray, np.ndarray]:
    """The antialiased silhouette (B, H, W) and the gradient (B, V, 2) of the area that it covers."""
    raster = rasterise_batch(xy, depth, topology, settings)
    mask = (raster.triangle >= 0)[..., None].astype(xy.dtype)
    silhouettes = find_silhouettes(xy, depth, topology, raster, settings)
    return antialias(mask, silhouettes)[..., 0], antialias_gradient(mask, silhouettes, np.ones_like(mask))[1]


@pytest.mark.parametrize("cull", [True, False])
def test_finite_differences(cull: bool, sphere: Callable[..., Any], scene: Any) -> None:
    # A ball before part of another, neither round, colours at random: silhouettes against the background
    # and against the other ball.
    rng = np.random.default_rng(0)
    ball, triangles = sphere(6, 9)
    count = len(ball)
    points = np.vstack([ball, ball * 0.4 + [0.4, 0.2, 1.3]]) + rng.normal(size=(2 * count, 3)) * 0.03
    points = np.stack([points, points @ np.linalg.qr(rng.normal(size=(3, 3)))[0]]) - [0, 0, 4]
    topology = Topology(np.vstack([triangles, triangles + count]), 2 * count)
    view = scene(topology, RasterSettings(30, 34, cull=cull, threads=2), 40.0)
    colours = rng.uniform(size=points.shape)
    d_picture = rng.normal(size=(2, 30, 34, 4))
    *_, silhouettes = view.parts(points, colours)
    assert len(silhouettes.inner) > 100
    d_points, d_colours = view.gradients(points, colours, d_picture)

    def slope(direction: np.ndarray, step: float = 1e-7) -> float:
        ahead, behind = (view.render(points + s * step * direction, colours) for s in (1, -1))
        return float(((ahead - behind) * d_picture).sum()) / (2 * step)

    wrong = 0
    for vertex in rng.permutation(2 * count)[:40]:
        direction = np.zeros_like(points)
        direction[:, vertex] = rng.normal(size=(2, 3))
        expected = (d_points * direction).sum()
        wrong += abs(slope(direction) - expected) > 1e-4 * (1 + abs(expected))
    assert wrong == 0
    brighter = view.render(points, colours + 1e-6) - view.render(points, colours)
    np.testing.assert_allclose((brighter * d_picture).sum() / 1e-6, d_colours.sum(), rtol=1e-6)


def test_the_picture_has_no_jumps(sphere: Callable[..., Any]) -> None:
    # Along a path, the area of point samples jumps by whole pixels; antialiased, it follows the gradient.
    ball, triangles = sphere(8, 11)
    topology, settings = Topology(triangles, len(ball)), RasterSettings(40, 40)
    areas, pixels, slopes = [], [], []
    steps = np.linspace(0, 1, 400)
    for s in steps:
        xy = (20 + (11 + 3 * s) * ball[None, :, :2] * [1, -1] + [0.7 * s, 0.4 * s]).astype(np.float64)
        depth = 4 - ball[None, :, 2].astype(np.float64)
        mask, d_xy = coverage(xy, depth, topology, settings)
        areas.append(mask.sum())
        pixels.append((rasterise_batch(xy, depth, topology, settings).triangle >= 0).sum())
        slopes.append((d_xy * (3 * ball[:, :2] * [1, -1] + [0.7, 0.4])).sum())
    predicted = np.cumsum((np.array(slopes[1:]) + slopes[:-1]) / 2) * (steps[1] - steps[0])
    measured = np.array(areas[1:]) - areas[0]
    assert np.abs(measured - predicted).max() < 0.01 * measured[-1]
    # A row's crossing vanishes whole where its edge ends, so small jumps remain; whole pixels are gone.
    assert np.abs(np.diff(areas)).max() < 0.35 * np.abs(np.diff(pixels)).max()


def test_the_side_of_a_square() -> None:
    xy = np.array([[[4.2, 4.0], [4.2, 28.0], [20.7, 28.0], [20.7, 4.0]]])
    topology, settings = Topology([[0, 1, 2], [0, 2, 3]], 4), RasterSettings(32, 32)
    mask, d_xy = coverage(xy, np.full((1, 4), 2.0), topology, settings)
    np.testing.assert_allclose(mask[0, 10, [3, 4, 5, 19, 20, 21]], [0, 0.8, 1, 1, 0.7, 0], atol=1e-12)
    np.testing.assert_allclose(mask.sum(), 24 * 16.5)
    # Area = width x height: 24 pixels for every pixel that the right side moves, shared by its ends.
    np.testing.assert_allclose(d_xy[0, 2:].sum(axis=0)[0], 24)
    np.testing.assert_allclose(d_xy[0, :2].sum(axis=0)[0], -24)


@pytest.mark.parametrize("rows", [12, 134])
def test_the_area_of_a_ball_with_large_and_with_tiny_triangles(rows: int, sphere: Callable[..., Any]) -> None:
    # 71,000 triangles at 100 pixels: those at the silhouette are far narrower than a pixel.
    ball, triangles = sphere(rows, 2 * rows)
    topology, settings = Topology(triangles, len(ball)), RasterSettings(112, 112)
    xy, depth = 56 + 50 * ball[None, :, :2], 4 - ball[None, :, 2]
    xy[..., 1] = 112 - xy[..., 1]
    mask, d_xy = coverage(xy.astype(np.float32), depth, topology, settings)
    np.testing.assert_allclose(mask.sum(), np.pi * 50**2, rtol=0.03 if rows == 12 else 0.002)
    grown = (d_xy[0] * ball[:, :2] * [1, -1]).sum()
    np.testing.assert_allclose(grown, 2 * np.pi * 50, rtol=0.03 if rows == 12 else 0.005)


def test_hidden_silhouettes_do_nothing(sphere: Callable[..., Any]) -> None:
    ball, triangles = sphere()
    topology = Topology(np.vstack([triangles, triangles + len(ball)]), 2 * len(ball))
    xy = np.vstack([32 + 28 * ball[:, :2] * [1, -1], 32 + 9 * ball[:, :2] * [1, -1]])[None]
    for behind in (True, False):
        depth = np.concatenate([4 - ball[:, 2], (8 if behind else 2) - ball[:, 2]])[None].astype(np.float32)
        settings = RasterSettings(64, 64)
        raster = rasterise_batch(xy.astype(np.float32), depth, topology, settings)
        silhouettes = find_silhouettes(xy.astype(np.float32), depth, topology, raster, settings)
        of_small = (silhouettes.ends >= len(ball)).all(axis=1)
        assert of_small.any() != behind and (~of_small).any()


def test_a_surface_goes_on_across_its_edges() -> None:
    # A plane of two triangles of different colour: the edge between them is no silhouette.
    xy = np.array([[[4.2, 4.0], [4.2, 28.0], [20.7, 28.0], [20.7, 4.0]]])
    topology, settings = Topology([[0, 1, 2], [0, 2, 3]], 4), RasterSettings(32, 32)
    depth = np.full((1, 4), 2.0)
    raster = rasterise_batch(xy, depth, topology, settings)
    silhouettes = find_silhouettes(xy, depth, topology, raster, settings)
    assert not {frozenset(e) for e in silhouettes.ends.tolist()} & {frozenset((0, 2))}
