"""PNG: the header and the number of its chunks."""

from __future__ import annotations

import struct
from typing import BinaryIO

from PIL import Image

from headshot.image.limits import Header, check_metadata, check_pieces

GREY, PALETTE = 0, 3  # colour types whose pixels Pillow keeps in one sample


def inspect(file: BinaryIO, length: int) -> Header:
    """The header of a PNG file.

    Raises:
        OverLimit: too many chunks, too much metadata.
        ValueError: damaged.
    """
    file.seek(8)
    head = file.read(25)
    if len(head) < 25 or head[4:8] != b"IHDR":
        raise ValueError("no IHDR chunk")
    width, height, depth, colour = struct.unpack(">IIBB", head[8:18])
    at, pieces, metadata, profiles = 33, 0, 0, 0
    while at + 12 <= length:
        file.seek(at)
        size, name = struct.unpack(">I4s", file.read(8))
        if name == b"IEND":
            break
        pieces += 1
        check_pieces(pieces)
        profiles += name == b"iCCP"  # each inflates to up to a megabyte
        if profiles > 1:
            raise ValueError("several colour profiles")
        if name not in (b"IDAT", b"fdAT"):
            metadata += size
            check_metadata(min(metadata, length))
        at += 12 + size
    bytes_per_pixel = (2.0 if depth == 16 else 1.0) if colour in (GREY, PALETTE) else 4.0
    return Header("PNG", width, height, bytes_per_pixel)


def open_image(file: BinaryIO) -> Image.Image:
    """The picture, not yet decoded."""
    from PIL.PngImagePlugin import PngImageFile

    return PngImageFile(file)
