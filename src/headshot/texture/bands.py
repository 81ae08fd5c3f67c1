"""Multi-band blending on the mesh (Burt and Adelson, "A Multiresolution Spline With Application to Image
Mosaics", ACM Transactions on Graphics 1983).

Each view's colours are divided into bands of detail, and each band is blended with shares that are smooth
over its own scale: where a view ends, fine detail changes abruptly, and slow changes of brightness over
centimetres, so that no border is seen. On the mesh instead of in the picture the two sides of a UV seam are
one, and skin that a view does not see is left out by weights (normalised convolution).

Dimension letters: N views, S vertices of the skin.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from headshot.arrays import F32
from headshot.texture.poisson import System, solve
from headshot.texture.surface import Surface

SCALES = (5.0, 11.0, 25.0)  # mm over which the bands are blended, from fine to coarse
FINEST = 2.5  # mm over which what is finer than the mesh is blended
_STEPS = 0.8  # iterations of a solve per mm of scale: smoothing need not be exact, only as wide
_FIRST = 6  # and at least
_SEEN = 0.05  # weight from which on detail counts in full


def smoothed(skin: Surface, values: F32, scale: float, weight: F32 | None = None) -> F32:
    """Values (S, C) smoothed over ``scale`` mm on the skin; where the weight is 0, continued smoothly.

    The screened Poisson equation of `headshot.texture.poisson` without gradients.

    Args:
        skin: the surface.
        values: (S, C).
        scale: mm.
        weight: (S,) in [0, 1]; 1 without.
    """
    known = np.ones(len(values), np.float32) if weight is None else weight
    data = (known * skin.area / np.float32(scale**2)).astype(np.float32)
    diagonal = np.maximum(np.diff(skin.start) + data, 1e-6).astype(np.float32)
    system = System(skin.start, skin.neighbour, np.ones(len(values), np.float32), diagonal)
    iterations = _FIRST + round(_STEPS * scale)
    mean = (known * skin.area) @ values / max(float(known @ skin.area), 1e-9)
    columns = values.shape[1]
    out = np.empty((len(values), -(-columns // 3) * 3), np.float32)
    out[:, :columns] = mean + known[:, None] * (values - mean)
    out[:, columns:] = 0
    for first in range(0, out.shape[1], 3):
        x = np.ascontiguousarray(out[:, first : first + 3])
        right = np.zeros_like(x)
        some = values[:, first : first + 3]
        right[:, : some.shape[1]] = data[:, None] * some
        solve(system, right, x, iterations)
        out[:, first : first + 3] = x
    return out[:, :columns]


def blend_bands(skin: Surface, colours: F32, weight: F32, masks: Sequence[F32]) -> F32:
    """The blend (S, 3) of all bands of several views.

    With the masks M_ki of view i and the bands B_ki = G_(k-1)i - G_ki of its colours G_0i, smoothed over the
    scales k = 1..K: sum_i (sum_k M_ki B_ki + M_(K+1)i G_Ki).

    Args:
        skin: the surface.
        colours: (N, S, 3) of the views.
        weight: (N, S) in [0, 1], how well each view shows each vertex.
        masks: (N, S) for each of `SCALES` and one for what is coarser: shares of the views, which sum to 1.
    """
    total = np.zeros(colours.shape[1:], np.float32)
    for i, (view, seen) in enumerate(zip(colours, weight, strict=True)):
        known = np.minimum(seen / np.float32(_SEEN), 1)[:, None]
        finer = view
        for k, scale in enumerate(SCALES):
            coarser = smoothed(skin, view, scale, seen)
            if k == 0:  # skin that is not seen has no detail
                finer = coarser + known * (view - coarser)
            total += masks[k][i][:, None] * (finer - coarser)
            finer = coarser
        total += masks[-1][i][:, None] * finer
    return total
