"""Eyes are measured in the photo that shows them best."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageFilter

from headshot.image.colour import TO_LINEAR, srgb_bytes
from headshot.models.head_model import load_head_model
from headshot.render import RenderSettings, render, view_camera
from headshot.texture import TextureSettings, TextureView, make_texture
from headshot.texture.eyes import eye_texels, paint_eyes

MODEL = load_head_model("high")
SIZE = 512


def _view(yaw: float, iris: tuple[float, float, float], blur: float, gain: float = 1.0) -> TextureView:
    texture = np.empty((SIZE, SIZE, 3), np.uint8)
    texture[:] = (190, 150, 128)
    paint_eyes(eye_texels(MODEL, SIZE), np.tile([0.85, 0.83, 0.80], (2, 1)), np.array(iris), texture)
    camera = view_camera(MODEL.mean, yaw, size=700)
    unlit = RenderSettings(lighting=0.0)
    photo = Image.fromarray(render(MODEL.mean, MODEL, camera, texture=texture, settings=unlit))
    pixels = np.asarray(photo.filter(ImageFilter.GaussianBlur(blur)) if blur else photo)
    return TextureView(srgb_bytes(TO_LINEAR[pixels] * gain), MODEL.mean, camera)


def _iris(views: list[TextureView]) -> np.ndarray:
    """Mean colour (3,) of both irises, as shares of its sum."""
    texture = make_texture(views, MODEL, TextureSettings(SIZE))
    rings = [eye.index[(eye.radius > 0.55) & (eye.radius < 0.8)] for eye in eye_texels(MODEL, SIZE)]
    colour = texture.pixels.reshape(-1, 3)[np.concatenate(rings)].mean(axis=0)
    return colour / colour.sum()


def test_the_sharp_and_frontal_view_gives_the_colour_of_eyes() -> None:
    blue, brown = (0.25, 0.42, 0.62), (0.30, 0.19, 0.10)
    sharp, blurred, side = _view(0, blue, 0), _view(0, brown, 5.0), _view(70, brown, 0)
    expected = _iris([sharp])
    for others in ([blurred, sharp], [sharp, side], [side, blurred, sharp]):
        np.testing.assert_allclose(_iris(others), expected, atol=0.03)


def test_its_exposure_is_that_of_the_texture() -> None:
    blue = (0.25, 0.42, 0.62)
    views = [_view(0, blue, 0.0), _view(0, blue, 1.5, 0.6)]
    np.testing.assert_allclose(_iris(views), _iris(views[:1]), atol=0.03)
