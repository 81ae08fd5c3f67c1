"""Where a fit begins: its camera, the noise of its landmarks, and input that is refused."""

from dataclasses import replace

import numpy as np
import pytest

from headshot.fitting.initialise import LandmarkObservation, start_view
from headshot.fitting.landmark_noise import load_landmark_noise
from headshot.fitting.landmarks import fit_landmarks
from headshot.fitting.settings import FitSettings
from headshot.geometry.camera import Camera, extent_of, rotation_from_angles

NONE = np.zeros(100)


def seen_at(points, yaw=0.0):
    """Exact landmarks of a random head."""
    rng = np.random.default_rng(0)
    turn = rotation_from_angles(yaw, 8, -5)
    camera = Camera(512, 512, 900.0, (256.0, 256.0), turn, np.array([15.0, 8.0, -700.0]))
    identity, expression = rng.normal(size=100), np.clip(rng.normal(0, 0.25, size=52), 0, 1)
    places = camera.project(points.positions(identity, expression))
    return LandmarkObservation(places, np.ones(478), np.full(52, 0.1), 512, 512, 900.0)


def noise(seen, points, **options):
    return start_view(seen, points, NONE, FitSettings(), **options).problem.landmarks.noise


def test_noise_is_that_which_is_given_times_what_hides_and_inflates_it(points):
    seen = seen_at(points)
    usual = noise(seen, points)
    hidden = np.linspace(1, 5, len(usual))
    assert noise(replace(seen, hidden=hidden), points) == pytest.approx(hidden * usual)
    given = replace(seen, deviation=np.linspace(2, 3, len(usual)))
    assert noise(given, points) == pytest.approx(given.deviation)
    assert noise(replace(given, hidden=hidden), points) == pytest.approx(hidden * given.deviation)
    for one in (seen, given):
        assert noise(replace(one, inflation=3.0), points) == pytest.approx(3 * noise(one, points))


def test_measured_noise_is_inflated_alike(points):
    errors = load_landmark_noise()
    seen = seen_at(points)
    usual = noise(seen, points, noise_model=errors)
    hidden = np.linspace(1, 5, len(usual))
    changed = replace(seen, hidden=hidden, inflation=2.0)
    assert noise(changed, points, noise_model=errors) == pytest.approx(2 * hidden * usual)
    # Without a model of their noise landmarks are equal, and their share of the face's extent is set.
    assert np.ptp(usual) > 0 == np.ptp(noise(seen, points))


def test_noise_of_turned_heads_grows(points):
    usual, turned = (noise(seen_at(points, yaw), points) for yaw in (0.0, 60.0))
    assert usual[0] == pytest.approx(FitSettings().noise * extent_of(seen_at(points).points), rel=0.02)
    narrow = extent_of(seen_at(points, 60.0).points) / extent_of(seen_at(points).points)
    assert turned[0] > 1.5 * narrow * usual[0]


def test_the_pose_is_about_that_of_the_landmarks(points):
    start = start_view(seen_at(points, 30.0), points, NONE, FitSettings())
    assert start.state.camera.angles == pytest.approx((30, 8, -5), abs=6)
    assert start.state.camera.translation[2] == pytest.approx(-700, rel=0.15)
    np.testing.assert_array_equal(start.state.expression, 0.1)
    assert start.noise is None and len(start.state.nuisance) == 0
    assert len(start.state.light) == len(start.state.fields) == 0
    mean = np.linalg.norm(start.problem.landmarks.points - start.state.camera.project(points.mean), axis=1)
    assert mean.mean() < 12


def test_without_a_focal_length_heads_stand_at_the_usual_distance(points):
    settings = FitSettings(distance=1300.0)
    known, free = (
        start_view(replace(seen_at(points), focal=focal), points, NONE, settings) for focal in (900.0, None)
    )
    assert free.state.camera.translation[2] == pytest.approx(-1300)
    assert free.problem.prior.focal_spread == settings.distance_spread
    assert known.state.camera.focal == 900
    assert known.problem.prior.focal_spread == settings.focal_spread
    for start in (known, free):
        assert start.problem.prior.log_focal == pytest.approx(np.log(start.state.camera.focal))
    # As large in the picture from farther away.
    scale = [s.state.camera.focal / -s.state.camera.translation[2] for s in (known, free)]
    assert scale[0] == pytest.approx(scale[1])


def test_with_a_noise_model_only_confidence_0_counts(points):
    confidence = np.linspace(0, 4, 478)
    seen = replace(seen_at(points), confidence=confidence)
    with_errors = start_view(seen, points, NONE, FitSettings(), load_landmark_noise())
    assert with_errors.noise is not None
    assert len(with_errors.state.nuisance) == with_errors.noise.modes() > 0
    np.testing.assert_array_equal(with_errors.problem.landmarks.confidence, confidence > 0)
    plain = start_view(seen, points, NONE, FitSettings()).problem.landmarks
    np.testing.assert_array_equal(plain.confidence, confidence)


def test_expected_weights_start_within_their_bounds(points):
    wide = np.linspace(-0.5, 1.5, 52)
    start = start_view(replace(seen_at(points), expression=wide), points, NONE, FitSettings())
    np.testing.assert_array_equal(start.state.expression, np.clip(wide, 0, 1))


@pytest.mark.parametrize(
    "change",
    [
        {"points": np.zeros((5, 2))},
        {"expression": np.zeros(3)},
        {"confidence": np.zeros(478)},
        {"points": np.full((478, 2), np.nan)},
        {"hidden": np.ones(68)},
        {"hidden": np.zeros(478)},
        {"deviation": np.zeros(478)},
    ],
)
def test_wrong_input_is_named(points, change):
    with pytest.raises(ValueError, match=r"expected|landmarks"):
        fit_landmarks(replace(seen_at(points), **change), points)


def test_noise_is_given_once(points):
    seen = replace(seen_at(points), deviation=np.ones(478))
    with pytest.raises(ValueError, match="either"):
        fit_landmarks(seen, points, noise_model=load_landmark_noise())
