"""WebP: the size of the canvas (RFC 9649)."""

from __future__ import annotations

import struct
from typing import BinaryIO

from PIL import Image

from headshot.image.limits import Header

# libwebp's animation decoder, which Pillow uses for all WebPs, keeps two canvases of 4 bytes a pixel; beside
# them it has the lossless decoder's own, and Pillow a copy as bytes and then its picture. Measured at the
# peak: 15.3 bytes a pixel.
KEPT, PEAK = 12.0, 16.0


def inspect(file: BinaryIO, length: int) -> Header:
    """The header of a WebP file.

    Raises:
        ValueError: damaged.
    """
    file.seek(0)
    head = file.read(30)
    kind = head[12:16]
    if head[8:12] != b"WEBP" or len(head) < 25:
        raise ValueError("no WebP header")
    if kind == b"VP8 " and len(head) == 30:
        width, height = (side & 0x3FFF for side in struct.unpack_from("<HH", head, 26))
    elif kind == b"VP8X" and len(head) == 30:
        width, height = (int.from_bytes(head[at : at + 3], "little") + 1 for at in (24, 27))
    elif kind == b"VP8L" and head[20] == 0x2F:
        bits = int.from_bytes(head[21:25], "little")
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    else:
        raise ValueError(f"WebP without a picture: {kind!r}")
    # The file is in memory twice: Pillow reads it and libwebp copies it.
    return Header("WebP", width, height, KEPT, PEAK, 2.0 * length)


def open_image(file: BinaryIO) -> Image.Image:
    """The first frame, not yet decoded."""
    from PIL.WebPImagePlugin import WebPImageFile

    return WebPImageFile(file)
