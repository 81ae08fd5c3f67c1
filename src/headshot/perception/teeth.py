"""Whether a mouth shows clenched teeth, by what the photo shows between the lips.

Landmarks tell how far apart the lips are, not whether the jaw is open between them. Where it is, the gap is
dark somewhere: between the rows of teeth, or below the upper one. Where it shows teeth from lip to lip, the
rows are together, or the lower lip hides what is between them.
"""

from __future__ import annotations

import numpy as np

from headshot.arrays import U8, Array
from headshot.image.colour import luma

# Points of MediaPipe on the inner edges of the upper and of the lower lip, above each other in the middle.
_UPPER, _LOWER = (81, 82, 13, 312, 311), (178, 87, 14, 317, 402)
_CHEEKS = (50, 205, 280, 425)
_ALONG = np.linspace(0.12, 0.88, 12)  # of the way from lip to lip; the edges are those of the lips
_LEAST, _MOST = 0.03, 0.13  # gaps between lips in extents of the face: less shows little, more is a jaw's
_PIXELS = 4.0  # of the gap, from which on it shows anything
_GAP, _TEETH = 0.5, 0.65  # brightness of the darkest place over that of teeth: of gaps, and of rows together
_BRIGHT = 0.75  # brightness of teeth over that of skin, at least
_RED = 0.02  # by which teeth may be redder than skin, relative; tongues and lips are much redder


def clenched_teeth(pixels: U8, points: Array, extent: float) -> float:
    """How surely a mouth shows teeth that are together, in [0, 1].

    Args:
        pixels: (H, W, 3) uint8 sRGB, the photo.
        points: (478, 2) landmarks, pixels.
        extent: of the landmarks, pixels.
    """
    upper, lower = points[list(_UPPER)], points[list(_LOWER)]
    gap = float(np.linalg.norm(lower - upper, axis=1).mean())
    if not max(_LEAST * extent, _PIXELS) < gap < _MOST * extent:
        return 0.0
    lines = upper + (lower - upper) * _ALONG[:, None, None]  # (12, 5, 2)
    skin = points[list(_CHEEKS)]
    inside = [((p >= 0) & (p < pixels.shape[1::-1])).all() for p in (lines, skin)]
    if not all(inside):
        return 0.0
    between, around = _at(pixels, lines), _at(pixels, skin)
    profile = np.median(luma(between), axis=1)
    teeth, tone = float(np.quantile(profile, 0.9)), float(luma(around).max())
    shown = between[luma(between) > 0.8 * teeth]
    if teeth < _BRIGHT * tone or _redness(shown) > _redness(around) + _RED:
        return 0.0
    return float(np.clip((profile.min() / max(teeth, 1) - _GAP) / (_TEETH - _GAP), 0, 1))


def _at(pixels: U8, points: Array) -> Array:
    """Colours (..., 3) of the pixels under points (..., 2)."""
    x, y = np.moveaxis(np.floor(points).astype(int), -1, 0)
    return pixels[y, x].astype(np.float64)


def _redness(colours: Array) -> float:
    """Red over green of the mean of colours (..., 3), relative."""
    mean = colours.reshape(-1, 3).mean(axis=0)
    return float((mean[0] - mean[1]) / max(float(luma(mean)), 1.0))
