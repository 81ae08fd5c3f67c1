"""The landmark term: its Jacobian and gradient, outliers, and the errors that are known to be common."""

from dataclasses import replace

import numpy as np
import pytest

from headshot.fitting.landmark_noise import load_landmark_noise
from headshot.fitting.parameters import Layout, PersonState, ViewState
from headshot.fitting.terms.landmarks import LandmarkNoise, LandmarkTerm, yaw_between
from headshot.geometry.camera import Camera, rotation_from_angles

NONE = np.zeros(0)


def state(model, seed=0, yaw=20.0, nuisances=0):
    """A person and a view away from what the landmarks show."""
    rng = np.random.default_rng(seed)
    identity = 0.5 * rng.normal(size=len(model.identity))
    expression = 0.5 * np.clip(rng.normal(0, 0.25, size=len(model.expression)), 0, 1) + 0.1
    turn = rotation_from_angles(yaw, 8, -5)
    camera = Camera(512, 512, 900.0, (256.0, 256.0), turn, np.array([15.0, 8.0, -700.0]))
    view = ViewState(camera, expression, 0.5 * rng.normal(size=nuisances), NONE, NONE)
    return PersonState(identity, NONE), view


def term_at(model, person, view, scatter=2.0):
    """Landmarks that scatter around those of a state."""
    seen = view.camera.project(model.positions(person.identity, view.expression))
    seen += np.random.default_rng(7).normal(scale=scatter, size=seen.shape)
    return LandmarkTerm(seen, np.ones(len(seen)), np.full(len(seen), 1.5), model)


def noise_of(model):
    return LandmarkNoise(load_landmark_noise(), model, 1.0, np.ones(len(model.mean)))


def test_jacobian_matches_finite_differences(points):
    person, view = state(points)
    term = term_at(points, person, view)
    _, jacobian = term.linearise(person, view)
    layout = Layout.of(person, view)
    columns = layout.columns(layout.pose, layout.identity, layout.expression)
    first, last = layout.person.stop, len(jacobian)
    step = 1e-2
    expression = 7 + len(person.identity)
    for parameter in (0, 1, 2, 3, 4, 5, 6, 7, 20, expression, expression + 24, last - 1):
        ends = []
        for sign in (step, -step):
            d = np.zeros(layout.size)
            d[columns[parameter]] = sign
            ends.append(-term.residual(person.moved(d[:first]), view.moved(d[first:])))
        numeric = (ends[0] - ends[1]) / (2 * step)
        scale = max(np.abs(numeric).max(), 1.0)
        assert jacobian[parameter] == pytest.approx(numeric, abs=0.02 * scale)


@pytest.mark.parametrize("errors", [False, True], ids=["plain", "measured"])
def test_equations_are_the_slope_of_the_cost(points, downhill, errors):
    nuisances = noise_of(points).modes() if errors else 0
    person, view = state(points, nuisances=nuisances)
    term = term_at(points, person, view)
    if errors:
        term = noise_of(points).at(term, view)
    equations = term.equations(person, view)
    scale = np.sqrt(np.diag(equations.hessian))
    assert len(equations.columns) == 7 + len(person.identity) + nuisances + 52
    for place in (*range(8), 30, 106, 107, 125, len(scale) - 52, len(scale) - 25, len(scale) - 1):
        size = 1e-4 if place < 3 or place in (5, 6) else 1e-2
        slope = downhill(term.cost, person, view, int(equations.columns[place]), size)
        assert equations.gradient[place] == pytest.approx(slope, rel=0.02, abs=0.02 * scale[place]), place


def test_outliers_lose_their_influence(points):
    person, view = state(points)
    term = term_at(points, person, view, scatter=0.0)
    residual = np.zeros((len(term.points), 2))
    residual[:4, 0] = [1.5, 4.5, 9.0, 1500.0]  # 1, 3, 6 and 1000 standard deviations
    np.testing.assert_allclose(term.weights(residual)[:5], [0.81, 0.25, 0.04, 0, 1], atol=1e-9)
    # However wrong a landmark is, it costs no more than the square of where outliers begin.
    wrong = replace(term, points=term.points + np.where(np.arange(len(residual)) < 1, 1e5, 0)[:, None])
    assert wrong.cost(person, view) - term.cost(person, view) == pytest.approx(term.outlier**2, rel=1e-3)


