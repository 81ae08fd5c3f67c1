"""The kernels of `headshot.geometry.raster` as differentiable functions of tensors.

Tensors may live on any device and are float32 or float64; the work is done by the CPU, one picture a thread,
and the results go back to the device of the first argument. The gradients are the analytic ones of the
kernels; second derivatives are not available.

Dimension letters: B batch, V vertices, F triangles, H x W image, C channels, N points.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.autograd.function import once_differentiable

from headshot.arrays import I32
from headshot.geometry.raster import Raster, Topology, gradients, projection
from headshot.geometry.raster import antialias as antialias_kernels
from headshot.geometry.raster import batch as kernels
from headshot.geometry.raster.batch import RasterSettings
from headshot.geometry.raster.soft import SoftMesh, SoftSettings, soft_gradients, soft_rasterise


def to_numpy(tensor: Tensor) -> NDArray[Any]:
    """The tensor's values, C-contiguous, on the CPU; shares memory where it can."""
    return tensor.detach().cpu().contiguous().numpy()


def _like(array: NDArray[Any], tensor: Tensor) -> Tensor:
    return torch.from_numpy(array).to(tensor.device)


@dataclass(frozen=True, eq=False)
class Fragments:
    """What every pixel of B pictures sees.

    Attributes:
        barycentric: (B, H, W, 3) perspective-correct weights of the corners, 0 where empty; differentiable.
        depth: (B, H, W) distance along the viewing axis, inf where empty; differentiable.
        raster: the same as arrays, with the index of the triangle, -1 where empty.
        topology: the triangles.
        settings: size, culling, near plane, threads.
    """

    barycentric: Tensor
    depth: Tensor
    raster: Raster
    topology: Topology
    settings: RasterSettings

    @property
    def covered(self) -> Tensor:
        """(B, H, W) bool: where there is a surface."""
        return _like(self.raster.triangle >= 0, self.depth)


class _Project(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, points: Tensor, focal: Tensor, centre: Tensor) -> tuple[Tensor, Tensor]:
        ctx.save_for_backward(points, focal)
        xy, depth = projection.project(to_numpy(points), to_numpy(focal), to_numpy(centre))
        return _like(xy, points), _like(depth, points)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_xy: Tensor, d_depth: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        points, focal = ctx.saved_tensors
        found = projection.project_gradient(
            to_numpy(points), to_numpy(focal), to_numpy(d_xy), to_numpy(d_depth)
        )
        d_points, d_focal, d_centre = (_like(array, points) for array in found)
        return d_points, d_focal, d_centre


class _Rasterise(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, xy: Tensor, depth: Tensor, topology: Topology, settings: RasterSettings, out: list[Raster]
    ) -> tuple[Tensor, Tensor]:
        raster = kernels.rasterise_batch(to_numpy(xy), to_numpy(depth), topology, settings)
        out.append(raster)
        ctx.save_for_backward(xy, depth)
        ctx.rest = topology, settings, raster
        ctx.set_materialize_grads(False)
        return _like(raster.barycentric, xy), _like(raster.depth, xy)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_barycentric: Tensor | None, d_depth: Tensor | None) -> tuple[Any, ...]:
        if d_barycentric is None and d_depth is None:
            return None, None, None, None, None
        xy, depth = ctx.saved_tensors
        topology, settings, raster = ctx.rest
        d_weights = np.zeros_like(raster.barycentric) if d_barycentric is None else to_numpy(d_barycentric)
        found = gradients.rasterise_gradient(
            to_numpy(xy),
            to_numpy(depth),
            topology,
            raster,
            d_weights,
            None if d_depth is None else to_numpy(d_depth),
            settings.threads,
        )
        return _like(found[0], xy), _like(found[1], xy), None, None, None


class _Interpolate(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, attributes: Tensor, barycentric: Tensor, raster: Raster, topology: Topology, threads: int
    ) -> Tensor:
        values = to_numpy(attributes)
        ctx.save_for_backward(attributes)
        ctx.rest = raster, topology, threads
        return _like(kernels.interpolate_batch(raster, values, topology, threads), attributes)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_out: Tensor) -> tuple[Any, ...]:
        (attributes,) = ctx.saved_tensors
        raster, topology, threads = ctx.rest
        found = gradients.interpolate_gradient(
            raster, to_numpy(attributes), topology, to_numpy(d_out), threads
        )
        return _like(found[0], d_out), _like(found[1], d_out), None, None, None


