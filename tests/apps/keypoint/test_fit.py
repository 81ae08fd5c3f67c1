"""The keypoint fit: known faces are recovered from their exact landmarks, real ones are fitted closely."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from headshot.apps.keypoint.fit import KeypointFitter, KeypointSettings, fit_keypoints
from headshot.geometry.camera import Camera, rotation_from_angles
from headshot.geometry.view import Orthographic
from headshot.models.linear import LinearModel
from headshot.models.readers import read_linear_model


@pytest.fixture(scope="module")
def model() -> LinearModel:
    return read_linear_model("headshot")


def truth(
    model: LinearModel, seed: int, modes: int, yaw: float
) -> tuple[np.ndarray, np.ndarray, Orthographic]:
    """Coefficients, 68 landmarks (the jaw's on its line, which is exact for a frontal view), and the view."""
    rng = np.random.default_rng(seed)
    a = np.zeros(len(model.identity))
    a[:modes] = rng.standard_normal(modes)
    view = Orthographic(rotation_from_angles(yaw, 5, -3), np.array([250.0, 260.0]), 2.0)
    face = model.shape(a, np.zeros(len(model.expression)))
    points = np.full((68, 2), np.nan)
    points[model.landmarks.index] = view.project(model.landmarks.points.on(face, model.triangles))
    return a, points, view


def narrow(model: LinearModel, modes: int, expressions: int = 0) -> LinearModel:
    """A model with few modes: landmarks determine them."""
    return replace(
        model,
        identity=model.identity[:modes],
        expression=model.expression[:expressions],
        expression_names=model.expression_names[:expressions],
    )


@pytest.mark.parametrize("solve", ["joint", "alternating"])
@pytest.mark.parametrize("yaw", [0.0, 25.0])
def test_exact_landmarks_give_exact_coefficients(model: LinearModel, solve: str, yaw: float) -> None:
    small = narrow(model, 6)
    a, points, view = truth(small, 3, 6, yaw)
    settings = KeypointSettings(
        "orthographic", solve, noise=1e-6, outlier=np.inf, iterations=400, tolerance=1e-4
    )
    fit = fit_keypoints(points, small, (500, 500), settings=settings)
    tolerance = 2e-3 if solve == "joint" else 0.05  # taking turns creeps
    np.testing.assert_allclose(fit.identity, a, atol=tolerance)
    np.testing.assert_allclose(fit.view.angles, view.angles, atol=50 * tolerance)
    if solve == "joint":
        assert fit.rms < 1e-2 and fit.iterations < 20


def test_expressions_are_recovered_and_not_negative(model: LinearModel) -> None:
    names = ("jawOpen", "mouthSmileLeft", "browInnerUp")
    rows = [model.expression_names.index(name) for name in names]
    small = replace(narrow(model, 4), expression=model.expression[rows], expression_names=names)
    a, _, view = truth(small, 1, 4, 0.0)
    weights = np.array([0.7, 0.0, 0.4])
    face = small.shape(a, weights)
    points = np.full((68, 2), np.nan)
    points[small.landmarks.index] = view.project(small.landmarks.points.on(face, small.triangles))
    settings = KeypointSettings("orthographic", noise=1e-6, expression_spread=np.inf, outlier=np.inf)
    fit = fit_keypoints(points, small, (500, 500), settings=settings)
    np.testing.assert_allclose(fit.expression, weights, atol=5e-3)
    np.testing.assert_allclose(fit.identity, a, atol=2e-2)
    mirrored = fit_keypoints(
        np.where(np.isfinite(points), view.project([0, 0, 0]) * 2 - points, np.nan), small, (500, 500)
    )
    assert (mirrored.expression >= 0).all() and (mirrored.expression <= 1).all()


def test_perspective_explains_perspective(model: LinearModel) -> None:
    small = narrow(model, 6)
    a, _, _ = truth(small, 4, 6, 0.0)
    position = np.array([10.0, -15.0, -450.0])
    camera = Camera(640, 480, 700.0, (320, 240), rotation_from_angles(12, -6, 4), position)
    face = small.shape(a, [])
    points = np.full((68, 2), np.nan)
    points[small.landmarks.index] = camera.project(small.landmarks.points.on(face, small.triangles))
    settings = KeypointSettings(noise=1e-6, outlier=np.inf, iterations=60)
    fit = fit_keypoints(points, small, (640, 480), 700.0, settings)
    assert isinstance(fit.view, Camera)
    np.testing.assert_allclose(fit.identity, a, atol=0.02)
    np.testing.assert_allclose(fit.view.translation, position, atol=0.5)
    flat = fit_keypoints(points, small, (640, 480), 700.0, KeypointSettings("orthographic", noise=1e-6))
    assert flat.rms > 5 * fit.rms  # from half a metre, orthography does not


def test_noise_decides_between_landmarks_and_prior(model: LinearModel) -> None:
    rng = np.random.default_rng(2)
    _, points, _ = truth(model, 0, 30, 0.0)
    points = points + rng.normal(0, 4, points.shape)
    fits = [
        fit_keypoints(points, model, (500, 500), settings=KeypointSettings(noise=n, outlier=np.inf))
        for n in (0.005, 0.02, 0.1)
    ]
    assert fits[0].rms < fits[1].rms < fits[2].rms
    norms = [np.linalg.norm(fit.identity) for fit in fits]
    assert norms[0] > norms[1] > norms[2] and norms[2] < 1


def test_size_of_the_photo_does_not_matter(model: LinearModel) -> None:
    _, points, _ = truth(model, 5, 20, 10.0)
    points = points + np.random.default_rng(0).normal(0, 3, points.shape)
    small, large = (fit_keypoints(s * points, model, (500 * s, 500 * s)) for s in (1, 3))
    np.testing.assert_allclose(small.identity, large.identity, atol=1e-5)
    np.testing.assert_allclose(3 * small.residual, large.residual, atol=1e-4)


def test_one_wrong_landmark_is_ignored(model: LinearModel) -> None:
    _, points, _ = truth(model, 6, 20, 0.0)
    clean = fit_keypoints(points, model, (500, 500))
    spoiled = points.copy()
    spoiled[54] += [90, 60]
    robust = fit_keypoints(spoiled, model, (500, 500))
    trusting = fit_keypoints(spoiled, model, (500, 500), settings=KeypointSettings(outlier=np.inf))

    def distance(fit: object) -> float:
        return float(np.abs(fit.vertices - clean.vertices).max())  # type: ignore[attr-defined]

    assert distance(robust) < 3 < distance(trusting)


def test_bad_input(model: LinearModel) -> None:
    with pytest.raises(ValueError, match=r"\(68, 2\)"):
        fit_keypoints(np.zeros((67, 2)), model, (100, 100))
    points = np.full((68, 2), np.nan)
    points[30:34] = 1
    with pytest.raises(ValueError, match="at least 6"):
        fit_keypoints(points, model, (100, 100))
    with pytest.raises(ValueError, match="camera must be one of"):
        KeypointSettings(camera="fisheye")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="positive"):
        KeypointSettings(noise=0)


