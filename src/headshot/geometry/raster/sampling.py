"""Bilinear samples of a picture."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from headshot.arrays import F32
from headshot.kernels import njit


@njit(cache=True, nogil=True, error_model="numpy")
def fill_samples(image: Any, xy: Any, scale: float, out: Any) -> None:
    """Samples of ``image`` (H, W, C) at ``xy`` (N, 2), times ``scale``, into ``out`` (N, C)."""
    height, width, channels = image.shape
    half, zero = xy.dtype.type(0.5), xy.dtype.type(0)
    for n in range(xy.shape[0]):
        x = min(max(xy[n, 0] - half, zero), xy.dtype.type(width - 1))
        y = min(max(xy[n, 1] - half, zero), xy.dtype.type(height - 1))
        if not (x == x and y == y):
            for c in range(channels):
                out[n, c] = np.nan
            continue
        x0, y0 = int(x), int(y)
        x1, y1 = min(x0 + 1, width - 1), min(y0 + 1, height - 1)
        fx, fy = x - xy.dtype.type(x0), y - xy.dtype.type(y0)
        for c in range(channels):
            upper = (1 - fx) * image[y0, x0, c] + fx * image[y0, x1, c]
            lower = (1 - fx) * image[y1, x0, c] + fx * image[y1, x1, c]
            out[n, c] = ((1 - fy) * upper + fy * lower) * scale


def sample(image: NDArray[Any], xy: ArrayLike) -> F32:
    """Bilinear samples (N, C) of an image (H, W, C) at points (N, 2) in pixels, clamped to its edge.

    uint8 images give values in [0, 1]; float32 images keep their range. NaN points give NaN.
    """
    if image.ndim != 3 or image.dtype not in (np.uint8, np.float32) or 0 in image.shape:
        raise ValueError(f"expected a (H, W, C) uint8 or float32 image, got {image.shape} {image.dtype}")
    points = np.ascontiguousarray(xy, dtype=np.float32).reshape(-1, 2)
    out = np.empty((len(points), image.shape[2]), np.float32)
    scale = 1 / 255 if image.dtype == np.uint8 else 1.0
    fill_samples(np.ascontiguousarray(image), points, np.float32(scale), out)
    return out
