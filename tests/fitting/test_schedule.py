"""The order of a fit: heads that turn, views that are joined, and what colours recover from known heads."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from headshot.fitting.initialise import LandmarkObservation, start_view
from headshot.fitting.landmark_noise import LandmarkNoiseModel, load_landmark_noise
from headshot.fitting.priors import IdentityPrior
from headshot.fitting.reflectance import FIELDS
from headshot.fitting.schedule import (
    TURN,
    Picture,
    begin,
    descend_colours,
    descend_landmarks,
    joined,
    with_identity,
    with_outlines,
)
from headshot.fitting.settings import FitSettings, PhotometricSettings
from headshot.fitting.terms.colours import face_window, visibility
from headshot.fitting.view_weights import view_weights
from headshot.fitting.working_photo import PixelWeights, working_photo
from headshot.geometry.camera import Camera, rotation_from_angles, rotation_from_vector
from headshot.geometry.light import shade
from headshot.geometry.raster import vertex_normals
from headshot.models.albedo import load_albedo

USUAL = FitSettings()
EXACT = FitSettings(noise=0.001, expression_noise=0.5)
STANDARD = IdentityPrior.standard(100)
YAWS = (0.0, 30.0, -30.0, 60.0, -60.0)


def started(seen, points, settings=USUAL, errors=None):
    return begin([start_view(seen, points, np.zeros(100), settings, errors)], STANDARD)


def fitted(seen, points, settings=USUAL, errors=None):
    """The fit to the landmarks of one view."""
    return descend_landmarks(started(seen, points, settings, errors), settings)


def view_at(points, identity, yaw, seed):
    """Exact landmarks of a person with an expression and a camera of their own."""
    rng = np.random.default_rng(seed)
    expression = np.clip(rng.normal(0, 0.25, size=52), 0, 1)
    turn = rotation_from_angles(yaw, rng.normal(0, 5), rng.normal(0, 5))
    translation = np.array([*rng.normal(0, 10, 2), -rng.uniform(600, 1200)])
    camera = Camera(512, 512, float(rng.uniform(800, 1500)), (256.0, 256.0), turn, translation)
    seen = camera.project(points.positions(identity, expression))
    return LandmarkObservation(seen, np.ones(478), np.zeros(52), 512, 512, camera.focal)


@pytest.fixture(scope="module")
def views(points):
    """A person, and five exact views of them."""
    identity = np.random.default_rng(11).normal(size=100)
    return identity, [view_at(points, identity, yaw, k) for k, yaw in enumerate(YAWS)]


@pytest.fixture(scope="module")
def singles(points, views):
    """The fit of each of these views alone."""
    return [fitted(seen, points, EXACT) for seen in views[1]]


def test_outlines_come_to_the_views_that_have_them(singles):
    fit = joined(singles[:3], STANDARD, np.ones(3))
    term = object()  # nothing is asked of it before a step
    found = with_outlines(fit, [None, term, None])
    before = [view.outlines for view in fit.problem.views]
    assert [view.outlines for view in found.problem.views] == [before[0], (*before[1], term), before[2]]
    with pytest.raises(ValueError):
        with_outlines(fit, [term])


# --- landmarks


@pytest.mark.parametrize("turn", [0.0, 12.0])
def test_a_head_that_turns_gets_back_the_points_that_were_hidden(points, turn):
    """Half a face tells its turn badly; while it stands still, they stay hidden."""
    turned = rotation_from_angles(0, 8, -5)
    camera = Camera(512, 512, 900.0, (256.0, 256.0), turned, np.array([15.0, 8.0, -700.0]))
    still = np.zeros(52)
    seen = LandmarkObservation(camera.project(points.mean), np.ones(478), still, 512, 512, 900.0)
    noise = {}
    for hidden in (1.0, 7.0):
        given = replace(seen, hidden=np.full(478, hidden))
        start = start_view(given, points, np.zeros(100), USUAL, load_landmark_noise())
        view = start.state
        rotation = rotation_from_vector([0, np.radians(turn), 0]) @ view.camera.rotation
        start = replace(start, state=replace(view, camera=replace(view.camera, rotation=rotation)))
        fit = descend_landmarks(begin([start], STANDARD), USUAL)
        noise[hidden] = fit.problem.views[0].landmarks.noise
        away = np.linalg.norm(fit.looked_up[0] - rotation)
        assert away > 0.1 if turn > TURN else away == 0
    np.testing.assert_allclose(noise[7.0], (1 if turn else 7) * noise[1.0], rtol=0.02)


def test_steps_end_when_landmarks_rest_or_as_many_as_the_settings_allow(points, views):
    start = started(views[1][0], points)
    rested = descend_landmarks(start, USUAL)
    assert start.steps == 0
    assert 4 <= rested.steps < USUAL.iterations
    assert descend_landmarks(start, FitSettings(iterations=3)).steps == 3
    assert descend_landmarks(start, USUAL, 2).steps == 2
    again = descend_landmarks(rested, USUAL)
    np.testing.assert_allclose(again.identity, rested.identity, atol=0.05)
    # The fit that goes in stays where it stands.
    np.testing.assert_array_equal(start.identity, 0)


def test_a_fit_starts_from_the_priors_mean_or_where_it_is_put(points, views):
    start = start_view(views[1][0], points, np.zeros(100), USUAL)
    prior = IdentityPrior(np.full(100, 0.3), np.ones(100))
    np.testing.assert_array_equal(begin([start], prior).identity, 0.3)
    np.testing.assert_array_equal(begin([start], prior, np.ones(100)).identity, 1)


def test_an_identity_that_is_fixed_stays_and_all_else_follows(points, views):
    wanted = 0.5 * views[0]
    fit = descend_landmarks(with_identity(fitted(views[1][1], points), wanted), USUAL)
    np.testing.assert_allclose(fit.identity, wanted, atol=1e-3)
    person, view = fit.state.person, fit.state.views[0]
    first = fitted(views[1][1], points).state.views[0]
    term = fit.problem.views[0].landmarks
    assert term.cost(person, view) < term.cost(person, first)


# --- several views


def test_several_views_recover_the_person_better_than_each_alone(points, views, singles):
    identity, seen = views
    errors = [np.linalg.norm(fit.identity - identity) for fit in singles]
    fit = descend_landmarks(joined(singles, STANDARD, np.ones(len(seen))), EXACT)
    assert np.linalg.norm(fit.identity - identity) < 0.7 * min(errors)
    shape = np.tensordot(fit.identity - identity, points.identity, 1)
    alone = [np.tensordot(single.identity - identity, points.identity, 1) for single in singles]
    assert np.linalg.norm(shape, axis=1).mean() < 0.7 * min(np.linalg.norm(a, axis=1).mean() for a in alone)
    for view, one, yaw in zip(fit.state.views, fit.problem.views, YAWS, strict=True):
        assert view.camera.angles[0] == pytest.approx(yaw, abs=1.5)
        assert np.abs(one.landmarks.residual(fit.state.person, view)).max() < 0.5
    # Each view has its own expression.
    apart = [np.abs(a.expression - b.expression).max() for a, b in pairwise(fit.state.views)]
    assert min(apart) > 0.2


def test_joining_starts_where_the_single_views_end(singles):
    weights = np.array([0.9, 0.8, 0.7, 0.6, 0.5])
    fit = joined(singles, STANDARD, weights)
    np.testing.assert_allclose(
        fit.identity, np.average([s.identity for s in singles], axis=0, weights=weights)
    )
    assert [v.weight for v in fit.problem.views] == weights.tolist()
    assert fit.steps == 0
    for view, single in zip(fit.state.views, singles, strict=True):
        assert view is single.state.views[0]


def test_a_view_twice_with_half_the_weight_is_that_view(points, views):
    one = fitted(views[1][1], points)
    two = descend_landmarks(joined([one, one], STANDARD, np.full(2, 0.5)), USUAL)
    np.testing.assert_allclose(two.identity, descend_landmarks(one, USUAL, two.steps).identity, atol=1e-6)
    first, second = (view.expression for view in two.state.views)
    np.testing.assert_allclose(first, second, atol=1e-9)


def test_a_view_twice_is_almost_that_view_by_its_weights(points, views, observed):
    """Their errors are taken to be alike; were they independent, the prior would lose twice as much."""
    fits = [fitted(views[1][1], points)] * 2
    cameras = [fit.state.views[0].camera for fit in fits]
    seen = [observed("astronaut")] * 2
    by_weight = {
        name: descend_landmarks(joined(fits, STANDARD, weights), USUAL, 10).identity
        for name, weights in (
            ("once", np.full(2, 0.5)),
            ("alike", view_weights(seen, cameras).landmarks),
            ("independent", np.ones(2)),
        )
    }
    off, independent = (
        np.linalg.norm(by_weight[name] - by_weight["once"]) for name in ("alike", "independent")
    )
    assert off < 0.6 * independent
    assert off < 0.15 * np.linalg.norm(by_weight["once"])


def test_the_order_of_views_does_not_matter(points, singles):
    one, other = (
        descend_landmarks(joined(fits, STANDARD, np.ones(3)), EXACT) for fits in (singles[:3], singles[2::-1])
    )
    np.testing.assert_allclose(one.identity, other.identity, atol=1e-3)


# --- colours


def picture_of(portrait):
    return [Picture(portrait.pixels)]


def test_a_shape_that_is_given_gets_its_own_colours(head, points, portrait):
    """The colours fit the given head, not the one that was fitted."""
    person = portrait(3)
    wanted = 0.5 * person.identity
    cost = {}
    for name, steps in (("again", (2, 4)), ("not", (2, 3))):
        fit = fitted(person.seen, points)
        shape = (lambda fit: wanted) if name == "again" else None
        fit = descend_colours(fit, picture_of(person), head, PhotometricSettings(steps=steps), shape)
        if name == "again":
            np.testing.assert_allclose(fit.identity, wanted, atol=1e-4)
        fit = with_identity(fit, wanted)
        (problem,), (view,) = fit.problem.views, fit.state.views
        centre, size = face_window(person.seen.points, person.seen.confidence)
        colours = replace(
            problem.colours,
            picture=working_photo(person.pixels, centre, 1.7 * size, 0.3),
            visible=visibility(problem.colours.surface, head, fit.state.person, view),
            noise=0.02,
        )
        problem = replace(fit.problem, views=(replace(problem, colours=colours),))
        cost[name] = problem.cost(fit.state)
    assert cost["again"] < 0.8 * cost["not"]


@pytest.mark.parametrize("seed", [1, 2])
def test_recovers_shape_albedo_and_light_from_the_picture(head, points, portrait, seed):
    """Landmarks that are wrong in common mislead the shape; the colours put it right."""
    person = portrait(seed)
    fit = fitted(person.seen, points)
    found = descend_colours(fit, picture_of(person), head, PhotometricSettings())
    before, after = person.error(fit.identity), person.error(found.identity)
    assert after < 0.75 * before
    albedo = load_albedo("low")
    face = head.regions["face"] > 0.5
    true, mean = albedo.colours(person.albedo)[face], albedo.mean[face]
    colours = albedo.colours(found.state.person.albedo)[face]
    assert np.abs(colours - true).mean() < 0.5 * np.abs(mean - true).mean()
    normals = vertex_normals(person.vertices, head.triangles)[face]
    (view,), (problem,) = found.state.views, found.problem.views
    lit, expected = (shade(np.ones(3), normals, x) for x in (view.light.reshape(9, 3), person.light))
    # Bright skin in dim light has the colours of dark skin in bright light: priors alone tell the level.
    lit *= expected.mean(axis=0) / lit.mean(axis=0)
    assert np.abs(lit - expected).mean() < 0.05 * expected.mean()
    assert np.abs(lit - expected).mean() < 0.5 * expected.std()
    assert problem.colours.noise < 0.03
    assert problem.colours.explained(found.state.person, view) > 0.5


def test_goes_on_from_a_fit_that_knows_the_landmarks_errors(head, points, portrait):
    """Correlated errors of the landmarks are fitted along; what the colours say decides between the two."""
    person = portrait(6)
    count, errors = len(points.mean), 30
    modes = points.identity[:errors] * np.float32(0.5)
    expected = LandmarkNoiseModel(
        yaw=np.array([-60.0, 60.0]),
        identity=np.zeros_like(points.identity),
        modes=np.stack([modes, modes]),
        deviation=np.full((2, count), 1.0, np.float32),
    )
    fit = fitted(person.seen, points, errors=expected)
    found = descend_colours(fit, picture_of(person), head, PhotometricSettings())
    assert found.state.views[0].nuisance.shape == fit.state.views[0].nuisance.shape == (2 * errors,)
    assert person.error(found.identity) < 0.8 * person.error(fit.identity)
    # The landmarks count as before: their errors in common are those of their model.
    np.testing.assert_array_equal(
        found.problem.views[0].landmarks.noise, fit.problem.views[0].landmarks.noise
    )


def test_landmarks_without_a_noise_model_count_less_beside_colours(head, points, portrait):
    person = portrait(4)
    fit = fitted(person.seen, points)
    found = descend_colours(fit, picture_of(person), head, PhotometricSettings())
    grown = found.problem.views[0].landmarks.noise / fit.problem.views[0].landmarks.noise
    assert set(np.round(grown, 6)) == {1.0, PhotometricSettings().slack}


def test_a_half_that_is_known_to_be_hidden_does_no_harm(head, points, portrait):
    person = portrait(3)
    covered = person.pixels.copy()
    covered[:, 180:] = 128
    weight = np.ones(covered.shape[:2], np.float32)
    weight[:, 180:] = 0
    fit = fitted(person.seen, points)
    picture = Picture(covered, PixelWeights(weight, np.eye(2, 3)))
    found = descend_colours(fit, [picture], head, PhotometricSettings())
    assert person.error(found.identity) < person.error(fit.identity)
    assert found.problem.views[0].colours.explained(found.state.person, found.state.views[0]) < 0.6


def test_nothing_to_see_leaves_the_landmarks_alone(head, points, portrait):
    person = portrait(4)
    fit = fitted(person.seen, points)
    found = descend_colours(fit, [Picture(np.zeros_like(person.pixels))], head, PhotometricSettings())
    assert found.problem.views[0].colours.explained(found.state.person, found.state.views[0]) == 0
    assert found.identity == pytest.approx(fit.identity, abs=0.05)


def test_two_pictures_in_different_light_share_one_albedo(head, points, portrait):
    """The person is found better than from either picture; each view has light and fields of its own."""
    both = [portrait(2, photo=1, yaw=-25.0, light=-1.0), portrait(2, photo=2, yaw=20.0)]
    fits = [fitted(person.seen, points) for person in both]
    alone = [
        descend_colours(fit, picture_of(person), head, PhotometricSettings())
        for fit, person in zip(fits, both, strict=True)
    ]
    start = descend_landmarks(joined(fits, STANDARD, np.ones(2)), USUAL)
    found = descend_colours(start, [Picture(p.pixels) for p in both], head, PhotometricSettings())
    assert found.steps > start.steps
    person = both[0]
    assert person.error(found.identity) < min(person.error(a.identity) for a in alone)
    off = [np.linalg.norm(a.state.person.albedo - person.albedo) for a in (found, *alone)]
    assert off[0] < min(off[1:])
    lights = [view.light.reshape(9, 3).mean(axis=1) for view in found.state.views]
    assert lights[0][3] < 0 < lights[1][3]
    assert [len(view.fields) for view in found.state.views] == [FIELDS, FIELDS]
