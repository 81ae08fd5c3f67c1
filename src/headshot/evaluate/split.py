"""Who is measured and must therefore not be learned from.

What trains on the research data leaves out `measured`: with people, all photos of a person; else the photos.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from pathlib import Path

SHARE = 0.12
"""Of the people of CFP: 50 of its 350, by their names alone."""


def held_out_people(names: Iterable[str], share: float = SHARE) -> list[str]:
    """Who is kept from training, in the order of their names: those with low checksums (CRC-32).

    Example:
        >>> held_out_people(["anna", "ben", "carla"], 0.5)
        ['carla']
    """
    return sorted({name for name in names if zlib.crc32(name.encode("utf-8")) % 10_000 < 10_000 * share})


def measured_people(lfw: str | Path) -> set[str]:
    """People of a folder PERSON/PHOTO.jpg whose photos the default bench measures."""
    from headshot.evaluate.identity import IdentitySettings, lfw_photos
    from headshot.evaluate.transfer import TransferSettings, lfw_pairs

    root = Path(lfw)
    names = {name.split("/")[0] for name in lfw_photos(root, IdentitySettings())}
    return names | set(lfw_pairs(root, TransferSettings()))


def measured_photos(data: str | Path) -> set[Path]:
    """Photos of HELEN, CelebAMask-HQ and UTKFace, as far as they are below ``data``, in the default bench."""
    from headshot.evaluate.annotations import read_annotations
    from headshot.evaluate.bench import FACES, HELEN, LEAST, MASKS
    from headshot.evaluate.fairness import drawn_photos
    from headshot.evaluate.landmarks import chosen_photos
    from headshot.evaluate.picture import photos_of

    root = Path(data)
    helen = root / "helen-train"
    found = {a.photo for a in chosen_photos(read_annotations(helen), HELEN)} if helen.is_dir() else set()
    masks, faces = root / "celebamask-train", root / "utkface-balanced"
    if masks.is_dir():
        found |= {masks / name for name in photos_of(masks, MASKS)}
    if faces.is_dir():
        found |= {faces / name for name in drawn_photos(faces, FACES, LEAST)}
    return found
