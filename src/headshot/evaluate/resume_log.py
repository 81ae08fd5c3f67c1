"""Resume logs: a line for each item that is measured, so that an interrupted measurement continues.

A log is a JSON-lines file. Its first line is a fingerprint of everything that the numbers depend on
(version, settings, methods); when it differs from the present one, the log is started afresh.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headshot.errors import HeadshotError

Row = dict[str, Any]


@dataclass(frozen=True)
class ResumeLog:
    """Rows of items while a measure runs.

    Attributes:
        file: the log, or None to write nothing.
        progress: called with (items done, items in all) after each item.
    """

    file: Path | None = None
    progress: Callable[[int, int], None] | None = None

    def work(
        self, keys: Sequence[str], measure: Callable[[str], Row], depends: Mapping[str, object]
    ) -> dict[str, Row]:
        """The row of every key: from the log, or measured now.

        Args:
            keys: names of the items, unique.
            measure: gives the row of an item, of what JSON can hold. A HeadshotError becomes the row
                {"error": message}: failures are results too.
            depends: settings that the rows depend on; printable.
        """
        mark = fingerprint(depends)
        rows = self._resume(mark)
        for count, key in enumerate(keys, start=1):
            if key not in rows:
                rows[key] = _attempt(key, measure)
                self._append({"key": key, "row": rows[key]})
            if self.progress:
                self.progress(count, len(keys))
        return {key: rows[key] for key in keys}

    def _resume(self, mark: str) -> dict[str, Row]:
        """Rows of an earlier run under the same fingerprint; otherwise begin a new log."""
        if self.file is None:
            return {}
        lines = self.file.read_text(encoding="utf-8").split("\n") if self.file.exists() else []
        if not lines or lines[0] != json.dumps({"fingerprint": mark}):
            self.file.parent.mkdir(parents=True, exist_ok=True)
            self.file.write_text(json.dumps({"fingerprint": mark}) + "\n", encoding="utf-8")
            return {}
        # What follows the last line break was cut off while it was written.
        entries = [json.loads(line) for line in lines[1:-1]]
        whole = "\n".join(lines[:-1]) + "\n"
        self.file.write_text(whole, encoding="utf-8")
        return {entry["key"]: entry["row"] for entry in entries}

    def _append(self, entry: Row) -> None:
        if self.file is not None:
            with self.file.open("a", encoding="utf-8") as log:
                log.write(json.dumps(entry) + "\n")


def _attempt(key: str, measure: Callable[[str], Row]) -> Row:
    try:
        return measure(key)
    except HeadshotError as error:
        return {"error": str(error)}


def failures(rows: Mapping[str, Row], what: str = "Photos") -> str:
    """Which items of `ResumeLog.work` have no result; Markdown."""
    failed = [key for key, row in rows.items() if "error" in row]
    return f"{what} without a result: {len(failed)} of {len(rows)}: {', '.join(failed) or 'none'}."


def fingerprint(depends: Mapping[str, object]) -> str:
    """A short hash of settings and of the package's own code and assets."""
    text = json.dumps({name: str(value) for name, value in depends.items()}, sort_keys=True)
    return hashlib.sha256((text + _code()).encode()).hexdigest()[:16]


def _code() -> str:
    """A hash of the package: numbers of other code must not be continued."""
    folder = Path(__file__).parent.parent
    digest = hashlib.sha256()
    for file in sorted(folder.rglob("*.py")):
        digest.update(file.read_bytes())
    digest.update((folder / "assets" / "manifest.json").read_bytes())
    return digest.hexdigest()
