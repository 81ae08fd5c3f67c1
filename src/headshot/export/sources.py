"""Which part of a texture comes from which photo, as pictures: a colour for each photo."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw

from headshot.arrays import U8
from headshot.texture.make import COMPLETED

if TYPE_CHECKING:
    from headshot.perception.observe import FaceObservation
    from headshot.texture import Texture

_GREY = 205  # sRGB of what no photo shows
_TURN = 0.61803  # of the hue from one photo to the next: the golden ratio keeps neighbours apart
_FRAME = 0.06  # width of the frame, of a thumbnail's side


def source_colours(count: int) -> U8:
    """A colour (N, 3) for each photo."""
    hues = [(0.02 + _TURN * k) % 1.0 for k in range(count)]
    return np.array(
        [[round(255 * c) for c in colorsys.hsv_to_rgb(hue, 0.62, 0.92)] for hue in hues], np.uint8
    ).reshape(-1, 3)


def source_texture(texture: Texture, count: int) -> U8:
    """The texture (T, T, 3) coloured by the photo that each texel mainly comes from; grey where completed."""
    table = np.full((256, 3), _GREY, np.uint8)
    table[:count] = source_colours(count)
    table[COMPLETED] = _GREY
    coloured: U8 = table[texture.source]
    return coloured


def framed_photos(seen: Sequence[FaceObservation], size: int) -> Image.Image:
    """A square picture of all faces, each in a frame of its colour."""
    across = int(np.ceil(np.sqrt(len(seen))))
    side = size // across
    page = Image.new("RGB", (size, size), (255, 255, 255))
    draw = ImageDraw.Draw(page)
    width = max(2, round(_FRAME * side))
    for number, (observation, colour) in enumerate(zip(seen, source_colours(len(seen)), strict=True)):
        x, y = side * (number % across), side * (number // across)
        face = observation.landmarks.crop(1.5).cut(observation.photo.pixels, side - 2 * width)
        draw.rectangle((x, y, x + side - 3, y + side - 3), fill=tuple(int(c) for c in colour))
        page.paste(Image.fromarray(face).resize((side - 2 * width - 2,) * 2), (x + width, y + width))
    return page
