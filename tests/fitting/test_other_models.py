"""Fits of other head models than the bundled one: known heads are found again, and photos are followed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headshot.errors import HeadshotError
from headshot.fitting.other_models import other_model, start_other
from headshot.fitting.person import fit_person
from headshot.fitting.settings import FitSettings, PhotometricSettings
from headshot.fitting.terms.distances import DistanceTerm
from headshot.fitting.terms.outline import OutlineTerm
from headshot.fitting.terms.points import PointTerm
from headshot.geometry.camera import Camera, rotation_from_angles
from headshot.models.linear import LinearModel
from headshot.models.protocol import FaceModel
from headshot.models.readers import read_linear_model, read_model
from headshot.perception.observe import FaceObservation

SETTINGS = FitSettings()
FEW = 8  # identity modes, so that exact landmarks tell them


@pytest.fixture(scope="module")
def sparse() -> LinearModel:
    """With iBUG's points alone, and two expressions, as the Surrey model has them."""
    model = read_linear_model("headshot")
    names = ("jawOpen", "browInnerUp")
    rows = [model.expression_names.index(name) for name in names]
    return replace(
        model, name="sparse", dense=None, identity=model.identity[:FEW], expression=model.expression[rows],
        expression_names=names, expression_kind="blendshapes",
    )  # fmt: skip


@pytest.fixture(scope="module")
def flame(skinned_arrays: Any, tmp_path_factory: Any) -> FaceModel:
    file = tmp_path_factory.mktemp("flame") / "flame.npz"
    np.savez(file, **skinned_arrays.flame())
    return read_model(file)


def shown(
    seen: FaceObservation, model: FaceModel, a: np.ndarray, b: np.ndarray, yaw: float
) -> tuple[FaceObservation, Camera]:
    """The observation with the in-house network's points where a known head has them."""
    photo = seen.photo
    camera = Camera(
        photo.width, photo.height, 1500.0, (photo.width / 2, photo.height / 2),
        rotation_from_angles(yaw, 4, -6), np.array([0.0, 10, -1000]),
    )  # fmt: skip
    vertices = model.shape(a, b)
    points = np.full((68, 2), np.nan)
    jaw = model.jaw_lines()
    for side, numbers in (("right", range(8)), ("left", range(16, 8, -1))):
        points[list(numbers)] = camera.project(jaw[side].on(vertices, model.triangles))[:8]
    fixed = model.landmark_set("ibug68")
    assert fixed is not None and seen.prediction is not None
    points[fixed.index] = camera.project(fixed.points.on(vertices, model.triangles))
    prediction = replace(seen.prediction, points68=points, sigma68=np.full(68, 0.05))
    return replace(seen, prediction=prediction), camera


def test_a_known_head_is_found_again(observed, sparse: LinearModel) -> None:
    rng = np.random.default_rng(6)
    a, b = rng.normal(size=FEW), np.array([0.4, 0.2])
    seen, camera = shown(observed("astronaut"), sparse, a, b, 5.0)
    fit = fit_person([seen], sparse, SETTINGS, None)
    np.testing.assert_allclose(fit.identity, a, atol=0.2)
    np.testing.assert_allclose(fit.views[0].expression, b, atol=0.06)
    np.testing.assert_allclose(fit.views[0].camera.angles, camera.angles, atol=0.5)
    assert np.abs(fit.views[0].residual).max() < 0.5


def test_several_views_share_the_identity(observed, sparse: LinearModel) -> None:
    rng = np.random.default_rng(7)
    a = rng.normal(size=FEW)
    views = [
        shown(observed("astronaut"), sparse, a, np.array([w, 0.1]), yaw) for w, yaw in ((0, 0), (0.6, 6))
    ]
    fit = fit_person([seen for seen, _ in views], sparse, SETTINGS, None)
    np.testing.assert_allclose(fit.identity, a, atol=0.2)
    for view, (_, camera), weight in zip(fit.views, views, (0, 0.6), strict=True):
        np.testing.assert_allclose(view.camera.angles, camera.angles, atol=0.6)
        assert view.expression[0] == pytest.approx(weight, abs=0.06)


