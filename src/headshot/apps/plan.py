"""What to call the results of many photos, each by its own name and place alone."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from headshot.export import file_names
from headshot.export.mark import Mark
from headshot.export.names import safe_stem
from headshot.export.origin import PhotoFile, place_of
from headshot.image.files import named_path

if TYPE_CHECKING:
    from headshot.image.files import PersonPhotos

PERSON = "person"
"""Kind of place (`place_of`) of the one head of several photos."""
_SUFFIX = 8  # digits of the hash that tells photos of the same name in folders of the same name apart


@dataclass(frozen=True)
class Job:
    """One photo, or the photos of one person, and where the results go.

    Attributes:
        photo: the file to read.
        directory: the folder to write to.
        stem: names the results; no two jobs of a plan share a file.
        others: further photos of the same person, of which all together one head is made.
        place: what results of the same photo or person have in common (`headshot.export.mark.Mark`).
        names: all stems that the results may have, in this run or with other photos beside it.
    """

    photo: Path
    directory: Path
    stem: str
    others: tuple[Path, ...] = ()
    place: str = Mark.place
    names: tuple[str, ...] = ()

    @property
    def photos(self) -> tuple[Path, ...]:
        """All its photos."""
        return (self.photo, *self.others)

    def photo_files(self) -> tuple[PhotoFile, ...]:
        """Their present content, in the order of their names: that in which they are given says nothing."""
        return tuple(
            sorted(map(PhotoFile.of, self.photos), key=lambda photo: (photo.name, photo.sha256 or ""))
        )

    @property
    def label(self) -> str:
        """What messages call it."""
        return f"{self.stem} ({1 + len(self.others)} photos)" if self.others else str(self.photo)


def plan(photos: Sequence[tuple[Path, Path]], output: Path, formats: Sequence[str]) -> list[Job]:
    """Name the results of each photo so that none overwrites another's.

    Results are called like their photo. Photos whose results would share a file get the name of their folder
    in front (``anna_me``, ``ben_me``), then, if that is not enough, their ending behind (``anna_me_png``),
    and at last a hash of their path. So names depend on the photos, never on their order. Upper and lower
    case, and the ways to write an accent, count as the same, as on Windows and macOS.

    Args:
        photos: each with its folder below the output folder, see `find_photos`.
        output: folder for the results.
        formats: of the results.
    """
    names = [_names(named_path(photo), is_file=True) for photo, _ in photos]
    chosen = _apart(names, [folder for _, folder in photos], formats)
    return [
        Job(photo, output / folder, stem, (), place_of(photo), own)
        for (photo, folder), stem, own in zip(photos, chosen, names, strict=True)
    ]


def plan_people(people: Sequence[PersonPhotos], output: Path, formats: Sequence[str]) -> list[Job]:
    """Name the results of each person like their folder or first photo, likewise; see `plan`."""
    names = [_names(person.origin, is_file=not person.origin.is_dir()) for person in people]
    chosen = _apart(names, [Path()] * len(people), formats)
    return [
        Job(person.photos[0], output, stem, person.photos[1:], place_of(person.origin, kind=PERSON), own)
        for person, stem, own in zip(people, chosen, names, strict=True)
    ]


def _names(path: Path, *, is_file: bool) -> tuple[str, ...]:
    """Stems of the results of a photo or folder, from the shortest to one that nobody else has."""
    name = safe_stem(path.name, is_file=is_file)
    longer = safe_stem(f"{path.parent.name}_{name}")
    ending = safe_stem(f"{longer}_{path.suffix[1:].lower()}") if is_file and path.suffix else longer
    return name, longer, ending, f"{ending}_{place_of(path)[:_SUFFIX]}"


def _apart(names: Sequence[tuple[str, ...]], folders: Sequence[Path], formats: Sequence[str]) -> list[str]:
    """Of the stems of each job the shortest with which no two jobs share a file."""
    length = [0] * len(names)
    while True:
        owners: dict[tuple[str, str], set[int]] = defaultdict(set)
        for i, folder in enumerate(folders):
            for file in file_names(names[i][length[i]], formats):
                owners[_same(str(folder)), _same(file)].add(i)
        clashing = {i for group in owners.values() if len(group) > 1 for i in group}
        longer = {i for i in clashing if length[i] + 1 < len(names[i])}
        if not longer:
            return [own[k] for own, k in zip(names, length, strict=True)]
        for i in longer:
            length[i] += 1


def _same(name: str) -> str:
    """What is equal for names that some file system takes for one."""
    return unicodedata.normalize("NFC", name.casefold())
