"""The colour of hair in a photo, without the photo's light.

Light is known as spherical harmonics that explain the face. Hair faces other ways, of which a face tells
little, so that their light is held between bounds around the face's. Between strands it is dark and on them
it glitters; medians over the hair pass that by.

Dimension letters: G x G cells of a window, N cells with hair, P vertices of hair.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from headshot.arrays import F32, U8, Array, Mask, ReadOnly
from headshot.geometry.light import sh_basis
from headshot.hair.strands import mean_grey
from headshot.hair.window import GRID, MIDDLE, HairWindow, halved
from headshot.hair.worn import HairColour
from headshot.image.colour import TO_LINEAR
from headshot.image.resample import warp

_HAIR, _SOME = 0.9, 0.5  # share of a cell that has to be hair, and where there is little of it
_FEW = 25  # cells with hair from which its colour is known
_LEAST, _MOST = 0.5, 1.25  # light on hair against that on the face
_VARIES = (0.05, 0.6)  # bounds of the variation
_DARKEST = 0.004  # linear: what hair reflects at least
_MIDDLING = (0.25, 0.85)  # shares of the pixels that are darker than those of middling brightness
_BRIGHTEST = 0.85  # of what strands can show
_GAPS = 0.9  # share of light that pictures of the cards keep: one sees between them
_SHADE = 0.6  # least share of light that other hair lets through: deep hair is seen through gaps
_APART = 1.3  # by which factor roots and tips differ from the whole at most
_TIPS = 15  # cells of tips from which their colour counts half


@dataclass(frozen=True, eq=False, repr=False)
class HairPixels(ReadOnly):
    """Hair in one photo.

    Attributes:
        seen: (N, 3) linear light of the photo.
        light: (N, 3) that falls there.
        strand: (N,) in [0, 1], where between root and tip each lies; NaN where that is not known.
        fine: (N,) deviation of the logarithm of brightness within a cell.
    """

    seen: F32
    light: F32
    strand: F32
    fine: F32


@dataclass(frozen=True, eq=False, repr=False)
class SeenHair(ReadOnly):
    """Fitted hair as a photo would show it.

    Attributes:
        depth: (G, G) mm, inf where there is none.
        strand: (G, G) where between root and tip it is seen, NaN where there is none.
        between: (G, G) share of light that other hair lets through.
    """

    depth: F32
    strand: F32
    between: F32


def finely(pixels: U8, window: HairWindow) -> F32:
    """A photo (H, W, 3) uint8 sRGB around a head: (2 G, 2 G, 3) linear light."""
    half = window.to_photo * [[0.5, 0.5, 1]]
    return TO_LINEAR[warp(np.ascontiguousarray(pixels), half[None], (2 * GRID, 2 * GRID))[0]]


def hair_pixels(fine: F32, window: HairWindow, light: Array, fitted: SeenHair | None = None) -> HairPixels:
    """What a photo shows of hair.

    Args:
        fine: (2 G, 2 G, 3) linear, see `finely`.
        window: of the photo.
        light: (9, 3) of the photo, head frame.
        fitted: None for hair on the scalp alone.
    """
    seen = halved(fine)
    hair = (window.hair >= _HAIR) & (window.known > 0.5)
    inside = hair & _inner(hair)
    if inside.sum() < _FEW:
        inside = (window.hair > _SOME) & (window.known > 0.5)
    log = np.log(fine.sum(axis=2) / 3 + np.float32(_DARKEST))
    rough = np.sqrt(np.maximum(halved(log * log) - halved(log) ** 2, 0))
    surface = window.depth if fitted is None else np.minimum(fitted.depth, window.depth)
    normals = hair_normals(window, np.where(np.isfinite(surface), surface, _middle_depth(window)))
    along = np.full((GRID, GRID), np.nan, np.float32) if fitted is None else fitted.strand
    falls = light_on_hair(normals[inside], light)
    if fitted is not None:
        shade = np.maximum(fitted.between[inside, None], np.float32(_SHADE))
        falls = falls * np.float32(_GAPS) * shade
    return HairPixels(
        seen[inside],
        falls,
        along[inside],
        rough[inside].astype(np.float32),
    )


def light_on_face(light: Array) -> Array:
    """Linear light (3,) on the middle of a face, on average, under light (9, 3)."""
    falls = sh_basis(np.array([[0, 0, 1], [0.5, 0, 0.866], [-0.5, 0, 0.866]])) @ light
    return np.asarray(np.maximum(falls, 1e-3).mean(axis=0), np.float64)


def light_on_hair(normals: F32, light: Array) -> F32:
    """Linear light (N, 3) on hair with normals (N, 3), head frame, under light (9, 3)."""
    usual = light_on_face(light)
    falls = sh_basis(normals) @ light
    return np.asarray(np.clip(falls, _LEAST * usual, _MOST * usual), np.float32)


def hair_normals(window: HairWindow, depth: F32) -> F32:
    """Unit normals (G, G, 3), head frame, of hair at depths (G, G): away from the middle of the skull."""
    camera = window.camera
    x, y = np.meshgrid(np.arange(GRID) + 0.5, np.arange(GRID) + 0.5)
    gain = depth / camera.focal
    points = np.stack([(x - camera.centre[0]) * gain, -(y - camera.centre[1]) * gain, -depth], axis=2)
    apart = (points - camera.translation) @ camera.rotation - np.array(MIDDLE)
    # Hair hangs down straight: what lies below the middle faces sideways.
    apart[..., 1] = np.maximum(apart[..., 1], 0)
    return (apart / np.maximum(np.linalg.norm(apart, axis=2, keepdims=True), 1)).astype(np.float32)


def hair_colour(photos: Sequence[HairPixels]) -> HairColour | None:
    """The colour of hair in photos of a person; None where they show hardly any."""
    if not photos:
        return None
    seen, light, strand, fine = (
        np.concatenate([getattr(photo, name) for photo in photos])
        for name in ("seen", "light", "strand", "fine")
    )
    if len(seen) < _FEW:
        return None
    own = np.clip(seen / light, _DARKEST, 1)
    whole = _typical(own)
    ends = []
    for some in (strand < 0.35, strand > 0.6):
        share = some.sum() / (some.sum() + _TIPS)
        apart = (_typical(own[some]) / whole) ** share if some.any() else np.ones(3)
        ends.append(whole * np.clip(apart, 1 / _APART, _APART))
    # Brighter strands than the texture can show would lose their hue.
    ends = [end * min(1.0, _BRIGHTEST * mean_grey() / float(end.max())) for end in ends]
    varies = float(np.clip(np.median(fine), *_VARIES))
    root, tip = (tuple(float(c) for c in np.clip(end, 0, 1)) for end in ends)
    return HairColour((root[0], root[1], root[2]), (tip[0], tip[1], tip[2]), varies)


def _typical(colours: F32) -> Array:
    """Typical colour (3,) of linear ones (N, 3): that of those of middling brightness."""
    order = np.argsort(colours.mean(axis=1))
    first, last = (int(share * len(order)) for share in _MIDDLING)
    return np.asarray(colours[order[first : last + 1]].mean(axis=0), np.float64)


def _inner(mask: Mask) -> Mask:
    """Cells (G, G) whose four neighbours are of the mask as well."""
    padded = np.pad(mask, 1)
    return padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]


def _middle_depth(window: HairWindow) -> float:
    return float(-window.camera.to_camera(np.array(MIDDLE))[2])
