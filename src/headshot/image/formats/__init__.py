"""File formats of photos: one module a format, which looks through a file before it is decoded.

This short list is the first protection: Pillow knows some forty formats, among them one that runs other
programs (EPS), others that nobody maintains, and none of them what a camera writes.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from PIL import Image

from headshot.image.formats import avif, bmp, gif, heif, jpeg, png, tiff, webp
from headshot.image.limits import Header

HEAD = 32  # bytes by which formats are told apart


@dataclass(frozen=True)
class Format:
    """How files of a format are recognised, looked through and opened.

    Attributes:
        names: what Pillow calls it.
        accepts: tells by the first `HEAD` bytes, not by the file's name.
        inspect: file and its length to `Header`; raises `OverLimit` or ValueError.
        open_image: the picture, not yet decoded; whatever Pillow raises.
    """

    names: tuple[str, ...]
    accepts: Callable[[bytes], bool]
    inspect: Callable[[BinaryIO, int], Header]
    open_image: Callable[[BinaryIO], Image.Image]


def _starts(signatures: tuple[bytes, ...]) -> Callable[[bytes], bool]:
    return lambda head: head.startswith(signatures)


FORMATS = (
    Format(("JPEG", "MPO"), _starts(jpeg.SIGNATURES), jpeg.inspect, jpeg.open_image),
    Format(("PNG",), _starts(png.SIGNATURES), png.inspect, png.open_image),
    Format(("WEBP",), _starts(webp.SIGNATURES), webp.inspect, webp.open_image),
    Format(("TIFF",), _starts(tiff.SIGNATURES), tiff.inspect, tiff.open_image),
    Format(("BMP",), _starts(bmp.SIGNATURES), bmp.inspect, bmp.open_image),
    Format(("GIF",), _starts(gif.SIGNATURES), gif.inspect, gif.open_image),
    Format(("AVIF",), avif.accepts, avif.inspect, avif.open_image),
    Format(("HEIF",), heif.accepts, heif.inspect, heif.open_image),
)
NAMES = tuple(name for kind in FORMATS for name in kind.names)


def format_of(head: bytes) -> Format | None:
    """The format of a file by its first `HEAD` bytes; None if it is none that is read."""
    return next((kind for kind in FORMATS if kind.accepts(head)), None)


def inspect(kind: Format, file: BinaryIO) -> Header:
    """Look through a file; see `Format.inspect`."""
    return kind.inspect(file, file.seek(0, io.SEEK_END))
