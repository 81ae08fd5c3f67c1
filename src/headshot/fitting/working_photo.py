"""The photo as the photometric fit samples it: the face at a small, known size, in linear light.

Dimension letters: h x w working picture, N points.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from headshot.arrays import F32, U8, Array
from headshot.geometry.raster import sample
from headshot.image.colour import TO_LINEAR, srgb_slope
from headshot.image.resample import warp

_SLOPE_FLOOR = 0.02  # linear light below which noise and compression, not light, make differences
_CLIPPED = 250  # sRGB at which cameras clip
_BLACK = 2  # sRGB of the borders of rotated and padded photos, at most


@dataclass(frozen=True, eq=False)
class WorkingPhoto:
    """A small picture of the face and its derivatives.

    Attributes:
        values: (h, w, 11) per pixel: linear red, green, blue; their derivatives to the right (3) and down
            (3), per working pixel; weight in [0, 1]; slope of the sRGB curve, which turns differences of
            linear light to such as are seen.
        scale: working pixels per pixel of the photo.
        corner: (2,) pixels of the photo at the top left of the picture.
    """

    values: F32
    scale: float
    corner: Array

    def at(self, pixels: ArrayLike) -> tuple[F32, F32, F32, F32]:
        """Colours (N, 3), derivatives (N, 3, 2) per pixel of the photo, weights (N,), slopes (N,).

        Points outside of the picture have weight 0.
        """
        points = (np.asarray(pixels) - self.corner) * self.scale
        height, width, _ = self.values.shape
        found = sample(self.values, points)
        inside = ((points >= 0.5) & (points <= [width - 0.5, height - 0.5])).all(axis=1)
        gradient = found[:, 3:9].reshape(-1, 2, 3).transpose(0, 2, 1) * np.float32(self.scale)
        return found[:, :3], gradient, found[:, 9] * inside, found[:, 10]


@dataclass(frozen=True, eq=False)
class PixelWeights:
    """How far pixels of a photo are to be explained, on a grid of its own.

    Attributes:
        values: (h, w) in [0, 1]; beyond the grid the weight is 0.
        to_photo: (2, 3) pixels of the grid to pixels of the photo.

    Raises:
        ValueError: they have other shapes.
    """

    values: F32
    to_photo: Array

    def __post_init__(self) -> None:
        if self.values.ndim != 2 or np.shape(self.to_photo) != (2, 3):
            raise ValueError(
                f"weights must have shape (h, w) and their map (2, 3), got {self.values.shape} and "
                f"{np.shape(self.to_photo)}"
            )

    def on(self, to_photo: Array, side: int) -> F32:
        """The weights (side, side) on another grid, of which ``to_photo`` (2, 3) is the map."""
        levels = np.round(np.clip(self.values, 0, 1) * 255).astype(np.uint8)
        moved = np.column_stack([to_photo[:, :2], to_photo[:, 2] - self.to_photo[:, 2]])
        maps = np.linalg.solve(self.to_photo[:, :2], moved)[None]
        crop = warp(np.repeat(levels[:, :, None], 3, axis=2), maps, (side, side))
        return np.asarray(crop[0, :, :, 0], np.float32) / np.float32(255)


def working_photo(
    pixels: U8, centre: ArrayLike, extent: float, scale: float, weight: PixelWeights | None = None
) -> WorkingPhoto:
    """Reduce the part of a photo around the face.

    Args:
        pixels: (H, W, 3) uint8 sRGB.
        centre: (2,) of the face, pixels.
        extent: width and height of the part, pixels.
        scale: working pixels per pixel.
        weight: how far pixels are to be explained; all when None.
    """
    side = max(int(np.ceil(extent * scale)), 8)
    corner = np.asarray(centre, dtype=np.float64) - side / scale / 2
    step = 1 / scale
    crop = np.array([[step, 0, corner[0]], [0, step, corner[1]]])
    colours = warp(pixels, crop[None], (side, side))[0]
    trust = _usable(colours)
    if weight is not None:
        trust *= weight.on(crop, side)
    x = corner[0] + step * (np.arange(side) + 0.5)
    y = corner[1] + step * (np.arange(side) + 0.5)
    inside = ((y > 0) & (y < len(pixels)))[:, None] & ((x > 0) & (x < pixels.shape[1]))
    linear = _blurred(TO_LINEAR[colours])
    values = np.empty((side, side, 11), np.float32)
    values[..., :3] = linear
    values[..., 3:6] = np.gradient(linear, axis=1)
    values[..., 6:9] = np.gradient(linear, axis=0)
    values[..., 9] = _eroded(trust * inside)
    values[..., 10] = srgb_slope(linear @ np.array([0.30, 0.59, 0.11], np.float32), _SLOPE_FLOOR)
    return WorkingPhoto(values, scale, corner)


def _usable(colours: U8) -> F32:
    """Weights (h, w) without clipped highlights and without the black outside of rotated photos."""
    top = colours.max(axis=2)
    return ((top > _BLACK) & (top < _CLIPPED)).astype(np.float32)


def _blurred(picture: F32) -> F32:
    """Binomial blur (1, 2, 1) / 4 in both directions: one pixel's noise is no detail."""
    for axis in (0, 1):
        padded = np.concatenate(
            [picture.take([0], axis), picture, picture.take([-1], axis)], axis=axis, dtype=np.float32
        )
        n = picture.shape[axis]
        before, here, after = (padded.take(range(k, k + n), axis) for k in range(3))
        picture = np.float32(0.25) * (before + 2 * here + after)
    return picture


def _eroded(weight: F32) -> F32:
    """The least weight of the 3 x 3 pixels around, which blur and derivatives have mixed."""
    for axis in (0, 1):
        padded = np.concatenate([weight.take([0], axis), weight, weight.take([-1], axis)], axis=axis)
        n = weight.shape[axis]
        weight = np.min([padded.take(range(k, k + n), axis) for k in range(3)], axis=0)
    return weight.astype(np.float32)