def test_the_jaw_of_a_skinned_head_is_turned(observed, flame: FaceModel) -> None:
    b = np.zeros(len(flame.expression_names))
    b[flame.expression_names.index("jaw_x")] = 0.2
    seen, _ = shown(observed("astronaut"), flame, np.zeros(len(flame.identity)), b, 0.0)
    fit = fit_person([seen], flame, SETTINGS, None)
    found = flame.shape(fit.identity, fit.views[0].expression)
    truth = flame.shape(np.zeros(len(flame.identity)), b)
    marks = flame.landmark_set("ibug68")
    assert marks is not None
    places = [marks.points.on(x, flame.triangles) for x in (found, truth)]
    opened = [x[marks.index == 57][0] - x[marks.index == 51][0] for x in places]
    assert np.linalg.norm(opened[0]) == pytest.approx(np.linalg.norm(opened[1]), rel=0.05)
    assert fit.views[0].expression[-3] == pytest.approx(0.2, abs=0.1)


def test_photos_are_followed_by_a_model_with_all_landmarks(observed) -> None:
    model = read_linear_model("headshot")
    seen = observed("astronaut")
    start = start_other(seen, other_model(model), np.zeros(100), SETTINGS)
    assert {type(term) for term in start.problem.others} == {PointTerm, DistanceTerm}
    assert isinstance(start.problem.outlines[0], OutlineTerm)
    fit = fit_person([seen], model, SETTINGS, PhotometricSettings())
    view = fit.views[0]
    assert fit.albedo is None and view.light is None
    residual = np.sqrt((view.residual[view.counted] ** 2).sum(axis=1).mean())
    assert residual < 0.02 * seen.landmarks.extent
    smile = view.expression[model.expression_names.index("mouthSmileLeft")]
    assert smile > 0.3 and (view.expression >= 0).all() and (view.expression <= 1).all()


def test_what_a_network_predicts_of_the_bundled_model_does_not_count(observed, sparse: LinearModel) -> None:
    seen = observed("astronaut")
    assert seen.identity is not None
    one = fit_person([seen], sparse, SETTINGS, None)
    other = fit_person([replace(seen, identity=None)], sparse, SETTINGS, None)
    np.testing.assert_array_equal(one.identity, other.identity)


def test_faces_that_the_landmark_network_lost(observed) -> None:
    model = read_linear_model("headshot")
    seen = observed("astronaut", in_house=True)
    start = start_other(seen, other_model(model), np.zeros(100), SETTINGS)
    assert len(start.problem.landmarks.points) == 52
    assert len(start.problem.others[0].points) == 478
    fit = fit_person([seen], model, SETTINGS, None)
    assert abs(fit.views[0].camera.angles[0]) < 15


def test_the_far_sides_jaw_is_left_out_of_profiles(observed, sparse: LinearModel) -> None:
    seen = observed("astronaut")
    assert seen.prediction is not None
    turned = replace(seen.prediction, rotation=rotation_from_angles(60, 0, 0))
    start = start_other(replace(seen, prediction=turned), other_model(sparse), np.zeros(FEW), SETTINGS)
    assert start.problem.others == ()
    assert isinstance(start.problem.outlines[0], OutlineTerm)
    np.testing.assert_array_equal(np.isinf(start.problem.outlines[0].seen.deviation), np.arange(17) > 8)


def test_too_little_is_said(observed, sparse: LinearModel) -> None:
    few = replace(
        sparse,
        landmarks=replace(
            sparse.landmarks,
            index=sparse.landmarks.index[:4],
            points=sparse.landmarks.points.restricted(slice(4)),
        ),
    )
    with pytest.raises(HeadshotError, match="4 of the 68 iBUG landmarks"):
        fit_person([observed("astronaut")], few, SETTINGS, None)
    blind = replace(observed("astronaut"), prediction=None)
    with pytest.raises(ValueError, match="in-house network"):
        fit_person([blind], sparse, SETTINGS, None)


def test_surrey_is_what_the_keypoint_method_finds(observed, data: Path) -> None:
    from headshot.apps.keypoint.fit import fit_keypoints
    from headshot.geometry.align import similarity

    model = read_linear_model(data / "sfm" / "sfm_shape_3448.bin")
    for name in ("astronaut", "grace_hopper"):
        seen = observed(name)
        fit = fit_person([seen], model, SETTINGS, None)
        size = (seen.photo.width, seen.photo.height)
        other = fit_keypoints(seen.prediction.points68, model, size, seen.photo.focal_pixels())
        ours, theirs = model.neutral(fit.identity), model.neutral(other.identity)
        moved = similarity(ours, theirs)(ours)
        assert np.linalg.norm(moved - theirs, axis=1).mean() < 2.0
        np.testing.assert_allclose(fit.views[0].camera.angles, other.view.angles, atol=4)
