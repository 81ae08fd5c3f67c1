"""The landmark noise model: read, interpolated, and worth something in the fit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from headshot.errors import ModelFormatError
from headshot.fitting.initialise import LandmarkObservation, start_view
from headshot.fitting.landmark_noise import LandmarkNoiseModel, load_landmark_noise, read
from headshot.fitting.landmarks import fit_landmarks
from headshot.fitting.priors import IdentityPrior
from headshot.fitting.schedule import begin, descend_landmarks
from headshot.fitting.settings import FitSettings
from headshot.geometry.camera import Camera, rotation_from_angles
from headshot.models.head_model import PointModel
from headshot.models.topologies.mediapipe478 import MIRROR

FLIP = np.array([-1.0, 1.0, 1.0])


@pytest.fixture(scope="module")
def model(points: PointModel) -> PointModel:
    return points


@pytest.fixture(scope="module")
def errors() -> LandmarkNoiseModel:
    return load_landmark_noise()


def covariance(errors: LandmarkNoiseModel, model: PointModel, yaw: float) -> np.ndarray:
    """Of the correlated errors of some points, (P, P)."""
    found = errors.at(model, rotation_from_angles(yaw, 3, 2))
    modes = found.model.identity[len(model.identity) :, ::20].reshape(found.nuisance, -1)
    return modes.T @ modes


def test_at_a_measured_yaw_the_measured_errors_count(errors, model):
    for k in (1, 3):
        found = errors.at(model, rotation_from_angles(float(errors.yaw[k]), 0, 0))
        assert found.deviation == pytest.approx(errors.deviation[k], rel=1e-4)
        some = errors.modes[k][:, ::20].reshape(len(errors.modes[k]), -1)
        assert covariance(errors, model, float(errors.yaw[k])) == pytest.approx(some.T @ some, abs=1e-3)


def test_between_two_yaws_covariances_are_interpolated(errors, model):
    one, other = float(errors.yaw[2]), float(errors.yaw[3])
    ends = [covariance(errors, model, yaw) for yaw in (one, other)]
    assert covariance(errors, model, one + (other - one) / 4) == pytest.approx(
        0.75 * ends[0] + 0.25 * ends[1], abs=1e-3
    )


def test_beyond_the_measured_yaws_they_stay_the_same(errors, model):
    last = errors.at(model, rotation_from_angles(float(errors.yaw[-1]), 0, 0))
    beyond = errors.at(model, rotation_from_angles(85, 0, 0))
    assert beyond.deviation == pytest.approx(last.deviation)
    assert beyond.model.identity == pytest.approx(last.model.identity, abs=1e-4)


def test_mirrored_heads_have_mirrored_errors(errors):
    assert errors.yaw == pytest.approx(-errors.yaw[::-1])
    for left, right in zip(errors.modes, errors.modes[::-1, :, MIRROR] * FLIP, strict=True):
        # Covariances, as the sign of a mode means nothing.
        a, b = (m[:, ::9].reshape(len(m), -1) for m in (left, right))
        assert a.T @ a == pytest.approx(b.T @ b, abs=0.02)
    assert errors.deviation[::-1][:, MIRROR] == pytest.approx(errors.deviation, rel=0.01)


def test_the_network_reports_less_of_a_head_than_there_is(errors, model):
    """Faces are drawn to the average, and so is the whole of the modes, weighted by their size."""
    both = (model.identity * (model.identity + errors.identity)).sum()
    assert 0.3 < both / (model.identity**2).sum() < 1.0


@pytest.mark.parametrize("yaw", [0.0, 33.0])
def test_expected_errors_do_less_harm_than_unexpected_ones(errors, model, yaw):
    """Points as the network would report them: a fit that knows how must be nearer to the truth."""
    rng = np.random.default_rng(3)
    blind, knowing = [], []
    for _ in range(6):
        rotation = rotation_from_angles(yaw, 4, -3)
        camera = Camera(600, 600, 1400.0, (300.0, 300.0), rotation, np.array([5.0, 10.0, -800.0]))
        identity = rng.normal(size=len(model.identity))
        none = np.zeros(len(model.expression))
        reported = errors.at(model, rotation)
        drawn = np.concatenate([identity, rng.normal(size=reported.nuisance)])
        points = camera.project(reported.model.positions(drawn, none))
        points += rng.normal(size=points.shape) * (reported.deviation * 1400 / 800)[:, None]
        seen = LandmarkObservation(points, np.ones(len(points)), none, 600, 600, None)
        for found, known in ((blind, None), (knowing, errors)):
            fit = fit_landmarks(seen, model, noise_model=known)
            gap = np.tensordot(fit.identity - identity, model.identity, 1)
            found.append(np.linalg.norm(gap, axis=1).mean())
    assert np.mean(knowing) < 0.96 * np.mean(blind)


def test_the_errors_found_are_apart_from_the_person(errors, model):
    camera = Camera(600, 600, 1400.0, (300.0, 300.0), np.eye(3), np.array([0.0, 0.0, -800.0]))
    none = np.zeros(len(model.expression))
    reported = errors.at(model, np.eye(3))
    drawn = np.zeros(len(reported.model.identity))
    drawn[len(model.identity)] = 3.0
    points = camera.project(reported.model.positions(drawn, none))
    seen = LandmarkObservation(points, np.ones(478), none, 600, 600, 1400.0)
    prior = IdentityPrior.standard(len(model.identity))
    start = start_view(seen, model, prior.mean, FitSettings(), errors)
    fit = descend_landmarks(begin([start], prior), FitSettings())
    nuisance = fit.state.views[0].nuisance
    assert fit.identity.shape == (len(model.identity),)
    assert nuisance.shape == (reported.nuisance,)
    assert np.linalg.norm(nuisance) > np.linalg.norm(fit.identity)


def test_another_model_is_refused(errors, model):
    with pytest.raises(ValueError, match="identity modes"):
        errors.at(replace(model, identity=model.identity[:5], correction=model.correction[:, :5]), np.eye(3))


def test_a_foreign_or_damaged_file_is_refused(tmp_path: Path):
    file = tmp_path / "errors.npz"
    np.savez(file, format_version=np.int32(9))
    with pytest.raises(ModelFormatError, match="format version 9"):
        read(file)
    np.savez(file, yaw=np.zeros(3))
    with pytest.raises(ModelFormatError, match="read as a landmark noise model"):
        read(file)
    file.write_bytes(b"PK")
    with pytest.raises(ModelFormatError):
        read(file)
