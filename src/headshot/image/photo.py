"""Reading photos from anywhere and anyone: any usual format becomes upright 8-bit sRGB, or a clear error.

What may be read, and how large, is decided in `headshot.image.formats` and `headshot.image.limits`.
"""

from __future__ import annotations

import io
import math
import os
import struct
import warnings
import zlib
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile

from headshot.arrays import U8, ReadOnly
from headshot.errors import PhotoError
from headshot.image.decode import UPRIGHT, check_mode, decoded
from headshot.image.exif import FULL_FRAME_DIAGONAL, read_exif
from headshot.image.files import readable_name
from headshot.image.formats import HEAD, NAMES, format_of
from headshot.image.from_array import pixels_of_array
from headshot.image.limits import (
    MAX_PIPE,
    MIN_MEGAPIXELS,
    WORKING_MEGAPIXELS,
    Header,
    OverLimit,
    check_shape,
    reduction,
)

Source = str | PathLike[str] | bytes | BinaryIO | Image.Image | NDArray[Any]

_LONGEST_PATH = 4096  # bytes

# What PIL's readers raise on damaged files.
UNREADABLE: tuple[type[Exception], ...] = (
    OSError,
    EOFError,
    SyntaxError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    AssertionError,
    MemoryError,
    RuntimeError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)


@dataclass(frozen=True, eq=False, repr=False)
class Photo(ReadOnly):
    """A photo, ready for use.

    Attributes:
        pixels: (H, W, 3) uint8 sRGB, C-contiguous, upright.
        name: file name, or "photo" when it did not come from a file.
        focal_35mm: 35 mm-equivalent focal length in mm from EXIF; None when unknown.
        reduced: how many times smaller than the file ``pixels`` is, because the file is huge; mostly 1.
    """

    pixels: U8
    name: str = "photo"
    focal_35mm: float | None = None
    reduced: int = 1

    def __post_init__(self) -> None:
        pixels = self.pixels
        if not isinstance(pixels, np.ndarray) or pixels.dtype != np.uint8 or pixels.shape[2:] != (3,):
            got = f"{pixels.dtype} {pixels.shape}" if isinstance(pixels, np.ndarray) else repr(pixels)[:50]
            raise ValueError(
                f"pixels must be uint8 (H, W, 3), got {got}: read_photo() makes them of other things"
            )
        if self.reduced < 1:
            raise ValueError(f"reduced must be 1 or more, got {self.reduced}")
        object.__setattr__(self, "pixels", np.ascontiguousarray(pixels))
        super().__post_init__()

    @property
    def height(self) -> int:
        """Rows."""
        return self.pixels.shape[0]

    @property
    def width(self) -> int:
        """Columns."""
        return self.pixels.shape[1]

    def focal_pixels(self) -> float | None:
        """Focal length in pixels; None when EXIF did not tell.

        35 mm-equivalent focal lengths compare diagonals (CIPA DCG-001).
        """
        if self.focal_35mm is None:
            return None
        return self.focal_35mm / FULL_FRAME_DIAGONAL * math.hypot(self.width, self.height)


def read_photo(source: Source, *, max_megapixels: float = WORKING_MEGAPIXELS) -> Photo:
    """Read a photo.

    Args:
        source: a path; the bytes of a file; a file opened for reading in binary mode; a PIL image; or an
            array, RGB (H, W, 3), RGBA (H, W, 4) or grey (H, W) or (H, W, 1), of uint8, uint16 (its full
            range), bool, or floating point in [0, 1], of either byte order. Arrays are taken as upright sRGB;
            those that are 8-bit RGB already are not copied. Transparent parts become white, animations their
            first frame. Files and PIL images of files are JPEG, PNG, WebP, TIFF, BMP, GIF, AVIF or HEIF.
        max_megapixels: larger photos are read at 1/2, 1/4 ... of their size, but not below 16 pixels across.
            So are those that would take too much memory otherwise. At least 0.01. More than the default
            raises the limit of memory, by 7 bytes a pixel.

    Raises:
        PhotoError: not a photo, damaged, too small or too large; the message says what to do.
        ValueError: another ``max_megapixels``.
    """
    if not max_megapixels >= MIN_MEGAPIXELS:
        raise ValueError(f"max_megapixels must be at least {MIN_MEGAPIXELS}, got {max_megapixels}")
    if isinstance(source, np.ndarray):
        try:
            return Photo(*pixels_of_array(source, max_megapixels))
        except OverLimit as error:
            raise PhotoError(f"the array {error}") from error
    if isinstance(source, Image.Image):
        return _from_image(source, max_megapixels)
    if isinstance(source, (str, PathLike)):
        if "://" in str(source):
            raise PhotoError(f"{source} is an address, and Headshot stays offline: download the photo first")
        if not str(source):
            raise PhotoError("the path of the photo is empty")
        path = Path(source)
        _check_path(path)
        try:
            with path.open("rb") as file:
                return _from_file(file, readable_name(path.name), max_megapixels)
        except OSError as error:
            raise PhotoError(f"{path} cannot be opened: {error.strerror or error}") from error
    if isinstance(source, (bytes, bytearray, memoryview)):
        if len(source) < _LONGEST_PATH and _is_file(bytes(source)):
            raise PhotoError(
                f"{bytes(source)!r} is the path of a photo in bytes; give it as str: os.fsdecode()"
            )
        return _from_file(io.BytesIO(source), "photo", max_megapixels)
    if not callable(getattr(source, "read", None)):
        raise PhotoError(
            "a photo must be a path (str or Path), the bytes of a file, a binary file, a PIL image or an "
            f"array, and several photos of one person a list of these; got {type(source).__name__}"
        )
    if isinstance(source, io.TextIOBase):
        raise PhotoError('the file is open in text mode; open it with mode "rb"')
    called = getattr(source, "name", None)
    name = readable_name(Path(called).name) if isinstance(called, str) else "photo"
    return _from_file(_seekable(source), name, max_megapixels)


