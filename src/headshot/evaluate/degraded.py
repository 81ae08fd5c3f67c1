"""Photos as users have them: blurred, noisy, compressed, wrongly exposed, small, drawn, or partly covered.

Each kind spoils a sharp photo of a face by a strength that is drawn between hardly visible and severe, so
that what measures quality has to say how bad a photo is, and not only that it is not as it was. `SEEN` kinds
are those that the quality score is calibrated with, `WORN` those of its scales of glasses and hats, `UNSEEN`
ones those that it never saw (docs/explanation/quality.md).

Known weaknesses: real hands have shadows and real blur varies over the photo; hats and glasses are real
pixels of other people's photos, but laid on by five points.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from headshot.arrays import U8, Array, Mask
from headshot.geometry.align import planar_similarity
from headshot.image.colour import TO_LINEAR, linear_to_srgb
from headshot.metrics.landmarks import box_root
from headshot.models.topologies import ibug68


@dataclass(frozen=True, eq=False)
class Face:
    """A photo and where its face is.

    Attributes:
        pixels: (H, W, 3) uint8 sRGB.
        points: (68, 2) iBUG points, pixels.
    """

    pixels: U8
    points: Array

    @property
    def size(self) -> float:
        """Root of the area of the points' box, pixels."""
        return float(box_root(self.points))

    def painted(self, draw: Callable[[ImageDraw.ImageDraw], None], cover: U8) -> Face:
        """With the pixels of ``cover`` (H, W, 3) where ``draw`` paints white, with edges a pixel soft."""
        mask = Image.new("L", (self.pixels.shape[1], self.pixels.shape[0]))
        draw(ImageDraw.Draw(mask))
        alpha = np.asarray(mask.filter(ImageFilter.GaussianBlur(0.7)), np.float32)[..., None] / 255
        return self.changed(self.pixels + alpha * (cover.astype(np.float32) - self.pixels))

    def changed(self, pixels: ArrayLike) -> Face:
        """With other pixels, of levels from 0 to 255."""
        levels = np.clip(np.round(np.asarray(pixels, np.float32)), 0, 255)
        return Face(levels.astype(np.uint8), self.points)

    def flat(self, colour: tuple[float, ...]) -> U8:
        """A picture of one colour."""
        return np.broadcast_to(np.array(colour, np.float32), self.pixels.shape).astype(np.uint8)


def _log_uniform(random: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(random.uniform(np.log(low), np.log(high))))


# --- what happens to all of a photo


def blur(face: Face, sigma: float) -> Face:
    """A Gaussian, ``sigma`` in pixels."""
    return Face(np.asarray(Image.fromarray(face.pixels).filter(ImageFilter.GaussianBlur(sigma))), face.points)


def noise(face: Face, sigma: float, random: np.random.Generator) -> Face:
    """Gaussian noise of ``sigma`` levels in each channel."""
    return face.changed(face.pixels + random.normal(0, sigma, face.pixels.shape))


def jpeg(face: Face, quality: int) -> Face:
    """Through a JPEG file."""
    file = BytesIO()
    Image.fromarray(face.pixels).save(file, "JPEG", quality=quality)
    return Face(np.asarray(Image.open(file).convert("RGB")), face.points)


def exposure(face: Face, factor: float) -> Face:
    """Levels multiplied, and clipped at white."""
    return face.changed(face.pixels * np.float32(factor))


