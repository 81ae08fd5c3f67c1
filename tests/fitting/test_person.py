"""People from one photo and from several: what is fitted, by which prior, and how far it may go."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pytest

from headshot.arrays import F32, Array
from headshot.fitting.evidence import fit_models, start_observed
from headshot.fitting.person import FittedPerson, FittedView, fit_person
from headshot.fitting.schedule import begin, descend_landmarks, joined
from headshot.fitting.settings import FitSettings, PhotometricSettings
from headshot.fitting.view_weights import ALIKE, MODES, identity_prior, view_weights
from headshot.image.photo import Photo
from headshot.models.albedo import load_albedo
from headshot.models.contour import landmarks68
from headshot.models.head_model import HeadModel, PointModel
from headshot.perception.observe import FaceObservation
from headshot.pipeline import reconstruct
from headshot.settings import Preset, Prior, Settings

SHAPE = Settings(detail="low", texture=None)
WAYS: tuple[tuple[Prior, Preset], ...] = (
    ("none", "accurate"),
    ("identity", "accurate"),
    ("identity", "fast"),
)
WITH_PRIOR = WAYS[1:]
Way = tuple[Prior, Preset]


def without_prior(seen: FaceObservation) -> FaceObservation:
    """As if neither the identity network nor the in-house one had been run."""
    return replace(seen, identity=None, prediction=None)


@dataclass(frozen=True, eq=False)
class Fitted:
    """A person fitted to one photo."""

    model: HeadModel
    seen: FaceObservation
    person: FittedPerson

    @property
    def points(self) -> Array:
        """iBUG's points (68, 2) of the head in the photo."""
        view = self.person.views[0]
        vertices = self.model.shape(self.person.identity, view.expression)
        return view.camera.project(landmarks68(self.model, vertices, view.camera))

    @property
    def face(self) -> F32:
        """Vertices of the neutral face, mm."""
        return self.model.neutral(self.person.identity)[self.model.regions["face"] > 0.5]


Fit = Callable[..., Fitted]


@pytest.fixture(scope="module")
def fit(head: HeadModel) -> Fit:
    """Fit a person to an observation, one of the `WAYS`."""

    def fitted(
        seen: FaceObservation,
        way: Way = ("identity", "accurate"),
        fit: FitSettings = FitSettings(),  # noqa: B008
        colours: PhotometricSettings | None = PhotometricSettings(),  # noqa: B008
    ) -> Fitted:
        prior, preset = way
        given = without_prior(seen) if prior == "none" else seen
        settings = Settings(preset=preset, fit=fit, photometric=colours)
        return Fitted(head, seen, fit_person([given], head, *settings.steps()))

    return fitted


@pytest.fixture(scope="module")
def heads(observed: Callable[..., FaceObservation], fit: Fit) -> dict[Way, Fitted]:
    return {way: fit(observed("astronaut"), way) for way in WAYS}


def apart(one: Fitted, other: Fitted) -> float:
    """Mean distance of the neutral faces, mm."""
    return float(np.linalg.norm(one.face - other.face, axis=1).mean())


# --- one photo


def test_heads_lie_on_the_face(heads: dict[Way, Fitted], head: HeadModel) -> None:
    network = heads["none", "accurate"].seen.landmarks.points
    eyes = np.linalg.norm(network[33] - network[263])
    for way, fitted in heads.items():
        for mine, theirs in ((36, 33), (45, 263), (30, 4), (48, 61), (54, 291)):
            assert np.linalg.norm(fitted.points[mine] - network[theirs]) < 0.14 * eyes, (way, mine)
        (view,) = fitted.person.views
        assert view.expression[head.expression_names.index("mouthSmileLeft")] > 0.15
        assert fitted.person.albedo is not None and view.light is not None
        assert view.residual.shape == (478, 2) and view.counted.all()
        assert view.weight == 1


