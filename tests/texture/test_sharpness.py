"""Blur as it was made, and views that show a cheek better or worse."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from headshot.models.head_model import load_head_model
from headshot.render import view_camera
from headshot.texture.crop import crop_head
from headshot.texture.layout import layout_of
from headshot.texture.sharpness import SHARP, blur_of, sharpness_of
from headshot.texture.view import TextureView

MODEL = load_head_model("low")


def _edges() -> Image.Image:
    """Discs with edges as sharp as pixels allow."""
    large = Image.new("RGB", (800, 800), (190, 150, 130))
    draw = ImageDraw.Draw(large)
    for k in range(40):
        x, y = (k * 193) % 720, (k * 311) % 720
        draw.ellipse((x, y, x + 70, y + 50), fill=(60 + 3 * k, 50, 40))
    return large.resize((200, 200), Image.Resampling.BOX)


@pytest.mark.parametrize("sigma", [1.0, 2.0, 3.0])
def test_blur_is_measured(sigma: float) -> None:
    everywhere = np.ones((200, 200), bool)
    sharp = blur_of(np.asarray(_edges()), everywhere)
    assert sharp == pytest.approx(SHARP, rel=0.2)
    blurred = _edges().filter(ImageFilter.GaussianBlur(sigma))
    assert blur_of(np.asarray(blurred), everywhere) == pytest.approx(np.hypot(sigma, sharp), rel=0.2)


def test_nothing_to_measure_counts_as_sharp() -> None:
    grey = np.full((50, 50, 3), 128, np.uint8)
    assert blur_of(grey, np.zeros((50, 50), bool)) == SHARP
    assert blur_of(grey, np.ones((50, 50), bool)) == SHARP


def _cheek(yaw: float, size: int, blur: float = 0.0) -> float:
    """Mean sharpness on the subject's left cheek in a picture of noise on the head."""
    layout = layout_of(MODEL, 512)
    noise = np.random.default_rng(0).integers(0, 255, (size // 4, size // 4, 3)).astype(np.uint8)
    picture = Image.fromarray(noise).resize((size, size), Image.Resampling.NEAREST)
    pixels = np.asarray(picture.filter(ImageFilter.GaussianBlur(blur)) if blur else picture)
    view = TextureView(pixels, MODEL.mean, view_camera(MODEL.mean, yaw, size=size))
    sharp = sharpness_of(layout, crop_head(view, MODEL, 512))
    cheek = (layout.skin.core > 0.5) & (MODEL.mean[layout.skin.vertices, 0] > 35)
    return float(sharp[cheek].mean())


def test_near_sharp_and_facing_views_show_a_cheek_best() -> None:
    facing = _cheek(-50, 240)  # the subject's right is turned away
    assert facing > 1.5 * _cheek(0, 240) > 3 * _cheek(60, 240)
    assert facing > 1.5 * _cheek(-50, 120)
    assert facing > 1.5 * _cheek(-50, 240, blur=3.0)
    assert _cheek(60, 240) >= 0 and facing <= 1
