"""What a run is of: ``run.json`` in its folder, by which its network can be used again.

    kind              which network learns: "face", "meshnet", "meshnet+", ...
    headshot_version  that last went on with it
    plan              fields of `headshot.learn.engine.Plan`
    the rest          what the kind needs, see what writes it

Runs that began before there were records are known by the names of their weights.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from headshot.errors import HeadshotError
from headshot.learn.checkpoints import write_whole
from headshot.reading.complaint import reading
from headshot.reading.digest import digest_of
from headshot.reading.documents import read_json
from headshot.version import __version__

NAME = "run.json"


def write_record(folder: Path, about: Mapping[str, Any], plan: Mapping[str, Any]) -> None:
    """Write the record of a run.

    Args:
        folder: of the run.
        about: its kind and what that needs, plain values.
        plan: how it is trained.
    """
    content = {**about, "headshot_version": __version__, "plan": dict(plan)}
    text = json.dumps(content, indent=1) + "\n"
    write_whole(folder / NAME, lambda file: file.write_text(text, encoding="utf-8"))


def read_record(folder: Path) -> dict[str, Any]:
    """The record of a run; empty where it has none.

    Raises:
        HeadshotError: it is damaged.
    """
    file = folder / NAME
    if not file.is_file():
        return {}
    with reading(file, "the record of a run", HeadshotError):
        found = read_json(file)
        if not isinstance(found, dict) or not isinstance(found.get("kind"), str):
            raise ValueError("it names no kind of run")
        return found


def file_record(file: Path) -> dict[str, str]:
    """Where a file is, and SHA-256 of its content, for a record."""
    return {"path": str(file.resolve()), "sha256": digest_of(file)[0]}


def recorded_file(found: Mapping[str, str], run: Path, given: Path | None, option: str) -> Path:
    """A file that a run needs: the one that is given, or where the record says, or in the run's folder.

    Args:
        found: of `file_record`.
        run: folder of the run.
        given: by the user; None for what is recorded.
        option: by which it can be given, for messages.

    Raises:
        HeadshotError: it is not there, or another one than the run was trained with.
    """
    recorded = Path(found["path"])
    places = [given] if given is not None else [recorded, run / recorded.name, run.parent / recorded.name]
    for place in places:
        if place.is_file():
            if digest_of(place)[0] == found["sha256"]:
                return place
            raise HeadshotError(
                f"{place} is not the {recorded.name} that {run} was trained with: give that one by {option}"
            )
    raise HeadshotError(f"{run} was trained with {recorded}, which is not there: give it by {option}")
