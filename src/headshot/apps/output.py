"""The folder for results, checked before the work."""

from __future__ import annotations

import os
from pathlib import Path

import typer

from headshot.errors import OutputError
from headshot.export.names import is_called_like_a_file
from headshot.export.registry import FORMATS


def output_folder(path: Path) -> Path:
    """The folder for results, which must not be called like a file.

    Raises:
        typer.BadParameter: it is one, or ends like one although there is no such folder.
    """
    if path.exists() and not path.is_dir():
        raise typer.BadParameter(f"{path} is a file; give a folder", param_hint="--output")
    if is_called_like_a_file(path):
        formats = [name for name, entry in FORMATS.items() if path.suffix.lower() in entry.endings]
        alone = f", and --formats {formats[0]} for that file alone" if formats else ""
        raise typer.BadParameter(f"{path} is called like a file; give a folder{alone}", param_hint="--output")
    return path


def require_writable(folder: Path) -> None:
    """Find out before the work whether its results can be written; folders may still be missing.

    Raises:
        OutputError: they cannot.
    """
    there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    if not there.is_dir():
        raise OutputError(f"cannot write to {folder} ({there} is a file): choose another output directory")
    if not os.access(there, os.W_OK):
        raise OutputError(f"cannot write to {folder} ({there} is read-only): choose another output directory")
