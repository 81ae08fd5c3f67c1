"""The contour of the face: its derivatives, and jaws that follow it."""

import numpy as np
import pytest

from headshot.fitting.initialise import LandmarkObservation, start_view
from headshot.fitting.landmark_noise import load_landmark_noise
from headshot.fitting.landmarks import result_of
from headshot.fitting.parameters import PersonState, ViewState
from headshot.fitting.priors import IdentityPrior
from headshot.fitting.schedule import begin, descend_landmarks
from headshot.fitting.settings import FitSettings
from headshot.fitting.terms.contour import ContourModel, FaceContour, face_contour
from headshot.geometry.camera import Camera, rotation_from_angles
from headshot.models.contour import landmarks68

NONE = np.zeros(0)


def camera_at(yaw):
    turn = rotation_from_angles(yaw, 4, -3)
    return Camera(400, 400, 1600.0, (200.0, 200.0), turn, np.array([0.0, 20.0, -900]))


def state(identity, expression, camera):
    return PersonState(identity, NONE), ViewState(camera, expression, NONE, NONE, NONE)


@pytest.fixture(scope="module")
def candidates(head):
    return ContourModel.of(head)


@pytest.mark.parametrize("yaw", [0, 35])
def test_they_are_where_the_points_are_reported(head, candidates, yaw):
    rng = np.random.default_rng(1)
    identity, camera = rng.normal(size=len(head.identity)), camera_at(yaw)
    expression = np.zeros(52)
    reported = landmarks68(head, head.shape(identity, expression), camera)[:17]
    seen = candidates.seen(identity, expression, camera).positions(identity, expression)
    np.testing.assert_allclose(seen, reported, atol=1e-3)


def test_equations_are_the_slope_of_the_cost(candidates, downhill):
    rng = np.random.default_rng(3)
    camera, count = camera_at(15), len(candidates.model.identity)
    identity, expression = rng.normal(size=count), rng.uniform(size=52)
    seen = camera.project(candidates.seen(identity, expression, camera).positions(identity, expression))
    deviation = rng.uniform(2, 6, 17)
    deviation[4] = np.inf
    person, view = state(identity, expression, camera)
    term = FaceContour(seen + rng.normal(scale=6, size=(17, 2)), deviation, candidates).at(person, view)
    equations = term.equations(person, view)
    assert equations.gradient.shape == (7 + count + 52,)
    gradient = np.zeros(len(equations.gradient))
    equations.add_to(np.zeros((len(gradient), len(gradient))), gradient)  # identity, pose, expression
    # Steps are small: the weights of the equations are those of the robust cost at one place.
    for k in (0, 5, *range(count, count + 7), count + 7 + 24, count + 7 + 30):
        size = 0.02 if count + 3 <= k < count + 5 else 1e-3
        assert gradient[k] == pytest.approx(downhill(term.cost, person, view, k, size), rel=0.02, abs=0.02)


def test_the_line_stays_where_it_is_until_it_is_located_anew(candidates):
    """So that a step that lowers the cost by its slope is not undone by another choice of points."""
    count = len(candidates.model.identity)
    seen = FaceContour(camera_at(0).project(candidates.model.mean[:17]), np.full(17, 3.0), candidates)
    here, there = (state(np.zeros(count), np.zeros(52), camera_at(yaw)) for yaw in (0, 35))
    one, other = seen.at(*here), seen.at(*there)
    before = one.cost(*there)
    one.equations(*there)
    assert one.cost(*there) == before
    assert before != pytest.approx(other.cost(*there), abs=0.1)
    assert one.located(*there).cost(*there) == other.cost(*there)


def test_points_that_slide_along_the_contour_say_nothing(candidates):
    camera, count = camera_at(0), len(candidates.model.identity)
    shape = np.zeros(count), np.zeros(52)
    seen = camera.project(candidates.seen(*shape, camera).positions(*shape))
    slid = seen + 0.2 * np.gradient(seen, axis=0)
    away = seen + 0.2 * np.gradient(seen, axis=0)[:, ::-1] * [1, -1]
    here = state(*shape, camera)
    along, across = (FaceContour(p, np.full(17, 3.0), candidates).at(*here).cost(*here) for p in (slid, away))
    assert along < 1e-6 < 1 < across


def test_the_turned_side_is_left_out_of_turned_faces(candidates):
    points, deviation = np.zeros((17, 2)), np.ones(17)
    assert np.isfinite(face_contour(points, deviation, 10.0, candidates).deviation).all()
    for yaw, lost in ((40.0, slice(0, 8)), (-40.0, slice(9, 17))):
        left_out = np.isinf(face_contour(points, deviation, yaw, candidates).deviation)
        assert left_out[lost].all()
        assert left_out.sum() == 8
    assert np.isinf(face_contour(points, deviation, -60.0, candidates).deviation).all()


def test_a_jaw_that_landmarks_do_not_show_is_found(head, points, candidates):
    """A wide jaw: landmarks with large errors leave it at the average, the contour shows it."""
    rng = np.random.default_rng(4)
    camera = camera_at(0)
    true, still = rng.normal(size=len(head.identity)), np.zeros(52)
    seen = camera.project(points.positions(true, still)) + rng.normal(scale=2, size=(478, 2))
    given = LandmarkObservation(seen, np.ones(478), still, 400, 400, camera.focal, inflation=6.0)
    jaw = camera.project(landmarks68(head, head.shape(true, still), camera)[:17])

    def off(contour):
        prior, settings = IdentityPrior.standard(len(true)), FitSettings()
        start = start_view(given, points, prior.mean, settings, load_landmark_noise())
        if contour is not None:
            start = start.with_contour(contour, prior.mean)
        fit = result_of(descend_landmarks(begin([start], prior), settings))
        found = landmarks68(head, head.shape(fit.identity, fit.expression), fit.camera)[:17]
        along = np.gradient(jaw, axis=0)
        across = np.stack([along[:, 1], -along[:, 0]], axis=1) / np.linalg.norm(along, axis=1)[:, None]
        return float(abs(((fit.camera.project(found) - jaw) * across).sum(axis=1)).mean())

    assert off(face_contour(jaw, np.full(17, 1.5), 0.0, candidates)) < 0.5 * off(None)
