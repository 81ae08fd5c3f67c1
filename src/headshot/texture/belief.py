"""Kernels that say how far a point of the head is believed: by geometry, and by its colour."""

from __future__ import annotations

import numpy as np
from numba import njit

from headshot.arrays import F32
from headshot.ramps import smoothstep_kernel
from headshot.texture.fetch import at, between
from headshot.texture.masks import OWN


@njit(cache=True, nogil=True, error_model="numpy")
def belief(
    p: tuple[float, float, float], n: tuple[float, float, float], lens: F32, hidden: tuple[F32, F32, F32]
) -> tuple[float, float, float]:
    """Where a point p with normal n is in the crop and how well it is seen, by geometry alone: x, y, weight.

    ``lens`` is focal length, principal point (2), 1 / step, width, height, and the width of the border;
    ``hidden`` the view's depth, margin and masks. Where the segmentation is sure of skin, less distance to
    edges is kept.
    """
    depth, margin, shown = hidden
    x, y = np.float32(0), np.float32(0)
    distance = -p[2]
    if not distance > 1:
        return x, y, np.float32(0)
    scale = lens[0] / distance
    x, y = lens[1] + scale * p[0], lens[2] - scale * p[1]
    border = min(min(x, lens[4] - x), min(y, lens[5] - y))
    if not border > 0.5:
        return x, y, np.float32(0)
    squares = (p[0] * p[0] + p[1] * p[1] + p[2] * p[2]) * (n[0] * n[0] + n[1] * n[1] + n[2] * n[2])
    cosine = -(p[0] * n[0] + p[1] * n[1] + p[2] * n[2]) / np.sqrt(squares)
    if not cosine > 0.12:
        return x, y, np.float32(0)
    # One cell of the grid spans a range of depths on a slope.
    cell = distance / (lens[0] * lens[3])
    slope = np.sqrt(max(np.float32(0), np.float32(1) - cosine * cosine)) / cosine
    if not distance < at(depth, x, y, lens) + np.float32(1.5) + cell * slope:
        return x, y, np.float32(0)
    own = between(shown, x, y, lens, OWN)
    away = smoothstep_kernel(
        at(margin, x, y, lens), np.float32(0.5) * cell, np.float32(3.5) - np.float32(1.5) * own
    )
    steep = smoothstep_kernel(cosine, np.float32(0.12), np.float32(0.5) - np.float32(0.15) * own)
    return x, y, steep * away * smoothstep_kernel(border, np.float32(0.5), lens[6])


@njit(cache=True, nogil=True, error_model="numpy")
def likelihood(
    value: tuple[float, float, float],
    expected: tuple[float, float, float],
    strictness: float,
    shade: float,
    table: F32,
    model: F32,
) -> float:
    """How well a colour in [0, 255] fits the person's skin, 1 where no doubt is allowed (strictness 0).

    ``expected`` and ``table`` (256,) are logarithms of linear light, the latter by sRGB value; ``model`` as
    `SkinColour.packed`.
    """
    one = np.float32(1)
    if max(value[0], value[1], value[2]) < 9:
        return np.float32(0)  # black bars and the corners of rotated photos
    red, green, blue = (
        table[int(value[0])] - expected[0],
        table[int(value[1])] - expected[1],
        table[int(value[2])] - expected[2],
    )
    p, q = red - green, blue - green
    chroma = model[0] * p * p + (model[1] + model[1]) * p * q + model[2] * q * q
    bright = (red + green + blue) * np.float32(1 / 3) * model[3]
    if bright < 0:
        bright *= one - np.float32(0.75) * shade
    else:
        bright *= np.float32(0.6)  # highlights are skin too
    allowed = np.float32(1.7) + np.float32(5) * (one - strictness) * (one - strictness)
    fit = one - smoothstep_kernel(np.sqrt(chroma + bright * bright), allowed, np.float32(1.5) * allowed)
    doubt = min(one, np.float32(4) * strictness)
    return one - doubt + doubt * fit
