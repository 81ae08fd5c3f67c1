"""Every kind of head model keeps the protocol: vertices, points and their derivatives, names and bounds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headshot.models.arkit import ARKIT52
from headshot.models.head_model import load_head_model
from headshot.models.protocol import BUNDLED, ExpressionPrior, FaceModel, arkit_numbers, fingerprint
from headshot.models.readers import read_linear_model, read_model


@pytest.fixture(scope="module", params=["bundled", "linear", "skinned"])
def model(request: pytest.FixtureRequest, tmp_path_factory: Any, skinned_arrays: Any) -> FaceModel:
    if request.param == "bundled":
        return load_head_model("low")
    if request.param == "linear":
        return read_linear_model("headshot")
    file = tmp_path_factory.mktemp("model") / "flame.npz"
    np.savez(file, **skinned_arrays.flame())
    return read_model(file)


def coefficients(model: FaceModel) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(2)
    a = rng.normal(size=len(model.identity)).astype(np.float32)
    return a, rng.uniform(0, 0.4, len(model.expression_names)).astype(np.float32)


def test_arrays_have_their_shapes(model: FaceModel) -> None:
    v, e = len(model.mean), len(model.expression_names)
    a, b = coefficients(model)
    assert model.shape(a, b).shape == model.neutral(a).shape == (v, 3)
    np.testing.assert_allclose(model.neutral(None), model.mean, atol=1e-3)
    assert model.expressions(a).shape == (e, v, 3)
    prior = model.expression_prior
    assert prior.low.shape == prior.high.shape == prior.deviation.shape == prior.arkit.shape == (e,)
    assert (prior.low <= prior.high).all() and (prior.deviation > 0).all()
    assert isinstance(model.id, str) and isinstance(model.file, str) and model.terms is not None
    assert all(0 <= first < last <= len(model.triangles) for first, last in model.parts.values())


def test_points_are_on_the_surface(model: FaceModel) -> None:
    a, b = coefficients(model)
    found = model.landmark_set("ibug68")
    assert found is not None and model.landmark_set("fan98") is None
    assert (np.diff(found.index) > 0).all() and (found.index >= 8).all()
    points = model.at(found.points)
    expected = found.points.on(model.shape(a, b), model.triangles)
    np.testing.assert_allclose(points.positions(a, b), expected, atol=0.02)
    np.testing.assert_allclose(points.mean, found.points.on(model.mean, model.triangles), atol=1e-3)
    assert points.identity.shape == (len(a), len(found), 3)
    assert points.expression.shape == (len(b), len(found), 3)
    few = points.restricted(np.array([4, 2]))
    np.testing.assert_allclose(few.positions(a, b), points.positions(a, b)[[4, 2]], atol=1e-4)


def test_derivatives_are_those_of_finite_differences(model: FaceModel) -> None:
    a, b = coefficients(model)
    found = model.landmark_set("ibug68")
    assert found is not None
    points = model.at(found.points)
    shape, slopes = points.linearised(a, b)
    np.testing.assert_allclose(shape, points.positions(a, b), atol=1e-4)
    e = len(b)
    for k in (0, len(a) - 1, len(a), len(a) + e - 3, len(a) + e - 1):
        step = np.zeros(len(a) + e, np.float32)
        step[k] = 0.02
        ahead = points.positions(a + step[: len(a)], b + step[len(a) :])
        behind = points.positions(a - step[: len(a)], b - step[len(a) :])
        np.testing.assert_allclose(slopes[k], (ahead - behind) / 0.04, atol=0.02)


def test_jaw_lines_run_from_the_ears_to_the_chin(model: FaceModel) -> None:
    right, left = (model.jaw_lines()[side].on(model.mean, model.triangles) for side in ("right", "left"))
    assert right[0, 0] < -40 < 40 < left[0, 0]
    assert right[-1, 1] < right[0, 1] - 40 and left[-1, 1] < left[0, 1] - 40


def test_only_the_bundled_model_is_called_so(model: FaceModel, tmp_path: Path) -> None:
    assert (model.id == BUNDLED) == (model is load_head_model("low"))


def test_the_fingerprint_is_that_of_the_coefficients() -> None:
    model = read_linear_model("headshot")
    moved = replace(model, identity=model.identity * np.float32(1.0001))
    assert fingerprint(model) == fingerprint(replace(model, file="elsewhere.npz"))
    assert len({fingerprint(model), fingerprint(moved), fingerprint(load_head_model("high"))}) == 3


def test_names_of_expressions_are_found_among_arkits() -> None:
    names = ("browDown_L", "browInnerUp_R", "jawOpen", "mouthSmileRight", "anger", "cheekPuff_L")
    found = arkit_numbers(names)
    assert [ARKIT52[k] if k >= 0 else None for k in found] == [
        "browDownLeft", "browInnerUp", "jawOpen", "mouthSmileRight", None, "cheekPuff",
    ]  # fmt: skip
    prior = ExpressionPrior.of_arkit(found)
    scores = np.linspace(0, 1.2, 52)
    expected = [scores[k] if k >= 0 else 0 for k in found]
    np.testing.assert_allclose(prior.mean(scores), np.clip(expected, 0, 1))
