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
from numba import njit
from numpy.typing import ArrayLike, NDArray

from headshot.raster.topology import Topology

F32 = NDArray[np.float32]
I32 = NDArray[np.int32]


@dataclass(frozen=True)
class Raster:
    """What every pixel of an H x W picture sees; with a leading B for a batch.

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
def _near_box(xy: Any, depth: Any, corners: Any, near: float) -> tuple[float, float, float, float]:
    """Bounds (left, right, top, bottom) in pixels of the part of a triangle that lies beyond ``near``."""
    left, right, top, bottom = np.inf, -np.inf, np.inf, -np.inf
    for n in range(3):
        a, b = corners[n], corners[(n + 1) % 3]
        za, zb = np.float64(depth[a]), np.float64(depth[b])
        if za > near:
            x, y = np.float64(xy[a, 0]), np.float64(xy[a, 1])
            left, right, top, bottom = min(left, x), max(right, x), min(top, y), max(bottom, y)
        if (za > near) != (zb > near):
            # Where the edge crosses the plane, in homogeneous coordinates (x z, y z, z).
            s = (near - za) / (zb - za)
            x = ((1 - s) * xy[a, 0] * za + s * xy[b, 0] * zb) / near
            y = ((1 - s) * xy[a, 1] * za + s * xy[b, 1] * zb) / near
            if not (abs(x) < np.inf and abs(y) < np.inf):  # near is 0: the crossing is at infinity
                return -np.inf, np.inf, -np.inf, np.inf
            left, right, top, bottom = min(left, x), max(right, x), min(top, y), max(bottom, y)
    return left, right, top, bottom


@njit(cache=True, nogil=True, error_model="numpy")
def fill_raster(
    xy: Any, depth: Any, triangles: I32, cull: bool, near: float, triangle: I32, weights: Any, buffer: Any
) -> None:
    """Fill index (H, W), barycentrics (H, W, 3) and depth (H, W), which hold -1, 0 and inf."""
    height, width = triangle.shape
    clip = False
    for v in range(depth.shape[0]):
        clip |= not depth[v] > near
    for t in range(triangles.shape[0]):
        i, j, k = np.uint64(triangles[t, 0]), np.uint64(triangles[t, 1]), np.uint64(triangles[t, 2])
        x0, y0 = np.float64(xy[i, 0]), np.float64(xy[i, 1])
        x1, y1 = np.float64(xy[j, 0]), np.float64(xy[j, 1])
        x2, y2 = np.float64(xy[k, 0]), np.float64(xy[k, 1])
        # y points down, so a triangle that is counter-clockwise in the world has negative area in pixels
        # as y is used here; corners are swapped below so that the area of those drawn is positive.
        area = (x2 - x0) * (y1 - y0) - (x1 - x0) * (y2 - y0)
        if cull and not clip and not area > 0.0:
            continue
        if not (abs(area) > 0.0 and abs(area) < np.inf):  # also drops NaN
            continue
        z0, z1, z2 = np.float64(depth[i]), np.float64(depth[j]), np.float64(depth[k])
        sign = 1.0
        if clip:
            beyond = int(z0 > near) + int(z1 > near) + int(z2 > near)
            # NaN and 0 have no sign: a corner in the camera's plane has no image.
            if beyond == 0 or not abs(z0 * z1 * z2) > 0.0:
                continue
            sign = np.sign(z0) * np.sign(z1) * np.sign(z2)
            if cull and not area * sign > 0.0:
                continue
        swap = area < 0.0
        if swap:
            x1, y1, z1, x2, y2, z2 = x2, y2, z2, x1, y1, z1
            area = -area
        if clip and beyond < 3:
            low_x, high_x, low_y, high_y = _near_box(xy, depth, (i, j, k), near)
        else:
            low_x, high_x, low_y, high_y = min(x0, x1, x2), max(x0, x1, x2), min(y0, y1, y2), max(y0, y1, y2)
        # Pixel centres at low <= centre < high: the rule for ties gives none at the right and bottom end.
        # Clamp before converting: infinities have no integer.
        left = max(0.0, min(np.ceil(low_x - 0.5), float(width)))
        right = min(float(width), max(np.ceil(high_x - 0.5), 0.0))
        top = max(0.0, min(np.ceil(low_y - 0.5), float(height)))
        bottom = min(float(height), max(np.ceil(high_y - 0.5), 0.0))
        if not (left < right and top < bottom):
            continue
        own0, own1, own2 = _owns(x1, y1, x2, y2), _owns(x2, y2, x0, y0), _owns(x0, y0, x1, y1)
        # Affine weights over depth, renormalised: perspective-correct interpolation (Heckbert and Moreton,
        # "Interpolation for Polygon Texture Mapping and Shading", 1991), here times z0 z1 z2.
        c0, c1, c2 = sign * z1 * z2, sign * z2 * z0, sign * z0 * z1
        volume = area * (c0 * z0)
        if c0 < 0.0:
            own0 = not own0
        if c1 < 0.0:
            own1 = not own1
        if c2 < 0.0:
            own2 = not own2
        for row in range(int(top), int(bottom)):
            py = row + 0.5
            dy0, dy1, dy2 = y0 - py, y1 - py, y2 - py
            for column in range(int(left), int(right)):
                px = column + 0.5
                dx0, dx1, dx2 = x0 - px, x1 - px, x2 - px
                u0 = (dx2 * dy1 - dx1 * dy2) * c0
                u1 = (dx0 * dy2 - dx2 * dy0) * c1
                u2 = (dx1 * dy0 - dx0 * dy1) * c2
                if (
                    (u0 > 0.0 or (u0 == 0.0 and own0))
                    and (u1 > 0.0 or (u1 == 0.0 and own1))
                    and (u2 > 0.0 or (u2 == 0.0 and own2))
                ):
                    scale = 1.0 / (u0 + u1 + u2)
                    z = buffer.dtype.type(volume * scale)
                    if z > near and z < buffer[row, column]:
                        buffer[row, column] = z
                        triangle[row, column] = t
                        if swap:
                            u1, u2 = u2, u1
                        weights[row, column, 0] = u0 * scale
                        weights[row, column, 1] = u1 * scale
                        weights[row, column, 2] = u2 * scale


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
    """A raster of (..., H, W) that sees nothing."""
    return Raster(np.full(shape, -1, np.int32), np.zeros((*shape, 3), dtype), np.full(shape, np.inf, dtype))


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
            their negative depth gives (`headshot.raster.projection.project`).

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
    faces = Topology.of(triangles, len(points)).triangles
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
    faces = Topology.of(triangles, len(values)).triangles
    if raster.triangle.size and raster.triangle.max() >= len(faces):
        raise ValueError(
            f"the raster refers to triangle {raster.triangle.max()}, but {len(faces)} were given"
        )
    out = np.zeros((*raster.triangle.shape, values.shape[1]), np.float32)
    fill_attributes(raster.triangle, raster.barycentric, values, faces, out)
    return out
