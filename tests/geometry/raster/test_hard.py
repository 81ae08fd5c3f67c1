"""Rasterisation against an independent ray caster and closed forms."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from headshot.geometry.raster import Topology, interpolate, rasterise
from headshot.geometry.raster.projection import project as project_points


def project(points: np.ndarray, focal: float, size: int) -> tuple[np.ndarray, np.ndarray]:
    depth = -points[:, 2]
    xy = size / 2 + focal * points[:, :2] * [1, -1] / depth[:, None]
    return xy.astype(np.float32), depth.astype(np.float32)


def cast_rays(
    points: np.ndarray, triangles: np.ndarray, focal: float, size: int, near: float = 0.0, cull: bool = True
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Nearest hit beyond ``near`` of each pixel's ray in 3D (Moeller and Trumbore 1997), plain NumPy."""
    best = np.full((size, size), np.inf)
    index = np.full((size, size), -1)
    weights = np.zeros((size, size, 3))
    y, x = np.mgrid[:size, :size] + 0.5
    rays = np.stack([(x - size / 2) / focal, -(y - size / 2) / focal, -np.ones_like(x)], axis=-1)
    for n, (a, b, c) in enumerate(points[triangles].astype(np.float64)):
        edge1, edge2 = b - a, c - a
        normal = np.cross(edge1, edge2)
        with np.errstate(divide="ignore", invalid="ignore"):
            distance = normal @ a / (rays @ normal)
        hit = distance[..., None] * rays - a
        v = np.einsum("...i,i->...", np.cross(hit, edge2), normal) / (normal @ normal)
        w = np.einsum("...i,i->...", np.cross(edge1, hit), normal) / (normal @ normal)
        inside = (v >= 0) & (w >= 0) & (v + w <= 1) & (distance > near) & (distance < best)
        if cull:
            inside &= rays @ normal < 0
        best[inside], index[inside] = distance[inside], n
        weights[inside] = np.stack([1 - v - w, v, w], axis=-1)[inside]
    return index, weights, best


def test_agrees_with_ray_casting(sphere: Callable[..., Any]) -> None:
    rng = np.random.default_rng(0)
    ball, triangles = sphere()
    ball = ball * [1.0, 1.3, 0.8] @ np.linalg.qr(rng.normal(size=(3, 3)))[0]
    if np.linalg.det(ball[triangles[0]]) < 0:  # the orthogonal matrix may mirror
        triangles = triangles[:, ::-1]
    other = ball * 0.4 + [0.2, 0.1, 1.2]
    points = np.vstack([ball, other]) + [0.05, -0.03, -4.0]
    faces = np.vstack([triangles, triangles + len(ball)])
    xy, depth = project(points, 90.0, 64)
    raster = rasterise(xy, depth, faces, 64, 64)
    index, weights, distance = cast_rays(points, faces, 90.0, 64)
    assert (index >= 0).sum() > 1000
    differing = raster.triangle != index
    assert differing.mean() < 0.002  # rays that hit an edge to within float32 rounding
    same = ~differing & (index >= 0)
    np.testing.assert_allclose(raster.depth[same], distance[same], rtol=1e-5)
    np.testing.assert_allclose(raster.barycentric[same], weights[same], atol=2e-3)
    np.testing.assert_allclose(raster.barycentric[same].sum(axis=-1), 1, atol=1e-6)
    empty = raster.triangle < 0
    assert np.isinf(raster.depth[empty]).all() and (raster.barycentric[empty] == 0).all()


