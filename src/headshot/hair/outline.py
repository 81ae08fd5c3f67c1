"""Moving one outline onto another: how the hair of a style has to shift in the picture to lie as in a photo.

Outlines are zero lines of signed distances. Each point near a style's outline is drawn along the gradient
of the photo's distance to where that equals the style's own (Paragios, Rousson and Ramesh, "Non-rigid
registration using distance functions", 2003, eq. 9), and the shifts are averaged over their surroundings,
wide ones first, as in Thirion's demons (1998). What lies within an outline follows; what lies behind a
border that both pictures have, such as the chin, stays.

Dimension letters: G x G cells.
"""

from __future__ import annotations

import numpy as np

from headshot.arrays import F32, Index, read_only, single
from headshot.image.chamfer import spread_distances
from headshot.kernels import njit

REACH = 8.0
"""Cells: distances farther from an outline count as this far."""
_BAND = 2.0  # cells from its outline within which a style is drawn
SPREADS: Index = read_only(np.array([6, 4, 2]))
"""Cells: half widths of the averages, wide ones first."""
_ROUNDS = 4  # of each
_FADE = single(0.004)  # share of drawn cells in an average below which shifts fade out
_MOST = single(7.0)  # cells that anything is shifted at most


@njit(cache=True, nogil=True, error_model="numpy")
def signed_distance(share: F32, out: F32) -> None:
    """Distances (G, G) in cells from the line where a share (G, G) in [0, 1] is one half; positive above.

    Next to the line they are those of the linear interpolation, farther away chamfer distances (Borgefors,
    "Distance Transformations in Digital Images", 1986, 3-4 mask).
    """
    rows, columns = share.shape
    half, far, one = single(0.5), single(REACH), single(1)
    for y in range(rows):
        for x in range(columns):
            here, d = share[y, x] - half, far
            for k in range(4):
                v, u = y + (k == 0) - (k == 1), x + (k == 2) - (k == 3)
                if 0 <= v < rows and 0 <= u < columns:
                    there = share[v, u] - half
                    if (here > 0) != (there > 0):
                        d = min(d, here / (here - there))
            out[y, x] = d
    spread_distances(out, one)
    for y in range(rows):
        for x in range(columns):
            if not share[y, x] > half:
                out[y, x] = -out[y, x]


@njit(cache=True, nogil=True, error_model="numpy")
def _sample(field: F32, y: float, x: float) -> float:
    """Bilinear value at cell centres (y, x), clamped to the grid."""
    rows, columns = field.shape
    y = min(max(y, single(0)), single(rows - 1.001))
    x = min(max(x, single(0)), single(columns - 1.001))
    j, i = int(y), int(x)
    v, u = y - single(j), x - single(i)
    one = single(1)
    return (one - v) * ((one - u) * field[j, i] + u * field[j, i + 1]) + v * (
        (one - u) * field[j + 1, i] + u * field[j + 1, i + 1]
    )


@njit(cache=True, nogil=True, error_model="numpy")
def _averaged(field: F32, half: int, buffer: F32) -> None:
    """Average (G, G, C) over 2 half + 1 cells, twice in each direction; nothing beyond the grid."""
    rows, columns, channels = field.shape
    share = single(1) / single(2 * half + 1)
    for turn in range(4):
        along = rows if turn % 2 else columns
        for line in range(columns if turn % 2 else rows):
            for c in range(channels):
                total = single(0)
                for k in range(min(half, along)):
                    total += field[k, line, c] if turn % 2 else field[line, k, c]
                for k in range(along):
                    if k + half < along:
                        total += field[k + half, line, c] if turn % 2 else field[line, k + half, c]
                    if k - half - 1 >= 0:
                        total -= field[k - half - 1, line, c] if turn % 2 else field[line, k - half - 1, c]
                    if turn % 2:
                        buffer[k, line, c] = total * share
                    else:
                        buffer[line, k, c] = total * share
        # Cell by cell: Numba takes seconds to compile the copy of a whole array.
        for y in range(rows):
            for x in range(columns):
                for c in range(channels):
                    field[y, x, c] = buffer[y, x, c]


@njit(cache=True, nogil=True, error_model="numpy")
def _draw(style: F32, photo: F32, weight: F32, shift: F32, pull: F32) -> None:
    """Add the pull (G, G, 3) of one outline: shifts to make in rows and columns, and what they count."""
    rows, columns = style.shape
    one = single(1)
    for y in range(rows):
        for x in range(columns):
            w = weight[y, x]
            near = style[y, x] / single(_BAND)
            if not w > 0 or abs(near) > 2:
                continue
            w *= np.exp(-near * near)
            v, u = single(y) + shift[y, x, 0], single(x) + shift[y, x, 1]
            off = style[y, x] - _sample(photo, v, u)
            dy = (_sample(photo, v + one, u) - _sample(photo, v - one, u)) / single(2)
            dx = (_sample(photo, v, u + one) - _sample(photo, v, u - one)) / single(2)
            gain = off / (dy * dy + dx * dx + single(0.3))
            pull[y, x, 0] += w * gain * dy
            pull[y, x, 1] += w * gain * dx
            pull[y, x, 2] += w


@njit(cache=True, nogil=True, error_model="numpy")
def shifts(styles: F32, photos: F32, weights: F32, spreads: Index, out: F32) -> None:
    """Shifts (G, G, 2) in rows and columns, cells, that bring a style's outlines onto those of a photo.

    Args:
        styles: (K, G, G) signed distances of K outlines of the style.
        photos: (K, G, G) of the photo.
        weights: (K, G, G) at least 0, how much each cell counts.
        spreads: (S,) cells, half widths of the averages, such as `SPREADS`.
        out: (G, G, 2) the shifts to begin with, changed in place.
    """
    size = styles.shape[1]
    pull, buffer = np.empty((size, size, 3), np.float32), np.empty((size, size, 3), np.float32)
    for half in spreads:
        for _ in range(_ROUNDS):
            for y in range(size):
                for x in range(size):
                    pull[y, x, 0] = pull[y, x, 1] = pull[y, x, 2] = 0
            for k in range(styles.shape[0]):
                _draw(styles[k], photos[k], weights[k], out, pull)
            _averaged(pull, half, buffer)
            for y in range(size):
                for x in range(size):
                    share = single(1) / (pull[y, x, 2] + _FADE)
                    for c in range(2):
                        moved = out[y, x, c] + share * pull[y, x, c]
                        out[y, x, c] = min(max(moved, -_MOST), _MOST)
