"""How photos are lit: the light of every photo, and the prior of light that keeps skin colour out of it.

A photo's face is dark because its skin is dark or because its light is. Which, one photo does not show; two
photos of one person can: what differs between them is light. LFW has such pairs. The covariance of log
brightness within a person is therefore the light's (with the camera's), and the rest of the variance between
people is the skin's. The pattern of light over the face, relative to its mean, is taken as it is found.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from headshot.geometry.light import LightPrior, estimate_light, sh_basis
from headshot.geometry.raster import vertex_normals
from headshot.models.head_model import load_head_model
from headshot.texture.surface import surface_of
from rows import Rows

POINTS = 600  # vertices from which light is estimated
# What of the light's brightness and colour, found within people, its prior keeps (standard deviations). Fits
# to a face see thousands of points whose errors have common causes, and so weigh them too much: the shares
# that follow from the variances as found would leave most of a light or dark skin to the light.
NARROW_LEVEL, NARROW_COLOUR = 0.15, 0.3
DRAWS = 20_000  # from which the prior's moments are taken
FREEDOM = 5.0  # degrees of freedom of the t distribution of light
MIRROR = np.array([1, 1, 1, -1, -1, 1, 1, -1, 1.0])  # signs of the coefficients in a mirror


def light_points(seed: int = 0) -> np.ndarray:
    """Skin vertices (n,) of the low resolution that show light well.

    Not brows, lids and lips, whose colour varies most, and fewer where beards and hair begin.
    """
    model = load_head_model("low")
    skin = surface_of(model)
    drawn = sum(model.regions[r][skin.vertices] for r in ("brows", "lips", "eyelids", "mouth"))
    good = (skin.skin_prior > 0.5) & (drawn < 0.1) & (skin.selectivity < 0.9)
    weight = skin.area * good * (1 - 0.7 * skin.beard)
    rng = np.random.default_rng(seed)
    return np.sort(rng.choice(len(weight), POINTS, replace=False, p=weight / weight.sum()))


def frontal_basis() -> np.ndarray:
    """The nine functions (9,) averaged over the core of the face: times the light, the face's brightness."""
    model = load_head_model("high")
    skin = surface_of(model)
    normals = vertex_normals(model.mean, model.triangles)[skin.vertices]
    weight = skin.area * skin.core
    return (weight @ sh_basis(normals)) / weight.sum()


def lights(rows: Rows, albedo: np.ndarray, prior: LightPrior) -> np.ndarray:
    """The light (N, 9, 3) of every photo.

    Args:
        rows: the photos.
        albedo: (S, 3), or (N, n, 3) at `light_points`.
        prior: of light.
    """
    chosen = light_points()
    out = np.empty((len(rows.name), 9, 3))
    for i in range(len(out)):
        here = albedo[chosen] if albedo.ndim == 2 else albedo[i]
        weight = rows.visibility[i, chosen] / 255.0
        out[i] = estimate_light(rows.linear(i, chosen), here, rows.facing(i, chosen), weight, prior)
    return out


def loose_prior() -> LightPrior:
    """White light from everywhere, with much room: what light is estimated with before anything is known."""
    mean = np.zeros((9, 3))
    mean[0] = 1
    sigma = np.array([1.0, 0.35, 0.35, 0.35, 0.2, 0.2, 0.2, 0.2, 0.2])
    # Colours go together: lamps are nearly white.
    colours = 0.97 * np.ones((3, 3)) + 0.03 * np.eye(3)
    covariance = np.kron(np.diag(sigma**2), colours)
    return LightPrior(mean.ravel(), np.linalg.inv(covariance))


def within_people(name: np.ndarray, gain: np.ndarray) -> np.ndarray:
    """Covariance (3, 3) of log gains (N, 3) between photos of the same person."""
    people = defaultdict(list)
    for i, n in enumerate(name):
        if n.startswith("lfw"):
            people[n.rsplit("/", 1)[0]].append(i)
    pairs = np.array([p[:2] for p in people.values() if len(p) > 1])
    off = gain[pairs[:, 0]] - gain[pairs[:, 1]]
    # A few pairs are damaged or mislabelled: a robust scale per direction by trimming.
    size = np.einsum("ni,ij,nj->n", off, np.linalg.pinv(np.cov(off.T)), off)
    off = off[size < np.quantile(size, 0.95)]
    return off.T @ off / (2 * len(off)) * 1.15  # what trimming takes away of a normal distribution


def narrowed(prior: LightPrior) -> LightPrior:
    """The prior with a narrower level and colour on the middle of the face, its pattern as it was."""
    middle = np.kron(frontal_basis()[None], np.eye(3))  # (3, 27): level of each colour
    covariance = np.linalg.inv(prior.precision)
    found = middle @ covariance @ middle.T
    level = np.full((3, 3), 1 / 3)
    keep = NARROW_LEVEL * level + NARROW_COLOUR * (np.eye(3) - level)
    pattern = np.kron(prior.mean.reshape(9, 3).mean(axis=1)[:, None], np.eye(3))
    covariance = covariance - pattern @ (found - keep @ found @ keep) @ pattern.T
    size, direction = np.linalg.eigh(covariance)
    return LightPrior(prior.mean, np.linalg.inv((direction * np.maximum(size, 1e-4)) @ direction.T))


def make_prior(rows: Rows, light: np.ndarray, within: np.ndarray, seed: int = 0) -> LightPrior:
    """The prior of light from lights (N, 9, 3); ``within`` gives the variance of its level and colour.

    The mean's level is one over the core of the face and its colour white, so that an albedo's colour is what
    a photo of it shows on average.
    """
    frontal = frontal_basis()
    gain = np.einsum("k,nkc->nc", frontal, light)
    good = gain.min(axis=1) > 0.05
    pattern = (light[good] / gain[good, None]).reshape(-1, 27)
    # Light comes from the left as often as from the right.
    mirrored = (pattern.reshape(-1, 9, 3) * MIRROR[:, None]).reshape(-1, 27)
    both, share = np.concatenate([pattern, mirrored]), np.tile(rows.share[good], 2)
    middle, spread = robust_moments(both, share)
    # White on average, and as bright on the face as one.
    grey = middle.reshape(9, 3).mean(axis=1) * (MIRROR > 0)
    middle = np.repeat(grey / (frontal @ grey), 3)
    rng = np.random.default_rng(seed)
    draws = rng.multivariate_normal(middle, spread, DRAWS).reshape(DRAWS, 9, 3)
    level = np.exp(rng.multivariate_normal(-0.5 * np.diag(within), within, DRAWS))
    covariance = np.cov((draws * level[:, None]).reshape(DRAWS, 27).T)
    return LightPrior(middle, np.linalg.inv(covariance + 1e-4 * np.eye(27)))


def robust_moments(x: np.ndarray, share: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean (D,) and covariance (D, D) of rows (N, D) under a t distribution: a few wild rows do not count."""
    w = share / share.sum()
    mean, covariance = np.median(x, axis=0), np.cov(x.T, aweights=share)
    for _ in range(15):
        off = x - mean
        # Patterns have one degree of freedom less a colour, so the covariance alone has no inverse.
        firm = covariance + 1e-4 * np.eye(x.shape[1])
        distance = np.einsum("nd,dn->n", off, np.linalg.solve(firm, off.T))
        keep = w * (FREEDOM + x.shape[1]) / (FREEDOM + distance)
        mean = keep @ x / keep.sum()
        covariance = (keep[:, None] * (x - mean)).T @ (x - mean)
    return mean, (covariance + covariance.T) / 2 + 1e-6 * np.eye(x.shape[1])
