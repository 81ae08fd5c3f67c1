"""Estimates that a few wrong measurements cannot spoil."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from headshot.arrays import Floats


def weighted_median(values: ArrayLike, weight: ArrayLike) -> float:
    """The value of (N,), N >= 1, below which half of the weight (N,) lies; some weight must be positive."""
    x, w = np.asarray(values), np.asarray(weight)
    order = np.argsort(x)
    share = np.cumsum(w[order])
    return float(x[order][min(np.searchsorted(share, share[-1] / 2), len(x) - 1)])


def geman_mcclure_weight(squared: Floats) -> Floats:
    """Weights (...) of residuals by iteratively reweighted least squares: 1 / (1 + u)^2.

    Geman and McClure, "Statistical methods for tomographic image reconstruction", 1987; as the derivative of
    `geman_mcclure_cost` with respect to u.

    Args:
        squared: (...) u, squared residuals in units of the squared residual at which the weight is a quarter.
    """
    return np.asarray(1 / (1 + squared) ** 2)


def geman_mcclure_cost(squared: Floats) -> Floats:
    """The bounded error u / (1 + u) (...) in place of squared residuals u (...); see the weight."""
    return np.asarray(squared / (1 + squared))
