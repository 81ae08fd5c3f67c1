"""Projection and pose against closed forms."""

import numpy as np
import pytest

from headshot.geometry.camera import (
    Camera,
    angles_of,
    extent_of,
    nearest_rotation,
    rotation_from_angles,
    rotation_from_vector,
)


def camera(yaw=0.0, pitch=0.0, roll=0.0) -> Camera:
    return Camera(
        640, 480, 500.0, (320.0, 240.0), rotation_from_angles(yaw, pitch, roll), np.array([0.0, 0.0, -1000.0])
    )


def test_a_point_lands_where_similar_triangles_say():
    # 100 mm at 1000 mm with a focal length of 500 px is 50 px; x right, y up in space, y down in the photo.
    assert camera().project([100.0, 40.0, 0.0]) == pytest.approx([370.0, 220.0])
    assert camera().project([100.0, 40.0, 500.0]) == pytest.approx([420.0, 200.0])


@pytest.mark.parametrize("depth", [1000.0, 1500.0])
def test_points_on_or_behind_the_camera_have_no_image(depth):
    assert np.isnan(camera().project([1.0, 1.0, depth])).all()


@pytest.mark.parametrize("angles", [(0, 0, 0), (30, 10, -20), (-80, 25, 60), (5, -40, 170)])
def test_angles_and_rotation_are_inverse(angles):
    rotation = rotation_from_angles(*angles)
    assert angles_of(rotation) == pytest.approx(angles)
    assert rotation @ rotation.T == pytest.approx(np.eye(3))
    assert np.linalg.det(rotation) == pytest.approx(1)


def test_signs_of_the_angles():
    forward, top = [0.0, 0.0, 100.0], [0.0, 100.0, 0.0]
    assert camera(yaw=30).project(forward)[0] > 320, "positive yaw turns the face to the right of the photo"
    assert camera(pitch=30).project(forward)[1] < 240, "positive pitch lifts the chin"
    assert camera(roll=30).project(top)[0] > 320, "positive roll tilts the head clockwise in the photo"


def test_rotation_vector_of_a_quarter_turn():
    assert rotation_from_vector([0, 0, np.pi / 2]) @ [1, 0, 0] == pytest.approx([0, 1, 0])
    tiny = np.array([1e-10, -2e-10, 3e-10])
    assert rotation_from_vector(tiny) @ [0, 0, 1] == pytest.approx([-2e-10, -1e-10, 1], abs=1e-15)


def test_nearest_rotation_undoes_scale_and_avoids_reflections():
    rotation = rotation_from_angles(20, -10, 5)
    assert nearest_rotation(3.7 * rotation) == pytest.approx(rotation)
    assert np.linalg.det(nearest_rotation(np.diag([1.0, 1.0, -0.2]))) == pytest.approx(1)


def test_position_projects_nowhere_but_is_where_the_camera_stands():
    c = camera(yaw=35, pitch=10)
    assert c.to_camera(c.position) == pytest.approx([0, 0, 0], abs=1e-9)


def test_resized_and_cropped_views_show_the_same():
    c, points = camera(yaw=20), np.array([[10.0, 20.0, 30.0], [-40.0, 5.0, 60.0]])
    assert c.resized(0.5).project(points) == pytest.approx(c.project(points) / 2)
    assert c.cropped(100, 50, 200, 200).project(points) == pytest.approx(c.project(points) - [100, 50])


def test_extent_is_the_side_of_the_square_as_large_as_the_box():
    assert extent_of([[1.0, 2.0], [5.0, 11.0], [3.0, 4.0]]) == pytest.approx(6.0)
