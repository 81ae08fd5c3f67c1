"""Poses by points, and from scaled orthography to a camera and back."""

from __future__ import annotations

import numpy as np
import pytest

from headshot.geometry.camera import Camera, rotation_from_angles
from headshot.geometry.pose import (
    camera_of_crop_pose,
    pose_in_crop,
    rotation_to_ray,
    weak_perspective_pose,
)


def test_closed_form_pose_under_scaled_orthography():
    rng = np.random.default_rng(0)
    shape = rng.normal(size=(30, 3)) * 50
    rotation = rotation_from_angles(40, -15, 10)
    points = 2.5 * (shape @ rotation.T)[:, :2] * [1, -1] + [100, 200]
    found, origin, scale = weak_perspective_pose(points, shape, np.ones(30))
    assert found == pytest.approx(rotation, abs=1e-9)
    assert origin == pytest.approx([100, 200])
    assert scale == pytest.approx(2.5)


def test_camera_and_pose_in_a_crop_are_each_other_s_inverse():
    rotation = rotation_from_angles(40, -10, 5)
    camera = Camera(640, 480, 900.0, (320.0, 240.0), rotation, np.array([120.0, -80.0, -700.0]))
    straight, origin, scale = pose_in_crop(camera)
    # As a camera that looks straight at the head sees it: the ray to the head is its axis.
    assert np.allclose(
        straight.T @ [0, 0, 1], -rotation.T @ camera.translation / np.linalg.norm(camera.translation)
    )
    found = camera_of_crop_pose(straight, origin, scale, (640, 480), 900.0)
    assert np.allclose(found.rotation, rotation) and np.allclose(found.translation, camera.translation)


def test_the_turn_to_a_ray_is_the_smallest():
    for direction in ([0.0, 0.0, -1.0], [0.5, 0.2, -1.0], [-2.0, 1.0, -0.5]):
        d = np.array(direction) / np.linalg.norm(direction)
        turn = rotation_to_ray(d)
        assert np.allclose(turn @ [0, 0, -1], d)
        assert np.isclose(np.trace(turn), 1 + 2 * -d[2])  # its angle is the one between the two