def test_priors_and_presets_differ_but_not_by_much(heads: dict[Way, Fitted]) -> None:
    plain = heads["none", "accurate"]
    for way in WITH_PRIOR:
        off = heads[way].face - heads[way].face.mean(axis=0) - (plain.face - plain.face.mean(axis=0))
        assert 0.05 < np.linalg.norm(off, axis=1).mean() < 6
        angles = [h.person.views[0].camera.angles for h in (heads[way], plain)]
        assert np.abs(np.subtract(*angles)).max() < 12


def test_colours_are_explained_with_the_shape_that_the_head_ends_with(heads: dict[Way, Fitted]) -> None:
    """Moving the shape towards its prior costs little of the colours, and few steps cost more."""
    explained = {way: h.person.views[0].explained for way, h in heads.items()}
    assert explained["identity", "accurate"] > 0.9 * explained["none", "accurate"]
    assert explained["identity", "fast"] > 0.8 * explained["none", "accurate"]


def test_heads_lie_on_the_points_of_the_in_house_network(heads: dict[Way, Fitted]) -> None:
    """They follow the points better than the network's own description of the head does."""
    fitted = heads["identity", "fast"]
    found, photo, model = fitted.seen.prediction, fitted.seen.photo, fitted.model
    camera = found.camera(photo.width, photo.height)
    own = model.landmarks["ibug68"].on(model.shape(found.identity, found.expression), model.triangles)
    described = np.linalg.norm(camera.project(own[17:]) - found.points68[17:], axis=1).mean()
    followed = np.linalg.norm(fitted.points[17:] - found.points68[17:], axis=1).mean()
    assert followed < described
    assert followed < 0.02 * fitted.seen.landmarks.extent


@pytest.mark.parametrize("way", WITH_PRIOR)
@pytest.mark.parametrize("colours", [None, PhotometricSettings()], ids=["landmarks", "colours"])
def test_shapes_stay_as_near_to_the_prediction_as_they_are_to_be(
    way: Way, colours: PhotometricSettings | None, observed: Callable[..., FaceObservation], fit: Fit
) -> None:
    """What stays of the fit's changes is that share of them, with pose and expression on the points."""
    seen = observed("astronaut")
    mean = seen.identity.largest(MODES).mean
    whole, half, none = (
        fit(seen, way, FitSettings(shrinkage=share, shrinkage_colours=share), colours)
        for share in (1.0, 0.5, 0.0)
    )
    np.testing.assert_allclose(none.person.identity, mean, atol=1e-3)
    away = whole.person.identity - mean
    np.testing.assert_allclose(half.person.identity - mean, away / 2, atol=1e-2)
    assert np.linalg.norm(away) > 0.5
    for other in (half, none):
        off = np.linalg.norm(other.points[17:] - whole.points[17:], axis=1)
        assert off.mean() < 0.02 * seen.landmarks.extent


def test_changes_by_landmarks_and_by_colours_stay_by_shares_of_their_own(
    observed: Callable[..., FaceObservation], fit: Fit
) -> None:
    seen = observed("astronaut")
    mean = seen.identity.largest(MODES).mean

    def identity(by_landmarks: float, by_colours: float, colours: bool = True) -> Array:
        shares = FitSettings(shrinkage=by_landmarks, shrinkage_colours=by_colours)
        return fit(seen, fit=shares, colours=PhotometricSettings() if colours else None).person.identity

    landmarks, both = identity(1.0, 1.0, colours=False), identity(1.0, 1.0)
    expected = mean + 0.3 * (landmarks - mean) + 0.8 * (both - landmarks)
    np.testing.assert_allclose(identity(0.3, 0.8), expected, atol=1e-2)
    assert np.linalg.norm(both - landmarks) > 0.3


