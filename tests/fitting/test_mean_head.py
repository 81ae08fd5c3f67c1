"""The mean head's camera: found again from its own points, whatever the expression prior says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from headshot.fitting.initialise import LandmarkObservation
from headshot.fitting.mean_head import camera_of_mean_head
from headshot.geometry.camera import Camera, rotation_from_angles
from headshot.models.head_model import load_head_model


def test_the_camera_is_found_again() -> None:
    model = load_head_model("low")
    rotation = rotation_from_angles(20, -5, 8)
    camera = Camera(600, 600, 1400.0, (300.0, 300.0), rotation, np.array([5.0, 10.0, -800.0]))
    points = camera.project(model.landmarks["mediapipe478"].on(model.mean, model.triangles))
    seen = LandmarkObservation(points, np.ones(478), np.zeros(52), 600, 600, 1400.0)
    found = camera_of_mean_head(seen)
    assert found.angles == pytest.approx(camera.angles, abs=0.1)
    assert found.translation == pytest.approx(camera.translation, abs=2)
    smiling = replace(seen, expression=np.ones(52))
    assert camera_of_mean_head(smiling).angles == found.angles
