"""Which pixels of a photo show what of a face: skin, brows, hair, glasses, hands before it and so on.

One network (docs/explanation/segmentation.md), run once on an upright crop around the landmarks; its
probabilities are then brought to the photo's pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image

from headshot.arrays import F32, U8, Array, ReadOnly, read_only
from headshot.image.crop import FaceCrop, cut_crops
from headshot.models.topologies.mediapipe478 import POINTS, roll_of
from headshot.perception.networks import run_network

CLASSES = (
    "background",
    "skin",
    "nose",
    "brows",
    "eyes",
    "glasses",
    "ears",
    "mouth",
    "upper_lip",
    "lower_lip",
    "hair",
    "hat",
    "neck",
    "cloth",
)  # what is labelled; "mouth" is its inside, "cloth" includes jewellery, "background" hands before the face

# Colours of the classes in pictures.
PALETTE = np.array(
    [
        (0, 0, 0), (236, 188, 150), (255, 140, 90), (110, 60, 20), (60, 120, 255), (0, 220, 220),
        (240, 120, 190), (255, 255, 255), (220, 40, 60), (170, 0, 40), (120, 90, 50), (150, 220, 60),
        (190, 150, 110), (110, 100, 160),
    ],
    np.uint8,
)  # fmt: skip

SIZE, MARGIN = 256, 1.75
"""Side of the network's input in pixels, and in extents of the landmarks: room for hair and neck."""
RAISED = 0.05
"""How much higher than the middle of the landmarks that of the crop lies, in extents."""


# What hides faces; hands and masks count among the background. Nothing is known of what is behind dark
# glasses either, but skin behind clear ones is seen.
HIDING = ("background", "hair", "hat", "cloth")

# What a face model explains: skin and what belongs to it, but neither eyes nor the inside of the mouth.
EXPLAINED = ("skin", "nose", "brows", "ears", "upper_lip", "lower_lip")


@dataclass(frozen=True, eq=False, repr=False)
class Segmentation(ReadOnly):
    """Parts of one face in a photo of H x W pixels.

    Attributes:
        crop: (C, S, S) float32 probabilities of `CLASSES` in the network's crop; they sum up to 1.
        map: (2, 3) pixels of the crop to pixels of the photo.
        shape: (H, W).
    """

    crop: F32
    map: Array
    shape: tuple[int, int]

    @cached_property
    def labels(self) -> U8:
        """(H, W) the most probable class of each pixel, by index; background outside of the crop."""
        best = self.probability("background")
        result = np.zeros(self.shape, np.uint8)
        for index, name in enumerate(CLASSES[1:], start=1):
            p = self.probability(name)
            better = p > best
            best[better] = p[better]
            result[better] = index
        return read_only(result)

    def probability(self, *names: str) -> F32:
        """(H, W) in [0, 1], that a pixel is of one of these classes.

        Args:
            names: of `CLASSES`.

        Raises:
            ValueError: there is no such class, or none is named.
        """
        return self.resampled(_IDENTITY, self.shape, *names)

    def covers(self, affine: ArrayLike, shape: tuple[int, int]) -> F32:
        """(h, w) in [0, 1], how far the network's crop covers the pixels of a grid; see `resampled`."""
        onto = np.linalg.inv(_square(np.asarray(affine, dtype=np.float64))) @ _square(self.map)
        return _transformed(np.ones(self.crop.shape[1:], np.float32), onto, shape)

    def at(self, points: ArrayLike, *names: str) -> Array:
        """(N,) in [0, 1], that the pixels under points (N, 2) of the photo are of one of these classes."""
        back = np.linalg.inv(_square(self.map))[:2]
        column, row = np.floor(np.asarray(points, np.float64) @ back[:, :2].T + back[:, 2]).astype(int).T
        size = self.crop.shape[1]
        inside = (column >= 0) & (column < size) & (row >= 0) & (row < size)
        column, row = np.clip(column, 0, size - 1), np.clip(row, 0, size - 1)
        found = sum(self.crop[CLASSES.index(name), row, column] for name in names)
        return np.where(inside, found, float("background" in names))

    def in_crop(self, *names: str) -> F32:
        """(S, S) in [0, 1], that a pixel of the crop is of one of these classes.

        Raises:
            ValueError: there is no such class, or none is named.
        """
        _check(names)
        return np.asarray(self.crop[[CLASSES.index(name) for name in names]].sum(axis=0), np.float32)

    def explained(self) -> F32:
        """(H, W) in [0, 1], that a pixel shows bare skin, brows, nose, ears or lips of this face."""
        return self.probability(*EXPLAINED)

    def resampled(self, affine: ArrayLike, shape: tuple[int, int], *names: str) -> F32:
        """`probability` on another grid than the photo's pixels.

        Args:
            affine: (2, 3) pixels of the grid to pixels of the photo.
            shape: (h, w) of the grid.
            names: of `CLASSES`.

        Returns:
            (h, w), bilinear; outside of the crop all is background.
        """
        _check(names)
        if "background" in names:
            others = [name for name in CLASSES if name not in names]
            return 1 - self.resampled(affine, shape, *others) if others else np.ones(shape, np.float32)
        values = self.in_crop(*names)
        onto = np.linalg.inv(_square(np.asarray(affine, dtype=np.float64))) @ _square(self.map)
        return _transformed(values, onto, shape)


