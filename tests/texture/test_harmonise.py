"""The light and exposure that all views get, and which colours can be trusted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from headshot.models.head_model import load_head_model
from headshot.texture.harmonise import (
    amplified,
    bare_skin,
    coloured,
    even_light,
    exposed,
    log_colour,
    log_to_srgb,
    usual_tone,
)
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


def test_the_usual_tone_lies_between_those_of_the_views_nearer_to_who_shows_more() -> None:
    layers = [_layer((0.8, 0.5, 0.4)), _layer((0.4, 0.4, 0.4))]
    quality = np.stack([np.full(S, 0.9, np.float32), np.full(S, 0.1, np.float32)])
    tone = usual_tone(SKIN, layers, quality)
    assert (tone[:2] < (0.8, 0.5)).all() and (tone[:2] > (0.6, 0.45)).all()
    np.testing.assert_allclose(usual_tone(SKIN, layers[:1], quality[:1]), (0.8, 0.5, 0.4), atol=0.005)


def test_the_even_light_is_the_same_on_both_halves_and_has_no_colour() -> None:
    left = (SKIN.mirror > np.arange(S))[:, None]
    warm = np.where(left, (2.0, 1.0, 0.6), (0.3, 0.3, 0.3))
    light = even_light(SKIN, [_layer(light=warm), _layer(light=0.8)])
    assert light is not None and light.shape == (S,)
    np.testing.assert_allclose(light, light[SKIN.mirror], rtol=1e-5)
    assert light.min() > 0.3 and light.max() < 1.2
    assert even_light(SKIN, [_layer(), replace(_layer(), shading=None)]) is None


def test_bare_skin_is_darker_where_the_even_light_is_and_has_its_tone_on_the_face() -> None:
    tone = np.array(NORMAL, np.float32)
    np.testing.assert_allclose(bare_skin(SKIN, tone, None), np.tile(tone, (S, 1)), atol=1e-3)
    light = np.where(SKIN.core > 0.5, 1.0, 0.6).astype(np.float32)
    bare = bare_skin(SKIN, tone, light)
    np.testing.assert_allclose(
        bare[SKIN.core > 0.5], np.tile(tone, (int((SKIN.core > 0.5).sum()), 1)), atol=0.01
    )
    assert (bare[SKIN.core < 0.5] < tone - 0.05).all()


def test_logarithms_of_colours_and_back() -> None:
    colours = np.random.default_rng(1).uniform(0, 1, (50, 3)).astype(np.float32)
    np.testing.assert_allclose(log_to_srgb(log_colour(colours)), colours, atol=2e-3)


def test_what_was_made_brighter_counts_less() -> None:
    gains = np.stack([np.full((4, 3), g, np.float32) for g in (-1.0, 0.0, 0.5)])
    np.testing.assert_allclose(amplified(gains)[:, 0], [1, 1, np.exp(-1)], rtol=1e-5)


def test_clipped_colours_and_greyscale_photos_count_little() -> None:
    trust = exposed(np.array([[0.5, 0.4, 0.3], [1.0, 0.8, 0.6], [0.01, 0.01, 0.0]], np.float32))
    assert trust[0] == 1 and trust[1] < 0.2 and trust[2] < 0.01
    share = coloured([_layer(), _layer((0.5, 0.5, 0.5))])
    assert share[0] == 1 and share[1] < 0.3
    assert coloured([_layer((0.5, 0.5, 0.5))] * 2).min() > 0.1
