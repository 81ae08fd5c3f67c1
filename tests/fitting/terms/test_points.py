"""A second set of points beside the landmarks."""

from dataclasses import replace

import numpy as np
import pytest

from headshot.fitting.landmarks import fit_landmarks
from headshot.fitting.parameters import PersonState, ViewState
from headshot.fitting.projection import geometry_columns
from headshot.fitting.terms.points import PointTerm
from headshot.geometry.camera import Camera, rotation_from_angles

CAMERA = Camera(
    400, 400, 1600.0, (200.0, 200.0), rotation_from_angles(15, 4, -3), np.array([0.0, 20.0, -900])
)
NONE = np.zeros(0)


def off(found, truth):
    return float(np.linalg.norm(found.identity - truth))


def test_other_points_count_by_their_deviation(points, person):
    identity, exact, seen = person
    plain = off(fit_landmarks(seen, points), identity)
    good = PointTerm(exact, np.full(len(exact), 0.3), points)
    blind = replace(good, deviation=np.full(len(exact), np.inf))
    none = replace(good, points=np.full_like(exact, np.nan))
    assert off(fit_landmarks(seen, points, others=[good]), identity) < 0.7 * plain
    for nothing in (blind, none):
        assert off(fit_landmarks(seen, points, others=[nothing]), identity) == pytest.approx(plain)


def test_equations_are_the_slope_of_the_cost(points, person, downhill):
    """With outliers."""
    identity, exact, _ = person
    rng = np.random.default_rng(4)
    noise, deviation = rng.normal(scale=2, size=exact.shape), rng.uniform(1, 3, len(exact))
    term = PointTerm(exact + noise, deviation, points)
    state = PersonState(identity, NONE), ViewState(CAMERA, rng.uniform(0.2, 0.6, 52), NONE, NONE, NONE)
    equations = term.equations(*state)
    np.testing.assert_array_equal(equations.columns, geometry_columns(*state))
    scale = np.sqrt(np.diag(equations.hessian))
    for place in (0, 1, 3, 4, 5, 6, 7, 30, 106, 107, 130):
        size = 1e-4 if place < 3 or place in (5, 6) else 1e-2
        slope = downhill(term.cost, *state, int(equations.columns[place]), size)
        assert equations.gradient[place] == pytest.approx(slope, rel=0.02, abs=0.02 * scale[place]), place


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"points": np.zeros((5, 2))}, "expected points"),
        ({"deviation": np.ones(5)}, "expected points"),
        ({"deviation": np.zeros(478)}, "every deviation"),
    ],
)
def test_points_that_do_not_fit_are_refused(points, wrong, reason):
    given = {"points": np.zeros((478, 2)), "deviation": np.ones(478), "model": points, **wrong}
    with pytest.raises(ValueError, match=reason):
        PointTerm(**given)
