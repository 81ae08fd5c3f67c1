"""Differences between colours as people see them."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from headshot.arrays import Array
from headshot.image.colour import srgb_to_linear

# CIE XYZ of linear sRGB (IEC 61966-2-1), relative to its white, D65.
_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
_XYZ /= _XYZ.sum(axis=1, keepdims=True)


def lab(srgb: ArrayLike) -> Array:
    """CIELAB (..., 3) under D65 of sRGB (..., 3) in [0, 1]."""
    linear = srgb_to_linear(np.clip(np.asarray(srgb, np.float64), 0, 1))
    x = np.asarray(linear, np.float64) @ _XYZ.T
    f = np.where(x > (6 / 29) ** 3, np.cbrt(x), x / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.stack(
        [116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], axis=-1
    )


def ciede2000(one: ArrayLike, other: ArrayLike) -> Array:
    """Differences (...) of CIELAB colours (..., 3); from some 1 on they can be seen side by side.

    CIE 142:2001, in the notation of Sharma, Wu and Dalal, "The CIEDE2000 Color-Difference Formula" (2005),
    equations 2 to 22, with k_L = k_C = k_H = 1.
    """
    lab1, lab2 = np.asarray(one, np.float64), np.asarray(other, np.float64)
    (l1, a1, b1), (l2, a2, b2) = (np.moveaxis(c, -1, 0) for c in (lab1, lab2))
    mean = (np.hypot(a1, b1) + np.hypot(a2, b2)) / 2
    g = 0.5 * (1 - np.sqrt(mean**7 / (mean**7 + 25.0**7)))
    a1, a2 = (1 + g) * a1, (1 + g) * a2
    c1, c2 = np.hypot(a1, b1), np.hypot(a2, b2)
    h1, h2 = np.degrees(np.arctan2(b1, a1)) % 360, np.degrees(np.arctan2(b2, a2)) % 360
    grey = c1 * c2 == 0
    turn = np.where(grey, 0, (h2 - h1 + 180) % 360 - 180)
    # Opposite hues: the formula takes +180 degrees.
    turn = np.where(turn == -180, 180, turn)
    dl, dc = l2 - l1, c2 - c1
    dh = 2 * np.sqrt(c1 * c2) * np.sin(np.radians(turn) / 2)
    level, chroma, total = (l1 + l2) / 2, (c1 + c2) / 2, h1 + h2
    near = np.abs(h1 - h2) <= 180
    hue = np.where(near, total / 2, np.where(total < 360, (total + 360) / 2, (total - 360) / 2))
    hue = np.where(grey, total, hue)
    t = (
        1
        - 0.17 * np.cos(np.radians(hue - 30))
        + 0.24 * np.cos(np.radians(2 * hue))
        + 0.32 * np.cos(np.radians(3 * hue + 6))
        - 0.20 * np.cos(np.radians(4 * hue - 63))
    )
    s_l = 1 + 0.015 * (level - 50) ** 2 / np.sqrt(20 + (level - 50) ** 2)
    s_c, s_h = 1 + 0.045 * chroma, 1 + 0.015 * chroma * t
    rotation = -np.sin(np.radians(60 * np.exp(-(((hue - 275) / 25) ** 2))))
    rotation = rotation * 2 * np.sqrt(chroma**7 / (chroma**7 + 25.0**7))
    dl, dc, dh = dl / s_l, dc / s_c, dh / s_h
    return np.asarray(np.sqrt(np.maximum(dl**2 + dc**2 + dh**2 + rotation * dc * dh, 0)))
