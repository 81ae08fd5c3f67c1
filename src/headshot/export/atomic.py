"""Writing a set of files so that they all appear complete, or none does.

Every file is first written under a hidden name in its own directory and then renamed over its target, which
is atomic on every supported platform. If anything fails on the way, an interrupt included, targets already
renamed get their earlier content back, so a reader never sees half a file or half a set. Only if the process
is killed outright between two renames can a set be mixed; hidden ``.headshot-*`` files may then remain and
can be deleted.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path

from headshot.errors import HeadshotError

_PREFIX = ".headshot-"


def write_files(directory: str | Path, files: Mapping[str, bytes]) -> list[Path]:
    """Write several files into one directory, all or none.

    Args:
        directory: created, with its parents, when missing.
        files: content by file name; they become visible in this order.

    Returns:
        The paths written, in the order of ``files``.

    Raises:
        HeadshotError: the directory cannot be created or written, or the disk is full. Nothing has changed.
    """
    folder = Path(directory)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _write(folder, files)
    except OSError as error:
        reason = error.strerror or error
        raise HeadshotError(
            f"cannot write to {folder} ({reason}): choose another output directory, or make this one writable"
        ) from error
    return [folder / name for name in files]


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    staged: dict[Path, Path] = {}  # target -> its new content under a hidden name
    earlier: dict[Path, Path | None] = {}  # target -> its old content under a hidden name
    replaced: list[Path] = []
    try:
        for name, content in files.items():
            target = folder / name
            staged[target] = _hidden(folder)
            staged[target].write_bytes(content)
            earlier[target] = _backup(target)
        for target, new in staged.items():
            replaced.append(target)
            os.replace(new, target)
    except BaseException:
        for target in replaced:
            old = earlier[target]
            if old is not None:
                os.replace(old, target)
            elif not staged[target].exists():
                target.unlink(missing_ok=True)
        raise
    finally:
        for hidden in [*staged.values(), *earlier.values()]:
            if hidden is not None:
                hidden.unlink(missing_ok=True)


def _hidden(folder: Path) -> Path:
    """A name in the folder that no listing shows and nobody else uses."""
    return folder / f"{_PREFIX}{secrets.token_hex(8)}"


def _backup(target: Path) -> Path | None:
    """A second name for a file about to be replaced: a hard link, or a copy where there are none."""
    if not target.exists():
        return None
    backup = _hidden(target.parent)
    try:
        os.link(target, backup)
    except OSError:
        shutil.copy2(target, backup)
    return backup
