"""Reports of results: JSON, which can be read again, Markdown, and a page."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from headshot.errors import HeadshotError
from headshot.evaluate.page import html
from headshot.evaluate.result import SCHEMA, Result
from headshot.evaluate.tables import markdown
from headshot.export.atomic import write_files


def write(results: Sequence[Result], directory: str | Path, stem: str) -> list[Path]:
    """Write STEM.json, STEM.md and STEM.html, all or none.

    Raises:
        HeadshotError: the directory cannot be written.
    """
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
        HeadshotError: there is no such file, or it is not one of its files.
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
