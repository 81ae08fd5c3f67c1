"""Pictures of the segmentation and of what it does for textures, from the repository's own photos.

    python benchmarks/segmentation_pictures.py -o docs/images

Writes segmentation.jpg (photo, parts, what is explained; plain, behind drawn occlusions, and in bad photos)
and segmentation-texture.jpg (photo, head with a texture by colours only, and one with the segmentation).
Needs the extra "train" for the occlusions, which are those of training.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from headshot import Settings, reconstruct
from headshot.arrays import F32, U8
from headshot.image.crop import FaceCrop
from headshot.learn.data import occlude as drawn
from headshot.perception.segmentation import (
    EXPLAINED,
    PALETTE,
    SIZE,
    crop_of,
    segment,
    segment_crop,
)
from headshot.render import RenderSettings, render
from headshot.texture import TextureSettings, TextureView, make_texture
from headshot.texture.appearance import with_appearance

PHOTOS = Path(__file__).parent.parent / "photos"
SHAPE = Settings(texture=None, photometric=None, segment=False)


def crops(name: str) -> tuple[U8, U8]:
    """A photo and its crop as the network sees it, (S, S, 3)."""
    head = reconstruct(PHOTOS / f"{name}.jpg", settings=SHAPE)
    crop = crop_of(head.landmarks.points)
    return head.photo.pixels, crop.cut(head.photo.pixels, SIZE, clamp=False)


def triple(crop: U8) -> U8:
    """Crop, parts and what is explained, side by side (S, 3 S, 3), as found in this crop of a photo."""
    found = segment_crop(crop, FaceCrop(SIZE / 2, SIZE / 2, SIZE))
    explained = found.probability(*EXPLAINED)[..., None]
    shown = crop * explained + np.array([255, 0, 255]) * (1 - explained)
    return np.concatenate([crop, PALETTE[found.labels], shown.astype(np.uint8)], axis=1)


def occluded(crop: U8, shape: Callable[[int, np.random.Generator], F32], seed: int) -> U8:
    """The crop with one of training's shapes before it: skin-coloured hands, dark glasses, masks, blobs."""
    random = np.random.default_rng(seed)
    size = crop.shape[0]
    mask = shape(size, random)[..., None]
    if shape is drawn.draw_hand:
        cheeks = np.ones((size, size), np.uint16)
        cheeks[int(0.43 * size) : int(0.6 * size), int(0.4 * size) : int(0.6 * size)] = drawn.SKIN
        cover = drawn.skin_like(crop, cheeks, random)
    elif shape is drawn.draw_glasses:
        cover = drawn.dark(size, random)
    else:
        cover = drawn.texture(np.ascontiguousarray(crop[::-1]), random)
    return (crop + mask * (cover.astype(np.float32) - crop) + 0.5).astype(np.uint8)


def hard(crop: U8) -> list[U8]:
    """Bad photos: a face of 35 pixels, hardly any light, one quarter turned."""
    small = Image.fromarray(crop).resize((64, 64), Image.Resampling.BOX)
    return [
        np.asarray(small.resize((SIZE, SIZE), Image.Resampling.BICUBIC)),
        (crop * 0.12).astype(np.uint8),
        np.ascontiguousarray(np.rot90(crop)),
    ]


def segmentation() -> U8:
    """Rows of three triples."""
    (_, first), (_, second) = crops("astronaut"), crops("grace_hopper")
    shapes = (drawn.draw_hand, drawn.draw_glasses, drawn.draw_face_mask, drawn.draw_blob)
    pictures = [first, second]
    pictures += [occluded(first, shape, seed) for seed, shape in enumerate(shapes)]
    pictures += [occluded(second, drawn.draw_hand, 5), occluded(second, drawn.draw_face_mask, 2)]
    pictures += [occluded(occluded(first, drawn.draw_blob, 9), drawn.draw_hand, 12)]
    pictures += hard(first)
    triples = [triple(picture) for picture in pictures]
    return np.concatenate([np.concatenate(triples[i : i + 3], axis=1) for i in range(0, len(triples), 3)])


def textures() -> U8:
    """For each photo, plain and occluded: the photo, and the head without and with segmentation."""
    rows = []
    cases = (("grace_hopper", None, 0), ("astronaut", drawn.draw_hand, 12), ("astronaut", drawn.draw_blob, 9))
    for name, shape, seed in cases:
        head = reconstruct(PHOTOS / f"{name}.jpg", settings=SHAPE)
        crop = crop_of(head.landmarks.points)
        pixels = head.photo.pixels.copy()
        if shape is not None:
            x, y, side = (int(value) for value in (crop.x - crop.side / 2, crop.y - crop.side / 2, crop.side))
            window = pixels[max(y, 0) : y + side, max(x, 0) : x + side]
            square = min(window.shape[:2])
            window[:square, :square] = occluded(window[:square, :square].copy(), shape, seed)
        parts = segment(pixels, head.landmarks.points)
        pictures = [pixels]
        view = TextureView(head.photo.pixels, head.vertices, head.camera, head.light, head.parts)
        _, albedo = with_appearance(view, head.albedo, head.model)
        for known in (None, parts):
            options = TextureSettings(size=1024)
            seen = TextureView(pixels, head.vertices, head.camera, head.light, known)
            texture = make_texture([seen], head.model, options, albedo)
            pictures.append(
                render(
                    head.vertices,
                    head.model,
                    head.camera,
                    texture=texture.pixels,
                    background=np.full_like(pixels, 60),
                    settings=RenderSettings(lighting=0.0),
                )
            )
        tiles = [crop.cut(picture, SIZE, clamp=False) for picture in pictures]
        rows.append(np.concatenate(tiles, axis=1))
    return np.concatenate(rows)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("-o", "--output", type=Path, required=True)
    options = parser.parse_args(arguments)
    for name, picture, factor in (
        ("segmentation", segmentation(), 2),
        ("segmentation-texture", textures(), 1),
    ):
        file = options.output / f"{name}.jpg"
        Image.fromarray(picture).reduce(factor).save(file, quality=86)
        print(file)
    return 0


if __name__ == "__main__":
    sys.exit(main())
