"""What the published method solves in turn: linear shape regression, and least squares with bounds."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from headshot.arrays import Array
from headshot.fitting.gauss_newton import ViewSystem, arrow_step
from headshot.fitting.normal import solve


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
    return solve(a.T @ a + np.eye(a.shape[1]), a.T @ np.asarray(target) / noise)


def bounded_least_squares(gram: ArrayLike, moment: ArrayLike, low: ArrayLike, high: ArrayLike) -> Array:
    """Minimise x G x / 2 - m x with low <= x <= high, for a positive definite G: NNLS, and with upper bounds.

    Args:
        gram: (N, N) symmetric positive definite.
        moment: (N,).
        low, high: (N,) bounds; infinite ones do not bind.
    """
    g, m = np.asarray(gram, np.float64), np.asarray(moment, np.float64)
    lower, upper = np.asarray(low, np.float64), np.asarray(high, np.float64)
    start = np.clip(np.zeros(len(m)), lower, upper)
    alone = ViewSystem(g, m - g @ start, start, lower, upper)
    _, (step,) = arrow_step(np.zeros((0, 0)), np.zeros(0), [alone])
    return np.asarray(start + step)
