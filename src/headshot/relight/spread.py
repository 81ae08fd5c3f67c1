"""Light that spreads below the skin before it comes out, red farthest.

Irradiance is blurred in the picture, over what lies at about the same depth (Jimenez, Sundstedt and
Gutierrez, "Screen-space perceptual rendering of human skin", ACM Transactions on Applied Perception 2009), by
the diffusion profile of skin as a sum of Gaussians (d'Eon and Luebke, "Advanced Techniques for Realistic
Real-Time Skin Rendering", GPU Gems 3, 2007, table 14.1).
"""

from __future__ import annotations

import numpy as np

from headshot.arrays import F32
from headshot.kernels import njit

# Variance in mm^2, and its share of red, green and blue. Their two narrowest are less than a pixel here.
PROFILE = (
    (0.0064 + 0.0484, (0.333, 0.791, 1.000)),
    (0.187, (0.118, 0.198, 0.000)),
    (0.567, (0.113, 0.007, 0.000)),
    (1.99, (0.358, 0.004, 0.000)),
    (7.41, (0.078, 0.000, 0.000)),
)
_STEP = 4.0  # mm in depth over which no light spreads
_LEAST = 0.3  # pixels: narrower ones stay as they are


def spread(irradiance: F32, depth: F32, pixels_per_mm: float, skin: F32) -> F32:
    """What comes out of the skin (H, W, 3) of the light that falls on it.

    Args:
        irradiance: (H, W, 3) linear.
        depth: (H, W) mm; infinite where there is nothing.
        pixels_per_mm: scale of the picture at the head.
        skin: (H, W) 1 where light spreads, 0 where it does not.
    """
    out = np.zeros_like(irradiance)
    for variance, shares in PROFILE:
        sigma = np.sqrt(variance) * pixels_per_mm
        used = [c for c in range(3) if shares[c] > 0]
        blurred = irradiance[:, :, used]
        if sigma > _LEAST:
            reach = int(np.ceil(2.5 * sigma))
            weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2).astype(np.float32)
            for axis in (0, 1):
                blurred = _blur(np.ascontiguousarray(blurred), depth, weights, np.float32(_STEP), axis)
        out[:, :, used] += blurred * np.array([shares[c] for c in used], np.float32)
    total = np.sum([shares for _, shares in PROFILE], axis=0)
    mixed: F32 = irradiance + skin[:, :, None] * (out / total.astype(np.float32) - irradiance)
    return mixed


@njit(cache=True, nogil=True, error_model="numpy")
def _blur(values: F32, depth: F32, weights: F32, step: float, axis: int) -> F32:
    height, width, channels = values.shape
    reach = len(weights) // 2
    out = np.zeros_like(values)
    for y in range(height):
        for x in range(width):
            here = depth[y, x]
            if not here < np.inf:
                continue
            total = np.float32(0)
            for k in range(-reach, reach + 1):
                j, i = (y + k, x) if axis == 0 else (y, x + k)
                if 0 <= j < height and 0 <= i < width and abs(depth[j, i] - here) < step:
                    total += weights[k + reach]
                    for c in range(channels):
                        out[y, x, c] += weights[k + reach] * values[j, i, c]
            for c in range(channels):
                out[y, x, c] /= total
    return out
