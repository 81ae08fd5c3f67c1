"""Soft Rasterizer: every triangle reaches a little beyond its edges, so that pictures change smoothly.

Liu, Li, Chen and Li, "Soft Rasterizer: A Differentiable Renderer for Image-Based 3D Reasoning", ICCV 2019
(arXiv:1904.01786). Symbols and equation numbers are the paper's: i is a pixel, j a triangle.

    D_j = sigmoid(+-d^2 / sigma)                                   (1) probability map; + inside, - outside
    I   = sum_j w_j C_j + w_b C_b                                  (2) colour
    w_j = D_j exp(z_j / gamma) / (sum_k D_k exp(z_k / gamma) + exp(epsilon / gamma))     (3)
    S   = 1 - prod_j (1 - D_j)                                     (4) silhouette

d is the distance of the pixel's centre to the triangle's edge, in units where the shorter side of the
picture is 2; z is depth, 1 at the near plane and 0 at the far one. Where the pixel lies outside of the
triangle, colour and depth are those of the triangle's nearest point. A triangle counts for nothing where
D_j < dist_eps, as in the authors' program, so each visits only the pixels of its box enlarged by that
distance: the work is the number of such pairs instead of pixels times triangles, and no pair is left out.

The kernels (`headshot.geometry.raster.soft_kernels`) go through the triangles in order and keep running sums
for each pixel, so that neither lists of pairs nor a limit on triangles for a pixel are needed. The gradients
are the exact derivatives of the functions above; the step at D_j = dist_eps has none.

Dimension letters: V vertices, F triangles, H x W image, C channels.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log
from typing import NamedTuple

import numpy as np

from headshot.arrays import I32
from headshot.geometry.raster.soft_kernels import soft_backward, soft_forward
from headshot.geometry.raster.soft_pairs import Floats, Parameters


@dataclass(frozen=True)
class SoftSettings:
    """Parameters of the Soft Rasterizer; the defaults are those of the authors' program.

    Attributes:
        sigma: blur of the edges, a squared length in units of half the picture's shorter side.
        gamma: blur in depth: how much nearer a surface has to be to hide another, as a share of far - near.
        dist_eps: smallest D_j that counts.
        background: epsilon, the depth of the background as z_j counts it.
        near, far: the depths where z_j is 1 and 0, in units of the mesh; what lies outside is not drawn.
            gamma is a share of this range, so a head in millimetres wants (100, 10000) where the same head
            in units of 100 mm wants (1, 100).
    """

    sigma: float = 1e-5
    gamma: float = 1e-4
    dist_eps: float = 1e-4
    background: float = 1e-3
    near: float = 1.0
    far: float = 100.0

    def __post_init__(self) -> None:
        if not (self.sigma > 0 and self.gamma > 0 and 0 < self.dist_eps < 0.5):
            raise ValueError(f"sigma and gamma must be positive and dist_eps in (0, 0.5), got {self}")
        if not 0 < self.near < self.far:
            raise ValueError(f"near and far must be positive and near < far, got {self.near} and {self.far}")

    def kernel(self, height: int, width: int) -> Parameters:
        """1 / sigma and the squared reach in pixels, 1 / gamma, epsilon, near and far."""
        sigma = self.sigma * (min(height, width) / 2) ** 2
        reach = sigma * log(1 / self.dist_eps - 1)
        return 1 / sigma, reach, 1 / self.gamma, self.background, self.near, self.far


class SoftMesh(NamedTuple):
    """A projected mesh; all floats of one type, float32 or float64.

    Attributes:
        xy: (V, 2) pixels, origin top left, centres at +0.5.
        depth: (V,) distance along the viewing axis.
        triangles: (F, 3) indices, counter-clockwise seen from outside.
        values: (V, C) colours. With a texture (V, 2 C): factors of the texture's colours, then what is added.
        uv: (N, 2) texture coordinates, origin top left; (0, 2) without a texture.
        triangles_uv: (F, 3) indices of ``uv``; (0, 3) without a texture.
        texture: (T, U, C), looked up bilinearly; (0, 0, C) without.
    """

    xy: Floats
    depth: Floats
    triangles: I32
    values: Floats
    uv: Floats
    triangles_uv: I32
    texture: Floats


class SoftPicture(NamedTuple):
    """What `soft_rasterise` gives; the last two are the softmax's state, for the gradients.

    Attributes:
        colour: (H, W, C) sum_j w_j C_j: without the background.
        depth: (H, W) sum_j w_j of the triangles' depths in units of the mesh.
        background: (H, W) w_b.
        transparency: (H, W) prod_j (1 - D_j), that is 1 - silhouette.
        highest: (H, W) float64, greatest z_j: divided by gamma it needs the digits.
        total: (H, W) float64, sum of the weights before normalisation, relative to exp(highest / gamma).
    """

    colour: Floats
    depth: Floats
    background: Floats
    transparency: Floats
    highest: Floats
    total: Floats


def soft_rasterise(
    mesh: SoftMesh, height: int, width: int, settings: SoftSettings, *, cull: bool = False
) -> SoftPicture:
    """Draw a mesh softly; see the module's description for what is computed.

    Args:
        mesh: its arrays' type, float32 or float64, is that of the picture.
        height, width: size of the picture in pixels.
        settings: blur and depth range.
        cull: leave out triangles seen from behind.

    Triangles that are degenerate, or have a NaN corner or one at or behind the camera, are left out.

    Raises:
        ValueError: the mesh's arrays do not belong together.
    """
    _check(mesh)
    if height < 1 or width < 1:
        raise ValueError(f"the picture must have at least one pixel, got {height} x {width}")
    kind = mesh.xy.dtype
    out = SoftPicture(
        np.empty((height, width, mesh.texture.shape[2]), kind),
        *(np.empty((height, width), kind) for _ in range(3)),
        *(np.empty((height, width)) for _ in range(2)),
    )
    soft_forward(*mesh, settings.kernel(height, width), cull, *out)
    return out


def soft_gradients(
    mesh: SoftMesh,
    settings: SoftSettings,
    picture: SoftPicture,
    incoming: tuple[Floats, Floats, Floats, Floats],
    *,
    cull: bool = False,
) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """Gradients of a loss with respect to the mesh's xy, depth, values, uv and texture.

    Args:
        mesh, settings, cull: as given to `soft_rasterise`.
        picture: what it returned.
        incoming: the loss's gradients with respect to the picture's colour, depth, background, transparency.
    """
    out = (
        np.zeros_like(mesh.xy),
        np.zeros_like(mesh.depth),
        np.zeros_like(mesh.values),
        np.zeros_like(mesh.uv),
        np.zeros_like(mesh.texture),
    )
    height, width = picture.depth.shape
    soft_backward(*mesh, settings.kernel(height, width), cull, picture[:6], incoming, *out)
    return out


def _check(mesh: SoftMesh) -> None:
    count, channels = len(mesh.xy), mesh.texture.shape[2]
    textured = mesh.texture.shape[0] > 0
    if mesh.xy.shape != (count, 2) or mesh.depth.shape != (count,):
        raise ValueError(f"expected xy (V, 2) and depth (V,), got {mesh.xy.shape} and {mesh.depth.shape}")
    if mesh.values.shape != (count, channels * (2 if textured else 1)):
        raise ValueError(
            f"expected values (V, {'2 C' if textured else 'C'}) with V = {count} and C = {channels}, "
            f"got {mesh.values.shape}"
        )
    for name, faces, size in (
        ("triangles", mesh.triangles, count),
        ("triangles_uv", mesh.triangles_uv, len(mesh.uv)),
    ):
        if (
            faces.ndim != 2
            or faces.shape[1] != 3
            or (faces.size and not 0 <= faces.min() <= faces.max() < size)
        ):
            raise ValueError(f"{name} must be (F, 3) indices below {size}")
    if textured and mesh.triangles_uv.shape != mesh.triangles.shape:
        raise ValueError(
            f"triangles_uv {mesh.triangles_uv.shape} must correspond to triangles {mesh.triangles.shape}"
        )
