"""The tone of teeth."""

from __future__ import annotations

import numpy as np

from headshot.image.colour import luma
from headshot.models.head_model import load_head_model
from headshot.perception.segmentation import CLASSES, Segmentation
from headshot.texture.mouth import between_lips, measure_teeth

MODEL = load_head_model("high")
SIZE = 512


def test_teeth_in_a_narrow_gap_are_as_bright_as_the_gap() -> None:
    """Lips a few millimetres apart leave no texel of a tooth that is seen well, but the photo says enough."""
    size = 128
    crop = np.zeros((len(CLASSES), size, size), np.float32)
    crop[CLASSES.index("mouth"), 60:64, 40:80] = 1
    parts = Segmentation(crop, np.array([[2.0, 0, 10], [0, 2.0, 5]]), (300, 300))
    tone = np.array([0.8, 0.63, 0.53], np.float32)
    unseen = np.zeros((SIZE, SIZE), np.float32)
    colour = np.zeros((SIZE, SIZE, 3), np.uint8)
    photo = np.full((300, 300, 3), (200, 160, 135), np.uint8)
    levels = []
    for gap in (40, 190):
        photo[125:133, 90:170] = gap
        between = between_lips(photo, parts)
        assert between.shape == (4 * 40, 3) and (between == np.float32(gap / 255)).all()
        levels.append(measure_teeth(MODEL, colour, unseen, tone, between).mean())
    unknown = measure_teeth(MODEL, colour, unseen, tone, between_lips(photo, None)).mean()
    assert levels[0] < 0.65 * unknown < 0.9 * levels[1]


def test_teeth_in_a_dark_mouth_are_dark() -> None:
    """An open mouth without light in it shows no bright teeth; a dark line between lips says nothing."""
    tone = np.array([0.8, 0.63, 0.53], np.float32)
    colour, unseen = np.zeros((SIZE, SIZE, 3), np.uint8), np.zeros((SIZE, SIZE), np.float32)
    dark = np.full((200, 3), 0.08, np.float32)
    wide, narrow, unknown = (
        measure_teeth(MODEL, colour, unseen, tone, between).mean() for between in (dark, dark[:8], None)
    )
    assert wide < 0.5 * unknown < narrow


def test_teeth_do_not_glow_in_a_photo_that_is_nearly_black() -> None:
    colour, unseen = np.zeros((SIZE, SIZE, 3), np.uint8), np.zeros((SIZE, SIZE), np.float32)
    light = np.array([0.8, 0.63, 0.53], np.float32)
    tooth, dark = (luma(measure_teeth(MODEL, colour, unseen, tone)) for tone in (light, 0.08 * light))
    assert dark / luma(0.08 * light) < 1.5 * tooth / luma(light)
