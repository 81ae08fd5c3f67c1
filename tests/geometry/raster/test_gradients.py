"""Analytic gradients against finite differences in float64, and meshes without sense."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from headshot.geometry.raster import Raster, Topology
from headshot.geometry.raster.batch import (
    RasterSettings,
    interpolate_batch,
    rasterise_batch,
    sample_batch,
    vertex_normals_batch,
)
from headshot.geometry.raster.gradients import (
    interpolate_gradient,
    rasterise_gradient,
    sample_gradient,
    vertex_normals_gradient,
)
from headshot.geometry.raster.projection import project, project_gradient


def differences(loss: Callable[[np.ndarray], float], at: np.ndarray, step: float = 1e-6) -> np.ndarray:
    """Central finite differences of ``loss`` in every element."""
    out = np.empty_like(at)
    for n in range(at.size):
        values = []
        for sign in (1, -1):
            moved = at.copy()
            moved.flat[n] += sign * step
            values.append(loss(moved))
        out.flat[n] = (values[0] - values[1]) / (2 * step)
    return out


def soup(rng: np.random.Generator, near: bool) -> tuple[np.ndarray, Topology]:
    """Two pictures' random triangles in camera space, some of which cross a near plane at 0.5."""
    points = rng.normal(size=(2, 24, 3)) * [1.5, 1.5, 1.2 if near else 0.3] - [0, 0, 1.2 if near else 4]
    return points, Topology(rng.permutation(24).reshape(-1, 3), 24)


@pytest.mark.parametrize("near", [False, True])
def test_attributes_positions_and_depth(near: bool) -> None:
    rng = np.random.default_rng(0)
    points, topology = soup(rng, near)
    settings = RasterSettings(24, 20, cull=False, near=0.5, threads=2)
    xy, depth = project(points, np.full(2, 14.0), np.tile([10.0, 12.0], (2, 1)))
    attributes = rng.normal(size=(2, 24, 2))
    raster = rasterise_batch(xy, depth, topology, settings)
    seen = raster.triangle >= 0
    assert seen.mean() > 0.2
    if near:
        assert (depth[:, topology.triangles].min(axis=2) < 0.5).any()
    d_colour, d_depth = rng.normal(size=(*seen.shape, 2)), rng.normal(size=seen.shape)

    def loss(xy: np.ndarray, depth: np.ndarray, attributes: np.ndarray) -> float:
        now = rasterise_batch(xy, depth, topology, settings)
        # Visibility is fixed here: a pixel that changes hands has no derivative.
        same = (now.triangle == raster.triangle) & seen
        assert same.sum() >= seen.sum() - 1
        colour = interpolate_batch(now, attributes, topology)
        return float((colour * d_colour)[same].sum() + (np.where(seen, now.depth, 0) * d_depth)[same].sum())

    d_attributes, d_weights = interpolate_gradient(raster, attributes, topology, d_colour)
    d_xy, d_z = rasterise_gradient(xy, depth, topology, raster, d_weights, d_depth)
    close = {"rtol": 1e-5, "atol": 1e-5}
    np.testing.assert_allclose(d_attributes, differences(lambda a: loss(xy, depth, a), attributes), **close)
    step = 1e-7
    np.testing.assert_allclose(d_xy, differences(lambda x: loss(x, depth, attributes), xy, step), **close)
    np.testing.assert_allclose(d_z, differences(lambda z: loss(xy, z, attributes), depth, step), **close)


def test_projection() -> None:
    rng = np.random.default_rng(1)
    points = rng.normal(size=(2, 9, 3)) * 2
    focal, centre = np.array([20.0, 31.0]), rng.normal(size=(2, 2))
    d_xy, d_depth = rng.normal(size=(2, 9, 2)), rng.normal(size=(2, 9))

    def loss(points: np.ndarray, focal: np.ndarray, centre: np.ndarray) -> float:
        xy, depth = project(points, focal, centre)
        return float((xy * d_xy).sum() + (depth * d_depth).sum())

    d_points, d_focal, d_centre = project_gradient(points, focal, d_xy, d_depth)
    np.testing.assert_allclose(d_points, differences(lambda p: loss(p, focal, centre), points), rtol=1e-5)
    np.testing.assert_allclose(d_focal, differences(lambda f: loss(points, f, centre), focal), rtol=1e-6)
    np.testing.assert_allclose(d_centre, differences(lambda c: loss(points, focal, c), centre), rtol=1e-6)


def test_texture() -> None:
    rng = np.random.default_rng(2)
    image, xy = rng.normal(size=(2, 5, 7, 3)), rng.uniform([-1, -1], [8, 6], (2, 4, 10, 2))
    d_out = rng.normal(size=(2, 4, 10, 3))
    d_image, d_xy = sample_gradient(image, xy, d_out)
    np.testing.assert_allclose(
        d_image, differences(lambda i: float((sample_batch(i, xy) * d_out).sum()), image), atol=1e-7
    )
    np.testing.assert_allclose(
        d_xy, differences(lambda x: float((sample_batch(image, x) * d_out).sum()), xy), atol=1e-7
    )
    assert (d_xy[(xy < 0.5).any(axis=-1)] == 0).any(axis=-1).all()  # clamped points do not move