def _is_file(path: bytes) -> bool:
    try:
        return os.path.isfile(path)
    except ValueError:  # bytes that no path can have
        return False


def _check_path(path: Path) -> None:
    try:
        if path.is_dir():
            raise PhotoError(f"{path} is a folder; give the photos in it one by one, such as {path}/*.jpg")
        if not path.exists():
            raise PhotoError(f"{path} does not exist; check the spelling and the folder")
        if not path.is_file():
            raise PhotoError(f"{path} is not a file; give a JPEG, PNG, WebP or HEIC file")
    except (OSError, ValueError) as error:  # names that no file can have
        if isinstance(error, PhotoError):
            raise
        raise PhotoError(f"{str(path)[:200]!r} is not a usable path: {error}") from error


def _seekable(file: BinaryIO) -> BinaryIO:
    """The file itself, or its content when it is a pipe."""
    seekable = getattr(file, "seekable", None)
    if callable(seekable) and seekable():
        return file
    content = file.read(MAX_PIPE + 1)
    if not isinstance(content, bytes):
        raise PhotoError('the file is open in text mode; open it with mode "rb"')
    if len(content) > MAX_PIPE:
        raise PhotoError(f"the pipe holds more than {MAX_PIPE >> 20} MB, hardly a photo; read it from a file")
    return io.BytesIO(content)


def _from_file(file: BinaryIO, name: str, max_megapixels: float) -> Photo:
    """Open a file by its content, whatever it is called."""
    file.seek(0)
    head = file.read(HEAD)
    if not isinstance(head, bytes):
        raise PhotoError(f'{name} is open in text mode; open it with mode "rb"')
    if not head:
        raise PhotoError(f"{name} is empty; copy or download it again")
    kind = format_of(head)
    if kind is None:
        raise PhotoError(f"{name} is not a photo that can be read; save it as JPEG, PNG, WebP or HEIC")
    with warnings.catch_warnings():
        # Sizes are checked by limits of our own: PIL's warnings would only confuse.
        warnings.simplefilter("ignore")
        try:
            header = kind.inspect(file)
            factor = _checked(header, max_megapixels)
            with kind.open_image(file) as image:
                if image.width * image.height > header.width * header.height:
                    raise ValueError("its parts disagree about its size")
                remaining = factor
                if header.scales and factor > 1:
                    scale = min(factor, 8)
                    image.draft(None, (header.width // scale, header.height // scale))
                    remaining = factor // max(1, round(header.width / image.width))
                return _decode(image, name, factor, remaining)
        except OverLimit as error:
            raise PhotoError(f"{name} {error}") from error
        except UNREADABLE as error:
            raise PhotoError(f"{name} is damaged ({error}); copy or download it again") from error


def _from_image(image: Image.Image, max_megapixels: float) -> Photo:
    """A photo from a picture that somebody else has opened with PIL, and perhaps not yet decoded."""
    if image.format is not None and image.format not in NAMES:
        raise PhotoError(
            f"the image is of a {image.format} file, which is not read, since its decoder may be unsafe; "
            'if you trust it, pass image.convert("RGB")'
        )
    try:
        header = _opened_header(image)
        factor = _checked(header, max_megapixels)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _decode(image, "photo", factor, factor)
    except OverLimit as error:
        raise PhotoError(f"the image {error}") from error
    except UNREADABLE as error:
        raise PhotoError(f"the image is damaged ({error}); copy or download it again") from error


def _opened_header(image: Image.Image) -> Header:
    """What decoding a PIL image will take: nothing, unless its file is still open."""
    width, height = image.size
    file = getattr(image, "fp", None) if isinstance(image, ImageFile.ImageFile) else None
    if file is None or getattr(file, "closed", False):
        return Header("picture", width, height, 0.0)
    here = file.tell()
    try:
        file.seek(0)
        kind = format_of(file.read(HEAD))
        if kind is None:  # its decoded pixels
            return Header("picture", width, height, 0.0)
        found = kind.inspect(file)
        return replace(found, width=width, height=height, scales=False)
    finally:
        file.seek(here)


def _checked(header: Header, max_megapixels: float) -> int:
    """How many times smaller a photo is read; `OverLimit` if it should not be read at all."""
    check_shape(header.width, header.height)
    return reduction(header, max_megapixels)


def _decode(image: Image.Image, name: str, factor: int, remaining: int) -> Photo:
    """Decode an opened picture, which will be ``remaining`` times smaller than the decoder makes it."""
    check_mode(image)
    image.load()
    # Not before: loading turns TIFFs upright, and their EXIF then says so.
    orientation, focal = read_exif(image)
    return Photo(decoded(image, UPRIGHT.get(orientation), remaining), name, focal, factor)
