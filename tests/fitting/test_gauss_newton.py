"""Steps of a person and several views, against one dense system and against the box-constrained minimum."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from headshot.fitting.gauss_newton import ViewSystem, arrow_step

PERSON = 5


def positive(rng, size):
    a = rng.normal(size=(size + 6, size))
    return a.T @ a


def problem(rng, views, free=4, bounds=3, force=1.0):
    """The person's own equations, and those of views with weights in [0, 1] of which some lie on a bound."""
    size = PERSON + free + bounds
    systems = []
    for _ in range(views):
        start = np.clip(rng.uniform(-0.2, 1.2, bounds), 0, 1)
        systems.append(ViewSystem(positive(rng, size), force * rng.normal(size=size), start))
    return positive(rng, PERSON), force * rng.normal(size=PERSON), systems


def dense(hessian, gradient, systems):
    """The same as one system; and which entries of it have bounds, and these."""
    size = PERSON + sum(len(s.gradient) - PERSON for s in systems)
    whole, right = np.zeros((size, size)), np.zeros(size)
    whole[:PERSON, :PERSON], right[:PERSON] = hessian, gradient
    low, high = np.full(size, -np.inf), np.full(size, np.inf)
    first = PERSON
    for s in systems:
        last = first + len(s.gradient) - PERSON
        place = np.r_[0:PERSON, first:last]
        whole[np.ix_(place, place)] += s.hessian
        right[place] += s.gradient
        bounded = slice(last - len(s.bounded), last)
        low[bounded], high[bounded] = s.low - s.bounded, s.high - s.bounded
        first = last
    return whole, right, low, high


def joint(hessian, gradient, systems):
    person, steps = arrow_step(hessian, gradient, systems)
    assert person.shape == (PERSON,)
    assert [len(step) for step in steps] == [len(s.gradient) - PERSON for s in systems]
    return np.concatenate([person, *steps])


@pytest.mark.parametrize("views", [1, 2, 4])
@pytest.mark.parametrize("bounds", [0, 3])
def test_steps_inside_of_the_bounds_are_those_of_the_dense_system(views, bounds):
    rng = np.random.default_rng(views)
    hessian, gradient, systems = problem(rng, views, bounds=bounds, force=1e-3)
    systems = [ViewSystem(s.hessian, s.gradient, np.full(bounds, 0.5)) for s in systems]
    whole, right, low, high = dense(hessian, gradient, systems)
    expected = np.linalg.solve(whole, right)
    assert ((expected > low) & (expected < high)).all()
    np.testing.assert_allclose(joint(hessian, gradient, systems), expected, rtol=1e-9, atol=1e-15)


def test_views_of_different_sizes_and_without_parameters_of_their_own():
    rng = np.random.default_rng(9)
    hessian, gradient, _ = problem(rng, 0)
    systems = [
        ViewSystem(positive(rng, PERSON + n), 0.01 * rng.normal(size=PERSON + n), np.full(e, 0.5))
        for n, e in ((7, 2), (0, 0), (3, 3))
    ]
    whole, right, _, _ = dense(hessian, gradient, systems)
    np.testing.assert_allclose(joint(hessian, gradient, systems), np.linalg.solve(whole, right), rtol=1e-9)


def least_in_box(whole, right, low, high):
    """The minimum by trying which weights lie on which of their bounds."""
    bounded = np.flatnonzero(np.isfinite(low))
    best, cost = None, np.inf
    for places in product((None, low, high), repeat=len(bounded)):
        fixed = np.array([k for k, p in zip(bounded, places, strict=True) if p is not None], int)
        free = np.setdiff1d(np.arange(len(right)), fixed)
        step = np.zeros(len(right))
        step[fixed] = [p[k] for k, p in zip(bounded, places, strict=True) if p is not None]
        rest = right[free] - whole[np.ix_(free, fixed)] @ step[fixed]
        step[free] = np.linalg.solve(whole[np.ix_(free, free)], rest)
        now = 0.5 * step @ whole @ step - right @ step
        if ((step >= low - 1e-12) & (step <= high + 1e-12)).all() and now < cost:
            best, cost = step, now
    assert best is not None
    return best


