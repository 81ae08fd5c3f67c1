"""How sure a statistic is: 95 % percentile bootstrap intervals, always with seed 0.

Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13. Items that belong together, such
as photos of one person, are drawn together. A sample is stored as how often each item is in it, so that all
samples are evaluated at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from headshot.arrays import Array, Index

DRAWS = 1000
STATISTICS: dict[str, Callable[..., Any]] = {
    "median": np.median,
    "mean": np.mean,
    "rms": lambda values: np.sqrt(np.mean(np.square(values))),
    "p90": lambda values: np.percentile(values, 90),
    "worst": np.max,
}


@dataclass(frozen=True)
class Estimate:
    """A statistic of ``count`` values with its 95 % interval."""

    count: int
    value: float
    low: float
    high: float


def _counts(count: int, clusters: Sequence[str] | None, rng: np.random.Generator) -> Index:
    """How often each item (DRAWS, count) is in each bootstrap sample: single items, or whole clusters."""
    if clusters is None:
        return rng.multinomial(count, np.full(count, 1 / count), DRAWS)
    names, owner = np.unique(np.asarray(clusters), return_inverse=True)
    return rng.multinomial(len(names), np.full(len(names), 1 / len(names)), DRAWS)[:, owner]


def _samples(values: Array, counts: Index, statistic: str) -> Array:
    """The statistic (DRAWS,) of each sample, as `STATISTICS` has it for the values repeated."""
    total = counts.sum(axis=1)
    if statistic == "mean":
        return counts @ values / total
    if statistic == "rms":
        return np.sqrt(counts @ values**2 / total)
    order = np.argsort(values)
    below, ordered = counts[:, order].cumsum(axis=1), values[order]
    rank = {"median": 0.5, "p90": 0.9, "worst": 1.0}[statistic] * (total - 1)
    low = ordered[(below > np.floor(rank)[:, None]).argmax(axis=1)]
    high = ordered[(below > np.ceil(rank)[:, None]).argmax(axis=1)]
    return low + (rank - np.floor(rank)) * (high - low)


def bootstrap(
    values: ArrayLike, statistic: str = "median", clusters: Sequence[str] | None = None
) -> Estimate:
    """A statistic of values (N,) with its 95 % interval."""
    v = np.asarray(values, np.float64)
    if len(v) == 0:
        raise ValueError("no values: nothing was measured")
    samples = _samples(v, _counts(len(v), clusters, np.random.default_rng(0)), statistic)
    low, high = np.percentile(samples, [2.5, 97.5])
    return Estimate(len(v), float(STATISTICS[statistic](v)), float(low), float(high))


def bootstrap_difference(
    a: ArrayLike, b: ArrayLike, statistic: str, *, paired: bool, clusters: Sequence[str] | None = None
) -> Estimate:
    """statistic(b) - statistic(a) with its 95 % interval; ``clusters`` only where paired."""
    x, y, rng = np.asarray(a, np.float64), np.asarray(b, np.float64), np.random.default_rng(0)
    if paired and len(x) != len(y):
        raise ValueError(f"paired values must be as many, got {len(x)} and {len(y)}")
    first = _counts(len(x), clusters if paired else None, rng)
    second = first if paired else _counts(len(y), None, rng)
    samples = _samples(y, second, statistic) - _samples(x, first, statistic)
    low, high = np.percentile(samples, [2.5, 97.5])
    f = STATISTICS[statistic]
    return Estimate(min(len(x), len(y)), float(f(y) - f(x)), float(low), float(high))
