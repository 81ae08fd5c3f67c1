"""The photometric term: its derivatives, what it compares, and the light that it starts with."""

from dataclasses import replace

import numpy as np
import pytest

from headshot.fitting.parameters import LIGHT, Layout, PersonState, ViewState
from headshot.fitting.reflectance import FIELDS, reflectance_of
from headshot.fitting.surface import samples_of
from headshot.fitting.terms.colours import ColourTerm, SurfaceCache, face_window, visibility
from headshot.fitting.working_photo import working_photo
from headshot.geometry.camera import rotation_from_angles
from headshot.geometry.light import sh_basis

NONE = np.zeros(0)


def state(portrait, albedos):
    """The truth of a portrait, without fields of brightness."""
    view = ViewState(portrait.camera, portrait.expression, NONE, np.zeros(FIELDS), portrait.light.ravel())
    assert len(portrait.albedo) == albedos
    return PersonState(portrait.identity, portrait.albedo), view


def term_of(head, portrait, person, view, scale=0.4):
    surface = SurfaceCache(samples_of(head))
    reflectance = reflectance_of(head, 0.12)
    centre, extent = face_window(portrait.seen.points, portrait.seen.confidence)
    photo = working_photo(portrait.pixels, centre, 1.7 * extent, scale)
    visible = visibility(surface, head, person, view)
    gain = 600 / float(surface.samples.area.sum())
    return ColourTerm(surface, reflectance, photo, visible, noise=0.05, gain=gain, outlier=2.0)


@pytest.fixture(scope="module")
def known(head, portrait):
    """A portrait, its true state, and the term of its colours."""
    picture = portrait(0)
    person, view = state(picture, reflectance_of(head, 0.12).albedo)
    return picture, person, view, term_of(head, picture, person, view)


@pytest.fixture(scope="module")
def off(known, ramp):
    """A state away from what a ramp of colours shows, and the term."""
    _, person, view, term = known
    rng = np.random.default_rng(1)
    term = replace(term, picture=ramp(term.picture), noise=0.2)
    identity, albedo = 0.5 * rng.normal(size=100), 0.3 * rng.normal(size=len(person.albedo))
    fields = 0.3 * rng.normal(size=FIELDS)
    view = replace(view, expression=rng.uniform(0.1, 0.4, 52), fields=fields)
    return term, PersonState(identity, albedo), view


def test_equations_are_the_slope_of_the_cost(head, off, downhill):
    term, person, view = off
    equations = term.equations(person, view)
    layout = Layout.of(person, view)
    assert len(equations.columns) == layout.size
    gradient, hessian = np.zeros(layout.size), np.zeros((layout.size, layout.size))
    equations.add_to(hessian, gradient)
    eye = head.expression_names.index("eyeBlinkLeft")
    entries = [
        *range(layout.pose.start, layout.pose.stop),
        *(layout.identity.start + k for k in (0, 1, 23)),
        *(layout.expression.start + k for k in (0, eye, 33)),
        *(layout.albedo.start + k for k in (0, 9)),
        *(layout.fields.start, layout.fields.stop - 1),
        *(layout.light.start, layout.light.stop - 1),
    ]
    for k in entries:
        size = 1e-3 if layout.pose.start <= k < layout.pose.stop else 2e-2
        slope = downhill(term.cost, person, view, k, size)
        assert gradient[k] == pytest.approx(slope, rel=0.02, abs=0.02), k


