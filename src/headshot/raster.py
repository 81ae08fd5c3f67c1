"""Z-buffer rasterisation, interpolation and sampling: the Numba kernels that rendering and texturing share.

Barycentric coordinates are ratios of edge functions (Pineda, "A Parallel Algorithm for Polygon
Rasterization", SIGGRAPH 1988) evaluated at pixel centres. Written relative to the pixel centre p, the edge
function of a -> b is cross(a - p, b - p): swapping a and b negates it exactly in floating point, and from
float32 corners its sign in float64 is exact, so that neighbours which share an edge agree about every pixel.
Pixels exactly on an edge belong to one side by direction (the top-left rule), so a closed mesh has neither
gaps nor double hits.

Dimension letters: V vertices, F triangles, H x W image, C channels, N points.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

F32 = NDArray[np.float32]
I32 = NDArray[np.int32]


@dataclass(frozen=True)
class Raster:
    """What every pixel of an H x W picture sees.

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
def _visible_triangles(
    xy: F32, depth: F32, triangles: I32, cull: bool, near: float, out_triangle: I32, out_depth: F32
) -> None:
    """Fill the (H, W) index and depth buffers."""
    height, width = out_triangle.shape
    for t in range(triangles.shape[0]):
        i, j, k = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        x0, y0 = np.float64(xy[i, 0]), np.float64(xy[i, 1])
        x1, y1 = np.float64(xy[j, 0]), np.float64(xy[j, 1])
        x2, y2 = np.float64(xy[k, 0]), np.float64(xy[k, 1])
        # y points down, so a triangle that is counter-clockwise in the world has negative area in pixels;
        # swapping two corners makes the area of those that are drawn positive.
        area = (x2 - x0) * (y1 - y0) - (x1 - x0) * (y2 - y0)
        if area < 0.0 and not cull:
            j, k = k, j
            x1, y1, x2, y2 = x2, y2, x1, y1
            area = -area
        if not (area > 0.0 and area < np.inf):  # also drops NaN
            continue
        # Pixel centres within the box: ceil(low - 0.5) .. ceil(high - 0.5) - 1, closed at both ends here
        # because the edge test decides about ties. Clamp before converting: infinities have no integer.
        left = max(0.0, min(np.ceil(min(x0, x1, x2) - 0.5), float(width)))
        right = min(float(width - 1), max(np.floor(max(x0, x1, x2) - 0.5), -1.0))
        top = max(0.0, min(np.ceil(min(y0, y1, y2) - 0.5), float(height)))
        bottom = min(float(height - 1), max(np.floor(max(y0, y1, y2) - 0.5), -1.0))
        if left > right or top > bottom:
            continue
        z0, z1, z2 = np.float64(depth[i]), np.float64(depth[j]), np.float64(depth[k])
        if not (z0 > near and z1 > near and z2 > near):
            continue
        r0, r1, r2 = 1.0 / z0, 1.0 / z1, 1.0 / z2
        own0, own1, own2 = _owns(x1, y1, x2, y2), _owns(x2, y2, x0, y0), _owns(x0, y0, x1, y1)
        for row in range(int(top), int(bottom) + 1):
            py = row + 0.5
            dy0, dy1, dy2 = y0 - py, y1 - py, y2 - py
            for column in range(int(left), int(right) + 1):
                px = column + 0.5
                dx0, dx1, dx2 = x0 - px, x1 - px, x2 - px
                w0 = dx2 * dy1 - dx1 * dy2
                w1 = dx0 * dy2 - dx2 * dy0
                w2 = dx1 * dy0 - dx0 * dy1
                if (
                    (w0 > 0.0 or (w0 == 0.0 and own0))
                    and (w1 > 0.0 or (w1 == 0.0 and own1))
                    and (w2 > 0.0 or (w2 == 0.0 and own2))
                ):
                    z = np.float32((w0 + w1 + w2) / (w0 * r0 + w1 * r1 + w2 * r2))
                    if z < out_depth[row, column]:
                        out_depth[row, column] = z
                        out_triangle[row, column] = t


