"""Kernels that read the crop of a photo, and grids over it, at points within it."""

from __future__ import annotations

import numpy as np
from numba import njit

from headshot.arrays import F32, U8


@njit(cache=True, nogil=True, error_model="numpy")
def at(grid: F32, x: float, y: float, lens: F32) -> float:
    """Value of a grid over the crop at a pixel within the crop."""
    return grid[min(int(y * lens[3]), grid.shape[0] - 1), min(int(x * lens[3]), grid.shape[1] - 1)]


@njit(cache=True, nogil=True, error_model="numpy")
def between(grid: F32, x: float, y: float, lens: F32, channel: int) -> float:
    """Value of a channel of a grid over the crop at a pixel within the crop, bilinear."""
    u = min(max(x * lens[3] - np.float32(0.5), np.float32(0)), np.float32(grid.shape[1] - 1))
    v = min(max(y * lens[3] - np.float32(0.5), np.float32(0)), np.float32(grid.shape[0] - 1))
    c0, r0 = int(u), int(v)
    c1, r1 = min(c0 + 1, grid.shape[1] - 1), min(r0 + 1, grid.shape[0] - 1)
    fx, fy = u - np.float32(c0), v - np.float32(r0)
    above = grid[r0, c0, channel] + fx * (grid[r0, c1, channel] - grid[r0, c0, channel])
    below = grid[r1, c0, channel] + fx * (grid[r1, c1, channel] - grid[r1, c0, channel])
    return above + fy * (below - above)


@njit(cache=True, nogil=True, error_model="numpy")
def fetch(pixels: U8, x: float, y: float, cubic: bool) -> tuple[float, float, float]:
    """One colour in [0, 255], bilinear or cubic (Catmull-Rom), clamped to the edge."""
    height, width = pixels.shape[0], pixels.shape[1]
    x, y = x - np.float32(0.5), y - np.float32(0.5)
    c0, r0 = int(np.floor(x)), int(np.floor(y))
    fx, fy = np.float32(x - c0), np.float32(y - r0)
    red, green, blue = np.float32(0), np.float32(0), np.float32(0)
    around = 1 if cubic else 0
    for j in range(-around, 2 + around):
        wy = _tap(fy, j, cubic)
        r = min(max(r0 + j, 0), height - 1)
        for i in range(-around, 2 + around):
            w = wy * _tap(fx, i, cubic)
            c = min(max(c0 + i, 0), width - 1)
            red += w * np.float32(pixels[r, c, 0])
            green += w * np.float32(pixels[r, c, 1])
            blue += w * np.float32(pixels[r, c, 2])
    zero, full = np.float32(0), np.float32(255)
    return min(max(red, zero), full), min(max(green, zero), full), min(max(blue, zero), full)


@njit(cache=True, nogil=True, error_model="numpy")
def _tap(t: float, i: int, cubic: bool) -> float:
    """Weight of the pixel i places right of the one left of a sample at fraction t (Keys 1981, a = -1/2)."""
    one, half, three = np.float32(1), np.float32(0.5), np.float32(3)
    if not cubic:
        return t if i == 1 else one - t
    if i == 0:
        return one + half * t * t * (three * t - np.float32(5))
    if i == 1:
        return half * t * (one + t * (np.float32(4) - three * t))
    if i == -1:
        return half * t * (t * (one + one - t) - one)
    return half * t * t * (t - one)
