"""What the segmentation says about the photo, pixel by pixel, as the texture needs it."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageFilter

from headshot.arrays import F32, Array
from headshot.perception.segmentation import CLASSES, Segmentation
from headshot.ramps import smoothstep

FREE, BARE, OWN, UNRIMMED, BRIDGE = range(5)  # channels of `masks`

# Probabilities below which nothing is believed, and above which all is. The rims of glasses are thin, so
# that less of a doubt is enough.
_FREE, _BARE, _OWN = (0.45, 0.85), (0.65, 0.97), (0.70, 0.95)
_FOREIGN = ("hair", "hat", "cloth", "background")
_SKIN = ("skin", "nose", "ears", "upper_lip", "lower_lip")  # brows are not told from a fringe surely
_MIXED = (
    5  # pixels of the segmentation (about a millimetre each), odd: so wide is a border where hair mixes in,
)
_EDGE = 3  # one that is not sure,
_RIM = 9  # and a border of what is taken for glasses that is rim rather than lens
_BROAD, _DOUBT = 15, np.float32(0.6)  # such a one where rims are broad, and how strictly its colour is judged
_COARSE, _GAP = 4, 7  # reduced by so much, lenses are so far apart


def masks(parts: Segmentation | None, to_photo: Array, shape: tuple[int, int]) -> F32:
    """Grids (r, c, 5), each in [0, 1].

    - FREE: nothing foreign is before the head: no hair, hat, clothes or hands;
    - BARE: no glasses either, lenses included;
    - OWN: it is surely skin of this face;
    - UNRIMMED: no rims of glasses; lenses do not count;
    - BRIDGE: it is between two lenses, where their bridge may be, which the segmentation seldom sees, or
      beside their rims, which may be broad, and no eye: there the colour tells.

    Args:
        parts: all free and nothing sure without.
        to_photo: (2, 3) pixels of the grid to pixels of the photo.
        shape: (r, c) of the grid.
    """
    out = np.ones((*shape, 5), np.float32)
    out[..., [OWN, BRIDGE]] = 0
    if parts is None:
        return out
    own = tuple(name for name in CLASSES if name not in _FOREIGN)
    out[..., FREE] = smoothstep(_shrunk(parts, _MIXED, own).resampled(to_photo, shape, "skin"), *_FREE)
    out[..., BARE] = smoothstep(1 - parts.resampled(to_photo, shape, "glasses"), *_BARE)
    out[..., OWN] = smoothstep(_shrunk(parts, _EDGE, _SKIN).resampled(to_photo, shape, "skin"), *_OWN)
    out[..., UNRIMMED] = out[..., BARE]
    if out[..., BARE].min() < 1:
        lens = _shrunk(parts, _RIM, ("glasses",)).resampled(to_photo, shape, "skin")
        out[..., UNRIMMED] = np.maximum(out[..., BARE], smoothstep(lens, 0.3, 0.7))
        middle = _shrunk(parts, _BROAD, ("glasses",)).resampled(to_photo, shape, "skin")
        eyes = smoothstep(parts.resampled(to_photo, shape, "eyes"), 0.05, 0.3)
        between = _between_lenses(parts).resampled(to_photo, shape, "skin")
        out[..., BRIDGE] = np.maximum(between, _DOUBT * np.clip(lens - middle, 0, 1) * (1 - eyes))
        out[..., OWN] *= 1 - out[..., BRIDGE]
    return out


def _between_lenses(parts: Segmentation) -> Segmentation:
    """Where glasses are on both sides, as the probability of "skin"."""
    glasses = Image.fromarray((parts.crop[CLASSES.index("glasses")] > 0.5).astype(np.uint8) * 255)
    small = glasses.reduce(_COARSE)
    closed = small.filter(ImageFilter.MaxFilter(_GAP)).filter(ImageFilter.MinFilter(_GAP))
    closed = closed.resize(glasses.size, Image.Resampling.BILINEAR)
    between = np.clip(np.asarray(closed, np.float32) - np.asarray(glasses, np.float32), 0, 255) / 255
    return _one_class(parts, between.astype(np.float32))


def _shrunk(parts: Segmentation, width: int, names: tuple[str, ...]) -> Segmentation:
    """The least probability of some classes within a square, as that of "skin"."""
    least = np.sum([parts.crop[CLASSES.index(name)] for name in names], axis=0)
    for axis in (0, 1):
        room = [(0, 0), (0, 0)]
        room[axis] = (width // 2, width // 2)
        padded = np.pad(least, room, mode="edge")
        size = least.shape[axis]
        least = np.minimum.reduce([padded.take(range(k, k + size), axis) for k in range(width)])
    return _one_class(parts, least)


def _one_class(parts: Segmentation, values: F32) -> Segmentation:
    """Some values (S, S) in place of the probability of "skin", with no other class."""
    crop = np.zeros_like(parts.crop)
    crop[CLASSES.index("skin")] = values
    return Segmentation(crop, parts.map, parts.shape)
