"""What is believed, texel by texel, follows what is believed around it."""

from __future__ import annotations

import numpy as np
from numba import njit

from headshot.arrays import F32
from headshot.ramps import smoothstep_kernel
from headshot.texture.rows import in_rows

_AROUND = 3  # cells around each that are looked at


def settle(cells: F32, fit: F32, weight: F32) -> None:
    """Let weights (T, T), in place, follow how well colours fit (T, T) and what is seen around.

    Args:
        cells: (t, t, 2) sums over square cells of texels: weights without, and with the fit of colours.
        fit: (T, T) in [0, 1].
        weight: (T, T) in [0, 1], without the fit of colours.
    """
    share = np.empty(cells.shape[:2], np.float32)
    _agreement(cells, share)
    in_rows(lambda rows: _follow(share, *rows, fit, weight), len(weight))


@njit(cache=True, nogil=True, error_model="numpy")
def _agreement(cells: F32, out: F32) -> None:
    """Share (t, t) of what is seen around each cell that looks like skin, -1 in cells that saw nothing."""
    n = cells.shape[0]
    for y in range(n):
        for x in range(n):
            seen, kept = np.float32(1e-6), np.float32(0)
            for j in range(max(y - _AROUND, 0), min(y + _AROUND + 1, n)):
                for i in range(max(x - _AROUND, 0), min(x + _AROUND + 1, n)):
                    seen += cells[j, i, 0]
                    kept += cells[j, i, 1]
            out[y, x] = kept / seen if cells[y, x, 0] > 0 else np.float32(-1)


@njit(cache=True, nogil=True, error_model="numpy")
def _follow(share: F32, first: int, last: int, fit: F32, weight: F32) -> None:
    """Let rows of the weights (T, T) follow the colours' fit (T, T) and the ``share`` (t, t) of their
    surroundings that fits.

    Where many neighbours are rejected (a strand of hair, the rim of glasses) weights fade out softly;
    where hardly any, what does not fit is the person's: a mole, a wrinkle.
    """
    n = share.shape[0]
    block = np.float32(-(-weight.shape[1] // n))
    for y in range(first, last):
        v = min(max((y + np.float32(0.5)) / block - np.float32(0.5), np.float32(0)), np.float32(n - 1))
        r0 = int(v)
        r1 = min(r0 + 1, n - 1)
        fy = np.float32(v - r0)
        for x in range(weight.shape[1]):
            if not weight[y, x] > 0:
                continue
            u = min(max((x + np.float32(0.5)) / block - np.float32(0.5), np.float32(0)), np.float32(n - 1))
            c0 = int(u)
            c1 = min(c0 + 1, n - 1)
            fx = np.float32(u - c0)
            if min(min(share[r0, c0], share[r0, c1]), min(share[r1, c0], share[r1, c1])) > np.float32(0.97):
                continue  # the same as below, sooner
            total, local = np.float32(1e-6), np.float32(0)
            for k in range(4):
                w = (fy if k > 1 else 1 - fy) * (fx if k % 2 else 1 - fx)
                f = share[r1 if k > 1 else r0, c1 if k % 2 else c0]
                if f >= 0:
                    total += w
                    local += w * f
            local /= total
            alone = smoothstep_kernel(local, np.float32(0.90), np.float32(0.97))
            like = fit[y, x] + (np.float32(1) - fit[y, x]) * alone
            like *= smoothstep_kernel(local, np.float32(0.55), np.float32(0.95))
            weight[y, x] *= min(like, np.float32(1))
