"""Textures of heads from the photos that they were made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headshot.texture import Texture, TextureSettings, make_texture
from headshot.texture.appearance import looks_from, looks_of

if TYPE_CHECKING:
    from headshot.results import Head