@pytest.mark.parametrize("views", [1, 2])
@pytest.mark.parametrize("seed", range(6))
def test_steps_with_weights_on_their_bounds_are_the_least_in_the_box(views, seed):
    rng = np.random.default_rng(seed)
    hessian, gradient, systems = problem(rng, views, force=10.0)
    whole, right, low, high = dense(hessian, gradient, systems)
    expected = least_in_box(whole, right, low, high)
    assert (np.isclose(expected, low) | np.isclose(expected, high)).any()
    np.testing.assert_allclose(joint(hessian, gradient, systems), expected, atol=1e-9)


@pytest.mark.parametrize("views", [1, 2, 4])
@pytest.mark.parametrize("seed", range(4))
def test_slopes_push_against_bounds_only(views, seed):
    """The conditions of Karush, Kuhn and Tucker, which a least point in the box alone fulfils."""
    rng = np.random.default_rng(seed)
    hessian, gradient, systems = problem(rng, views, free=20, bounds=52, force=20.0)
    whole, right, low, high = dense(hessian, gradient, systems)
    step = joint(hessian, gradient, systems)
    assert ((step >= low) & (step <= high)).all()
    slope = right - whole @ step  # downhill
    below, above = step == low, step == high
    assert (below | above).sum() > views
    np.testing.assert_allclose(slope[~below & ~above], 0, atol=1e-7)
    assert (slope[below] <= 1e-7).all() and (slope[above] >= -1e-7).all()


def test_bounds_of_each_weight_where_infinite_ones_do_not_bind():
    rng = np.random.default_rng(5)
    hessian, gradient, systems = problem(rng, 2, force=20.0)
    low, high = np.array([-np.inf, -2.0, 0.0]), np.array([0.5, np.inf, 3.0])
    systems = [replace(s, bounded=np.clip(s.bounded, low, high), low=low, high=high) for s in systems]
    whole, right, lowest, highest = dense(hessian, gradient, systems)
    step = joint(hessian, gradient, systems)
    assert ((step >= lowest) & (step <= highest)).all()
    slope = right - whole @ step
    below, above = step == lowest, step == highest
    assert (below | above).any() and np.isinf(lowest[PERSON + 4]) and np.isinf(highest[PERSON + 5])
    np.testing.assert_allclose(slope[~below & ~above], 0, atol=1e-8)
    assert (slope[below] <= 1e-8).all() and (slope[above] >= -1e-8).all()
    # One view, whose equations are put together another way.
    whole, right, lowest, highest = dense(hessian, gradient, systems[:1])
    step = joint(hessian, gradient, systems[:1])
    assert ((step >= lowest) & (step <= highest)).all()
    free = (step > lowest) & (step < highest)
    np.testing.assert_allclose((right - whole @ step)[free], 0, atol=1e-8)


def test_bounded_step_minimises_over_the_box():
    rng = np.random.default_rng(1)
    a = rng.normal(size=(12, 6))
    hessian, gradient = a.T @ a, rng.normal(size=6) * 5
    start = np.array([0.2, 0.5, 0.9])
    none = np.zeros((0, 0)), np.zeros(0)
    _, (step,) = arrow_step(*none, [ViewSystem(hessian, gradient, start)])
    assert ((start + step[3:] >= -1e-9) & (start + step[3:] <= 1 + 1e-9)).all()

    def cost(d):
        return 0.5 * d @ hessian @ d - gradient @ d

    for _ in range(200):
        other = step + rng.normal(size=6) * 0.05
        other[3:] = np.clip(start + other[3:], 0, 1) - start
        assert cost(other) >= cost(step) - 1e-6


def test_the_systems_given_stay_as_they_are():
    rng = np.random.default_rng(3)
    hessian, gradient, systems = problem(rng, 2, force=10.0)
    before = [
        hessian.copy(),
        gradient.copy(),
        *(a.copy() for s in systems for a in (s.hessian, s.gradient, s.bounded)),
    ]
    for some in (systems, systems[:1]):
        arrow_step(hessian, gradient, some)
    after = [hessian, gradient, *(a for s in systems for a in (s.hessian, s.gradient, s.bounded))]
    for one, other in zip(before, after, strict=True):
        np.testing.assert_array_equal(one, other)
