"""Kernels that say how well a photo shows a point of the head: by geometry, and by its colour."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from headshot.arrays import F32, single
from headshot.kernels import njit
from headshot.ramps import smoothstep_kernel
from headshot.texture.masks import SURE_SKIN
from headshot.texture.pixel_kernels import CropFrame, bilinear, nearest

_GRAZING = 0.12  # cosine of the viewing angle below which (beyond 83 degrees) nothing is taken from a photo


class Occlusion(NamedTuple):
    """What hides what in a crop, on a coarse grid over it (`headshot.texture.crop.PhotoCrop`).

    Attributes:
        depth: (r, c) distance of the nearest surface, mm; inf where none.
        margin: (r, c) distance to the next edge where one surface hides another, mm.
        outline: (r, c) distance to the outline of the head, mm.
        masks: (r, c, 5) of the segmentation (`headshot.texture.masks`).
    """

    depth: F32
    margin: F32
    outline: F32
    masks: F32


class SkinLikelihood(NamedTuple):
    """The distribution of the person's skin colours in one photo.

    Attributes:
        log_linear: (256,) logarithm of linear light by sRGB byte (`headshot.texture.skin_tone.log_table`).
        chroma: (3,) inverse covariance of log(red / green) and log(blue / green): first, mixed, second.
        brightness: float32, 1 / standard deviation of log brightness.
    """

    log_linear: F32
    chroma: F32
    brightness: float


@njit(cache=True, nogil=True, error_model="numpy")
def visibility(
    p: tuple[float, float, float], n: tuple[float, float, float], frame: CropFrame, hidden: Occlusion
) -> tuple[float, float, float]:
    """Where a point p (mm) with normal n is in the crop, and how well it is seen by geometry alone.

    The weight in [0, 1] falls with the viewing angle, next to edges of occlusion, where a small error of the
    fit shows another surface, and next to the border of the crop. Where the segmentation is sure of skin,
    less distance to edges is kept.

    Returns:
        x, y (crop pixels) and the weight.
    """
    zero, one, half = single(0), single(1), single(0.5)
    x, y = zero, zero
    distance = -p[2]
    if not distance > 1:
        return x, y, zero
    scale = frame.focal / distance
    x, y = frame.x + scale * p[0], frame.y - scale * p[1]
    border = min(min(x, frame.width - x), min(y, frame.height - y))
    if not border > 0.5:
        return x, y, zero
    squares = (p[0] * p[0] + p[1] * p[1] + p[2] * p[2]) * (n[0] * n[0] + n[1] * n[1] + n[2] * n[2])
    cosine = -(p[0] * n[0] + p[1] * n[1] + p[2] * n[2]) / np.sqrt(squares)
    if not cosine > _GRAZING:
        return x, y, zero
    # One cell of the grid spans a range of depths on a slope.
    cell = distance / (frame.focal * frame.cells)
    slope = np.sqrt(max(zero, one - cosine * cosine)) / cosine
    if not distance < nearest(hidden.depth, x, y, frame) + single(1.5) + cell * slope:
        return x, y, zero
    sure = bilinear(hidden.masks, x, y, frame, SURE_SKIN)
    clear = smoothstep_kernel(
        nearest(hidden.margin, x, y, frame), half * cell, single(3.5) - single(1.5) * sure
    )
    facing = smoothstep_kernel(cosine, single(_GRAZING), half - single(0.15) * sure)
    return x, y, facing * clear * smoothstep_kernel(border, half, frame.border)


@njit(cache=True, nogil=True, error_model="numpy")
def colour_likelihood(
    value: tuple[float, float, float],
    expected: tuple[float, float, float],
    selectivity: float,
    beard: float,
    skin: SkinLikelihood,
) -> float:
    """How well a colour in [0, 255] fits the person's skin, in [0, 1]: a soft test of Mahalanobis' distance.

    Args:
        value: sRGB.
        expected: logarithm of the linear colour that bare skin has here.
        selectivity: weight of the test in [0, 1]; 0 accepts every colour.
        beard: in [0, 1], tolerance to what is darker than skin.
        skin: its distribution.
    """
    one = single(1)
    if max(value[0], value[1], value[2]) < 9:
        return single(0)  # black bars and the corners of rotated photos
    red, green, blue = (
        skin.log_linear[int(value[0])] - expected[0],
        skin.log_linear[int(value[1])] - expected[1],
        skin.log_linear[int(value[2])] - expected[2],
    )
    p, q = red - green, blue - green
    chroma = skin.chroma[0] * p * p + (skin.chroma[1] + skin.chroma[1]) * p * q + skin.chroma[2] * q * q
    bright = (red + green + blue) * single(1 / 3) * skin.brightness
    if bright < 0:
        bright *= one - single(0.75) * beard
    else:
        bright *= single(0.6)  # highlights are skin too
    allowed = single(1.7) + single(5) * (one - selectivity) * (one - selectivity)
    fit = one - smoothstep_kernel(np.sqrt(chroma + bright * bright), allowed, single(1.5) * allowed)
    weight = min(one, single(4) * selectivity)
    return one - weight + weight * fit
