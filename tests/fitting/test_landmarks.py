"""The landmark fit on heads whose truth is known, and its Jacobian against finite differences."""

from dataclasses import replace

import numpy as np
import pytest
from headshot.fitting.bounded import bounded_step

from headshot.fitting.landmark_noise import load_landmark_noise
from headshot.fitting.landmarks import (
    FitSettings,
    LandmarkSolver,
    Observation,
    fit_landmarks,
)
from headshot.geometry.camera import Camera, rotation_from_angles, rotation_from_vector
from headshot.models.head_model import load_head_model

EXACT = FitSettings(noise=0.001, expression_noise=0.5)


@pytest.fixture(scope="module")
def model():
    head = load_head_model("low")
    return head.at(head.landmarks["mediapipe478"])


def truth(model, seed=0, yaw=0.0):
    rng = np.random.default_rng(seed)
    identity = rng.normal(size=len(model.identity))
    expression = np.clip(rng.normal(0, 0.25, size=len(model.expression)), 0, 1)
    camera = Camera(
        512, 512, 900.0, (256.0, 256.0), rotation_from_angles(yaw, 8, -5), np.array([15.0, 8.0, -700.0])
    )
    return identity, expression, camera


def observe(model, identity, expression, camera, focal=900.0):
    return Observation(
        points=camera.project(model.positions(identity, expression)),
        confidence=np.ones(len(model.mean)),
        expression=np.zeros(len(model.expression)),
        width=camera.width,
        height=camera.height,
        focal=focal,
    )


@pytest.mark.parametrize("yaw", [0, 35, -65])
def test_exact_landmarks_give_back_the_head(model, yaw):
    identity, expression, camera = truth(model, yaw=yaw)
    fit = fit_landmarks(observe(model, identity, expression, camera), model, EXACT)
    assert np.abs(fit.residual).max() < 0.5
    assert fit.camera.angles == pytest.approx(camera.angles, abs=1.0)
    recovered = model.positions(fit.identity, fit.expression)
    error = np.linalg.norm(recovered - model.positions(identity, expression), axis=1).mean()
    mean_error = np.linalg.norm(model.mean - model.positions(identity, expression), axis=1).mean()
    assert error < 0.35 * mean_error
    assert np.corrcoef(fit.identity, identity)[0, 1] > 0.9
    assert ((fit.expression >= 0) & (fit.expression <= 1)).all()


def test_the_mean_head_stays_the_mean_head(model):
    _, _, camera = truth(model)
    none = np.zeros(len(model.expression))
    fit = fit_landmarks(observe(model, np.zeros(len(model.identity)), none, camera), model)
    assert np.abs(fit.identity).max() < 0.1
    assert np.abs(fit.residual).max() < 0.5


def test_outliers_lose_their_influence(model):
    identity, expression, camera = truth(model)
    seen = observe(model, identity, expression, camera)
    clean = fit_landmarks(seen, model)
    spoiled = seen.points.copy()
    wrong = np.arange(0, len(spoiled), 12)
    spoiled[wrong] += [60.0, -40.0]
    fit = fit_landmarks(replace(seen, points=spoiled), model)
    assert fit.weight[wrong].max() < 0.2
    assert np.abs(fit.camera.project(model.mean) - clean.camera.project(model.mean)).max() < 4


def test_points_without_confidence_or_position_are_left_out(model):
    identity, expression, camera = truth(model)
    seen = observe(model, identity, expression, camera)
    points, confidence = seen.points.copy(), seen.confidence.copy()
    points[:50] = np.nan
    points[50:100] += 500
    confidence[50:100] = 0
    fit = fit_landmarks(replace(seen, points=points, confidence=confidence), model, EXACT)
    assert np.abs(fit.residual[100:]).max() < 1
    assert (fit.weight[50:100] == 0).all()


def test_errors_are_those_that_are_given_times_the_doubt(model):
    seen = observe(model, *truth(model))
    usual = LandmarkSolver(seen, model, FitSettings()).noise
    doubt = np.linspace(1, 5, len(usual))
    doubted = LandmarkSolver(replace(seen, doubt=doubt), model, FitSettings()).noise
    assert doubted == pytest.approx(doubt * usual)
    given = replace(seen, deviation=np.linspace(2, 3, len(usual)))
    assert LandmarkSolver(given, model, FitSettings()).noise == pytest.approx(given.deviation)
    both = replace(given, doubt=doubt)
    assert LandmarkSolver(both, model, FitSettings()).noise == pytest.approx(doubt * given.deviation)


