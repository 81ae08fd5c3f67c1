"""Light: spherical harmonics, distant lamps and near ones.

A light turns points and normals into what the surface's colour is multiplied with and what is added to it
(highlights): shown = factor * colour + highlight. Everything is in world coordinates (the head frame) and in
linear light if colours are; nothing here converts.

The formulas of lamps are Phong's ("Illumination for Computer Generated Pictures", 1975), with the
parameters and defaults of PyTorch3D's lights.

Dimension letters: B batch, N points (vertices, or the pixels of a picture).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor

from headshot.geometry.light import DIFFERENCE, FIRST, SECOND, ZONAL

Colour = Sequence[float] | Tensor


@dataclass(frozen=True, eq=False)
class Material:
    """How a surface answers to lamps; every colour is (3,) or (B, 3).

    Attributes:
        ambient, diffuse, specular: shares of each kind of light that are reflected.
        shininess: exponent of highlights: the greater, the smaller.
    """

    ambient: Colour = (1.0, 1.0, 1.0)
    diffuse: Colour = (1.0, 1.0, 1.0)
    specular: Colour = (1.0, 1.0, 1.0)
    shininess: float | Tensor = 64.0


class Light(Protocol):
    """Anything that lights a surface."""

    def shade(
        self, points: Tensor, normals: Tensor, viewer: Tensor, material: Material
    ) -> tuple[Tensor, Tensor | None]:
        """Colour of surface points.

        Args:
            points: (B, N, 3) in the world.
            normals: (B, N, 3), unit, or 0 where unknown.
            viewer: (B, 3) positions of the cameras.
            material: what the surface is made of.

        Returns:
            (B, N, 3) factor of the surface's colour, and (B, N, 3) highlights or None.
        """
        ...


def sh_basis(normals: Tensor) -> Tensor:
    """The nine functions (..., 9) of unit normals (..., 3).

    The same as `headshot.geometry.light.sh_basis`.
    """
    x, y, z = normals.unbind(-1)
    return torch.stack(
        [
            torch.ones_like(x),
            FIRST * y,
            FIRST * z,
            FIRST * x,
            SECOND * x * y,
            SECOND * y * z,
            ZONAL * (3 * z * z - 1),
            SECOND * x * z,
            DIFFERENCE * (x * x - y * y),
        ],
        dim=-1,
    )


@dataclass(frozen=True, eq=False)
class SphericalHarmonics:
    """Distant light from everywhere, of second order (`headshot.geometry.light`).

    Attributes:
        coefficients: (B, 9, 3) or (9, 3); the first row 1 and others 0 shows colours as they are.
    """

    coefficients: Tensor

    def __post_init__(self) -> None:
        if self.coefficients.ndim == 2:
            object.__setattr__(self, "coefficients", self.coefficients[None])
        if self.coefficients.ndim != 3 or self.coefficients.shape[1:] != (9, 3):
            raise ValueError(f"coefficients must be (B, 9, 3), got {tuple(self.coefficients.shape)}")

    def shade(
        self, points: Tensor, normals: Tensor, viewer: Tensor, material: Material
    ) -> tuple[Tensor, Tensor | None]:
        """See `Light`. The surface is matte; of the material, only ``diffuse`` counts."""
        light = self.coefficients.to(normals)
        return (sh_basis(normals) @ light) * _colour(material.diffuse, normals), None


@dataclass(frozen=True, eq=False)
class AmbientLights:
    """The same light on everything.

    Attributes:
        colour: (3,) or (B, 3).
    """

    colour: Colour = (1.0, 1.0, 1.0)

    def shade(
        self, points: Tensor, normals: Tensor, viewer: Tensor, material: Material
    ) -> tuple[Tensor, Tensor | None]:
        """See `Light`."""
        factor = _colour(material.ambient, normals) * _colour(self.colour, normals)
        return factor.expand(len(factor), normals.shape[1], 3), None


@dataclass(frozen=True, eq=False)
class _Lamp:
    ambient: Colour = field(default=(0.5, 0.5, 0.5), kw_only=True)
    diffuse: Colour = field(default=(0.3, 0.3, 0.3), kw_only=True)
    specular: Colour = field(default=(0.2, 0.2, 0.2), kw_only=True)

    def _shade(
        self, towards: Tensor, points: Tensor, normals: Tensor, viewer: Tensor, material: Material
    ) -> tuple[Tensor, Tensor | None]:
        """Phong 1975: ambient + diffuse (n l) and specular (r v)^shininess; ``towards`` is l, (B, N, 3)."""
        cosine = (normals * towards).sum(-1, keepdim=True)
        ambient = _colour(material.ambient, normals) * _colour(self.ambient, normals)
        diffuse = _colour(material.diffuse, normals) * _colour(self.diffuse, normals)
        mirrored = 2 * cosine * normals - towards
        view = torch.nn.functional.normalize(viewer[:, None] - points, dim=-1)
        along = (mirrored * view).sum(-1, keepdim=True)
        lit = (cosine > 0) & (along > 0)
        # 0 ** shininess has no finite slope for all exponents, so unlit points never meet it.
        shininess = torch.as_tensor(material.shininess, dtype=normals.dtype, device=normals.device)
        power = torch.where(lit, along, 1.0) ** shininess.reshape(-1, 1, 1)
        shine = _colour(material.specular, normals) * _colour(self.specular, normals)
        return ambient + diffuse * cosine.clamp(min=0), shine * torch.where(lit, power, 0.0)


@dataclass(frozen=True, eq=False)
class DirectionalLights(_Lamp):
    """Distant lamps.

    Attributes:
        direction: (3,) or (B, 3) towards the light, any length.
        ambient, diffuse, specular: (3,) or (B, 3) colours of the light.
    """

    direction: Colour = (0.0, 1.0, 0.0)

    def shade(
        self, points: Tensor, normals: Tensor, viewer: Tensor, material: Material
    ) -> tuple[Tensor, Tensor | None]:
        """See `Light`."""
        towards = torch.nn.functional.normalize(_colour(self.direction, normals), dim=-1)
        return self._shade(towards, points, normals, viewer, material)


@dataclass(frozen=True, eq=False)
class PointLights(_Lamp):
    """Lamps at a place; their strength does not depend on the distance.

    Attributes:
        location: (3,) or (B, 3) in the world.
        ambient, diffuse, specular: (3,) or (B, 3) colours of the light.
    """

    location: Colour = (0.0, 1.0, 0.0)

    def shade(
        self, points: Tensor, normals: Tensor, viewer: Tensor, material: Material
    ) -> tuple[Tensor, Tensor | None]:
        """See `Light`."""
        towards = torch.nn.functional.normalize(_colour(self.location, normals) - points, dim=-1)
        return self._shade(towards, points, normals, viewer, material)


def _colour(value: Colour, like: Tensor) -> Tensor:
    """Three numbers, or B times three, as (B, 1, 3)."""
    out = torch.as_tensor(value, dtype=like.dtype, device=like.device)
    return out.reshape(-1, 1, 3)
