"""Resume logs: a line for each item that is measured, so that an interrupted measurement continues.

A log is a JSON-lines file. Its first line is a fingerprint of everything that the numbers depend on
(version, settings, methods, and the files of the data); when it differs from the present one, the log is
started afresh.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headshot.errors import HeadshotError
from headshot.evaluate.report import ENDINGS
from headshot.export.mark import carries_mark
from headshot.reading.bounds import REPORT, read_bytes
from headshot.reading.complaint import RAISED, reading
from headshot.reading.digest import digest_of
from headshot.reading.documents import parse_json

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
            depends: what the rows depend on; printable. A `Path` stands for the content of the file, or
                for all files in the folder: their names, sizes and times.

        Raises:
            HeadshotError: the file of the log is something else.
        """
        mark = fingerprint(depends, None if self.file is None else self.file.parent)
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
        lines: list[bytes] = []
        if self.file.exists():
            with reading(self.file, "a resume log", HeadshotError, "delete it to measure again"):
                lines = read_bytes(self.file, REPORT).split(b"\n")
        if any(lines) and not lines[0].startswith(b'{"fingerprint"'):
            raise HeadshotError(
                f"{self.file} is no resume log of Headshot: move it, or choose another folder"
            )
        rows: dict[str, Row] = {}
        if lines and lines[0] == json.dumps({"fingerprint": mark}).encode():
            # What follows the last line break was cut off while it was written.
            for line in lines[1:-1]:
                entry = _entry(line)
                if entry is None:  # damaged: it and what comes after are measured again
                    break
                rows[entry[0]] = entry[1]
        self._rewrite(mark, rows)
        return rows

    def _rewrite(self, mark: str, rows: Mapping[str, Row]) -> None:
        """Put these rows into the log; whoever kills the process loses none."""
        assert self.file is not None
        entries = [{"fingerprint": mark}, *({"key": key, "row": row} for key, row in rows.items())]
        part = self.file.with_name(f"{self.file.name}.part")
        part.parent.mkdir(parents=True, exist_ok=True)
        part.write_text("".join(json.dumps(entry) + "\n" for entry in entries), encoding="utf-8")
        part.replace(self.file)

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


def _entry(line: bytes) -> tuple[str, Row] | None:
    """Key and row of a line; None of a damaged one."""
    try:
        entry = parse_json(line)
        key, row = entry["key"], entry["row"]
    except RAISED:
        return None
    return (key, row) if isinstance(key, str) and isinstance(row, dict) else None


def fingerprint(depends: Mapping[str, object], output: Path | None = None) -> str:
    """A short hash of settings, of the files that they name, and of the package's own code and assets.

    Args:
        depends: see `ResumeLog.work`.
        output: folder of the log, which is no data wherever it lies.
    """
    values = {
        name: _state(value, output) if isinstance(value, Path) else str(value)
        for name, value in depends.items()
    }
    text = json.dumps(values, sort_keys=True)
    return hashlib.sha256((text + _code()).encode()).hexdigest()[:16]


def _state(path: Path, output: Path | None) -> str:
    """What changes when a file does, or any file in a folder: a photo of the same name may be another one."""
    if path.is_file():
        return digest_of(path)[0]
    digest = hashlib.sha256(repr(path).encode())
    for folder, folders, files in os.walk(path):
        folders.sort()
        if output is not None and Path(folder).resolve() == output.resolve():
            folders.clear()
            continue
        for name in sorted(files):
            file = Path(folder, name)
            if file.suffix in ENDINGS and carries_mark(file):
                continue  # a report
            seen = file.stat() if file.exists() else file.lstat()
            line = (file.relative_to(path).as_posix(), seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns)
            digest.update(repr(line).encode())
    return digest.hexdigest()


def _code() -> str:
    """A hash of the package: numbers of other code must not be continued."""
    folder = Path(__file__).parent.parent
    digest = hashlib.sha256()
    for file in sorted(folder.rglob("*.py")):
        digest.update(file.read_bytes())
    digest.update((folder / "assets" / "manifest.json").read_bytes())
    return digest.hexdigest()
