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
from headshot.ramps import smoothstep
from headshot.texture.atlas import atlas_of
from headshot.texture.skin_tone import light_left, tinted

# sRGB in ordinary light, at the lips.
_SOCK = np.array([0.46, 0.17, 0.15])
_TONGUE = np.array([0.66, 0.35, 0.33])
_TOOTH = np.array([0.87, 0.83, 0.76])
_GUM = np.array([0.68, 0.37, 0.36])
# Share of the light that is left far back in the mouth, and the depths at which it falls off, mm: an open
# mouth is lit through its opening, which no renderer's ambient light knows.
_DARKEST, _FADES, _FADES_ON_TEETH = 0.10, 16.0, 30.0
_ROOT = np.array([0.86, 0.80, 0.66])  # tint of teeth at the gum
_FEW = 6  # pixels of the segmentation between lips, each about a square millimetre, that say nothing
# Of the brightness of teeth: a mouth is dark in which nothing is brighter, and what its teeth then have.
_DARK, _SHADED = 0.35, 0.42
_GAPE = 40  # pixels between lips from which a mouth is open, and dark for want of light, not of room
TEETH = ("teeth_upper", "teeth_lower")


def _level(tone: F32) -> float:
    """Brightness of the photo's light, from the skin in it."""
    return light_left(tone) * float(np.clip(luma(tone) / 0.58, 0.3, 1.1) ** 0.6)


def mouth_colours(model: HeadModel, tone: F32) -> F32:
    """Colours (V, 3) sRGB of the vertices of mouth and tongue, 0 elsewhere; the throat is dark."""
    out = np.zeros((len(model.mean), 3), np.float32)
    for name, colour in (("mouth", _SOCK), ("tongue", _TONGUE)):
        if name in model.parts:
            vertices = np.unique(model.part_triangles(name))
            lit = _lit(model, model.mean[vertices], _FADES)
            out[vertices] = _level(tone) * tinted(colour, tone) * lit[:, None]
    return out


def _lit(model: HeadModel, points: NDArray[np.floating], fades: float) -> Array:
    """Share (N,) of light that reaches points (N, 3) inside the mouth, by their depth behind the lips."""
    lips = model.landmarks["ibug68"].on(model.mean, model.triangles)[ibug68.LIPS_INNER, 2].mean()
    depth = np.maximum(lips - 6.0 - points[:, 2], 0)
    return np.asarray(_DARKEST + (1 - _DARKEST) * np.exp(-depth / fades))


@dataclass(frozen=True, eq=False)
class ToothTexels:
    """The texels of one row of teeth.

    Attributes:
        index: (N,) flat index in the texture.
        bright: (N,) brightness, 1 in the middle of a tooth in front.
        gum: (N,) share of gum in [0, 1].
        crown: (N,) 0 at the edge of the gum, 1 at the edge of the tooth.
    """

    index: I32
    bright: F32
    gum: F32
    crown: F32


@lru_cache(maxsize=2)
def tooth_texels(model: HeadModel, size: int) -> tuple[ToothTexels, ...]:
    """Texels of both rows of teeth, as far as the model has them and knows its gums."""
    atlas = atlas_of(model, size)
    flat, weights = atlas.triangle.ravel(), atlas.barycentric.reshape(-1, 3)
    out = []
    for name in TEETH:
        if name not in model.parts or "gums" not in model.regions:
            continue
        first, last = model.parts[name]
        index = np.flatnonzero((flat >= first) & (flat < last)).astype(np.int32)
        corners, share = model.triangles[flat[index]], weights[index]
        points = np.einsum("ncd,nc->nd", model.mean[corners], share)
        gums, between = (
            np.einsum("nc,nc->n", model.regions[region][corners], share)
            for region in ("gums", "between_teeth")
        )
        gum = smoothstep(gums, 0.38, 0.62)
        crown = np.clip(1 - 2 * gums, 0, 1)
        gap = smoothstep(between, 0.72, 1.0) * (1 - 0.75 * gum)
        bright = (1 - 0.55 * gap) * _lit(model, points, _FADES_ON_TEETH)
        out.append(ToothTexels(index, bright.astype(np.float32), gum, crown.astype(np.float32)))
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
    gum, dark = (_level(tone) * tinted(c, tone) for c in (_GUM, 0.35 * _SOCK))
    root = tooth * tinted(_ROOT, tone) / luma(tinted(_ROOT, tone))
    for row in tooth_texels(model, out.shape[0]):
        enamel = root + (tooth - root) * smoothstep(row.crown, 0.0, 0.7)[:, None]
        colour = dark + (enamel + (gum - enamel) * row.gum[:, None] - dark) * row.bright[:, None]
        out.reshape(-1, 3)[row.index] = np.round(np.clip(colour, 0, 1) * 255)


@lru_cache(maxsize=2)
def tongue_texels(model: HeadModel, size: int) -> tuple[I32, F32]:
    """Flat indices (N,) of the texels of the tongue, and their brightness (N,): papillae, and a furrow."""
    atlas = atlas_of(model, size)
    flat, weights = atlas.triangle.ravel(), atlas.barycentric.reshape(-1, 3)
    if "tongue" not in model.parts:
        return np.zeros(0, np.int32), np.zeros(0, np.float32)
    first, last = model.parts["tongue"]
    index = np.flatnonzero((flat >= first) & (flat < last)).astype(np.int32)
    points = np.einsum("ncd,nc->nd", model.mean[model.triangles[flat[index]]], weights[index])
    rng = np.random.default_rng(11)
    waves = rng.normal(0, 2.4, (3, 24))  # radians a millimetre: bumps of some 2 mm
    papillae = np.sin(points @ waves + rng.uniform(0, 2 * np.pi, 24)).sum(axis=1) / np.sqrt(24)
    furrow = np.exp(-((points[:, 0] / 1.3) ** 2))
    return index, (1 + 0.09 * papillae - 0.14 * furrow).astype(np.float32)


def paint_tongue(model: HeadModel, out: U8) -> None:
    """Give the tongue in a texture (T, T, 3) its surface."""
    index, bright = tongue_texels(model, out.shape[0])
    flat = out.reshape(-1, 3)
    flat[index] = np.round(np.clip(flat[index] * bright[:, None], 0, 255))