class _Sample(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, image: Tensor, xy: Tensor, threads: int) -> Tensor:
        ctx.save_for_backward(image, xy)
        ctx.threads = threads
        return _like(kernels.sample_batch(to_numpy(image), to_numpy(xy), threads), image)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_out: Tensor) -> tuple[Any, ...]:
        image, xy = ctx.saved_tensors
        found = gradients.sample_gradient(to_numpy(image), to_numpy(xy), to_numpy(d_out), ctx.threads)
        return _like(found[0], image), _like(found[1], image), None


class _VertexNormals(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, vertices: Tensor, topology: Topology, threads: int) -> Tensor:
        ctx.save_for_backward(vertices)
        ctx.rest = topology, threads
        return _like(kernels.vertex_normals_batch(to_numpy(vertices), topology, threads), vertices)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_normals: Tensor) -> tuple[Any, ...]:
        (vertices,) = ctx.saved_tensors
        topology, threads = ctx.rest
        found = gradients.vertex_normals_gradient(to_numpy(vertices), topology, to_numpy(d_normals), threads)
        return _like(found, vertices), None, None


class _Antialias(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, colour: Tensor, xy: Tensor, depth: Tensor, fragments: Fragments) -> Tensor:
        silhouettes = antialias_kernels.find_silhouettes(
            to_numpy(xy), to_numpy(depth), fragments.topology, fragments.raster, fragments.settings
        )
        ctx.save_for_backward(colour)
        ctx.silhouettes = silhouettes
        return _like(antialias_kernels.antialias(to_numpy(colour), silhouettes), colour)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_out: Tensor) -> tuple[Any, ...]:
        (colour,) = ctx.saved_tensors
        found = antialias_kernels.antialias_gradient(to_numpy(colour), ctx.silhouettes, to_numpy(d_out))
        return _like(found[0], colour), _like(found[1], colour), None, None


class _SoftRasterise(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        xy: Tensor,
        depth: Tensor,
        values: Tensor,
        uv: Tensor,
        texture: Tensor,
        triangles_uv: I32,
        topology: Topology,
        settings: RasterSettings,
        soft: SoftSettings,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        arrays = [to_numpy(tensor) for tensor in (xy, depth, values, uv, texture)]
        meshes = [
            SoftMesh(a, d, topology.triangles, v, u, triangles_uv, t)
            for a, d, v, u, t in zip(*arrays, strict=True)
        ]
        pictures: list[Any] = [None] * len(meshes)

        def draw(b: int) -> None:
            pictures[b] = soft_rasterise(meshes[b], settings.height, settings.width, soft, cull=settings.cull)

        kernels.for_each(draw, len(meshes), settings.threads)
        ctx.rest = meshes, pictures, settings, soft
        ctx.device = xy.device
        if not pictures:
            empty = xy.new_zeros((0, settings.height, settings.width))
            return empty[..., None].expand(*empty.shape, texture.shape[3]), empty, empty, empty
        fields = zip(*(picture[:4] for picture in pictures), strict=True)
        colour, mean_depth, background, clear = (_like(np.stack(field), xy) for field in fields)
        return colour, mean_depth, background, clear

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *d_out: Tensor) -> tuple[Any, ...]:
        meshes, pictures, settings, soft = ctx.rest
        incoming = [to_numpy(tensor) for tensor in d_out]
        found: list[Any] = [None] * len(meshes)

        def differentiate(b: int) -> None:
            each: tuple[Any, ...] = tuple(array[b] for array in incoming)
            found[b] = soft_gradients(meshes[b], soft, pictures[b], each, cull=settings.cull)

        kernels.for_each(differentiate, len(meshes), settings.threads)
        if not found:
            return (None,) * 9
        stacked = (torch.from_numpy(np.stack(field)).to(ctx.device) for field in zip(*found, strict=True))
        d_xy, d_depth, d_values, d_uv, d_texture = stacked
        return d_xy, d_depth, d_values, d_uv, d_texture, None, None, None, None