def test_confidence_is_a_share_of_a_landmark(points):
    person, view = state(points)
    term = term_at(points, person, view)
    one, none, half = (replace(term, confidence=np.full(len(term.points), c)) for c in (1.0, 0.0, 0.5))
    assert half.cost(person, view) == pytest.approx(one.cost(person, view) / 2)
    assert none.cost(person, view) == 0
    np.testing.assert_allclose(
        half.equations(person, view).hessian, one.equations(person, view).hessian / 2, rtol=1e-4, atol=1e-3
    )
    assert not none.equations(person, view).gradient.any()


def test_fitting_errors_along_is_generalised_least_squares(points):
    """Eliminating the errors leaves what the covariance of the points, written out, says of all else."""
    noise = noise_of(points)
    person, view = state(points, nuisances=noise.modes())
    view = replace(view, nuisance=np.zeros(noise.modes()))
    term = replace(noise.at(term_at(points, person, view), view), outlier=1e6)
    equations = term.equations(person, view)
    residual, jacobian = term.linearise(person, view)
    people, k = 7 + len(person.identity), noise.modes()
    errors = np.arange(people, people + k)
    rest = np.setdiff1d(np.arange(len(jacobian)), errors)
    inner = equations.hessian[np.ix_(errors, errors)] + np.eye(k)  # their prior is N(0, I)
    across = equations.hessian[np.ix_(rest, errors)]
    hessian = equations.hessian[np.ix_(rest, rest)] - across @ np.linalg.solve(inner, across.T)
    gradient = equations.gradient[rest] - across @ np.linalg.solve(inner, equations.gradient[errors])
    flat = jacobian.reshape(len(jacobian), -1)
    covariance = np.diag(np.repeat(term.noise, 2) ** 2) + flat[errors].T @ flat[errors]
    j, inverse = flat[rest], np.linalg.inv(covariance)
    expected = j @ inverse @ j.T
    scale = 1 / np.sqrt(np.diag(expected))
    np.testing.assert_allclose(hessian * np.outer(scale, scale), expected * np.outer(scale, scale), atol=1e-3)
    np.testing.assert_allclose(gradient * scale, (j @ inverse @ residual.ravel()) * scale, atol=0.02)


# --- noise that depends on the pose


def test_noise_is_that_of_the_pose_in_pixels_times_what_it_is_inflated_by(points):
    person, view = state(points)
    term = term_at(points, person, view)
    usual = noise_of(points)
    expected = load_landmark_noise().at(points, view.camera.rotation)
    people = len(points.identity)
    one = usual.at(term, view)
    np.testing.assert_allclose(one.noise, expected.deviation * 900 / 700)
    np.testing.assert_array_equal(one.model.identity, expected.model.identity)
    hidden = np.linspace(1, 5, len(one.noise))
    other = replace(usual, inflation=3.0, hidden=hidden).at(term, view)
    np.testing.assert_allclose(other.noise, 3 * hidden * one.noise)
    np.testing.assert_allclose(other.model.identity[people:], 3 * one.model.identity[people:], rtol=1e-6)
    np.testing.assert_array_equal(other.model.identity[:people], one.model.identity[:people])
    seen = replace(usual, inflation=3.0, hidden=hidden).everywhere_visible().at(term, view)
    np.testing.assert_allclose(seen.noise, 3 * one.noise)
    assert usual.modes() == len(one.model.identity) - people


def test_yaw_between_two_poses():
    one, other = rotation_from_angles(-10, 5, 3), rotation_from_angles(25, -8, 40)
    assert yaw_between(one, other) == pytest.approx(35)
    assert yaw_between(other, one) == pytest.approx(35)
    assert yaw_between(one, one) == 0
