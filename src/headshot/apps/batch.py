"""Doing one photo after the other."""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from headshot.apps.plan import Job
from headshot.apps.request import Request
from headshot.apps.resume import leftovers
from headshot.export import contents, write_files
from headshot.export.mark import Mark

if TYPE_CHECKING:
    from headshot.pipeline import Heads
    from headshot.quality import Quality
    from headshot.results import Head


@dataclass(frozen=True)
class Outcome:
    """What came of a photo.

    Attributes:
        job: the photo.
        files: the files written.
        quality: score of each head, in the order of their numbers.
        warnings: sentences for the user.
        error: why there are no results, or None.
        seconds: how long it took.
    """

    job: Job
    files: tuple[Path, ...] = ()
    quality: tuple[float, ...] = ()
    warnings: tuple[str, ...] = ()
    error: Exception | None = None
    seconds: float = 0.0


def work(job: Job, request: Request) -> Outcome:
    """Reconstruct the heads in one photo and write their files, all or none.

    A photo that cannot be done is an outcome, so that the next one can follow. That includes errors which
    are Headshot's fault: a photo that shows a bug must not end a night's work, and again when it is resumed.
    """
    start = perf_counter()
    try:
        files, marks, quality = _made(job, request)
        written = write_files(job.directory, files, marks)
        warnings = [*_warnings(quality), *_leftovers(job, request, len(quality))]
    except Exception as error:
        _forget_photos(error)
        return Outcome(job, error=error, seconds=perf_counter() - start)
    return Outcome(
        job,
        files=tuple(written),
        quality=tuple(one.score for one in quality),
        warnings=tuple(warnings),
        seconds=perf_counter() - start,
    )


def _made(job: Job, request: Request) -> tuple[dict[str, bytes], dict[str, Mark], list[Quality]]:
    """A photo's files, their marks, and the quality of its heads, of which there is one at a time."""
    from headshot.pipeline import Reconstructor

    reconstructor = Reconstructor(request.settings, request.model, method=request.method, preload=False)
    # Before the photo is read: if it changes in between, the result is of an older photo and made again.
    origin = request.origin(job)
    heads: Heads | list[Head]
    if job.others:
        heads = [reconstructor(job.photos, force=request.force)]
    elif request.face is None:
        heads = reconstructor.each(job.photo)
    else:
        heads = [reconstructor(job.photo, face=request.face)]
    files: dict[str, bytes] = {}
    marks: dict[str, Mark] = {}
    quality = []
    for number, head in enumerate(heads, start=1):
        of_head = replace(origin, head=number, heads=len(heads))
        made = contents(head, request.stem(job, number), request.formats, request.export, of_head)
        files |= made
        marks |= dict.fromkeys(made, of_head.mark(textured=head.texture is not None))
        quality.append(head.quality)
    return files, marks, quality


def _forget_photos(error: BaseException | None) -> None:
    """Free what an error's traceback holds: the variables of all functions on the way, photos among them.

    Outcomes are kept until the last photo is done. The lines of the traceback stay.
    """
    while error is not None:
        traceback.clear_frames(error.__traceback__)
        error = error.__cause__ or error.__context__


def _warnings(quality: Sequence[Quality]) -> Iterator[str]:
    for number, one in enumerate(quality, start=1):
        for warning in one.warnings:
            yield f"head {number}: {warning}" if len(quality) > 1 else warning


def _leftovers(job: Job, request: Request, heads: int) -> Iterator[str]:
    left = leftovers(job, request, heads)
    if left:
        yield (
            f"{heads} {'face' if heads == 1 else 'faces'} found, and earlier files of more are still there: "
            f"{', '.join(path.name for path in left)}"
        )