@njit(cache=True, nogil=True, error_model="numpy")
def _barycentrics(xy: F32, depth: F32, triangles: I32, triangle: I32, out: F32) -> None:
    """Fill (H, W, 3) for the pixels of the index buffer, in the triangles' own corner order."""
    height, width = triangle.shape
    for row in range(height):
        for column in range(width):
            t = triangle[row, column]
            if t < 0:
                continue
            i, j, k = triangles[t, 0], triangles[t, 1], triangles[t, 2]
            px, py = column + 0.5, row + 0.5
            dx0, dy0 = np.float64(xy[i, 0]) - px, np.float64(xy[i, 1]) - py
            dx1, dy1 = np.float64(xy[j, 0]) - px, np.float64(xy[j, 1]) - py
            dx2, dy2 = np.float64(xy[k, 0]) - px, np.float64(xy[k, 1]) - py
            # Affine weights over depth, renormalised: perspective-correct interpolation (Heckbert and
            # Moreton, "Interpolation for Polygon Texture Mapping and Shading", 1991).
            w0 = (dx2 * dy1 - dx1 * dy2) / depth[i]
            w1 = (dx0 * dy2 - dx2 * dy0) / depth[j]
            w2 = (dx1 * dy0 - dx0 * dy1) / depth[k]
            total = w0 + w1 + w2
            out[row, column, 0] = w0 / total
            out[row, column, 1] = w1 / total
            out[row, column, 2] = w2 / total


@njit(cache=True, nogil=True, error_model="numpy")
def _interpolate(triangle: I32, barycentric: F32, attributes: F32, triangles: I32, out: F32) -> None:
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


@njit(cache=True, nogil=True, error_model="numpy")
def _sample(image: Any, xy: F32, scale: float, out: F32) -> None:
    height, width, channels = image.shape
    for n in range(xy.shape[0]):
        x = min(max(xy[n, 0] - np.float32(0.5), np.float32(0.0)), np.float32(width - 1))
        y = min(max(xy[n, 1] - np.float32(0.5), np.float32(0.0)), np.float32(height - 1))
        if not (x == x and y == y):
            for c in range(channels):
                out[n, c] = np.nan
            continue
        x0, y0 = int(x), int(y)
        x1, y1 = min(x0 + 1, width - 1), min(y0 + 1, height - 1)
        fx, fy = x - np.float32(x0), y - np.float32(y0)
        for c in range(channels):
            upper = (1 - fx) * image[y0, x0, c] + fx * image[y0, x1, c]
            lower = (1 - fx) * image[y1, x0, c] + fx * image[y1, x1, c]
            out[n, c] = ((1 - fy) * upper + fy * lower) * scale


@njit(cache=True, nogil=True, error_model="numpy")
def _vertex_normals(vertices: F32, triangles: I32, out: F32) -> None:
    for t in range(triangles.shape[0]):
        i, j, k = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        ax, ay, az = vertices[j, 0], vertices[j, 1], vertices[j, 2]
        ax, ay, az = ax - vertices[i, 0], ay - vertices[i, 1], az - vertices[i, 2]
        bx, by, bz = vertices[k, 0], vertices[k, 1], vertices[k, 2]
        bx, by, bz = bx - vertices[i, 0], by - vertices[i, 1], bz - vertices[i, 2]
        nx, ny, nz = ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx
        for v in (i, j, k):
            out[v, 0] += nx
            out[v, 1] += ny
            out[v, 2] += nz
    for v in range(out.shape[0]):
        length = np.sqrt(out[v, 0] ** 2 + out[v, 1] ** 2 + out[v, 2] ** 2)
        if length > 0:
            for c in range(3):
                out[v, c] /= length


def _indices(triangles: ArrayLike, count: int) -> I32:
    """Triangles (F, 3) as contiguous int32, all within ``count`` vertices: the kernels do not check."""
    out = np.ascontiguousarray(triangles, dtype=np.int32).reshape(-1, 3)
    if out.size and (out.min() < 0 or out.max() >= count):
        raise ValueError(f"triangles index vertices {out.min()}..{out.max()}, but there are {count}")
    return out