def test_landmarks_of_photos(small_data: Path) -> None:
    """The Surrey model explains hand landmarks to 2 % of the face's size, whatever the camera model."""
    surrey = read_linear_model(small_data / "sfm" / "sfm_shape_3448.bin")
    files = sorted((small_data / "helen-train").glob("*.pts"))
    files = files[:: len(files) // 8]
    for camera in ("perspective", "orthographic"):
        fitter = KeypointFitter(surrey, KeypointSettings(camera))  # type: ignore[arg-type]
        shares, converged = [], []
        for file in files:
            points = np.loadtxt(file)
            fit = fitter.fit(points, (320, 320))
            shares.append(fit.rms / np.sqrt(np.prod(np.ptp(points, axis=0))))
            converged.append(fit.converged)
            assert (fit.expression >= 0).all() and np.linalg.norm(fit.identity) < 9
        assert np.median(shares) < 0.02 and np.mean(converged) > 0.7


def test_photo_of_eos(small_data: Path) -> None:
    """The example of the eos distribution: its own fit turns the head by -28 degrees."""
    surrey = read_linear_model(small_data / "sfm" / "sfm_shape_3448.bin")
    lines = (small_data / "sfm" / "image_0010.pts").read_text().splitlines()[3:71]
    points = np.array([[float(x) for x in line.split()] for line in lines]) - 0.5
    fit = fit_keypoints(points, surrey, (1280, 1024))
    assert -32 < fit.view.angles[0] < -22 and fit.rms < 6.5
    assert fit.expression[0] > 0.5  # an open-mouthed grimace
