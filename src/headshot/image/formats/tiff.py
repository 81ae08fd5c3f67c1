"""TIFF: size, compression and pieces of the first picture (TIFF 6.0)."""

from __future__ import annotations

import math
from typing import BinaryIO

from PIL import Image

from headshot.image.formats import jpeg
from headshot.image.limits import MAX_METADATA, MAX_PIECES, Header, OverLimit, check_metadata, check_pieces
from headshot.image.tags import Entry, Tags, check_values

WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, ORIENTATION, SAMPLES = 256, 257, 258, 259, 262, 274, 277
STRIPS, ROWS, STRIP_BYTES = 273, 278, 279
PLANAR, TILE_WIDTH, TILE_HEIGHT, TILES, TILE_BYTES, EXTRA_SAMPLES = 284, 322, 323, 324, 325, 338

RAW, JPEG = 1, 7
# What cameras and photo programs write: none, LZW, JPEG, deflate (two numbers), PackBits.
COMPRESSIONS = (RAW, 5, JPEG, 8, 32773, 32946)


def inspect(file: BinaryIO, length: int) -> Header:
    """The header of the first picture of a TIFF file.

    Raises:
        OverLimit: a compression that photos do not have, too many strips or tiles, too much metadata.
        ValueError: damaged.
    """
    tags = Tags(file)
    entries = tags.directory(tags.first)
    metadata = check_values(tags, MAX_METADATA)
    check_metadata(metadata)

    def number(tag: int, default: float = 0) -> int:
        values = tags.numbers(entries.get(tag))
        return int(values[0] if values and math.isfinite(values[0]) else default)

    width, height, compression = number(WIDTH), number(HEIGHT), number(COMPRESSION, RAW)
    if width <= 0 or height <= 0:
        raise ValueError("no size")
    if compression not in COMPRESSIONS:
        raise OverLimit(f"is a TIFF of compression {compression}; save it with LZW, ZIP or JPEG, or as PNG")
    samples, bits = number(SAMPLES, 1), max(tags.numbers(entries.get(BITS), 8), default=1)
    if not 1 <= samples <= 8 or not 1 <= bits <= 64:
        raise ValueError(f"{samples} samples of {bits} bits")
    tiled = TILES in entries
    wide = number(TILE_WIDTH) if tiled else width
    high = number(TILE_HEIGHT) if tiled else min(number(ROWS, height), height)
    if wide <= 0 or high <= 0:
        raise ValueError("no size of its strips or tiles")
    planes = samples if number(PLANAR, 1) == 2 else 1
    check_pieces(-(-width // wide) * -(-height // high) * planes)

    # As Pillow keeps pixels: one sample as it is, more as four bytes; twice if it turns them upright.
    bytes_per_pixel = max(1.0, bits / 8) if samples == 1 else 4.0
    if number(ORIENTATION, 1) != 1:
        bytes_per_pixel *= 2
    # libtiff and Pillow have a strip or tile each as it is stored and decoded.
    sizes = tags.numbers(entries.get(TILE_BYTES if tiled else STRIP_BYTES), MAX_PIECES)
    if sum(sizes) > 2 * length:
        raise ValueError("its strips or tiles overlap")
    stored = min(max(sizes, default=length), length)
    buffers = (
        0.0
        if compression == RAW
        else wide * high * max(samples * bits / 8, 4.0 if compression == JPEG else 0.0)
    )
    if compression == JPEG:
        _check_jpegs(tags, file, entries[TILES if tiled else STRIPS], sizes)
    buffers += stored * (compression != RAW) + metadata
    return Header("TIFF", width, height, bytes_per_pixel, buffers=buffers)


def _check_jpegs(tags: Tags, file: BinaryIO, offsets: Entry, sizes: tuple[float, ...]) -> None:
    """`OverLimit` if a strip or tile is a JPEG of several scans: libtiff decodes up to 100 for each."""
    for at, size in zip(tags.numbers(offsets, MAX_PIECES), sizes, strict=False):
        frame = jpeg.read_frame(file, int(at), int(at + size))
        if frame.coefficients:
            raise OverLimit("is a TIFF of JPEGs in several scans; save it again")


def open_image(file: BinaryIO) -> Image.Image:
    """The first picture, not yet decoded."""
    from PIL.TiffImagePlugin import TiffImageFile

    return TiffImageFile(file)
