"""Which brows are most like those that the texture shows."""

from __future__ import annotations

from functools import cache

import numpy as np

from headshot.arrays import F32, U8, Mask, read_only
from headshot.geometry.raster import rasterise
from headshot.hair.brows import load_brows
from headshot.image.resample import reduced
from headshot.models.head_model import HeadModel, load_head_model

_SIZE = 256  # texels a side to which a texture is reduced: brows are some 40 long and 6 high
_SHADE = 0.35  # of how dark the darkest are: less is the shade of a lid or a forehead
_AROUND = 2  # texels around all brows in which the texture is looked at


def brows_like(texture: U8, model: HeadModel) -> str:
    """Which of `headshot.hair.brows.load_brows` cover the dark places above the eyes best.

    By the overlap of how dark texels are with where brows lie: the sum of the lesser of both over the sum of
    the greater.

    Args:
        texture: (T, T, 3) uint8 sRGB in the layout of the head model.
        model: the bundled head model.
    """
    masks, window = _masks(model.resolution)
    step = max(len(texture) // _SIZE, 1)
    grey = reduced(texture, step).astype(np.float32).mean(2)
    rows, columns = (np.arange(_SIZE) * n // _SIZE for n in grey.shape)
    light = grey[rows][:, columns][window]
    # Skin as it is around all brows: its shade changes across the forehead and towards the lids.
    y, x = np.nonzero(window)
    plane = np.stack([np.ones(len(x)), np.abs(x - _SIZE / 2) / _SIZE, y / _SIZE], axis=1)
    around = masks[:, window].max(axis=0) == 0
    skin = plane @ np.linalg.lstsq(plane[around], light[around], rcond=None)[0]
    dark = np.clip(1 - light / np.maximum(skin, 1.0), 0, 1)
    dark = dark / max(float(np.percentile(dark, 95)), 1e-3)
    dark = np.clip((dark - _SHADE) / (1 - _SHADE), 0, 1)
    overlap = [np.minimum(dark, mask).sum() / np.maximum(dark, mask).sum() for mask in masks[:, window]]
    return list(load_brows())[int(np.argmax(overlap))]


@cache
def _masks(resolution: str) -> tuple[F32, Mask]:
    """(brows, `_SIZE`, `_SIZE`) 1 where brows lie in the layout of the texture; and where any is near."""
    model = load_head_model(resolution)
    masks = []
    for brows in load_brows().values():
        at = brows.root_on(model).on(model.uv, model.triangles_uv) * np.float32(_SIZE)
        flat = rasterise(at, np.ones(len(at)), brows.triangles, _SIZE, _SIZE, cull=False)
        masks.append((flat.triangle >= 0).astype(np.float32))
    covered = np.stack(masks)
    near = covered.max(axis=0)
    for axis in (0, 1):
        near = np.stack([np.roll(near, k, axis) for k in range(-_AROUND, _AROUND + 1)]).max(axis=0)
    return read_only(covered), read_only(near > 0)
