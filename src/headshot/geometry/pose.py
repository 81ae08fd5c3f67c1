"""Pose of a head by its points, and from scaled orthography to a camera and back.

Scaled orthography (weak perspective) is how a crop shows a head: a rotation, the pixel of the head's origin,
and pixels per millimetre there.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from headshot.arrays import Array
from headshot.geometry.camera import Camera, nearest_rotation

DISTANCE = 1000.0
"""Millimetres from the camera that are assumed of heads in photos without a known focal length."""


def weak_perspective_pose(
    points: ArrayLike, shape: ArrayLike, weight: ArrayLike
) -> tuple[Array, Array, float]:
    """Pose under scaled orthography, in closed form (linear least squares, then the nearest rotation).

    Args:
        points: (L, 2) pixels, y down.
        shape: (L, 3) mm.
        weight: (L,) non-negative.

    Returns:
        rotation (3, 3); image position (2,) of the head's origin, pixels; scale in pixels per mm.
    """
    p, s, w = (np.asarray(a, dtype=np.float64) for a in (points, shape, weight))
    design = np.column_stack([s, np.ones(len(s))]) * w[:, None]
    affine, *_ = np.linalg.lstsq(design, p * [1, -1] * w[:, None], rcond=None)
    rows = affine[:3].T
    scale = float(np.sqrt(np.linalg.norm(rows[0]) * np.linalg.norm(rows[1])))
    # The two rows of a noisy affine camera are not orthogonal; the cross product completes them to a
    # matrix whose nearest rotation splits the error evenly.
    first, second = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    rotation = nearest_rotation(np.stack([first, second, np.cross(first, second)]))
    return rotation, affine[3] * [1, -1], scale


def rotation_to_ray(direction: Array) -> Array:
    """Smallest rotation (3, 3) that turns the view axis -z to a direction (3,) of the camera frame."""
    d = direction / np.linalg.norm(direction)
    # Rodrigues' formula for the axis (0, 0, -1) x d; cos = -d_z.
    x, y = d[1], -d[0]
    k = np.array([[0, 0, y], [0, 0, -x], [-y, x, 0]])
    return np.eye(3) + k + k @ k / (1 - d[2])


def pose_in_crop(camera: Camera) -> tuple[Array, Array, float]:
    """Pose of a head as a crop around it shows it; the inverse of `camera_of_crop_pose`.

    Returns:
        rotation (3, 3), head frame to a camera whose axis goes through the head's origin; the pixel (2,) of
        that origin; and pixels per millimetre there.
    """
    turn = rotation_to_ray(camera.translation)
    at = camera.project(np.zeros(3))
    return turn.T @ camera.rotation, at, float(camera.focal / -camera.translation[2])


def camera_of_crop_pose(
    rotation: Array, origin: Array, scale: float, size: tuple[int, int], focal: float | None = None
) -> Camera:
    """The camera of a picture in which a crop shows a head with this pose; the inverse of `pose_in_crop`.

    Args:
        rotation: (3, 3) head frame to a camera whose axis goes through the head's origin.
        origin: (2,) pixel of the head's origin.
        scale: pixels per millimetre there.
        size: width and height of the picture, whose middle is taken for the principal point.
        focal: pixels; the head is taken to be `DISTANCE` away where it is unknown.
    """
    width, height = size
    f = focal or scale * DISTANCE
    aside = (origin - (width / 2, height / 2)) / f
    translation = f / scale * np.array([aside[0], -aside[1], -1.0])
    turned = rotation_to_ray(translation) @ rotation
    return Camera(width, height, f, (width / 2, height / 2), turned, translation)
