"""Photos as files: their endings, and those in folders."""

from __future__ import annotations

from collections.abc import Iterable
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
        inside = sorted(path.rglob("*") if recursive else path.iterdir())
        photos = [p for p in inside if p.suffix.lower() in PHOTO_ENDINGS and p.is_file()]
        photos = [p for p in photos if not p.name.startswith(".")]
        if not photos:
            deeper = "" if recursive else "; add --recursive to look into its sub-folders"
            raise PhotoError(f"no photos in the folder {path}{deeper}")
        for photo in photos:
            found.setdefault(photo.resolve(), (photo, photo.parent.relative_to(path)))
    return list(found.values())
