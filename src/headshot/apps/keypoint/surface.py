"""Colours of a fitted face, taken from the photo.

A point of the surface that the photo shows has the photo's colour where it projects to. What the photo does
not show takes the colours around it, spread over the mesh. `headshot.texture` and `headshot.render` do more
with the bundled head model, whose skin, eyes, mirror image and layout they know. Here the mesh is any model's
with or without a layout, and the view may be orthographic.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from headshot.arrays import F32, I32, U8, Array, Mask
from headshot.geometry.camera import Camera
from headshot.geometry.raster import Topology, interpolate, rasterise, sample, vertex_normals
from headshot.geometry.view import View, raster_view, towards_viewer

_WINDOW = 640  # pixels of the longer side of the depth buffer in which visibility is decided
_TOLERANCE = 2.5  # mm that a vertex may lie behind the depth buffer and still be seen
_GRAZING, _FULL = 0.15, 0.45  # cosine of the angle of view from which, and from which on fully, colours count
_SPREAD = 200  # rounds of averaging over neighbours; more than any model's hidden half is wide


@dataclass(frozen=True, eq=False)
class PhotoSurface:
    """A surface with a photo's colours.

    Attributes:
        pixels: (H, W, 3) uint8 sRGB photo.
        view: how the photo sees the surface.
        vertices: (V, 3) mm, triangles: (F, 3).
        seen: (V,) how well the photo shows each vertex, in [0, 1].
        colours: (V, 3) sRGB in [0, 1], also where the photo shows nothing.
    """

    pixels: U8
    view: View
    vertices: F32
    triangles: I32
    seen: F32
    colours: F32

    def at(self, points: ArrayLike, seen: ArrayLike, fallback: ArrayLike) -> F32:
        """Colours (N, 3) of points (N, 3) of the surface, given interpolated ``seen`` (N,) and colours."""
        found = sample(self.pixels, self.view.project(points).astype(np.float32))
        inside = np.asarray(np.isfinite(found).all(axis=1))
        weight = np.where(inside, np.asarray(seen, np.float32), np.float32(0))[:, None]
        shown = np.where(inside[:, None], found, np.float32(0))
        return np.asarray(weight * shown + (1 - weight) * np.asarray(fallback, np.float32), np.float32)


def photo_surface(pixels: U8, view: View, vertices: ArrayLike, triangles: I32) -> PhotoSurface:
    """Take a surface's colours from a photo.

    Args:
        pixels: (H, W, 3) uint8 sRGB.
        view: how the photo sees the surface.
        vertices: (V, 3) mm.
        triangles: (F, 3).
    """
    points = np.asarray(vertices, np.float32)
    xy, depth = raster_view(view, points)
    low, high = xy.min(axis=0), xy.max(axis=0)
    gain = _WINDOW / float((high - low).max())
    local = ((xy - low) * gain).astype(np.float32)
    width, height = (int(n) for n in np.ceil((high - low) * gain) + 1)
    raster = rasterise(local, depth.astype(np.float32), triangles, height, width)
    column, row = (np.clip(local[:, k].astype(int), 0, n - 1) for k, n in ((0, width), (1, height)))
    padded = np.pad(raster.depth, 1, constant_values=np.inf)
    # A vertex on the outline belongs to the surface beside it: the deepest of the 3 x 3 pixels around counts.
    around = np.stack([padded[row + j, column + i] for j in range(3) for i in range(3)])
    deepest = np.where(np.isfinite(around), around, -np.inf).max(axis=0)
    shown = depth <= deepest + _TOLERANCE
    normals = vertex_normals(points, triangles).astype(np.float64)
    cosine = (normals * towards_viewer(view, points)).sum(axis=1)
    inside = ((xy >= 0) & (xy < [pixels.shape[1], pixels.shape[0]])).all(axis=1)
    seen = np.clip((cosine - _GRAZING) / (_FULL - _GRAZING), 0, 1) * (shown & inside)
    colours = _spread(sample(pixels, xy.astype(np.float32)), seen, triangles)
    return PhotoSurface(pixels, view, points, triangles, seen.astype(np.float32), colours)


def _spread(colours: F32, seen: Array, triangles: I32) -> F32:
    """Colours (V, 3) in which unseen vertices take their neighbours', outwards from what is seen."""
    edges = Topology(triangles, len(colours)).edges[:, :2]
    known = seen > 0.5
    out = np.where(known[:, None] & np.isfinite(colours), colours, 0).astype(np.float64)
    if not known.any():
        return np.full(colours.shape, 0.5, np.float32)
    reached = known.astype(np.float64)
    count = len(out)
    for _ in range(_SPREAD):  # outwards by one ring a round, and smoothing what is there
        weight = np.bincount(edges[:, 0], reached[edges[:, 1]], count)
        weight += np.bincount(edges[:, 1], reached[edges[:, 0]], count)
        total = np.empty_like(out)
        for c in range(3):
            value = out[:, c] * reached
            total[:, c] = np.bincount(edges[:, 0], value[edges[:, 1]], count)
            total[:, c] += np.bincount(edges[:, 1], value[edges[:, 0]], count)
        change = ~known & (weight > 0)
        out[change] = total[change] / weight[change, None]
        reached = np.maximum(reached, change)
    out[reached == 0] = out[known].mean(axis=0)  # pieces of the mesh of which nothing is seen
    return out.astype(np.float32)


