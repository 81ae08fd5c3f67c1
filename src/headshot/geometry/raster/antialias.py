"""Gradients of visibility: antialiasing at silhouettes.

The picture of point samples jumps when a silhouette passes a pixel centre, so its derivative misses that
motion. Blending the two pixels on either side of a silhouette by where it crosses the segment between their
centres makes the picture continuous in the vertices (Laine et al., "Modular Primitives for High-Performance
Differentiable Rendering", SIGGRAPH Asia 2020, section 3.4).

There, pairs of pixels look for a silhouette among the edges of the triangle that one of them sees. The
triangles of a head are as small as pixels and narrow at the silhouette, so that the one with the silhouette
often covers no pixel centre. Here the silhouette edges look for their pairs instead: an edge steeper than 45
degrees crosses pairs in a row, once for every row, any other pairs in a column, so that summed over pixels
the derivative is that of the covered area. Of several edges between the same two pixels the nearest counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from headshot.arrays import I32, Index
from headshot.geometry.raster.batch import Floats, RasterSettings, checked, float_type, for_each
from headshot.geometry.raster.hard import Raster
from headshot.geometry.raster.topology import Topology
from headshot.kernels import njit

_MISSING = 2  # the facing of a triangle that cannot be drawn, or that is not there


@dataclass(frozen=True)
class Silhouettes:
    """Pairs of neighbouring pixels with a visible silhouette between their centres, for a batch.

    Attributes:
        inner: (N,) the pixel that shows the surface with the silhouette, as an index into B H W, flattened.
        outer: (N,) the neighbour that shows what is behind it.
        ends: (N, 2) the vertices of the silhouette's edge, as indices into B V, flattened.
        offset: (N,) in [-0.5, 0.5], how far, in pixels, the silhouette is beyond the middle between the two
            centres, towards the outer one.
        slope: (N, 4) derivatives of the offset with respect to x, y of the first end and x, y of the second.
        batch, vertices: B and V.
    """

    inner: Index
    outer: Index
    ends: Index
    offset: Floats
    slope: Floats
    batch: int
    vertices: int


@njit(cache=True, nogil=True, error_model="numpy")
def _facing(xy: Any, depth: Any, triangles: I32, near: float, out: Any) -> None:
    """1 for triangles seen from the front, -1 from behind, 0 without area, 2 for those that are not drawn."""
    for t in range(triangles.shape[0]):
        i, j, k = np.uint64(triangles[t, 0]), np.uint64(triangles[t, 1]), np.uint64(triangles[t, 2])
        x0, y0 = np.float64(xy[i, 0]), np.float64(xy[i, 1])
        ax, ay = xy[j, 0] - x0, xy[j, 1] - y0
        bx, by = xy[k, 0] - x0, xy[k, 1] - y0
        area = bx * ay - ax * by
        z0, z1, z2 = depth[i], depth[j], depth[k]
        if z0 > near and z1 > near and z2 > near:
            out[t] = int(area > 0.0) - int(area < 0.0)
            if area != area:
                out[t] = _MISSING
        elif z0 > near or z1 > near or z2 > near:
            volume = area * np.sign(z0) * np.sign(z1) * np.sign(z2)
            out[t] = int(volume > 0.0) - int(volume < 0.0)
            if volume != volume:
                out[t] = _MISSING
        else:
            out[t] = _MISSING


@njit(cache=True, nogil=True, error_model="numpy")
def _trace(
    xy: Any,
    depth: Any,
    triangles: I32,
    edges: I32,
    facing: Any,
    cull: bool,
    near: float,
    triangle: I32,
    buffer: Any,
    slot: I32,
    pixels: Index,
    ends: Index,
    nearness: Any,
    offset: Any,
    slope: Any,
) -> int:
    """Fill the pairs of one picture and return their number.

    ``slot`` (2, H, W) holds -1 and keeps the record of the pair of each pixel with its right and its lower
    neighbour; ``pixels`` (M, 2) takes inner and outer, ``nearness`` (M,) the silhouettes' inverse depths.
    """
    height, width = triangle.shape
    count = 0
    for e in range(edges.shape[0]):
        first = facing[edges[e, 2]]
        second = facing[edges[e, 3]] if edges[e, 3] >= 0 else _MISSING
        # Silhouettes are where the front meets the back or ends, and, of surfaces seen from both sides,
        # where the back ends.
        if first == second or first * second == 0:
            continue
        if first != 1 and second != 1 and cull:
            continue
        owner = edges[e, 2] if first == 1 or (second != 1 and first == -1) else edges[e, 3]
        a, b = edges[e, 0], edges[e, 1]
        if not (depth[a] > near and depth[b] > near):
            continue
        along = False
        for n in range(3):
            along |= triangles[owner, n] == a and triangles[owner, (n + 1) % 3] == b
        if along != (facing[owner] == 1):
            a, b = b, a  # now a -> b is positively oriented: downwards on the left of the surface
        ax, ay, bx, by = (
            np.float64(xy[a, 0]),
            np.float64(xy[a, 1]),
            np.float64(xy[b, 0]),
            np.float64(xy[b, 1]),
        )
        steep = abs(by - ay) >= abs(bx - ax)
        # u runs along the edge and v across it; rows of pixels are lines of constant u if the edge is steep.
        if steep:
            au, av, bu, bv, length, breadth = ay, ax, by, bx, height, width
        else:
            au, av, bu, bv, length, breadth = ax, ay, bx, by, width, height
        low = max(0.0, min(np.ceil(min(au, bu) - 0.5), float(length)))
        high = min(float(length), max(np.ceil(max(au, bu) - 0.5), 0.0))
        if not low < high:
            continue
        tilt = (bv - av) / (bu - au)
        # Whether the surface is on the side of larger v.
        beyond = (bu > au) == steep
        near_a, near_b = 1.0 / depth[a], 1.0 / depth[b]
        for line in range(int(low), int(high)):
            s = (line + 0.5 - au) / (bu - au)
            v = av + s * (bv - av) - 0.5
            if not (v >= 0.0 and v < breadth - 1):
                continue
            cell = int(v)
            part = v - cell
            if steep:
                y0, x0, y1, x1, side = line, cell, line, cell + 1, 0
            else:
                y0, x0, y1, x1, side = cell, line, cell + 1, line, 1
            iy, ix, oy, ox = (y1, x1, y0, x0) if beyond else (y0, x0, y1, x1)
            inverse = (1.0 - s) * near_a + s * near_b
            if triangle[iy, ix] < 0 or not inverse * buffer[oy, ox] > 1.0:
                continue
            n = slot[side, y0, x0]
            if n < 0:
                n = count
                slot[side, y0, x0] = n
                count += 1
            elif nearness[n] >= inverse:
                continue
            sign = -1.0 if beyond else 1.0
            nearness[n] = inverse
            pixels[n, 0], pixels[n, 1] = iy * width + ix, oy * width + ox
            ends[n, 0], ends[n, 1] = a, b
            offset[n] = sign * (part - 0.5)
            across_a, across_b = sign * (1.0 - s), sign * s
            x, y = (0, 1) if steep else (1, 0)
            slope[n, x], slope[n, y] = across_a, -across_a * tilt
            slope[n, 2 + x], slope[n, 2 + y] = across_b, -across_b * tilt
    return count


@njit(cache=True, nogil=True, error_model="numpy")
def _blend(colour: Any, inner: Index, outer: Index, offset: Any, out: Any) -> None:
    """Add to ``out`` (pixels, C), which holds ``colour``."""
    for n in range(inner.shape[0]):
        target = outer[n] if offset[n] > 0 else inner[n]
        for c in range(colour.shape[1]):
            out[target, c] += offset[n] * (colour[inner[n], c] - colour[outer[n], c])


@njit(cache=True, nogil=True, error_model="numpy")
def _blend_gradient(
    colour: Any,
    inner: Index,
    outer: Index,
    ends: Index,
    offset: Any,
    slope: Any,
    d_out: Any,
    d_colour: Any,
    d_xy: Any,
) -> None:
    """Add to ``d_colour`` (pixels, C), which holds ``d_out``, and to ``d_xy`` (vertices, 2)."""
    for n in range(inner.shape[0]):
        target = outer[n] if offset[n] > 0 else inner[n]
        moved = d_xy.dtype.type(0)
        for c in range(colour.shape[1]):
            g = d_out[target, c]
            d_colour[inner[n], c] += offset[n] * g
            d_colour[outer[n], c] -= offset[n] * g
            moved += g * (colour[inner[n], c] - colour[outer[n], c])
        for end in range(2):
            d_xy[ends[n, end], 0] += moved * slope[n, 2 * end]
            d_xy[ends[n, end], 1] += moved * slope[n, 2 * end + 1]


def find_silhouettes(
    xy: Floats, depth: Floats, topology: Topology, raster: Raster, settings: RasterSettings
) -> Silhouettes:
    """Find the visible silhouettes of B meshes and the pairs of pixels between which they run.

    Args:
        xy, depth, topology, settings: what was rasterised, (B, V, 2) and (B, V).
        raster: what came of it.

    Returns:
        Silhouettes; nothing has to be differentiated through them but what `antialias_gradient` does.

    Edges are those of the topology: where vertices are doubled (along a texture's seam, say) it has borders,
    so rasterise with triangles of positions. Edges through the near plane and lines along which surfaces
    cut through each other are no silhouettes.
    """
    dtype = raster.depth.dtype
    batch, height, width = raster.triangle.shape
    points = checked(xy, dtype, batch, topology.vertices, 2)
    distance = checked(depth, dtype, batch, topology.vertices)
    edges, room = topology.edges, 2 * height * width
    found: list[Any] = [None] * batch

    def trace(b: int) -> None:
        facing = np.empty(len(topology.triangles), np.int8)
        _facing(points[b], distance[b], topology.triangles, float(settings.near), facing)
        slot = np.full((2, height, width), -1, np.int32)
        pixels, ends = np.empty((room, 2), np.int64), np.empty((room, 2), np.int64)
        nearness, offset, slope = np.empty(room), np.empty(room, dtype), np.empty((room, 4), dtype)
        count = _trace(
            points[b],
            distance[b],
            topology.triangles,
            edges,
            facing,
            bool(settings.cull),
            float(settings.near),
            raster.triangle[b],
            raster.depth[b],
            slot,
            pixels,
            ends,
            nearness,
            offset,
            slope,
        )
        found[b] = (
            pixels[:count] + b * height * width,
            ends[:count] + b * topology.vertices,
            offset[:count].copy(),
            slope[:count].copy(),
        )

    for_each(trace, batch, settings.threads)
    none = (
        np.zeros((0, 2), np.int64),
        np.zeros((0, 2), np.int64),
        np.zeros(0, dtype),
        np.zeros((0, 4), dtype),
    )
    pixels, ends, offset, slope = (np.concatenate(part) for part in zip(none, *found, strict=True))
    inner, outer = (np.ascontiguousarray(pixels[:, side]) for side in (0, 1))
    return Silhouettes(inner, outer, ends, offset, slope, batch, topology.vertices)


def antialias(colour: Floats, silhouettes: Silhouettes) -> Floats:
    """Pictures (B, H, W, C), of colours or anything else, blended across the silhouettes; a new array."""
    pixels = checked(colour, float_type(colour), silhouettes.batch, None, None, None)
    out = pixels.copy()
    channels = pixels.shape[3]
    _blend(
        pixels.reshape(-1, channels),
        silhouettes.inner,
        silhouettes.outer,
        silhouettes.offset,
        out.reshape(-1, channels),
    )
    return out


def antialias_gradient(colour: Floats, silhouettes: Silhouettes, d_out: Floats) -> tuple[Floats, Floats]:
    """Gradients of `antialias` with respect to ``colour`` (B, H, W, C) and the xy (B, V, 2) of the vertices.

    ``d_out`` (B, H, W, C) is the derivative of the loss with respect to its result.
    """
    dtype = float_type(colour)
    pixels = checked(colour, dtype, silhouettes.batch, None, None, None)
    gradient = checked(d_out, dtype, *pixels.shape)
    d_colour = gradient.copy()
    d_xy = np.zeros((silhouettes.batch, silhouettes.vertices, 2), dtype)
    channels = pixels.shape[3]
    _blend_gradient(
        pixels.reshape(-1, channels),
        silhouettes.inner,
        silhouettes.outer,
        silhouettes.ends,
        silhouettes.offset,
        silhouettes.slope,
        gradient.reshape(-1, channels),
        d_colour.reshape(-1, channels),
        d_xy.reshape(-1, 2),
    )
    return d_colour, d_xy
