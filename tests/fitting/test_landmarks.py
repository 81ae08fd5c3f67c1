"""The fit to landmarks alone, on heads whose truth is known."""

from dataclasses import replace

import numpy as np
import pytest

from headshot.fitting.initialise import LandmarkObservation
from headshot.fitting.landmark_noise import load_landmark_noise
from headshot.fitting.landmarks import fit_landmarks
from headshot.fitting.settings import FitSettings
from headshot.geometry.camera import Camera, rotation_from_angles

EXACT = FitSettings(noise=0.001, expression_noise=0.5)


def truth(model, seed=0, yaw=0.0):
    rng = np.random.default_rng(seed)
    identity = rng.normal(size=len(model.identity))
    expression = np.clip(rng.normal(0, 0.25, size=len(model.expression)), 0, 1)
    camera = Camera(
        512, 512, 900.0, (256.0, 256.0), rotation_from_angles(yaw, 8, -5), np.array([15.0, 8.0, -700.0])
    )
    return identity, expression, camera


def observe(model, identity, expression, camera, focal=900.0):
    return LandmarkObservation(
        points=camera.project(model.positions(identity, expression)),
        confidence=np.ones(len(model.mean)),
        expression=np.zeros(len(model.expression)),
        width=camera.width,
        height=camera.height,
        focal=focal,
    )


@pytest.mark.parametrize("yaw", [0, 35, -65])
def test_exact_landmarks_give_back_the_head(points, yaw):
    identity, expression, camera = truth(points, yaw=yaw)
    fit = fit_landmarks(observe(points, identity, expression, camera), points, EXACT)
    assert np.abs(fit.residual).max() < 0.5
    assert fit.camera.angles == pytest.approx(camera.angles, abs=1.0)
    recovered = points.positions(fit.identity, fit.expression)
    error = np.linalg.norm(recovered - points.positions(identity, expression), axis=1).mean()
    mean_error = np.linalg.norm(points.mean - points.positions(identity, expression), axis=1).mean()
    assert error < 0.35 * mean_error
    assert np.corrcoef(fit.identity, identity)[0, 1] > 0.9
    assert ((fit.expression >= 0) & (fit.expression <= 1)).all()
    assert 4 <= fit.steps <= EXACT.iterations


def test_the_mean_head_stays_the_mean_head(points):
    _, _, camera = truth(points)
    none = np.zeros(len(points.expression))
    fit = fit_landmarks(observe(points, np.zeros(len(points.identity)), none, camera), points)
    assert np.abs(fit.identity).max() < 0.1
    assert np.abs(fit.residual).max() < 0.5


def test_outliers_lose_their_influence(points):
    identity, expression, camera = truth(points)
    seen = observe(points, identity, expression, camera)
    clean = fit_landmarks(seen, points)
    spoiled = seen.points.copy()
    wrong = np.arange(0, len(spoiled), 12)
    spoiled[wrong] += [60.0, -40.0]
    fit = fit_landmarks(replace(seen, points=spoiled), points)
    assert fit.weight[wrong].max() < 0.2
    assert np.abs(fit.camera.project(points.mean) - clean.camera.project(points.mean)).max() < 4


def test_points_without_confidence_or_position_are_left_out(points):
    identity, expression, camera = truth(points)
    seen = observe(points, identity, expression, camera)
    places, confidence = seen.points.copy(), seen.confidence.copy()
    places[:50] = np.nan
    places[50:100] += 500
    confidence[50:100] = 0
    fit = fit_landmarks(replace(seen, points=places, confidence=confidence), points, EXACT)
    assert np.abs(fit.residual[100:]).max() < 1
    assert (fit.weight[:100] == 0).all()


@pytest.mark.parametrize("errors", [None, load_landmark_noise()], ids=["plain", "measured"])
def test_points_that_are_hidden_may_be_wrong(points, errors):
    seen = observe(points, *truth(points))
    wrong = seen.points.copy()
    wrong[:100] += [12.0, -6.0]
    hidden = np.where(np.arange(len(wrong)) < 100, 20.0, 1.0)

    def moved(hidden):
        ends = []
        for places in (seen.points, wrong):
            fit = fit_landmarks(replace(seen, points=places, hidden=hidden), points, noise_model=errors)
            ends.append(fit.camera.project(points.positions(fit.identity, fit.expression)))
        return np.linalg.norm(ends[1] - ends[0], axis=1).mean()

    assert moved(hidden) < 0.3 * moved(None)


def test_a_recorded_focal_length_decides_the_distance(points):
    identity, expression, camera = truth(points)
    near = fit_landmarks(observe(points, identity, expression, camera, focal=900.0), points)
    assert near.camera.focal == pytest.approx(900, rel=0.1)
    assert -near.camera.translation[2] == pytest.approx(700, rel=0.1)
    free = fit_landmarks(observe(points, identity, expression, camera, focal=None), points)
    assert 500 < -free.camera.translation[2] < 2000
