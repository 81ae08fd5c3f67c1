"""Colours: sRGB and linear light, once for the whole package (IEC 61966-2-1), and brightness.

Values are in [0, 1] unless an sRGB byte is meant. Light adds up only in linear light; files and screens speak
sRGB.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from headshot.arrays import F32, U8, Array, Floats

# Below these the sRGB curve is a straight line of this slope.
KNEE_SRGB, KNEE_LINEAR, SLOPE = 0.04045, 0.0031308, 12.92
OFFSET, EXPONENT = 0.055, 2.4

LINEAR_STEPS = 4096  # of the table `TO_SRGB`: a step is less than one sRGB level, even in black

# Weights of red, green and blue in luma (ITU-R BT.601), which is computed from sRGB values as they are.
LUMA = (0.299, 0.587, 0.114)


def _floats(values: ArrayLike) -> Floats:
    x = np.asarray(values)
    return x if np.issubdtype(x.dtype, np.floating) else x.astype(np.float64)


def srgb_to_linear(srgb: ArrayLike) -> Floats:
    """Linear light (...) of sRGB values (...), both in [0, 1]; float32 stays float32."""
    s = _floats(srgb)
    curve = ((np.maximum(s, KNEE_SRGB) + OFFSET) / (1 + OFFSET)) ** EXPONENT
    return np.where(s <= KNEE_SRGB, s / SLOPE, curve).astype(s.dtype, copy=False)


def linear_to_srgb(linear: ArrayLike) -> Floats:
    """sRGB values (...) of linear light (...), both in [0, 1]; float32 stays float32."""
    x = _floats(linear)
    curve = (1 + OFFSET) * np.maximum(x, KNEE_LINEAR) ** (1 / EXPONENT) - OFFSET
    return np.where(x <= KNEE_LINEAR, SLOPE * x, curve).astype(x.dtype, copy=False)


def srgb_slope(linear: ArrayLike, floor: float = KNEE_LINEAR) -> Floats:
    """Derivative of the sRGB curve at linear light (...), that at ``floor`` for what is darker."""
    x = _floats(linear)
    slope = (1 + OFFSET) / EXPONENT * np.maximum(x, floor) ** (1 / EXPONENT - 1)
    return slope.astype(x.dtype, copy=False)


def _tables() -> tuple[F32, U8]:
    decode = srgb_to_linear(np.arange(256) / 255.0)
    encode = linear_to_srgb(np.arange(LINEAR_STEPS) / (LINEAR_STEPS - 1.0))
    return decode.astype(np.float32), np.round(encode * 255).astype(np.uint8)


# Linear light (256,) by sRGB byte, and sRGB byte (LINEAR_STEPS,) by linear light in equal steps over [0, 1].
TO_LINEAR, TO_SRGB = _tables()


def srgb_bytes(linear: ArrayLike) -> U8:
    """sRGB bytes (...) of linear light (...), clipped to [0, 1]; by the table, so the same as in kernels."""
    x = np.clip(np.asarray(linear), 0, 1)
    return TO_SRGB[(x * (LINEAR_STEPS - 1) + 0.5).astype(np.int32)]


def luma(srgb: ArrayLike) -> Array:
    """Brightness (...) of sRGB colours (..., 3), in their unit (ITU-R BT.601)."""
    return np.asarray(np.asarray(srgb) @ np.array(LUMA), dtype=np.float64)
