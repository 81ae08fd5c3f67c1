"""Analytic gradients of what the pixels see: attributes, positions, textures, normals.

They go through the barycentric coordinates, for fixed visibility; what changes when a silhouette moves over
a pixel centre is the matter of `headshot.geometry.raster.antialias`. Arguments named d_x are the derivatives
of a scalar loss with respect to x and have its shape; so have the results.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from headshot.arrays import I32
from headshot.geometry.raster.batch import Floats, checked, float_type, for_each
from headshot.geometry.raster.hard import Raster
from headshot.geometry.raster.normals import sum_triangle_normals
from headshot.geometry.raster.topology import Topology
from headshot.kernels import njit

# A triangle this much smaller than its distance (or, in pixels, thinner than rounding) has no gradient: what
# it would get overflows float32.
STEEPEST = 1e30


@njit(cache=True, nogil=True, error_model="numpy")
def _interpolate_gradient(
    triangle: I32,
    weights: Any,
    attributes: Any,
    triangles: I32,
    d_out: Any,
    d_attributes: Any,
    d_weights: Any,
) -> None:
    height, width = triangle.shape
    for row in range(height):
        for column in range(width):
            t = triangle[row, column]
            if t < 0:
                continue
            i, j, k = np.uint64(triangles[t, 0]), np.uint64(triangles[t, 1]), np.uint64(triangles[t, 2])
            a, b, c = weights[row, column, 0], weights[row, column, 1], weights[row, column, 2]
            ga = gb = gc = d_out.dtype.type(0)
            for channel in range(attributes.shape[1]):
                g = d_out[row, column, channel]
                ga += g * attributes[i, channel]
                gb += g * attributes[j, channel]
                gc += g * attributes[k, channel]
                d_attributes[i, channel] += g * a
                d_attributes[j, channel] += g * b
                d_attributes[k, channel] += g * c
            d_weights[row, column, 0] = ga
            d_weights[row, column, 1] = gb
            d_weights[row, column, 2] = gc


@njit(cache=True, nogil=True, error_model="numpy")
def _rasterise_gradient(
    xy: Any,
    depth: Any,
    triangles: I32,
    triangle: I32,
    weights: Any,
    buffer: Any,
    d_weights: Any,
    d_buffer: Any,
    d_xy: Any,
    d_depth: Any,
) -> None:
    """Adds to d_xy and d_depth. ``d_buffer`` may be empty: then nothing depends on the depth buffer."""
    height, width = triangle.shape
    with_buffer = d_buffer.shape[0] > 0
    for row in range(height):
        for column in range(width):
            t = triangle[row, column]
            if t < 0:
                continue
            i, j, k = np.uint64(triangles[t, 0]), np.uint64(triangles[t, 1]), np.uint64(triangles[t, 2])
            px, py = column + 0.5, row + 0.5
            dx0, dy0 = xy[i, 0] - px, xy[i, 1] - py
            dx1, dy1 = xy[j, 0] - px, xy[j, 1] - py
            dx2, dy2 = xy[k, 0] - px, xy[k, 1] - py
            z0, z1, z2 = np.float64(depth[i]), np.float64(depth[j]), np.float64(depth[k])
            b0 = np.float64(weights[row, column, 0])
            b1 = np.float64(weights[row, column, 1])
            b2 = np.float64(weights[row, column, 2])
            h0 = np.float64(d_weights[row, column, 0])
            h1 = np.float64(d_weights[row, column, 1])
            h2 = np.float64(d_weights[row, column, 2])
            gz = 0.0
            if with_buffer:  # the depth of the pixel is sum b_i z_i
                gz = np.float64(d_buffer[row, column])
                h0, h1, h2 = h0 + gz * z0, h1 + gz * z1, h2 + gz * z2
            # b_i = u_i / S with u_i = w_i / z_i and S = sum u_i, so that dL/du_i = (h_i - sum b_j h_j) / S;
            # the edge functions w_i sum to the area, hence S = area / (depth of the pixel).
            mean = b0 * h0 + b1 * h1 + b2 * h2
            h0, h1, h2 = (h0 - mean) / z0, (h1 - mean) / z1, (h2 - mean) / z2
            area = (dx2 - dx0) * (dy1 - dy0) - (dx1 - dx0) * (dy2 - dy0)
            scale = buffer[row, column] / area
            if not abs(scale) < STEEPEST:
                continue
            d_depth[i] += b0 * (gz - h0)
            d_depth[j] += b1 * (gz - h1)
            d_depth[k] += b2 * (gz - h2)
            # w0 = dx2 dy1 - dx1 dy2 and so on in turn.
            g0, g1, g2 = h0 * scale, h1 * scale, h2 * scale
            d_xy[i, 0] += g1 * dy2 - g2 * dy1
            d_xy[i, 1] += g2 * dx1 - g1 * dx2
            d_xy[j, 0] += g2 * dy0 - g0 * dy2
            d_xy[j, 1] += g0 * dx2 - g2 * dx0
            d_xy[k, 0] += g0 * dy1 - g1 * dy0
            d_xy[k, 1] += g1 * dx0 - g0 * dx1


@njit(cache=True, nogil=True, error_model="numpy")
def _sample_gradient(image: Any, xy: Any, d_out: Any, d_image: Any, d_xy: Any) -> None:
    height, width, channels = image.shape
    half, one = xy.dtype.type(0.5), xy.dtype.type(1)
    for n in range(xy.shape[0]):
        x, y = xy[n, 0] - half, xy[n, 1] - half
        if not (x == x and y == y):
            continue
        free_x, free_y = 0 < x < width - 1, 0 < y < height - 1
        x = min(max(x, xy.dtype.type(0)), xy.dtype.type(width - 1))
        y = min(max(y, xy.dtype.type(0)), xy.dtype.type(height - 1))
        x0, y0 = int(x), int(y)
        x1, y1 = min(x0 + 1, width - 1), min(y0 + 1, height - 1)
        fx, fy = x - xy.dtype.type(x0), y - xy.dtype.type(y0)
        gx = gy = xy.dtype.type(0)
        for c in range(channels):
            g = d_out[n, c]
            d_image[y0, x0, c] += g * (one - fx) * (one - fy)
            d_image[y0, x1, c] += g * fx * (one - fy)
            d_image[y1, x0, c] += g * (one - fx) * fy
            d_image[y1, x1, c] += g * fx * fy
            upper, lower = image[y0, x1, c] - image[y0, x0, c], image[y1, x1, c] - image[y1, x0, c]
            gx += g * ((one - fy) * upper + fy * lower)
            left, right = image[y1, x0, c] - image[y0, x0, c], image[y1, x1, c] - image[y0, x1, c]
            gy += g * ((one - fx) * left + fx * right)
        if free_x:
            d_xy[n, 0] = gx
        if free_y:
            d_xy[n, 1] = gy


@njit(cache=True, nogil=True, error_model="numpy")
def _vertex_normals_gradient(
    vertices: Any, triangles: I32, d_normals: Any, sums: Any, d_vertices: Any
) -> None:
    """``sums`` (V, 3) holds 0 and is used for the normals and then for their gradients."""
    sum_triangle_normals(vertices, triangles, sums)
    for n in range(sums.shape[0]):
        # n = N / |N|: dN = (dn - n (n . dn)) / |N|
        nx, ny, nz = sums[n, 0], sums[n, 1], sums[n, 2]
        length = np.sqrt(nx * nx + ny * ny + nz * nz)
        if not length > 0:
            sums[n] = 0
            continue
        nx, ny, nz = nx / length, ny / length, nz / length
        gx, gy, gz = d_normals[n, 0], d_normals[n, 1], d_normals[n, 2]
        along = nx * gx + ny * gy + nz * gz
        sums[n, 0] = (gx - nx * along) / length
        sums[n, 1] = (gy - ny * along) / length
        sums[n, 2] = (gz - nz * along) / length
    for t in range(triangles.shape[0]):
        i, j, k = np.uint64(triangles[t, 0]), np.uint64(triangles[t, 1]), np.uint64(triangles[t, 2])
        gx = sums[i, 0] + sums[j, 0] + sums[k, 0]
        gy = sums[i, 1] + sums[j, 1] + sums[k, 1]
        gz = sums[i, 2] + sums[j, 2] + sums[k, 2]
        ax, ay, az = vertices[j, 0], vertices[j, 1], vertices[j, 2]
        ax, ay, az = ax - vertices[i, 0], ay - vertices[i, 1], az - vertices[i, 2]
        bx, by, bz = vertices[k, 0], vertices[k, 1], vertices[k, 2]
        bx, by, bz = bx - vertices[i, 0], by - vertices[i, 1], bz - vertices[i, 2]
        # of g . (a x b): b x g with respect to a, g x a with respect to b
        for c, da, db in (
            (0, by * gz - bz * gy, gy * az - gz * ay),
            (1, bz * gx - bx * gz, gz * ax - gx * az),
            (2, bx * gy - by * gx, gx * ay - gy * ax),
        ):
            d_vertices[i, c] -= da + db
            d_vertices[j, c] += da
            d_vertices[k, c] += db


def interpolate_gradient(
    raster: Raster, attributes: Floats, topology: Topology, d_out: Floats, threads: int = 1
) -> tuple[Floats, Floats]:
    """Gradients of `interpolate_batch`.

    Args:
        raster, attributes, topology: what was interpolated, attributes (B, V, C).
        d_out: (B, H, W, C).
        threads: over the batch.

    Returns:
        d_attributes (B, V, C) and d_barycentric (B, H, W, 3), 0 where a picture is empty.
    """
    dtype = raster.barycentric.dtype
    values = checked(attributes, dtype, len(raster.triangle), topology.vertices, None)
    gradient = checked(d_out, dtype, *raster.triangle.shape, values.shape[2])
    d_attributes, d_weights = np.zeros_like(values), np.zeros_like(raster.barycentric)

    def fill(b: int) -> None:
        _interpolate_gradient(
            raster.triangle[b],
            raster.barycentric[b],
            values[b],
            topology.triangles,
            gradient[b],
            d_attributes[b],
            d_weights[b],
        )

    for_each(fill, len(values), threads)
    return d_attributes, d_weights


def rasterise_gradient(
    xy: Floats,
    depth: Floats,
    topology: Topology,
    raster: Raster,
    d_barycentric: Floats,
    d_depth: Floats | None = None,
    threads: int = 1,
) -> tuple[Floats, Floats]:
    """Gradients of `rasterise_batch`, through the barycentric coordinates and the depth buffer.

    Args:
        xy, depth, topology: what was rasterised, (B, V, 2) and (B, V).
        raster: what came of it.
        d_barycentric: (B, H, W, 3), of `Raster.barycentric`.
        d_depth: (B, H, W), of `Raster.depth` where it is finite; None if nothing depends on it.
        threads: over the batch.

    Returns:
        Gradients with respect to ``xy`` (B, V, 2) and ``depth`` (B, V); 0 for vertices that are not seen.
    """
    dtype = raster.barycentric.dtype
    shape = raster.triangle.shape
    points = checked(xy, dtype, len(raster.triangle), topology.vertices, 2)
    distance = checked(depth, dtype, len(points), topology.vertices)
    gradient = checked(d_barycentric, dtype, *shape, 3)
    of_depth = np.zeros((len(points), 0, 0), dtype) if d_depth is None else checked(d_depth, dtype, *shape)
    d_xy, d_distance = np.zeros_like(points), np.zeros_like(distance)

    def fill(b: int) -> None:
        _rasterise_gradient(
            points[b],
            distance[b],
            topology.triangles,
            raster.triangle[b],
            raster.barycentric[b],
            raster.depth[b],
            gradient[b],
            of_depth[b],
            d_xy[b],
            d_distance[b],
        )

    for_each(fill, len(points), threads)
    return d_xy, d_distance


def sample_gradient(image: Floats, xy: Floats, d_out: Floats, threads: int = 1) -> tuple[Floats, Floats]:
    """Gradients of `sample_batch`.

    Args:
        image: (B, H, W, C).
        xy: (B, ..., 2) pixels of the image.
        d_out: (B, ..., C).
        threads: over the batch.

    Returns:
        d_image (B, H, W, C) and d_xy (B, ..., 2); d_xy is 0 in the directions in which a point was clamped,
        and both for NaN points.
    """
    dtype = float_type(image)
    pixels = checked(image, dtype, None, None, None, None)
    points = checked(np.reshape(xy, (len(pixels), -1, 2)), dtype, len(pixels), None, 2)
    gradient = checked(np.reshape(d_out, (*points.shape[:2], -1)), dtype, *points.shape[:2], pixels.shape[3])
    d_image, d_xy = np.zeros_like(pixels), np.zeros_like(points)
    for_each(
        lambda b: _sample_gradient(pixels[b], points[b], gradient[b], d_image[b], d_xy[b]),
        len(pixels),
        threads,
    )
    return d_image, d_xy.reshape(np.shape(xy))


def vertex_normals_gradient(
    vertices: Floats, topology: Topology, d_normals: Floats, threads: int = 1
) -> Floats:
    """Gradient (B, V, 3) of `vertex_normals_batch` with respect to the vertices; ``d_normals`` (B, V, 3).

    Vertices without a normal (no triangles, or triangles without area) pass no gradient on.
    """
    dtype = float_type(vertices)
    points = checked(vertices, dtype, None, topology.vertices, 3)
    gradient = checked(d_normals, dtype, *points.shape)
    out, sums = np.zeros_like(points), np.zeros_like(points)
    for_each(
        lambda b: _vertex_normals_gradient(points[b], topology.triangles, gradient[b], sums[b], out[b]),
        len(points),
        threads,
    )
    return out