def bake(surface: PhotoSurface, uv: F32, triangles_uv: I32, size: int) -> U8:
    """Texture (size, size, 3) uint8 sRGB in a layout of texture coordinates.

    Args:
        uv: (T, 2) in [0, 1], origin at the top left.
        triangles_uv: (F, 3) indices into ``uv``, in the order of the surface's triangles.
        size: pixels of a side.
    """
    flat = rasterise(
        uv * np.float32(size), np.ones(len(uv), np.float32), triangles_uv, size, size, cull=False
    )
    covered = flat.triangle >= 0
    # The layout gives triangle and weights of each texel; the vertices give what is there.
    corner = surface.triangles[flat.triangle[covered]]
    weight = flat.barycentric[covered]

    def pick(values: F32) -> F32:
        return np.asarray(np.einsum("nkc,nk->nc", values[corner], weight), np.float32)

    texels = surface.at(pick(surface.vertices), pick(surface.seen[:, None])[:, 0], pick(surface.colours))
    out = np.empty((size, size, 3), np.float32)
    out[:] = surface.colours.mean(axis=0)
    out[covered] = texels
    _grow(out, covered, max(2, size // 128))
    return np.asarray(np.round(np.clip(out, 0, 1) * 255), np.uint8)


def _grow(picture: F32, covered: Mask, rounds: int) -> None:
    """Repeat the colours at the rim of islands outwards, so that filtering does not mix in the ground."""
    every, first, last = slice(None), slice(None, -1), slice(1, None)
    known = covered.copy()
    for _ in range(rounds):
        for to, by in (((first, every), (last, every)), ((last, every), (first, every))):
            for target, source in ((to, by), (to[::-1], by[::-1])):
                new = known[source] & ~known[target]
                picture[target][new] = picture[source][new]
                known[target] |= new


def paint(surface: PhotoSurface, camera: Camera, supersample: int = 2, backdrop: int = 240) -> U8:
    """Picture (H, W, 3) uint8 of the surface with the photo's colours, from another side."""
    s = supersample
    large = camera.resized(s)
    xy, depth = raster_view(large, surface.vertices)
    raster = rasterise(
        xy.astype(np.float32), depth.astype(np.float32), surface.triangles, large.height, large.width
    )
    attributes = np.column_stack([surface.vertices, surface.seen, surface.colours]).astype(np.float32)
    values = interpolate(raster, attributes, surface.triangles)
    covered = raster.triangle >= 0
    out = np.full((*covered.shape, 3), backdrop / 255, np.float32)
    found = values[covered]
    out[covered] = surface.at(found[:, :3], found[:, 3], found[:, 4:])
    out = out.reshape(camera.height, s, camera.width, s, 3).mean(axis=(1, 3))
    return np.asarray(np.round(np.clip(out, 0, 1) * 255), np.uint8)


def clay(
    vertices: ArrayLike, triangles: I32, camera: Camera, supersample: int = 2, backdrop: int = 240
) -> U8:
    """Picture (H, W, 3) uint8 of a grey surface, lit from the camera and a little from above."""
    s = supersample
    large = camera.resized(s)
    xy, depth = raster_view(large, vertices)
    raster = rasterise(xy.astype(np.float32), depth.astype(np.float32), triangles, large.height, large.width)
    normals = vertex_normals(np.asarray(vertices, np.float32), triangles) @ camera.rotation.T.astype(
        np.float32
    )
    shown = interpolate(raster, normals, triangles)
    light = np.array([-0.25, 0.35, 0.9], np.float32)
    light /= np.linalg.norm(light)
    value = 0.25 + 0.6 * np.clip(shown @ light, 0, 1)
    grey = np.where(raster.triangle >= 0, value, backdrop / 255)
    grey = grey.reshape(camera.height, s, camera.width, s).mean(axis=(1, 3))
    return np.repeat(np.round(grey * 255).astype(np.uint8)[:, :, None], 3, axis=2)
