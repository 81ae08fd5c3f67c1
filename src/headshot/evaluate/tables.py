"""Results as tables and Markdown: intervals of every cell, groups, and differences."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

from headshot.evaluate.bootstrap import Estimate, bootstrap
from headshot.evaluate.difference import Difference, difference
from headshot.evaluate.result import BASELINE, Column, Item, Result


def estimate(
    result: Result, method: str, column: Column, items: Sequence[Item] | None = None
) -> Estimate | None:
    """Summary of one cell of a table, or None where the method has no value."""
    values = result.values(method, column.key, items)
    if not values:
        return None
    return bootstrap(list(values.values()), result.statistic_of(column), result.clusters(values))


def groups(result: Result) -> dict[str, dict[str, list[Item]]]:
    """Items by group and its value; the group that only marks what belongs together is left out.

    Numbers with many values are cut at their quartiles.
    """
    out: dict[str, dict[str, list[Item]]] = {}
    for key in dict.fromkeys(key for item in result.items for key in item.group if key != result.cluster):
        members = [item for item in result.items if key in item.group]
        values = [item.group[key] for item in members]
        labels = [str(v) for v in values]
        if all(isinstance(v, (int, float)) for v in values) and len(set(values)) > 6:
            edges = np.percentile([float(v) for v in values], [0, 25, 50, 75, 100])
            bins = np.clip(np.searchsorted(edges, [float(v) for v in values], side="right") - 1, 0, 3)
            labels = [f"{edges[i]:.3g} to {edges[i + 1]:.3g}" for i in bins]
        numbered = sorted(zip(labels, members, strict=True), key=lambda pair: _natural(pair[0]))
        for label, item in numbered:
            out.setdefault(key, {}).setdefault(label, []).append(item)
    return {key: split for key, split in out.items() if len(split) > 1}


def _natural(label: str) -> tuple[float, str]:
    """Sort labels by the number that they start with."""
    digits = label.lstrip("<>≤≥±| ").replace("–", " ").split(" ")[0].split("-")[0] or label.split(" ")[0]
    try:
        return (float(digits), label)
    except ValueError:
        return (math.inf, label)


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [list(header), ["---"] * len(header), *(list(row) for row in rows)]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def cell(found: Estimate | None, column: Column) -> str:
    """An estimate as text: value, interval, and how many items."""
    if found is None:
        return "–"
    d = column.decimals
    return f"{found.value:.{d}f} [{found.low:.{d}f}, {found.high:.{d}f}] n={found.count}"


def summary_rows(result: Result, items: Sequence[Item] | None = None) -> list[list[str]]:
    """One row of text for each method: its name and the cells of all columns."""
    return [[m, *(cell(estimate(result, m, c, items), c) for c in result.columns)] for m in result.methods]


def baseline_rows(result: Result) -> list[list[str]]:
    """Each method's paired difference from the mean face: one that does not beat it shows no identity."""
    rows = []
    for method in result.methods:
        if BASELINE not in result.methods or method == BASELINE:
            continue
        cells = []
        for column in result.columns:
            found = difference(result, result, column, BASELINE, method)
            cells.append(f"{cell(found.estimate, column)}: {found.verdict}" if found else "–")
        rows.append([method, *cells])
    return rows


def comparison_rows(differences: Iterable[Difference]) -> list[list[str]]:
    """Rows for a table of `compare`: method, column, a, b, difference, pairing, verdict."""
    rows = []
    for d in differences:
        n = d.column.decimals
        how = "paired" if d.paired else "unpaired"
        values = [f"{d.a:.{n}f}", f"{d.b:.{n}f}", f"{d.estimate.value:+.{n}f}"]
        interval = f"[{d.estimate.low:+.{n}f}, {d.estimate.high:+.{n}f}]"
        verdict = f"{d.verdict} (larger than its noise)" if d.larger_than_noise else d.verdict
        rows.append([d.method, d.column.heading, *values, interval, f"{d.estimate.count} {how}", verdict])
    return rows


COMPARISON_HEADER = ("method", "column", "A", "B", "B − A", "95 % interval", "items", "verdict")


def markdown(result: Result) -> str:
    """The result as Markdown: protocol, summary, differences from the mean face, groups, notes."""
    headings = [column.heading for column in result.columns]
    statistics = ", ".join(dict.fromkeys(result.statistic_of(column) for column in result.columns))
    parts = [
        f"# {result.title}",
        f"Made by `{result.command}` on {result.machine}." if result.command else "",
        result.protocol,
        f"{len(result.items)} items; {statistics} over the items with its 95 % bootstrap interval; n is the "
        "number of items that have a value.",
        table(["method", *headings], summary_rows(result)),
    ]
    against = baseline_rows(result)
    if against:
        parts += [f"Difference from the {BASELINE}, paired:", table(["method", *headings], against)]
    for key, split in groups(result).items():
        rows = [[label, *row] for label, items in split.items() for row in summary_rows(result, items)]
        parts += [f"## By {key}", table([key, "method", *headings], rows)]
    parts += result.notes
    return "\n\n".join(part for part in parts if part) + "\n"