def few_colours(face: Face, colours: int) -> Face:
    """The best palette of so many colours, without dithering."""
    image = Image.fromarray(face.pixels).quantize(colours, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    return Face(np.asarray(image.convert("RGB")), face.points)


def reduced(face: Face, size: float) -> Face:
    """Made smaller until the face has ``size`` pixels (`Face.size`)."""
    factor = min(1.0, size / face.size)
    height, width = face.pixels.shape[:2]
    small = (max(8, round(width * factor)), max(8, round(height * factor)))
    image = Image.fromarray(face.pixels).resize(small, Image.Resampling.BOX)
    return Face(np.asarray(image), face.points * np.divide(small, (width, height)))


def motion(face: Face, length: float, degrees: float) -> Face:
    """Smeared over ``length`` pixels in a direction."""
    steps = max(2, round(length))
    angle = np.radians(degrees)
    image = Image.fromarray(face.pixels)
    total = np.zeros(face.pixels.shape, np.float32)
    for t in np.linspace(-0.5, 0.5, steps):
        shift = (1, 0, float(t * length * np.cos(angle)), 0, 1, float(t * length * np.sin(angle)))
        moved = image.transform(image.size, Image.Transform.AFFINE, shift, Image.Resampling.BILINEAR)
        total += np.asarray(moved, np.float32)
    return face.changed(total / steps)


def mosaic(face: Face, cell: float) -> Face:
    """In squares of ``cell`` pixels."""
    height, width = face.pixels.shape[:2]
    small = (max(2, round(width / cell)), max(2, round(height / cell)))
    image = Image.fromarray(face.pixels).resize(small, Image.Resampling.BOX)
    return Face(np.asarray(image.resize((width, height), Image.Resampling.NEAREST)), face.points)


def faded(face: Face, contrast: float) -> Face:
    """Behind fog: contrast left, around a light grey."""
    return face.changed(190 + np.float32(contrast) * (face.pixels.astype(np.float32) - 190))


def low_light(face: Face, factor: float, random: np.random.Generator) -> Face:
    """Light of a dark room: linear light times a factor, with a sensor's noise, brightened again by half of
    what is missing."""
    linear = TO_LINEAR[face.pixels] * np.float32(factor)
    photons = random.normal(linear, np.sqrt(np.maximum(linear, 0) * 0.0015 + 0.004**2))
    bright = np.clip(photons / np.sqrt(factor), 0, 1).astype(np.float32)
    return face.changed(255 * linear_to_srgb(bright))


def cartoon(face: Face, colours: int, width: int) -> Face:
    """Flat colours and dark lines, as filters of phones draw."""
    image = Image.fromarray(face.pixels)
    for _ in range(2):
        image = image.filter(ImageFilter.ModeFilter(width)).filter(ImageFilter.MedianFilter(5))
    image = image.quantize(colours, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).convert("RGB")
    grey = Image.fromarray(face.pixels).convert("L").filter(ImageFilter.GaussianBlur(1.2))
    wide = grey.filter(ImageFilter.GaussianBlur(2.5))
    lines = ImageChops.subtract(wide, grey).point(lambda v: 255 if v > 5 else 0)
    dark = Image.new("RGB", image.size, (20, 16, 16))
    return Face(np.asarray(Image.composite(dark, image, lines)), face.points)


# --- what covers a face


def bar(face: Face, share: float, side: int, colour: tuple[int, int, int] = (0, 0, 0)) -> Face:
    """A bar over ``share`` of the face from the left (0), the right (1), below (2), or over the eyes (3)."""
    low, high = face.points.min(axis=0), face.points.max(axis=0)
    span = high - low
    low, high = low - 0.25 * span, high + 0.25 * span  # the points end at the brows
    inner_low, inner_high = face.points.min(axis=0), face.points.max(axis=0)
    if side == 0:
        high[0] = inner_low[0] + share * span[0]
    elif side == 1:
        low[0] = inner_high[0] - share * span[0]
    elif side == 2:
        low[1] = inner_high[1] - share * span[1]
    else:
        eyes = face.points[36:48, 1].mean()
        low[1], high[1] = eyes - share * span[1] / 2, eyes + share * span[1] / 2
    return face.painted(lambda draw: draw.rectangle([*low, *high], fill=255), face.flat(colour))


def surgical_mask(face: Face, colour: tuple[int, int, int] = (146, 178, 196)) -> Face:
    """A mask over nose and mouth, with folds."""
    p = face.points
    outline = [tuple(point) for point in (*p[2:15], p[28])]
    cover = face.flat(colour).astype(np.float32)
    rows = np.arange(len(cover))[:, None, None] / max(face.size, 1)
    cover *= 1 + 0.05 * np.sin(rows * 40)
    return face.painted(lambda draw: draw.polygon(outline, fill=255), np.clip(cover, 0, 255).astype(np.uint8))


def hand(face: Face, centre: Array, random: np.random.Generator) -> Face:
    """A hand in the person's own skin colour: a palm from below or the side, and four fingers."""
    skin = np.median(
        [face.pixels[tuple(np.clip(q[::-1], 0, np.array(face.pixels.shape[:2]) - 1).astype(int))]
         for q in (face.points[29], *((face.points[2:4] + face.points[30]) / 2))], axis=0
    )  # fmt: skip
    size = face.size
    angle = np.radians(random.uniform(-150, -30))  # fingers point upwards
    forward = np.array([np.cos(angle), np.sin(angle)])
    right = np.array([-forward[1], forward[0]])
    width = 0.13 * size * random.uniform(0.85, 1.15)
    height, across, _ = face.pixels.shape
    ramp = np.linspace(0.75, 1.1, across)[None, :, None] * np.linspace(1.08, 0.85, height)[:, None, None]
    cover = np.clip(skin * ramp + random.normal(0, 4, face.pixels.shape), 0, 255).astype(np.uint8)
    shade = np.clip(cover * 0.6, 0, 255).astype(np.uint8)

    def strokes(draw: ImageDraw.ImageDraw, grow: float) -> None:
        for finger in range(4):
            start = centre + (finger - 1.5) * 1.08 * width * right - 0.3 * size * forward
            end = start + size * (0.62 - 0.06 * abs(finger - 1.3)) * forward
            draw.line([tuple(start), tuple(end)], fill=255, width=max(2, round(width + grow)))
            for q in (start, end):
                r = (width + grow) / 2
                draw.ellipse([*(q - r), *(q + r)], fill=255)
        wrist = centre - 1.3 * size * forward
        palm = centre - 0.3 * size * forward
        draw.line([tuple(palm), tuple(wrist)], fill=255, width=max(2, round(4.2 * width)))

    shadowed = face.painted(lambda draw: strokes(draw, 0.03 * size), shade)
    return shadowed.painted(lambda draw: strokes(draw, 0.0), cover)


def pasted(face: Face, other: Face, wanted: Mask) -> Face:
    """With pixels of another photo laid on by eyes, nose and mouth.

    Args:
        face: what is covered.
        other: where the cover comes from.
        wanted: (h, w) bool of the other photo, what is taken from it.
    """
    back = planar_similarity(ibug68.five_points(face.points), ibug68.five_points(other.points))
    height, width = face.pixels.shape[:2]
    data = tuple(np.asarray(back, np.float64).ravel().tolist())
    size, kind = (width, height), Image.Transform.AFFINE
    cover = Image.fromarray(other.pixels).transform(size, kind, data, Image.Resampling.BILINEAR)
    mask = Image.fromarray(wanted.astype(np.uint8) * 255)
    alpha = mask.transform(size, kind, data, Image.Resampling.BILINEAR).filter(ImageFilter.GaussianBlur(0.7))
    share = np.asarray(alpha, np.float32)[..., None] / 255
    return face.changed(face.pixels + share * (np.asarray(cover, np.float32) - face.pixels))


def patch(face: Face, other: U8, random: np.random.Generator) -> Face:
    """A round thing with the texture of another photo before the face."""
    texture = Image.fromarray(other).resize((face.pixels.shape[1], face.pixels.shape[0]))
    centre = face.points[29] + random.normal(0, 0.22, 2) * face.size
    radius = face.size * random.uniform(0.15, 0.45) * random.uniform(0.7, 1.2, 9)
    angles = np.arange(9) * 2 * np.pi / 9
    outline = centre + radius[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    corners = [tuple(q) for q in outline]
    return face.painted(lambda draw: draw.polygon(corners, fill=255), np.asarray(texture))


# --- kinds, and their strengths


@dataclass(frozen=True, eq=False)
class Others:
    """Other photos that covers are taken from.

    Attributes:
        textures: pixels (h, w, 3) of any photos.
        glasses, hats: faces with them, and which of their pixels (h, w) these are.
    """

    textures: tuple[U8, ...]
    glasses: tuple[tuple[Face, Mask], ...]
    hats: tuple[tuple[Face, Mask], ...]


Kind = Callable[[Face, np.random.Generator, Others], Face]


def _exposed_high(face: Face, random: np.random.Generator, others: Others) -> Face:
    return exposure(face, _log_uniform(random, 1.4, 4.5))


def _hand(face: Face, random: np.random.Generator, others: Others) -> Face:
    place = face.points[int(random.choice([30, 36, 45, 57, 57, 57]))]  # mostly the mouth
    return hand(face, place + random.normal(0, 0.1, 2) * face.size, random)


def _mask(face: Face, random: np.random.Generator, others: Others) -> Face:
    red, green, blue = (int(v) for v in random.integers(20, 250, 3))
    return surgical_mask(face, (red, green, blue))


def _worn(*names: str) -> Kind:
    """Glasses or hats or both, by the names in `Others`."""

    def kind(face: Face, random: np.random.Generator, others: Others) -> Face:
        for name in names:
            worn = getattr(others, name)
            face = pasted(face, *worn[int(random.integers(len(worn)))])
        return face

    return kind


SEEN: dict[str, Kind] = {
    "as it is": lambda f, r, o: f,
    "blur": lambda f, r, o: blur(f, f.size * _log_uniform(r, 0.008, 0.09)),
    "noise": lambda f, r, o: noise(f, _log_uniform(r, 8, 90), r),
    "JPEG": lambda f, r, o: jpeg(f, round(_log_uniform(r, 1, 25))),
    "too bright": _exposed_high,
    "too dark": lambda f, r, o: exposure(f, _log_uniform(r, 0.04, 0.6)),
    "few colours": lambda f, r, o: few_colours(f, round(_log_uniform(r, 3, 16))),
    "small": lambda f, r, o: reduced(f, _log_uniform(r, 16, 110)),
    "bar": lambda f, r, o: bar(f, r.uniform(0.15, 0.65), int(r.integers(4))),
    "mask": _mask,
    "hand": _hand,
}

UNSEEN: dict[str, Kind] = {
    "motion": lambda f, r, o: motion(f, f.size * _log_uniform(r, 0.03, 0.4), r.uniform(0, 180)),
    "mosaic": lambda f, r, o: mosaic(f, f.size * _log_uniform(r, 0.015, 0.12)),
    "faded": lambda f, r, o: faded(f, _log_uniform(r, 0.04, 0.6)),
    "low light": lambda f, r, o: low_light(f, _log_uniform(r, 0.004, 0.3), r),
    "cartoon": lambda f, r, o: cartoon(f, int(r.integers(4, 13)), int(r.choice([5, 7, 9]))),
    "patch": lambda f, r, o: patch(f, o.textures[int(r.integers(len(o.textures)))], r),
    "glasses and hat": _worn("hats", "glasses"),
}

WORN: dict[str, Kind] = {
    "neither": lambda f, r, o: f,
    "glasses": _worn("glasses"),
    "hat": _worn("hats"),
    "both": _worn("hats", "glasses"),
}
