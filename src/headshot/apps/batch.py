"""Doing one photo after the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, TypedDict

from headshot.apps.plan import Job
from headshot.apps.request import Request
from headshot.apps.resume import leftovers
from headshot.export import contents, write_files
from headshot.export.mark import Mark

if TYPE_CHECKING:
    from headshot.models.protocol import FaceModel
    from headshot.results import Head
    from headshot.settings import Settings


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
    from headshot.pipeline import reconstruct

    start = perf_counter()
    how: _How = {"settings": request.settings, "model": request.model}
    try:
        # Before the photo is read: if it changes in between, the result is of an older photo and made again.
        origin = request.origin(job)
        if job.others:
            heads = [reconstruct(job.photos, force=request.force, **how)]
        elif request.face is None:
            heads = reconstruct(job.photo, face="all", **how)
        else:
            heads = [reconstruct(job.photo, face=request.face, **how)]
        files: dict[str, bytes] = {}
        marks: dict[str, Mark] = {}
        for number, head in enumerate(heads, start=1):
            of_head = replace(origin, head=number, heads=len(heads))
            made = contents(head, request.stem(job, number), request.formats, request.export, of_head)
            files |= made
            marks |= dict.fromkeys(made, of_head.mark(textured=head.texture is not None))
        written = write_files(job.directory, files, marks)
        warnings = [*_warnings(heads), *_leftovers(job, request, len(heads))]
    except Exception as error:
        return Outcome(job, error=error, seconds=perf_counter() - start)
    return Outcome(
        job,
        files=tuple(written),
        quality=tuple(head.quality.score for head in heads),
        warnings=tuple(warnings),
        seconds=perf_counter() - start,
    )


class _How(TypedDict):
    """What is the same for every photo."""

    settings: Settings | None
    model: str | FaceModel


def _warnings(heads: Sequence[Head]) -> Iterator[str]:
    for number, head in enumerate(heads, start=1):
        for warning in head.quality.warnings:
            yield f"head {number}: {warning}" if len(heads) > 1 else warning


def _leftovers(job: Job, request: Request, heads: int) -> Iterator[str]:
    left = leftovers(job, request, heads)
    if left:
        yield (
            f"{heads} {'face' if heads == 1 else 'faces'} found, and earlier files of more are still there: "
            f"{', '.join(path.name for path in left)}"
        )