def test_pose_and_expression_follow_a_shape_that_was_shrunk(
    observed: Callable[..., FaceObservation], fit: Fit, points: PointModel
) -> None:
    seen = observed("astronaut")
    whole, none = (fit(seen, fit=FitSettings(shrinkage=share), colours=None).person for share in (1.0, 0.0))

    def off(view: FittedView) -> float:
        """Of the landmarks from those of the head with the shape that is expected, pixels."""
        places = view.camera.project(points.positions(none.identity, view.expression))
        return float(np.linalg.norm(places - seen.landmarks.points, axis=1).mean())

    assert off(none.views[0]) < 0.97 * off(whole.views[0])


@pytest.mark.parametrize("way", WITH_PRIOR)
def test_predictions_of_the_identity_count(
    way: Way, observed: Callable[..., FaceObservation], fit: Fit
) -> None:
    seen = observed("astronaut")
    mean = seen.identity.largest(MODES).mean
    without, with_prediction = (
        np.linalg.norm(fit(one, way, colours=None).person.identity - mean)
        for one in (replace(seen, identity=None), seen)
    )
    assert with_prediction < 0.7 * without


def test_faces_of_the_in_house_network_can_be_fitted(
    observed: Callable[..., FaceObservation], fit: Fit
) -> None:
    """As if the landmark network had failed: its points must do with every prior and preset."""
    usual, seen = fit(observed("grace_hopper")), observed("grace_hopper", in_house=True)
    assert seen.landmarks.prediction is not None
    for way in WAYS:
        off = fit(seen, way).points[17:] - usual.points[17:]
        assert np.linalg.norm(off, axis=1).mean() < 0.06 * usual.seen.landmarks.extent


@pytest.mark.parametrize("way", WAYS)
def test_one_observation_is_what_reconstruct_fits(way: Way, heads: dict[Way, Fitted], photos) -> None:
    prior, preset = way
    settings = replace(SHAPE, prior=prior, preset=preset)
    head = reconstruct(photos / "astronaut.jpg", settings=settings)
    assert (head.estimate.prior, head.estimate.preset) == way
    np.testing.assert_array_equal(head.identity, heads[way].person.identity)
    np.testing.assert_array_equal(head.albedo, heads[way].person.albedo)
    np.testing.assert_array_equal(head.expression, heads[way].person.views[0].expression)


def test_a_person_needs_an_observation(head: HeadModel) -> None:
    with pytest.raises(ValueError, match="at least one observation"):
        fit_person([], head, FitSettings(), None)


def test_the_fit_to_landmarks_is_that_of_the_views_alone_and_then_of_all_by_their_weights(
    observed: Callable[..., FaceObservation], head: HeadModel
) -> None:
    """Before anything is shrunk."""
    settings, models = FitSettings(shrinkage=1.0), fit_models(head)
    some = [observed("astronaut"), replace(observed("astronaut", change="mirrored"), identity=None)]
    singles = []
    for seen in some:
        prior = identity_prior([seen.identity], np.ones(1), 100)
        start = start_observed(seen, models, prior.mean, settings)
        singles.append(descend_landmarks(begin([start], prior), settings))
    for seen, single in zip(some, singles, strict=True):
        np.testing.assert_allclose(
            fit_person([seen], head, settings, None).identity, single.identity, rtol=0, atol=1e-4
        )
    weights = view_weights(some, [single.state.views[0].camera for single in singles])
    prior = identity_prior([seen.identity for seen in some], weights.identity, 100)
    both = descend_landmarks(joined(singles, prior, weights.landmarks), settings)
    found = fit_person(some, head, settings, None)
    np.testing.assert_allclose(found.identity, both.identity, rtol=0, atol=1e-4)
    assert [view.weight for view in found.views] == weights.landmarks.tolist()


# --- the colours of one photo


def test_the_colours_move_the_head_and_can_be_left_out(
    heads: dict[Way, Fitted], observed: Callable[..., FaceObservation], fit: Fit
) -> None:
    with_colours = heads["identity", "accurate"].person
    without = fit(observed("astronaut"), colours=None).person
    assert with_colours.albedo.shape == (len(load_albedo("low").modes),)
    assert with_colours.views[0].light.shape == (9, 3)
    (view,) = without.views
    assert without.albedo is None
    assert view.light is None and view.explained is None and view.colour_noise is None
    assert 0.1 < np.linalg.norm(with_colours.identity - without.identity) < 8
    assert with_colours.views[0].explained > 0.3


