"""Light by what a user calls it: a name, the photo's own, or an environment picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from headshot.errors import HeadshotError
from headshot.geometry.environment import PRESETS, Environment, from_harmonics, from_picture
from headshot.head_data import HeadData
from headshot.image.colour import TO_LINEAR
from headshot.image.photo import read_photo
from headshot.reading.radiance import read_radiance

PHOTO = "photo"


def light_of(name: str, head: HeadData) -> Environment:
    """The light around a head.

    Args:
        name: of `PRESETS`; "photo", as estimated in the head's main photo; or a file, a Radiance HDR or an
            ordinary picture, which holds the surroundings as an equirectangular panorama.
        head: that is lit.

    Raises:
        PhotoError: the file is missing or cannot be read.
        HeadshotError: a head without a light of its own.
    """
    if name in PRESETS:
        return PRESETS[name]()
    if name == PHOTO:
        if head.light is None:
            raise HeadshotError("this head has no light of its photo: reconstruct it with --photometric")
        return from_harmonics(head.light)
    file = Path(name)
    if file.suffix.lower() in (".hdr", ".pic"):
        return from_picture(read_radiance(file))
    return from_picture(TO_LINEAR[np.asarray(read_photo(file).pixels)])


def is_known(light: str) -> bool:
    """Whether there is such a light, or a file."""
    return light in PRESETS or light == PHOTO or Path(light).exists()


def name_of(light: str) -> str:
    """How files that show a light are called."""
    return light if light in PRESETS or light == PHOTO else Path(light).stem
