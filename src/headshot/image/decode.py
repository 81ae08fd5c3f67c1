"""Decoded pictures of any kind become upright 8-bit sRGB, strip by strip."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from headshot.arrays import U8
from headshot.image.colour_profile import transform_to_srgb
from headshot.image.limits import DARKEST_16_BIT_WHITE, OverLimit

STRIP_PIXELS = 1 << 18  # pictures are converted in strips of about this many pixels, which stay in the cache

# Pillow's kinds of pixels that photos have, beside those of 16 bits.
MODES = (
    "1", "L", "LA", "La", "P", "PA", "RGB", "RGBX", "RGBA", "RGBa", "CMYK", "YCbCr", "HSV", "LAB", "I",
)  # fmt: skip

EIGHT_BITS = ((np.arange(1 << 16) + 128) // 257).astype(np.uint8)

# EXIF orientation -> how to turn the stored picture upright.
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def decoded(image: Image.Image, turn: Image.Transpose | None, factor: int) -> U8:
    """A loaded picture as upright sRGB, ``factor`` times smaller.

    Strip by strip: whole converted, composited, turned copies of a large photo cost more time and memory
    than decoding it.
    """
    width, height = image.width // factor, image.height // factor
    turned = turn is not None and turn in (
        Image.Transpose.TRANSPOSE,
        Image.Transpose.TRANSVERSE,
        Image.Transpose.ROTATE_90,
        Image.Transpose.ROTATE_270,
    )
    out = np.empty((width, height, 3) if turned else (height, width, 3), np.uint8)
    to_rgb = _converter(image)
    rows = max(1, STRIP_PIXELS // (image.width * factor))
    for top in range(0, height, rows):
        bottom = min(top + rows, height)
        strip = to_rgb(image.crop((0, top * factor, width * factor, bottom * factor)))
        if factor > 1:
            strip = strip.reduce(factor)
        start, stop = top, bottom
        if turn is not None:
            strip = strip.transpose(turn)
            # These put the first row last.
            if turn in (
                Image.Transpose.ROTATE_180,
                Image.Transpose.FLIP_TOP_BOTTOM,
                Image.Transpose.TRANSVERSE,
                Image.Transpose.ROTATE_270,
            ):
                start, stop = height - bottom, height - top
        if turned:
            out[:, start:stop] = np.asarray(strip)
        else:
            out[start:stop] = np.asarray(strip)
    return out


def check_mode(image: Image.Image) -> None:
    """Raise `OverLimit` if pixels of this kind are none of a photo; before decoding them."""
    if image.mode not in MODES and not image.mode.startswith("I;16"):
        kind = "floating-point" if image.mode == "F" else repr(image.mode)
        raise OverLimit(f"has {kind} pixels; save it as an ordinary 8-bit photo")


def _converter(image: Image.Image) -> Callable[[Image.Image], Image.Image]:
    """The function that makes any part of a picture opaque 8-bit sRGB."""
    mode = image.mode
    if mode.startswith("I"):  # 16 bits, or 32 that hold 16
        _check_16_bits(image)
        return lambda part: Image.fromarray(eight_bits(np.asarray(part))).convert("RGB")
    if mode == "LAB":  # Pillow's own conversion makes its tables anew for each strip
        lab = ImageCms.buildTransform(
            ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"), mode, "RGB"
        )
        return lambda part: cast(Image.Image, ImageCms.applyTransform(part, lab))
    has_alpha = mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info
    to_srgb = transform_to_srgb(image, "RGB" if mode not in ("L", "CMYK") else mode)

    def convert(part: Image.Image) -> Image.Image:
        if has_alpha:
            part = part.convert("RGBA")
            white = Image.new("RGBA", part.size, "white")
            part = Image.alpha_composite(white, part)
        if to_srgb is None:
            return part.convert("RGB")
        if part.mode not in ("L", "CMYK"):
            part = part.convert("RGB")
        return cast(Image.Image, ImageCms.applyTransform(part, to_srgb))

    return convert


def _check_16_bits(image: Image.Image) -> None:
    rows = max(1, STRIP_PIXELS // image.width)
    strips = (
        np.asarray(image.crop((0, y, image.width, min(y + rows, image.height))))
        for y in range(0, image.height, rows)
    )
    lows, highs = zip(*((int(strip.min()), int(strip.max())) for strip in strips), strict=True)
    check_range(min(lows), max(highs))


def check_range(least: int, most: int) -> None:
    """Raise `OverLimit` if the values of a picture are not those of 16 bits.

    8-, 10- and 12-bit values in wider numbers look like a black photo of 16 bits. Which they are is not
    recorded, so nothing is guessed.
    """
    if least < 0 or most > 65535:
        raise OverLimit(f"has values from {least} to {most}, expected 16 bits, 0 to 65535; scale it to these")
    if most <= DARKEST_16_BIT_WHITE:
        raise OverLimit(
            f"has no value above {most} of 65535, so it is black or holds fewer than 16 bits; "
            "scale it to 0 to 65535, or pass its 8-bit values as uint8"
        )


def eight_bits(values: NDArray[Any]) -> U8:
    """16-bit values of any integer type rounded to 8 bits: v / 257."""
    return EIGHT_BITS[values]
