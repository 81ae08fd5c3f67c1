"""Principal components of partly seen, partly wrong vectors, by expectation maximisation.

Probabilistic PCA (Tipping and Bishop, "Probabilistic Principal Component Analysis", JRSS B 1999; with missing
data Roweis, "EM Algorithms for PCA and SPCA", NIPS 1997) with Student's t distributed noise at every point,
which is least squares with weights (Lange, Little and Taylor, "Robust Statistical Modeling Using the t
Distribution", JASA 1989). The model is symmetric: a row that shows both sides of a face shows the same point
twice.

Dimension letters: N photos, S seen points, H points of one half, K modes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

FREEDOM = 4.0  # degrees of freedom of Student's t
RIDGE = 10.0  # photos: modes shrink to half where no more show a point
TEMPER = 0.25  # neighbouring points err alike: each counts for so much of an independent one


@dataclass(frozen=True, eq=False)
class Components:
    """x = mean + sum_k z_k modes_k + noise.

    Attributes:
        mean: (H, 3).
        modes: (K, H, 3), per standard deviation.
        noise: standard deviation relative to a photo's brightness.
    """

    mean: np.ndarray
    modes: np.ndarray
    noise: float


@dataclass(frozen=True, eq=False)
class Sightings:
    """What N photos show, light taken out.

    Attributes:
        value: (N, S, 3) float32 reflectance.
        weight: (N, S) float32, squared precision by geometry and light, relative; 0 where nothing is seen.
        scale: (N,) brightness of each photo's skin: its noise is in proportion.
        share: (N,) how much each photo counts.
        half: (S,) which point of the half each point is.
    """

    value: np.ndarray
    weight: np.ndarray
    scale: np.ndarray
    share: np.ndarray
    half: np.ndarray


def fold(values: np.ndarray, half: np.ndarray) -> np.ndarray:
    """Sums (H, ...) of values (S, ...) over the two sides."""
    order = np.argsort(half, kind="stable")
    starts = np.searchsorted(half[order], np.arange(half.max() + 1))
    return np.add.reduceat(values[order], starts, axis=0)


def moments(seen: Sightings, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weights (N, H) and weighted values (N, H, 3), summed over the two sides."""
    n, h = len(weight), int(seen.half.max()) + 1
    total, values = np.empty((n, h), np.float32), np.empty((n, h, 3), np.float32)
    for i in range(n):
        both = np.column_stack([weight[i], weight[i, :, None] * seen.value[i]])
        folded = fold(both, seen.half)
        total[i], values[i] = folded[:, 0], folded[:, 1:]
    return total, values


def robust(seen: Sightings, parts: Components, z: np.ndarray) -> tuple[np.ndarray, float]:
    """Weights (N, S) with Student's t, and the noise for which they hold."""
    out = np.empty_like(seen.weight)
    top = bottom = 0.0
    for i in range(len(z)):
        expected = parts.mean + np.tensordot(z[i].astype(np.float32), parts.modes, 1)
        error = ((seen.value[i] - expected[seen.half]) ** 2).mean(axis=1) / np.float32(seen.scale[i] ** 2)
        # weight: the share of full precision that geometry and light leave
        t = (FREEDOM + 1) / (FREEDOM + seen.weight[i] * error / np.float32(parts.noise**2))
        out[i] = seen.weight[i] * t
        top += float(seen.share[i] * (out[i] * error).sum())
        bottom += float(seen.share[i] * (seen.weight[i] > 0).sum())
    return out, float(np.sqrt(top / bottom))


