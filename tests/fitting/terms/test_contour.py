"""The outline of the face as evidence: its derivatives, and jaws that follow it."""

from dataclasses import replace

import numpy as np
import pytest

from headshot.fitting import Evidence, FitSettings, LandmarkSolver, Observation, landmarks68
from headshot.fitting.landmark_noise import load_landmark_noise
from headshot.fitting.terms.contour import Candidates, Outline, face_outline
from headshot.geometry.camera import Camera, rotation_from_angles, rotation_from_vector
from headshot.models.head_model import load_head_model


def camera_at(yaw):
    turn = rotation_from_angles(yaw, 4, -3)
    return Camera(400, 400, 1600.0, (200.0, 200.0), turn, np.array([0.0, 20.0, -900]))


@pytest.fixture(scope="module")
def head():
    return load_head_model("low")


@pytest.fixture(scope="module")
def candidates(head):
    return Candidates.of(head)


@pytest.mark.parametrize("yaw", [0, 35])
def test_they_are_where_the_points_are_reported(head, candidates, yaw):
    rng = np.random.default_rng(1)
    identity, camera = rng.normal(size=len(head.identity)), camera_at(yaw)
    expression = np.zeros(52)
    reported = landmarks68(head, head.shape(identity, expression), camera)[:17]
    seen = candidates.seen(identity, expression, camera).positions(identity, expression)
    np.testing.assert_allclose(seen, reported, atol=1e-3)


def test_equations_are_the_slope_of_the_cost(candidates):
    rng = np.random.default_rng(3)
    camera, count = camera_at(15), len(candidates.model.identity)
    identity, expression = rng.normal(size=count), rng.uniform(size=52)
    seen = camera.project(candidates.seen(identity, expression, camera).positions(identity, expression))
    deviation = rng.uniform(2, 6, 17)
    deviation[4] = np.inf
    outline = Outline(seen + rng.normal(scale=6, size=(17, 2)), deviation, candidates)
    _, gradient = outline.equations(identity, expression, camera)
    assert gradient.shape == (7 + count + 52,)

    def cost(step):
        rotation = rotation_from_vector(step[:3]) @ camera.rotation
        focal, translation = camera.focal * float(np.exp(step[6])), camera.translation + step[3:6]
        moved = replace(camera, focal=focal, rotation=rotation, translation=translation)
        first = 7 + count
        return outline.cost(identity + step[7:first], expression + step[first:], moved) / 2

    # Steps are small: the weights of the equations are those of the robust cost at one place.
    for k in (0, 1, 2, 3, 4, 5, 6, 7, 12, 7 + count + 24, 7 + count + 30):
        step = np.zeros(len(gradient))
        step[k] = 0.02 if 3 <= k < 6 else 1e-3
        slope = (cost(step) - cost(-step)) / (2 * step[k])
        assert -gradient[k] == pytest.approx(slope, rel=0.02, abs=0.02)


def test_points_that_slide_along_the_outline_say_nothing(candidates):
    camera, count = camera_at(0), len(candidates.model.identity)
    shape = np.zeros(count), np.zeros(52)
    seen = camera.project(candidates.seen(*shape, camera).positions(*shape))
    slid = seen + 0.2 * np.gradient(seen, axis=0)
    away = seen + 0.2 * np.gradient(seen, axis=0)[:, ::-1] * [1, -1]
    along, across = (Outline(p, np.full(17, 3.0), candidates).cost(*shape, camera) for p in (slid, away))
    assert along < 1e-6 < 1 < across


def test_the_turned_side_is_left_out_of_turned_faces(candidates):
    points, deviation = np.zeros((17, 2)), np.ones(17)
    assert np.isfinite(face_outline(points, deviation, 10.0, candidates).deviation).all()
    for yaw, lost in ((40.0, slice(0, 8)), (-40.0, slice(9, 17))):
        left_out = np.isinf(face_outline(points, deviation, yaw, candidates).deviation)
        assert left_out[lost].all()
        assert left_out.sum() == 8
    assert np.isinf(face_outline(points, deviation, -60.0, candidates).deviation).all()


def test_a_jaw_that_landmarks_do_not_show_is_found(head, candidates):
    """A wide jaw: landmarks with large errors leave it at the average, the outline shows it."""
    rng = np.random.default_rng(4)
    model, camera = head.at(head.landmarks["mediapipe478"]), camera_at(0)
    true, still = rng.normal(size=len(head.identity)), np.zeros(52)
    points = camera.project(model.positions(true, still)) + rng.normal(scale=2, size=(478, 2))
    seen = Observation(points, np.ones(478), still, 400, 400, camera.focal)
    jaw = camera.project(landmarks68(head, head.shape(true, still), camera)[:17])

    def off(evidence):
        settings = FitSettings(inflation=6.0)
        fit = LandmarkSolver(seen, model, settings, load_landmark_noise(), evidence).run()
        found = landmarks68(head, head.shape(fit.identity, fit.expression), fit.camera)[:17]
        along = np.gradient(jaw, axis=0)
        across = np.stack([along[:, 1], -along[:, 0]], axis=1) / np.linalg.norm(along, axis=1)[:, None]
        return float(abs(((fit.camera.project(found) - jaw) * across).sum(axis=1)).mean())

    told = Evidence(outline=face_outline(jaw, np.full(17, 1.5), 0.0, candidates))
    assert off(told) < 0.5 * off(Evidence())
