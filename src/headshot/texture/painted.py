"""What is painted rather than copied: the tones of eyes and teeth, from the photo that shows them best.

Dimension letters: N views, T x T texels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from headshot.arrays import F32, I32, U8, Array
from headshot.image.colour import linear_to_srgb, srgb_to_linear
from headshot.texture.eyes import eye_texels, measure_eyes, paint_eyes
from headshot.texture.layer import Layer, unit_weight
from headshot.texture.layout import Layout
from headshot.texture.mouth import between_lips, measure_teeth, paint_teeth, paint_tongue, tooth_texels
from headshot.texture.sample import TexelSamples
from headshot.texture.view import TextureView

_FRONT = 2.6  # radii of the iris: the part of an eyeball that lids may leave open


@dataclass(frozen=True, eq=False)
class Painted:
    """Tones of what is painted, sRGB in [0, 1].

    Attributes:
        sclera: (2, 3) the whites of the eyes.
        iris: (3,).
        tooth: (3,).
    """

    sclera: Array
    iris: Array
    tooth: Array


def measure_painted(layout: Layout, seen: TexelSamples, view: TextureView) -> Painted:
    """The tones of eyes and teeth in one photo."""
    tone = seen.tone.tone
    sclera, iris = measure_eyes(
        eye_texels(layout.model, layout.size), seen.colour, seen.weight, tone, seen.iris
    )
    lips = between_lips(view.pixels, view.segmentation)
    return Painted(sclera, iris, measure_teeth(layout.model, seen.colour, seen.weight, tone, lips))


def measure_best(
    layout: Layout, layers: Sequence[Layer], views: Sequence[TextureView], gains: F32, tone: F32
) -> Painted:
    """The tones of eyes and teeth, each in the photo that shows them best.

    Args:
        layout: of the texture.
        layers: what the photos show, their colours brought together.
        views: the photos.
        gains: (N, 3) factors of linear light that brought them together.
        tone: (3,) sRGB, the person's skin.
    """
    model, size = layout.model, layout.size
    eyes = eye_texels(model, size)
    open_eyes = [eye.index[eye.radius < _FRONT] for eye in eyes]
    best = layers[_sharpest(layout, layers, "eyelids", open_eyes)]
    sclera, iris = measure_eyes(eyes, best.colour, unit_weight(best.weight), tone, best.iris)
    k = _sharpest(layout, layers, "lips", [row.index for row in tooth_texels(model, size)])
    lips = between_lips(views[k].pixels, views[k].segmentation)
    lips = np.asarray(linear_to_srgb(np.clip(srgb_to_linear(lips) * gains[k], 0, 1)), np.float32)
    tooth = measure_teeth(model, layers[k].colour, unit_weight(layers[k].weight), tone, lips)
    return Painted(sclera, iris, tooth)


def paint(layout: Layout, painted: Painted, tone: F32, out: U8) -> None:
    """Paint eyes, teeth and the tongue into a texture (T, T, 3); ``tone`` (3,) is that of the skin."""
    paint_eyes(eye_texels(layout.model, layout.size), painted.sclera, painted.iris, out)
    paint_teeth(layout.model, tone, painted.tooth, out)
    paint_tongue(layout.model, out)


def _sharpest(layout: Layout, layers: Sequence[Layer], region: str, texels: Sequence[I32]) -> int:
    """The layer that shows some texels best: most of them, most sharply around."""
    around = layout.model.regions[region][layout.skin.vertices] * layout.skin.area
    scores = []
    for layer in layers:
        area = sum(float(layer.weight.ravel()[index].sum()) for index in texels)
        fine = float(layer.sharpness @ around) / max(float(around.sum()), 1e-9)
        scores.append(layer.trust * (1 + area) * fine)
    return int(np.argmax(scores))
