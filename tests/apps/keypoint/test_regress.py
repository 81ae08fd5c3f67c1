"""The linear solvers against closed forms and against SciPy."""

from __future__ import annotations

import numpy as np
import pytest

from headshot.apps.keypoint.regress import bounded_least_squares, linear_shape

RNG = np.random.default_rng(1)


def test_linear_shape_recovers_and_shrinks() -> None:
    design, truth = RNG.standard_normal((100, 7)), RNG.standard_normal(7)
    np.testing.assert_allclose(linear_shape(design, design @ truth, 1e-5), truth, atol=1e-8)
    assert np.abs(linear_shape(design, design @ truth, 1e5)).max() < 1e-6
    # one orthogonal landmark a mode: the posterior mean of a Gaussian, in closed form
    gain, noise = np.array([3.0, 0.5]), 0.8
    expected = gain * [2.0, 4.0] / (gain**2 + noise**2)
    np.testing.assert_allclose(linear_shape(np.diag(gain), [2.0, 4.0], noise), expected)


@pytest.mark.parametrize("seed", range(8))
def test_nnls_equals_scipys(seed: int) -> None:
    optimize = pytest.importorskip("scipy.optimize")
    rng = np.random.default_rng(seed)
    a, b = rng.standard_normal((40, 12)), rng.standard_normal(40)
    found = bounded_least_squares(a.T @ a, a.T @ b, np.zeros(12), np.full(12, np.inf))
    np.testing.assert_allclose(found, optimize.nnls(a, b)[0], atol=1e-9)


@pytest.mark.parametrize("seed", range(8))
def test_bounds_equal_scipys(seed: int) -> None:
    optimize = pytest.importorskip("scipy.optimize")
    rng = np.random.default_rng(seed)
    a, b = rng.standard_normal((40, 15)), 3 * rng.standard_normal(40)
    low, high = np.zeros(15), np.full(15, 0.2)
    low[:3], high[:3] = -np.inf, np.inf
    high[3:6] = np.inf
    expected = optimize.lsq_linear(a, b, (low, high), method="bvls", tol=1e-14).x
    np.testing.assert_allclose(bounded_least_squares(a.T @ a, a.T @ b, low, high), expected, atol=1e-7)


def test_nothing_to_bind() -> None:
    a, b = RNG.standard_normal((20, 4)), RNG.standard_normal(20)
    free = np.full(4, np.inf)
    expected = np.linalg.lstsq(a, b, rcond=None)[0]
    np.testing.assert_allclose(bounded_least_squares(a.T @ a, a.T @ b, -free, free), expected)
    assert bounded_least_squares(np.zeros((0, 0)), np.zeros(0), np.zeros(0), np.zeros(0)).shape == (0,)
