"""Views: derivatives against finite differences, poses against known ones."""

from __future__ import annotations

import numpy as np
import pytest

from headshot.geometry.camera import rotation_from_angles
from headshot.geometry.view import (
    Orthographic,
    View,
    derivative,
    moved,
    perspective,
    pose_derivative,
    raster_view,
    refined,
    towards_viewer,
)

RNG = np.random.default_rng(0)
POINTS = RNG.uniform(-80, 80, (30, 3))


def views() -> list[View]:
    flat = Orthographic(rotation_from_angles(20, -10, 5), np.array([210.0, 180.0]), 1.7)
    return [flat, perspective(flat, (400, 380), 800.0, None), perspective(flat, (400, 380), 800.0, 1500.0)]


@pytest.mark.parametrize("view", views())
def test_derivatives(view: View) -> None:
    step = 1e-4
    for axis in range(3):
        shift = step * np.eye(3)[axis]
        numeric = (view.project(POINTS + shift) - view.project(POINTS - shift)) / (2 * step)
        np.testing.assert_allclose(derivative(view, POINTS)[:, :, axis], numeric, atol=1e-6)
    exact = pose_derivative(view, POINTS)
    for axis in range(6):
        change = 1e-6 * np.eye(6)[axis]
        numeric = (moved(view, change).project(POINTS) - moved(view, -change).project(POINTS)) / 2e-6
        np.testing.assert_allclose(exact[:, :, axis], numeric, rtol=1e-5, atol=1e-4)


def test_perspective_keeps_the_pose() -> None:
    flat, assumed, known = views()
    for camera in (assumed, known):
        np.testing.assert_allclose(camera.angles, flat.angles)
        np.testing.assert_allclose(camera.project([0, 0, 0]), [210, 180])
    assert known.focal == 1500 and assumed.focal == pytest.approx(1.7 * 800)


@pytest.mark.parametrize("view", views())
def test_refined_finds_the_pose(view: View) -> None:
    start = moved(view, np.array([0.1, -0.08, 0.05, 3.0, -2.0, 0.02]))
    everything = np.tile(np.eye(2), (len(POINTS), 1, 1))
    found = refined(start, POINTS, view.project(POINTS), everything, steps=8)
    np.testing.assert_allclose(found.rotation, view.rotation, atol=1e-6)
    np.testing.assert_allclose(found.project(POINTS), view.project(POINTS), atol=1e-5)


def test_orthographic_depth_sorts() -> None:
    front = Orthographic(np.eye(3), np.array([100.0, 100.0]), 1.0)
    _, depth = raster_view(front, [[0, 0, 10], [0, 0, -10]])
    assert depth[0] < depth[1]


def test_a_far_camera_sees_what_orthography_sees() -> None:
    flat, *_ = views()
    far = perspective(flat, (400, 380), 1e7, None)
    np.testing.assert_allclose(far.project(POINTS), flat.project(POINTS), atol=1e-2)
    np.testing.assert_allclose(towards_viewer(far, POINTS), towards_viewer(flat, POINTS), atol=1e-3)
    np.testing.assert_allclose(np.linalg.norm(towards_viewer(far, POINTS), axis=1), 1)
    np.testing.assert_allclose(raster_view(far, POINTS)[0], far.project(POINTS))
    np.testing.assert_allclose(raster_view(far, POINTS)[1], -far.to_camera(POINTS)[:, 2])
