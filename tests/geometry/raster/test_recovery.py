"""What moved, where the camera is and what colour it has: found again from a picture alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from headshot.geometry.camera import rotation_from_vector
from headshot.geometry.raster import Topology
from headshot.geometry.raster.batch import RasterSettings


def descend(
    loss: Callable[[np.ndarray], tuple[float, np.ndarray]], start: np.ndarray, rate: float, steps: int
) -> np.ndarray:
    """The best point that Adam (Kingma and Ba 2015) sees with a falling rate."""
    x, first, second, best = start.copy(), np.zeros_like(start), np.zeros_like(start), (np.inf, start)
    for n in range(1, steps + 1):
        value, gradient = loss(x)
        best = min(best, (value, x.copy()), key=lambda pair: pair[0])
        first, second = 0.9 * first + 0.1 * gradient, 0.99 * second + 0.01 * gradient**2
        x -= rate * (1 - n / (steps + 1)) * first / (1 - 0.9**n) / np.sqrt(second / (1 - 0.99**n) + 1e-20)
    return best[1]


@pytest.fixture
def world(sphere: Callable[..., Any], scene: Any) -> tuple[Any, np.ndarray, np.ndarray]:
    """A view, the points (V, 3) of a patchy ellipsoid and its colours (V, 3)."""
    ball, triangles = sphere(16, 24)
    colours = 0.5 + 0.4 * np.sin(5 * ball.astype(np.float64) + [0, 1, 2])
    view = scene(Topology(triangles, len(ball)), RasterSettings(48, 48), 70.0)
    return view, ball * np.array([1, 1.3, 0.8]), colours


def test_pose(world: Any) -> None:
    view, points, colours = world

    def place(pose: np.ndarray) -> np.ndarray:
        return points @ rotation_from_vector(pose[:3]).T + pose[3:] - [0, 0, 4]

    truth = np.array([0.15, -0.2, 0.1, 0.12, -0.08, 0.3])
    target = view.render(place(truth)[None], colours[None])[..., :3]

    def loss(pose: np.ndarray) -> tuple[float, np.ndarray]:
        placed = place(pose)[None]
        residual = view.render(placed, colours[None])
        residual[..., :3] -= target
        residual[..., 3] = 0
        d_points, _ = view.gradients(placed, colours[None], 2 * residual)
        step = 1e-6 * np.eye(6)
        jacobian = np.stack([place(pose + s) - place(pose - s) for s in step]) / 2e-6
        return float((residual**2).sum()), (jacobian * d_points[0]).sum(axis=(1, 2))

    found = descend(loss, np.zeros(6), 0.03, 150)
    np.testing.assert_allclose(found, truth, atol=0.005)


def test_outline_alone_gives_the_shift(world: Any) -> None:
    # Constant colours: only silhouettes tell where the surface is.
    view, points, colours = world
    white = np.ones_like(colours)[None]
    truth = np.array([0.2, -0.15, 0.25])
    target = view.render((points + truth - [0, 0, 4])[None], white)[..., :3]

    def loss(shift: np.ndarray) -> tuple[float, np.ndarray]:
        placed = (points + shift - [0, 0, 4])[None]
        residual = view.render(placed, white)
        residual[..., :3] -= target
        residual[..., 3] = 0
        d_points, _ = view.gradients(placed, white, 2 * residual)
        return float((residual**2).sum()), d_points[0].sum(axis=0)

    found = descend(loss, np.zeros(3), 0.03, 120)
    np.testing.assert_allclose(found, truth, atol=0.01)


def test_a_vertex_and_all_colours(world: Any) -> None:
    view, points, colours = world
    rng = np.random.default_rng(1)
    points = points - [0, 0, 4]
    vertex = int(np.argmax(points[:, 2]))
    moved = points.copy()
    moved[vertex] += [0.05, -0.04, 0.1]
    # Seen from three sides, so that depth, too, shows.
    turns = [rotation_from_vector(v) for v in ([0, 0.6, 0], [0, -0.6, 0], [0.6, 0, 0])]

    def place(p: np.ndarray) -> np.ndarray:
        return np.stack([(p + [0, 0, 4]) @ turn.T - [0, 0, 4] for turn in turns])

    def everywhere(c: np.ndarray) -> np.ndarray:
        return np.repeat(c[None], 3, axis=0)

    target = view.render(place(moved), everywhere(colours))[..., :3]
    start = np.concatenate([np.zeros(3), (colours + rng.normal(size=colours.shape) * 0.1).ravel()])

    def loss(x: np.ndarray) -> tuple[float, np.ndarray]:
        now, estimate = points.copy(), everywhere(x[3:].reshape(-1, 3))
        now[vertex] += x[:3]
        residual = view.render(place(now), estimate)
        residual[..., :3] -= target
        residual[..., 3] = 0
        d_points, d_colours = view.gradients(place(now), estimate, 2 * residual)
        d_vertex = sum(g @ turn for g, turn in zip(d_points[:, vertex], turns, strict=True))
        return float((residual**2).sum()), np.concatenate([d_vertex, d_colours.sum(axis=0).ravel()])

    found = descend(loss, start, 0.02, 200)
    np.testing.assert_allclose(found[:3], moved[vertex] - points[vertex], atol=0.01)
    *_, raster, _, _ = view.parts(place(points), everywhere(colours))
    well_seen = np.bincount(
        view.topology.triangles[raster.triangle[raster.triangle >= 0]].ravel(), minlength=len(points)
    )
    error = np.abs(found[3:].reshape(-1, 3) - colours)[well_seen > 30]
    assert len(error) > 50 and np.median(error) < 0.01
