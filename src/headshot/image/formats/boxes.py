"""Boxes of AVIF and HEIF files: items, their properties and their bytes (ISO/IEC 14496-12, 23008-12)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from headshot.image.limits import check_metadata, check_pieces


@dataclass(frozen=True)
class Item:
    """A picture, a tile of one, or metadata in a file.

    Attributes:
        kind: such as b"av01", b"hvc1", b"grid", b"Exif".
        properties: name and content, such as (b"ispe", ...), the size.
        extents: offset and size of its bytes, in the file or in ``idat``.
        inside: whether they are in ``idat``.
    """

    kind: bytes
    properties: tuple[tuple[bytes, bytes], ...]
    extents: tuple[tuple[int, int], ...]
    inside: bool

    @property
    def size(self) -> tuple[int, int] | None:
        """Width and height as declared; None if they are not."""
        for name, content in self.properties:
            if name == b"ispe" and len(content) >= 12:
                width, height = struct.unpack_from(">II", content, 4)
                return width, height
        return None


@dataclass(frozen=True)
class Container:
    """The items of a file.

    Attributes:
        items: id -> item.
        tracks: whether it holds a film or an animation, too.
        idat: bytes of items that are among the descriptions.
    """

    items: dict[int, Item]
    tracks: bool
    idat: bytes

    def content(self, file: BinaryIO, item: Item, most: int) -> bytes:
        """The bytes of an item.

        Raises:
            ValueError: more than ``most``, because its extents overlap.
        """
        if sum(size for _, size in item.extents) > most:
            raise ValueError("an item larger than the file")
        parts = []
        for at, size in item.extents:
            if item.inside:
                parts.append(self.idat[at : at + size])
            else:
                file.seek(at)
                parts.append(file.read(size))
        return b"".join(parts)


def read_container(file: BinaryIO, length: int) -> Container:
    """Read what a file says about its items.

    Raises:
        OverLimit: more boxes or descriptions than photos have.
        ValueError: damaged.
    """
    meta, tracks, pieces, at = b"", False, 0, 0
    while at + 8 <= length:
        pieces += 1
        check_pieces(pieces)
        file.seek(at)
        head = file.read(16)
        size, name = struct.unpack(">I4s", head[:8])
        skip = 8
        if size == 1 and len(head) == 16:
            size, skip = struct.unpack(">Q", head[8:])[0], 16
        if size == 0:
            size = length - at
        if size < skip:
            raise ValueError("a box without a size")
        if name == b"meta" and not meta:
            check_metadata(size - skip)
            file.seek(at + skip)
            meta = file.read(size - skip)
        tracks = tracks or name == b"moov"
        at += size
    if not meta:
        raise ValueError("no description of its pictures")
    try:
        return _container(meta, tracks)
    except (struct.error, IndexError) as error:
        raise ValueError(f"descriptions cut off ({error})") from error


def _boxes(data: bytes, at: int = 0) -> Iterator[tuple[bytes, bytes]]:
    pieces = 0
    while at + 8 <= len(data):
        pieces += 1
        check_pieces(pieces)
        size, name = struct.unpack_from(">I4s", data, at)
        skip = 8
        if size == 1:
            size, skip = struct.unpack_from(">Q", data, at + 8)[0], 16
        if size == 0:
            size = len(data) - at
        if size < skip:
            raise ValueError("a box without a size")
        yield name, data[at + skip : at + size]
        at += size


def _container(meta: bytes, tracks: bool) -> Container:
    parts = dict(_boxes(meta, 4))
    properties: list[tuple[bytes, bytes]] = []
    of_item: dict[int, list[int]] = {}
    for name, content in _boxes(parts.get(b"iprp", b"")):
        if name == b"ipco":
            properties = list(_boxes(content))
        elif name == b"ipma":
            for item, indices in _associations(content):
                of_item.setdefault(item, []).extend(indices)
    places = dict(_locations(parts.get(b"iloc", b"")))
    info = parts.get(b"iinf", b"")
    items: dict[int, Item] = {}
    for name, content in _boxes(info, 6 if info[:1] == b"\0" else 8):
        if name != b"infe" or content[0] < 2:
            continue
        number = int.from_bytes(content[4:6] if content[0] == 2 else content[4:8], "big")
        at = 8 if content[0] == 2 else 10
        inside, extents = places.get(number, (False, ()))
        held = tuple(properties[i - 1] for i in of_item.get(number, ()) if 0 < i <= len(properties))
        items[number] = Item(content[at : at + 4], held, extents, inside)
    return Container(items, tracks, parts.get(b"idat", b""))


def _associations(content: bytes) -> Iterator[tuple[int, list[int]]]:
    """23008-12, 9.3: the properties of each item, counted from 1."""
    wide_ids, wide = content[0] >= 1, content[3] & 1
    count, at = struct.unpack_from(">I", content, 4)[0], 8
    check_pieces(count)
    for _ in range(count):
        item = struct.unpack_from(">I" if wide_ids else ">H", content, at)[0]
        at += 4 if wide_ids else 2
        number, at = content[at], at + 1
        found = struct.unpack_from(">" + ("H" if wide else "B") * number, content, at)
        at += number * (2 if wide else 1)
        yield item, [i & (0x7FFF if wide else 0x7F) for i in found]


def _locations(content: bytes) -> Iterator[tuple[int, tuple[bool, tuple[tuple[int, int], ...]]]]:
    """14496-12, 8.11.3: the extents of each item."""
    if not content:
        return
    version = content[0]
    offsets, lengths = content[4] >> 4, content[4] & 15
    bases, indices = content[5] >> 4, content[5] & 15 if version else 0
    at, pieces = 6, 0

    def number(size: int) -> int:
        nonlocal at
        if at + size > len(content):
            raise ValueError("places of items cut off")
        at += size
        return int.from_bytes(content[at - size : at], "big")

    for _ in range(number(4 if version == 2 else 2)):
        item = number(4 if version == 2 else 2)
        method = number(2) & 15 if version else 0
        number(2)  # of the file that holds the bytes: always this one
        base, extents = number(bases), []
        for _ in range(number(2)):
            pieces += 1
            check_pieces(pieces)
            number(indices)
            start = number(offsets)
            extents.append((base + start, number(lengths)))
        yield item, (method == 1, tuple(extents))
