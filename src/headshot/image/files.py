"""Photos as files: their endings, and those in folders."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from headshot.errors import PhotoError

PHOTO_ENDINGS = (
    ".jpg", ".jpeg", ".jfif", ".png", ".webp", ".heic", ".heif", ".avif", ".tif", ".tiff", ".bmp", ".gif",
    ".mpo",
)  # fmt: skip


def readable_name(name: str) -> str:
    """A file name in Unicode: bytes that are none, as of old systems, become ``_xE9`` and the like."""
    escaped = re.sub("[\udc80-\udcff]", lambda found: f"_x{ord(found[0]) - 0xDC00:02X}", name)
    return re.sub("[\ud800-\udfff]", "_", escaped)


def named_path(path: Path) -> Path:
    """The path by which a file is known: absolute, with links in its folders followed, a link itself not.

    Two links to one file are two photos, with the names of the links.
    """
    return path.parent.resolve() / path.name if path.name not in ("", "..") else path.resolve()


def find_photos(
    paths: Iterable[Path], *, recursive: bool = False, leave_out: Callable[[Path], bool] | None = None
) -> list[tuple[Path, Path]]:
    """Replace folders by the photos in them, in alphabetical order; drop repetitions.

    Args:
        paths: photos and folders.
        recursive: look into sub-folders as well.
        leave_out: says which pictures in folders are no photos, such as previews.

    Returns:
        (photo, folder below the output directory that its results belong in): the sub-folder in which a
        photo was found, so that a tree of photos gives the same tree of results.

    Raises:
        PhotoError: a folder without photos.
    """
    found: dict[Path, tuple[Path, Path]] = {}
    for path in paths:
        if not path.is_dir():
            found.setdefault(named_path(path), (path, Path()))
            continue
        photos = _photos_in(path, leave_out, recursive=recursive)
        if not photos:
            deeper = "" if recursive else "; add --recursive to look into its sub-folders"
            raise PhotoError(f"no photos in the folder {path}{deeper}")
        for photo in photos:
            found.setdefault(named_path(photo), (photo, photo.parent.relative_to(path)))
    return list(found.values())


@dataclass(frozen=True)
class PersonPhotos:
    """Photos of one person.

    Attributes:
        origin: the folder that holds them, or the first photo; results are called like it.
        photos: in alphabetical order, or as they were named.
    """

    origin: Path
    photos: tuple[Path, ...]


def find_people(
    paths: Iterable[Path], *, leave_out: Callable[[Path], bool] | None = None
) -> list[PersonPhotos]:
    """Group photos by person: all files named are one person; in a folder, each sub-folder is one.

    Photos that lie in a named folder itself are one person too, called like the folder. A folder that is
    named twice counts once.

    Args:
        paths: photos and folders.
        leave_out: as in `find_photos`.

    Raises:
        PhotoError: a folder without photos, also in its sub-folders.
    """
    loose: dict[Path, Path] = {}
    people: list[PersonPhotos] = []
    for path in paths:
        if not path.is_dir():
            loose.setdefault(named_path(path), path)
            continue
        try:
            folders = [path, *sorted(p for p in path.iterdir() if p.is_dir() and not p.name.startswith("."))]
            found = [PersonPhotos(named_path(f), tuple(_photos_in(f, leave_out))) for f in folders]
        except OSError as error:
            raise PhotoError(f"cannot read the folder {path} ({error.strerror or error})") from error
        found = [person for person in found if person.photos]
        if not found:
            raise PhotoError(f"no photos in the folder {path}, nor in its sub-folders")
        known = {person.origin for person in people}
        people += [person for person in found if person.origin not in known]
    if loose:
        photos = tuple(loose.values())
        people.insert(0, PersonPhotos(named_path(photos[0]), photos))
    return people


def _photos_in(
    folder: Path, leave_out: Callable[[Path], bool] | None, *, recursive: bool = False
) -> list[Path]:
    """Photos in a folder in alphabetical order, hidden ones left out."""
    inside = sorted(folder.rglob("*") if recursive else folder.iterdir())
    photos = [p for p in inside if p.suffix.lower() in PHOTO_ENDINGS and p.is_file()]
    photos = [p for p in photos if not p.name.startswith(".")]
    return [p for p in photos if leave_out is None or not leave_out(p)]
