"""Many photos: what to call what comes of each, and doing one after the other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, TypedDict

from headshot.export import DEFAULT_FORMATS, ExportSettings, contents, file_names, write_files
from headshot.export.names import safe_stem
from headshot.models.protocol import BUNDLED

if TYPE_CHECKING:
    from headshot.image.files import PersonPhotos
    from headshot.models.protocol import FaceModel
    from headshot.results import Head
    from headshot.settings import Settings


@dataclass(frozen=True)
class Request:
    """What is wanted of every photo.

    Attributes:
        face: which face, 1 being the largest; None for all, whose results are then numbered.
        formats: any of `headshot.export.FORMATS`.
        settings: how to reconstruct; None for the defaults.
        export: how to write.
        force: of several photos of one person, use those as well that seem to show somebody else.
        model: the head model: "headshot", the bundled one, or another one, loaded once for all photos.
    """

    face: int | None = 1
    formats: tuple[str, ...] = DEFAULT_FORMATS
    settings: Settings | None = None
    export: ExportSettings = field(default_factory=ExportSettings)
    force: bool = False
    model: str | FaceModel = BUNDLED


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


@dataclass(frozen=True)
class Job:
    """One photo, or the photos of one person, and where the results go.

    Attributes:
        photo: the file to read.
        directory: the folder to write to.
        stem: names the results; no two jobs of a plan share a file.
        others: further photos of the same person, of which all together one head is made.
    """

    photo: Path
    directory: Path
    stem: str
    others: tuple[Path, ...] = ()

    @property
    def label(self) -> str:
        """What messages call it."""
        return f"{self.stem} ({1 + len(self.others)} photos)" if self.others else str(self.photo)

    def finished(self, request: Request) -> bool:
        """Whether the results of an earlier run are all there.

        The files of a photo appear together, so the first of its numbered heads stands for the others.
        """
        stem = f"{self.stem}-1" if request.face is None and not self.others else self.stem
        # Models without a layout give no texture; any other is there where the files beside it are.
        names = file_names(stem, request.formats, textured=False)
        return all((self.directory / name).exists() for name in names)


def plan(photos: Sequence[tuple[Path, Path]], output: Path, formats: Sequence[str]) -> list[Job]:
    """Name the results of each photo so that none overwrites another's.

    Results are called like their photo. Photos whose results would share a file get the name of their folder
    in front (``anna_me``, ``ben_me``), then, if that is not enough, their ending behind (``anna_me_png``),
    and at last their number in the list. Upper and lower case count as the same, as on Windows and macOS.
    """
    extension = [0] * len(photos)

    def stem(i: int) -> str:
        path = photos[i][0].resolve()
        name = safe_stem(path.name, is_file=True)
        if extension[i] >= 1:
            name = safe_stem(f"{path.parent.name}_{name}")
        if extension[i] >= 2:
            name = safe_stem(f"{name}_{path.suffix[1:].lower()}")
        return f"{name}_{i + 1}" if extension[i] >= 3 else name

    while True:
        owners: dict[tuple[Path, str], list[int]] = defaultdict(list)
        for i, (_, folder) in enumerate(photos):
            for file in file_names(stem(i), formats):
                owners[folder, file.casefold()].append(i)
        clashing = {i for group in owners.values() if len(group) > 1 for i in group if extension[i] < 3}
        if not clashing:
            return [Job(photo, output / folder, stem(i)) for i, (photo, folder) in enumerate(photos)]
        for i in clashing:
            extension[i] += 1


def plan_people(people: Sequence[PersonPhotos], output: Path) -> list[Job]:
    """Name the results of each person like their folder or first photo; equal names are numbered."""
    jobs, used = [], set()
    for person in people:
        base = safe_stem(person.name)
        stem, number = base, 1
        while stem.casefold() in used:
            number += 1
            stem = f"{base}_{number}"
        used.add(stem.casefold())
        jobs.append(Job(person.photos[0], output, stem, person.photos[1:]))
    return jobs


def work(job: Job, request: Request) -> Outcome:
    """Reconstruct the heads in one photo and write their files, all or none.

    A photo that cannot be done is an outcome, so that the next one can follow. That includes errors which
    are Headshot's fault: a photo that shows a bug must not end a night's work, and again when it is resumed.
    """
    from headshot.pipeline import reconstruct

    start = perf_counter()
    how: _How = {"settings": request.settings, "model": request.model}
    try:
        if job.others:
            photos = [job.photo, *job.others]
            heads = [reconstruct(photos, force=request.force, **how)]
        elif request.face is None:
            heads = reconstruct(job.photo, face="all", **how)
        else:
            heads = [reconstruct(job.photo, face=request.face, **how)]
        files: dict[str, bytes] = {}
        for number, head in enumerate(heads, start=1):
            several = request.face is None and not job.others
            stem = f"{job.stem}-{number}" if several else job.stem
            files |= contents(head, stem, request.formats, request.export)
        written = write_files(job.directory, files)
    except Exception as error:
        return Outcome(job, error=error, seconds=perf_counter() - start)
    return Outcome(
        job,
        files=tuple(written),
        quality=tuple(head.quality.score for head in heads),
        warnings=tuple(_warnings(heads)),
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
