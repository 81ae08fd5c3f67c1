"""What a texture is made for: a head model, its texels and its skin."""

from __future__ import annotations

from dataclasses import dataclass

from headshot.models.head_model import HeadModel
from headshot.texture.atlas import Atlas, atlas_of
from headshot.texture.surface import Surface, surface_of


@dataclass(frozen=True, eq=False)
class Layout:
    """A head model with a texture of a certain size.

    Attributes:
        model: the head model.
        texels: of its texture.
        skin: the graph of its skin.
    """

    model: HeadModel
    texels: Atlas
    skin: Surface

    @property
    def size(self) -> int:
        """Width and height T of the texture, texels."""
        return self.texels.triangle.shape[0]


def layout_of(model: HeadModel, size: int) -> Layout:
    """The layout of a texture of size x size texels; its parts are cached."""
    return Layout(model, atlas_of(model, size), surface_of(model))
