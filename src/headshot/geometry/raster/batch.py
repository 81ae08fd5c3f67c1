"""Many pictures at once: the forward half of the differentiable renderer, over threads.

Everything here and in the modules of the gradients takes a leading batch dimension B and float32 or float64
arrays, whose dtype the results have; one picture is worked on by one thread. Indices are not checked again:
`Topology` did.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headshot.geometry.raster.hard import Raster, empty_raster, fill_attributes, fill_raster
from headshot.geometry.raster.normals import fill_vertex_normals
from headshot.geometry.raster.sampling import fill_samples
from headshot.geometry.raster.topology import Topology

Floats = NDArray[Any]


@dataclass(frozen=True)
class RasterSettings:
    """What a picture is to show.

    Attributes:
        height, width: size in pixels.
        cull: leave out triangles seen from behind.
        near: only what lies beyond this depth, 0 or more, is drawn; triangles are clipped there.
        threads: how many pictures of a batch are drawn at the same time.
    """

    height: int
    width: int
    cull: bool = True
    near: float = 0.0
    threads: int = 1

    def __post_init__(self) -> None:
        if self.height < 1 or self.width < 1:
            raise ValueError(f"the picture must have at least one pixel, got {self.height} x {self.width}")
        if not self.near >= 0:
            raise ValueError(f"near must be 0 or more, got {self.near}")
        if self.threads < 1:
            raise ValueError(f"at least one thread is needed, got {self.threads}")


@lru_cache(maxsize=4)
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="headshot-raster")


if hasattr(os, "register_at_fork"):  # threads do not survive in a forked child, as data loaders are
    os.register_at_fork(after_in_child=_pool.cache_clear)


def for_each(job: Callable[[int], object], count: int, threads: int) -> None:
    """Call ``job`` with 0 .. count - 1, on up to ``threads`` threads; the first exception is raised here."""
    if threads == 1 or count <= 1:
        for item in range(count):
            job(item)
    else:
        for _ in _pool(threads).map(job, range(count)):
            pass


def checked(array: Any, dtype: Any, *shape: int | None) -> Floats:
    """``array`` as C-contiguous ``dtype`` after a check of its shape, where None stands for any length."""
    out = np.ascontiguousarray(array, dtype=dtype)
    if out.ndim != len(shape) or any(n is not None and n != m for n, m in zip(shape, out.shape, strict=True)):
        wanted = ", ".join("*" if n is None else str(n) for n in shape)
        raise ValueError(f"expected an array of shape ({wanted}), got {out.shape}")
    return out


def float_type(array: Any) -> Any:
    """The dtype that the results for ``array`` have."""
    dtype = np.asarray(array).dtype
    if dtype not in (np.float32, np.float64):
        raise ValueError(f"expected float32 or float64, got {dtype}")
    return dtype


def rasterise_batch(xy: Floats, depth: Floats, topology: Topology, settings: RasterSettings) -> Raster:
    """Find the nearest triangle at every pixel centre of B pictures.

    Args:
        xy: (B, V, 2) projected vertices in pixels, origin top left, centres at +0.5. Behind the camera too
            they are what the division by depth gives (`headshot.geometry.raster.projection.project`).
        depth: (B, V) distances along the viewing axis, any unit.
        topology: the triangles of all B meshes, counter-clockwise seen from outside.
        settings: size, culling, near plane, threads.

    Returns:
        Raster of (B, height, width). Triangles that are degenerate or have a corner that is NaN or in the
        camera's plane (depth 0) are left out. Of surfaces at exactly the same depth the first in order wins.
    """
    dtype = float_type(xy)
    points = checked(xy, dtype, None, topology.vertices, 2)
    distance = checked(depth, dtype, len(points), topology.vertices)
    out = empty_raster((len(points), settings.height, settings.width), dtype)
    cull, near = bool(settings.cull), float(settings.near)

    def draw(b: int) -> None:
        fill_raster(
            points[b],
            distance[b],
            topology.triangles,
            cull,
            near,
            out.triangle[b],
            out.barycentric[b],
            out.depth[b],
        )

    for_each(draw, len(points), settings.threads)
    return out


def interpolate_batch(raster: Raster, attributes: Floats, topology: Topology, threads: int = 1) -> Floats:
    """Per-vertex attributes (B, V, C) at every pixel: (B, H, W, C), 0 where a picture is empty.

    ``topology`` belongs to the attributes and may differ from the one rasterised (a mesh's UV triangles, say)
    as long as its triangles are as many, in the same order and with corresponding corners.
    """
    batch = len(raster.triangle)
    values = checked(attributes, raster.barycentric.dtype, batch, topology.vertices, None)
    out = np.zeros((*raster.triangle.shape, values.shape[2]), values.dtype)

    def fill(b: int) -> None:
        fill_attributes(raster.triangle[b], raster.barycentric[b], values[b], topology.triangles, out[b])

    for_each(fill, batch, threads)
    return out


def sample_batch(image: Floats, xy: Floats, threads: int = 1) -> Floats:
    """Bilinear samples (B, ..., C) of images (B, H, W, C) at points (B, ..., 2) in pixels of the image.

    Points are clamped to the centres of the outermost pixels; NaN points give NaN. UV coordinates times
    (W, H) are such points.
    """
    dtype = float_type(image)
    pixels = checked(image, dtype, None, None, None, None)
    if 0 in pixels.shape[1:3]:
        raise ValueError(f"the images are empty: {pixels.shape}")
    points = checked(np.reshape(xy, (len(pixels), -1, 2)), dtype, len(pixels), None, 2)
    out = np.empty((*points.shape[:2], pixels.shape[3]), dtype)
    for_each(lambda b: fill_samples(pixels[b], points[b], dtype.type(1), out[b]), len(pixels), threads)
    return out.reshape(*np.shape(xy)[:-1], pixels.shape[3])


def vertex_normals_batch(vertices: Floats, topology: Topology, threads: int = 1) -> Floats:
    """Unit normals (B, V, 3), averaged over the adjoining triangles by area; 0 for vertices without any."""
    points = checked(vertices, float_type(vertices), None, topology.vertices, 3)
    out = np.zeros_like(points)
    for_each(lambda b: fill_vertex_normals(points[b], topology.triangles, out[b]), len(points), threads)
    return out
