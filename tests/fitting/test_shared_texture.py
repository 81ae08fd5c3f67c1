"""The texture that photos share: means of the others, and shapes that photos tell each other."""

import numpy as np
import pytest

from headshot.fitting.parameters import PersonState, State, ViewState
from headshot.fitting.priors import IdentityPrior
from headshot.fitting.problem import FitProblem, ViewProblem
from headshot.fitting.reflectance import FIELDS, reflectance_of
from headshot.fitting.shared_texture import PRIOR, others_mean, parallax, with_shared_texture
from headshot.fitting.surface import samples_of
from headshot.fitting.terms.colours import ColourTerm, SurfaceCache, face_window, visibility
from headshot.fitting.working_photo import working_photo
from headshot.geometry.camera import rotation_from_angles


def others(count):
    return 1 - np.eye(count)


def test_each_view_gets_the_mean_of_the_others_shrunk_to_nothing():
    shown = np.array([[[1.0] * 3], [[1.2] * 3], [[1.1] * 3]])
    found = others_mean(shown, np.ones((3, 1)), others(3))
    squared = (shown[..., 0] - 1.1) ** 2
    weight = 1 / (1 + squared / (4 * 0.01)) ** 2  # of the three squares 0, 0.01 and 0.01
    for k, rest in enumerate(([1, 2], [0, 2], [0, 1])):
        expected = (weight[rest, :, None] * shown[rest]).sum(axis=0) / (weight[rest].sum() + PRIOR)
        np.testing.assert_allclose(found[k], expected, rtol=1e-6)


def test_a_view_that_shows_something_else_loses_its_influence():
    rng = np.random.default_rng(0)
    shown = np.repeat(rng.normal(0, 0.1, (1, 500, 3)), 6, axis=0) + rng.normal(0, 0.005, (6, 500, 3))
    wrong = shown.copy()
    wrong[0, :50] += 0.5  # a lock of hair
    right, found = (others_mean(x, np.ones((6, 500)), others(6)) for x in (shown, wrong))
    assert np.abs(found - right)[1:, :50].max() < 0.02
    np.testing.assert_allclose(found[0], right[0], atol=0.02)  # it is left out of its own texture


def test_points_that_no_other_view_sees_have_no_texture():
    precision = np.ones((2, 4))
    precision[1, 2] = 0
    found = others_mean(np.full((2, 4, 3), 0.2), precision, others(2))
    assert not found[0, 2].any()
    assert (found[1, 2] > 0.1).all()
    assert not others_mean(np.full((2, 4, 3), 0.2), np.zeros((2, 4)), others(2)).any()


def test_views_from_one_side_tell_each_other_nothing():
    poses = [(0, 0, 0), (0, 0, 40), (30, 0, 0), (5, 0, 0)]  # the second is the first, rolled
    found = parallax([rotation_from_angles(*angles) for angles in poses])
    assert found[0, 1] == pytest.approx(0, abs=1e-9) and not np.diag(found).any()
    assert found[0, 2] > 0.99 and 0.1 < found[0, 3] < 0.4
    np.testing.assert_allclose(found, found.T)


@pytest.fixture(scope="module")
def marked(head, portrait):
    """A head from three sides, with marks on the skin that no albedo model has: albedo, state, terms and
    marks."""
    albedo, samples = reflectance_of(head, 0.12), samples_of(head)
    marks = np.flatnonzero(np.random.default_rng(1).random(len(samples)) < 0.03)
    views, terms = [], []
    for yaw in (-25.0, 0.0, 25.0):
        picture = portrait(0, yaw=yaw)
        person = PersonState(picture.identity, picture.albedo)
        light = picture.light.ravel()
        view = ViewState(picture.camera, picture.expression, np.zeros(0), np.zeros(FIELDS), light)
        surface = SurfaceCache(samples)
        visible = visibility(surface, head, person, view)
        places = view.camera.project(samples.shape(person.identity, view.expression)[:, :3])
        pixels = picture.pixels.copy()
        for x, y in np.round(places[marks][visible[marks] > 0.3]).astype(int):
            pixels[y - 3 : y + 4, x - 3 : x + 4] //= 2
        centre, extent = face_window(picture.seen.points, picture.seen.confidence)
        photo = working_photo(pixels, centre, 1.7 * extent, min(130 / extent, 1.0))
        gain = 600 / float(samples.area.sum())
        views.append(view)
        terms.append(ColourTerm(surface, albedo, photo, visible, 0.05, gain, 2.0))
    return albedo, State(person, tuple(views)), terms, marks


def test_marks_that_all_photos_show_are_expected_in_each(marked):
    albedo, state, terms, marks = marked
    # The texture asks for nothing but colours.
    problem = FitProblem(
        IdentityPrior.standard(100), tuple(ViewProblem(None, None, colours=t) for t in terms)
    )
    shared = with_shared_texture(problem, state, albedo)
    for term, view, found in zip(terms, state.views, shared.views, strict=True):
        seen = marks[term.visible[marks] > 0.5]
        texture = (found.colours.reflectance.mean - albedo.mean)[seen].mean()
        assert texture < -0.05
        before, after = (np.abs(t.compare(state.person, view)[0][seen]).mean() for t in (term, found.colours))
        assert after < 0.6 * before
    again = with_shared_texture(shared, state, albedo)  # made anew from the albedo, not on top
    for one, other in zip(again.views, shared.views, strict=True):
        np.testing.assert_array_equal(one.colours.reflectance.mean, other.colours.reflectance.mean)