def project(points: Tensor, focal: Tensor, centre: Tensor) -> tuple[Tensor, Tensor]:
    """Pixels (B, V, 2) and depths (B, V) of points (B, V, 3) in the camera frame, which looks down -z.

    Args:
        points: (B, V, 3), x right, y up.
        focal: (B,) focal lengths in pixels.
        centre: (B, 2) principal points in pixels, origin top left.
    """
    return _Project.apply(points, focal, centre)


def vertex_normals(vertices: Tensor, topology: Topology, threads: int = 1) -> Tensor:
    """Unit normals (B, V, 3) of vertices (B, V, 3), averaged over the adjoining triangles by area."""
    return _VertexNormals.apply(vertices, topology, threads)


def rasterise(xy: Tensor, depth: Tensor, topology: Topology, settings: RasterSettings) -> Fragments:
    """What every pixel sees of B meshes, given their projection (B, V, 2) in pixels and depths (B, V)."""
    out: list[Raster] = []
    barycentric, buffer = _Rasterise.apply(xy, depth, topology, settings, out)
    return Fragments(barycentric, buffer, out[0], topology, settings)


def interpolate(fragments: Fragments, attributes: Tensor, topology: Topology | None = None) -> Tensor:
    """Per-vertex attributes (B, V, C) at every pixel: (B, H, W, C), 0 where empty.

    ``topology`` is that of the attributes, if they have their own (texture coordinates, say).
    """
    return _Interpolate.apply(
        attributes,
        fragments.barycentric,
        fragments.raster,
        topology or fragments.topology,
        fragments.settings.threads,
    )


def sample(image: Tensor, xy: Tensor, threads: int = 1) -> Tensor:
    """Bilinear samples (B, ..., C) of images (B, H, W, C) at xy (B, ..., 2) in their pixels, clamped."""
    return _Sample.apply(image, xy, threads)


def antialias(picture: Tensor, xy: Tensor, depth: Tensor, fragments: Fragments) -> Tensor:
    """The picture (B, H, W, C) blended across silhouettes, so that it changes as they move.

    Args:
        picture: what was made of ``fragments``.
        xy, depth: (B, V, 2) and (B, V), as rasterised; the gradient goes to ``xy`` and ``picture``.
        fragments: what `rasterise` gave for them.
    """
    return _Antialias.apply(picture, xy, depth, fragments)


@dataclass(frozen=True, eq=False)
class SoftTexture:
    """Texture of the triangles for `soft_rasterise_batch`, beside their vertices' values.

    Attributes:
        image: (B, T, U, C), or (B, 0, 0, C) for none: then values are colours.
        uv: (B, N, 2), origin top left; (B, 0, 2) for none.
        topology: triangles of ``uv``; None for none.
    """

    image: Tensor
    uv: Tensor
    topology: Topology | None


def soft_rasterise_batch(
    projected: tuple[Tensor, Tensor],
    topology: Topology,
    values: Tensor,
    texture: SoftTexture,
    settings: RasterSettings,
    soft: SoftSettings,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Draw B meshes softly (`headshot.geometry.raster.soft`).

    Args:
        projected: xy (B, V, 2) in pixels and depth (B, V).
        topology: the triangles.
        values: (B, V, C) colours or, with a texture, (B, V, 2 C) factors of its colours and what is added.
        texture: see `SoftTexture`.
        settings: size, culling and threads; the near plane is that of ``soft``.
        soft: blur and depth range.

    Returns:
        sum_j w_j C_j (B, H, W, C), sum_j w_j depth_j (B, H, W), w_b (B, H, W), prod_j (1 - D_j) (B, H, W).
    """
    none = np.zeros((0, 3), np.int32)
    triangles_uv = none if texture.topology is None else texture.topology.triangles
    return _SoftRasterise.apply(
        *projected, values, texture.uv, texture.image, triangles_uv, topology, settings, soft
    )
