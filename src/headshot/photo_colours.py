"""Colours of a fitted face of any model, taken from the photos.

A point of the surface that a photo shows has the photo's colour where it projects to; where several photos
show it, their mean, in the exposure of the first. What no photo shows takes the colours around it, spread
over the mesh. `headshot.texture` does more with the bundled head model, whose skin, eyes, mirror image and
layout it knows. Here the mesh is any model's with or without a layout, and the view may be orthographic.

Dimension letters: V vertices, F triangles, N points, T texture coordinates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from headshot.arrays import F32, I32, U8, Index, Mask
from headshot.geometry.raster import Topology, rasterise, sample, vertex_normals
from headshot.geometry.view import View, raster_view, towards_viewer
from headshot.models.subdivision import sparse_product

_WINDOW = 640  # pixels of the longer side of the depth buffer in which visibility is decided
_TOLERANCE = 2.5  # mm that a vertex may lie behind the depth buffer and still be seen
_GRAZING, _FULL = 0.15, 0.45  # cosine of the angle of view from which, and from which on fully, colours count
_REST = 5e-4  # change of colours in a round below which the averaging rests: an eighth of a level of sRGB
_LEAST_COMMON = 20  # vertices that two photos must show to compare their exposures
_GAINS = (0.4, 2.5)  # of exposures at most
_SPREAD = 200  # rounds of averaging over neighbours; more than any model's hidden half is wide


@dataclass(frozen=True, eq=False)
class PhotoSurface:
    """A surface with a photo's colours.

    Attributes:
        pixels: (H, W, 3) uint8 sRGB photo.
        view: how the photo sees the surface.
        vertices: (V, 3) mm, triangles: (F, 3).
        seen: (V,) how well the photo shows each vertex, in [0, 1].
        shown: (V, 3) what the photo has where each vertex would be, sRGB in [0, 1]; NaN outside of it.
    """

    pixels: U8
    view: View
    vertices: F32
    triangles: I32
    seen: F32
    shown: F32

    @cached_property
    def colours(self) -> F32:
        """(V, 3) sRGB in [0, 1], also where the photo shows nothing."""
        return _spread(self.shown, self.seen, self.triangles)

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
    return PhotoSurface(
        pixels, view, points, triangles, seen.astype(np.float32), sample(pixels, xy.astype(np.float32))
    )


def _spread(colours: F32, seen: F32, triangles: I32) -> F32:
    """Colours (V, 3) in which unseen vertices take their neighbours', outwards from what is seen."""
    known = seen > 0.5
    if not known.any():
        return np.full(colours.shape, 0.5, np.float32)
    # Colours in the first field, and in the second whether a vertex has any yet: both add up over neighbours.
    fields = np.zeros((2, len(colours), 3), np.float32)
    fields[0, known], fields[1, known] = np.nan_to_num(colours[known]), 1
    start, column = _neighbours(triangles, len(colours))
    unknown, one = np.flatnonzero(~known).astype(np.int32), np.ones(len(column), np.float32)
    for _ in range(_SPREAD):  # outwards by one ring a round, and smoothing what is there
        total, weight = sparse_product(start, column, one, unknown, fields)
        reached = weight[:, 0] > 0
        now = total[reached] / weight[reached]
        rows = unknown[reached]
        rest = bool(fields[1, rows].all()) and np.abs(now - fields[0, rows]).max(initial=0) < _REST
        fields[0, rows], fields[1, rows] = now, 1
        if rest:
            break
    out = fields[0]
    out[fields[1, :, 0] == 0] = out[known].mean(axis=0)  # pieces of the mesh of which nothing is seen
    return out


def _neighbours(triangles: I32, count: int) -> tuple[I32, I32]:
    """The vertices that share an edge with each of ``count`` vertices: a sparse matrix's rows and columns."""
    edges = Topology(triangles, count).edges[:, :2]
    both = np.concatenate([edges, edges[:, ::-1]])
    both = both[np.argsort(both[:, 0], kind="stable")]
    start = np.searchsorted(both[:, 0], np.arange(count + 1)).astype(np.int32)
    return start, np.ascontiguousarray(both[:, 1], np.int32)


