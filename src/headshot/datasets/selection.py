"""Which photos of a data set are drawn: always the same for the same files, limit and seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from headshot.datasets.split import held_out
from headshot.errors import HeadshotError

T = TypeVar("T")


def draw(items: Sequence[T], limit: int | None, seed: int = 0) -> list[T]:
    """At most ``limit`` of the items, drawn without replacement and left in their order; all for None."""
    if limit is None or len(items) <= limit:
        return list(items)
    chosen = np.random.default_rng(seed).choice(len(items), limit, replace=False)
    return [items[i] for i in sorted(chosen)]


def spread(items: Sequence[T], limit: int) -> list[T]:
    """Every so many-th item from the first, so that there are at most ``limit``."""
    return list(items[:: max(1, -(-len(items) // limit))])


def photo_names(root: Path, limit: int | None = None, seed: int = 0) -> list[str]:
    """Photos drawn from a folder, or from its sub-folder ``images``: names relative to the folder.

    Raises:
        HeadshotError: there are none.
    """
    folder = root / "images" if (root / "images").is_dir() else root
    files = sorted(f for f in folder.rglob("*") if f.suffix.lower() in (".jpg", ".jpeg", ".png"))
    if not files:
        raise HeadshotError(f"no photos in {folder}: expected .jpg or .png files")
    return [f.relative_to(root).as_posix() for f in draw(files, limit, seed)]


@dataclass(frozen=True)
class PeopleSelection:
    """People of a folder PERSON/PHOTO.jpg, the layout of LFW, and how many photos of each.

    Labeled Faces in the Wild: Huang et al., University of Massachusetts, Technical Report 07-49, 2007.

    Attributes:
        people: at most so many of those who have ``photos`` photos, drawn with ``seed``.
        photos: of each person, the first by name.
    """

    people: int = 60
    photos: int = 4
    seed: int = 0


def photos_of_people(root: Path, chosen: PeopleSelection) -> dict[str, list[Path]]:
    """Photos by person, of each as many as were chosen; empty when nobody has so many."""
    found = {p.name: sorted(p.glob("*.jpg"))[: chosen.photos] for p in sorted(root.iterdir()) if p.is_dir()}
    enough = [name for name, files in found.items() if len(files) == chosen.photos]
    return {name: found[name] for name in draw(enough, chosen.people, chosen.seed)}


def photo_names_of_people(root: Path, chosen: PeopleSelection) -> list[str]:
    """Names PERSON/PHOTO.jpg of the photos of people, those of each person together.

    Raises:
        HeadshotError: fewer than two people have enough photos.
    """
    found = photos_of_people(root, chosen)
    if len(found) < 2:
        raise HeadshotError(
            f"{root} has {len(found)} people with {chosen.photos} photos: expected PERSON/PHOTO.jpg"
        )
    return [f"{person}/{file.name}" for person, files in found.items() for file in files]


def held_out_photos(root: Path, data: str, people: int, photos: int) -> dict[str, list[Path]]:
    """The first photos of the first people who are held out of training and have so many.

    Args:
        root: folder PERSON/PHOTO.jpg.
        data: which data set it is, a key of `headshot.datasets.split.SHARES`.
        people: at most so many.
        photos: of each person.
    """
    names = sorted(p.name for p in root.iterdir() if p.is_dir() and held_out(p.name, data))
    found = {name: sorted((root / name).glob("*.jpg"))[:photos] for name in names}
    return dict([(name, files) for name, files in found.items() if len(files) == photos][:people])
