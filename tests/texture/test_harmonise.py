"""Which view is the reference, and which colours can be trusted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from headshot.models.head_model import load_head_model
from headshot.texture.harmonise import choose_reference, coloured, exposed
from headshot.texture.layer import Layer
from headshot.texture.skin_colour import SkinColourModel
from headshot.texture.skin_tone import SkinTone
from headshot.texture.surface import surface_of

SKIN = surface_of(load_head_model("low"))
S = len(SKIN.vertices)
NORMAL = (0.7, 0.53, 0.44)


def _layer(tone: tuple[float, float, float] = NORMAL, light: np.ndarray | float = 1.0) -> Layer:
    nothing = np.zeros((1, 1), np.uint8)
    skin = SkinTone(np.array(tone, np.float32), np.zeros(2), np.eye(2), np.zeros(4), 0.2)
    model = SkinColourModel(np.zeros((S, 3)), np.full((S, 3), tone), 0.0, np.zeros(S))
    ones = np.ones((S, 3), np.float32)
    return Layer(nothing, nothing, skin, model, ones[:, 0], ones, ones * np.float32(light), 1.0)


def test_a_view_of_both_halves_is_the_reference() -> None:
    left = (SKIN.mirror > np.arange(S)).astype(np.float32)
    quality = np.stack([1.5 * left, np.full(S, 0.5, np.float32)])
    assert choose_reference(SKIN, [_layer(), _layer()], quality) == 1


def test_a_view_that_is_too_bright_or_unevenly_lit_is_not() -> None:
    quality = np.full((3, S), 0.5, np.float32)
    quality[0] = 0.55
    assert choose_reference(SKIN, [_layer(), _layer(), _layer()], quality) == 0
    assert choose_reference(SKIN, [_layer((0.98, 0.9, 0.85)), _layer(), _layer()], quality) > 0
    uneven = np.where(np.arange(S) % 2, 0.2, 1.8)[:, None]
    assert choose_reference(SKIN, [_layer(light=uneven), _layer(), _layer()], quality) > 0
    assert choose_reference(SKIN, [replace(_layer(), shading=None) for _ in range(3)], quality) == 0


def test_clipped_colours_and_greyscale_photos_count_little() -> None:
    trust = exposed(np.array([[0.5, 0.4, 0.3], [1.0, 0.8, 0.6], [0.01, 0.01, 0.0]], np.float32))
    assert trust[0] == 1 and trust[1] < 0.2 and trust[2] < 0.01
    share = coloured([_layer(), _layer((0.5, 0.5, 0.5))])
    assert share[0] == 1 and share[1] < 0.3
    assert coloured([_layer((0.5, 0.5, 0.5))] * 2).min() > 0.1
