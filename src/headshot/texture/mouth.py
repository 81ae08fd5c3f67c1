"""The inside of the mouth: plausible colours in the light that the skin is in.

Photos rarely show more of it than the front teeth, and those only through lips that move away from them when
the head is animated, so nothing is copied but the tone of the teeth.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from headshot.arrays import F32, I32, U8, Array
from headshot.image.colour import luma
from headshot.models.head_model import HeadModel
from headshot.models.topologies import ibug68
from headshot.perception.segmentation import CLASSES, Segmentation
from headshot.texture.atlas import atlas_of
from headshot.texture.skin_tone import light_left, tinted

# sRGB in ordinary light, at the lips.
_SOCK = np.array([0.40, 0.18, 0.17])
_TONGUE = np.array([0.60, 0.33, 0.32])
_TOOTH = np.array([0.87, 0.83, 0.76])
_GUM = np.array([0.66, 0.36, 0.36])
_FEW = 6  # pixels of the segmentation between lips, each about a square millimetre, that say nothing
# Of the brightness of teeth: a mouth is dark in which nothing is brighter, and what its teeth then have.
_DARK, _SHADED = 0.35, 0.42
_GAPE = 40  # pixels between lips from which a mouth is open, and dark for want of light, not of room
TEETH = ("teeth_upper", "teeth_lower")
# Mean widths of teeth from the middle outwards, mm (upper and lower jaw).
_WIDTHS = {
    "teeth_upper": (8.5, 6.6, 7.6, 7.1, 6.8, 10.2, 9.6),
    "teeth_lower": (5.3, 5.8, 6.8, 7.0, 7.1, 11.2, 10.8),
}


def _level(tone: F32) -> float:
    """Brightness of the photo's light, from the skin in it."""
    return light_left(tone) * float(np.clip(luma(tone) / 0.58, 0.3, 1.1) ** 0.6)


def mouth_colours(model: HeadModel, tone: F32) -> F32:
    """Colours (V, 3) sRGB of the vertices of mouth and tongue, 0 elsewhere; the throat is dark."""
    out = np.zeros((len(model.mean), 3), np.float32)
    lips = model.landmarks["ibug68"].on(model.mean, model.triangles)[ibug68.LIPS_INNER, 2].mean()
    for name, colour in (("mouth", _SOCK), ("tongue", _TONGUE)):
        if name in model.parts:
            vertices = np.unique(model.part_triangles(name))
            depth = np.clip((lips - model.mean[vertices, 2]) / 45.0, 0, 1)
            out[vertices] = _level(tone) * tinted(colour, tone) * (1 - 0.8 * depth**0.7)[:, None]
    return out


@dataclass(frozen=True, eq=False)
class ToothTexels:
    """The texels of one row of teeth.

    Attributes:
        index: (N,) flat index in the texture.
        bright: (N,) brightness, 1 in the middle of a tooth in front.
        gum: (N,) share of gum in [0, 1].
    """

    index: I32
    bright: F32
    gum: F32


@lru_cache(maxsize=2)
def tooth_texels(model: HeadModel, size: int) -> tuple[ToothTexels, ...]:
    """Texels of both rows of teeth, as far as the model has them."""
    atlas = atlas_of(model, size)
    flat, weights = atlas.triangle.ravel(), atlas.barycentric.reshape(-1, 3)
    out = []
    for name in TEETH:
        if name not in model.parts:
            continue
        first, last = model.parts[name]
        index = np.flatnonzero((flat >= first) & (flat < last)).astype(np.int32)
        corners = model.mean[model.triangles[flat[index]]]
        p = np.einsum("ncd,nc->nd", corners, weights[index])
        row = model.mean[np.unique(model.part_triangles(name))]
        # Along the arch: a parabola z = top - bend * x^2 through the row, and its length from the middle.
        bend, top = -np.polyfit(row[:, 0] ** 2, row[:, 2], 1) * [1, -1]
        x = np.linspace(0, np.abs(row[:, 0]).max() + 1, 200)
        arc = np.concatenate([[0], np.cumsum(np.hypot(np.diff(x), np.diff(bend * x**2)))])
        along = np.interp(np.abs(p[:, 0]), x, arc)
        gaps = np.concatenate([[0], np.cumsum(_WIDTHS[name])]) * arc[-1] / max(sum(_WIDTHS[name]), 1e-6)
        nearest = np.abs(along[:, None] - gaps).min(axis=1)
        # The row is higher at the sides, so its edges are measured against the height of its middle there.
        up = 1.0 if name == "teeth_upper" else -1.0
        slope = np.polyfit(np.abs(row[:, 0]), row[:, 1], 1)
        height = up * (p[:, 1] - np.polyval(slope, np.abs(p[:, 0])))
        half = float(np.quantile(np.abs(up * (row[:, 1] - np.polyval(slope, np.abs(row[:, 0])))), 0.8))
        scalloped = height / max(half, 1e-6) + 0.25 * np.exp(-((nearest / 1.6) ** 2))
        gum = np.clip((scalloped - 0.55) / 0.25, 0, 1)
        back = np.clip((top - p[:, 2]) / 24.0, 0, 1)
        bright = (1 - 0.24 * np.exp(-((nearest / 0.45) ** 2))) * (1 - 0.72 * back)
        out.append(ToothTexels(index, bright.astype(np.float32), gum.astype(np.float32)))
    return tuple(out)


