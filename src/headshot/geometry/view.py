"""Scaled orthographic and perspective views: derivatives of their pixels, and the pose that fits best.

Frames are those of `headshot.geometry.camera`. A `View` has no more than both have: no size of a photo.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from headshot.arrays import Array, ReadOnly
from headshot.geometry.camera import Camera, angles_of, rotation_from_vector

_FAR = 1e5  # mm: orthographic depths are moved so far away that perspective correction does nothing


@dataclass(frozen=True, eq=False, repr=False)
class Orthographic(ReadOnly):
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
    """(N, 2, 6) derivative of the pixels by the pose.

    By a rotation vector that acts last (3), and then x and y of the origin in pixels and the logarithm of the
    scale; of a `Camera`, the translation in mm instead.
    """
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


def raster_view(view: View, points: ArrayLike) -> tuple[Array, Array]:
    """Pixels (N, 2) and depths (N,), mm, of points (N, 3), for `headshot.geometry.raster.rasterise`."""
    p = np.asarray(points, np.float64)
    if isinstance(view, Orthographic):
        return view.project(p), _FAR - p @ view.rotation[2]
    return view.project(p), -view.to_camera(p)[:, 2]


def towards_viewer(view: View, points: ArrayLike) -> Array:
    """Unit directions (N, 3) from points (N, 3) to the viewer, head frame."""
    p = np.asarray(points, np.float64)
    if isinstance(view, Orthographic):
        return np.broadcast_to(view.rotation[2], p.shape)
    out = view.position - p
    return np.asarray(out / np.linalg.norm(out, axis=1, keepdims=True))
