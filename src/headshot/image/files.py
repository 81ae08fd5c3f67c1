"""Photos as files: their endings, and those in folders."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from headshot.errors import PhotoError

PHOTO_ENDINGS = (
    ".jpg", ".jpeg", ".jfif", ".png", ".webp", ".heic", ".heif", ".avif", ".tif", ".tiff", ".bmp", ".gif",
    ".mpo",
)  # fmt: skip


def find_photos(paths: Iterable[Path], *, recursive: bool = False) -> list[tuple[Path, Path]]:
    """Replace folders by the photos in them, in alphabetical order; drop repetitions.

    Returns:
        (photo, folder below the output directory that its results belong in): the sub-folder in which a
        photo was found, so that a tree of photos gives the same tree of results.

    Raises:
        PhotoError: a folder without photos.
    """
    found: dict[Path, tuple[Path, Path]] = {}
    for path in paths:
        if not path.is_dir():
            found.setdefault(path.resolve(), (path, Path()))
            continue
        photos = _photos_in(path, recursive=recursive)
        if not photos:
            deeper = "" if recursive else "; add --recursive to look into its sub-folders"
            raise PhotoError(f"no photos in the folder {path}{deeper}")
        for photo in photos:
            found.setdefault(photo.resolve(), (photo, photo.parent.relative_to(path)))
    return list(found.values())


@dataclass(frozen=True)
class PersonPhotos:
    """Photos of one person.

    Attributes:
        name: of the folder that holds them, or of the first photo.
        photos: in alphabetical order, or as they were named.
    """

    name: str
    photos: tuple[Path, ...]


def find_people(paths: Iterable[Path]) -> list[PersonPhotos]:
    """Group photos by person: all files named are one person; in a folder, each sub-folder is one.

    Photos that lie in a named folder itself are one person too, called like the folder.

    Raises:
        PhotoError: a folder without photos, also in its sub-folders.
    """
    loose: dict[Path, Path] = {}
    people: list[PersonPhotos] = []
    for path in paths:
        if not path.is_dir():
            loose.setdefault(path.resolve(), path)
            continue
        try:
            folders = [path, *sorted(p for p in path.iterdir() if p.is_dir() and not p.name.startswith("."))]
            found = [PersonPhotos(f.resolve().name, tuple(_photos_in(f))) for f in folders]
        except OSError as error:
            raise PhotoError(f"cannot read the folder {path} ({error.strerror or error})") from error
        found = [person for person in found if person.photos]
        if not found:
            raise PhotoError(f"no photos in the folder {path}, nor in its sub-folders")
        people += found
    if loose:
        photos = tuple(loose.values())
        people.insert(0, PersonPhotos(photos[0].stem, photos))
    return people


def _photos_in(folder: Path, *, recursive: bool = False) -> list[Path]:
    """Photos in a folder in alphabetical order, hidden ones left out."""
    inside = sorted(folder.rglob("*") if recursive else folder.iterdir())
    photos = [p for p in inside if p.suffix.lower() in PHOTO_ENDINGS and p.is_file()]
    return [p for p in photos if not p.name.startswith(".")]
