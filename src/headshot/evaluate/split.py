"""Who is measured and must therefore not be learned from.

What trains on the research data leaves out `measured`: with people, all photos of a person; else the photos.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from pathlib import Path

SHARES = {"lfw": 0.1, "cfp": 0.12, "helen": 0.25, "celebamask": 0.1, "utkface": 0.15}
"""Of the people of a data set, or of its photos where people are not named, held out from training."""


def held_out(name: str, data: str) -> bool:
    """Whether a person (a photo, where people have no names) is kept from training, by its CRC-32 alone.

    Args:
        name: of the person's folder, or of the photo's file without its ending.
        data: a key of `SHARES`.

    Example:
        >>> [name for name in ("karl", "lena", "max") if held_out(name, "helen")]
        ['karl', 'lena']
    """
    return zlib.crc32(name.encode("utf-8")) % 10_000 < 10_000 * SHARES[data]


def held_out_people(names: Iterable[str]) -> list[str]:
    """Who of CFP is kept from training, in the order of their names: 50 of its 350."""
    return sorted({name for name in names if held_out(name, "cfp")})


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