def expect(
    seen: Sightings, sums: tuple[np.ndarray, np.ndarray], parts: Components
) -> tuple[np.ndarray, np.ndarray]:
    """Posterior means (N, K) and covariances (N, K, K) of the coefficients, from `moments`."""
    total, values = sums
    k, h = len(parts.modes), len(parts.mean)
    flat = parts.modes.transpose(1, 2, 0).astype(np.float32)  # (H, 3, K)
    outer = np.einsum("hck,hcl->hkl", flat, flat).reshape(h, k * k)
    precision = TEMPER / (parts.noise * seen.scale) ** 2
    system = (total @ outer).reshape(-1, k, k) * precision[:, None, None] + np.eye(k)
    off = values - total[:, :, None] * parts.mean
    right = (off.reshape(len(off), -1) @ flat.reshape(h * 3, k)) * precision[:, None]
    covariance = np.linalg.inv(system)
    return np.einsum("nkl,nl->nk", covariance, right), covariance


def regress(
    seen: Sightings,
    sums: tuple[np.ndarray, np.ndarray],
    z: np.ndarray,
    covariance: np.ndarray,
    noise: float,
) -> Components:
    """Mean and modes: least squares given the photos' coefficients, which keep their meaning."""
    total, values = sums
    n, k = z.shape
    h = total.shape[1]
    # Coefficients with a one for the mean; their second moments.
    one = np.concatenate([np.ones((n, 1)), z], axis=1)
    second = one[:, :, None] * one[:, None, :]
    second[:, 1:, 1:] += covariance
    counts = (seen.share / (seen.scale / seen.scale.mean()) ** 2)[:, None]
    normal = (total.T @ (counts * second.reshape(n, -1)).astype(np.float32)).astype(np.float64)
    normal = normal.reshape(h, k + 1, k + 1)
    right = values.reshape(n, -1).T @ (counts * one).astype(np.float32)
    normal[:, np.arange(1, k + 1), np.arange(1, k + 1)] += RIDGE
    normal[:, 0, 0] += 1e-6
    found = np.linalg.solve(normal, right.reshape(h, 3, k + 1).transpose(0, 2, 1)).transpose(1, 0, 2)
    return Components(found[0].astype(np.float32), found[1:].astype(np.float32), noise)


def standardised(parts: Components, z: np.ndarray, covariance: np.ndarray, share: np.ndarray) -> Components:
    """The same model with uncorrelated coefficients of mean 0 and variance 1, strongest mode first."""
    mean, modes = parts.mean, parts.modes
    w = share / share.sum()
    centre = w @ z
    spread = np.einsum("n,nk,nl->kl", w, z - centre, z - centre) + np.einsum("n,nkl->kl", w, covariance)
    mean = mean + np.tensordot(centre, modes, 1)
    root = np.linalg.cholesky(spread)
    flat = root.T @ modes.reshape(len(modes), -1)
    _, size, turned = np.linalg.svd(flat, full_matrices=False)
    turned = turned * size[:, None]
    turned *= np.where(turned.sum(axis=1, keepdims=True) < 0, -1, 1)
    return Components(mean.astype(np.float32), turned.reshape(modes.shape).astype(np.float32), parts.noise)


def start(seen: Sightings, k: int, seed: int = 0) -> Components:
    """A first estimate: the weighted mean, an overall brightness, and noise."""
    total, values = moments(seen, seen.weight)
    mean = np.einsum("n,nhc->hc", seen.share, values) / (seen.share @ total + 1e-6)[:, None]
    rng = np.random.default_rng(seed)
    modes = 0.01 * rng.normal(size=(k, *mean.shape)) * mean
    modes[0] = 0.3 * mean
    return Components(mean.astype(np.float32), modes.astype(np.float32), 0.15)


def learn(seen: Sightings, first: Components, rounds: int) -> tuple[Components, np.ndarray, np.ndarray]:
    """Expectation maximisation from a first estimate.

    Returns:
        the components, the coefficients (N, K), and their covariances (N, K, K).
    """
    parts, sums = first, moments(seen, seen.weight)
    for _ in range(rounds):
        z, covariance = expect(seen, sums, parts)
        weight, noise = robust(seen, parts, z)
        sums = moments(seen, weight)
        parts = standardised(regress(seen, sums, z, covariance, noise), z, covariance, seen.share)
    z, covariance = expect(seen, sums, parts)
    return parts, z, covariance
