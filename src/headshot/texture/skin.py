"""The colour of a person's skin in one photo, robustly measured on the middle of the face.

Chromaticity is compared as logarithmic ratios of linear light, which do not change with shading; brightness
is predicted from the surface normal by the first-order spherical harmonics that explain the face
(Ramamoorthi and Hanrahan, "An Efficient Representation for Irradiance Environment Maps", SIGGRAPH 2001),
here in the logarithm.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]

# What is assumed without any usable pixel: a medium skin under neutral light.
_DEFAULT = np.array([176.0, 134.0, 112.0])
_SPREAD = 0.10  # least standard deviation of chromaticity; compression and white balance vary by this much
_OUTER = 1500.0  # mm^2 of outer face that are enough to measure its tone
_LEAST = 40  # samples below which the default colour is mixed in


@dataclass(frozen=True)
class SkinColour:
    """A person's skin in one photo.

    Attributes:
        tone: (3,) typical colour, sRGB in [0, 1].
        chroma: (2,) log(red / green), log(blue / green) of linear light.
        precision: (2, 2) inverse covariance of ``chroma``.
        light: (4,) log brightness = light[0] + light[1:] . normal, normals in the camera frame.
        spread: standard deviation of log brightness around that.
    """

    tone: F32
    chroma: F32
    precision: F32
    light: F32
    spread: float

    def packed(self) -> F32:
        """(10,) values as the kernels take them."""
        p = self.precision
        values = [*self.chroma, p[0, 0], p[0, 1], p[1, 1], *self.light, 1 / self.spread]
        return np.array(values, dtype=np.float32)


def likelihood_table(to_linear: F32) -> F32:
    """(256,) natural logarithm of linear light by sRGB byte; black is lifted above the noise of cameras."""
    return np.log(to_linear + np.float32(0.004))


def _weighted_median(values: NDArray[np.float64], weight: NDArray[np.float64]) -> float:
    order = np.argsort(values)
    share = np.cumsum(weight[order])
    return float(values[order][min(np.searchsorted(share, share[-1] / 2), len(values) - 1)])


def fit_skin(colours: F32, normals: F32, weight: F32, table: F32) -> SkinColour:
    """Measure the skin.

    Args:
        colours: (N, 3) sRGB in [0, 255] of points that should be skin.
        normals: (N, 3) in the camera frame.
        weight: (N,) how well each point is seen; 0 leaves it out.
        table: `likelihood_table`.
    """
    use = weight > 0.05
    c, n, w = colours[use].astype(np.float64), normals[use].astype(np.float64), weight[use].astype(np.float64)
    if len(c) < _LEAST:
        missing = _LEAST - len(c)
        c = np.vstack([c, np.tile(c.mean(axis=0) if len(c) > 4 else _DEFAULT, (missing, 1))])
        n, w = np.vstack([n, np.tile([0.0, 0.0, 1.0], (missing, 1))]), np.append(w, np.full(missing, 0.2))
    log = table[np.clip(c, 0, 255).astype(int)].astype(np.float64)
    chroma = np.stack([log[:, 0] - log[:, 1], log[:, 2] - log[:, 1]], axis=1)
    bright = log.mean(axis=1)
    centre = np.array([_weighted_median(chroma[:, k], w) for k in range(2)])
    level = _weighted_median(bright, w)
    design = np.column_stack([np.ones(len(n)), n])
    light = np.array([level, 0.0, 0.0, 0.0])
    prior = np.diag([0.0, 1.0, 1.0, 1.0]) * w.sum() * 0.02
    trust = w
    for _ in range(5):  # iteratively reweighted least squares, Cauchy loss
        off = chroma - centre
        covariance = (trust[:, None] * off).T @ off / trust.sum() + _SPREAD**2 * np.eye(2)
        residual = bright - design @ light
        spread = float(np.sqrt((trust * residual**2).sum() / trust.sum() + 0.12**2))
        distance = np.einsum("ni,ij,nj->n", off, np.linalg.inv(covariance), off) + (residual / spread) ** 2
        trust = w / (1 + distance / 4)
        centre = (trust[:, None] * chroma).sum(axis=0) / trust.sum()
        light = np.linalg.solve((design.T * trust) @ design + prior, (design.T * trust) @ bright)
    # The tone of ordinary, well-lit skin: neither shadows nor highlights.
    low, high = np.quantile(bright, [0.25, 0.85])
    usual = trust * ((bright >= low) & (bright <= high))
    tone = (usual[:, None] * c).sum(axis=0) / max(usual.sum(), 1e-9) / 255
    return SkinColour(
        tone=np.clip(tone, 0.02, 0.98).astype(np.float32),
        chroma=centre.astype(np.float32),
        precision=np.linalg.inv(covariance).astype(np.float32),
        light=light.astype(np.float32),
        spread=min(spread, 0.3),
    )


def hidden_tone(measured: SkinColour, normals: F32, seen: F32, weight: F32) -> F32:
    """Skin colours (S, 3), sRGB, for what the photo does not show.

    The typical colour is taken where hidden skin begins, at forehead and cheeks, rather than from nose and
    mouth, which are redder. The light from the side that shades the face goes on around the head, damped:
    slopes measured on the face say little about its back.

    Args:
        measured: the person's skin.
        normals: (S, 3) in the camera frame.
        seen: (S, 3) sRGB in [0, 1] what the photo shows.
        weight: (S,) mm^2 of outer face that is seen there.
    """
    # Logarithms of linear light become factors of sRGB, whose exponent is about 1 / 2.2.
    facing = np.column_stack([normals[:, :2], 0.5 * np.maximum(normals[:, 2], 0)])
    shade = np.exp(np.clip(facing @ measured.light[1:], -1.3, 0.4) * (0.7 / 2.2))[:, None]
    use = weight > 0
    tone = measured.tone.astype(np.float64)
    if use.any():
        even, w = (seen[use] / shade[use]).astype(np.float64), weight[use].astype(np.float64)
        # Fair hair passes for skin at single texels; in the sum, what is most like the cheeks counts.
        off = 2.2 * np.log((even + 0.02) / (tone + 0.02))
        off = np.stack([off[:, 0] - off[:, 1], off[:, 2] - off[:, 1], 0.1 * off.sum(axis=1) / 3], axis=1)
        w = w / (1 + ((off / 0.12) ** 2).sum(axis=1)) ** 2
        median = np.array([_weighted_median(even[:, k], w) for k in range(3)])
        share = min(1.0, float(w.sum()) / _OUTER)
        tone = share * median + (1 - share) * tone
    tone = tone + 0.1 * (tone.mean() - tone)  # scalp and neck are paler than cheeks
    return np.clip(tone * shade, 0, 1).astype(np.float32)


def luminance(colour: NDArray[np.floating]) -> NDArray[np.float64]:
    """Brightness (...,) of sRGB colours (..., 3), good enough for comparisons."""
    return np.asarray(colour @ np.array([0.30, 0.59, 0.11]), dtype=np.float64)


def tinted(colour: NDArray[np.floating], tone: F32) -> NDArray[np.float64]:
    """A colour as saturated as the photo is: grey in greyscale photos, whose skin has no hue."""
    saturation = float(1 - tone.min() / max(float(tone.max()), 1e-3))
    share = min(1.0, saturation / 0.25)
    return np.asarray(luminance(colour) * (1 - share) + share * colour, dtype=np.float64)
