"""What is done already, and what is in the way of a plan and must stay: files, compared by their marks."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence, Set
from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from headshot.errors import OutputError
from headshot.export import file_names
from headshot.export.atomic import foreign
from headshot.export.mark import Mark, read_mark
from headshot.export.origin import hash_of_photos

if TYPE_CHECKING:
    from headshot.apps.plan import Job
    from headshot.apps.request import Request
    from headshot.export.origin import Origin


def finished(job: Job, request: Request) -> bool:
    """Whether the results of an earlier run are all there, of these very photos, settings and version.

    They may have any of the names that results of the photo can get: another photo of its name may be in this
    run that was not in the earlier one, or the other way round.
    """
    firsts = {stem: _mark(job.directory / _first_file(job, stem, request)) for stem in job.names}
    found = {stem: mark for stem, mark in firsts.items() if mark is not None}
    if not found:
        return False
    origin = request.origin(job)
    return any(_complete(job, stem, request, origin, mark) for stem, mark in found.items())


def _complete(job: Job, stem: str, request: Request, origin: Origin, first: Mark) -> bool:
    """Whether all files of this stem are there, each with the mark that the present run would give it.

    ``first`` is the mark of the first file of the first head.
    """
    heads = first.heads if request.numbered(job) else 1
    for head in range(1, heads + 1):
        # A photo that was moved is the same photo: its place need not be that of the result.
        expected = replace(origin, head=head, heads=heads, place=first.place).mark(textured=first.textured)
        if head == 1 and first != expected:
            return False
        names = file_names(request.stem(job, head, stem), request.formats, textured=first.textured)
        if any(_mark(job.directory / name) != expected for name in names[1 if head == 1 else 0 :]):
            return False
    return True


def _first_file(job: Job, stem: str, request: Request) -> str:
    return file_names(request.stem(job, 1, stem), request.formats, textured=False)[0]


def in_the_way(jobs: Sequence[Job], request: Request, photos: Iterable[Path]) -> Iterator[str]:
    """What a run would replace and must not, in sentences.

    Args:
        jobs: to be done.
        request: what of.
        photos: that are read, all of which stay.

    Raises:
        OutputError: a folder or file cannot be read.
    """
    inputs = identities(photos)
    folders: dict[Path, _Folder] = {}
    for job in jobs:
        targets = list(_targets(job, request, folders.setdefault(job.directory, _Folder(job.directory))))
        mark = Mark(photos=hash_of_photos(job.photo_files()), place=job.place) if targets else Mark()
        for path in targets:
            reason = obstacle(path, mark, inputs)
            if reason is not None:
                yield reason


def obstacle(path: Path, mark: Mark, inputs: Set[tuple[int, int]]) -> str | None:
    """Why a file must not be written there: a sentence; None where it may be.

    Args:
        path: to write to.
        mark: of the file to be written.
        inputs: `identities` of the photos that are read.

    Raises:
        OutputError: what is there cannot be read.
    """
    if not identities([path]).isdisjoint(inputs):
        return f"{path} is one of the photos and is not replaced: choose another folder with --output"
    try:
        return foreign(path, mark)
    except OSError as error:
        raise OutputError(f"cannot read {path} ({error.strerror or error})") from error


def identities(paths: Iterable[Path]) -> Set[tuple[int, int]]:
    """What is equal for two paths of one file, of each that exists."""
    found = set()
    for path in paths:
        with suppress(OSError, ValueError):
            status = path.stat()
            found.add((status.st_dev, status.st_ino))
    return found


class _Folder:
    """The files in a folder for results."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @cached_property
    def numbers(self) -> dict[str, set[int]]:
        """By the name of a file of head 1, in small letters, the numbers of all heads with such a file.

        Up to 99: a photo of more faces is rare, and another one called me-2024 is not.
        """
        found: dict[str, set[int]] = defaultdict(set)
        try:
            names = os.listdir(self.path)
        except FileNotFoundError:
            return found
        except OSError as error:
            raise OutputError(
                f"cannot read {self.path} ({error.strerror or error}): choose another output directory"
            ) from error
        for name in names:
            for number in re.finditer(r"-([1-9][0-9]?)(?=[._])", name):
                first = f"{name[: number.start()]}-1{name[number.end() :]}"
                found[first.casefold()].add(int(number[1]))
        return found


def _targets(job: Job, request: Request, folder: _Folder) -> Iterator[Path]:
    """What is there of the files that a job may write."""
    heads = [1]
    if request.numbered(job):
        names = file_names(f"{job.stem}-1", request.formats)
        heads = sorted(set().union(*(folder.numbers.get(name.casefold(), ()) for name in names)))
    for head in heads:
        for name in file_names(request.stem(job, head), request.formats):
            if os.path.lexists(folder.path / name):
                yield folder.path / name


def leftovers(job: Job, request: Request, heads: int) -> list[Path]:
    """Files of further heads, which an earlier run found in the photo and one of so many heads did not."""
    own = {name for k in range(1, heads + 1) for name in file_names(request.stem(job, k), request.formats)}
    return [path for path in _targets(job, request, _Folder(job.directory)) if path.name not in own]


def _mark(path: Path) -> Mark | None:
    try:
        return read_mark(path)
    except OSError:
        return None
