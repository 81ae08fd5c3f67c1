"""Views of a face: scaled orthography and perspective, and the pose that fits landmarks best.

Pixels have their origin at the top left, the head's frame is in millimetres with y up (docs/conventions.md).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from headshot.arrays import Array
from headshot.geometry.camera import Camera, angles_of, rotation_from_vector
from headshot.geometry.pose import weak_perspective_pose
from headshot.models.topologies import ibug68

# Landmarks by facial component (iBUG numbers from 0). Their centres hardly move with the expression.
COMPONENTS = (
    ibug68.numbers(ibug68.BROW_LEFT_IN_IMAGE),
    ibug68.numbers(ibug68.BROW_RIGHT_IN_IMAGE),
    ibug68.numbers(ibug68.EYE_LEFT_IN_IMAGE),
    ibug68.numbers(ibug68.EYE_RIGHT_IN_IMAGE),
    ibug68.numbers(ibug68.NOSE_BRIDGE)[:2],  # bridge, tip and base of the nose
    ibug68.numbers(ibug68.NOSE_BRIDGE)[2:],
    ibug68.numbers(ibug68.NOSE_BASE),
    ibug68.numbers(ibug68.LIPS_OUTER),
)


@dataclass(frozen=True)
class Orthographic:
    """Scaled orthographic view: the same scale at every depth, as from very far away.

    Attributes:
        rotation: (3, 3) rotation, head frame to camera frame (x right, y up, z towards the viewer).
        origin: (2,) image of the head's origin, pixels.
        scale: pixels per mm.
    """

    rotation: Array
    origin: Array
    scale: float

    def project(self, points: ArrayLike) -> Array:
        """Pixels (..., 2) of points (..., 3) of the head frame, mm."""
        turned = np.asarray(points, np.float64) @ self.rotation[:2].T
        return np.asarray(self.origin + self.scale * turned * [1, -1])

    @property
    def angles(self) -> tuple[float, float, float]:
        """Yaw, pitch and roll in degrees, see `headshot.geometry.camera.Camera.angles`."""
        return angles_of(self.rotation)


View = Orthographic | Camera


def derivative(view: View, points: ArrayLike) -> Array:
    """(N, 2, 3) derivative of the pixels by the points (N, 3) of the head frame, pixels per mm."""
    flip = np.array([[1.0], [-1.0]])
    if isinstance(view, Orthographic):
        return np.broadcast_to(view.scale * flip * view.rotation[:2], (len(np.asarray(points)), 2, 3))
    p = view.to_camera(points)
    gain = view.focal / -p[:, 2]
    slope = gain[:, None] * p[:, :2] / -p[:, 2:]  # by depth
    rows = gain[:, None, None] * view.rotation[:2] + slope[:, :, None] * view.rotation[2]
    return np.asarray(rows * flip)


def pose_derivative(view: View, points: ArrayLike) -> Array:
    """(N, 2, 6) derivative of the pixels by the pose: a rotation vector that acts last (3), and then x and y
    of the origin in pixels and the log of the scale, or the translation in mm."""
    p = np.asarray(points, np.float64)
    turned = p @ view.rotation.T
    by_camera = derivative(view, p) @ view.rotation.T  # by a shift in the camera's frame
    out = np.empty((len(p), 2, 6))
    # d(exp(w) r)/dw = -[r]x, so that the row g of a derivative becomes r x g.
    out[:, :, :3] = np.cross(turned[:, None, :], by_camera)
    if isinstance(view, Orthographic):
        out[:, :, 3:5] = np.eye(2)
        out[:, :, 5] = view.project(p) - view.origin
    else:
        out[:, :, 3:] = by_camera
    return out


def moved(view: View, step: Array) -> View:
    """The view after a step (6,) in the parameters of `pose_derivative`."""
    rotation = rotation_from_vector(step[:3]) @ view.rotation
    if isinstance(view, Orthographic):
        return Orthographic(rotation, view.origin + step[3:5], float(view.scale * np.exp(step[5])))
    return replace(view, rotation=rotation, translation=view.translation + step[3:])


def refined(view: View, points: ArrayLike, pixels: ArrayLike, seen: Array, steps: int = 2) -> View:
    """The pose that fits points (N, 3) to pixels (N, 2) best, by Gauss-Newton from a pose nearby.

    Args:
        seen: (N, 2, 2) what counts of each residual; identities for everything.
    """
    for _ in range(steps):
        residual = seen @ (np.asarray(pixels) - view.project(points))[:, :, None]
        jacobian = seen @ pose_derivative(view, points)
        step, *_ = np.linalg.lstsq(jacobian.reshape(-1, 6), residual.ravel(), rcond=None)
        view = moved(view, np.asarray(step, np.float64))
    return view


def component_pose(points: ArrayLike, index: ArrayLike, shape: ArrayLike) -> Orthographic:
    """A first pose from the centres of brows, eyes, nose and mouth.

    Args:
        points: (68, 2) landmarks, pixels.
        index: (L,) which of the 68 the model has.
        shape: (L, 3) their places on the mean face, mm.
    """
    pixels, known, places = np.asarray(points, np.float64), np.asarray(index), np.asarray(shape, np.float64)
    image, model = [], []
    for component in COMPONENTS:
        rows = np.flatnonzero(np.isin(known, component))
        if len(rows):
            image.append(pixels[known[rows]].mean(axis=0))
            model.append(places[rows].mean(axis=0))
    if len(image) < 5:  # a sparse set of landmarks: take them as they are
        image, model = list(pixels[known]), list(places)
    rotation, origin, scale = weak_perspective_pose(np.array(image), np.array(model), np.ones(len(image)))
    return Orthographic(rotation, origin, scale)


def perspective(view: Orthographic, size: tuple[int, int], distance: float, focal: float | None) -> Camera:
    """A perspective camera with the same pose.

    Args:
        view: the pose.
        size: width and height of the photo, pixels.
        distance: of the face from the camera, mm, where the focal length is not known.
        focal: focal length in pixels, or None.
    """
    length = view.scale * distance if focal is None else focal
    centre = (size[0] / 2, size[1] / 2)
    x, y = (view.origin - centre) / view.scale
    position = np.array([x, -y, -length / view.scale])
    return Camera(size[0], size[1], length, centre, view.rotation, position)
