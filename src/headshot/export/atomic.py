"""Writing a set of files so that they all appear complete, or none does.

Every file is first written under a hidden name in its own directory and then renamed over its target, which
is atomic on every supported platform. If anything fails on the way, an interrupt included, targets already
renamed get their earlier content back, so a reader never sees half a file or half a set. Only if the process
is killed outright between two renames can a set be mixed, which the marks of its files show
(`headshot.export.mark`); hidden ``.headshot-*`` files may then remain and can be deleted.

What is at a target and was not written by Headshot is never replaced (`foreign`).
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from headshot.errors import OutputError
from headshot.export.mark import NOTHING_KNOWN, Mark, marked, read_mark

_PREFIX = ".headshot-"


def write_files(
    directory: str | Path, files: Mapping[str, bytes], marks: Mark | Mapping[str, Mark] = NOTHING_KNOWN
) -> list[Path]:
    """Write several files into one directory, all or none; each gets the mark of Headshot.

    Args:
        directory: created, with its parents, when missing.
        files: content by file name; they become visible in this order.
        marks: of all files, or of each.

    Returns:
        The paths written, in the order of ``files``.

    Raises:
        OutputError: the directory cannot be created or written, the disk is full, or there is a file of
            such a name that must not be replaced, see `foreign`. Nothing has changed.
    """
    folder = Path(directory)
    own = {name: marks if isinstance(marks, Mark) else marks[name] for name in files}
    content = {name: marked(name, data, own[name]) for name, data in files.items()}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _write(folder, content, own)
    except OSError as error:
        reason = error.strerror or error
        raise OutputError(
            f"cannot write to {folder} ({reason}): choose another output directory, or make this one writable"
        ) from error
    return [folder / name for name in files]


def foreign(path: Path, mark: Mark = NOTHING_KNOWN) -> str | None:
    """Why what is at a path must not be replaced by a file of this mark: a sentence; None where it may be.

    Files that Headshot did not write, or that were changed since, stay. So do results of other photos, where
    the mark says of which photo the new one is. A path is what the file system says it is: through links, and
    whatever the case of its letters.

    Raises:
        OSError: it cannot be read.
    """
    if not os.path.lexists(path):
        return None
    found = read_mark(path)
    stays = "and is not replaced: rename or move it, or give the results another folder or name"
    if found is None:
        return f"{path} was not written by this version of Headshot, or was changed since, {stays}"
    if mark.placed and mark.place != found.place and not (found.placed and mark.photos == found.photos):
        return f"{path} is a result {'of another photo' if found.placed else 'saved from Python'} {stays}"
    return None


def check_replaceable(directory: str | Path, names: Iterable[str]) -> None:
    """Refuse what `write_files` would, before a long work whose results it could not write.

    Raises:
        OutputError: likewise.
    """
    try:
        _check_replaceable(Path(directory), dict.fromkeys(names, NOTHING_KNOWN))
    except OSError as error:
        raise OutputError(f"cannot read {directory} ({error.strerror or error})") from error


def _check_replaceable(folder: Path, marks: Mapping[str, Mark]) -> None:
    for name, mark in marks.items():
        reason = foreign(folder / name, mark)
        if reason is not None:
            raise OutputError(reason)


def _write(folder: Path, files: Mapping[str, bytes], marks: Mapping[str, Mark]) -> None:
    staged: dict[Path, Path] = {}  # target -> its new content under a hidden name
    earlier: dict[Path, Path | None] = {}  # target -> its old content under a hidden name
    replaced: list[Path] = []
    _check_replaceable(folder, marks)
    try:
        for name, content in files.items():
            target = folder / name
            staged[target] = _hidden(folder)
            staged[target].write_bytes(content)
            earlier[target] = _backup(target)
        _check_replaceable(folder, marks)  # somebody may have put a file there meanwhile
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
