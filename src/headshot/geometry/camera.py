"""Perspective camera and head pose.

Frames (docs/reference/conventions.md): head frame in millimetres, right-handed, x to the subject's left, y
up, z out of the face. The camera frame has the same handedness, looks down -z, y up. Pixels have their
origin at the top left of the photo, pixel centres at +0.5.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from headshot.arrays import F32, Array, ReadOnly


@dataclass(frozen=True, eq=False, repr=False)
class Camera(ReadOnly):
    """A pinhole camera with the pose of the head in front of it.

    Attributes:
        width, height: size of the photo in pixels.
        focal: focal length in pixels (square pixels).
        centre: principal point (x, y) in pixels.
        rotation: (3, 3) rotation, head frame to camera frame.
        translation: (3,) position of the head's origin in the camera frame, mm; z is negative.
    """

    width: int
    height: int
    focal: float
    centre: tuple[float, float]
    rotation: Array
    translation: Array

    def __post_init__(self) -> None:
        for name, shape in (("rotation", (3, 3)), ("translation", (3,))):
            values = np.asarray(getattr(self, name), np.float64)
            if values.shape != shape:
                raise ValueError(f"{name} must have shape {shape}, got {values.shape}")
            object.__setattr__(self, name, values)
        if not (self.width >= 1 and self.height >= 1 and self.focal > 0 and np.shape(self.centre) == (2,)):
            raise ValueError(
                "a camera has a width and height of 1 pixel and more, a positive focal length and a centre "
                f"(x, y); got {self.width} x {self.height}, {self.focal}, {self.centre}"
            )
        super().__post_init__()

    def to_camera(self, points: ArrayLike) -> Array:
        """Points (..., 3) from the head frame to the camera frame, mm."""
        return np.asarray(points, dtype=np.float64) @ self.rotation.T + self.translation

    def project(self, points: ArrayLike) -> Array:
        """Project points (..., 3) of the head frame, mm, to pixels (..., 2).

        Points on or behind the camera plane have no image: they give NaN.
        """
        p = self.to_camera(points)
        depth = -p[..., 2]
        with np.errstate(divide="ignore", invalid="ignore"):
            scale = np.where(depth > 0, self.focal / depth, np.nan)
        return np.stack([self.centre[0] + scale * p[..., 0], self.centre[1] - scale * p[..., 1]], axis=-1)

    @property
    def position(self) -> Array:
        """(3,) centre of projection in the head frame, mm."""
        return -self.rotation.T @ self.translation

    @property
    def angles(self) -> tuple[float, float, float]:
        """Head pose (yaw, pitch, roll) in degrees.

        Positive yaw turns the face towards the subject's left (the right of the photo), positive pitch lifts
        the chin, positive roll tilts the head clockwise in the photo. R = Rz(-roll) Rx(-pitch) Ry(yaw).
        """
        return angles_of(self.rotation)

    def resized(self, factor: float) -> Camera:
        """The same view of the photo scaled by ``factor``."""
        return replace(
            self,
            width=round(self.width * factor),
            height=round(self.height * factor),
            focal=self.focal * factor,
            centre=(self.centre[0] * factor, self.centre[1] * factor),
        )

    def cropped(self, left: float, top: float, width: int, height: int) -> Camera:
        """The same view of a crop whose top-left corner is at (left, top) pixels."""
        return replace(self, width=width, height=height, centre=(self.centre[0] - left, self.centre[1] - top))


def project_for_raster(vertices: ArrayLike, camera: Camera) -> tuple[F32, F32]:
    """Pixels (V, 2) and depths (V,) in mm of vertices (V, 3), as `headshot.geometry.raster.rasterise` takes
    them; NaN pixels behind the camera."""
    points = camera.to_camera(vertices)
    depth = -points[:, 2]
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = np.where(depth > 0, camera.focal / depth, np.nan)
    xy = np.stack([camera.centre[0] + scale * points[:, 0], camera.centre[1] - scale * points[:, 1]], axis=1)
    return xy.astype(np.float32), depth.astype(np.float32)


def extent_of(points: ArrayLike) -> float:
    """Root of the area of the box around points (L, 2), in their unit: how large a face is."""
    return float(np.sqrt(np.prod(np.ptp(np.asarray(points), axis=0))))


def rotation_from_vector(vector: ArrayLike) -> Array:
    """Rotation matrix (3, 3) of a rotation vector (3,) in radians (Rodrigues' formula)."""
    v = np.asarray(vector, dtype=np.float64)
    angle = float(np.linalg.norm(v))
    k = np.array([[0, -v[2], v[1]], [v[2], 0, -v[0]], [-v[1], v[0], 0]])
    if angle < 1e-8:
        return np.eye(3) + k + 0.5 * k @ k
    return np.eye(3) + np.sin(angle) / angle * k + (1 - np.cos(angle)) / angle**2 * (k @ k)


def rotation_from_angles(yaw: float, pitch: float, roll: float) -> Array:
    """Rotation matrix (3, 3) of a head pose in degrees; the inverse of `angles_of`."""
    y, p, r = np.radians([yaw, -pitch, -roll])
    rz = np.array([[np.cos(r), -np.sin(r), 0], [np.sin(r), np.cos(r), 0], [0, 0, 1]])
    rx = np.array([[1, 0, 0], [0, np.cos(p), -np.sin(p)], [0, np.sin(p), np.cos(p)]])
    ry = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    return rz @ rx @ ry


def angles_of(rotation: ArrayLike) -> tuple[float, float, float]:
    """Head pose (yaw, pitch, roll) in degrees of a rotation matrix (3, 3); see `Camera.angles`."""
    r = np.asarray(rotation, dtype=np.float64)
    pitch = -np.arcsin(np.clip(r[2, 1], -1, 1))
    yaw = np.arctan2(-r[2, 0], r[2, 2])
    roll = -np.arctan2(-r[0, 1], r[1, 1])
    return float(np.degrees(yaw)), float(np.degrees(pitch)), float(np.degrees(roll))


def nearest_rotation(matrix: ArrayLike) -> Array:
    """The rotation (3, 3) closest to a matrix in the Frobenius norm."""
    u, _, vt = np.linalg.svd(np.asarray(matrix, dtype=np.float64))
    return u @ np.diag([1.0, 1.0, np.sign(np.linalg.det(u @ vt))]) @ vt
