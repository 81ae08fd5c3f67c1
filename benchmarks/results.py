"""Write docs/explanation/results.md from the measurements of ``headshot evaluate all``.

    headshot evaluate all --data $HEADSHOT_DATA -o evaluation
    python benchmarks/results.py evaluation/all.json

The prose is in results.template.md, whose directives stand for numbers:

    {{table MEASURE COLUMN,...}}                      a row for each method
    {{groups MEASURE GROUP,... COLUMN,... METHOD;...}} a row for each group and method
    {{value MEASURE COLUMN METHOD}}                   one number with its interval
    {{between MEASURE COLUMN,... METHOD;METHOD}}      paired differences, the first minus the second
    {{means MEASURE COLUMN,... METHOD;METHOD}}        the same by the mean of the differences
    {{means-by MEASURE GROUP COLUMN,... METHOD;METHOD}}  and in each group
    {{note MEASURE NUMBER}}  {{machine MEASURE}}
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from headshot.evaluate.difference import between
from headshot.evaluate.report import read
from headshot.evaluate.result import Column, Result
from headshot.evaluate.tables import cell, estimate, groups, table

HERE = Path(__file__).resolve().parent
TEMPLATE = HERE / "results.template.md"
TARGET = HERE.parent / "docs" / "explanation" / "results.md"


def columns(result: Result, keys: str) -> list[Column]:
    """The columns with these comma-separated keys, in their order."""
    by_key = {column.key: column for column in result.columns}
    return [by_key[key] for key in keys.split(",")]


def whole_table(result: Result, keys: str) -> str:
    """Methods against columns, over all items."""
    chosen = columns(result, keys)
    rows = [[m, *(cell(estimate(result, m, c), c) for c in chosen)] for m in result.methods]
    return table(["method", *(c.heading for c in chosen)], rows)


def group_table(result: Result, names: str, keys: str, methods: str) -> str:
    """Groups and methods against columns."""
    chosen, parts = columns(result, keys), groups(result)
    rows = [
        [f"{name} {label}", method, *(cell(estimate(result, method, c, items), c) for c in chosen)]
        for name in names.split(",")
        for label, items in parts[name].items()
        for method in methods.split(";")
    ]
    return table(["group", "method", *(c.heading for c in chosen)], rows)


def value(result: Result, key: str, method: str) -> str:
    """One number with its interval, without the count."""
    (column,) = columns(result, key)
    return cell(estimate(result, method, column), column).split(" n=")[0]


def difference_table(result: Result, keys: str, methods: str, statistic: str | None = None) -> str:
    """Columns against two methods, their paired difference with its interval, and what it is worth."""
    method, against = methods.split(";")
    header = ["", method, against, "difference", "which is"]
    return table(header, difference_rows(result, keys, (method, against), statistic))


def group_differences(result: Result, group: str, keys: str, methods: str) -> str:
    """Differences by the mean in each group."""
    method, against = methods.split(";")
    rows = [
        [label, *row]
        for label, items in groups(result)[group].items()
        for row in difference_rows(replace(result, items=items), keys, (method, against), "mean")
    ]
    return table([group, "", method, against, "difference", "which is"], rows)


def difference_rows(
    result: Result, keys: str, methods: tuple[str, str], statistic: str | None
) -> list[list[str]]:
    """A row for each column of which there are values."""
    found = {d.column.key: d for d in between(result, *methods, statistic)}
    rows = []
    for column in (c for c in columns(result, keys) if c.key in found):
        d, digits = found[column.key], column.decimals
        low, high = d.estimate.low, d.estimate.high
        change = f"{d.estimate.value:+.{digits}f} [{low:+.{digits}f}, {high:+.{digits}f}]"
        rows.append([column.heading, f"{d.b:.{digits}f}", f"{d.a:.{digits}f}", change, d.verdict])
    return rows


DIRECTIVES: dict[str, Callable[..., str]] = {
    "table": whole_table,
    "groups": group_table,
    "value": value,
    "between": difference_table,
    "means": partial(difference_table, statistic="mean"),
    "means-by": group_differences,
    "note": lambda result, number: result.notes[int(number)],
    "machine": lambda result: result.machine,
}


def main() -> None:
    if len(sys.argv) != 2:
        raise SystemExit("usage: python benchmarks/results.py evaluation/all.json")
    results = {result.measure: result for result in read(sys.argv[1])}

    def fill(match: re.Match[str]) -> str:
        # The last argument may contain blanks: names of methods do.
        name, measure, *rest = match[1].split(" ", 2)
        counts = {
            "table": 0,
            "groups": 2,
            "value": 1,
            "between": 1,
            "means": 1,
            "means-by": 2,
            "note": 0,
            "machine": 0,
        }
        return DIRECTIVES[name](results[measure], *(rest[0].split(" ", counts.get(name, 0)) if rest else []))

    TARGET.write_text(re.sub(r"\{\{(.*?)\}\}", fill, TEMPLATE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
