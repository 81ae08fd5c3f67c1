"""What bare skin should look like at every point of the head, seen or not, in this photo.

Skin is not one colour: cheeks are redder than the forehead, the side away from the window is dark, a lamp
leaves a colour cast on one half. What these have in common is that they change slowly over the skin, while
hair, collars, glasses and background begin abruptly. So the expected colour is a smooth field on the surface.
It starts from what is certainly skin (cheeks, nose, between the brows), follows the skin outwards where the
photo agrees with it, and fades to the person's overall tone in the overall light where nothing is seen.
The colours of a photo are tested against it, and hidden skin is completed with it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headshot.arrays import F32
from headshot.image.colour import linear_to_srgb
from headshot.robust import geman_mcclure_weight, weighted_median
from headshot.texture.poisson import System, solve
from headshot.texture.skin_tone import LIFT, LOG_TABLE, SkinTone, colourful
from headshot.texture.surface import Surface

_DETAIL = 5.0  # mm over which the field is smoothed where skin is seen
_FADE = 70.0  # mm over which it fades to the overall tone
_ROUNDS = 2  # how often skin is followed outwards
_ITERATIONS = 14
_CORE, _EDGE = 1.0, 0.30  # tolerated deviations of log brightness within the core of the face, and beyond,
_SURE = 2.0  # times so much where the segmentation is sure
_BACK = 0.4  # how much of the light found on the face there is behind the head
_DARKEST, _BRIGHTEST, _CAST = (
    -1.3,
    0.3,
    0.25,
)  # logarithms of the light against that on the core, and of tints
_BEARD = (0.28, 0.65)  # how much darker chin and upper lip are, in log brightness: with stubble, with a beard


@dataclass(frozen=True, eq=False)
class VertexSamples:
    """What one photo shows at the skin's vertices.

    Attributes:
        colour: (S, 3) sRGB in [0, 255].
        weight: (S,) in [0, 1], how well they are seen without glasses or anything else before them.
        lens: (S,) in [0, 1], how well they are seen through the lenses of glasses.
        sure: (S,) in [0, 1], how sure the segmentation is of skin.
    """

    colour: F32
    weight: F32
    lens: F32
    sure: F32

    def log(self) -> F32:
        """(S, 3) logarithms of the colours' lifted linear light."""
        return LOG_TABLE[self.colour.astype(np.uint8)]


@dataclass(frozen=True, eq=False)
class SkinColourModel:
    """The colour of bare skin everywhere on the head in one photo.

    Attributes:
        log: (S, 3) logarithms of linear light, as `headshot.texture.skin_tone.LOG_TABLE`.
        tone: (S, 3) the same as sRGB in [0, 1].
        beard: in [0, 1], whether chin and upper lip are darker than that.
        covered: (S,) in [0, 1], brows under a fringe, where the other brow is free.
    """

    log: F32
    tone: F32
    beard: float
    covered: F32


def fit_skin_colour(
    skin: Surface, samples: VertexSamples, normals: F32, tone: SkinTone, shading: F32 | None = None
) -> SkinColourModel:
    """The smooth field of skin colour, by growing a region of skin outwards from the core of the face.

    Args:
        skin: the surface.
        samples: what the photo shows at each vertex.
        normals: (S, 3) in the camera frame.
        tone: the skin in the middle of the face.
        shading: (S, 3) linear light on the surface; estimated from ``tone`` without.
    """
    seen, weight = samples.log(), samples.weight
    shade = (
        _default_shading(normals, tone) if shading is None else _relative(skin, shading, normals, tone.tone)
    )
    level = LOG_TABLE[np.round(tone.tone * 255).astype(np.uint8)]
    steep = tone.light[0] + normals @ tone.light[1:]
    core = seen - level - (steep - level.mean())[:, None]
    confidence = weight * skin.core * skin_likelihood(core / 1.5, tone, _CORE)
    field = np.zeros((len(seen), 3), np.float32)
    ones, degree = np.ones(len(seen), np.float32), np.diff(skin.start)
    tolerance = _EDGE * (1 + (_SURE - 1) * samples.sure)
    for _ in range(_ROUNDS):
        if confidence.any():
            some = np.flatnonzero(confidence)[::3]
            frontal = (confidence * skin.area * np.maximum(normals[:, 2], 0) ** 2)[some]
            level = np.array([weighted_median(c, frontal) for c in (seen - shade)[some].T], np.float32)
        base = level + shade
        # Perez, Gangnet and Blake, eq. 3 (see `headshot.texture.poisson`), without gradients to follow.
        data = confidence * skin.area * np.float32(1 / _DETAIL**2)
        diagonal = (degree + data + skin.area / _FADE**2).astype(np.float32)
        right = (data[:, None] * (seen - base)).astype(np.float32)
        solve(System(skin.start, skin.neighbour, ones, diagonal), right, field, _ITERATIONS)
        confidence = weight * skin.growth * skin_likelihood(seen - base - field, tone, tolerance)
    log = (base + field).astype(np.float32)
    off = seen - log
    return SkinColourModel(
        log, _encoded(log), _beard(skin, off, weight), _covered(skin, off, weight, samples.sure)
    )


