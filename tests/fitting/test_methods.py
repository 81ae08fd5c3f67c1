"""The three methods: which networks run, what they say, and that they agree on easy photos."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from headshot.fitting.methods import (
    METHODS,
    HybridSettings,
    Method,
    Told,
    landmark_solver,
    own_solver,
    quick,
    shape_prior,
)
from typer.testing import CliRunner

from headshot import Reconstruction, Settings, reconstruct, reconstruct_all
from headshot.apps.cli.main import app
from headshot.arrays import F32, Array
from headshot.fitting import FitSettings, PhotometricSettings
from headshot.models.head_model import load_head_model
from headshot.perception.detection.fallback import FallbackSettings
from headshot.perception.identity import MARGIN, IdentityPrediction, predict_identity
from headshot.perception.landmarks import in_house
from headshot.perception.landmarks.in_house import predict_head
from headshot.perception.observe import observe

SHAPE = Settings(detail="low", texture=None)


@pytest.fixture(scope="module")
def heads() -> dict[str, Reconstruction]:
    photo = Path(__file__).parents[2] / "photos" / "astronaut.jpg"
    return {method: reconstruct(photo, method=method, settings=SHAPE) for method in METHODS}


def _face(head: Reconstruction) -> F32:
    return head.neutral_vertices[head.model.regions["face"] > 0.5] / np.float32(head.scale)


def test_all_methods_lie_on_the_face(heads: dict[str, Reconstruction]) -> None:
    network = heads["fit"].landmarks.points
    eyes = np.linalg.norm(network[33] - network[263])
    for method, head in heads.items():
        assert head.method == method
        seen = head.project(head.landmarks68)
        for mine, theirs in ((36, 33), (45, 263), (30, 4), (48, 61), (54, 291)):
            assert np.linalg.norm(seen[mine] - network[theirs]) < 0.14 * eyes, (method, mine)
        assert head.blendshapes["mouthSmileLeft"] > 0.15
        assert head.albedo is not None and head.light is not None


def test_methods_differ_but_not_by_much(heads: dict[str, Reconstruction]) -> None:
    fit, hybrid, regressed = (_face(heads[method]) for method in ("fit", "hybrid", "regress"))
    for other in (hybrid, regressed):
        off = other - other.mean(axis=0) - (fit - fit.mean(axis=0))
        assert 0.05 < np.linalg.norm(off, axis=1).mean() < 6
    for method in ("hybrid", "regress"):
        apart = np.subtract(heads[method].camera.angles, heads["fit"].camera.angles)
        assert np.abs(apart).max() < 12


def test_every_method_explains_the_colours_with_the_shape_that_it_ends_with(
    heads: dict[str, Reconstruction],
) -> None:
    """Moving the shape towards looks costs hybrid little of the colours, and few steps cost regress more."""
    explained = {method: head.quality.measures["explained"] for method, head in heads.items()}
    assert explained["hybrid"] > 0.9 * explained["fit"]
    assert explained["regress"] > 0.8 * explained["fit"]


def test_heads_lie_on_the_points_of_our_network(heads: dict[str, Reconstruction]) -> None:
    """They follow the points better than the network's own description of the head does."""
    head = heads["regress"]
    found = predict_head(head.photo.pixels, head.landmarks.crop(in_house.MARGIN), passes=1)
    model = load_head_model("low")
    camera = found.camera(head.photo.width, head.photo.height)
    own = model.landmarks["ibug68"].on(model.shape(found.identity, found.expression), model.triangles)
    described = np.linalg.norm(camera.project(own[17:]) - found.points68[17:], axis=1).mean()
    followed = np.linalg.norm(head.project(head.landmarks68[17:]) - found.points68[17:], axis=1).mean()
    assert followed < described
    assert followed < 0.02 * head.landmarks.extent


@pytest.mark.parametrize("method", ["regress", "hybrid"])
@pytest.mark.parametrize("colours", [None, PhotometricSettings()])
def test_shapes_stay_as_near_to_looks_as_they_are_to_be(
    method: Method, colours: PhotometricSettings | None, heads: dict[str, Reconstruction], photos: Path
) -> None:
    """What is kept of the fit's changes is that share of them, with pose and expression on the points."""
    points = heads[method].landmarks
    crop = points.crop(MARGIN)
    guess = predict_identity(heads[method].photo.pixels, crop).largest(HybridSettings().modes)

    def head(kept: float) -> Reconstruction:
        belief = HybridSettings(kept=kept, kept_colours=kept)
        chosen = Settings(detail="low", texture=None, photometric=colours, hybrid=belief)
        return reconstruct(photos / "astronaut.jpg", method=method, settings=chosen)

    whole, half, none = (head(kept) for kept in (1.0, 0.5, 0.0))
    np.testing.assert_allclose(none.identity, guess.mean, atol=1e-3)
    np.testing.assert_allclose(half.identity - guess.mean, (whole.identity - guess.mean) / 2, atol=1e-2)
    assert np.linalg.norm(whole.identity - guess.mean) > 0.5
    for other in (half, none):
        off = other.project(other.landmarks68[17:]) - whole.project(whole.landmarks68[17:])
        assert np.linalg.norm(off, axis=1).mean() < 0.02 * points.extent


