"""Metric scale from an iris of known size."""

import numpy as np
import pytest

from headshot.fitting.scale import FACE_SPREAD, IRIS_DIAMETER, IRIS_SPREAD, metric_scale, scaled_camera
from headshot.geometry.camera import Camera

CAMERA = Camera(1000, 1000, 1500.0, (500.0, 500.0), np.eye(3), np.array([0.0, 0.0, -1000.0]))
CENTRES = np.array([[-31.0, 0.0, 0.0], [31.0, 0.0, 0.0]])


def photo_of_irises(diameter: float) -> np.ndarray:
    points = np.full((478, 2), 500.0)
    radius = diameter / 2
    for first, centre in ((468, CENTRES[0]), (473, CENTRES[1])):
        rim = centre + radius * np.array([[1, 0, 0], [0, 1, 0], [-1, 0, 0], [0, -1, 0]])
        points[first], points[first + 1 : first + 5] = CAMERA.project(centre), CAMERA.project(rim)
    return points


def test_the_iris_is_measured_exactly():
    assert metric_scale(photo_of_irises(10.0), CAMERA, CENTRES, 256).iris_diameter == pytest.approx(10.0)


def test_an_average_iris_means_scale_one():
    scale = metric_scale(photo_of_irises(IRIS_DIAMETER), CAMERA, CENTRES, 256)
    assert scale.value == pytest.approx(1.0)
    assert scale.uncertainty < min(FACE_SPREAD, 1.2 * IRIS_SPREAD)


def test_a_small_iris_on_the_model_means_a_larger_head_but_less_than_in_proportion():
    scale = metric_scale(photo_of_irises(IRIS_DIAMETER / 1.1), CAMERA, CENTRES, 256)
    assert 1.02 < scale.value < 1.1


def test_a_blurred_iris_counts_less():
    sharp = metric_scale(photo_of_irises(10.5), CAMERA, CENTRES, 256)
    coarse = metric_scale(photo_of_irises(10.5), CAMERA, CENTRES, 256 * 12)
    assert coarse.uncertainty > sharp.uncertainty
    assert abs(np.log(coarse.value)) < abs(np.log(sharp.value))


def test_without_irises_the_population_speaks():
    scale = metric_scale(np.zeros((478, 2)), CAMERA, CENTRES, 256)
    assert (scale.value, scale.uncertainty, scale.iris_diameter) == (1.0, FACE_SPREAD, None)


def test_a_scaled_head_looks_the_same():
    bigger = scaled_camera(CAMERA, 1.07)
    assert bigger.project(1.07 * CENTRES) == pytest.approx(CAMERA.project(CENTRES))
