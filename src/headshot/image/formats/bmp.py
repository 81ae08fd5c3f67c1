"""BMP: the header."""

from __future__ import annotations

import struct
from typing import BinaryIO

from PIL import Image

from headshot.image.limits import Header, OverLimit

UNCOMPRESSED = (0, 3, 6)  # BI_RGB, BI_BITFIELDS, BI_ALPHABITFIELDS


def inspect(file: BinaryIO, length: int) -> Header:
    """The header of a BMP file.

    Raises:
        OverLimit: run-length coded; Pillow decodes that in Python, a microsecond a pixel.
        ValueError: damaged.
    """
    file.seek(14)
    head = file.read(20)
    if len(head) < 20:
        raise ValueError("the header is cut off")
    compression = 0
    if struct.unpack_from("<I", head)[0] == 12:  # of OS/2
        width, height, _, bits = struct.unpack_from("<HHHH", head, 4)
    else:
        width, height, _, bits, compression = struct.unpack_from("<iiHHI", head, 4)
    if compression not in UNCOMPRESSED:
        raise OverLimit("is a compressed BMP; save it as PNG")
    width, height = abs(width), abs(height)
    if -(-width * bits // 32) * 4 * height > length:
        raise ValueError("it ends before the last pixel")
    return Header("BMP", width, height, 1.0 if bits <= 8 else 4.0)


def open_image(file: BinaryIO) -> Image.Image:
    """The picture, not yet decoded."""
    from PIL.BmpImagePlugin import BmpImageFile

    return BmpImageFile(file)