@pytest.mark.parametrize("cull, near", [(True, 0.5), (False, 0.5), (True, 0.0), (False, 0.0)])
def test_triangles_are_clipped_at_the_near_plane(cull: bool, near: float) -> None:
    # Long triangles all around the camera, most of which reach behind it.
    rng = np.random.default_rng(4)
    points = rng.normal(size=(60, 3, 3)) * [3, 3, 2] - [0, 0, 1.5]
    faces = np.arange(180, dtype=np.int32).reshape(-1, 3)
    z = points[..., 2]
    assert ((z.max(axis=1) > 0) & (z.min(axis=1) < -0.5)).sum() > 20
    points = points.reshape(-1, 3)
    xy, depth = project_points(points[None].astype(np.float32), np.array([40.0]), np.array([[32, 32]]))
    raster = rasterise(xy[0], depth[0], faces, 64, 64, cull=cull, near=near)
    index, weights, distance = cast_rays(points, faces, 40.0, 64, near, cull)
    assert (index >= 0).mean() > 0.5
    differing = raster.triangle != index
    assert differing.mean() < 0.01
    same = ~differing & (index >= 0)
    np.testing.assert_allclose(raster.depth[same], distance[same], rtol=2e-3)
    np.testing.assert_allclose(raster.barycentric[same], weights[same], atol=5e-3)
    assert raster.depth.min() > near
    clipped = np.isin(raster.triangle, np.nonzero((z > -near).any(axis=1))[0])
    assert (same & clipped).sum() > 100


def test_a_closed_mesh_around_the_camera_has_neither_gaps_nor_double_hits(
    sphere: Callable[..., Any],
) -> None:
    ball, triangles = sphere()
    points = (ball * [3, 1, 2] + [0.2, 0.1, 0.3]).astype(np.float32)
    xy, depth = project_points(points[None], np.array([20.0]), np.array([[24, 24]]))
    hits = np.zeros((48, 48), int)
    for face in triangles:
        hits += rasterise(xy[0], depth[0], [face], 48, 48, cull=False, near=1e-3).triangle >= 0
    assert (hits == 1).all()


def test_shared_edges_have_neither_gaps_nor_double_hits() -> None:
    # A grid of squares whose corners and diagonals lie exactly on pixel centres, and a random fan.
    xs = np.arange(0.5, 17, 2.0)
    grid = np.stack(np.meshgrid(xs, xs), axis=-1).reshape(-1, 2)
    n = len(xs)
    squares = [
        t
        for i in range(n - 1)
        for j in range(n - 1)
        for a in [i * n + j]
        for t in ([a, a + n, a + n + 1], [a, a + n + 1, a + 1])
    ]
    rng = np.random.default_rng(1)
    angles = np.sort(rng.uniform(0, 2 * np.pi, 60))[::-1]
    fan = np.vstack([[16.5, 16.5], 16.5 + 40 * np.stack([np.cos(angles), np.sin(angles)], axis=1)])
    wedges = [[0, 1 + k, 1 + (k + 1) % 60] for k in range(60)]
    for points, faces, full in ((grid, squares, (slice(1, 16),) * 2), (fan, wedges, (slice(None),) * 2)):
        hits = np.zeros((33, 33), int)
        for face in faces:
            hits += rasterise(points, np.ones(len(points)), [face], 33, 33).triangle >= 0
        assert hits.max() == 1
        assert (hits[full] == 1).all()


def test_interpolation_is_perspective_correct() -> None:
    # A floor receding from depth 1 to 9: halfway up the picture one is far from halfway along the floor.
    points = np.array([[-1, -1, -1], [1, -1, -1], [1, -1, -9], [-1, -1, -9]], float)
    xy, depth = project(points, 32.0, 64)
    raster = rasterise(xy, depth, [[0, 1, 2], [0, 2, 3]], 64, 64)
    world = interpolate(raster, points, [[0, 1, 2], [0, 2, 3]])
    y, x = np.nonzero(raster.triangle >= 0)
    assert len(y) > 500
    true_depth = 32.0 / (y + 0.5 - 32)  # a floor at y = -1 seen at row y is this far away
    np.testing.assert_allclose(-world[y, x, 2], true_depth, rtol=1e-4)
    np.testing.assert_allclose(raster.depth[y, x], true_depth, rtol=1e-4)
    np.testing.assert_allclose(world[y, x, 0], (x + 0.5 - 32) / 32 * true_depth, atol=1e-4)


