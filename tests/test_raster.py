"""Rasterisation against an independent ray caster and closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from headshot.raster import interpolate, rasterise, sample, vertex_normals


def sphere(rows: int = 12, columns: int = 20) -> tuple[np.ndarray, np.ndarray]:
    """A closed unit sphere: vertices and outward counter-clockwise triangles."""
    t = np.linspace(0, np.pi, rows + 1)[1:-1]
    p = np.arange(columns) / columns * 2 * np.pi
    ring = np.stack(
        [
            np.outer(np.sin(t), np.sin(p)),
            np.repeat(np.cos(t)[:, None], columns, 1),
            np.outer(np.sin(t), np.cos(p)),
        ],
        axis=-1,
    ).reshape(-1, 3)
    vertices = np.vstack([ring, [[0, 1, 0], [0, -1, 0]]])
    top, bottom = len(ring), len(ring) + 1
    triangles = []
    for j in range(columns):
        k = (j + 1) % columns
        triangles += [[top, j, k], [bottom, (rows - 2) * columns + k, (rows - 2) * columns + j]]
        for i in range(rows - 2):
            a, b, c, d = i * columns + j, i * columns + k, (i + 1) * columns + j, (i + 1) * columns + k
            triangles += [[a, c, d], [a, d, b]]
    return vertices.astype(np.float32), np.array(triangles, np.int32)


def project(points: np.ndarray, focal: float, size: int) -> tuple[np.ndarray, np.ndarray]:
    depth = -points[:, 2]
    xy = size / 2 + focal * points[:, :2] * [1, -1] / depth[:, None]
    return xy.astype(np.float32), depth.astype(np.float32)


def cast_rays(
    points: np.ndarray, triangles: np.ndarray, focal: float, size: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Nearest front-facing hit of each pixel's ray in 3D (Moeller and Trumbore 1997), plain NumPy."""
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
        inside = (v >= 0) & (w >= 0) & (v + w <= 1) & (rays @ normal < 0) & (distance < best)
        best[inside], index[inside] = distance[inside], n
        weights[inside] = np.stack([1 - v - w, v, w], axis=-1)[inside]
    return index, weights, best


def test_agrees_with_ray_casting() -> None:
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


def test_the_order_of_triangles_does_not_matter() -> None:
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
    ],
)
def test_wrong_shapes_are_refused(xy, depth, triangles, message) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=message):
        rasterise(xy, depth, triangles, 8, 8)


def test_sampling_is_bilinear_and_clamped() -> None:
    y, x = np.mgrid[:6, :9] + 0.5
    plane = np.stack([2 * x + 3 * y, x * y], axis=-1).astype(np.float32)  # bilinear functions are exact
    points = np.random.default_rng(3).uniform([0.5, 0.5], [8.5, 5.5], (200, 2))
    expected = np.stack([2 * points[:, 0] + 3 * points[:, 1], points[:, 0] * points[:, 1]], axis=1)
    np.testing.assert_allclose(sample(plane, points), expected, rtol=1e-5)
    np.testing.assert_allclose(sample(plane, [[-50, -50], [99, 99]]), plane[[0, -1], [0, -1]])
    assert np.isnan(sample(plane, [[np.nan, 1]])).all()
    bytes_ = np.array([[[0], [255]]], np.uint8)
    np.testing.assert_allclose(sample(bytes_, [[0.5, 0.5], [1.0, 0.5], [1.25, 0.5]])[:, 0], [0, 0.5, 0.75])


def test_vertex_normals() -> None:
    ball, triangles = sphere(40, 60)
    normals = vertex_normals(ball, triangles)
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1, atol=1e-5)
    assert (normals * ball).sum(axis=1).min() > 0.998
    lonely = vertex_normals(np.vstack([ball, [[9, 9, 9]]]), triangles)
    assert (lonely[-1] == 0).all()
