"""Whether two methods, or two results of one measure, differ by more than their noise."""

from __future__ import annotations

from dataclasses import dataclass

from headshot.errors import HeadshotError
from headshot.evaluate.bootstrap import STATISTICS, Estimate, bootstrap_difference
from headshot.evaluate.result import Column, Result

FEW = 5  # below so many items nothing is said about noise


@dataclass(frozen=True)
class Difference:
    """How a column changed: ``estimate`` is of b minus a.

    Attributes:
        verdict: "better", "worse", "different" (a column without direction), or "not larger than its noise"
            when the interval contains zero, or "too few items".
        paired: whether both were measured on the same items.
    """

    method: str
    column: Column
    a: float
    b: float
    estimate: Estimate
    paired: bool
    verdict: str

    @property
    def larger_than_noise(self) -> bool:
        """Whether the interval excludes zero."""
        return self.verdict in ("better", "worse", "different")


def difference(
    a: Result,
    b: Result,
    column: Column,
    method_a: str,
    method_b: str | None = None,
    statistic: str | None = None,
) -> Difference | None:
    """One column of a method in two results, or of two methods in one; None where either has no values.

    ``statistic`` over the items, a key of `STATISTICS`: that of the column when None.
    """
    one, two = a.values(method_a, column.key), b.values(method_b or method_a, column.key)
    if not one or not two:
        return None
    common = [name for name in one if name in two]
    paired = len(common) >= min(len(one), len(two)) / 2
    x = [one[name] for name in common] if paired else list(one.values())
    y = [two[name] for name in common] if paired else list(two.values())
    name, clusters = statistic or a.statistic_of(column), a.clusters(common) if paired else None
    estimate = bootstrap_difference(x, y, name, paired=paired, clusters=clusters)
    independent = len(set(clusters)) if clusters else estimate.count
    if independent < FEW:
        verdict = "too few items"
    elif estimate.low <= 0 <= estimate.high:
        verdict = "not larger than its noise"
    elif column.better is None:
        verdict = "different"
    else:
        verdict = "better" if (estimate.value < 0) == (column.better == "lower") else "worse"
    f = STATISTICS[name]
    return Difference(method_b or method_a, column, float(f(x)), float(f(y)), estimate, paired, verdict)


def compare(a: Result, b: Result, statistic: str | None = None) -> list[Difference]:
    """How every column of every common method differs between two results of the same measure.

    Paired over the common items when at least half of the smaller set is common, else unpaired.

    Raises:
        HeadshotError: the results are of different measures.
    """
    if a.measure != b.measure:
        raise HeadshotError(f"cannot compare a result of {a.measure!r} with one of {b.measure!r}")
    keys = {column.key for column in b.columns}
    found = [
        difference(a, b, column, method, statistic=statistic)
        for method in a.methods
        if method in b.methods
        for column in a.columns
        if column.key in keys
    ]
    return [d for d in found if d is not None]


def between(result: Result, method: str, against: str, statistic: str | None = None) -> list[Difference]:
    """How every column of one method differs from that of another on the same items: first minus second.

    Args:
        result: of both methods.
        method, against: their names.
        statistic: over the items, a key of `STATISTICS`: those of the columns when None.

    Raises:
        HeadshotError: a method is not in the result.
    """
    for name in (method, against):
        if name not in result.methods:
            raise HeadshotError(f"{result.measure} has no method {name!r}, only {', '.join(result.methods)}")
    found = [difference(result, result, c, against, method, statistic) for c in result.columns]
    return [d for d in found if d is not None]
