"""Results of measurements: what was measured on which items, how sure it is, and whether two differ.

A `Result` keeps the value of every method on every item, because differences on the same items (paired)
are far less noisy than differences of two averages.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from headshot.errors import HeadshotError
from headshot.evaluate.bootstrap import STATISTICS, Estimate, bootstrap, bootstrap_difference

Points = list[tuple[float, float]]

SCHEMA = 1
FEW = 5  # below so many items nothing is said about noise
BASELINE = "mean face"


@dataclass(frozen=True)
class Column:
    """One quantity of a measure.

    Attributes:
        key: its name in `Item.values`.
        title, unit: for tables.
        better: which direction is better, or None where neither is.
        statistic: over the items, when another than that of the result (a rate is a "mean").
        decimals: shown in tables.
    """

    key: str
    title: str
    unit: str = ""
    better: Literal["lower", "higher"] | None = "lower"
    statistic: str | None = None
    decimals: int = 2

    @property
    def heading(self) -> str:
        """Title with unit and an arrow towards the better values."""
        arrow = {"lower": " ↓", "higher": " ↑", None: ""}[self.better]
        return f"{self.title}{f' ({self.unit})' if self.unit else ''}{arrow}"


@dataclass(frozen=True)
class Item:
    """One photo, scan or set of pairs, and what each method reached on it.

    Attributes:
        name: unique within the result; items of the same name are paired between results.
        group: what tables are split by, e.g. {"yaw": "30-60"}.
        values: method -> column key -> value. A method that failed on the item is absent, or has only the
            columns that it did reach; values that are not finite are dropped when the result is written.
    """

    name: str
    group: dict[str, str | float]
    values: dict[str, dict[str, float]]


@dataclass(frozen=True)
class Curve:
    """A plot with one line for each method: title, axis titles, and points (x, y)."""

    title: str
    x: str
    y: str
    lines: dict[str, Points]


@dataclass(frozen=True)
class Result:
    """A measure on a set of items.

    Attributes:
        measure: short name, e.g. "scan"; results of the same measure can be compared.
        title: heading.
        protocol: what was done, with its source and known weaknesses; Markdown.
        columns: the quantities; the first is the one that counts.
        methods: ours first, then baselines, then others.
        items: all on which it was tried.
        statistic: over the items, a key of `STATISTICS`.
        command: that makes this result again.
        machine: see `machine`.
        pictures: (caption, PNG file) pairs: error maps, the ten worst cases.
        curves: plots.
        notes: Markdown paragraphs after the tables.
        cluster: the group whose members are drawn together by the bootstrap, e.g. "person".
    """

    measure: str
    title: str
    protocol: str
    columns: tuple[Column, ...]
    methods: tuple[str, ...]
    items: list[Item]
    statistic: str = "median"
    command: str = ""
    machine: str = ""
    pictures: list[tuple[str, bytes]] = field(default_factory=list)
    curves: list[Curve] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    cluster: str | None = None

    def __post_init__(self) -> None:
        for name in (self.statistic, *(c.statistic for c in self.columns if c.statistic)):
            if name not in STATISTICS:
                raise ValueError(f"statistic must be one of {', '.join(STATISTICS)}, got {name!r}")
        names = [item.name for item in self.items]
        if len(set(names)) != len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise ValueError(f"names of items must be unique: {twice!r} occurs {names.count(twice)} times")

    def values(self, method: str, key: str, items: Sequence[Item] | None = None) -> dict[str, float]:
        """Finite values of a column by name of the item."""
        out = {}
        for item in self.items if items is None else items:
            value = item.values.get(method, {}).get(key)
            if value is not None and math.isfinite(value):
                out[item.name] = float(value)
        return out

    def statistic_of(self, column: Column) -> str:
        """Name of the column's statistic."""
        return column.statistic or self.statistic

    def clusters(self, names: Iterable[str]) -> list[str] | None:
        """What each of the named items belongs to, or None when items are independent."""
        if self.cluster is None:
            return None
        owner = {item.name: str(item.group.get(self.cluster, item.name)) for item in self.items}
        return [owner[name] for name in names]

    def to_json(self) -> dict[str, Any]:
        """A JSON object; `from_json` reads it back."""
        return {
            "schema": SCHEMA,
            "measure": self.measure,
            "title": self.title,
            "protocol": self.protocol,
            "columns": [dict(vars(column)) for column in self.columns],
            "methods": list(self.methods),
            "items": [
                {
                    "name": item.name,
                    "group": item.group,
                    "values": {
                        method: {k: float(v) for k, v in values.items() if v is not None and math.isfinite(v)}
                        for method, values in item.values.items()
                    },
                }
                for item in self.items
            ],
            "statistic": self.statistic,
            "command": self.command,
            "machine": self.machine,
            "pictures": [
                {"caption": caption, "png": base64.b64encode(png).decode("ascii")}
                for caption, png in self.pictures
            ],
            "curves": [dict(vars(curve)) for curve in self.curves],
            "notes": self.notes,
            "cluster": self.cluster,
        }

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Result:
        """Read what `to_json` returned.

        Raises:
            HeadshotError: it is no such object, or of another schema version.
        """
        if not isinstance(data, Mapping) or data.get("schema") != SCHEMA:
            raise HeadshotError(
                f"not a result of this version of `headshot evaluate` (schema {SCHEMA}): measure again"
            )
        rest = {key: value for key, value in data.items() if key != "schema"}
        try:
            rest["columns"] = tuple(Column(**column) for column in data["columns"])
            rest["methods"] = tuple(data["methods"])
            rest["items"] = [Item(**item) for item in data["items"]]
            rest["pictures"] = [(p["caption"], base64.b64decode(p["png"])) for p in data["pictures"]]
            rest["curves"] = [
                Curve(c["title"], c["x"], c["y"], {m: [(x, y) for x, y in p] for m, p in c["lines"].items()})
                for c in data["curves"]
            ]
            return Result(**rest)
        except (KeyError, TypeError, ValueError, AttributeError, binascii.Error) as error:
            raise HeadshotError(f"damaged result of `headshot evaluate`, measure again: {error!r}") from error


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
    a: Result, b: Result, column: Column, method_a: str, method_b: str | None = None
) -> Difference | None:
    """One column of a method in two results, or of two methods in one; None where either has no values."""
    one, two = a.values(method_a, column.key), b.values(method_b or method_a, column.key)
    if not one or not two:
        return None
    common = [name for name in one if name in two]
    paired = len(common) >= min(len(one), len(two)) / 2
    x = [one[name] for name in common] if paired else list(one.values())
    y = [two[name] for name in common] if paired else list(two.values())
    name, clusters = a.statistic_of(column), a.clusters(common) if paired else None
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


