"""One photo of a head, as the texture takes it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headshot.arrays import F32, U8, Array
from headshot.geometry.camera import Camera
from headshot.perception.segmentation import Segmentation


@dataclass(frozen=True, eq=False)
class TextureView:
    """One photo of a head whose shape, pose and camera are known.

    Attributes:
        pixels: (H, W, 3) uint8 sRGB photo.
        vertices: (V, 3) float32 mm, head frame, with the expression that the photo shows.
        camera: projects the head frame to the photo.
        light: (9, 3) spherical harmonics of the photo's light, head frame (`headshot.geometry.light`); None
            where it is not known.
        segmentation: what is before the face in the photo; without, only colours tell.
        weight: how far this photo is trusted against others of the same person, greater than 0.

    Raises:
        ValueError: shapes do not belong together, or a number is not finite.
    """

    pixels: U8
    vertices: F32
    camera: Camera
    light: Array | None = None
    segmentation: Segmentation | None = None
    weight: float = 1.0

    def __post_init__(self) -> None:
        points = np.ascontiguousarray(self.vertices, dtype=np.float32)
        object.__setattr__(self, "vertices", points)
        shape = (self.camera.height, self.camera.width, 3)
        if self.pixels.dtype != np.uint8 or self.pixels.shape != shape:
            raise ValueError(
                f"pixels must be uint8 of shape {shape} like the camera's picture, "
                f"got {self.pixels.dtype} {self.pixels.shape}"
            )
        if points.ndim != 2 or points.shape[1] != 3:
            raise ValueError(f"vertices must have shape (V, 3), got {points.shape}")
        if not np.isfinite(points).all():
            raise ValueError("vertices must be finite")
        if self.light is not None and self.light.shape != (9, 3):
            raise ValueError(f"light must have shape (9, 3), got {self.light.shape}")
        if not 0 < self.weight < np.inf:
            raise ValueError(f"weight must be finite and greater than 0, got {self.weight}")
