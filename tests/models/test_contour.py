"""The 68 points of a head: fixed on the face, sliding on the far jaw."""

import numpy as np
import pytest

from headshot.geometry.camera import Camera, rotation_from_angles
from headshot.models.contour import landmarks68
from headshot.models.head_model import load_head_model


@pytest.fixture(scope="module")
def model():
    return load_head_model("low")


def view(yaw: float, roll: float = 0.0) -> Camera:
    return Camera(
        600, 600, 1500.0, (300.0, 300.0), rotation_from_angles(yaw, 0, roll), np.array([0.0, 30.0, -1000.0])
    )


def fixed(model):
    return model.landmarks["ibug68"].on(model.mean, model.triangles)


@pytest.mark.parametrize("yaw", [0, 40, -60])
def test_inner_points_do_not_move(model, yaw):
    assert landmarks68(model, model.mean, view(yaw))[17:] == pytest.approx(fixed(model)[17:])


@pytest.mark.parametrize("yaw", [30, 45, 60])
def test_far_jaw_points_slide_to_the_outline(model, yaw):
    camera = view(yaw)
    points, before = landmarks68(model, model.mean, camera), fixed(model)
    # The face is turned to the right of the photo, so its far side is the right one: points 11-16.
    x = camera.project(points)[:, 0]
    assert (x[12:17] >= camera.project(before)[12:17, 0] - 1e-6).all()
    assert np.linalg.norm(points[12:17] - before[12:17], axis=1).max() > 3
    skin = model.part_triangles("skin")
    face = np.unique(skin[(model.regions["face"][skin] > 0.5).all(axis=1)])
    outline = camera.project(model.mean[face])[:, 0].max()
    assert x[12:16].max() <= outline + 8


def test_mirrored_views_give_mirrored_points(model):
    mirror = np.r_[16:-1:-1]
    left = landmarks68(model, model.mean, view(35))[:17]
    right = landmarks68(model, model.mean, view(-35))[:17]
    assert left[mirror] * [-1, 1, 1] == pytest.approx(right, abs=0.3)


def test_roll_of_the_photo_changes_nothing(model):
    upright = landmarks68(model, model.mean, view(30))
    tilted = landmarks68(model, model.mean, view(30, roll=40))
    assert np.linalg.norm(upright - tilted, axis=1).max() < 3