def rasterise(
    xy: ArrayLike,
    depth: ArrayLike,
    triangles: ArrayLike,
    height: int,
    width: int,
    *,
    cull: bool = True,
    near: float = 0.0,
) -> Raster:
    """Find the nearest triangle at every pixel centre.

    Args:
        xy: (V, 2) projected vertices in pixels, origin top left, centres at +0.5.
        depth: (V,) positive distances along the viewing axis, any unit.
        triangles: (F, 3) indices, counter-clockwise seen from outside.
        height, width: size of the picture in pixels.
        cull: leave out triangles seen from behind.
        near: a triangle with any corner at or before this depth is dropped whole, not clipped: a head has
            small triangles and stands well in front of the camera.

    Returns:
        Raster of (height, width). Triangles that are degenerate or have a NaN corner are left out. Where two
        surfaces have exactly the same depth, the first in order wins.

    Raises:
        ValueError: shapes do not belong together or an index is out of range.
    """
    points = np.ascontiguousarray(xy, dtype=np.float32)
    distance = np.ascontiguousarray(depth, dtype=np.float32)
    if points.ndim != 2 or points.shape[1] != 2 or distance.shape != points.shape[:1]:
        raise ValueError(f"expected xy (V, 2) and depth (V,), got {points.shape} and {distance.shape}")
    if height < 1 or width < 1:
        raise ValueError(f"the picture must have at least one pixel, got {height} x {width}")
    faces = _indices(triangles, len(points))
    index = np.full((height, width), -1, np.int32)
    buffer = np.full((height, width), np.inf, np.float32)
    weights = np.zeros((height, width, 3), np.float32)
    _visible_triangles(points, distance, faces, bool(cull), float(near), index, buffer)
    _barycentrics(points, distance, faces, index, weights)
    return Raster(index, weights, buffer)


def interpolate(raster: Raster, attributes: ArrayLike, triangles: ArrayLike) -> F32:
    """Per-vertex attributes (V, C) at every pixel: (H, W, C), 0 where the raster is empty.

    ``triangles`` (F, 3) index the attributes and may differ from those rasterised (a mesh's UV triangles,
    say) as long as their order and corners correspond.
    """
    values = np.ascontiguousarray(attributes, dtype=np.float32)
    if values.ndim != 2:
        raise ValueError(f"attributes must have shape (V, C), got {values.shape}")
    faces = _indices(triangles, len(values))
    if raster.triangle.size and raster.triangle.max() >= len(faces):
        raise ValueError(
            f"the raster refers to triangle {raster.triangle.max()}, but {len(faces)} were given"
        )
    out = np.zeros((*raster.triangle.shape, values.shape[1]), np.float32)
    _interpolate(raster.triangle, raster.barycentric, values, faces, out)
    return out


def sample(image: NDArray[Any], xy: ArrayLike) -> F32:
    """Bilinear samples (N, C) of an image (H, W, C) at points (N, 2) in pixels, clamped to its edge.

    uint8 images give values in [0, 1]; float32 images keep their range. NaN points give NaN.
    """
    if image.ndim != 3 or image.dtype not in (np.uint8, np.float32) or 0 in image.shape:
        raise ValueError(f"expected a (H, W, C) uint8 or float32 image, got {image.shape} {image.dtype}")
    points = np.ascontiguousarray(xy, dtype=np.float32).reshape(-1, 2)
    out = np.empty((len(points), image.shape[2]), np.float32)
    scale = 1 / 255 if image.dtype == np.uint8 else 1.0
    _sample(np.ascontiguousarray(image), points, np.float32(scale), out)
    return out


def vertex_normals(vertices: ArrayLike, triangles: ArrayLike) -> F32:
    """Unit normals (V, 3), averaged over the adjoining triangles by area; 0 for vertices without any."""
    points = np.ascontiguousarray(vertices, dtype=np.float32)
    out = np.zeros_like(points)
    _vertex_normals(points, _indices(triangles, len(points)), out)
    return out