def test_normals(sphere: Callable[..., Any]) -> None:
    rng = np.random.default_rng(3)
    ball, triangles = sphere(5, 6)
    topology = Topology(triangles, len(ball) + 1)  # and a vertex without triangles
    vertices = np.vstack([ball, [[3, 3, 3]]])[None] + rng.normal(size=(2, len(ball) + 1, 3)) * 0.1
    d_normals = rng.normal(size=vertices.shape)
    expected = differences(lambda v: float((vertex_normals_batch(v, topology) * d_normals).sum()), vertices)
    np.testing.assert_allclose(
        vertex_normals_gradient(vertices, topology, d_normals, threads=2), expected, atol=1e-7
    )


def test_float32_agrees_with_float64(sphere: Callable[..., Any], scene: Any) -> None:
    rng = np.random.default_rng(4)
    ball, triangles = sphere(30, 40)
    view = scene(Topology(triangles, len(ball)), RasterSettings(64, 64), 80.0)
    points, colours = ball[None].astype(np.float64) - [0, 0, 3], rng.uniform(size=(1, len(ball), 3))
    # Without depth, whose derivative at the silhouette is too steep for float32 to follow closely.
    d_picture = rng.normal(size=(1, 64, 64, 4)) * [1, 1, 1, 0]
    exact = view.gradients(points, colours, d_picture)
    single = view.gradients(*(a.astype(np.float32) for a in (points, colours, d_picture)))
    for wide, narrow in zip(exact, single, strict=True):
        assert narrow.dtype == np.float32
        assert np.linalg.norm(wide - narrow) < 1e-3 * np.linalg.norm(wide)


HOPELESS = {
    "no area": [[0, 0, -3], [1, 1, -3], [2, 2, -3]],
    "a point": [[0, 0, -3], [0, 0, -3], [0, 0, -3]],
    "edge on": [[0, 1, -3], [0, 1, -5], [0, 2, -4]],
    "behind": [[0, 0, 3], [1, 0, 3], [0, 1, 3]],
    "in the camera": [[0, 0, 0], [1, 0, -3], [0, 1, -3]],
    "through the camera": [[-1, -1, -3], [1, -1, -3], [0, 2, 5]],
    "not a number": [[np.nan, 0, -3], [1, 0, -3], [0, 1, -3]],
    "no depth": [[0, 0, np.nan], [1, 0, -3], [0, 1, -3]],
    "infinite": [[np.inf, 0, -3], [1, 0, -3], [0, 1, -np.inf]],
    "huge": [[-1e30, 0, -3], [1e30, 0, -3], [0, 1e30, -3]],
    "tiny": [[1e-30, 0, -3], [0, 0, -3], [0, 1e-30, -3]],
    "far": [[-1e30, -1e30, -1e30], [1e30, 0, -1e30], [0, 1e30, -1e30]],
    "outside": [[90, 0, -3], [91, 0, -3], [90, 1, -3]],
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", [*HOPELESS, "nothing"])
def test_no_nan_from_hopeless_meshes(name: str, dtype: Any, scene: Any) -> None:
    rng = np.random.default_rng(5)
    # An ordinary triangle, which must come out unharmed, and the hopeless one, both sides of each.
    points = np.array([[[-1, -1, -4], [1, -1, -4], [0, 1, -4], *HOPELESS.get(name, [])]], dtype)
    faces = np.arange(points.shape[1]).reshape(-1, 3)
    if name == "nothing":
        points, faces = points[:, :0], faces[:0]
    colours = rng.uniform(size=points.shape).astype(dtype)
    view = scene(
        Topology(np.vstack([faces, faces[:, ::-1]]), points.shape[1]),
        RasterSettings(16, 16, cull=False),
        20.0,
    )
    *_, raster, picture, _ = view.parts(points, colours)
    assert np.isfinite(view.render(points, colours)).all() and np.isfinite(raster.barycentric).all()
    assert (raster.depth > 0).all()
    for gradient in view.gradients(points, colours, rng.normal(size=picture.shape).astype(dtype)):
        assert np.isfinite(gradient).all()
        if name != "nothing":
            assert gradient[0, :3].any() or name == "through the camera"
    normals = vertex_normals_batch(points, view.topology)
    d_vertices = vertex_normals_gradient(points, view.topology, np.ones_like(points))
    assert not (np.isnan(normals[:, :3]) | np.isnan(d_vertices[:, :3])).any()


def test_wrong_arrays_are_refused() -> None:
    topology, settings = Topology([[0, 1, 2]], 3), RasterSettings(4, 4)
    xy, depth = np.zeros((1, 3, 2)), np.ones((1, 3))
    raster = rasterise_batch(xy, depth, topology, settings)
    assert isinstance(raster, Raster) and raster.triangle.shape == (1, 4, 4)
    with pytest.raises(ValueError, match="float32 or float64"):
        rasterise_batch(xy.astype(int), depth, topology, settings)
    with pytest.raises(ValueError, match=r"\(1, 3\)"):
        rasterise_batch(xy, depth[:, :2], topology, settings)
    with pytest.raises(ValueError, match=r"\(1, 4, 4, 3\)"):
        rasterise_gradient(xy, depth, topology, raster, np.zeros((1, 4, 5, 3)))
    with pytest.raises(ValueError, match="at least one pixel"):
        RasterSettings(0, 4)
