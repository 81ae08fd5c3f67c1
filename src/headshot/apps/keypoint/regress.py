"""Linear regression of shape coefficients, and least squares with bounds."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from headshot.arrays import Array


def linear_shape(design: ArrayLike, target: ArrayLike, noise: float) -> Array:
    """Coefficients (I,) of the most likely shape under landmarks: linear shape regression.

    Hu et al., "Automatic 3D reconstruction for face recognition" (FG 2004), section 3, in the probabilistic
    form of Aldrian and Smith, "Inverse Rendering of Faces with a 3D Morphable Model" (PAMI 2013), equation
    14: with landmarks y = A alpha of independent Gaussian noise and alpha ~ N(0, 1),

        alpha = (A^T A / noise^2 + 1)^-1 A^T y / noise^2.

    Args:
        design: (N, I) pixels per standard deviation: camera times identity modes at the landmarks.
        target: (N,) landmarks minus the projected mean, pixels.
        noise: standard deviation of a landmark, pixels.

    Returns:
        Coefficients in standard deviations.
    """
    a = np.asarray(design, np.float64) / noise
    return np.asarray(np.linalg.solve(a.T @ a + np.eye(a.shape[1]), a.T @ np.asarray(target) / noise))


def bounded_least_squares(gram: ArrayLike, moment: ArrayLike, low: ArrayLike, high: ArrayLike) -> Array:
    """Minimise x G x / 2 - m x with low <= x <= high, for a positive definite G.

    The active-set method of Lawson and Hanson, "Solving Least Squares Problems" (1974), chapter 23 (NNLS),
    with upper bounds as in Stark and Parker, "Bounded-variable least-squares" (1995). It ends at the exact
    minimum, since every round lowers the value and there are finitely many sets.

    Args:
        gram: (N, N) symmetric positive definite.
        moment: (N,).
        low, high: (N,) bounds; infinite ones do not bind.
    """
    g, m = np.asarray(gram, np.float64), np.asarray(moment, np.float64)
    lower, upper = np.asarray(low, np.float64), np.asarray(high, np.float64)
    unbound = np.isinf(lower) & np.isinf(upper)
    x = np.where(np.isfinite(lower), lower, np.where(np.isfinite(upper), upper, 0.0))
    free = unbound.copy()
    tolerance = 1e-10 * max(float(np.abs(m).max(initial=0.0)), 1e-30)
    for round_ in range(3 * len(x) + 1):
        if round_:
            slope = m - g @ x
            gain = np.where(free, 0.0, np.where(x <= lower, slope, -slope))
            if gain.max(initial=0.0) <= tolerance:
                break
            free[int(gain.argmax())] = True
        while free.any():
            fixed = ~free
            wish = np.linalg.solve(g[np.ix_(free, free)], m[free] - g[np.ix_(free, fixed)] @ x[fixed])
            now = x[free]
            with np.errstate(divide="ignore", invalid="ignore"):
                share = np.where(
                    wish < lower[free],
                    (now - lower[free]) / (now - wish),
                    np.where(wish > upper[free], (upper[free] - now) / (wish - now), 1.0),
                )
            reach = float(share.min(initial=1.0))
            x[free] = now + reach * (wish - now)
            if reach >= 1.0:
                break
            # What the step runs into is fixed at its bound; at least one is, so this ends.
            index = np.flatnonzero(free)[share <= reach]
            x[index] = np.where(wish[share <= reach] < lower[index], lower[index], upper[index])
            free[index] = False
    return x
