"""WebP: the size of the canvas (RFC 9649)."""

from __future__ import annotations

import struct
from typing import BinaryIO

from PIL import Image

from headshot.image.limits import Header, check_pieces

# libwebp's animation decoder, which Pillow uses for all WebPs, keeps two canvases of 4 bytes a pixel; beside
# them it has the decoder's own picture, and Pillow a copy as bytes and then its picture. Measured at the
# peak: 15.3 bytes a pixel.
KEPT, PEAK = 12.0, 16.0

# Lossless streams may have up to 65,536 sets of code tables, at the time when there are 8 bytes a pixel. For
# the shortest tables 350 MB were measured, with a file of 0.4 MB; this leaves nearly as much for the largest
# picture.
LOSSLESS_PEAK = 21.0


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
    peak = PEAK if _is_lossy(file, length) else LOSSLESS_PEAK
    # The file is in memory twice: Pillow reads it and libwebp copies it.
    return Header("WebP", width, height, KEPT, peak, 2.0 * length)


def _is_lossy(file: BinaryIO, length: int) -> bool:
    """Whether nothing of a file is lossless: no picture, no transparency, and no frames that may be."""
    at, pieces, kinds = 12, 0, set()
    while at + 8 <= length:
        file.seek(at)
        name, size = struct.unpack("<4sI", file.read(8))
        kinds.add(name)
        pieces += 1
        check_pieces(pieces)
        at += 8 + size + size % 2
    return b"VP8 " in kinds and kinds.isdisjoint((b"VP8L", b"ALPH", b"ANMF"))


def open_image(file: BinaryIO) -> Image.Image:
    """The first frame, not yet decoded."""
    from PIL.WebPImagePlugin import WebPImageFile

    return WebPImageFile(file)
