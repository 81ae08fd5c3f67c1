"""The people and photos of the default benchmark (`headshot evaluate all`), which training leaves out."""

from __future__ import annotations

from pathlib import Path

from headshot.datasets.annotations import Annotation, read_annotations
from headshot.datasets.selection import PeopleSelection, draw, photo_names, photos_of_people
from headshot.datasets.utkface import photos_with_rare_ages

LFW = "lfw-deepfunneled"
IDENTITY, TRANSFER = PeopleSelection(60, 4), PeopleSelection(60, 2)
HELEN = "helen-train"
HELEN_LIMIT, HELEN_LEAVE_OUT = 200, 3
"""Every third photo is left out before: those that calibrated the landmarks.

See docs/explanation/evaluation.md.
"""
CELEBAMASK, CELEBAMASK_LIMIT = "celebamask-train", 60
UTKFACE, UTKFACE_LIMIT = "utkface-balanced", 240
UTKFACE_LEAST = 40
"""Photos of each age group: UTKFace has few children."""


def annotated_photos(
    found: list[Annotation], limit: int | None, leave_out: int = 0, seed: int = 0
) -> list[Annotation]:
    """Annotated photos to measure: without every ``leave_out``-th from the first, then drawn."""
    left = [a for i, a in enumerate(found) if i % leave_out] if leave_out else found
    return draw(left, limit, seed)


def measured_people(lfw: str | Path) -> set[str]:
    """People of a folder PERSON/PHOTO.jpg whose photos the default benchmark measures."""
    return {name for chosen in (IDENTITY, TRANSFER) for name in photos_of_people(Path(lfw), chosen)}


def measured_photos(data: str | Path) -> set[Path]:
    """Photos of HELEN, CelebAMask-HQ and UTKFace, as far as they are below ``data``, in the benchmark."""
    root = Path(data)
    helen, masks, faces = root / HELEN, root / CELEBAMASK, root / UTKFACE
    found: set[Path] = set()
    if helen.is_dir():
        found |= {a.photo for a in annotated_photos(read_annotations(helen), HELEN_LIMIT, HELEN_LEAVE_OUT)}
    if masks.is_dir():
        found |= {masks / name for name in photo_names(masks, CELEBAMASK_LIMIT)}
    if faces.is_dir():
        found |= {faces / name for name in photos_with_rare_ages(faces, UTKFACE_LIMIT, UTKFACE_LEAST)}
    return found
