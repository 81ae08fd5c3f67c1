"""Pictures as bytes of PNG files."""

from __future__ import annotations

import io
from collections.abc import Sequence

from PIL import Image

from headshot.arrays import U8

_SECONDS = 6.0  # that a head takes to turn about itself


def png(pixels: U8) -> bytes:
    """A PNG of (H, W, 3) uint8 sRGB."""
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def animated(frames: Sequence[U8]) -> bytes:
    """An animated PNG that repeats for ever, of pictures (H, W, 3) uint8 sRGB of one size."""
    first, *others = [Image.fromarray(pixels) for pixels in frames]
    out = io.BytesIO()
    first.save(
        out, "PNG", save_all=True, append_images=others, duration=1000 * _SECONDS / len(frames), loop=0
    )
    return out.getvalue()
