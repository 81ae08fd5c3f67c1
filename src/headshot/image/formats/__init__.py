"""File formats of photos: one module a format, which looks through a file before it is decoded.

This short list is the first protection: Pillow knows some forty formats, among them one that runs other
programs (EPS), others that nobody maintains, and none of them what a camera writes. Modules, and Pillow's for
the format, are imported when there is a file for them: most photos are JPEGs.

A module has ``inspect(file, length) -> Header``, which raises `OverLimit` or ValueError, and
``open_image(file)``, which gives the picture, not yet decoded.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from importlib import import_module
from typing import BinaryIO

from PIL import Image

from headshot.image.limits import Header

HEAD = 32  # bytes by which formats are distinguished


@dataclass(frozen=True)
class Format:
    """A format of photos.

    Attributes:
        module: the module of this package that knows it.
        names: what Pillow calls it.
        signatures: what files begin with; nothing for those in boxes (ISO/IEC 14496-12).
    """

    module: str
    names: tuple[str, ...]
    signatures: tuple[bytes, ...] = ()

    def inspect(self, file: BinaryIO) -> Header:
        """Look through a file.

        Raises:
            OverLimit: it asks for more than photos do, or is of a kind that is not read.
            ValueError: damaged.
        """
        module = import_module(f"{__name__}.{self.module}")
        found: Header = module.inspect(file, file.seek(0, io.SEEK_END))
        return found

    def open_image(self, file: BinaryIO) -> Image.Image:
        """The first picture of a file, not yet decoded. Raises whatever Pillow does."""
        file.seek(0)
        image: Image.Image = import_module(f"{__name__}.{self.module}").open_image(file)
        return image


JPEG = Format("jpeg", ("JPEG", "MPO"), (b"\xff\xd8\xff",))
PNG = Format("png", ("PNG",), (b"\x89PNG\r\n\x1a\n",))
WEBP = Format("webp", ("WEBP",), (b"RIFF",))
TIFF = Format("tiff", ("TIFF",), (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"))
BMP = Format("bmp", ("BMP",), (b"BM",))
GIF = Format("gif", ("GIF",), (b"GIF87a", b"GIF89a"))
AVIF = Format("avif", ("AVIF",))
HEIF = Format("heif", ("HEIF",))
HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
FORMATS = (JPEG, PNG, WEBP, TIFF, BMP, GIF, AVIF, HEIF)
NAMES = tuple(name for kind in FORMATS for name in kind.names)


def open_one_of(formats: tuple[Format, ...], content: bytes | memoryview) -> Image.Image:
    """The picture in a file of one of some formats, looked through and not yet decoded.

    Raises:
        ValueError: another format, damaged, or an `OverLimit`; Pillow raises SyntaxError and OSError as well.
    """
    kind = format_of(bytes(content[:HEAD]))
    if kind is None or kind not in formats:
        raise ValueError(f"it is no picture of {' or '.join(f.names[0] for f in formats)}")
    file = io.BytesIO(content)
    kind.inspect(file)
    return kind.open_image(file)


def format_of(head: bytes) -> Format | None:
    """The format of a file by its first `HEAD` bytes, not by its name; None if it is none that is read."""
    if head[4:8] == b"ftyp":
        if b"avif" in head[8:]:  # perhaps after HEIF's general brand
            return AVIF
        return HEIF if head[8:12] in HEIF_BRANDS else None
    return next((kind for kind in FORMATS if kind.signatures and head.startswith(kind.signatures)), None)
