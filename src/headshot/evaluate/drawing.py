"""Small PNG pictures of single cases for reports."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image, ImageDraw

from headshot.arrays import U8

TRUTH, FOUND = (255, 255, 255), (255, 120, 0)


def png(pixels: U8) -> bytes:
    """A picture (H, W, 3) as the bytes of a PNG file."""
    out = BytesIO()
    Image.fromarray(pixels).save(out, "PNG", optimize=True)
    return out.getvalue()


def side_by_side(*pictures: U8, height: int = 220) -> U8:
    """Pictures (H, W, 3) in a row, all of the same height."""
    row = []
    for picture in pictures:
        width = max(1, round(picture.shape[1] * height / picture.shape[0]))
        row.append(np.asarray(Image.fromarray(picture).resize((width, height), Image.Resampling.BICUBIC)))
    return np.concatenate(row, axis=1)


def points_picture(pixels: U8, truth: ArrayLike, found: ArrayLike, size: int = 240) -> bytes:
    """PNG of the face with true and found points (L, 2), joined by lines; NaN points are left out."""
    q, p = np.asarray(truth, dtype=np.float64), np.asarray(found, dtype=np.float64)
    known = np.isfinite(q).all(axis=1)
    both = np.concatenate([q[known], p[known]])
    low, high = both.min(axis=0), both.max(axis=0)
    side = float((high - low).max()) * 1.2
    corner = (low + high) / 2 - side / 2
    box = (*corner, *(corner + side))
    crop = Image.fromarray(pixels).crop(tuple(round(v) for v in box)).resize((size, size))
    draw = ImageDraw.Draw(crop)
    gain = size / side
    for a, b in zip((q[known] - corner) * gain, (p[known] - corner) * gain, strict=True):
        draw.line([tuple(a), tuple(b)], fill=FOUND)
        for (x, y), colour in ((a, TRUTH), (b, FOUND)):
            draw.ellipse([x - 1.5, y - 1.5, x + 1.5, y + 1.5], fill=colour)
    return png(np.asarray(crop))
