"""Verification: do similarities separate pairs of one person from pairs of two people?

AUC is the probability that a random pair of photos of one person is more similar than one of two people (the
Mann-Whitney statistic; Fawcett, "An introduction to ROC analysis", Pattern Recognition Letters 27, 2006). EER
is the error at the threshold where as many same pairs are rejected as different pairs accepted.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from headshot.arrays import Array


def auc(same: ArrayLike, different: ArrayLike) -> float:
    """Probability that a similarity of ``same`` (S,) exceeds one of ``different`` (D,); ties count half.

    Example:
        >>> auc([3, 2], [1, 2])
        0.875
    """
    s, d = _similarities(same, different)
    ordered = np.sort(d)
    wins = np.searchsorted(ordered, s, side="left") + np.searchsorted(ordered, s, side="right")
    return float(wins.mean() / 2 / len(d))


def roc(same: ArrayLike, different: ArrayLike) -> tuple[Array, Array]:
    """False and true positive rates (T,) from the strictest threshold to the loosest, both from 0 to 1."""
    s, d = _similarities(same, different)
    thresholds = np.unique(np.concatenate([s, d]))[::-1]
    true = 1 - np.searchsorted(np.sort(s), thresholds, side="left") / len(s)
    false = 1 - np.searchsorted(np.sort(d), thresholds, side="left") / len(d)
    return np.concatenate([[0.0], false]), np.concatenate([[0.0], true])


def eer(same: ArrayLike, different: ArrayLike) -> float:
    """Equal error rate in [0, 1]: where the ROC, joined by straight lines, meets false positive = 1 - true.

    Example:
        >>> eer([4, 3], [1, 2])
        0.0
    """
    false, true = roc(same, different)
    gap = false - (1 - true)  # from -1 to 1, never falling
    k = int(np.argmax(gap >= 0))
    step = -gap[k - 1] / (gap[k] - gap[k - 1])
    return float(false[k - 1] + step * (false[k] - false[k - 1]))


def _similarities(same: ArrayLike, different: ArrayLike) -> tuple[Array, Array]:
    s, d = np.asarray(same, dtype=np.float64).ravel(), np.asarray(different, dtype=np.float64).ravel()
    if not len(s) or not len(d):
        raise ValueError(f"expected same and different pairs, got {len(s)} and {len(d)}")
    if not (np.isfinite(s).all() and np.isfinite(d).all()):
        raise ValueError("similarities must be finite")
    return s, d


def roc_line(same: ArrayLike, different: ArrayLike) -> list[tuple[float, float]]:
    """The ROC in percent, for a `Curve`."""
    false, true = roc(same, different)
    grid = np.linspace(0, 1, 61)
    keep = np.concatenate([false[1:] > false[:-1], [True]])  # the highest point of each vertical step
    return [(float(100 * x), float(100 * np.interp(x, false[keep], true[keep]))) for x in grid]


def pairs(similarity: ArrayLike, owners: Sequence[str]) -> tuple[Array, Array]:
    """Similarities (N, N) of all same and of all different pairs."""
    matrix, names = np.asarray(similarity, dtype=np.float64), np.asarray(owners)
    first, second = np.triu_indices(len(names), 1)
    same = names[first] == names[second]
    values = matrix[first, second]
    return values[same], values[~same]
