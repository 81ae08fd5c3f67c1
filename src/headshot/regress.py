"""One pass of our own network from a crop to a head: points, pose, identity, expression, colours, light."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headshot.camera import Camera

Array = NDArray[np.float64]

CROP, CROP_MARGIN = 128, 1.4
"""Side of the network's input in pixels, and in sizes of the face: the longer side of its points' box."""


def ray_turn(direction: Array) -> Array:
    """Smallest rotation (3, 3) that turns the view axis -z to a direction (3,) of the camera frame."""
    d = direction / np.linalg.norm(direction)
    # Rodrigues' formula for the axis (0, 0, -1) x d; cos = -d_z.
    x, y = d[1], -d[0]
    k = np.array([[0, 0, y], [0, 0, -x], [-y, x, 0]])
    return np.eye(3) + k + k @ k / (1 - d[2])


def placing(camera: Camera) -> tuple[Array, Array, float]:
    """Pose of a head as a crop around it shows it.

    Returns:
        rotation (3, 3), head frame to a camera that looks straight at the head's origin; the pixel (2,) of
        that origin; and pixels per millimetre there.
    """
    turn = ray_turn(camera.translation)
    at = camera.project(np.zeros(3))
    return turn.T @ camera.rotation, at, float(camera.focal / -camera.translation[2])