def test_colours_alone_are_a_part_of_the_same_equations(off):
    """Albedo, fields and light, as if the shape were fixed."""
    term, person, view = off
    layout = Layout.of(person, view)
    whole = term.equations(person, view)
    part = replace(term, geometry=False).equations(person, view)
    np.testing.assert_array_equal(part.columns, layout.columns(layout.albedo, layout.fields, layout.light))
    place = np.searchsorted(whole.columns, part.columns, sorter=np.argsort(whole.columns))
    place = np.argsort(whole.columns)[place]
    np.testing.assert_allclose(part.hessian, whole.hessian[np.ix_(place, place)], rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(part.gradient, whole.gradient[place], rtol=1e-4, atol=1e-3)


def test_the_truth_explains_the_picture(known):
    _, person, view, term = known
    noise = term.measured_noise(person, view, 0.005).noise
    assert noise < 0.02
    sharp = replace(term, noise=0.02)
    assert sharp.explained(person, view) > 0.8 * float(
        (sharp.compare(person, view)[1]).sum() / term.samples.area.sum()
    )
    for wrong in (
        (replace(person, albedo=-person.albedo), view),
        (replace(person, identity=-person.identity), view),
        (person, replace(view, light=view.light[::-1].copy())),
        (person, replace(view, camera=replace(view.camera, translation=view.camera.translation + [8, 0, 0]))),
    ):
        assert sharp.cost(*wrong) > 1.3 * sharp.cost(person, view)
        assert term.measured_noise(*wrong, 0.005).noise > noise


def test_noise_has_a_floor_and_stays_where_nothing_is_seen(known):
    _, person, view, term = known
    assert term.measured_noise(person, view, 0.2).noise == 0.2
    blind = replace(term, visible=np.zeros_like(term.visible))
    assert blind.measured_noise(person, view, 0.02) is blind
    assert blind.cost(person, view) == 0
    assert blind.explained(person, view) == 0


def test_the_first_light_is_that_of_the_picture(known):
    """Where the usual skin is that of the portrait, whose light is then the one that it shows."""
    _, person, view, term = known
    skin = replace(term.reflectance, mean=term.reflectances(person, view))
    plain = replace(person, albedo=np.zeros_like(person.albedo))
    found, lit = replace(term, reflectance=skin).first_light(plain, replace(view, light=np.zeros(LIGHT)))
    expected = replace(view, light=found.reflectance.light.mean)
    assert found.cost(plain, lit) < 0.1 * found.cost(plain, expected)
    seen = term.visible > 0.5
    normal = term.surface_of(person, view).normal[seen]
    shading = [sh_basis(normal) @ light.reshape(9, 3) for light in (lit.light, view.light)]
    assert np.abs(shading[0] - shading[1]).mean() < 0.05 * shading[1].mean()


def test_little_light_is_the_cameras(head, known):
    """What is darker than people are is taken off the expectation of light, not off the skin."""
    _, person, view, term = known
    dim = replace(term.picture, values=term.picture.values * np.where(np.arange(11) < 9, np.float32(0.05), 1))
    usual, dark = (
        t.first_light(person, view)[0].reflectance.light for t in (term, replace(term, picture=dim))
    )
    gain = dark.mean[0] / usual.mean[0]
    assert gain < 0.5
    np.testing.assert_allclose(dark.mean, gain * usual.mean)
    np.testing.assert_allclose(dark.precision, usual.precision / gain**2)


# --- what is seen


def test_what_is_turned_away_or_hidden_is_not_seen(head, known):
    _, person, view, term = known
    side = term.samples.mean[:, 0]  # positive towards the subject's left
    turned = rotation_from_angles(70, 0, 0)
    profile = replace(view, camera=replace(view.camera, rotation=turned))
    visible = visibility(term.surface, head, person, profile)
    assert visible.shape == side.shape and visible.min() == 0
    # The face turns towards its left, so the camera sees its right.
    assert (visible[side < -40] > 0).mean() > 0.5 > 0.1 > (visible[side > 40] > 0).mean()
    front = rotation_from_angles(0, 0, 0)
    seen = visibility(term.surface, head, person, replace(view, camera=replace(view.camera, rotation=front)))
    assert (seen > 0).mean() > 0.85
    assert abs((seen[side < 0] > 0).mean() - (seen[side > 0] > 0).mean()) < 0.05


def test_the_nose_hides_what_is_behind_it(head, known):
    """Points that face the camera all the same; from in front only nostrils and lids hide any."""
    _, person, view, term = known
    surface = term.surface_of(person, view)
    hidden = {}
    for yaw in (0, 45):
        camera = replace(view.camera, rotation=rotation_from_angles(yaw, 0, 0))
        towards = camera.position - surface.position
        towards /= np.linalg.norm(towards, axis=1, keepdims=True)
        facing = (towards * surface.normal).sum(axis=1) > 0.3
        visible = visibility(term.surface, head, person, replace(view, camera=camera))
        hidden[yaw] = np.flatnonzero(facing & (visible == 0))
    side = surface.position[hidden[45]]
    assert len(side) > 2 * len(hidden[0])
    assert (side[:, 0] > 0).mean() > 0.9  # the far cheek


def test_fewer_points_stand_for_the_others(head, known):
    _, person, view, term = known
    every, third = (visibility(term.surface, head, person, view, n) for n in (1, 3))
    assert 0.3 < (third > 0).sum() / (every > 0).sum() < 0.37
    weighed = [float((v * term.samples.area).sum()) for v in (every, third)]
    assert weighed[1] == pytest.approx(weighed[0], rel=0.05)


def test_points_count_by_their_area_and_only_inside_of_the_picture(known):
    _, person, view, term = known
    _, weight = term.compare(person, view)
    assert weight.shape == (len(term.samples),)
    assert (weight <= term.visible * term.samples.area + 1e-6).all() and weight.sum() > 0
    away = replace(view, camera=replace(view.camera, translation=view.camera.translation + [500, 0, 0]))
    assert not term.compare(person, away)[1].any()
    assert not term.equations(person, away).gradient.any()


def test_the_surface_is_shared_as_long_as_the_shape_is_the_same(known):
    _, person, view, term = known
    cache = SurfaceCache(term.samples)
    one = cache.at(person.identity, view.expression)
    assert cache.at(person.identity, view.expression) is one
    other = cache.at(person.identity + 0.1, view.expression)
    assert other is not one and not np.array_equal(other.position, one.position)
    assert cache.at(person.identity + 0.1, view.expression + 0.1) is not other


def test_the_window_is_that_of_the_landmarks_that_count():
    points = np.array([[10.0, 20], [50, 100], [np.nan, 3], [900, 900]])
    centre, extent = face_window(points, np.array([1.0, 1, 1, 0]))
    np.testing.assert_allclose(centre, [30, 60])
    assert extent == pytest.approx(np.sqrt(40 * 80))
