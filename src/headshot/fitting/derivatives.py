"""How the colour at a point of the surface changes with pose, position and normal.

What is compared at a point x of the head with normal n is photo(project(x)) - albedo * shade(n). The first
part changes with where the point is seen: the picture's derivative times that of the projection. The second
changes with the normal n = (t1 x t2) / |t1 x t2| of two tangents (`headshot.fitting.surface`).

Dimension letters: S points.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from headshot.arrays import F32
from headshot.fitting.surface import Samples
from headshot.geometry.camera import Camera
from headshot.geometry.light import sh_basis_gradient


@dataclass(frozen=True, eq=False)
class Surface:
    """The skin of the face at its points.

    Attributes:
        position: (S, 3) mm, head frame.
        first, second: (S, 3) tangents.
        normal: (S, 3) unit.
        length: (S,) of the tangents' cross product.
    """

    position: F32
    first: F32
    second: F32
    normal: F32
    length: F32


def surface_at(points: Samples, identity: ArrayLike, expression: ArrayLike) -> Surface:
    """The surface for identity (I,) and expression (E,) coefficients."""
    x = points.shape(identity, expression)
    position, first, second = x[:, :3], x[:, 3:6], x[:, 6:]
    normal = cross(first, second)
    length = np.sqrt((normal * normal).sum(axis=1))
    return Surface(position, first, second, normal / length[:, None], length)


def cross(a: F32, b: F32) -> F32:
    """Cross products (..., 3); np.cross takes several times as long."""
    out = np.empty(np.broadcast_shapes(a.shape, b.shape), a.dtype)
    for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        out[..., i] = a[..., j] * b[..., k] - a[..., k] * b[..., j]
    return out


def of_pose(position: F32, slopes: F32, camera: Camera) -> tuple[F32, F32]:
    """Derivatives of the photo's colours at projected points.

    Args:
        position: (S, 3) points, head frame.
        slopes: (S, 3, 2) of the three colours to the right and down, per pixel.
        camera: that took the photo.

    Returns:
        (S, 3, 7) by pose (`headshot.fitting.parameters`), and (S, 3, 3) by position, head frame.
    """
    rotation = camera.rotation.astype(np.float32)
    rotated = position @ rotation.T
    x, y, z = (rotated + camera.translation.astype(np.float32)).T
    depth = np.maximum(-z, np.float32(1))[:, None]
    gain = np.float32(camera.focal) / depth
    right, down = slopes[..., 0] * gain, slopes[..., 1] * gain
    # d(u, v)/d(X, Y, Z) of u = cx + f X / -Z, v = cy - f Y / -Z.
    toward = right * x[:, None] - down * y[:, None]
    in_camera = np.stack([right, -down, toward / depth], axis=-1)
    # A turn w moves a point by w x r, so that g . (w x r) = w . (r x g).
    pose = np.concatenate([cross(rotated[:, None], in_camera), in_camera, toward[..., None]], axis=-1)
    pose[..., 5] *= np.float32(camera.translation[2])
    return pose, in_camera @ rotation


def of_tangents(surface: Surface, albedo: F32, light: F32) -> tuple[F32, F32]:
    """Derivatives (S, 3 colours, 3) of shaded colours by the first and by the second tangent.

    Args:
        surface: the points.
        albedo: (S, 3) linear reflectance.
        light: (9, 3).
    """
    turn = np.einsum("skj,kc->scj", sh_basis_gradient(surface.normal), light.astype(np.float32))
    turn *= albedo[:, :, None]
    # Normals keep their length: what points along them changes nothing.
    turn -= np.einsum("scj,sj->sc", turn, surface.normal)[..., None] * surface.normal[:, None]
    turn /= surface.length[:, None, None]
    return cross(surface.second[:, None], turn), cross(turn, surface.first[:, None])
