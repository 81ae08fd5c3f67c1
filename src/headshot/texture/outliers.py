"""Local outlier filtering: whether a colour that is not like skin is the person's depends on what is around.

A mole or a wrinkle is alone among skin; a strand of hair or the rim of glasses is among other outliers.
"""

from __future__ import annotations

import numpy as np

from headshot.arrays import F32, single
from headshot.kernels import njit
from headshot.ramps import smoothstep_kernel
from headshot.texture.rows import in_rows

_AROUND = 3  # cells around each that are looked at


def filter_outliers(cells: F32, likelihood: F32, weight: F32) -> None:
    """Multiply weights (T, T), in place, by the likelihood of their colours, given their surroundings.

    Args:
        cells: (t, t, 2) sums over square cells of texels: weights without, and with the colours' likelihood.
        likelihood: (T, T) in [0, 1], of the colours.
        weight: (T, T) in [0, 1], without the colours' likelihood.
    """
    share = np.empty(cells.shape[:2], np.float32)
    _inlier_share(cells, share)
    in_rows(lambda rows: _filter_rows(share, *rows, likelihood, weight), len(weight))


@njit(cache=True, nogil=True, error_model="numpy")
def _inlier_share(cells: F32, out: F32) -> None:
    """Share (t, t) of what is seen around each cell that looks like skin, -1 in cells that saw nothing."""
    n = cells.shape[0]
    for y in range(n):
        for x in range(n):
            seen, inlying = single(1e-6), single(0)
            for j in range(max(y - _AROUND, 0), min(y + _AROUND + 1, n)):
                for i in range(max(x - _AROUND, 0), min(x + _AROUND + 1, n)):
                    seen += cells[j, i, 0]
                    inlying += cells[j, i, 1]
            out[y, x] = inlying / seen if cells[y, x, 0] > 0 else single(-1)


@njit(cache=True, nogil=True, error_model="numpy")
def _filter_rows(share: F32, first: int, last: int, likelihood: F32, weight: F32) -> None:
    """Rows of the weights (T, T), from the likelihood (T, T) and the inlier ``share`` (t, t) around.

    Where many neighbours are outliers weights fade out softly; where hardly any, outliers are the person's.
    """
    n = share.shape[0]
    zero, one, half = single(0), single(1), single(0.5)
    block = single(-(-weight.shape[1] // n))
    for y in range(first, last):
        v = min(max((y + half) / block - half, zero), single(n - 1))
        r0 = int(v)
        r1 = min(r0 + 1, n - 1)
        fy = single(v - r0)
        for x in range(weight.shape[1]):
            if not weight[y, x] > 0:
                continue
            u = min(max((x + half) / block - half, zero), single(n - 1))
            c0 = int(u)
            c1 = min(c0 + 1, n - 1)
            fx = single(u - c0)
            if min(min(share[r0, c0], share[r0, c1]), min(share[r1, c0], share[r1, c1])) > single(0.97):
                continue  # the same as below, sooner
            total, local = single(1e-6), single(0)
            for k in range(4):
                w = (fy if k > 1 else 1 - fy) * (fx if k % 2 else 1 - fx)
                f = share[r1 if k > 1 else r0, c1 if k % 2 else c0]
                if f >= 0:
                    total += w
                    local += w * f
            local /= total
            alone = smoothstep_kernel(local, single(0.90), single(0.97))
            inlier = likelihood[y, x] + (one - likelihood[y, x]) * alone
            inlier *= smoothstep_kernel(local, single(0.55), single(0.95))
            weight[y, x] *= min(inlier, one)
