"""How strands run in a photo: all one way in straight hair, every way in coily hair.

The structure tensor (Foerstner and Guelch 1987) of the logarithm of brightness, averaged over squares of
25 mm; its coherence (l1 - l2) / (l1 + l2), with eigenvalues l1 >= l2, is 1 where all strands are parallel and
0 where no direction is more frequent than others.

Dimension letters: G x G cells of a window.
"""

from __future__ import annotations

import numpy as np

from headshot.arrays import F32, Mask
from headshot.hair.window import halved

_AROUND = 3  # cells to each side that a tensor is averaged over
_FEW = 40  # cells of hair from which its coherence says something
_FLOOR = 0.01  # linear light: noise counts little in the dark
COILY, WAVY = 0.42, 0.52
"""Coherences below which hair is coily, or wavy: where people's hair changes from one to the other in photos
sorted by it (docs/explanation/hair.md)."""


def coherence(fine: F32, hair: Mask) -> float:
    """Mean coherence of strands; NaN where little hair is seen.

    Args:
        fine: (2 G, 2 G, 3) linear light, see `headshot.hair.colour.finely`.
        hair: (G, G) cells that show nothing but hair.
    """
    bright = np.log(fine.sum(axis=2) / 3 + np.float32(_FLOOR))
    down, right = np.gradient(bright)

    def around(values: F32) -> F32:
        cells = halved(values) * hair
        total = np.pad(cells, (_AROUND + 1, _AROUND)).cumsum(axis=0).cumsum(axis=1)
        k = 2 * _AROUND + 1
        return np.asarray(total[k:, k:] - total[:-k, k:] - total[k:, :-k] + total[:-k, :-k], np.float32)

    xx, yy, xy = around(right * right), around(down * down), around(right * down)
    whole = around(np.ones_like(bright)) > 0.8 * (2 * _AROUND + 1) ** 2
    if whole.sum() < _FEW:
        return float("nan")
    return float((np.hypot(xx - yy, 2 * xy) / np.maximum(xx + yy, 1e-6))[whole].mean())


def texture_by(coherences: list[float]) -> str:
    """The texture of `headshot.hair.worn` by the coherences of photos; straight where none is known."""
    known = [value for value in coherences if np.isfinite(value)]
    mean = float(np.mean(known)) if known else 1.0
    return "coily" if mean < COILY else "wavy" if mean < WAVY else "straight"
