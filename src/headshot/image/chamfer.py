"""Distances on a grid, by two sweeps over it."""

from __future__ import annotations

from headshot.arrays import F32, single
from headshot.kernels import njit


@njit(cache=True, nogil=True, error_model="numpy")
def spread_distances(out: F32, cell: float) -> None:
    """Lower distances (R, C) in place to what neighbours have and the way from them (3-4 mask).

    Borgefors, "Distance Transformations in Digital Images", 1986.

    Args:
        out: where a distance is known, that; elsewhere anything that is larger.
        cell: side of a cell, float32.
    """
    rows, columns = out.shape
    side, far = single(cell), single(cell * 4 / 3)
    for turn in range(2):  # down from the top left, then up from the bottom right
        for v in range(rows):
            y = rows - 1 - v if turn else v
            above = y + 1 if turn else y - 1
            for u in range(columns):
                x = columns - 1 - u if turn else u
                before, after = (x + 1, x - 1) if turn else (x - 1, x + 1)
                d = out[y, x]
                if u > 0:
                    d = min(d, out[y, before] + side)
                if v > 0:
                    d = min(d, out[above, x] + side)
                    if u > 0:
                        d = min(d, out[above, before] + far)
                    if u < columns - 1:
                        d = min(d, out[above, after] + far)
                out[y, x] = d
