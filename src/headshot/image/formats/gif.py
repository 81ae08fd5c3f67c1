"""GIF: the size of the screen and of the first frame (GIF89a)."""

from __future__ import annotations

import struct
from typing import BinaryIO

from PIL import Image

from headshot.image.limits import Header, check_pieces

EXTENSION, PICTURE = 0x21, 0x2C


def inspect(file: BinaryIO, length: int) -> Header:
    """The header of a GIF file, up to its first frame.

    Raises:
        OverLimit: too many blocks before the first frame.
        ValueError: damaged.
    """
    file.seek(6)
    head = file.read(7)
    if len(head) < 7:
        raise ValueError("the header is cut off")
    width, height, flags = struct.unpack("<HHB", head[:5])
    file.seek(13 + _palette(flags))
    pieces = 0
    while True:
        pieces += 1
        check_pieces(pieces)
        kind = file.read(1)
        if kind == bytes([PICTURE]):
            place = file.read(9)
            if len(place) < 9:
                raise ValueError("the first frame is cut off")
            left, top, wide, high = struct.unpack("<HHHH", place[:8])
            return Header("GIF", max(width, left + wide), max(height, top + high), 1.0)
        if kind == b"":
            raise ValueError("no picture")
        if kind == bytes([EXTENSION]):
            file.read(1)
            while size := file.read(1):
                if size == b"\0":
                    break
                file.seek(size[0], 1)
                pieces += 1
                check_pieces(pieces)


def _palette(flags: int) -> int:
    """Bytes of a colour table."""
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def open_image(file: BinaryIO) -> Image.Image:
    """The first frame, not yet decoded."""
    from PIL.GifImagePlugin import GifImageFile

    return GifImageFile(file)
