"""First poses against known ones."""

from __future__ import annotations

import numpy as np
import pytest

from headshot.apps.keypoint.pose import component_pose
from headshot.geometry.camera import rotation_from_angles
from headshot.geometry.view import Orthographic
from headshot.models.readers import read_linear_model


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
