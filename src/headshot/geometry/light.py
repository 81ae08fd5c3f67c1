"""Light as spherical harmonics: nine numbers a colour shade a matte surface under any distant lighting.

The irradiance of a matte (Lambertian) surface under distant light is, to within about 1 %, a quadratic
polynomial of its normal (Ramamoorthi and Hanrahan, "An Efficient Representation for Irradiance Environment
Maps", SIGGRAPH 2001). Cast shadows, highlights and light from below the skin are not in it.

Normals and light are in the **head frame**: x to the subject's left, y up, z out of the face. Colours are
linear light. The nine functions, in this order everywhere (l, m):

    (0,0) (1,-1) (1,0) (1,1) (2,-2) (2,-1) (2,0)   (2,1) (2,2)
      1      y      z     x     xy     yz   3z^2-1    xz   x^2-y^2

times the factors of `sh_basis`, such that light[0] = (1, 1, 1) with zeros below is light of strength one from
everywhere: it shows a surface in the colour of its albedo.

Dimension letters: N surface points; A albedo modes; ... any leading dimensions.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import ArrayLike

from headshot.arrays import Array, Floats, ReadOnly
from headshot.robust import geman_mcclure_weight

# Ramamoorthi and Hanrahan 2001, eqs. 3, 7 and 8: E(n) = sum_lm A_l L_lm Y_lm(n), with A_l = pi, 2 pi / 3 and
# pi / 4 for l = 0, 1, 2, and reflected light albedo / pi * E. Divided by the constant A_0 Y_00 each function
# keeps (A_l / A_0) (Y_lm / Y_00): the factors below of the polynomials listed above.
FIRST = 2 / 3 * sqrt(3)  # y, z, x
SECOND = sqrt(15) / 4  # xy, yz, xz
ZONAL = sqrt(5) / 8  # 3 z^2 - 1
DIFFERENCE = sqrt(15) / 8  # x^2 - y^2


def sh_basis(normals: ArrayLike) -> Floats:
    """The nine functions (..., 9) of unit normals (..., 3); float32 stays float32."""
    n = _vectors(normals)
    x, y, z = n[..., 0], n[..., 1], n[..., 2]
    out = np.empty((*n.shape[:-1], 9), n.dtype)
    out[..., 0] = 1
    out[..., 1], out[..., 2], out[..., 3] = FIRST * y, FIRST * z, FIRST * x
    out[..., 4], out[..., 5], out[..., 7] = SECOND * x * y, SECOND * y * z, SECOND * x * z
    out[..., 6], out[..., 8] = ZONAL * (3 * z * z - 1), DIFFERENCE * (x * x - y * y)
    return out


def sh_basis_gradient(normals: ArrayLike) -> Floats:
    """Derivatives (..., 9, 3) of the nine polynomials with respect to the components of normals (..., 3).

    The polynomials are those of `sh_basis`; that normals keep unit length is the caller's chain rule.
    """
    n = _vectors(normals)
    x, y, z = n[..., 0], n[..., 1], n[..., 2]
    out = np.zeros((*n.shape[:-1], 9, 3), n.dtype)
    out[..., 1, 1] = out[..., 2, 2] = out[..., 3, 0] = FIRST
    out[..., 4, 0], out[..., 4, 1] = SECOND * y, SECOND * x
    out[..., 5, 1], out[..., 5, 2] = SECOND * z, SECOND * y
    out[..., 6, 2] = 6 * ZONAL * z
    out[..., 7, 0], out[..., 7, 2] = SECOND * z, SECOND * x
    out[..., 8, 0], out[..., 8, 1] = 2 * DIFFERENCE * x, -2 * DIFFERENCE * y
    return out


def shade(albedo: ArrayLike, normals: ArrayLike, light: ArrayLike) -> Floats:
    """Colours (..., 3), linear, of a matte surface: b * sum_k gamma_k phi_k(n).

    That is the lighting equation of "3D Face Reconstruction from RGB", section D (after Ramamoorthi and
    Hanrahan 2001), with B = 3 bands.

    Args:
        albedo: (..., 3) b, linear reflectance.
        normals: (..., 3) n, unit, head frame.
        light: (9, 3) gamma, of red, green and blue.
    """
    return np.asarray(albedo) * (sh_basis(normals) @ _light(light))


@dataclass(frozen=True, eq=False, repr=False)
class LightPrior(ReadOnly):
    """A normal distribution of light, flattened by rows: entry 3 k + c is coefficient k of colour c.

    Attributes:
        mean: (27,).
        precision: (27, 27) inverse of the covariance.
    """

    mean: Array
    precision: Array


@dataclass(frozen=True)
class LightSettings:
    """How light is estimated.

    Attributes:
        noise: standard deviation of what albedo and light cannot explain, relative to the brightness of the
            face.
        independent: how many independent points all of the surface counts as. Neighbours err alike, so there
            are far fewer than vertices; the priors weigh in proportion.
        rounds: of reweighting by the robust error, after a first one without.
    """

    noise: float = 0.12
    independent: float = 150.0
    rounds: int = 4

    def __post_init__(self) -> None:
        if not (self.noise > 0 and self.independent > 0 and self.rounds >= 0):
            raise ValueError(f"noise and independent must be positive and rounds not negative, got {self}")


# With the albedo estimated too: it has detail that light has not, for which points count more nearly one by
# one.
WITH_ALBEDO = LightSettings(noise=0.10, independent=500.0, rounds=6)
_OUTLIER = 2.5  # standard deviations at which the robust weight is a quarter


@dataclass(frozen=True, eq=False, repr=False)
class AlbedoAndLight(ReadOnly):
    """What explains the colours of a surface.

    Attributes:
        albedo: (A,) coefficients in standard deviations.
        light: (9, 3), head frame.
        error: robust standard deviation of the colours that are left unexplained, relative to the brightness;
            NaN where all weights are zero.
    """

    albedo: Array
    light: Array
    error: float


def estimate_light(
    colours: ArrayLike,
    albedo: ArrayLike,
    normals: ArrayLike,
    weight: ArrayLike,
    prior: LightPrior,
    settings: LightSettings | None = None,
) -> Array:
    """The most probable light (9, 3) that shows surface points of known albedo in the given colours.

    Args:
        colours: (N, 3) what the photo shows, linear.
        albedo: (N, 3) linear reflectance.
        normals: (N, 3) unit, head frame.
        weight: (N,) confidence of each point times the surface that it stands for, at least 0.
        prior: what light is usual.
        settings: defaults to `LightSettings()`.

    Returns:
        (9, 3); the prior's mean where all weights are zero.

    Raises:
        ValueError: shapes do not match, or weights are negative or not finite.
    """
    known = np.asarray(albedo, np.float64)
    only = (known, np.zeros((0, *known.shape)))
    return fit_albedo_and_light(colours, normals, weight, only, prior, settings or LightSettings()).light


def fit_albedo_and_light(
    colours: ArrayLike,
    normals: ArrayLike,
    weight: ArrayLike,
    albedo: tuple[ArrayLike, ArrayLike],
    prior: LightPrior,
    settings: LightSettings = WITH_ALBEDO,
) -> AlbedoAndLight:
    """The most probable albedo and light of surface points whose shape is known.

        colour = (mean + sum_k delta_k modes_k) * sum_j gamma_j phi_j(n)

    is bilinear in the albedo's coefficients delta and the light gamma ("3D Face Reconstruction from RGB",
    section D). Both are found together by Gauss-Newton, because the colours alone cannot tell a dark skin
    from dim light: their priors share what is left open in proportion to their variances, and alternating
    between them would leave it to whichever came first. Geman and McClure's weights keep highlights, cast
    shadows and hair from counting for more than they should.

    Args:
        colours: (N, 3) what the photo shows, linear.
        normals: (N, 3) unit, head frame.
        weight: (N,) confidence of each point times the surface that it stands for, at least 0.
        albedo: mean (N, 3) and modes (A, N, 3) of the albedo model at the points; as precise (float32 or
            float64) as the computation.
        prior: what light is usual; that of the albedo's coefficients is N(0, I).
        settings: see `LightSettings`.

    Returns:
        the estimate; the priors' means where all weights are zero.

    Raises:
        ValueError: shapes do not match, or weights are negative or not finite.
    """
    trust = np.asarray(weight, np.float64)
    mean, modes = (_vectors(x) for x in albedo)
    n, a, dtype = len(trust), len(modes), mean.dtype
    seen, facing = np.asarray(colours, dtype), np.asarray(normals, dtype)
    if not (seen.shape == facing.shape == mean.shape == (n, 3) and modes.shape == (a, n, 3)):
        raise ValueError(
            f"colours, normals and albedo must have shape {(n, 3)} like the {n} weights and modes "
            f"(A, {n}, 3), got {seen.shape}, {facing.shape}, {mean.shape} and {modes.shape}"
        )
    if not (np.isfinite(trust).all() and (trust >= 0).all()):
        raise ValueError("weights must be finite and at least 0")
    used = trust > 0
    delta: Array = np.zeros(a)
    gamma: Array = prior.mean.reshape(9, 3).copy()
    if not used.any():
        return AlbedoAndLight(delta, gamma, float("nan"))
    seen, mean, modes = seen[used], mean[used], modes[:, used]
    basis = sh_basis(facing[used])
    trust = trust[used] / trust.sum()
    # One scale for all colours, so that a reddish skin does not make blue count for nothing or everything.
    scale = settings.noise * max(float(trust @ seen.mean(axis=1)), 1e-4)
    robust = trust
    for turn in range(settings.rounds + 1):
        reflect = mean + np.tensordot(delta.astype(dtype), modes, 1)
        shading = basis @ gamma.astype(dtype)
        residual = seen - reflect * shading
        if turn:  # the first estimate does not show outliers
            squared = (residual**2).sum(axis=1) / (3 * (_OUTLIER * scale) ** 2)
            robust = trust * geman_mcclure_weight(squared)
        normal = np.zeros((a + 27, a + 27))
        normal[range(a), range(a)] = 1
        normal[a:, a:] = prior.precision
        right = np.concatenate([-delta, prior.precision @ (prior.mean - gamma.ravel())])
        root = np.sqrt(robust * (settings.independent / scale**2)).astype(dtype)[:, None]
        for c in range(3):
            jacobian = np.concatenate([(modes[:, :, c] * shading[:, c]).T, basis * reflect[:, c : c + 1]], 1)
            jacobian *= root
            at = np.concatenate([np.arange(a), a + 3 * np.arange(9) + c])
            normal[np.ix_(at, at)] += jacobian.T @ jacobian
            right[at] += jacobian.T @ (root[:, 0] * residual[:, c])
        step = np.linalg.solve(normal, right)
        delta, gamma = delta + step[:a], gamma + step[a:].reshape(9, 3)
    spread = float(np.sqrt((robust * (residual**2).mean(axis=1)).sum() / robust.sum()))
    return AlbedoAndLight(delta, gamma, spread * settings.noise / scale)


def _vectors(normals: ArrayLike) -> Floats:
    n = np.asarray(normals)
    if n.ndim < 1 or n.shape[-1] != 3:
        raise ValueError(f"normals must have shape (..., 3), got {n.shape}")
    return n if np.issubdtype(n.dtype, np.floating) else n.astype(np.float64)


def _light(light: ArrayLike) -> Floats:
    out = np.asarray(light)
    if out.shape != (9, 3):
        raise ValueError(f"light must have shape (9, 3): nine coefficients of three colours, got {out.shape}")
    return out