def test_a_half_that_is_found_to_be_hidden_does_no_harm(photos, fit: Fit, heads: dict[Way, Fitted]) -> None:
    plain = heads["identity", "accurate"]
    pixels = plain.seen.photo.pixels.copy()
    pixels[60:220, : int(plain.points[30, 0])] = 128
    off = []
    for settings in (SHAPE, replace(SHAPE, photometric=None)):
        found = reconstruct(Photo(pixels, "covered"), settings=settings)
        face = found.model.regions["face"] > 0.5
        neutral = found.model.neutral(found.identity)[face]
        off.append(np.linalg.norm(neutral - plain.face, axis=1).mean())
    assert off[0] < 1.35 * off[1]  # half of the face is an inference with and without colours
    yaw = plain.person.views[0].camera.angles[0]
    assert found.camera.angles[0] == pytest.approx(yaw, abs=20)


@pytest.mark.parametrize(("change", "limit"), [("grey", 1.5), ("bordered", 1.0)])
def test_grey_photos_and_black_borders(
    change: str, limit: float, observed: Callable[..., FaceObservation], fit: Fit
) -> None:
    plain, other = fit(observed("grace_hopper")), fit(observed("grace_hopper", change=change))
    assert np.isfinite(other.face).all()
    assert apart(plain, other) < limit


def test_dim_photos_show_people_in_little_light(
    observed: Callable[..., FaceObservation], fit: Fit, head: HeadModel
) -> None:
    """What is darker than people are is the camera's: the skin's colours stay colours."""
    face = head.regions["face"] > 0.5
    bright, dim = (
        fit(observed("grace_hopper", change=change), ("none", "accurate")).person for change in ("", "dim")
    )
    usual, here = (load_albedo("low").colours(person.albedo)[face] for person in (bright, dim))
    assert here.mean(axis=0).min() > 0 and 0.15 < here.mean() / usual.mean() < 1
    assert here[:, 0].mean() > here[:, 1].mean() > here[:, 2].mean()
    assert dim.views[0].light[0].mean() < 0.5 * bright.views[0].light[0].mean()
    assert dim.views[0].colour_noise < 0.06


# --- several photos


@pytest.fixture(scope="module")
def several(observed: Callable[..., FaceObservation]) -> list[FaceObservation]:
    """Photos of one person, in so far as pictures made of one photo are."""
    return [observed("astronaut", change=change) for change in ("", "mirrored", "small")]


@pytest.fixture(scope="module")
def together(several: list[FaceObservation], head: HeadModel) -> FittedPerson:
    return fit_person(several, head, FitSettings(), PhotometricSettings())


def test_each_photo_has_a_view_of_its_own(
    together: FittedPerson, several: list[FaceObservation], head: HeadModel
) -> None:
    assert together.identity.shape == (100,)
    assert together.albedo.shape == (len(load_albedo("low").modes),)
    assert len(together.views) == 3
    for view, seen in zip(together.views, several, strict=True):
        assert (view.camera.width, view.camera.height) == (seen.photo.width, seen.photo.height)
        vertices = head.shape(together.identity, view.expression)
        points = view.camera.project(landmarks68(head, vertices, view.camera))[17:]
        off = np.linalg.norm(points - seen.prediction.points68[17:], axis=1).mean()
        assert off < 0.02 * seen.landmarks.extent
        assert view.light.shape == (9, 3) and view.explained > 0.3
        assert 0 < view.weight < 1 / (1 + 0.15)
    front, mirrored, _ = together.views
    assert front.camera.angles[0] == pytest.approx(-mirrored.camera.angles[0], abs=3)
    np.testing.assert_allclose(front.light[1:3], mirrored.light[1:3], atol=0.1)  # from above and in front
    np.testing.assert_allclose(front.light[3], -mirrored.light[3], atol=0.1)  # from the left and the right
    assert np.abs(front.light[3]).min() > 0.1


