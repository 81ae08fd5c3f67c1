"""Photos as arrays: pixels that somebody else has decoded, of any usual type."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from headshot.arrays import U8
from headshot.errors import PhotoError
from headshot.image.decode import STRIP_PIXELS, check_range, eight_bits
from headshot.image.limits import Header, check_shape, reduction


def pixels_of_array(array: NDArray[Any], max_megapixels: float) -> tuple[U8, str, None, int]:
    """Pixels, name, focal length and reduction of a photo, in the order of `Photo`.

    Nothing of the array's size is made of it but the photo: what is not 8-bit RGB is converted in strips, so
    that broadcast arrays, and those in files, take no more memory than others.

    Args:
        array: see `headshot.read_photo`.
        max_megapixels: larger ones become 2, 4 ... times smaller.

    Raises:
        PhotoError: another shape or type.
        OverLimit: too small, too large, or values outside of the range.
    """
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (1, 3, 4)):
        raise PhotoError(f"a photo as an array has shape (H, W), (H, W, 3) or (H, W, 4), got {array.shape}")
    height, width = array.shape[:2]
    check_shape(width, height)
    _check_values(array)
    factor = reduction(Header("array", width, height, 0.0), max_megapixels)
    grey_or_colour = array[:, :, None] if array.ndim == 2 else array
    if array.dtype == np.uint8 and grey_or_colour.shape[2] == 3 and factor == 1:
        return np.require(array, requirements=["C", "W"]), "photo", None, 1
    out = np.empty((height // factor, width // factor, 3), np.uint8)
    rows = max(1, STRIP_PIXELS // (width * factor))
    for top in range(0, len(out), rows):
        strip = grey_or_colour[top * factor : min(top + rows, len(out)) * factor]
        out[top : top + rows] = _reduced(np.broadcast_to(_rgb(strip), (*strip.shape[:2], 3)), factor)
    return out, "photo", None, factor


def _check_values(array: NDArray[Any]) -> None:
    """Refuse types and ranges that photos do not have."""
    if array.dtype.kind == "u" and array.dtype.itemsize == 2:
        check_range(int(array.min()), int(array.max()))
    elif array.dtype.kind == "f":
        if not (array.min() >= 0 and array.max() <= 1):
            raise PhotoError("a floating-point photo has values in [0, 1]; divide by its white first")
    elif array.dtype not in (np.uint8, np.bool_):
        raise PhotoError(f"a photo as an array is uint8, uint16, bool or floating point, got {array.dtype}")


def _rgb(strip: NDArray[Any]) -> U8:
    """Part of an array (h, W, 1 | 3 | 4) as 8 bits without transparency, (h, W, 1 | 3)."""
    if strip.dtype.kind == "u" and strip.dtype.itemsize == 2:
        strip = eight_bits(strip)
    elif strip.dtype == np.bool_:
        strip = strip.astype(np.uint8) * np.uint8(255)
    elif strip.dtype.kind == "f":
        strip = (strip * 255 + 0.5).astype(np.uint8)
    if strip.shape[2] == 4:
        alpha = strip[:, :, 3:].astype(np.uint16)
        strip = ((strip[:, :, :3] * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)
    return strip


def _reduced(strip: U8, factor: int) -> U8:
    if factor == 1:
        return strip
    from headshot.image.resample import reduced  # compiles, which photos of usual size need not wait for

    return reduced(strip, factor)
