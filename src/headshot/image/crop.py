"""Square crops of faces, turned with the head: what all networks take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from headshot.arrays import U8, Array
from headshot.image.resample import warp

BOX_TO_POINTS = 0.07
"""How much higher the box of a detector lies than that of the landmarks, in its sizes: MTCNN's."""


@dataclass(frozen=True)
class FaceCrop:
    """A square window of a photo.

    Attributes:
        x, y: its centre, pixels.
        side: pixels.
        roll: degrees by which it is turned, clockwise in the photo, as `headshot.Camera.angles` counts them.
    """

    x: float
    y: float
    side: float
    roll: float = 0.0

    def __post_init__(self) -> None:
        if not self.side > 0:
            raise ValueError(f"the side of a crop must be positive, got {self.side}")

    @classmethod
    def of_box(cls, box: ArrayLike, margin: float, roll: float = 0.0) -> FaceCrop:
        """Around the face in a detector's box.

        Args:
            box: (4,) x0, y0, x1, y1, pixels.
            margin: side of the crop over the size of the box, the geometric mean of its sides.
            roll: of the head, degrees.
        """
        b = np.asarray(box, np.float64)
        size = float(np.sqrt(np.prod(b[2:] - b[:2])))
        x, y = (b[:2] + b[2:]) / 2 + rotation2d(roll) @ (0.0, BOX_TO_POINTS * size)
        return cls(float(x), float(y), margin * size, roll)

    @classmethod
    def of_points(cls, points: ArrayLike, margin: float, roll: float, raised: float = 0.0) -> FaceCrop:
        """Around the box of points that is turned with the head.

        Args:
            points: (L, 2) pixels.
            margin: side of the crop over the extent of the points, the longer side of their box.
            roll: of the head, degrees.
            raised: how much higher the centre of the crop lies than that of the box, in extents.
        """
        turn = rotation2d(roll)
        upright = np.asarray(points, np.float64) @ turn
        low, high = upright.min(axis=0), upright.max(axis=0)
        extent = float((high - low).max())
        x, y = turn @ ((low + high) / 2 - (0, raised * extent))
        return cls(float(x), float(y), margin * extent, roll)

    @classmethod
    def of_map(cls, affine: ArrayLike) -> FaceCrop:
        """The crop with a `map`: a similarity (2, 3) from the unit square to pixels of the photo."""
        m = np.asarray(affine, np.float64)
        side = float(np.sqrt(max(np.linalg.det(m[:, :2]), 0.0)))
        if not np.allclose(m[:, 0] @ m[:, 1], 0, atol=1e-6 * side**2):
            raise ValueError(f"expected a similarity without reflection, got {m[:, :2].tolist()}")
        x, y = m @ (0.5, 0.5, 1.0)
        return cls(float(x), float(y), side, float(np.degrees(np.arctan2(m[1, 0], m[0, 0]))))

    @property
    def map(self) -> Array:
        """(2, 3) the unit square, origin at its top left, to pixels of the photo."""
        return self.pixel_map(1)

    def pixel_map(self, size: int) -> Array:
        """(2, 3) pixels of the crop, resampled to size x size, to pixels of the photo."""
        a = rotation2d(self.roll) * (self.side / size)
        return np.column_stack([a, np.array([self.x, self.y]) - a @ (size / 2, size / 2)])

    def to_photo(self, points: ArrayLike) -> Array:
        """Points (..., 2) of the unit square as pixels of the photo."""
        affine = self.map
        return np.asarray(points, np.float64) @ affine[:, :2].T + affine[:, 2]

    def from_photo(self, points: ArrayLike) -> Array:
        """Pixels (..., 2) of the photo as points of the unit square."""
        affine = self.map
        return (np.asarray(points, np.float64) - affine[:, 2]) @ np.linalg.inv(affine[:, :2]).T

    def varied(
        self, scale: float = 1.0, right: float = 0.0, down: float = 0.0, turn: float = 0.0
    ) -> FaceCrop:
        """Another crop: its side times a factor, moved by shares of its side as it is turned, turned by
        degrees."""
        x, y = np.array([self.x, self.y]) + rotation2d(self.roll) @ (right * self.side, down * self.side)
        return FaceCrop(float(x), float(y), self.side * scale, self.roll + turn)

    def cut(self, pixels: U8, size: int, *, clamp: bool = True) -> U8:
        """The crop of a photo (H, W, 3) resampled to (size, size, 3); see `cut_crops`."""
        return cut_crops(pixels, [self], size, clamp=clamp)[0]


def cut_crops(pixels: U8, crops: Sequence[FaceCrop], size: int, *, clamp: bool = True) -> U8:
    """Crops of a photo as the networks take them.

    Args:
        pixels: (H, W, 3) uint8 RGB.
        crops: N of them.
        size: pixels of their sides after resampling.
        clamp: beyond the photo repeat its border; otherwise it is black there.

    Returns:
        (N, size, size, 3) uint8.
    """
    return warp(pixels, np.stack([crop.pixel_map(size) for crop in crops]), (size, size), clamp=clamp)


def rotation2d(degrees: float) -> Array:
    """(2, 2) rotation of the image plane, clockwise in the photo."""
    a = np.radians(degrees)
    return np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]])


def head_roll(eyes: ArrayLike, mouth: ArrayLike) -> float:
    """Rotation of a head in the image plane, degrees, clockwise in the photo.

    From the front the line of the eyes says it best; from the side, where that is short, the line from the
    eyes to the mouth does. Their sum weights both by their length.

    Args:
        eyes, mouth: (2, 2) left and right in the image, pixels.
    """
    e, m = np.asarray(eyes, np.float64), np.asarray(mouth, np.float64)
    down = m.mean(axis=0) - e.mean(axis=0)
    right = e[1] - e[0] + (down[1], -down[0])
    return float(np.degrees(np.arctan2(right[1], right[0])))
