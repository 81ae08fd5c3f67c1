"""Rays against meshes: closed forms, and every ray against every triangle."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from headshot.arrays import F32, I32, Array
from headshot.geometry.raster import vertex_normals
from headshot.geometry.rays import BoundingVolumes, build, closest, occluded, visible
from headshot.models.head_model import load_head_model

SQUARE = np.array([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]], np.float32)
TWO = np.array([[0, 1, 2], [0, 2, 3]], np.int32)


def brute_force(vertices: F32, triangles: I32, origins: F32, directions: F32) -> tuple[I32, Array]:
    """Nearest triangle and distance of each ray, by Moeller and Trumbore's formula in float64."""
    hit, distance = np.full(len(origins), -1, np.int32), np.full(len(origins), np.inf)
    a, b, c = (vertices[triangles[:, k]].astype(float) for k in range(3))
    with np.errstate(all="ignore"):
        for r, (o, d) in enumerate(zip(origins.astype(float), directions.astype(float), strict=True)):
            across = np.cross(d, c - a)
            scale = (across * (b - a)).sum(axis=1)
            u = ((o - a) * across).sum(axis=1) / scale
            other = np.cross(o - a, b - a)
            v, t = (other @ d) / scale, (other * (c - a)).sum(axis=1) / scale
            inside = (u >= 0) & (v >= 0) & (u + v <= 1) & (t >= 0)
            if inside.any():
                t = np.where(inside, t, np.inf)
                hit[r], distance[r] = t.argmin(), t.min()
    return hit, distance


def without_tree(volumes: BoundingVolumes) -> BoundingVolumes:
    """A tree whose boxes leave nothing out."""
    boxes = np.repeat([[-9e9], [9e9]], 3, axis=0).reshape(6, 1) * np.ones((len(volumes.boxes), 1, 16))
    there = volumes.boxes[:, :1] < volumes.boxes[:, 3:4]
    return replace(volumes, boxes=np.where(there, boxes, volumes.boxes).astype(np.float32))


def rays(count: int, seed: int) -> tuple[F32, F32]:
    """From all around towards all of a head, and every eighth along an axis."""
    rng = np.random.default_rng(seed)
    origins = rng.normal(size=(count, 3)) * 250
    directions = rng.uniform(-100, 100, (count, 3)) - origins
    axis = np.arange(0, count, 8)
    directions[axis] = np.eye(3)[axis % 3] * np.where(axis % 16, 1, -1)[:, None]
    origins[axis] = rng.uniform(-90, 90, (len(axis), 3))
    return origins.astype(np.float32), directions.astype(np.float32)


def test_closed_forms() -> None:
    square = build(SQUARE, TWO)
    origins = np.array([[0.5, 0.25, 3], [0.5, 0.25, -3], [2, 0, 3], [0.5, 0.25, 3]], np.float32)
    directions = np.array([[0, 0, -1], [0, 0, 2], [0, 0, -1], [0, 0, 1]], np.float32)
    hits = closest(square, origins, directions)
    np.testing.assert_array_equal(hits.triangle, [0, 0, -1, -1])
    np.testing.assert_array_equal(hits.distance, [3, 1.5, np.inf, np.inf])
    np.testing.assert_array_equal(occluded(square, origins, directions), [True, True, False, False])
    np.testing.assert_array_equal(
        occluded(square, origins, directions, far=[2.9, 1.6, 9, 9]), [False, True, False, False]
    )
    assert not occluded(square, origins[0], directions[0], near=3.1)[0]
    assert closest(square, np.empty((0, 3)), np.empty((0, 3))).triangle.shape == (0,)
    # A direction of 0 components between the triangles of a plane that it lies in hits nothing.
    assert not occluded(square, [[-3, 0.5, 0]], [[1, 0, 0]])[0]


def test_every_ray_against_every_triangle_of_a_head() -> None:
    model = load_head_model("low")
    volumes = build(model.mean, model.triangles)
    origins, directions = rays(4000, 1)
    found = closest(volumes, origins, directions, threads=2)
    every = closest(without_tree(volumes), origins, directions)
    np.testing.assert_array_equal(found.triangle, every.triangle)
    np.testing.assert_array_equal(found.distance, every.distance)
    hits = found.triangle >= 0
    np.testing.assert_array_equal(occluded(volumes, origins, directions, threads=2), hits)
    some = slice(0, 4000, 10)
    hit, distance = brute_force(model.mean, model.triangles, origins[some], directions[some])
    np.testing.assert_array_equal(hit >= 0, hits[some])
    assert 150 < (hit >= 0).sum() < 350 and (found.triangle[some] == hit).mean() > 0.99  # but for edges
    length = np.linalg.norm(directions[some], axis=1)[hit >= 0]
    away = (found.distance[some][hit >= 0] - distance[hit >= 0]) * length
    assert np.abs(away).max() < 1e-3, "mm"


