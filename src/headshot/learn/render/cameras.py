"""Cameras for batches: the project's own pinhole camera as tensors, and PyTorch3D's ways to set one up.

The frame is that of `headshot.geometry.camera`: right-handed, the camera looks down -z, x right, y up. A
camera's rotation turns world (head frame) into camera frame: p_camera = R p + t. PyTorch3D's camera has x
left and z ahead and multiplies from the other side; `from_pytorch3d` converts, and `look_at_view_transform`
takes its arguments and shows the same picture.

Dimension letters: B batch, V vertices.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import pi

import numpy as np
import torch
from torch import Tensor

from headshot.geometry.camera import Camera
from headshot.learn.render.functions import project

Numbers = float | Sequence[float] | Tensor


@dataclass(frozen=True, eq=False)
class PerspectiveCameras:
    """B pinhole cameras with square pixels; every field may be one for all (B = 1) and have gradients.

    Attributes:
        focal: (B,) focal lengths in pixels.
        centre: (B, 2) principal points in pixels, origin top left.
        rotation: (B, 3, 3) world to camera.
        translation: (B, 3) the world's origin in the camera frame; z is negative for what is in view.
    """

    focal: Tensor
    centre: Tensor
    rotation: Tensor
    translation: Tensor

    def __post_init__(self) -> None:
        for name, shape in (("focal", ()), ("centre", (2,)), ("rotation", (3, 3)), ("translation", (3,))):
            value = getattr(self, name)
            if value.ndim == len(shape):
                value = value[None]
                object.__setattr__(self, name, value)
            if tuple(value.shape[1:]) != shape:
                raise ValueError(f"{name} must have shape (B, *{shape}), got {tuple(value.shape)}")

    @classmethod
    def from_cameras(
        cls, cameras: Sequence[Camera], dtype: torch.dtype = torch.float32
    ) -> PerspectiveCameras:
        """The cameras of reconstructed photos."""
        return cls(
            torch.tensor([camera.focal for camera in cameras], dtype=dtype),
            torch.tensor([camera.centre for camera in cameras], dtype=dtype),
            torch.tensor(np.stack([camera.rotation for camera in cameras]), dtype=dtype),
            torch.tensor(np.stack([camera.translation for camera in cameras]), dtype=dtype),
        )

    @classmethod
    def from_fov(
        cls, size: int | tuple[int, int], fov: Numbers, rotation: Tensor, translation: Tensor
    ) -> PerspectiveCameras:
        """Cameras given by their field of view (PyTorch3D's FoVPerspectiveCameras).

        Args:
            size: of the picture in pixels, (height, width) or one number for both.
            fov: angle in degrees that the shorter side of the picture shows; 60 is PyTorch3D's default.
            rotation, translation: (B, 3, 3) and (B, 3), see the class.
        """
        height, width = (size, size) if isinstance(size, int) else size
        angle = torch.as_tensor(fov, dtype=rotation.dtype, device=rotation.device).reshape(-1) * (pi / 180)
        centre = torch.tensor([[width / 2, height / 2]], dtype=rotation.dtype, device=rotation.device)
        return cls(min(height, width) / 2 / torch.tan(angle / 2), centre, rotation, translation)

    def to_camera(self, points: Tensor) -> Tensor:
        """Points (B, V, 3) from the world to the camera frame."""
        if len(points) == len(self.rotation) == 1:
            return torch.addmm(self.translation, points[0], self.rotation[0].T)[None]
        return points @ self.rotation.transpose(1, 2) + self.translation[:, None]

    def project(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """Pixels (B, V, 2) and depths (B, V) of points (B, V, 3) of the world."""
        seen = self.to_camera(points)
        batch = max(len(seen), len(self.focal), len(self.centre))
        focal, centre = self.focal.to(seen), self.centre.to(seen)
        return project(seen.expand(batch, -1, -1), focal.expand(batch), centre.expand(batch, -1))

    def positions(self) -> Tensor:
        """(B, 3) centres of projection in the world."""
        return -(self.rotation.transpose(1, 2) @ self.translation[:, :, None])[:, :, 0]


def look_at_view_transform(
    dist: Numbers = 1.0,
    elev: Numbers = 0.0,
    azim: Numbers = 0.0,
    *,
    at: Sequence[float] = (0.0, 0.0, 0.0),
    up: Sequence[float] = (0.0, 1.0, 0.0),
) -> tuple[Tensor, Tensor]:
    """Rotation (B, 3, 3) and translation (B, 3) of cameras on a sphere that look at its centre.

    Args:
        dist: distance from ``at``.
        elev: angle above the horizontal plane, degrees.
        azim: angle around the vertical axis, degrees; at 0 the camera is on the +z side.
        at: the point in the middle of the picture.
        up: the direction that is up in the picture.

    The arguments are those of PyTorch3D's function of this name and the picture is the same, but rotation
    and translation are in the convention of `PerspectiveCameras`. Lists and tensors make a batch.
    """
    lists = torch.broadcast_tensors(
        *(torch.as_tensor(value, dtype=torch.float32).reshape(-1) for value in (dist, elev, azim))
    )
    far, elevation, azimuth = lists[0], lists[1] * (pi / 180), lists[2] * (pi / 180)
    direction = torch.stack(
        [
            torch.cos(elevation) * torch.sin(azimuth),
            torch.sin(elevation),
            torch.cos(elevation) * torch.cos(azimuth),
        ],
        dim=1,
    )
    target = torch.tensor([list(at)], dtype=torch.float32)
    position = target + far[:, None] * direction
    # The camera's axes in the world: z points back from the target to the camera.
    back = torch.nn.functional.normalize(position - target, dim=1)
    right = torch.linalg.cross(torch.tensor([list(up)], dtype=torch.float32).expand_as(back), back)
    straight = right.norm(dim=1, keepdim=True) < 1e-5  # looking along `up`: any direction will do for right
    right = torch.nn.functional.normalize(torch.where(straight, right.new_tensor([[1.0, 0.0, 0.0]]), right))
    above = torch.linalg.cross(back, right)
    rotation = torch.stack([right, above, back], dim=1)
    return rotation, -(rotation @ position[:, :, None])[:, :, 0]


def from_pytorch3d(rotation: Tensor, translation: Tensor) -> tuple[Tensor, Tensor]:
    """PyTorch3D's R (B, 3, 3) and T (B, 3), of p R + T with x left and z ahead, as they are called here."""
    flip = rotation.new_tensor([-1.0, 1.0, -1.0])
    return flip[:, None] * rotation.transpose(1, 2), flip * translation
