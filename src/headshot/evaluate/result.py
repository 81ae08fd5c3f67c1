"""The result of a measure: the values of each method on each item.

A `Result` has the value of every method on every item, because differences on the same items (paired)
are far less noisy than differences of two averages.
"""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from headshot.errors import HeadshotError
from headshot.evaluate.bootstrap import STATISTICS

Points = list[tuple[float, float]]

SCHEMA = 1
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
    """One photo, scan or set of pairs, and the values of each method on it.

    Attributes:
        name: unique within the result; items of the same name are paired between results.
        group: what tables are split by, e.g. {"yaw": "30-60"}.
        values: method -> column key -> value. A method that failed on the item is absent, or has only the
            columns of which it has a value; values that are not finite are dropped when the result is
            written.
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
        methods: those of Headshot first, then baselines, then others.
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

    def worst(self, method: str, key: str, count: int = 10) -> dict[str, float]:
        """The items on which a method is worst by a column, the worst first: value by name."""
        found = self.values(method, key)
        upwards = any(column.key == key and column.better == "higher" for column in self.columns)
        names = sorted(found, key=found.__getitem__, reverse=not upwards)
        return {name: found[name] for name in names[:count]}

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


def cumulative(errors: ArrayLike, limit: float, steps: int = 60) -> Points:
    """Share in % of errors at or below each of the limits from 0 to ``limit``: points for a `Curve`."""
    e = np.sort(np.asarray(errors, np.float64))
    if len(e) == 0:
        raise ValueError("no errors: nothing was measured")
    x = np.linspace(0, limit, steps + 1)
    share = 100 * np.searchsorted(e, x, side="right") / len(e)
    return [(float(a), float(b)) for a, b in zip(x, share, strict=True)]
