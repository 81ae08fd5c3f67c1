"""Z-buffer rasterisation and interpolation: the Numba kernels that rendering and texturing share.

Barycentric coordinates are ratios of edge functions (Pineda, "A Parallel Algorithm for Polygon
Rasterization", SIGGRAPH 1988) evaluated at pixel centres. Written relative to the pixel centre p, the edge
function of a -> b is cross(a - p, b - p): swapping a and b negates it exactly in floating point, and from
float32 corners its sign in float64 is exact, so that neighbours which share an edge agree about every pixel.
Pixels exactly on an edge belong to one side by direction (the top-left rule), so a closed mesh has neither
gaps nor double hits.

Triangles that cross the near plane are not cut: in homogeneous coordinates (Olano and Greer, "Triangle Scan
Conversion using 2D Homogeneous Coordinates", Graphics Hardware 1997) the same edge functions, with the sign
that the depths of an edge's ends give it, hold for corners behind the camera too.

Dimension letters: V vertices, F triangles, H x W image, C channels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from headshot.arrays import F32, I32, read_only_view
from headshot.geometry.raster.topology import Topology
from headshot.kernels import njit

_HITS = 1024  # pixels tested between two checks whether the list of hits is full: it shall stay in the cache


@dataclass(frozen=True)
class Raster:
    """What every pixel of an H x W picture sees; with a leading B, and float64 if asked for, for a batch.

    Attributes:
        triangle: (H, W) index of the nearest triangle, -1 where there is none.
        barycentric: (H, W, 3) perspective-correct weights of its corners, rows sum to 1 (0 where empty).
        depth: (H, W) distance of the surface along the viewing axis, in the units given; inf where empty.
    """

    triangle: I32
    barycentric: F32
    depth: F32


@njit(cache=True, nogil=True, error_model="numpy")
def _owns(ax: float, ay: float, bx: float, by: float) -> bool:
    """Whether a positively oriented triangle owns the pixels exactly on its edge a -> b."""
    return by > ay or (by == ay and bx < ax)


@njit(cache=True, nogil=True, error_model="numpy")
def _cells(xy: Any, width: int, height: int, out: I32) -> None:
    """For vertices (V, 2), the first column and row whose pixel centres are not before them.

    Between the smallest and the largest of its corners, the largest left out, lie the pixel centres in a
    triangle's box: the rule for ties gives it none at the right and bottom end.
    """
    zero, half = xy.dtype.type(0), xy.dtype.type(0.5)
    columns, rows = xy.dtype.type(width), xy.dtype.type(height)
    for v in range(xy.shape[0]):
        # Clamped before the conversion, for infinities have no integer; NaN gives 0.
        x, y = np.ceil(xy[v, 0] - half), np.ceil(xy[v, 1] - half)
        x, y = (x if x > zero else zero), (y if y > zero else zero)
        out[v, 0] = np.int32(x if x < columns else columns)
        out[v, 1] = np.int32(y if y < rows else rows)


@njit(cache=True, nogil=True, error_model="numpy")
def _sign_beyond(z0: float, z1: float, z2: float, near: float) -> float:
    """The sign of z0 z1 z2, 0 where nothing can be drawn: all before ``near``, or one 0 or NaN."""
    if not (z0 > near or z1 > near or z2 > near) or z0 != z0 or z1 != z1 or z2 != z2:
        return 0.0
    return float(np.sign(z0) * np.sign(z1) * np.sign(z2))


@njit(cache=True, nogil=True, error_model="numpy")
def _cell(at: float, size: int) -> int:
    """What `_cells` gives for one coordinate."""
    return int(min(max(np.ceil(at - 0.5), 0.0), float(size)))


@njit(cache=True, nogil=True, error_model="numpy")
def _near_box(
    x0: float, y0: float, z0: float, x1: float, y1: float, z1: float, x2: float, y2: float, z2: float,
    near: float, width: int, height: int,
) -> tuple[int, int, int, int]:  # fmt: skip
    """Columns from, to and rows from, to of the part of a triangle that lies beyond ``near``."""
    left, right, top, bottom = np.inf, -np.inf, np.inf, -np.inf
    for _ in range(3):
        if z0 > near:
            left, right, top, bottom = min(left, x0), max(right, x0), min(top, y0), max(bottom, y0)
        if (z0 > near) != (z1 > near):
            # Where the edge crosses the plane, in homogeneous coordinates (x z, y z, z).
            s = (near - z0) / (z1 - z0)
            x, y = ((1 - s) * x0 * z0 + s * x1 * z1) / near, ((1 - s) * y0 * z0 + s * y1 * z1) / near
            if not abs(x * y) < np.inf:  # near is 0: the crossing is at infinity
                return 0, width, 0, height
            left, right, top, bottom = min(left, x), max(right, x), min(top, y), max(bottom, y)
        x0, y0, z0, x1, y1, z1, x2, y2, z2 = x1, y1, z1, x2, y2, z2, x0, y0, z0
    return _cell(left, width), _cell(right, width), _cell(top, height), _cell(bottom, height)


@njit(cache=True, nogil=True, error_model="numpy")
def _candidates(
    xy: Any, depth: Any, triangles: I32, cells: I32, cull: bool, near: float, out: I32
) -> tuple[int, bool]:
    """List the triangles that may cover a pixel centre; how many, and whether some cross ``near``.

    Most triangles of a fine mesh fail, and no processor can predict which: each is written, and the next one
    over it if it failed, without a jump.
    """
    count = behind = 0
    for v in range(depth.shape[0]):
        behind += not depth[v] > near
    for t in range(triangles.shape[0]):
        i, j, k = np.uint64(triangles[t, 0]), np.uint64(triangles[t, 1]), np.uint64(triangles[t, 2])
        x0, y0 = np.float64(xy[i, 0]), np.float64(xy[i, 1])
        x1, y1 = np.float64(xy[j, 0]), np.float64(xy[j, 1])
        x2, y2 = np.float64(xy[k, 0]), np.float64(xy[k, 1])
        # Pixels' y points down: what is counter-clockwise in the world and drawn is positive here.
        area = (x2 - x0) * (y1 - y0) - (x1 - x0) * (y2 - y0)
        wide = (cells[i, 0] != cells[j, 0]) | (cells[j, 0] != cells[k, 0])
        high = (cells[i, 1] != cells[j, 1]) | (cells[j, 1] != cells[k, 1])
        if behind > 0:
            area *= _sign_beyond(depth[i], depth[j], depth[k], near)
            wide = high = True
        out[count] = t
        count += ((area > 0.0) | (not cull and area < 0.0)) & wide & high
    return count, behind > 0


@njit(cache=True, nogil=True, error_model="numpy")
def _owned(xy: Any, depth: Any, triangles: I32, t: int, u0: float, u1: float, u2: float) -> bool:
    """Whether triangle t owns a pixel exactly on an edge of it, or on two: those whose weight is 0."""
    i, j, k = triangles[t, 0], triangles[t, 1], triangles[t, 2]
    x0, y0, x1, y1, x2, y2 = xy[i, 0], xy[i, 1], xy[j, 0], xy[j, 1], xy[k, 0], xy[k, 1]
    front = (x2 - x0) * (y1 - y0) - (x1 - x0) * (y2 - y0) > 0
    return not (
        (u0 == 0.0 and _owns(x1, y1, x2, y2) != (front == (depth[i] > 0)))
        or (u1 == 0.0 and _owns(x2, y2, x0, y0) != (front == (depth[j] > 0)))
        or (u2 == 0.0 and _owns(x0, y0, x1, y1) != (front == (depth[k] > 0)))
    )


@njit(cache=True, nogil=True, error_model="numpy")
def _write(
    count: int, hits: Any, hit_triangle: I32, hit_pixel: I32, xy: Any, depth: Any, triangles: I32,
    near: float, triangle: I32, weights: Any, buffer: Any,
) -> None:  # fmt: skip
    """Show the hits that are nearer than what the pixels, one after another here, show so far."""
    for h in range(count):
        u0, u1, u2, at = hits[h, 0], hits[h, 1], hits[h, 2], hit_pixel[h]
        scale = 1.0 / (u0 + u1 + u2)
        z = buffer.dtype.type(hits[h, 3] * scale)
        if not (z < buffer[at] and z > near):
            continue
        tie = (u0 == 0.0) | (u1 == 0.0) | (u2 == 0.0)
        if tie and not _owned(xy, depth, triangles, hit_triangle[h], u0, u1, u2):
            continue
        buffer[at] = z
        triangle[at] = hit_triangle[h]
        weights[at, 0], weights[at, 1], weights[at, 2] = u0 * scale, u1 * scale, u2 * scale


@njit(cache=True, nogil=True, error_model="numpy")
def fill_raster(
    xy: Any, depth: Any, triangles: I32, cull: bool, near: float, triangle: I32, weights: Any, buffer: Any
) -> None:
    """Fill index (H, W), barycentrics (H, W, 3) and depth (H, W), whatever they hold."""
    height, width = triangle.shape
    pixels = triangle.reshape(-1), weights.reshape(-1, 3), buffer.reshape(-1)
    for p in range(height * width):
        pixels[0][p], pixels[2][p] = -1, np.inf
        pixels[1][p, 0] = pixels[1][p, 1] = pixels[1][p, 2] = 0
    cells, listed = np.empty((xy.shape[0], 2), np.int32), np.empty(triangles.shape[0] + 1, np.int32)
    _cells(xy, width, height, cells)
    count, clip = _candidates(xy, depth, triangles, cells, cull, near, listed)
    # Room for what is left of one portion, for the next, and for the one written over.
    hits, hit_triangle = np.empty((2 * _HITS + 1, 4)), np.empty(2 * _HITS + 1, np.int32)
    hit_pixel, n = np.empty(2 * _HITS + 1, np.int32), np.uint64(0)
    for m in range(count):
        t = listed[m]
        i, j, k = np.uint64(triangles[t, 0]), np.uint64(triangles[t, 1]), np.uint64(triangles[t, 2])
        x0, y0, z0 = np.float64(xy[i, 0]), np.float64(xy[i, 1]), np.float64(depth[i])
        x1, y1, z1 = np.float64(xy[j, 0]), np.float64(xy[j, 1]), np.float64(depth[j])
        x2, y2, z2 = np.float64(xy[k, 0]), np.float64(xy[k, 1]), np.float64(depth[k])
        left, right = min(cells[i, 0], cells[j, 0], cells[k, 0]), max(cells[i, 0], cells[j, 0], cells[k, 0])
        top, bottom = min(cells[i, 1], cells[j, 1], cells[k, 1]), max(cells[i, 1], cells[j, 1], cells[k, 1])
        sign = 1.0
        if clip and not (z0 > near and z1 > near and z2 > near):
            left, right, top, bottom = _near_box(x0, y0, z0, x1, y1, z1, x2, y2, z2, near, width, height)
            sign = _sign_beyond(z0, z1, z2, near)
        area = (x2 - x0) * (y1 - y0) - (x1 - x0) * (y2 - y0)
        if area < 0.0:
            sign = -sign
        # The weights w / z of perspective-correct interpolation (Heckbert and Moreton, "Interpolation for
        # Polygon Texture Mapping and Shading", 1991), times z0 z1 z2: positive inside, wherever the corners.
        c0, c1, c2 = sign * z1 * z2, sign * z2 * z0, sign * z0 * z1
        volume = area * c0 * z0
        column, row, rest = left, top, (right - left) * (bottom - top)
        while rest > 0:
            if n > _HITS:
                _write(n, hits, hit_triangle, hit_pixel, xy, depth, triangles, near, *pixels)
                n = np.uint64(0)
            # Whether a pixel is inside cannot be predicted either: list the hits without a jump.
            for _ in range(min(rest, _HITS)):
                px, py = column + 0.5, row + 0.5
                dx0, dy0, dx1, dy1, dx2, dy2 = x0 - px, y0 - py, x1 - px, y1 - py, x2 - px, y2 - py
                u0 = (dx2 * dy1 - dx1 * dy2) * c0
                u1 = (dx0 * dy2 - dx2 * dy0) * c1
                u2 = (dx1 * dy0 - dx0 * dy1) * c2
                hits[n, 0], hits[n, 1], hits[n, 2], hits[n, 3] = u0, u1, u2, volume
                hit_triangle[n], hit_pixel[n] = t, row * width + column
                n += np.uint64((u0 >= 0.0) & (u1 >= 0.0) & (u2 >= 0.0))
                column += 1
                last = column == right
                row += last
                column = left if last else column
            rest -= _HITS
    _write(n, hits, hit_triangle, hit_pixel, xy, depth, triangles, near, *pixels)


@njit(cache=True, nogil=True, error_model="numpy")
def fill_attributes(triangle: I32, barycentric: Any, attributes: Any, triangles: I32, out: Any) -> None:
    """Attributes (V, C) at every pixel into ``out`` (H, W, C), which holds 0."""
    height, width = triangle.shape
    for row in range(height):
        for column in range(width):
            t = triangle[row, column]
            if t < 0:
                continue
            i, j, k = triangles[t, 0], triangles[t, 1], triangles[t, 2]
            a, b, c = barycentric[row, column, 0], barycentric[row, column, 1], barycentric[row, column, 2]
            for channel in range(attributes.shape[1]):
                out[row, column, channel] = (
                    a * attributes[i, channel] + b * attributes[j, channel] + c * attributes[k, channel]
                )


def empty_raster(shape: tuple[int, ...], dtype: Any = np.float32) -> Raster:
    """A raster of (..., H, W) for `fill_raster`."""
    return Raster(np.empty(shape, np.int32), np.empty((*shape, 3), dtype), np.empty(shape, dtype))


def rasterise(
    xy: ArrayLike,
    depth: ArrayLike,
    triangles: ArrayLike | Topology,
    height: int,
    width: int,
    *,
    cull: bool = True,
    near: float = 0.0,
) -> Raster:
    """Find the nearest triangle at every pixel centre.

    Args:
        xy: (V, 2) projected vertices in pixels, origin top left, centres at +0.5.
        depth: (V,) distances along the viewing axis, any unit.
        triangles: (F, 3) indices, counter-clockwise seen from outside; a `Topology` saves checking them.
        height, width: size of the picture in pixels.
        cull: leave out triangles seen from behind.
        near: only what lies beyond this depth, 0 or more, is drawn. Of a triangle that crosses this plane
            the part beyond is, provided that ``xy`` of its corners behind the camera is what the division by
            their negative depth gives (`headshot.geometry.raster.projection.project`).

    Returns:
        Raster of (height, width), float32. Triangles that are degenerate or have a corner that is NaN or in
        the camera's plane (depth 0) are left out. Where two surfaces have exactly the same depth, the first
        in order wins.

    Raises:
        ValueError: shapes do not belong together, an index is out of range or ``near`` is negative.
    """
    points = np.ascontiguousarray(xy, dtype=np.float32)
    distance = np.ascontiguousarray(depth, dtype=np.float32)
    if points.ndim != 2 or points.shape[1] != 2 or distance.shape != points.shape[:1]:
        raise ValueError(f"expected xy (V, 2) and depth (V,), got {points.shape} and {distance.shape}")
    if height < 1 or width < 1:
        raise ValueError(f"the picture must have at least one pixel, got {height} x {width}")
    if not near >= 0:
        raise ValueError(f"near must be 0 or more, got {near}")
    # Triangles of one kind, so that the kernel is compiled once: head models' are read-only, others are not.
    faces = read_only_view(Topology.of(triangles, len(points)).triangles)
    out = empty_raster((height, width))
    fill_raster(points, distance, faces, bool(cull), float(near), out.triangle, out.barycentric, out.depth)
    return out


def interpolate(raster: Raster, attributes: ArrayLike, triangles: ArrayLike | Topology) -> F32:
    """Per-vertex attributes (V, C) at every pixel: (H, W, C), 0 where the raster is empty.

    ``triangles`` (F, 3) index the attributes and may differ from those rasterised (a mesh's UV triangles,
    say) as long as their order and corners correspond.
    """
    values = np.ascontiguousarray(attributes, dtype=np.float32)
    if values.ndim != 2:
        raise ValueError(f"attributes must have shape (V, C), got {values.shape}")
    faces = read_only_view(Topology.of(triangles, len(values)).triangles)
    values = read_only_view(values)
    if raster.triangle.size and raster.triangle.max() >= len(faces):
        raise ValueError(
            f"the raster refers to triangle {raster.triangle.max()}, but {len(faces)} were given"
        )
    out = np.zeros((*raster.triangle.shape, values.shape[1]), np.float32)
    fill_attributes(raster.triangle, raster.barycentric, values, faces, out)
    return out
