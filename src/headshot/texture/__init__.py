"""Textures of heads from photos: what the photos show is copied, the rest is completed.

    photos + heads ─► what each texel shows, and how well it is seen   (crop, sample, visibility, skin_colour)
                   ─► the light taken out, if that is wanted           (appearance, delight)
                   ─► several photos merged                            (merge)
                   ─► the rest of the skin, in the photo's light       (complete)
                   ─► eyes and mouth                                   (eyes, mouth)

Dimension letters: T x T texels, S vertices of the skin.
"""

from headshot.texture.appearance import PersonAlbedo
from headshot.texture.make import Texture, TextureSettings, make_texture
from headshot.texture.view import TextureView

__all__ = ["PersonAlbedo", "Texture", "TextureSettings", "TextureView", "make_texture"]
