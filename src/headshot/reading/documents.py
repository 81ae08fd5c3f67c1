"""JSON, CSV and lists of numbers, of bounded size."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from headshot.reading.bounds import DOCUMENT, MB, TABLE, TEXT, open_regular, read_bytes

VALUES = 3_000_000
"""Values, names and brackets of a JSON file, of which each takes up to about eighty bytes."""
COLUMNS = 2000


def read_text(file: str | Path, limit: int = TEXT) -> str:
    """A text in UTF-8, with or without a byte-order mark.

    Raises:
        OSError, ValueError: it is missing, too large or not UTF-8.
    """
    return read_bytes(file, limit).decode("utf-8-sig")


def read_json(file: str | Path, limit: int = DOCUMENT) -> Any:
    """What a JSON file holds; see `parse_json`."""
    return parse_json(read_bytes(file, limit))


def parse_json(content: str | bytes) -> Any:
    """What a JSON text holds.

    Raises:
        ValueError: it is not JSON, or holds more than `VALUES`.
        RecursionError: it is nested too deeply.
    """
    data = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
    if sum(data.count(mark) for mark in (b",", b"[", b"{", b":")) > VALUES:
        raise ValueError(f"it has more than {VALUES // MB} million values")
    if len(data) > DOCUMENT and not data.isascii():
        # In memory other characters take four bytes each.
        raise ValueError(f"a file of more than {DOCUMENT // MB} MB must be plain ASCII")
    return json.loads(data.decode("utf-8-sig"), parse_int=integer)


def integer(digits: str) -> int | float:
    """An integer of any length in bounded time: with twenty digits and more it is a float."""
    return int(digits) if len(digits) < 20 else float(digits)


def read_table(file: str | Path, limit: int = TABLE) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows of a CSV file with a header: number of the line, and cells by column; missing ones are absent.

    Raises:
        OSError, ValueError, csv.Error: it is missing, too large, not UTF-8, or a row has more cells than the
            header; the message says the line.
    """
    with open_regular(file, limit) as stream:
        rows = csv.reader(io.TextIOWrapper(stream, newline="", encoding="utf-8-sig"))
        header: list[str] | None = None
        while True:
            try:
                row = next(rows, None)
            except csv.Error as error:
                raise ValueError(f"line {rows.line_num}: {error}") from error
            except UnicodeDecodeError as error:  # text is decoded in pieces of many lines
                raise ValueError(f"it is not UTF-8, after line {rows.line_num}") from error
            if row is None:
                return
            if header is None:
                header = row
                if not 1 <= len(header) <= COLUMNS:
                    raise ValueError(f"its header has {len(header)} columns; expected 1 to {COLUMNS}")
            elif len(row) > len(header):
                raise ValueError(f"line {rows.line_num} has {len(row)} cells for {len(header)} columns")
            elif row:
                yield rows.line_num, dict(zip(header, row, strict=False))
