"""Views: derivatives against finite differences, poses against known ones."""

from __future__ import annotations

import numpy as np
import pytest

from headshot.apps.keypoint.view import (
    Orthographic,
    View,
    component_pose,
    derivative,
    moved,
    perspective,
    pose_derivative,
    refined,
)
from headshot.geometry.camera import rotation_from_angles
from headshot.models.readers import read_linear_model

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
    flat, guessed, told = views()
    for camera in (guessed, told):
        np.testing.assert_allclose(camera.angles, flat.angles)
        np.testing.assert_allclose(camera.project([0, 0, 0]), [210, 180])
    assert told.focal == 1500 and guessed.focal == pytest.approx(1.7 * 800)


@pytest.mark.parametrize("view", views())
def test_refined_finds_the_pose(view: View) -> None:
    start = moved(view, np.array([0.1, -0.08, 0.05, 3.0, -2.0, 0.02]))
    everything = np.tile(np.eye(2), (len(POINTS), 1, 1))
    found = refined(start, POINTS, view.project(POINTS), everything, steps=8)
    np.testing.assert_allclose(found.rotation, view.rotation, atol=1e-6)
    np.testing.assert_allclose(found.project(POINTS), view.project(POINTS), atol=1e-5)


@pytest.mark.parametrize("yaw", [-40.0, 0.0, 30.0])
def test_component_pose_is_near_the_truth(yaw: float) -> None:
    model = read_linear_model("headshot")
    index, places = model.landmarks.index, model.landmarks.points.on(model.mean, model.triangles)
    view = Orthographic(rotation_from_angles(yaw, 8, -6), np.array([100.0, 120.0]), 0.9)
    points = np.full((68, 2), np.nan)
    points[index] = view.project(places)
    exact = component_pose(points, index, places)
    np.testing.assert_allclose(exact.angles, view.angles, atol=1e-3)
    # an open mouth moves its centre little
    opened = model.shape([], np.eye(len(model.expression))[model.expression_names.index("jawOpen")] * 0.5)
    points[index] = view.project(model.landmarks.points.on(opened, model.triangles))
    np.testing.assert_allclose(component_pose(points, index, places).angles, view.angles, atol=8)