@pytest.mark.parametrize("colours", [None, PhotometricSettings()], ids=["landmarks", "colours"])
def test_the_order_of_photos_does_not_change_the_person(
    colours: PhotometricSettings | None,
    several: list[FaceObservation],
    together: FittedPerson,
    head: HeadModel,
) -> None:
    first = together if colours else fit_person(several, head, FitSettings(), None)
    other = fit_person(several[::-1], head, FitSettings(), colours)
    np.testing.assert_allclose(other.identity, first.identity, atol=1e-3)
    for one, two in zip(first.views, other.views[::-1], strict=True):
        np.testing.assert_allclose(two.expression, one.expression, atol=1e-2)
        np.testing.assert_allclose(two.camera.angles, one.camera.angles, atol=0.05)
        assert two.weight == pytest.approx(one.weight)


@pytest.mark.parametrize("way", [WAYS[0], WAYS[1]])
def test_a_photo_twice_is_about_that_photo(
    way: Way, heads: dict[Way, Fitted], observed: Callable[..., FaceObservation], head: HeadModel
) -> None:
    seen = observed("astronaut")
    if way[0] == "none":
        seen = without_prior(seen)
    person = fit_person([seen, seen], head, FitSettings(), PhotometricSettings())
    assert np.isfinite(person.identity).all() and np.isfinite(person.albedo).all()
    one, other = person.views
    assert [one.weight, other.weight] == pytest.approx([1 / (1 + ALIKE)] * 2)
    np.testing.assert_allclose(one.expression, other.expression, atol=1e-4)
    np.testing.assert_allclose(one.camera.rotation, other.camera.rotation, atol=1e-5)
    assert apart(Fitted(head, seen, person), heads[way]) < 0.6


def test_more_photos_go_farther_from_the_prior(
    several: list[FaceObservation], together: FittedPerson, heads: dict[Way, Fitted], head: HeadModel
) -> None:
    """What is left of the changes grows with the number of independent views."""
    none, whole = (
        fit_person(several, head, FitSettings(shrinkage=share, shrinkage_colours=share), None).identity
        for share in (0.0, 1.0)
    )
    usual = fit_person(several, head, FitSettings(), None).identity
    share = (usual - none) @ (whole - none) / ((whole - none) @ (whole - none))
    n = sum(view.weight for view in together.views)
    k = FitSettings().shrinkage
    assert share == pytest.approx(n * k / (n * k + 1 - k), abs=1e-3)
    assert share > k


def test_photos_without_a_prediction_of_the_identity_are_fitted_along(
    several: list[FaceObservation], head: HeadModel
) -> None:
    some = [several[0], replace(several[1], identity=None), without_prior(several[2])]
    person = fit_person(some, head, FitSettings(), None)
    mean = several[0].identity.largest(MODES).mean
    still = fit_person(some, head, FitSettings(shrinkage=0.0), None)
    np.testing.assert_allclose(still.identity, mean, atol=1e-3)
    assert np.linalg.norm(person.identity - mean) > 0.3
    nobody = fit_person([without_prior(s) for s in several], head, FitSettings(shrinkage=0.0), None)
    assert np.linalg.norm(nobody.identity) > 0.5  # nothing to be shrunk to


def test_landmarks_of_both_networks_can_be_fitted_together(
    observed: Callable[..., FaceObservation], head: HeadModel
) -> None:
    both = [observed("grace_hopper"), observed("grace_hopper", in_house=True)]
    person = fit_person(both, head, FitSettings(), PhotometricSettings())
    assert [len(view.residual) for view in person.views] == [478, 478 + 51]
    for view, seen in zip(person.views, both, strict=True):
        off = np.linalg.norm(view.residual[:478], axis=1).mean()
        assert off < 0.05 * seen.landmarks.extent
