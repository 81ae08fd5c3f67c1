"""Directories of tags as TIFF files and EXIF blocks have them, read within limits.

After TIFF 6.0, section 2. Entries may refer to any bytes, several to the same ones: what a reader copies is
bounded here, not by the size of the file.
"""

from __future__ import annotations

import io
import math
import struct
from dataclasses import dataclass
from typing import BinaryIO

from headshot.image.limits import MAX_ENTRIES, MAX_EXIF, MAX_EXIF_VALUES, OverLimit, check_pieces

EXIF_DIRECTORY = 34665
# Directories that Pillow reads beside a file's first one: EXIF, GPS, interoperability.
SUB_DIRECTORIES = (EXIF_DIRECTORY, 34853, 40965)

# Type -> bytes of one value, struct's letter; rationals are two numbers.
TYPES = {
    1: (1, "B"), 2: (1, "s"), 3: (2, "H"), 4: (4, "I"), 5: (8, "II"), 6: (1, "b"), 7: (1, "s"), 8: (2, "h"),
    9: (4, "i"), 10: (8, "ii"), 11: (4, "f"), 12: (8, "d"), 13: (4, "I"), 16: (8, "Q"), 17: (8, "q"),
    18: (8, "Q"),
}  # fmt: skip


@dataclass(frozen=True)
class Entry:
    """A tag's value in a file.

    Attributes:
        kind: its type, see `TYPES`.
        count: of values.
        offset: of its bytes in the file.
    """

    kind: int
    count: int
    offset: int

    @property
    def size(self) -> int:
        """Bytes of all values."""
        return self.count * TYPES[self.kind][0]


class Tags:
    """The directories of a file or block.

    Args:
        file: seekable, starting with TIFF's header.

    Raises:
        ValueError: it does not start as TIFF does.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.length = file.seek(0, io.SEEK_END)
        head = self._at(0, 16)
        self._order = {b"II": "<", b"MM": ">"}.get(head[:2], "")
        if not self._order or len(head) < 8:
            raise ValueError("it does not start as TIFF does")
        version = struct.unpack(self._order + "H", head[2:4])[0]
        if version not in (42, 43) or (version == 43 and len(head) < 16):
            raise ValueError(f"TIFF of version {version}")
        self.big = version == 43  # BigTIFF: counts and offsets of 8 bytes
        self.first: int = struct.unpack(
            self._order + ("Q" if self.big else "I"), head[8:16] if self.big else head[4:8]
        )[0]

    def _at(self, offset: int, size: int) -> bytes:
        if offset >= self.length:
            return b""
        self._file.seek(offset)
        return self._file.read(size)

    def entries(self, offset: int) -> list[tuple[int, Entry]]:
        """Tags and entries of a directory, of the types that there are and with at least one value.

        Raises:
            OverLimit: it has more entries than TIFF allows, which only BigTIFF can say.
        """
        counts, one, inside = ("Q", 20, 8) if self.big else ("H", 12, 4)
        size = struct.calcsize("=" + counts)
        head = self._at(offset, size)
        if len(head) < size:
            return []
        count = struct.unpack(self._order + counts, head)[0]
        if count > MAX_ENTRIES:
            raise OverLimit(f"has metadata with {count} entries, hardly those of a photo; save it again")
        block = self._at(offset + size, count * one)
        found = []
        for at in range(0, len(block) - one + 1, one):
            tag, kind, number = struct.unpack_from(self._order + ("HHQ" if self.big else "HHI"), block, at)
            if kind not in TYPES or number == 0:
                continue
            entry = Entry(kind, number, offset + size + at + one - inside)
            if entry.size > inside:
                where = struct.unpack_from(self._order + ("Q" if self.big else "I"), block, at + one - inside)
                entry = Entry(kind, number, where[0])
            found.append((tag, entry))
        return found

    def directory(self, offset: int) -> dict[int, Entry]:
        """The entries of a directory by tag; of several with one tag the first."""
        return dict(reversed(self.entries(offset)))

    def numbers(self, entry: Entry | None, most: int = 1) -> tuple[float, ...]:
        """Up to ``most`` values of a tag, rationals divided; nothing if it is text, missing or cut off."""
        if entry is None or TYPES[entry.kind][1] == "s":
            return ()
        size, letters = TYPES[entry.kind]
        count = min(entry.count, most)
        block = self._at(entry.offset, count * size)
        values = struct.unpack(
            self._order + letters * (len(block) // size), block[: len(block) // size * size]
        )
        if len(letters) == 1:
            return values
        return tuple(a / b for a, b in zip(values[::2], values[1::2], strict=True) if b)

    def available(self, entry: Entry) -> int:
        """Bytes of a value that are there."""
        return min(entry.size, max(0, self.length - entry.offset))


def check_exif(block: bytes) -> None:
    """Raise `OverLimit` if reading all of an EXIF block takes more than it should; damaged ones are fine."""
    if len(block) > MAX_EXIF:
        raise OverLimit(
            f"has {len(block) / 1e6:.1f} MB of EXIF data; at most {MAX_EXIF / 1e6:.1f} are read, "
            "so save it again"
        )
    try:
        tags = Tags(io.BytesIO(without_prefix(block)))
    except ValueError:
        return
    check_values(tags, MAX_EXIF_VALUES)


def check_values(tags: Tags, most: int) -> int:
    """Bytes of all values of the first directory and those below it; `OverLimit` if more than ``most``."""
    total, seen, waiting = 0, {tags.first}, [tags.first]
    while waiting:
        entries = tags.entries(waiting.pop())
        for tag, entry in entries:
            size = tags.available(entry)
            total += size
            if TYPES[entry.kind][0] > 1:
                # Pillow makes a Python number of each value, and of rationals one of half a kilobyte.
                check_pieces(size // TYPES[entry.kind][0])
            if tag in SUB_DIRECTORIES:
                offsets = {int(x) for x in tags.numbers(entry) if math.isfinite(x) and x >= 0}
                waiting += sorted(offsets - seen)
                seen |= offsets
    if total > most:
        raise OverLimit(
            f"has metadata that refer to {total / 1e6:.0f} MB, hardly those of a photo; save it again"
        )
    return total


def without_prefix(block: bytes) -> bytes:
    """An EXIF block without the name that JPEG puts before it."""
    while block.startswith(b"Exif\0\0"):
        block = block[6:]
    return block
