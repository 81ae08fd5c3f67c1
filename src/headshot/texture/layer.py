"""What one of several photos shows of a head, in 4 bytes a texel and a few numbers a vertex."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headshot.arrays import F32, U8, Array
from headshot.texture.sample import TexelSamples
from headshot.texture.skin_colour import SkinColourModel
from headshot.texture.skin_tone import SkinTone


@dataclass(frozen=True, eq=False)
class Layer:
    """What one photo shows of a texture.

    Attributes:
        colour: (T, T, 3) uint8 sRGB; changed in place when colours are brought together.
        weight: (T, T) uint8, 255 where a texel is seen well.
        tone: the person's skin in this photo.
        skin: the skin-colour model of this photo.
        sharpness: (S,) in [0, 1], `headshot.texture.sharpness.sharpness_of`.
        normals: (S, 3) unit, camera frame.
        shading: (S, 3) linear light on the skin, or None where the light is not known or taken out.
        trust: weight of the view, `TextureView.weight`.
        iris: (3,) see `TexelSamples`.
    """

    colour: U8
    weight: U8
    tone: SkinTone
    skin: SkinColourModel
    sharpness: F32
    normals: F32
    shading: F32 | None
    trust: float
    iris: Array | None = None


def layer_of(samples: TexelSamples, sharpness: F32, normals: F32, shading: F32 | None, trust: float) -> Layer:
    """The layer of a photo's samples; the arguments are those of `Layer`."""
    weight = (samples.weight * np.float32(255) + np.float32(0.5)).astype(np.uint8)
    return Layer(
        samples.colour, weight, samples.tone, samples.skin, sharpness, normals, shading, trust, samples.iris
    )


def unit_weight(weight: U8) -> F32:
    """Weights (T, T) in [0, 1]."""
    return weight * np.float32(1 / 255)
