"""What a photo's EXIF data says that matters here: which way is up, and the focal length.

EXIF comes from strangers: every value may be missing, of the wrong type, or nonsense, and then it counts as
missing. The block is read here, not by PIL: before its version 13 that copied and converted everything that
the entries refer to, minutes and gigabytes for 64 kB.
"""

from __future__ import annotations

import io
import math
import re
import struct

from PIL import ExifTags, Image

from headshot.image.limits import OverLimit
from headshot.image.tags import EXIF_DIRECTORY, Tags, without_prefix

FULL_FRAME_DIAGONAL = 43.2666  # mm, of the 36 x 24 mm frame that 35 mm-equivalent focal lengths refer to
FOCAL_RANGE = (10.0, 800.0)  # mm, 35 mm-equivalent; anything else is not a lens that takes portraits
SENSOR_DIAGONALS = (4.0, 80.0)  # mm, from the smallest phone camera to medium format
RESOLUTION_UNITS = {2: 25.4, 3: 10.0, 4: 1.0, 5: 0.001}  # FocalPlaneResolutionUnit -> mm

DETAILS = (
    ExifTags.Base.FocalLengthIn35mmFilm,
    ExifTags.Base.FocalLength,
    ExifTags.Base.ExifImageWidth,
    ExifTags.Base.ExifImageHeight,
    ExifTags.Base.FocalPlaneXResolution,
    ExifTags.Base.FocalPlaneYResolution,
    ExifTags.Base.FocalPlaneResolutionUnit,
)

# What PIL raises on damaged EXIF blocks.
BROKEN = (SyntaxError, ValueError, TypeError, KeyError, OSError, EOFError, struct.error, OverflowError)


def read_exif(image: Image.Image) -> tuple[int, float | None]:
    """Orientation and focal length of a loaded picture that is not yet turned upright.

    Args:
        image: as PIL loaded it; it may be reduced, but not cropped.

    Returns:
        The EXIF orientation, 1-8 (1 when there is none), and the 35 mm-equivalent focal length in mm, or
        None when it is unknown, implausible, or spoilt because the photo was cropped after it was taken.
    """
    recorded, details = _values(image)
    if recorded is None:
        recorded = _orientation_in_xmp(image)
    focal = None if _was_cropped(details, image.size) else _focal_35mm(details)
    return recorded if recorded is not None and 1 <= recorded <= 8 else 1, focal


def _values(image: Image.Image) -> tuple[int | None, dict[str, float]]:
    """The recorded orientation and the numbers of `DETAILS` that there are."""
    block = _block(image)
    try:
        if block is None:  # a TIFF, which PIL has read, or tags that were set on the picture
            exif = image.getexif()
            recorded = exif.get(ExifTags.Base.Orientation)
            inside = exif.get_ifd(ExifTags.IFD.Exif)
            found = {tag.name: _number(inside.get(tag)) for tag in DETAILS}
        else:
            tags = Tags(io.BytesIO(block))
            first = tags.directory(tags.first)
            numbers = tags.numbers(first.get(ExifTags.Base.Orientation))
            recorded = numbers[0] if numbers else None
            pointer = tags.numbers(first.get(EXIF_DIRECTORY))
            entries = tags.directory(int(pointer[0])) if pointer else {}
            found = {tag.name: _number(tags.numbers(entries.get(tag))) for tag in DETAILS}
    except (*BROKEN, OverLimit):
        return None, {}
    return (
        int(recorded) if isinstance(recorded, int) else None,
        {name: value for name, value in found.items() if value is not None},
    )


def _block(image: Image.Image) -> bytes | None:
    """The EXIF block as the file has it; also as ImageMagick puts it into the text of a PNG."""
    block = image.info.get("exif")
    text = image.info.get("Raw profile type exif")
    if block is None and isinstance(text, str):
        try:
            block = bytes.fromhex("".join(text.split("\n")[3:]))
        except ValueError:
            return None
    return without_prefix(block) if isinstance(block, bytes) else None


def _orientation_in_xmp(image: Image.Image) -> int | None:
    for name in ("XML:com.adobe.xmp", "xmp"):
        text = image.info.get(name)
        if isinstance(text, str):
            text = text.encode("utf-8", "replace")
        if isinstance(text, bytes) and text:
            match = re.search(rb'tiff:Orientation(="|>)([0-9])', text)
            return int(match[2]) if match else None
    return None


def _number(value: object) -> float | None:
    """A positive, finite number, or None."""
    if isinstance(value, tuple) and len(value) == 1:
        value = value[0]
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    return number if math.isfinite(number) and number > 0 else None


def _was_cropped(details: dict[str, float], size: tuple[int, int]) -> bool:
    """Whether the camera recorded another shape than the picture has; either may be turned by 90 degrees."""
    width, height = details.get("ExifImageWidth"), details.get("ExifImageHeight")
    if width is None or height is None:
        return False
    taken, is_now = max(width, height) / min(width, height), max(size) / min(size)
    return abs(taken / is_now - 1) > 0.02


def _focal_35mm(details: dict[str, float]) -> float | None:
    """The 35 mm-equivalent focal length in mm, as recorded or from the sensor's pixel pitch."""
    focal = details.get("FocalLengthIn35mmFilm")
    if focal is None:
        focal = _focal_from_sensor(details)
    return focal if focal is not None and FOCAL_RANGE[0] <= focal <= FOCAL_RANGE[1] else None


def _focal_from_sensor(details: dict[str, float]) -> float | None:
    """FocalLength scaled by the sensor's diagonal, which pixels and pixels per unit give."""
    names = ("FocalLength", "ExifImageWidth", "ExifImageHeight", "FocalPlaneXResolution")
    focal, width, height, across = (details.get(name) for name in names)
    if focal is None or width is None or height is None or across is None:
        return None
    down = details.get("FocalPlaneYResolution", across)
    unit = RESOLUTION_UNITS.get(int(details.get("FocalPlaneResolutionUnit", 2)))
    if unit is None:
        return None
    diagonal = math.hypot(width / across, height / down) * unit
    if not SENSOR_DIAGONALS[0] <= diagonal <= SENSOR_DIAGONALS[1]:
        return None
    return focal * FULL_FRAME_DIAGONAL / diagonal
