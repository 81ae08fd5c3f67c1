"""Albedo and light that together explain the colours of a surface whose shape is known.

    colour = (mean + sum_k delta_k modes_k) * sum_j gamma_j phi_j(n)

is bilinear in the albedo's coefficients delta and the light gamma ("3D Face Reconstruction from RGB", section
D). Both are found together by Gauss-Newton, because the colours alone cannot tell a dark skin from dim light:
their priors share what is left open in proportion to their variances, and alternating between them would
leave it to whichever came first.

Dimension letters: N points, A albedo modes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from headshot.arrays import Array
from headshot.geometry.light import LightPrior, LightSettings, sh_basis

# Per-point noise as in the light's estimate; but albedo has detail that light has not, for which points
# count more nearly one by one.
SETTINGS = LightSettings(noise=0.10, independent=500.0, rounds=6)
_OUTLIER = 2.5  # standard deviations at which Geman and McClure's weight is a quarter


@dataclass(frozen=True, eq=False)
class ColourFit:
    """What explains the colours.

    Attributes:
        albedo: (A,) coefficients in standard deviations.
        light: (9, 3), head frame (`headshot.geometry.light`).
        error: robust standard deviation of the colours that are left unexplained, relative to the brightness.
    """

    albedo: Array
    light: Array
    error: float


def fit_colours(
    colours: ArrayLike,
    normals: ArrayLike,
    weight: ArrayLike,
    albedo: tuple[ArrayLike, ArrayLike],
    prior: LightPrior,
    settings: LightSettings = SETTINGS,
) -> ColourFit:
    """The most probable albedo and light.

    Args:
        colours: (N, 3) what the photo shows, linear.
        normals: (N, 3) unit, head frame.
        weight: (N,) how far each point is believed and how much surface it stands for, at least 0.
        albedo: mean (N, 3) and modes (A, N, 3) of the albedo model at the points.
        prior: what light is usual.
        settings: as for `headshot.geometry.light.estimate_light`.

    Returns:
        the fit; the priors' means where all weights are zero.

    Raises:
        ValueError: shapes do not match, or weights are negative or not finite.
    """
    trust = np.asarray(weight, np.float64)
    mean, modes = (np.asarray(x, np.float32) for x in albedo)
    n, a = len(trust), len(modes)
    seen, facing = np.asarray(colours, np.float32), np.asarray(normals, np.float32)
    if not (seen.shape == facing.shape == mean.shape == (n, 3) and modes.shape == (a, n, 3)):
        raise ValueError(
            f"colours, normals and mean must have shape {(n, 3)} like the {n} weights and modes (A, {n}, 3), "
            f"got {seen.shape}, {facing.shape}, {mean.shape} and {modes.shape}"
        )
    if not (np.isfinite(trust).all() and (trust >= 0).all()):
        raise ValueError("weights must be finite and at least 0")
    used = trust > 0
    delta: Array = np.zeros(a)
    gamma: Array = prior.mean.reshape(9, 3).copy()
    if not used.any():
        return ColourFit(delta, gamma, float("nan"))
    seen, mean, modes = seen[used], mean[used], modes[:, used]
    basis = sh_basis(facing[used]).astype(np.float32)
    trust = trust[used] / trust.sum()
    scale = settings.noise * max(float(trust @ seen.mean(axis=1)), 1e-4)
    keep = trust
    for turn in range(settings.rounds + 1):
        reflect = mean + np.tensordot(delta.astype(np.float32), modes, 1)
        shading = basis @ gamma.astype(np.float32)
        residual = seen - reflect * shading
        error = (residual**2).sum(axis=1) / (3 * (_OUTLIER * scale) ** 2)
        keep = trust / (1 + error) ** 2 if turn else trust  # the first guess says nothing about outliers
        normal = np.zeros((a + 27, a + 27))
        normal[range(a), range(a)] = 1
        normal[a:, a:] = prior.precision
        right = np.concatenate([-delta, prior.precision @ (prior.mean - gamma.ravel())])
        root = np.sqrt(keep * (settings.independent / scale**2)).astype(np.float32)[:, None]
        for c in range(3):
            jacobian = np.concatenate([(modes[:, :, c] * shading[:, c]).T, basis * reflect[:, c : c + 1]], 1)
            jacobian *= root
            at = np.concatenate([np.arange(a), a + 3 * np.arange(9) + c])
            normal[np.ix_(at, at)] += jacobian.T @ jacobian
            right[at] += jacobian.T @ (root[:, 0] * residual[:, c])
        step = np.linalg.solve(normal, right)
        delta, gamma = delta + step[:a], gamma + step[a:].reshape(9, 3)
    spread = float(np.sqrt((keep * (residual**2).mean(axis=1)).sum() / keep.sum()))
    return ColourFit(delta, gamma, spread * settings.noise / scale)
