"""Robust estimates."""

import numpy as np
import pytest

from headshot.robust import geman_mcclure_cost, geman_mcclure_weight, weighted_median


def test_weighted_median_is_the_median_of_repeated_values() -> None:
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=51), rng.integers(1, 5, 51)
    repeated = np.sort(np.repeat(x, w))
    assert weighted_median(x, w) == repeated[(len(repeated) - 1) // 2]
    assert weighted_median([3.0, 1.0, 2.0], [0, 0, 1]) == 2
    assert weighted_median([5.0], [1e-9]) == 5


def test_geman_mcclure_weight_is_the_slope_of_its_cost() -> None:
    u, h = np.linspace(0.01, 9, 40), 1e-6
    slope = (geman_mcclure_cost(u + h) - geman_mcclure_cost(u - h)) / (2 * h)
    np.testing.assert_allclose(geman_mcclure_weight(u), slope, rtol=1e-6)
    assert geman_mcclure_weight(np.float64(1)) == pytest.approx(0.25)
    assert geman_mcclure_cost(np.float64(1e9)) == pytest.approx(1)
