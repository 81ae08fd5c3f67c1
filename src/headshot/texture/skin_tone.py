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

from headshot.arrays import F32, Array, single
from headshot.image.colour import TO_LINEAR, luma
from headshot.robust import weighted_median

# What is assumed without any usable pixel: a medium skin under neutral light.
_DEFAULT = np.array([176.0, 134.0, 112.0])
_SPREAD = 0.10  # least standard deviation of chromaticity; compression and white balance vary by this much
LIFT = 0.004  # added to linear light before the logarithm: black is lifted above the noise of cameras
LOG_TABLE = np.log(TO_LINEAR + np.float32(LIFT))  # (256,) logarithm of lifted linear light by sRGB byte
_DIM = 0.15  # luma (sRGB) of the darkest skins in ordinary light; darker ones are of photos without light
_LEAST = 40  # samples below which the default colour is mixed in


@dataclass(frozen=True)
class SkinTone:
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

    def packed(self) -> tuple[F32, float]:
        """What kernels take: inverse covariance of chromaticity (3,), first, mixed and second, and
        1 / spread, float32."""
        p = self.precision
        return np.array([p[0, 0], p[0, 1], p[1, 1]], np.float32), single(1 / self.spread)


def measure_skin_tone(colours: F32, normals: F32, weight: F32) -> SkinTone:
    """Measure the skin: robustly, by iteratively reweighted least squares.

    Args:
        colours: (N, 3) sRGB in [0, 255] of points that should be skin.
        normals: (N, 3) in the camera frame.
        weight: (N,) how well each point is seen; 0 leaves it out.
    """
    use = weight > 0.05
    c, n, w = colours[use].astype(np.float64), normals[use].astype(np.float64), weight[use].astype(np.float64)
    if len(c) < _LEAST:
        missing = _LEAST - len(c)
        c = np.vstack([c, np.tile(c.mean(axis=0) if len(c) > 4 else _DEFAULT, (missing, 1))])
        n, w = np.vstack([n, np.tile([0.0, 0.0, 1.0], (missing, 1))]), np.append(w, np.full(missing, 0.2))
    log = LOG_TABLE[np.clip(c, 0, 255).astype(int)].astype(np.float64)
    chroma = np.stack([log[:, 0] - log[:, 1], log[:, 2] - log[:, 1]], axis=1)
    bright = log.mean(axis=1)
    centre = np.array([weighted_median(chroma[:, k], w) for k in range(2)])
    level = weighted_median(bright, w)
    design = np.column_stack([np.ones(len(n)), n])
    light = np.array([level, 0.0, 0.0, 0.0])
    prior = np.diag([0.0, 1.0, 1.0, 1.0]) * w.sum() * 0.02
    robust = w
    for _ in range(5):  # iteratively reweighted least squares, Cauchy loss
        off = chroma - centre
        covariance = (robust[:, None] * off).T @ off / robust.sum() + _SPREAD**2 * np.eye(2)
        residual = bright - design @ light
        spread = float(np.sqrt((robust * residual**2).sum() / robust.sum() + 0.12**2))
        distance = np.einsum("ni,ij,nj->n", off, np.linalg.inv(covariance), off) + (residual / spread) ** 2
        robust = w / (1 + distance / 4)
        centre = (robust[:, None] * chroma).sum(axis=0) / robust.sum()
        light = np.linalg.solve((design.T * robust) @ design + prior, (design.T * robust) @ bright)
    # The tone of ordinary, well-lit skin: neither shadows nor highlights.
    low, high = np.quantile(bright, [0.25, 0.85])
    usual = robust * ((bright >= low) & (bright <= high))
    tone = (usual[:, None] * c).sum(axis=0) / max(usual.sum(), 1e-9) / 255
    return SkinTone(
        tone=np.clip(tone, 0.02, 0.98).astype(np.float32),
        chroma=centre.astype(np.float32),
        precision=np.linalg.inv(covariance).astype(np.float32),
        light=light.astype(np.float32),
        spread=min(spread, 0.3),
    )


def colourful(tone: F32) -> float:
    """Whether a photo has colours, in [0, 1], from the tone (3,) of its skin."""
    saturation = float(1 - tone.min() / max(float(tone.max()), 1e-3))
    return min(1.0, saturation / 0.25)


def light_left(tone: F32) -> float:
    """How much of ordinary light a photo has at most, in (0, 1], from the tone (3,) of its skin.

    1 for all skins in ordinary light. In a photo that is nearly black, nothing else is bright either; it
    falls faster than the skin's tone does, since skin as dark as that is less and less that of dark people,
    beside which the whites of eyes are bright.
    """
    return min(1.0, float(luma(tone.astype(np.float64))) / _DIM) ** 1.5


def tinted(colour: NDArray[np.floating], tone: F32) -> Array:
    """A colour as saturated as the photo is: grey in greyscale photos, whose skin has no hue."""
    share = colourful(tone)
    return np.asarray(luma(colour) * (1 - share) + share * colour, dtype=np.float64)