def between_lips(pixels: U8, segmentation: Segmentation | None) -> F32:
    """Colours (N, 3) sRGB in [0, 1] of what the photo (H, W, 3) shows between the lips."""
    if segmentation is None:
        return np.zeros((0, 3), np.float32)
    row, column = np.nonzero(segmentation.crop[CLASSES.index("mouth")] > 0.5)
    x, y = segmentation.map @ np.stack([column + 0.5, row + 0.5, np.ones(len(row))])
    inside = (x >= 0) & (x < pixels.shape[1]) & (y >= 0) & (y < pixels.shape[0])
    return pixels[y[inside].astype(int), x[inside].astype(int)] / np.float32(255)


def measure_teeth(model: HeadModel, colour: U8, weight: F32, tone: F32, between: F32 | None = None) -> Array:
    """Tone (3,) sRGB of the teeth.

    Args:
        model: its texture layout says where the teeth are.
        colour, weight: (T, T, 3), (T, T) what the photo shows of them.
        tone: (3,) the person's skin, which tells how bright the light is.
        between: as of `between_lips`; counts where the lips are too close for the texture to show teeth.
    """
    usual = _level(tone) * tinted(_TOOTH, tone)
    found = []
    for row in tooth_texels(model, len(weight)):
        seen = row.index[(weight.ravel()[row.index] > 0.03) & (row.gum < 0.3)]
        found.append(colour.reshape(-1, 3)[seen] / 255.0)
    seen_colours = np.vstack(found) if found else np.zeros((0, 3))
    wide = len(seen_colours) >= _FEW
    if len(seen_colours) < 1e-4 * weight.size and between is not None and len(between) >= _FEW:
        seen_colours, wide = between.astype(np.float64), wide or len(between) >= _GAPE
    if len(seen_colours) < _FEW:
        return np.asarray(0.92 * usual)  # behind lips there is less light
    level = float(luma(usual))
    if wide and np.quantile(luma(seen_colours), 0.9) < _DARK * level:
        return np.asarray(_SHADED * usual)
    # What is bright without being red is neither lip nor gum nor gap; the very brightest are reflections.
    score = luma(seen_colours) - 1.5 * (seen_colours[:, 0] - seen_colours[:, 1])
    low, high = np.quantile(score, [0.75, 0.97])
    tooth = seen_colours[(score >= low) & (score <= high)].mean(axis=0)
    if _redness(tooth) > 1.2 * _redness(tone) + 0.03:
        return np.asarray(0.65 * usual)  # a gap between lips, as coarse as a pixel
    grey = float(np.clip(luma(tooth), 0.5 * level, 1.08 * level))
    tint = tooth / max(float(luma(tooth)), 0.02)
    return np.asarray(np.clip(grey * (0.5 * usual / level + 0.5 * tint), 0, 1))


def _redness(colour: NDArray[np.floating]) -> float:
    return float(colour[0] - colour[1]) / max(float(luma(colour)), 0.02)


def paint_teeth(model: HeadModel, tone: F32, tooth: Array, out: U8) -> None:
    """Paint both rows of teeth into a texture (T, T, 3): ``tone`` (3,) of the skin, ``tooth`` (3,) sRGB."""
    gum, dark = (_level(tone) * tinted(c, tone) for c in (_GUM, 0.4 * _SOCK))
    for row in tooth_texels(model, out.shape[0]):
        colour = dark + (tooth + (gum - tooth) * row.gum[:, None] - dark) * row.bright[:, None]
        out.reshape(-1, 3)[row.index] = np.round(np.clip(colour, 0, 1) * 255)
