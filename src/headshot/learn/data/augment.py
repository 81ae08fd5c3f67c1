"""Changes of photos that a network should not mind: exposure, colour, noise, sharpness, compression, size."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageFilter

from headshot.arrays import F32, U8
from headshot.image.colour import LUMA
from headshot.image.crop import FaceCrop

GREY = np.array(LUMA, np.float32)


def jittered(crop: FaceCrop, random: np.random.Generator) -> FaceCrop:
    """A crop moved, scaled and turned as if landmarks were bad."""
    scale = float(np.clip(np.exp(random.normal(0, 0.12)), 0.7, 1.4))
    x, y = np.array([crop.x, crop.y]) + np.clip(random.normal(0, 0.04, 2), -0.15, 0.15) * crop.side
    turn = random.uniform(-0.8, 0.8) if random.random() < 0.05 else random.normal(0, 0.12)  # radians
    return FaceCrop(float(x), float(y), crop.side * scale, crop.roll + float(np.degrees(turn)))


def change_colours(pixels: U8, random: np.random.Generator) -> U8:
    """Exposure, contrast, gamma, colour cast, saturation; sometimes greyscale, light from one side, noise."""
    x = pixels.astype(np.float32) / 255
    x **= np.float32(np.exp(random.normal(0, 0.25)))
    cast = np.exp(random.normal(0, 0.08, 3)).astype(np.float32)
    x *= cast * np.float32(np.exp(random.normal(0, 0.15)))
    if random.random() < 0.3:
        x *= _side_light(x.shape[0], random)[..., None]
    grey = (x @ GREY)[..., None]
    saturation = 0.0 if random.random() < 0.08 else max(0.0, random.normal(1, 0.25))
    x = grey + np.float32(saturation) * (x - grey)
    middle = np.float32(x.mean())
    x = middle + np.float32(np.exp(random.normal(0, 0.18))) * (x - middle)
    if random.random() < 0.25:
        x += random.standard_normal(x.shape, dtype=np.float32) * np.float32(random.uniform(0, 0.06))
    return np.clip(x * 255 + 0.5, 0, 255).astype(np.uint8)


def degrade(pixels: U8, random: np.random.Generator) -> U8:
    """Sometimes fewer pixels, blur, or JPEG's artefacts."""
    image = Image.fromarray(pixels)
    size = image.size
    kind = random.random()
    if kind < 0.2:
        small = max(24, int(size[0] * np.exp(random.uniform(np.log(0.18), np.log(0.8)))))
        image = image.resize((small, small), Image.Resampling.BOX).resize(size, Image.Resampling.BILINEAR)
    elif kind < 0.3:
        image = image.filter(ImageFilter.GaussianBlur(random.uniform(0.3, 2.2) * size[0] / 256))
    if random.random() < 0.25:
        buffer = io.BytesIO()
        image.save(buffer, "jpeg", quality=int(random.integers(12, 80)))
        image = Image.open(buffer).convert("RGB")
    return np.asarray(image)


def _side_light(size: int, random: np.random.Generator) -> F32:
    """Brightness (size, size) that falls off from one side to the other, around 1."""
    angle, strength = random.uniform(0, 2 * np.pi), random.uniform(0.1, 0.6)
    ramp = np.linspace(-1, 1, size, dtype=np.float32)
    across = np.cos(angle) * ramp[None, :] + np.sin(angle) * ramp[:, None]
    return np.exp(np.float32(strength) * across).astype(np.float32)
