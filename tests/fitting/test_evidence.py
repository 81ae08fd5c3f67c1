"""From what networks saw to terms: hidden, blurred and predicted landmarks count as they should."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from headshot.arrays import Array
from headshot.fitting.evidence import (
    ALONE_DENSE,
    ALONE_INNER,
    BESIDE_INNER,
    CONFIDENCE,
    JAW_OPEN,
    MOST_INFLATION,
    RESTING,
    STEADY,
    expression_prior,
    fit_models,
    hidden_inflation,
    landmark_observation,
    mirror_inflation,
    start_observed,
)
from headshot.fitting.priors import IdentityPrior
from headshot.fitting.schedule import begin, descend_landmarks
from headshot.fitting.settings import FitSettings
from headshot.fitting.terms.distances import DistanceTerm
from headshot.fitting.terms.points import PointTerm
from headshot.models.arkit import ARKIT52
from headshot.models.head_model import load_head_model
from headshot.models.topologies.mediapipe478 import EYELIDS, LOWER_LIP, OVAL, UPPER_LIP
from headshot.perception.observe import FaceObservation
from headshot.perception.segmentation import segment

NONE = np.zeros(100)


def noise(seen: FaceObservation, head) -> Array:
    return start_observed(seen, fit_models(head), NONE, FitSettings()).problem.landmarks.noise


def test_points_under_a_mask_count_less(observed, head) -> None:
    seen = observed("grace_hopper")
    points = seen.landmarks.points
    # Glasses and a cap hide nothing that matters.
    np.testing.assert_array_equal(hidden_inflation(points, seen.segmentation), 1)

    covered = seen.photo.pixels.copy()
    nose, chin = points[[4, 152]]
    half = 0.45 * float(np.ptp(points[:, 0]))
    covered[int(nose[1]) : int(chin[1]) + 9, int(nose[0] - half) : int(nose[0] + half)] = (150, 175, 190)
    parts = segment(covered, points)
    hidden = hidden_inflation(points, parts)
    assert np.median(hidden[list(UPPER_LIP + LOWER_LIP)]) > 10
    np.testing.assert_array_equal(hidden[list(OVAL)], 1)
    assert hidden[list(EYELIDS)].max() < 1.5

    given = landmark_observation(seen.photo, seen.landmarks, parts).hidden
    assert given is not None
    np.testing.assert_array_equal(given, hidden)
    assert landmark_observation(seen.photo, seen.landmarks).hidden is None

    # Points that are wrong then hardly matter.
    wrong = points.copy()
    mouth = list(UPPER_LIP + LOWER_LIP)
    wrong[mouth] += [0.08 * seen.landmarks.extent, 0]
    moved, models = [], fit_models(head)
    for known in (None, parts):
        lips = []
        for where in (points, wrong):
            found = replace(seen.landmarks, points=where)
            alone = replace(seen, landmarks=found, prediction=None, segmentation=known)
            start = start_observed(alone, models, NONE, FitSettings())
            fit = descend_landmarks(begin([start], IdentityPrior.standard(100)), FitSettings())
            view = fit.state.views[0]
            at = view.camera.project(models.landmarks.positions(fit.identity, view.expression))
            lips.append(at[mouth].mean(axis=0))
        moved.append(np.linalg.norm(lips[1] - lips[0]))
    assert moved[1] < 0.7 * moved[0]


def test_landmarks_that_disagree_in_the_mirror_count_less(observed, head) -> None:
    """As those of blurred faces do; unless the in-house network is as unsure, or was not run."""
    seen = observed("astronaut")
    usual = float(seen.prediction.sigma68[17:].mean()) / seen.landmarks.extent

    def with_spread(spread: float, seen: FaceObservation = seen) -> Array:
        return noise(replace(seen, landmarks=replace(seen.landmarks, spread=spread)), head)

    steady, blurred = with_spread(0.0), with_spread(1.2 * usual)
    np.testing.assert_allclose(blurred, 4 * steady)
    unsure = replace(seen.prediction, sigma68=2 * seen.prediction.sigma68)
    np.testing.assert_allclose(with_spread(1.2 * usual, replace(seen, prediction=unsure)), steady)
    np.testing.assert_allclose(with_spread(1.2 * usual, replace(seen, prediction=None)), steady)


def test_noise_grows_with_the_square_of_the_spread_up_to_a_limit(observed) -> None:
    seen = observed("astronaut")
    usual = STEADY * float(seen.prediction.sigma68[17:].mean()) / seen.landmarks.extent
    found = [
        mirror_inflation(replace(seen.landmarks, spread=factor * usual), seen.prediction)
        for factor in (0.0, 1.0, 1.5, 2.0, 100.0)
    ]
    assert found == pytest.approx([1, 1, 2.25, 4, MOST_INFLATION])


def test_points_of_the_in_house_network_alone_have_noise_in_proportion_to_its_own(observed, head) -> None:
    seen = observed("grace_hopper", in_house=True)
    found = seen.landmarks.prediction
    assert found is not None and seen.prediction is found
    start = start_observed(seen, fit_models(head), NONE, FitSettings())
    dense, inner = np.split(start.problem.landmarks.noise, [478])
    np.testing.assert_allclose(dense, ALONE_DENSE * found.sigma)
    np.testing.assert_allclose(inner, ALONE_INNER * found.sigma68[17:])
    assert (start.noise, start.problem.others, start.problem.outlines) == (None, (), ())
    np.testing.assert_array_equal(start.problem.prior.expression, found.expression)
    # They stand for the landmarks whatever else was seen of the photo.
    np.testing.assert_array_equal(noise(replace(seen, prediction=None, segmentation=None), head)[:478], dense)


def test_points_distances_and_contour_stand_beside_landmarks(observed, head) -> None:
    seen, models = observed("astronaut"), fit_models(head)
    problem = start_observed(seen, models, NONE, FitSettings()).problem
    points, distances = problem.others
    assert isinstance(points, PointTerm)
    assert isinstance(distances, DistanceTerm)
    np.testing.assert_allclose(points.deviation, BESIDE_INNER * seen.prediction.sigma68[17:])
    (contour,) = problem.outlines
    np.testing.assert_array_equal(contour.seen.points, seen.prediction.points68[:17])
    alone = replace(seen, prediction=None)
    problem = start_observed(alone, models, NONE, FitSettings()).problem
    (only,) = problem.others
    assert isinstance(only, DistanceTerm) and problem.outlines == ()


def test_an_observation_says_what_is_known_of_the_photo(observed) -> None:
    seen = observed("grace_hopper")
    given = landmark_observation(seen.photo, seen.landmarks, inflation=2.0)
    np.testing.assert_array_equal(given.points, seen.landmarks.points)
    np.testing.assert_array_equal(given.confidence, CONFIDENCE)
    np.testing.assert_array_equal(given.expression, expression_prior(seen.landmarks.blendshapes))
    assert (given.width, given.height) == (seen.photo.width, seen.photo.height)
    assert given.focal == seen.photo.focal_pixels()
    assert (given.inflation, given.deviation, given.narrowing) == (2.0, None, None)


def test_the_jaw_is_shut_where_teeth_are_seen_to_be_together(observed) -> None:
    """The astronaut's smile shows teeth from lip to lip."""
    seen = observed("astronaut")
    given = landmark_observation(seen.photo, seen.landmarks)
    usual = expression_prior(seen.landmarks.blendshapes)
    assert given.narrowing is not None and given.narrowing[JAW_OPEN] < 0.3
    assert given.expression[JAW_OPEN] < 0.3 * usual[JAW_OPEN]
    for values, expected in ((given.narrowing, np.ones(52)), (given.expression, usual)):
        np.testing.assert_array_equal(np.delete(values, JAW_OPEN), np.delete(expected, JAW_OPEN))
    models = fit_models(load_head_model("low"))
    prior = start_observed(seen, models, NONE, FitSettings()).problem.prior
    assert np.asarray(prior.expression_noise)[JAW_OPEN] < 0.3 * FitSettings().expression_noise


def test_relaxed_faces_are_expected_to_be_relaxed() -> None:
    squint = ARKIT52.index("eyeSquintLeft")
    scores = np.full(52, 0.1)
    assert expression_prior(scores)[squint] == 0
    scores[squint] = RESTING["eyeSquintLeft"] + (1 - RESTING["eyeSquintLeft"]) / 2
    expected = expression_prior(scores)
    assert expected[squint] == pytest.approx(0.5)
    np.testing.assert_allclose(np.delete(expected, [squint, ARKIT52.index("eyeSquintRight")]), 0.1)
    assert expression_prior(np.ones(52)).max() == 1


def test_a_model_is_prepared_once(head) -> None:
    models = fit_models(head)
    assert fit_models(head) is models
    assert len(models.landmarks.mean) == 478
    assert len(models.inner.mean) == 51
    np.testing.assert_array_equal(models.both.mean[478:], models.inner.mean)
    np.testing.assert_array_equal(models.both.identity[:, :478], models.landmarks.identity)