def _check(names: tuple[str, ...]) -> None:
    unknown = [name for name in names if name not in CLASSES]
    if unknown or not names:
        raise ValueError(f"name at least one of {', '.join(CLASSES)}; got {', '.join(unknown) or 'none'}")


def _transformed(values: F32, onto: Array, shape: tuple[int, int]) -> F32:
    """A map (S, S) on a grid (h, w), bilinear, 0 outside; ``onto`` (3, 3) maps its pixels to the grid's."""
    height, width = shape
    size = values.shape[0]
    # Only the part of the grid that the map touches.
    corners = onto[:2] @ np.array([[0, size, 0, size], [0, 0, size, size], [1, 1, 1, 1]])
    left, top = np.clip(np.floor(corners.min(axis=1)), 0, (width, height)).astype(int)
    right, bottom = np.clip(np.ceil(corners.max(axis=1)), 0, (width, height)).astype(int)
    result = np.zeros(shape, np.float32)
    if right > left and bottom > top:
        back = np.linalg.inv(onto)[:2]
        back[:, 2] += back[:, :2] @ (left, top)
        part = Image.fromarray(np.ascontiguousarray(values, np.float32)).transform(
            (right - left, bottom - top),
            Image.Transform.AFFINE,
            tuple(back.ravel().tolist()),
            Image.Resampling.BILINEAR,
        )
        result[top:bottom, left:right] = np.clip(np.asarray(part), 0, 1)
    return result


_IDENTITY = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])


def _square(affine: Array) -> Array:
    return np.vstack([affine, (0.0, 0.0, 1.0)])


def segment(pixels: U8, points: ArrayLike) -> Segmentation:
    """Find the parts of one face.

    Args:
        pixels: (H, W, 3) uint8 sRGB photo.
        points: (478, 2) its landmarks in pixels, as `headshot.perception.landmarks.mediapipe.find_landmarks`
            finds them.

    Raises:
        ValueError: shapes or types are others.
        AssetError: the network is missing.
    """
    return segment_crop(pixels, crop_of(points))


def segment_crop(pixels: U8, crop: FaceCrop) -> Segmentation:
    """Find the parts of the face in a crop as of `crop_of`; see `segment`."""
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
        raise ValueError(f"pixels must be uint8 of shape (H, W, 3), got {pixels.dtype} {pixels.shape}")
    feed = {"pixels": cut_crops(pixels, [crop], SIZE, clamp=False)}
    (found,) = run_network("segmentation", ["probabilities"], feed)
    return Segmentation(found[0], crop.pixel_map(SIZE), (pixels.shape[0], pixels.shape[1]))


def crop_of(points: ArrayLike, margin: float = MARGIN) -> FaceCrop:
    """The crop around a face with these landmarks (478, 2), pixels, ``margin`` of their extents wide.

    Raises:
        ValueError: they have another shape.
    """
    p = np.asarray(points, dtype=np.float64)
    if p.shape != (POINTS, 2):
        raise ValueError(f"landmarks must be ({POINTS}, 2), got {p.shape}")
    return FaceCrop.of_points(p, margin, roll_of(p), RAISED)
