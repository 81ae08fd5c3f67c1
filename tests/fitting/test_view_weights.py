"""Weights of views whose errors are alike, and priors from the predictions of several photos."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image, ImageFilter

from headshot.fitting.settings import FitSettings
from headshot.fitting.view_weights import (
    ALIKE,
    APART,
    COMMON,
    COMMON_IDENTITY,
    MODES,
    ViewWeights,
    identity_prior,
    view_weights,
)
from headshot.geometry.camera import Camera, rotation_from_angles
from headshot.perception.identity import IdentityPrediction


@pytest.fixture(scope="module")
def weights_of(observed):
    """Weights of views of one and the same photo, as if its head were turned so many degrees."""
    seen = observed("astronaut")

    def weights(*yaws: float) -> ViewWeights:
        still = np.array([0.0, 0, -900])
        cameras = [
            Camera(400, 400, 900.0, (200.0, 200.0), rotation_from_angles(yaw, 0, 0), still) for yaw in yaws
        ]
        return view_weights([seen] * len(cameras), cameras)

    return weights


def test_a_single_view_counts_in_full(weights_of):
    weights = weights_of(25.0)
    assert weights.landmarks.tolist() == weights.identity.tolist() == [1]
    assert weights.independent == 1


@pytest.mark.parametrize("turn", [0.0, 20.0, 60.0])
def test_two_views_share_what_they_have_in_common(weights_of, turn):
    """Errors with the correlation r: each view counts 1 / (1 + r)."""
    weights = weights_of(-turn / 2, turn / 2)
    r = COMMON + (ALIKE - COMMON) * np.exp(-0.5 * (turn / APART) ** 2)
    np.testing.assert_allclose(weights.landmarks, 1 / (1 + r))
    np.testing.assert_allclose(weights.identity, 1 / (1 + COMMON_IDENTITY))
    assert weights.independent == pytest.approx(2 / (1 + r))


@pytest.mark.parametrize("n", [2, 5, 50])
def test_many_photos_of_one_pose_are_no_more_than_one_over_their_correlation(weights_of, n):
    weights = weights_of(*[10.0] * n)
    np.testing.assert_allclose(weights.landmarks, 1 / (1 + (n - 1) * ALIKE))
    assert weights.independent < 1 / ALIKE


def test_views_far_apart_approach_the_common_correlation(weights_of):
    weights = weights_of(-90, 0, 90)
    np.testing.assert_allclose(weights.landmarks, 1 / (1 + 2 * COMMON), rtol=2e-3)
    assert weights_of(-60, 60).independent > weights_of(-10, 10).independent


def test_the_view_that_stands_alone_counts_more_than_those_of_a_burst(weights_of):
    *burst, alone = weights_of(0, 1, 2, 3, 60).landmarks
    assert alone > 1.9 * max(burst)
    np.testing.assert_allclose(weights_of(60, 3, 2, 1, 0).landmarks, [alone, *burst[::-1]])


def test_weights_stay_above_0_and_at_most_1(weights_of):
    rng = np.random.default_rng(0)
    for n in (3, 8, 30):
        for spread in (3, 30, 80):
            weights = weights_of(*rng.normal(0, spread, n)).landmarks
            assert (weights > 0).all() and (weights <= 1).all()


def test_photos_without_a_prediction_take_nothing_from_those_with_one(observed):
    seen = observed("astronaut")
    camera = Camera(400, 400, 900.0, (200.0, 200.0), np.eye(3), np.array([0.0, 0, -900]))
    without = replace(seen, identity=None)
    for some, weight in (
        ([seen, without, without], 1.0),
        ([seen, without, seen], 1 / (1 + COMMON_IDENTITY)),
        ([without, without], 1.0),
    ):
        np.testing.assert_allclose(view_weights(some, [camera] * len(some)).identity, weight)


def test_a_blurred_view_counts_less_than_a_sharp_one_but_alone_in_full(observed):
    seen = observed("astronaut")
    camera = Camera(400, 400, 900.0, (200.0, 200.0), np.eye(3), np.array([0.0, 0, -900]))
    pixels = Image.fromarray(seen.photo.pixels).filter(ImageFilter.GaussianBlur(4))
    blurred = replace(seen, photo=replace(seen.photo, pixels=np.asarray(pixels)))
    assert blurred.sharpness < 0.5 * seen.sharpness
    sharp, poor = view_weights([seen, blurred], [camera] * 2).landmarks
    assert poor < 0.5 * sharp
    assert view_weights([blurred], [camera]).landmarks.tolist() == [1]


# --- how much of a change stays


def weighing(total: float) -> ViewWeights:
    return ViewWeights(np.full(4, total / 4), np.ones(4))


def test_one_view_shrinks_as_the_settings_say():
    settings = FitSettings(shrinkage=0.3, shrinkage_colours=0.6)
    assert weighing(1.0).shrinkage(settings) == pytest.approx((0.3, 0.6))


def test_more_views_change_more_as_their_noise_falls():
    """A share k is that of a signal as strong as k to noise as strong as 1 - k, which falls with 1 / n."""
    settings = FitSettings(shrinkage=0.3, shrinkage_colours=0.6)
    found = [weighing(n).shrinkage(settings) for n in (1.0, 1.5, 3.0, 100.0)]
    for few, many in pairwise(found):
        assert few[0] < many[0] < 1 and few[1] < many[1] < 1
    assert weighing(3.0).shrinkage(settings) == pytest.approx((0.3 / (0.3 + 0.7 / 3), 0.6 / (0.6 + 0.4 / 3)))


@pytest.mark.parametrize("views", [1.0, 2.5])
def test_nothing_stays_nothing_and_all_stays_all(views):
    for share in (0.0, 1.0):
        settings = FitSettings(shrinkage=share, shrinkage_colours=share)
        assert weighing(views).shrinkage(settings) == (share, share)


# --- predictions of the identity


def prediction(measured, variance, modes=60):
    """The posterior under N(0, 1) of what was measured with a variance, as a network would predict it."""
    measured, variance = (np.broadcast_to(a, modes).astype(float) for a in (measured, variance))
    return IdentityPrediction(measured / (1 + variance), np.sqrt(variance / (1 + variance)))


def test_without_predictions_people_are_as_they_are():
    prior = identity_prior([None, None], np.ones(2), 50)
    np.testing.assert_array_equal(prior.mean, 0)
    np.testing.assert_array_equal(prior.precision, 1)


def test_one_prediction_is_itself_in_the_modes_that_features_tell_of():
    rng = np.random.default_rng(0)
    one = IdentityPrediction(rng.normal(size=60), rng.uniform(0.4, 0.99, 60))
    for some, weights in (([one], [1.0]), ([None, one], [0.7, 1.0])):
        prior = identity_prior(some, np.array(weights), 60)
        np.testing.assert_allclose(prior.mean[:MODES], one.mean[:MODES])
        np.testing.assert_allclose(prior.precision[:MODES], one.sigma[:MODES] ** -2)
        np.testing.assert_array_equal(prior.mean[MODES:], 0)
        np.testing.assert_array_equal(prior.precision[MODES:], 1)


def test_independent_predictions_average_as_measurements():
    """As if all had been measured at once: the population counts once, not with each photo."""
    rng = np.random.default_rng(1)
    measured, variance = rng.normal(0, 1.5, (3, 60)), rng.uniform(0.3, 5, (3, 60))
    prior = identity_prior([prediction(*m) for m in zip(measured, variance, strict=True)], np.ones(3), 60)
    precision = 1 + (1 / variance).sum(axis=0)
    mean = (measured / variance).sum(axis=0) / precision
    np.testing.assert_allclose(prior.precision[:MODES], precision[:MODES])
    np.testing.assert_allclose(prior.mean[:MODES], mean[:MODES])


def test_weights_are_shares_of_a_measurement():
    whole, half = prediction(1.2, 0.5), prediction(1.2, 1.0)
    one, two = (identity_prior([p], np.array([w]), 60) for p, w in ((whole, 0.5), (half, 1.0)))
    np.testing.assert_allclose(one.mean, two.mean)
    np.testing.assert_allclose(one.precision, two.precision)
    twice = identity_prior([whole, whole], np.full(2, 0.5), 60)
    np.testing.assert_allclose(twice.mean, identity_prior([whole], np.ones(1), 60).mean)


def test_more_photos_never_know_less_than_one():
    """Where a network is less sure than of people in general, that is not added up."""
    vague = IdentityPrediction(np.full(60, 0.1), np.full(60, 1.2))
    sure = IdentityPrediction(np.full(60, 0.8), np.full(60, 0.6))
    for some in ([vague], [vague, vague], [vague] * 20, [vague, sure]):
        prior = identity_prior(some, np.ones(len(some)), 60)
        assert (prior.precision >= 1.2**-2 - 1e-9).all()
        assert np.isfinite(prior.mean).all()
    np.testing.assert_allclose(identity_prior([vague], np.ones(1), 60).mean[:MODES], 0.1)


def test_the_order_of_the_photos_does_not_matter():
    rng = np.random.default_rng(2)
    some = [prediction(*rng.uniform(0.5, 2, (2, 60))) for _ in range(3)]
    weights = np.array([0.4, 0.7, 0.9])
    one = identity_prior(some, weights, 60)
    other = identity_prior(some[::-1], weights[::-1], 60)
    np.testing.assert_allclose(one.mean, other.mean)
    np.testing.assert_allclose(one.precision, other.precision)