@pytest.mark.parametrize("method", ["regress", "hybrid"])
def test_looks_that_are_believed_count(
    method: Method, heads: dict[str, Reconstruction], photos: Path
) -> None:
    first = heads[method]
    crop = first.landmarks.crop(MARGIN)
    guess = predict_identity(first.photo.pixels, crop).largest(HybridSettings().modes)

    def identity(looks: float) -> Array:
        belief = HybridSettings(looks=looks)
        chosen = Settings(detail="low", texture=None, photometric=None, hybrid=belief)
        return reconstruct(photos / "astronaut.jpg", method=method, settings=chosen).identity

    doubted, believed = (np.linalg.norm(identity(looks) - guess.mean) for looks in (0.0, 1.0))
    assert believed < 0.7 * doubted


def test_landmarks_that_disagree_in_the_mirror_count_less(heads: dict[str, Reconstruction]) -> None:
    """As those of blurred faces do; unless our network is as unsure, or was not asked."""
    head, settings = heads["hybrid"], (FitSettings(), HybridSettings())
    told = Told.of(observe(head.photo, head.face, head.landmarks), settings[1])
    assert told.network is not None
    usual = float(told.network.sigma68[17:].mean()) / head.landmarks.extent

    def noise(spread: float, told: Told) -> Array:
        points = replace(head.landmarks, spread=spread)
        return landmark_solver(head.photo, points, told, "low", settings).noise

    steady, doubted = noise(0.0, told), noise(1.2 * usual, told)
    np.testing.assert_allclose(doubted, 4 * steady)
    unsure = Told(replace(told.network, sigma68=2 * told.network.sigma68), told.looks)
    np.testing.assert_allclose(noise(1.2 * usual, unsure), steady)
    np.testing.assert_allclose(noise(1.2 * usual, Told(None, told.looks)), steady)


def test_doubt_of_looks_ends_at_what_is_known_of_people() -> None:
    looks = IdentityPrediction(np.array([0.5, -1.0, 0.0]), np.array([0.8, 0.5, 1.1]))
    as_it_is, doubted = shape_prior(looks, 1.0), shape_prior(looks, 0.0)
    assert as_it_is is not None and doubted is not None
    np.testing.assert_allclose(as_it_is.mean, looks.mean)
    np.testing.assert_allclose(as_it_is.precision, looks.sigma**-2)
    np.testing.assert_allclose(doubted.mean, 0)
    np.testing.assert_allclose(doubted.precision, 1)
    assert shape_prior(None, 1.0) is None


def test_faces_of_our_network_can_be_fitted(photos: Path) -> None:
    """As if the landmark network had failed: every method must do with our points."""
    photo = photos / "grace_hopper.jpg"
    fit = reconstruct(photo, settings=SHAPE)
    for method in METHODS:
        settings = Settings(detail="low", texture=None, fallback=FallbackSettings(check_yaw=0, prefer_yaw=0))
        head = reconstruct(photo, method=method, settings=settings)
        assert head.landmarks.prediction is not None
        off = head.project(head.landmarks68[17:]) - fit.project(fit.landmarks68[17:])
        assert np.linalg.norm(off, axis=1).mean() < 0.06 * fit.landmarks.extent


def test_points_of_our_network_have_errors_in_proportion_to_those_that_it_expects(photos: Path) -> None:
    photo = photos / "grace_hopper.jpg"
    settings = Settings(
        detail="low", texture=None, fallback=FallbackSettings(check_yaw=0, prefer_yaw=0), photometric=None
    )
    head = reconstruct(photo, method="fit", settings=settings)
    told = Told.of(observe(head.photo, head.face, head.landmarks), settings.hybrid)
    assert told.network is not None
    solver = own_solver(head.photo, told, "low", (FitSettings(), HybridSettings(points=3.0, inner=2.0)))
    dense, inner = np.split(solver.noise, [478])
    np.testing.assert_allclose(dense, 3 * told.network.sigma)
    np.testing.assert_allclose(inner, 2 * told.network.sigma68[17:])


def test_the_quick_way_takes_fewer_steps_of_the_same() -> None:
    fitting, colours = quick(FitSettings(), PhotometricSettings())
    assert fitting == replace(FitSettings(), iterations=4)
    assert colours == PhotometricSettings(steps=(1, 3))
    few = PhotometricSettings(widths=(90,), steps=(1,), every=(2,))
    assert quick(FitSettings(iterations=2), few) == (FitSettings(iterations=2), few)
    assert quick(FitSettings(), None)[1] is None


def test_methods_by_name_and_by_settings(photos: Path) -> None:
    with pytest.raises(ValueError, match="hybrid"):
        reconstruct(photos / "astronaut.jpg", method="magic")  # type: ignore[arg-type]
    settings = Settings(detail="low", texture=None, method="regress")
    (head,) = reconstruct_all(photos / "astronaut.jpg", settings=settings)
    assert head.method == "regress"


@pytest.mark.parametrize("method", METHODS)
def test_the_command_says_which_method_ran(method: Method, photos: Path, tmp_path: Path) -> None:
    arguments = ["reconstruct", str(photos / "astronaut.jpg"), "-o", str(tmp_path), "--formats", "json"]
    found = CliRunner().invoke(app, [*arguments, "--detail", "low", "--method", method])
    assert found.exit_code == 0, found.output
    record = json.loads((tmp_path / "astronaut.json").read_text(encoding="utf-8"))
    assert record["method"] == method
    assert record["views"][0]["landmarks"]["network"] == "mediapipe"
