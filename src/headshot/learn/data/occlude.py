"""Things put before faces, so that a network learns partly hidden faces.

Real data sets hardly show hands, masks, microphones or bars of colour before a face. Here they are drawn:
shapes with the texture of other photos, hands (rounded strokes in the person's own skin colour), dark glasses
and masks where the crop has eyes and mouth, strands cut out of other people's hair, and bars. Whatever covers
the face is labelled as what it is: background, hair or glasses.
"""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from headshot.arrays import F32, U8, Array, Mask
from headshot.datasets.parts.scheme import Sets, classes

BACKGROUND, HAIR, GLASSES = classes("background"), classes("hair"), classes("glasses")
SKIN = classes("skin")

# Where an upright crop has the eyes and the mouth, in sides of the crop from its left and its top.
EYES, APART, MOUTH = (0.5, 0.47), 0.2, (0.5, 0.66)


def occlude(pixels: U8, sets: Sets, other: tuple[U8, Sets], random: np.random.Generator) -> tuple[U8, Sets]:
    """Cover part of a face.

    Args:
        pixels: (S, S, 3) crop of a face.
        sets: (S, S) its labels.
        other: crop and labels of somebody else, of the same size, to take texture and hair from.
        random: decides.

    Returns:
        The changed crop and labels.
    """
    kind = random.choice(6, p=(0.3, 0.25, 0.13, 0.12, 0.1, 0.1))
    size = pixels.shape[0]
    if kind == 0:
        mask, label, cover = draw_blob(size, random), BACKGROUND, texture(other[0], random)
    elif kind == 1:
        mask, label, cover = draw_hand(size, random), BACKGROUND, skin_like(pixels, sets, random)
    elif kind == 2:
        mask, label, cover = draw_glasses(size, random), GLASSES, dark(size, random)
    elif kind == 3:
        mask, label, cover = draw_face_mask(size, random), BACKGROUND, texture(other[0], random)
    elif kind == 4:
        shift = tuple(random.integers(-size // 4, size // 4, 2))
        cover = np.roll(other[0], shift, axis=(0, 1))
        hair = np.roll(other[1], shift, axis=(0, 1)) == HAIR
        mask, label = _soft(hair, random), HAIR
    else:
        mask, label, cover = draw_bars(size, random), BACKGROUND, texture(other[0], random)
    alpha = mask[..., None]
    mixed = pixels + alpha * (cover.astype(np.float32) - pixels)
    return (mixed + 0.5).astype(np.uint8), np.where(mask > 0.5, np.uint16(label), sets)


def _draw(size: int) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    image = Image.new("L", (size, size))
    return image, ImageDraw.Draw(image)


def _soft(mask: Image.Image | Mask, random: np.random.Generator) -> F32:
    """A mask (S, S) in [0, 1] with edges as blurred as a photo's."""
    if not isinstance(mask, Image.Image):
        mask = Image.fromarray(mask.astype(np.uint8) * 255)
    blurred = mask.filter(ImageFilter.GaussianBlur(random.uniform(0.2, 1.5) * mask.size[0] / 256))
    return np.asarray(blurred, np.float32) / np.float32(255)


def draw_blob(size: int, random: np.random.Generator) -> F32:
    """A polygon of random roundness before the face or at its edge."""
    centre = random.normal(0.5, 0.16, 2) * size
    corners = int(random.integers(3, 12))
    radius = size * random.uniform(0.06, 0.26) * random.uniform(0.5, 1.2, corners)
    angles = np.sort(random.uniform(0, 2 * np.pi, corners))
    stretch = np.exp(random.normal(0, 0.35, 2))
    outline = centre + stretch * radius[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    image, draw = _draw(size)
    draw.polygon([tuple(point) for point in outline.tolist()], fill=255)
    if random.random() < 0.5:
        image = image.filter(ImageFilter.GaussianBlur(size * 0.03)).point(lambda v: 255 * (v > 100))
    return _soft(image, random)


def draw_hand(size: int, random: np.random.Generator) -> F32:
    """Fingers and a palm: thick strokes side by side out of a disc, from any side."""
    image, draw = _draw(size)
    palm = random.normal(0.5, 0.2, 2) * size
    towards = np.array([0.5, 0.58]) * size - palm
    angle = np.arctan2(towards[1], towards[0]) + random.normal(0, 0.5)
    width = size * random.uniform(0.03, 0.06)
    fingers = int(random.integers(1, 6))
    for finger in range(fingers):
        spread = (finger - (fingers - 1) / 2) * random.uniform(0.02, 0.3)
        side = (finger - (fingers - 1) / 2) * width * 1.05
        start = palm + side * np.array([-np.sin(angle), np.cos(angle)])
        length = size * random.uniform(0.1, 0.28)
        end = start + length * np.array([np.cos(angle + spread), np.sin(angle + spread)])
        draw.line([tuple(start.tolist()), tuple(end.tolist())], fill=255, width=max(2, int(width)))
        for point in (start, end):
            draw.ellipse(_box(point, width / 2), fill=255)
    draw.ellipse(_box(palm, width * (fingers + 1) / 2), fill=255)
    if random.random() < 0.7:  # the wrist
        far = palm - size * np.array([np.cos(angle), np.sin(angle)])
        draw.line([tuple(palm.tolist()), tuple(far.tolist())], fill=255, width=int(width * (fingers + 0.5)))
    return _soft(image, random)


def draw_glasses(size: int, random: np.random.Generator) -> F32:
    """Two dark lenses, a bridge, and temples."""
    image, draw = _draw(size)
    across, down = (size * random.uniform(*span) for span in ((0.065, 0.1), (0.045, 0.085)))
    y = size * (EYES[1] + random.normal(0.01, 0.012))
    thick = max(1, int(size * random.uniform(0.006, 0.02)))
    for sign in (-1, 1):
        x = size * (EYES[0] + sign * APART / 2)
        box = (x - across, y - down, x + across, y + down)
        if random.random() < 0.5:
            draw.ellipse(box, fill=255)
        else:
            draw.rounded_rectangle(box, radius=down * random.uniform(0.2, 0.9), fill=255)
        draw.line((x, y - down / 2, x + sign * size * 0.17, y - down / 2), fill=255, width=thick)
    middle = size * EYES[0]
    draw.line((middle - size * APART / 2, y - down / 2, middle + size * APART / 2, y - down / 2), 255, thick)
    return _soft(image, random)


def draw_face_mask(size: int, random: np.random.Generator) -> F32:
    """A medical mask or a scarf: from the bridge of the nose to below the chin."""
    image, draw = _draw(size)
    top, half = size * random.uniform(0.5, 0.6), size * random.uniform(0.17, 0.25)
    middle = size * random.normal(MOUTH[0], 0.02)
    low = size * random.uniform(0.76, 0.9)
    outline = [
        (middle - half, top + size * random.uniform(0, 0.06)),
        (middle, top - size * random.uniform(0, 0.03)),
        (middle + half, top + size * random.uniform(0, 0.06)),
        (middle + half * random.uniform(0.5, 1), low - size * 0.06),
        (middle, low),
        (middle - half * random.uniform(0.5, 1), low - size * 0.06),
    ]
    draw.polygon(outline, fill=255)
    return _soft(image, random)


def draw_bars(size: int, random: np.random.Generator) -> F32:
    """A few straight things: a microphone, a cable, a fence."""
    image, draw = _draw(size)
    for _ in range(int(random.integers(1, 4))):
        centre, angle = random.normal(0.5, 0.15, 2) * size, random.uniform(0, np.pi)
        reach = size * random.uniform(0.2, 1.2) * np.array([np.cos(angle), np.sin(angle)])
        ends = [tuple((centre - reach).tolist()), tuple((centre + reach).tolist())]
        draw.line(ends, fill=255, width=max(2, int(size * random.uniform(0.01, 0.09))))
        if random.random() < 0.4:
            draw.ellipse(_box(centre + reach, size * random.uniform(0.04, 0.1)), fill=255)
    return _soft(image, random)


def _box(centre: Array, radius: float) -> tuple[float, float, float, float]:
    x, y = centre.tolist()
    return x - radius, y - radius, x + radius, y + radius


def texture(other: U8, random: np.random.Generator) -> U8:
    """One colour, a ramp of two, blotches, or an enlarged piece of another photo."""
    size = other.shape[0]
    kind = random.random()
    if kind < 0.5:
        side = int(random.integers(size // 6, size))
        x, y = random.integers(0, size - side + 1, 2)
        piece = Image.fromarray(other[y : y + side, x : x + side])
        return np.asarray(piece.resize((size, size), Image.Resampling.BILINEAR))
    colours = random.uniform(0, 255, (2, 3)).astype(np.float32)
    if kind < 0.7:
        return np.broadcast_to(colours[0].astype(np.uint8), other.shape)
    coarse = random.uniform(0, 255, (int(random.integers(2, 24)),) * 2).astype(np.uint8)
    mix = np.asarray(Image.fromarray(coarse).resize((size, size), Image.Resampling.BICUBIC), np.float32)
    return (colours[0] + mix[..., None] / 255 * (colours[1] - colours[0])).astype(np.uint8)


def skin_like(pixels: U8, sets: Sets, random: np.random.Generator) -> U8:
    """The colour of the person's own skin, a little off, with a ramp of light across it."""
    size = pixels.shape[0]
    own = pixels[(sets & SKIN) > 0]
    colour = np.median(own, axis=0) if len(own) > 50 else random.uniform(60, 220, 3) * (1, 0.8, 0.7)
    colour = colour * np.exp(random.normal(0, 0.15)) * np.exp(random.normal(0, 0.05, 3))
    coarse = (random.uniform(0, 1, (6, 6)) * 255).astype(np.uint8)
    light = np.asarray(Image.fromarray(coarse).resize((size, size), Image.Resampling.BICUBIC), np.float32)
    light = np.exp((light / 255 - 0.5) * random.uniform(0.1, 0.9))
    grain = random.normal(0, random.uniform(0, 5), (size, size, 1))
    return np.clip(colour * light[..., None] + grain, 0, 255).astype(np.uint8)


def dark(size: int, random: np.random.Generator) -> U8:
    """Dark glass: a ramp of little light, of any tint."""
    tint = random.uniform(0, 70, 3) if random.random() < 0.8 else random.uniform(0, 255, 3)
    ramp = np.linspace(0, random.uniform(0, 90), size)[:, None, None]
    return np.broadcast_to(np.clip(tint + ramp, 0, 255), (size, size, 3)).astype(np.uint8)