@dataclass(frozen=True, eq=False)
class MergedSurface:
    """A surface with the colours of several photos, each of which has seen it in a shape of its own.

    Attributes:
        surfaces: of the photos, the main one first.
        gains: (3,) of each, by which its colours are multiplied, so that they match those of the first.
        seen: (V,) how well the photos show each vertex, in [0, 1].
        colours: (V, 3) sRGB in [0, 1], also where no photo shows anything.
    """

    surfaces: tuple[PhotoSurface, ...]
    gains: tuple[F32, ...]
    seen: F32
    colours: F32

    @property
    def triangles(self) -> I32:
        """(F, 3)."""
        return self.surfaces[0].triangles


def merged(surfaces: Sequence[PhotoSurface]) -> MergedSurface:
    """The colours of several photos of one mesh, the main one first; of one photo its own."""
    first, *others = surfaces
    if not others:
        return MergedSurface((first,), (np.ones(3, np.float32),), first.seen, first.colours)
    gains = (np.ones(3, np.float32), *(_gain(surface, first) for surface in others))
    weight = np.stack([surface.seen for surface in surfaces]) ** 2
    colours = np.stack([np.nan_to_num(s.shown) * gain for s, gain in zip(surfaces, gains, strict=True)])
    total = np.maximum(weight.sum(axis=0), 1e-9)[:, None]
    mean = np.clip((weight[..., None] * colours).sum(axis=0) / total, 0, 1).astype(np.float32)
    seen = np.max([surface.seen for surface in surfaces], axis=0)
    return MergedSurface(tuple(surfaces), gains, seen, _spread(mean, seen, first.triangles))


def _gain(surface: PhotoSurface, first: PhotoSurface) -> F32:
    """(3,) the median ratio of the colours where both photos show the surface well."""
    both = (surface.seen > 0.5) & (first.seen > 0.5)
    if both.sum() < _LEAST_COMMON:
        return np.ones(3, np.float32)
    ratio = np.median((first.shown[both] + 0.01) / (surface.shown[both] + 0.01), axis=0)
    return np.asarray(np.clip(ratio, *_GAINS), np.float32)


def bake(surface: MergedSurface, uv: F32, triangles_uv: I32, size: int) -> tuple[U8, F32, Index]:
    """Texture (size, size, 3) uint8 sRGB in a layout of texture coordinates.

    Args:
        uv: (T, 2) in [0, 1], origin at the top left.
        triangles_uv: (F, 3) indices into ``uv``, in the order of the surface's triangles.
        size: pixels of a side.

    Returns:
        the texture; (size, size) how well the photos show each texel, in [0, 1]; (size, size) number of the
        photo that shows it best, -1 where none does.
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

    fallback = pick(surface.colours)
    total = np.zeros((len(corner), 1), np.float32)
    shown = np.zeros((len(corner), 3), np.float32)
    best, number = np.zeros(len(corner), np.float32), np.full(len(corner), -1)
    for k, (one, gain) in enumerate(zip(surface.surfaces, surface.gains, strict=True)):
        seen = pick(one.seen[:, None])[:, 0]
        share = seen[:, None] ** 2
        shown += share * gain * one.at(pick(one.vertices), np.ones(len(seen)), fallback / gain)
        total += share
        number[seen > best] = k
        np.maximum(best, seen, out=best)
    texels = best[:, None] * shown / np.maximum(total, 1e-9) + (1 - best[:, None]) * fallback
    out = np.empty((size, size, 3), np.float32)
    out[:] = surface.colours.mean(axis=0)
    out[covered] = texels
    _grow(out, covered, max(2, size // 128))
    observed, source = np.zeros((size, size), np.float32), np.full((size, size), -1, np.int64)
    observed[covered], source[covered] = best, number
    return np.asarray(np.round(np.clip(out, 0, 1) * 255), np.uint8), observed, source


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