def _default_shading(normals: F32, tone: SkinTone) -> F32:
    """Logarithm (S, 1) of the light around the head: as on the face, damped, as its slopes there say little
    about the back."""
    facing = np.column_stack([normals[:, :2], np.float32(0.4) * np.maximum(normals[:, 2], 0)])
    return np.clip(facing @ (np.float32(0.6) * tone.light[1:]), -0.6, 0.3)[:, None]


def _relative(skin: Surface, shading: F32, normals: F32, tone: F32) -> F32:
    """Logarithm (S, 3) of the light against that on the core of the face, within what is plausible.

    The photo says little about light on the back. ``normals`` (S, 3) are in the camera frame; ``tone`` (3,)
    is the skin as photographed: in a greyscale photo light is grey.
    """
    log = np.log(np.maximum(shading, np.float32(0.02)))
    log -= (skin.core * skin.area) @ log / (skin.core @ skin.area)
    bright = log.mean(axis=1, keepdims=True)
    tint = colourful(tone) * np.clip(log - bright, -_CAST, _CAST)
    known = np.clip(1 + normals[:, 2:], _BACK, 1)
    return (known * (np.clip(bright, _DARKEST, _BRIGHTEST) + tint)).astype(np.float32)


def skin_likelihood(off: F32, tone: SkinTone, tolerance: float | F32) -> F32:
    """How much deviations (S, 3) of log colours from the expected ones look like the same skin, in [0, 1].

    Mahalanobis' distance of chromaticity and brightness with a robust weight; ``tolerance`` is the standard
    deviation of log brightness.
    """
    p, q = off[:, 0] - off[:, 1], off[:, 2] - off[:, 1]
    (a, b), (_, c) = tone.precision
    bright = off.mean(axis=1)
    bright *= np.where(bright > 0, np.float32(0.5), np.float32(1)) / tolerance  # highlights are skin
    distance = a * p * p + 2 * b * p * q + c * q * q + bright * bright
    return np.where(distance < 12, geman_mcclure_weight(distance / 4), 0).astype(np.float32)


def _encoded(log: F32) -> F32:
    """sRGB in [0, 1] of logarithms of lifted linear light."""
    return linear_to_srgb(np.clip(np.exp(log) - LIFT, 0, 1)).astype(np.float32)


def _beard(skin: Surface, off: F32, weight: F32) -> float:
    """Whether there is a beard, from deviations (S, 3) of log colours from bare skin."""
    w = weight * skin.chin * skin.area
    if w.sum() < 50:
        return 0.0
    darker = weighted_median(-off.mean(axis=1), w)  # more than half: strands of hair and shadows do not count
    return float(np.clip((darker - _BEARD[0]) / (_BEARD[1] - _BEARD[0]), 0, 1))


def _covered(skin: Surface, off: F32, weight: F32, sure: F32) -> F32:
    """Brows (S,) under a fringe that looks like them, from deviations (S, 3) of log colours."""
    dark = np.clip((-off.mean(axis=1) - 0.4) / 0.4, 0, 1) * (1 - sure)
    share = []
    for side in (1, -1):
        w = weight * skin.area * (skin.fringe == side)
        share.append(float(w @ dark / w.sum()) if w.sum() > 50 else 0.0)
    out = np.zeros(len(off), np.float32)
    for side, (here, there) in ((1, share), (-1, share[::-1])):
        out += np.float32(np.clip((here - 0.8 * there - 0.10) / 0.20, 0, 1)) * np.maximum(side * skin.brow, 0)
    return out