def compare(a: Result, b: Result) -> list[Difference]:
    """How every column of every common method differs between two results of the same measure.

    Paired over the common items when at least half of the smaller set is common, else unpaired.

    Raises:
        HeadshotError: the results are of different measures.
    """
    if a.measure != b.measure:
        raise HeadshotError(f"cannot compare a result of {a.measure!r} with one of {b.measure!r}")
    keys = {column.key for column in b.columns}
    found = [
        difference(a, b, column, method)
        for method in a.methods
        if method in b.methods
        for column in a.columns
        if column.key in keys
    ]
    return [d for d in found if d is not None]


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
    """Each method's paired difference from the mean face: a method that does not beat it found nobody."""
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


def cumulative(errors: ArrayLike, limit: float, steps: int = 60) -> Points:
    """Share in % of errors at or below each of the limits from 0 to ``limit``: points for a `Curve`."""
    e = np.sort(np.asarray(errors, np.float64))
    if len(e) == 0:
        raise ValueError("no errors: nothing was measured")
    x = np.linspace(0, limit, steps + 1)
    share = 100 * np.searchsorted(e, x, side="right") / len(e)
    return [(float(a), float(b)) for a, b in zip(x, share, strict=True)]


def write(results: Sequence[Result], directory: str | Path, stem: str) -> list[Path]:
    """Write STEM.json, STEM.md and STEM.html, all or none.

    Raises:
        HeadshotError: the directory cannot be written.
    """
    from headshot.evaluate.page import html
    from headshot.export.atomic import write_files

    content = {"schema": SCHEMA, "results": [result.to_json() for result in results]}
    files = {
        f"{stem}.json": json.dumps(content, allow_nan=False, indent=1),
        f"{stem}.md": "\n".join(markdown(result) for result in results),
        f"{stem}.html": html(results),
    }
    return write_files(directory, {name: text.encode("utf-8") for name, text in files.items()})


def read(file: str | Path) -> list[Result]:
    """Read the JSON file of `write`.

    Raises:
        HeadshotError: there is no such file, or it is none of ours.
    """
    try:
        content = json.loads(Path(file).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise HeadshotError(
            f"cannot read {file}: {error}; give a JSON file of `headshot evaluate`"
        ) from error
    if not isinstance(content, dict) or not isinstance(content.get("results"), list):
        raise HeadshotError(f"{file} is no result of `headshot evaluate`: give one of its JSON files")
    return [Result.from_json(result) for result in content["results"]]


def machine() -> str:
    """One line on the machine and the versions that a number depends on."""
    import numba
    import onnxruntime

    import headshot

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return (
        f"{_processor()}, {cores} cores available, {platform.system()}; Python {platform.python_version()}, "
        f"NumPy {np.__version__}, Numba {numba.__version__}, ONNX Runtime {onnxruntime.__version__}, "
        f"headshot {headshot.__version__}, {date.today().isoformat()}"
    )


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
