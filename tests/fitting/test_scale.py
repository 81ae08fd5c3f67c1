"""Metric scale by looks, in one view and in several, and whether its intervals hold what they promise."""

import numpy as np
import pytest

from headshot.datasets.growth import interpupillary_distance
from headshot.fitting.scale import (
    ANYBODY,
    SizeRegression,
    load_size_regression,
    metric_scale,
    scaled_camera,
)
from headshot.geometry.camera import Camera

CAMERA = Camera(1000, 1000, 1500.0, (500.0, 500.0), np.eye(3), np.array([0.0, 0.0, -1000.0]))
CENTRES = np.array([[-31.0, 0.0, 0.0], [31.0, 0.0, 0.0]])
WEIGHTS = np.random.default_rng(0).normal(size=256) / 256
REGRESSION = SizeRegression(WEIGHTS, -0.02, np.array([-0.3, 0.0]), np.array([0.08, 0.05]), 0.03)


def seen_as(mean: float) -> np.ndarray:
    """An embedding that predicts the logarithm of a scale."""
    return (mean - REGRESSION.offset) * WEIGHTS / (WEIGHTS @ WEIGHTS)


def test_the_prediction_is_linear_and_its_error_depends_on_it() -> None:
    for mean, deviation in ((-0.3, 0.08), (-0.15, 0.065), (0.0, 0.05), (0.2, 0.05), (-0.5, 0.08)):
        scale = REGRESSION([seen_as(mean)])
        assert np.log(scale.value) == pytest.approx(mean)
        assert scale.uncertainty == pytest.approx(deviation)


def test_photos_of_one_person_average_out_what_differs_between_photos_alone() -> None:
    scale = REGRESSION([seen_as(-0.05), seen_as(0.05)])
    assert np.log(scale.value) == pytest.approx(0.0)
    uncertainty = [REGRESSION([seen_as(0.0)] * n).uncertainty for n in (1, 2, 5, 50, 5000)]
    assert (np.diff(uncertainty) < 0).all()
    least = np.sqrt(0.05**2 - 0.03**2)
    assert least < uncertainty[-1] == pytest.approx(least, rel=1e-3)


@pytest.mark.parametrize("count", [1, 3])
def test_intervals_hold_what_they_promise(count: int) -> None:
    """People differ from their looks, and photos of a person from each other, as the regression says."""
    random = np.random.default_rng(count)
    within = np.zeros(2)
    for looks in random.normal(-0.1, 0.1, 4000):
        deviation = np.interp(looks, REGRESSION.at, REGRESSION.deviation)
        photos = random.normal(looks, REGRESSION.photo, count)
        true = random.normal(looks, np.sqrt(deviation**2 - REGRESSION.photo**2))
        scale = REGRESSION([seen_as(photo) for photo in photos])
        within += abs(true - np.log(scale.value)) < np.array([1.0, 1.96]) * scale.uncertainty
    assert within / 4000 == pytest.approx([0.683, 0.95], abs=0.02)


def test_without_looks_it_may_be_anybody() -> None:
    assert metric_scale([]) == metric_scale([None, None]) == ANYBODY
    embedding = np.zeros(256)
    assert metric_scale([None, embedding]) == metric_scale([embedding]) != ANYBODY
    for age in (1.5, 8.0, 40.0):  # the mean head's eyes are 64 mm apart
        apart = np.log(interpupillary_distance(age, "female")[0] / 64)
        assert abs(apart - np.log(ANYBODY.value)) < 2.5 * ANYBODY.uncertainty


def test_what_ships_knows_less_of_children_and_more_from_several_photos() -> None:
    shipped = load_size_regression()
    assert shipped.weights.shape == (256,) and (np.diff(shipped.at) > 0).all()
    assert shipped.deviation[0] > shipped.deviation[-1] > shipped.photo > 0
    assert ((shipped.deviation > 0.03) & (shipped.deviation < 0.12)).all()


def test_a_scaled_head_projects_to_the_same_pixels() -> None:
    bigger = scaled_camera(CAMERA, 1.07)
    assert bigger.project(1.07 * CENTRES) == pytest.approx(CAMERA.project(CENTRES))
