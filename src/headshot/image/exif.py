"""What a photo's EXIF data says that matters here: which way is up, and the focal length.

EXIF comes from strangers: every value may be missing, of the wrong type, or nonsense, and then it counts as
missing.
"""

from __future__ import annotations

import math
import struct

from PIL import ExifTags, Image

FULL_FRAME_DIAGONAL = 43.2666  # mm, of the 36 x 24 mm frame that 35 mm-equivalent focal lengths refer to
FOCAL_RANGE = (10.0, 800.0)  # mm, 35 mm-equivalent; anything else is not a lens that takes portraits
SENSOR_DIAGONALS = (4.0, 80.0)  # mm, from the smallest phone camera to medium format
RESOLUTION_UNITS = {2: 25.4, 3: 10.0, 4: 1.0, 5: 0.001}  # FocalPlaneResolutionUnit -> mm

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
    try:
        exif = image.getexif()
        recorded = exif.get(ExifTags.Base.Orientation)
        details = dict(exif.get_ifd(ExifTags.IFD.Exif))
    except BROKEN:
        return 1, None
    focal = None if _was_cropped(details, image.size) else _focal_35mm(details)
    orientation = recorded if isinstance(recorded, int) and 1 <= recorded <= 8 else 1
    return orientation, focal


def _number(details: dict[int, object], tag: ExifTags.Base) -> float | None:
    """A positive, finite number, or None."""
    value = details.get(tag)
    if isinstance(value, tuple) and len(value) == 1:
        value = value[0]
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    return number if math.isfinite(number) and number > 0 else None


def _was_cropped(details: dict[int, object], size: tuple[int, int]) -> bool:
    """Whether the camera recorded another shape than the picture has; either may be turned by 90 degrees."""
    width, height = (
        _number(details, tag) for tag in (ExifTags.Base.ExifImageWidth, ExifTags.Base.ExifImageHeight)
    )
    if width is None or height is None:
        return False
    taken, is_now = max(width, height) / min(width, height), max(size) / min(size)
    return abs(taken / is_now - 1) > 0.02


def _focal_35mm(details: dict[int, object]) -> float | None:
    """The 35 mm-equivalent focal length in mm, as recorded or from the sensor's pixel pitch."""
    focal = _number(details, ExifTags.Base.FocalLengthIn35mmFilm)
    if focal is None:
        focal = _focal_from_sensor(details)
    return focal if focal is not None and FOCAL_RANGE[0] <= focal <= FOCAL_RANGE[1] else None


def _focal_from_sensor(details: dict[int, object]) -> float | None:
    """FocalLength scaled by the sensor's diagonal, which pixels and pixels per unit give."""
    names = ("FocalLength", "ExifImageWidth", "ExifImageHeight", "FocalPlaneXResolution")
    focal, width, height, across = (_number(details, ExifTags.Base[name]) for name in names)
    if focal is None or width is None or height is None or across is None:
        return None
    down = _number(details, ExifTags.Base.FocalPlaneYResolution) or across
    unit = RESOLUTION_UNITS.get(int(_number(details, ExifTags.Base.FocalPlaneResolutionUnit) or 2))
    if unit is None:
        return None
    diagonal = math.hypot(width / across, height / down) * unit
    if not SENSOR_DIAGONALS[0] <= diagonal <= SENSOR_DIAGONALS[1]:
        return None
    return focal * FULL_FRAME_DIAGONAL / diagonal
