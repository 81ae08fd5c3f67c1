"""Metric scale from irises of known size, in one view and in several."""

import numpy as np
import pytest

from headshot.fitting.scale import (
    FACE_SPREAD,
    IRIS_DIAMETER,
    IRIS_SPREAD,
    IrisMeasure,
    measure_iris,
    metric_scale,
    scaled_camera,
)
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


def measured(diameter: float, face_size: float = 256) -> IrisMeasure:
    measure = measure_iris(photo_of_irises(diameter), CAMERA, CENTRES, face_size)
    assert measure is not None
    return measure


def test_the_iris_is_measured_exactly():
    assert np.exp(measured(10.0).log_diameter) == pytest.approx(10.0)
    assert metric_scale([measured(10.0)]).iris_diameter == pytest.approx(10.0)


def test_an_average_iris_means_scale_one():
    scale = metric_scale([measured(IRIS_DIAMETER)])
    assert scale.value == pytest.approx(1.0)
    assert scale.uncertainty < min(FACE_SPREAD, 1.2 * IRIS_SPREAD)


def test_a_small_iris_on_the_model_means_a_larger_head_but_less_than_in_proportion():
    scale = metric_scale([measured(IRIS_DIAMETER / 1.1)])
    assert 1.02 < scale.value < 1.1


def test_a_blurred_iris_counts_less():
    sharp, coarse = metric_scale([measured(10.5)]), metric_scale([measured(10.5, 256 * 12)])
    assert coarse.uncertainty > sharp.uncertainty
    assert abs(np.log(coarse.value)) < abs(np.log(sharp.value))


def test_without_irises_the_population_decides():
    assert measure_iris(np.zeros((478, 2)), CAMERA, CENTRES, 256) is None
    for nothing in ([], [None], [None, None]):
        scale = metric_scale(nothing)
        assert (scale.value, scale.uncertainty, scale.iris_diameter) == (1.0, FACE_SPREAD, None)


def test_one_eye_is_enough():
    points = photo_of_irises(10.0)
    points[473:478] = np.nan
    measure = measure_iris(points, CAMERA, CENTRES, 256)
    assert measure is not None
    assert np.exp(measure.log_diameter) == pytest.approx(10.0)


# --- several views


def test_views_without_irises_change_nothing():
    one = measured(10.5)
    assert metric_scale([None, one, None]) == metric_scale([one])


def test_one_view_is_the_product_of_two_gaussians():
    one = IrisMeasure(float(np.log(10.0)), 0.03**2)
    variance = IRIS_SPREAD**2 + 0.03**2
    share = FACE_SPREAD**2 / (FACE_SPREAD**2 + variance)
    scale = metric_scale([one])
    assert np.log(scale.value) == pytest.approx(share * np.log(IRIS_DIAMETER / 10))
    assert scale.uncertainty == pytest.approx(FACE_SPREAD * np.sqrt(1 - share))


def test_more_views_measure_better_but_irises_differ_between_people():
    """The uncertainty falls towards what the spread of irises and that of faces leave, and never below."""
    one = measured(10.5, 256 * 6)
    uncertainty = [metric_scale([one] * n).uncertainty for n in (1, 2, 5, 50, 5000)]
    assert (np.diff(uncertainty) < 0).all()
    least = (IRIS_SPREAD**-2 + FACE_SPREAD**-2) ** -0.5
    assert least < uncertainty[-1] == pytest.approx(least, rel=5e-3)
    values = [metric_scale([one] * n).value for n in (1, 2, 5, 50)]
    assert (np.diff(values) > 0).all() and values[-1] < IRIS_DIAMETER / 10.5


def test_views_count_by_their_precision():
    sharp, coarse = IrisMeasure(np.log(10.0), 0.02**2), IrisMeasure(np.log(13.0), 0.2**2)
    both = metric_scale([sharp, coarse])
    mean = (np.log(10.0) / 0.02**2 + np.log(13.0) / 0.2**2) / (0.02**-2 + 0.2**-2)
    assert both.iris_diameter == pytest.approx(np.exp(mean))
    assert both == metric_scale([coarse, sharp])
    assert both.uncertainty < metric_scale([sharp]).uncertainty


def test_a_scaled_head_projects_to_the_same_pixels():
    bigger = scaled_camera(CAMERA, 1.07)
    assert bigger.project(1.07 * CENTRES) == pytest.approx(CAMERA.project(CENTRES))
