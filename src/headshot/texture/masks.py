"""What the segmentation says about the photo, pixel by pixel, as the texture needs it."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageFilter

from headshot.arrays import F32, Array
from headshot.perception.segmentation import CLASSES, Segmentation
from headshot.ramps import smoothstep

UNOCCLUDED, NO_GLASSES, SURE_SKIN, NO_RIMS, MAYBE_RIM = range(5)  # channels of `masks`

# Probabilities that the ramps of the masks rise between. The rims of glasses are thin, so that less of a
# probability counts.
_UNOCCLUDED, _NO_GLASSES, _SURE_SKIN = (0.45, 0.85), (0.65, 0.97), (0.70, 0.95)
_FOREIGN = ("hair", "hat", "cloth", "background")
_SKIN = ("skin", "nose", "ears", "upper_lip", "lower_lip")  # brows and fringes are confused
_MIXED = 5  # pixels of the segmentation (about 1 mm each), odd: so wide is a border where hair mixes in,
_EDGE = 3  # one that is not sure,
_RIM = 9  # and a border of what is taken for glasses that is rim rather than lens
_BROAD, _SOME = 15, np.float32(0.6)  # such a one where rims are broad, and how likely it is rim
_COARSE, _GAP = 4, 7  # reduced by so much, lenses are so far apart


def masks(segmentation: Segmentation | None, to_photo: Array, shape: tuple[int, int]) -> F32:
    """Grids (r, c, 5), each in [0, 1].

    - UNOCCLUDED: nothing foreign is before the head: no hair, hat, clothes or hands;
    - NO_GLASSES: no glasses either, lenses included;
    - SURE_SKIN: it is surely skin of this face;
    - NO_RIMS: no rims of glasses; lenses do not count;
    - MAYBE_RIM: it is between two lenses, where their bridge may be, which the segmentation seldom sees, or
      beside their rims, which may be broad, and no eye: there the colour tells.

    Args:
        segmentation: all unoccluded and nothing sure without.
        to_photo: (2, 3) pixels of the grid to pixels of the photo.
        shape: (r, c) of the grid.
    """
    out = np.ones((*shape, 5), np.float32)
    out[..., [SURE_SKIN, MAYBE_RIM]] = 0
    if segmentation is None:
        return out
    own = tuple(name for name in CLASSES if name not in _FOREIGN)
    free = _shrunk(segmentation, _MIXED, own).resampled(to_photo, shape, "skin")
    out[..., UNOCCLUDED] = smoothstep(free, *_UNOCCLUDED)
    out[..., NO_GLASSES] = smoothstep(1 - segmentation.resampled(to_photo, shape, "glasses"), *_NO_GLASSES)
    sure = _shrunk(segmentation, _EDGE, _SKIN).resampled(to_photo, shape, "skin")
    out[..., SURE_SKIN] = smoothstep(sure, *_SURE_SKIN)
    out[..., NO_RIMS] = out[..., NO_GLASSES]
    if out[..., NO_GLASSES].min() < 1:
        lens = _shrunk(segmentation, _RIM, ("glasses",)).resampled(to_photo, shape, "skin")
        out[..., NO_RIMS] = np.maximum(out[..., NO_GLASSES], smoothstep(lens, 0.3, 0.7))
        middle = _shrunk(segmentation, _BROAD, ("glasses",)).resampled(to_photo, shape, "skin")
        eyes = smoothstep(segmentation.resampled(to_photo, shape, "eyes"), 0.05, 0.3)
        between = _between_lenses(segmentation).resampled(to_photo, shape, "skin")
        out[..., MAYBE_RIM] = np.maximum(between, _SOME * np.clip(lens - middle, 0, 1) * (1 - eyes))
        out[..., SURE_SKIN] *= 1 - out[..., MAYBE_RIM]
    return out


def _between_lenses(segmentation: Segmentation) -> Segmentation:
    """Where glasses are on both sides, as the probability of "skin"."""
    glasses = Image.fromarray((segmentation.crop[CLASSES.index("glasses")] > 0.5).astype(np.uint8) * 255)
    small = glasses.reduce(_COARSE)
    closed = small.filter(ImageFilter.MaxFilter(_GAP)).filter(ImageFilter.MinFilter(_GAP))
    closed = closed.resize(glasses.size, Image.Resampling.BILINEAR)
    between = np.clip(np.asarray(closed, np.float32) - np.asarray(glasses, np.float32), 0, 255) / 255
    return _one_class(segmentation, between.astype(np.float32))


def _shrunk(segmentation: Segmentation, width: int, names: tuple[str, ...]) -> Segmentation:
    """The least probability of some classes within a square, as that of "skin"."""
    least = np.sum([segmentation.crop[CLASSES.index(name)] for name in names], axis=0)
    for axis in (0, 1):
        room = [(0, 0), (0, 0)]
        room[axis] = (width // 2, width // 2)
        padded = np.pad(least, room, mode="edge")
        size = least.shape[axis]
        least = np.minimum.reduce([padded.take(range(k, k + size), axis) for k in range(width)])
    return _one_class(segmentation, least)


def _one_class(segmentation: Segmentation, values: F32) -> Segmentation:
    """Some values (S, S) in place of the probability of "skin", with no other class."""
    crop = np.zeros_like(segmentation.crop)
    crop[CLASSES.index("skin")] = values
    return Segmentation(crop, segmentation.map, segmentation.shape)
