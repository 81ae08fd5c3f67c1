"""Priors of identity and of views."""

from dataclasses import replace

import numpy as np
import pytest

from headshot.fitting.landmarks import fit_landmarks
from headshot.fitting.parameters import ViewState
from headshot.fitting.priors import IdentityPrior, ViewPrior
from headshot.geometry.camera import Camera


def slope(cost, at):
    """Downhill gradient of half a cost, by central differences."""
    steps = 1e-5 * np.eye(len(at))
    return np.array([cost(at - d) - cost(at + d) for d in steps]) / 4e-5


def full(rng, modes):
    half = rng.normal(size=(modes, modes))
    return half @ half.T / modes + np.eye(modes)


@pytest.mark.parametrize("diagonal", [True, False])
def test_pull_and_precision_are_those_of_the_cost(diagonal):
    rng = np.random.default_rng(0)
    precision = rng.uniform(0.5, 2, 6) if diagonal else full(rng, 6)
    prior = IdentityPrior(rng.normal(size=6), precision)
    identity = rng.normal(size=6)
    np.testing.assert_allclose(prior.pull(identity), slope(prior.cost, identity), rtol=1e-6)
    hessian = np.ones((6, 6))
    prior.add_to(hessian)
    np.testing.assert_allclose(hessian - 1, np.diag(precision) if diagonal else precision, atol=1e-12)
    # So a step by the Hessian alone ends at the mean, where the cost is 0.
    np.testing.assert_allclose(np.linalg.solve(hessian - 1, prior.pull(identity)), prior.mean - identity)
    assert prior.cost(prior.mean) == 0 < prior.cost(identity)


def test_the_standard_prior_and_one_that_is_fixed():
    identity = np.array([1.0, -2.0, 0.5])
    assert IdentityPrior.standard(3).cost(identity) == pytest.approx(5.25)
    fixed = IdentityPrior.fixed(identity)
    assert fixed.cost(identity) == 0
    assert fixed.cost(identity + 1e-3) > 1


def test_a_prediction_becomes_a_mean_with_a_precision():
    prior = IdentityPrior.predicted([0.5, -1.0, 0.0], [0.8, 0.5, 1.1])
    np.testing.assert_allclose(prior.mean, [0.5, -1.0, 0.0])
    np.testing.assert_allclose(prior.precision, [0.8**-2, 4, 1.1**-2])


def test_a_prediction_must_make_sense():
    with pytest.raises(ValueError, match="both"):
        IdentityPrior.predicted(np.zeros(3), np.ones(4))
    with pytest.raises(ValueError, match="greater than 0"):
        IdentityPrior.predicted(np.zeros(3), np.zeros(3))
    with pytest.raises(ValueError, match="finite"):
        IdentityPrior.predicted([np.nan], [1.0])


@pytest.mark.parametrize(
    "wrong",
    [IdentityPrior.standard(3), IdentityPrior(np.zeros(4), np.ones((4, 3)))],
    ids=["mean", "precision"],
)
def test_a_prior_of_other_modes_is_refused(wrong):
    with pytest.raises(ValueError, match="prior of 4 modes"):
        wrong.check(4)
    IdentityPrior(np.zeros(4), np.eye(4)).check(4)


def test_a_view_far_from_what_is_expected_costs_its_squared_standard_deviations():
    camera = Camera(100, 100, 500.0, (50.0, 50.0), np.eye(3), np.array([0.0, 0.0, -900.0]))
    view = ViewState(camera, np.array([0.2, 0.5]), np.zeros(3), np.zeros(2), np.zeros(27))
    prior = ViewPrior(float(np.log(500)), 0.1, np.array([0.2, 0.5]), 0.2)
    assert prior.cost(view) == 0
    assert prior.cost(replace(view, camera=replace(camera, focal=500 * np.exp(0.2)))) == pytest.approx(4)
    assert prior.cost(replace(view, expression=np.array([0.8, 0.5]))) == pytest.approx(9)
    assert prior.cost(replace(view, nuisance=np.array([1.0, 2, 0]))) == pytest.approx(5)
    assert prior.cost(replace(view, fields=np.array([0.0, 3]))) == pytest.approx(9)
    focal, expression = prior.away(replace(view, expression=np.array([0.8, 0.5])))
    assert focal == pytest.approx(0)
    np.testing.assert_allclose(expression, [-0.6, 0])


# --- in a fit


def test_the_standard_prior_is_the_default(points, person):
    _, _, seen = person
    plain, modes = fit_landmarks(seen, points), len(points.identity)
    for prior in (IdentityPrior.standard(modes), IdentityPrior(np.zeros(modes), np.eye(modes))):
        found = fit_landmarks(seen, points, prior=prior)
        assert found.identity == pytest.approx(plain.identity, abs=1e-9)


def test_a_good_prediction_brings_the_fit_to_the_truth_and_a_vague_one_does_not(points, person):
    identity, _, seen = person
    mean = identity + np.random.default_rng(1).normal(0, 0.2, len(identity))

    def off(prior=None):
        return float(np.linalg.norm(fit_landmarks(seen, points, prior=prior).identity - identity))

    sure = off(IdentityPrior.predicted(mean, np.full(len(mean), 0.2)))
    assert sure < 0.5 * off()
    assert off(IdentityPrior(mean, np.full(len(mean), 1e-6))) > 2 * sure


def test_a_fit_refuses_a_prior_of_other_modes(points, person):
    with pytest.raises(ValueError, match="prior of 100 modes"):
        fit_landmarks(person[2], points, prior=IdentityPrior.standard(7))
