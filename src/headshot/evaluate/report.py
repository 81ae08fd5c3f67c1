"""Reports of results: JSON, which can be read again, Markdown, and a page."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from headshot.errors import HeadshotError
from headshot.evaluate.page import html
from headshot.evaluate.result import SCHEMA, Result
from headshot.evaluate.tables import markdown
from headshot.export.atomic import check_replaceable, write_files
from headshot.reading.bounds import REPORT
from headshot.reading.complaint import reading
from headshot.reading.documents import read_json

ENDINGS = (".json", ".md", ".html")
"""Of the files of a report."""


def check(directory: str | Path, stem: str) -> None:
    """Refuse a place where `write` could not write, before anything is measured.

    Raises:
        HeadshotError: there is a file of such a name that Headshot did not write.
    """
    check_replaceable(directory, [f"{stem}{ending}" for ending in ENDINGS])


def write(results: Sequence[Result], directory: str | Path, stem: str) -> list[Path]:
    """Write STEM.json, STEM.md and STEM.html, all or none.

    Raises:
        HeadshotError: the directory cannot be written, or holds other files of these names.
    """
    content = {"schema": SCHEMA, "results": [result.to_json() for result in results]}
    texts = (
        json.dumps(content, allow_nan=False, indent=1),
        "\n".join(markdown(result) for result in results),
        html(results),
    )
    named = zip(ENDINGS, texts, strict=True)
    return write_files(directory, {f"{stem}{ending}": text.encode("utf-8") for ending, text in named})


def read(file: str | Path) -> list[Result]:
    """Read the JSON file of `write`.

    Raises:
        HeadshotError: there is no such file, or it is not one of its files.
    """
    with reading(file, "a result", HeadshotError, "give a JSON file of `headshot evaluate`"):
        content = read_json(file, REPORT)
        if not isinstance(content, dict) or not isinstance(content.get("results"), list):
            raise ValueError("it has no results")
        return [Result.from_json(result) for result in content["results"]]