def test_nothing_slips_between_triangles() -> None:
    """From the middle of a closed surface every ray hits, aimed at corners and edges above all."""
    rng = np.random.default_rng(2)
    points, triangles = sphere(24)
    volumes = build(points, triangles)
    middle = rng.uniform(-0.2, 0.2, 3).astype(np.float32)
    edges = points[triangles[:, [0, 1, 2]]] + points[triangles[:, [1, 2, 0]]]
    some = points[triangles].reshape(-1, 3) * 3 + edges.reshape(-1, 3)
    aims = np.concatenate([points, edges.reshape(-1, 3) / 2, some / 5]) - middle
    assert occluded(volumes, middle, aims).all()
    assert (closest(volumes, middle, aims).triangle >= 0).all()
    assert visible(volumes, middle[None], [[0, 0, 1]], aims[aims[:, 2] > 0]).sum() == 0


def test_what_points_see() -> None:
    """`visible` says what `occluded` says of the directions above the horizon."""
    model = load_head_model("low")
    volumes = build(model.mean, model.triangles)
    normals = vertex_normals(model.mean, model.triangles)
    points = model.mean + np.float32(0.05) * normals
    directions = np.random.default_rng(3).normal(size=(40, 3)).astype(np.float32)
    some = np.arange(0, len(points), 17)
    seen = visible(volumes, points[some], normals[some], directions, threads=2)
    n, d = (x.ravel() for x in np.indices(seen.shape))
    above = (normals[some][n] * directions[d]).sum(axis=1) > 1e-5
    free = ~occluded(volumes, points[some][n], directions[d])
    np.testing.assert_array_equal(seen.ravel()[above], free[above])
    below = (normals[some][n] * directions[d]).sum(axis=1) < -1e-5
    assert not seen.ravel()[below].any() and 0.3 < free[above].mean() < 0.9
    # A plane is open to all directions of its side.
    square = build(SQUARE, TWO)
    assert visible(square, [[0, 0, 0.01]], [[0, 0, 1]], [[0, 1, 1], [1, 0, 0.1], [0, 0, -1]]).tolist() == [
        [True, True, False]
    ]


def test_tree_holds_every_triangle_once() -> None:
    rng = np.random.default_rng(4)
    points, triangles = sphere(9)
    alike = np.zeros((40, 3), np.int32)  # degenerate ones, all in one place
    volumes = build(rng.normal(size=points.shape), np.concatenate([triangles, alike]))
    held = volumes.triangle[volumes.triangle >= 0]
    np.testing.assert_array_equal(np.sort(held), np.arange(len(triangles) + 40))

    def check(node: int) -> tuple[Array, Array]:
        if node < 0:
            there = volumes.triangle[-1 - node] >= 0
            corners = volumes.corners[-1 - node].T[there].reshape(-1, 3)
            return corners.min(axis=0), corners.max(axis=0)
        lows, highs = [], []
        for child, box in zip(volumes.children[node], volumes.boxes[node].T, strict=True):
            if box[0] > box[3]:
                continue
            low, high = check(int(child))
            assert (box[:3] <= low).all() and (box[3:] >= high).all()
            lows.append(low)
            highs.append(high)
        return np.min(lows, axis=0), np.max(highs, axis=0)

    check(0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"vertices": np.zeros((3, 2))}, "vertices must be finite numbers of shape"),
        ({"vertices": np.full((4, 3), np.nan)}, "finite"),
        ({"triangles": np.zeros((0, 3), int)}, "at least one row"),
        ({"triangles": [[0, 1, 9]]}, "triangles"),
    ],
)
def test_meshes_that_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build(**{"vertices": SQUARE, "triangles": TWO, **change})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"origins": np.zeros((3, 3))}, "must have shape"),
        ({"directions": [[0, 0, 0], [0, 0, 1]]}, "a direction is 0"),
        ({"near": np.nan}, "near has a number that is not finite"),
        ({"threads": 0}, "at least one thread"),
    ],
)
def test_rays_that_are_refused(change: dict[str, object], message: str) -> None:
    square: BoundingVolumes = build(SQUARE, TWO)
    with pytest.raises(ValueError, match=message):
        closest(square, **{"origins": np.zeros((2, 3)), "directions": np.ones((2, 3)), **change})  # type: ignore[arg-type]


def sphere(rings: int) -> tuple[F32, I32]:
    """A closed mesh around the origin, radius 1, turned so that no edge lies along an axis."""
    theta = np.linspace(0, np.pi, rings + 1)[1:-1]
    phi = np.arange(2 * rings) * np.pi / rings
    t, p = np.meshgrid(theta, phi, indexing="ij")
    points = np.stack([np.sin(t) * np.cos(p), np.cos(t), np.sin(t) * np.sin(p)], axis=-1).reshape(-1, 3)
    points = np.concatenate([points, [[0, 1, 0], [0, -1, 0]]])
    n, top = 2 * rings, len(points) - 2
    found = []
    for j in range(n):
        k = (j + 1) % n
        found += [(top, k, j), (top + 1, (rings - 2) * n + j, (rings - 2) * n + k)]
        for i in range(rings - 2):
            a, b = i * n, (i + 1) * n
            found += [(a + j, a + k, b + j), (a + k, b + k, b + j)]
    turn = np.linalg.qr(np.random.default_rng(5).normal(size=(3, 3)))[0]
    return (points @ turn).astype(np.float32), np.array(found, np.int32)
