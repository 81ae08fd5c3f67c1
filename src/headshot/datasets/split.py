"""Who is held out of training, by name alone: the same people whatever else is there."""

from __future__ import annotations

import zlib
from collections.abc import Iterable

SHARES = {"lfw": 0.1, "cfp": 0.12, "helen": 0.25, "celebamask": 0.1, "utkface": 0.15}
"""Of the people of a data set, or of its photos where people are not named, held out of training."""


def held_out(name: str, data: str) -> bool:
    """Whether a person (a photo, where people have no names) is held out of training, by its CRC-32 alone.

    Args:
        name: of the person's folder, or of the photo's file without its ending.
        data: a key of `SHARES`.

    Example:
        >>> [name for name in ("karl", "lena", "max") if held_out(name, "helen")]
        ['karl', 'lena']
    """
    return name_hash(name) < 10_000 * SHARES[data]


def name_hash(name: str) -> int:
    """A number from 0 to 9,999 by a name alone, its CRC-32: the lowest are held out."""
    return zlib.crc32(name.encode("utf-8")) % 10_000


def held_out_people(names: Iterable[str]) -> list[str]:
    """Who of CFP is held out of training, in the order of their names: 50 of its 350."""
    return sorted({name for name in names if held_out(name, "cfp")})
