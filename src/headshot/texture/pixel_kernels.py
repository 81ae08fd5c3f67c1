"""Kernels that read the crop of a photo, and grids over it, at points within it. All in float32."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from headshot.arrays import F32, U8, single
from headshot.kernels import njit


class CropFrame(NamedTuple):
    """How a crop of a photo is projected into; every field a float32 number.

    Attributes:
        focal: focal length, crop pixels.
        x, y: principal point, crop pixels.
        cells: grid cells per crop pixel.
        width, height: of the crop, pixels.
        border: width of the rim of the crop within which visibility fades out, pixels.
    """

    focal: float
    x: float
    y: float
    cells: float
    width: float
    height: float
    border: float


@njit(cache=True, nogil=True, error_model="numpy")
def nearest(grid: F32, x: float, y: float, frame: CropFrame) -> float:
    """Value of a grid (r, c) over the crop at a pixel within the crop."""
    return grid[min(int(y * frame.cells), grid.shape[0] - 1), min(int(x * frame.cells), grid.shape[1] - 1)]


@njit(cache=True, nogil=True, error_model="numpy")
def bilinear(grid: F32, x: float, y: float, frame: CropFrame, channel: int) -> float:
    """Value of a channel of a grid (r, c, channels) over the crop at a pixel within the crop, bilinear."""
    zero, half = single(0), single(0.5)
    u = min(max(x * frame.cells - half, zero), single(grid.shape[1] - 1))
    v = min(max(y * frame.cells - half, zero), single(grid.shape[0] - 1))
    c0, r0 = int(u), int(v)
    c1, r1 = min(c0 + 1, grid.shape[1] - 1), min(r0 + 1, grid.shape[0] - 1)
    fx, fy = u - single(c0), v - single(r0)
    above = grid[r0, c0, channel] + fx * (grid[r0, c1, channel] - grid[r0, c0, channel])
    below = grid[r1, c0, channel] + fx * (grid[r1, c1, channel] - grid[r1, c0, channel])
    return above + fy * (below - above)


@njit(cache=True, nogil=True, error_model="numpy")
def colour_at(pixels: U8, x: float, y: float, cubic: bool) -> tuple[float, float, float]:
    """One colour in [0, 255], bilinear or cubic (Catmull-Rom), clamped to the edge."""
    height, width = pixels.shape[0], pixels.shape[1]
    x, y = x - single(0.5), y - single(0.5)
    c0, r0 = int(np.floor(x)), int(np.floor(y))
    fx, fy = single(x - c0), single(y - r0)
    red, green, blue = single(0), single(0), single(0)
    around = 1 if cubic else 0
    for j in range(-around, 2 + around):
        wy = _tap(fy, j, cubic)
        r = min(max(r0 + j, 0), height - 1)
        for i in range(-around, 2 + around):
            w = wy * _tap(fx, i, cubic)
            c = min(max(c0 + i, 0), width - 1)
            red += w * single(pixels[r, c, 0])
            green += w * single(pixels[r, c, 1])
            blue += w * single(pixels[r, c, 2])
    zero, full = single(0), single(255)
    return min(max(red, zero), full), min(max(green, zero), full), min(max(blue, zero), full)


@njit(cache=True, nogil=True, error_model="numpy")
def _tap(t: float, i: int, cubic: bool) -> float:
    """Weight of the pixel i places right of the one left of a sample at fraction t (Keys 1981, a = -1/2)."""
    one, half, three = single(1), single(0.5), single(3)
    if not cubic:
        return t if i == 1 else one - t
    if i == 0:
        return one + half * t * t * (three * t - single(5))
    if i == 1:
        return half * t * (one + t * (single(4) - three * t))
    if i == -1:
        return half * t * (t * (one + one - t) - one)
    return half * t * t * (t - one)