def test_the_order_of_triangles_does_not_matter(sphere: Callable[..., Any]) -> None:
    ball, triangles = sphere(20, 30)
    xy, depth = project(ball - [0, 0, 3], 80.0, 96)
    order = np.random.default_rng(2).permutation(len(triangles))
    one, two = rasterise(xy, depth, triangles, 96, 96), rasterise(xy, depth, triangles[order], 96, 96)
    seen = one.triangle >= 0
    np.testing.assert_array_equal(seen, two.triangle >= 0)
    np.testing.assert_array_equal(one.triangle[seen], order[two.triangle[seen]])
    np.testing.assert_array_equal(one.depth, two.depth)
    np.testing.assert_array_equal(one.barycentric, two.barycentric)


def test_culling() -> None:
    square = np.array([[4, 4], [4, 28], [28, 28], [28, 4]], float)
    front, back = [[0, 1, 2], [0, 2, 3]], [[0, 2, 1], [0, 3, 2]]
    depth = np.array([2.0, 3.0, 4.0, 3.0])
    assert (rasterise(square, depth, front, 32, 32).triangle >= 0).sum() == 24 * 24
    assert (rasterise(square, depth, back, 32, 32).triangle >= 0).sum() == 0
    one, two = (rasterise(square, depth, faces, 32, 32, cull=False) for faces in (front, back))
    np.testing.assert_array_equal(one.depth, two.depth)
    # Whichever side is seen, weights belong to the triangle's corners in the order given.
    np.testing.assert_allclose(
        interpolate(one, square, front)[8, 8], interpolate(two, square, back)[8, 8], atol=1e-5
    )
    np.testing.assert_allclose(
        interpolate(two, np.column_stack([depth]), back)[8, 8], two.depth[8, 8], rtol=1e-6
    )


def test_hopeless_triangles_are_left_out() -> None:
    good = [[2, 2], [2, 14], [14, 14]]
    bad = [
        ([[2, 2], [8, 8], [14, 14]], [1, 1, 1]),  # no area
        ([[5, 5], [5, 5], [5, 5]], [1, 1, 1]),
        ([[2, 2], [2, np.nan], [14, 14]], [1, 1, 1]),
        ([[2, 2], [2, np.inf], [14, 14]], [1, 1, 1]),
        ([[-1e30, 2], [2, 1e38], [3e38, -3e38]], [1, 1, np.nan]),
        (good, [-1, -1, -0.5]),  # behind the camera
        (good, [1, 0, 1]),
        (good, [1, np.nan, 1]),
        (good, [np.inf, np.nan, -np.inf]),
        ([[100, 100], [100, 200], [200, 200]], [1, 1, 1]),  # outside
    ]
    for xy, depth in bad:
        raster = rasterise(xy, depth, [[0, 1, 2]], 16, 16, cull=False)
        assert (raster.triangle == -1).all() and not np.isnan(raster.barycentric).any()
    assert (rasterise(good, [1, 1, 1], [[0, 1, 2]], 16, 16).triangle == 0).any()
    assert (rasterise(good, [1, 1, 1], [[0, 1, 2]], 16, 16, near=1.0).triangle == -1).all()
    assert (rasterise(np.zeros((0, 2)), [], np.zeros((0, 3), int), 4, 4).triangle == -1).all()


@pytest.mark.parametrize(
    "xy, depth, triangles, message",
    [
        (np.zeros((3, 3)), np.ones(3), [[0, 1, 2]], "xy"),
        (np.zeros((3, 2)), np.ones(4), [[0, 1, 2]], "depth"),
        (np.zeros((3, 2)), np.ones(3), [[0, 1, 3]], "0..3"),
        (np.zeros((3, 2)), np.ones(3), [[-1, 1, 2]], "-1..2"),
        (np.zeros((3, 2)), np.ones(3), [[0, 1]], "(F, 3)"),
        (np.zeros((3, 2)), np.ones(3), Topology([[0, 1, 3]], 4), "4 vertices"),
    ],
)
def test_wrong_shapes_are_refused(xy, depth, triangles, message) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=re.escape(message)):
        rasterise(xy, depth, triangles, 8, 8)
