"""Painted eyes."""

from __future__ import annotations

import numpy as np

from headshot.image.colour import luma
from headshot.models.head_model import load_head_model
from headshot.texture.eyes import eye_texels, measure_eyes, paint_eyes


def test_eyes_look_alive_without_any_pixel_of_them() -> None:
    eyes = eye_texels(load_head_model("high"), 1024)
    out = np.zeros((1024, 1024, 3), np.uint8)
    tone = np.array([0.8, 0.62, 0.53], np.float32)
    sclera, iris = measure_eyes(eyes, out, np.zeros((1024, 1024), np.float32), tone)
    paint_eyes(eyes, sclera, iris, out)
    for eye in eyes:
        colour = out.reshape(-1, 3)[eye.index].astype(float).mean(axis=1)
        pupil, ring, white = (
            np.median(colour[(eye.radius > a) & (eye.radius < b)])
            for a, b in ((0.0, 0.25), (0.55, 0.75), (1.2, 1.6))
        )
        assert pupil < 0.6 * ring and ring < 0.6 * white
        assert colour[eye.radius < 1].max() > 0.8 * white  # the reflection


def test_the_whites_of_eyes_do_not_glow_in_a_photo_that_is_nearly_black() -> None:
    eyes = eye_texels(load_head_model("high"), 256)
    unseen, colour = np.zeros((256, 256), np.float32), np.zeros((256, 256, 3), np.uint8)
    light = np.array([0.8, 0.62, 0.53], np.float32)
    for tone, most in ((light, 1.5), (0.08 * light, 1.7), (np.array([0.24, 0.15, 0.11], np.float32), 3.5)):
        sclera, iris = measure_eyes(eyes, colour, unseen, tone)
        assert luma(sclera).max() < most * luma(tone), tone
        assert luma(iris) < luma(sclera).min()