@pytest.mark.parametrize("errors", [None, load_landmark_noise()], ids=["plain", "measured"])
def test_points_that_are_doubted_may_be_wrong(model, errors):
    seen = observe(model, *truth(model))
    wrong = seen.points.copy()
    wrong[:100] += [12.0, -6.0]
    doubt = np.where(np.arange(len(wrong)) < 100, 20.0, 1.0)

    def moved(doubt):
        ends = []
        for points in (seen.points, wrong):
            fit = fit_landmarks(replace(seen, points=points, doubt=doubt), model, errors=errors)
            ends.append(fit.camera.project(model.positions(fit.identity, fit.expression)))
        return np.linalg.norm(ends[1] - ends[0], axis=1).mean()

    assert moved(doubt) < 0.3 * moved(None)


@pytest.mark.parametrize("turn", [0.0, 12.0])
def test_a_head_that_turns_gets_back_the_points_that_were_doubted(model, turn):
    """Half a face tells its turn badly; while it stands still, they stay doubted."""
    identity, expression, camera = truth(model)
    seen = observe(model, 0 * identity, 0 * expression, camera)
    noise = {}
    for doubt in (1.0, 7.0):
        given = replace(seen, doubt=np.full(len(seen.points), doubt))
        solver = LandmarkSolver(given, model, FitSettings(), load_landmark_noise())
        solver.rotation = rotation_from_vector([0, np.radians(turn), 0]) @ solver.rotation
        solver.turned = solver.rotation
        noise[doubt] = solver.run().noise
    np.testing.assert_allclose(noise[7.0], (1 if turn else 7) * noise[1.0], rtol=0.02)


def test_a_recorded_focal_length_decides_the_distance(model):
    identity, expression, camera = truth(model)
    near = fit_landmarks(observe(model, identity, expression, camera, focal=900.0), model)
    assert near.camera.focal == pytest.approx(900, rel=0.1)
    assert -near.camera.translation[2] == pytest.approx(700, rel=0.1)
    free = fit_landmarks(observe(model, identity, expression, camera, focal=None), model)
    assert 500 < -free.camera.translation[2] < 2000


def test_jacobian_matches_finite_differences(model):
    identity, expression, camera = truth(model, yaw=20)
    solver = LandmarkSolver(observe(model, identity, expression, camera), model, FitSettings())
    solver.identity = 0.5 * identity
    solver.expression = 0.5 * expression + 0.1
    _, jacobian = solver.linearise()
    rotation, translation, focal = solver.rotation, solver.translation, solver.focal
    a, b = solver.identity.copy(), solver.expression.copy()
    step = 1e-2
    for parameter in [0, 1, 2, 3, 4, 5, 6, 7, 20, 7 + len(a), 7 + len(a) + 24, len(jacobian) - 1]:
        ends = []
        for sign in (step, -step):
            d = np.zeros(len(jacobian))
            d[parameter] = sign
            solver.rotation = rotation_from_vector(d[:3]) @ rotation
            solver.translation = translation + d[3:6]
            solver.focal = focal * np.exp(d[6])
            solver.identity, solver.expression = a + d[7 : 7 + len(a)], b + d[7 + len(a) :]
            ends.append(solver._project())
        numeric = (ends[0] - ends[1]) / (2 * step)
        scale = max(np.abs(numeric).max(), 1.0)
        assert jacobian[parameter] == pytest.approx(numeric, abs=0.02 * scale)


def test_bounded_step_minimises_over_the_box():
    rng = np.random.default_rng(1)
    a = rng.normal(size=(12, 6))
    hessian, gradient = a.T @ a, rng.normal(size=6) * 5
    start = np.array([0.2, 0.5, 0.9])
    step = bounded_step(hessian, gradient, start, 3)
    assert ((start + step[3:] >= -1e-9) & (start + step[3:] <= 1 + 1e-9)).all()

    def cost(d):
        return 0.5 * d @ hessian @ d - gradient @ d

    for _ in range(200):
        other = step + rng.normal(size=6) * 0.05
        other[3:] = np.clip(start + other[3:], 0, 1) - start
        assert cost(other) >= cost(step) - 1e-6


@pytest.mark.parametrize(
    "change",
    [
        {"points": np.zeros((5, 2))},
        {"expression": np.zeros(3)},
        {"confidence": np.zeros(478)},
        {"points": np.full((478, 2), np.nan)},
        {"doubt": np.ones(68)},
        {"deviation": np.zeros(478)},
    ],
)
def test_wrong_input_is_named(model, change):
    identity, expression, camera = truth(model)
    with pytest.raises(ValueError, match=r"expected|landmarks"):
        fit_landmarks(replace(observe(model, identity, expression, camera), **change), model)


def test_errors_are_given_once(model):
    seen = replace(observe(model, *truth(model)), deviation=np.ones(478))
    with pytest.raises(ValueError, match="either"):
        fit_landmarks(seen, model, errors=load_landmark_noise())
