"""What texturing needs to know about a head model, whoever is on the photo: texels and surface graph.

Both are computed once for a model (and texture size) and kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numba import njit
from numpy.typing import NDArray

from headshot.arrays import F32, I32
from headshot.geometry.raster import rasterise, vertex_normals
from headshot.models.head_model import HeadModel
from headshot.models.topologies import ibug68

# Lower and upper edges of the brows among the 478 landmarks, from the outside in.
BROWS = (
    ([46, 53, 52, 65, 55], [70, 63, 105, 66, 107]),
    ([276, 283, 282, 295, 285], [300, 293, 334, 296, 336]),
)


@dataclass(frozen=True, eq=False)
class Atlas:
    """Texels of a T x T texture.

    Attributes:
        triangle: (T, T) triangle of the mesh that each texel lies on, -1 outside of the charts.
        barycentric: (T, T, 3) where on the triangle.
        share: (V,) sum of each vertex' barycentric weights over all texels.
        gutter, source: (G,) flat indices of texels close to a chart, and of the chart texel nearest to each.
    """

    triangle: I32
    barycentric: F32
    share: F32
    gutter: I32
    source: I32


@dataclass(frozen=True, eq=False)
class Surface:
    """The skin as a graph of its vertices, with what is known about them beforehand.

    Attributes:
        vertices: (S,) vertices of the skin; everything below is per skin vertex, edges index into it.
        number: (V,) place of a vertex in ``vertices``, -1 for other parts.
        start, neighbour: (S + 1,), (E,) compressed rows of the symmetric adjacency.
        area: (S,) mm^2.
        frontal: (S,) mm^2 of face that a frontal photo would show here.
        mirror: (S,) counterpart on the other side.
        strictness: (S,) how much a colour must look like skin to be believed, 0 on brows, eyes, nose and
            lips, which belong to the person, to 1 at hairline, temples, ears and neck.
        shade: (S,) where beards grow: how much darker than bare skin the beard may be.
        reach: (S,) prior that the photo shows skin here at all; 0 on scalp and nape.
        bare: (S,) 1 where everybody's skin is bare: cheeks, nose, lower forehead.
        core: (S,) 1 where hair hardly ever hides it, either: cheeks and nose, between the brows.
        follow: (S,) how soon skin is taken for skin: 0 on brows, eyes and lips, late where hair or clothes
            may be.
        chin: (S,) 1 on chin and upper lip, where most beards are.
        brow: (S,) 1 on the brow on the subject's left, -1 on the other.
        fringe: (S,) 1 above the left brow, -1 above the other, where a fringe ends.
        lips: (S,) 1 on lips, their insides included.
        hollow: (S,) share of light that reaches creases like those of the ear, 1 elsewhere.
    """

    vertices: I32
    number: I32
    start: I32
    neighbour: I32
    area: F32
    frontal: F32
    mirror: I32
    strictness: F32
    shade: F32
    reach: F32
    bare: F32
    core: F32
    follow: F32
    chin: F32
    brow: F32
    fringe: F32
    lips: F32
    hollow: F32


@njit(cache=True, nogil=True, error_model="numpy")
def _dilate(nearest: I32, rounds: int, width: int) -> None:
    """Grow the charts: ``nearest`` (T * T,) holds each chart texel's own index, -1 elsewhere, and is filled
    with the index of the nearest chart texel for those within ``rounds`` steps."""
    total = nearest.shape[0]
    front, next_front = np.empty(total, np.int32), np.empty(total, np.int32)
    count = 0
    for n in range(width + 1, total - width - 1):  # charts do not touch the border
        if (
            nearest[n] >= 0
            and min(min(nearest[n - 1], nearest[n + 1]), min(nearest[n - width], nearest[n + width])) < 0
        ):
            front[count] = n
            count += 1
    for _ in range(rounds):
        grown = 0
        for k in range(count):
            n = front[k]
            x = n % width
            for side in range(4):
                if side == 0:
                    m = n + 1 if x < width - 1 else -1
                elif side == 1:
                    m = n - 1 if x > 0 else -1
                else:
                    m = n + width if side == 2 else n - width
                if 0 <= m < total and nearest[m] < 0:
                    nearest[m] = nearest[n]
                    next_front[grown] = m
                    grown += 1
        front, next_front, count = next_front, front, grown


@lru_cache(maxsize=2)
def atlas_of(model: HeadModel, size: int) -> Atlas:
    """Texels of the model's charts in a texture of size x size."""
    flat = np.ones(len(model.uv), np.float32)
    raster = rasterise(model.uv * np.float32(size), flat, model.triangles_uv, size, size, cull=False)
    inside = raster.triangle.ravel() >= 0
    nearest = np.where(inside, np.arange(size * size, dtype=np.int32), np.int32(-1))
    _dilate(nearest, max(4, size // 64), size)
    gutter = np.flatnonzero((nearest >= 0) & ~inside).astype(np.int32)
    share = np.zeros(len(model.mean))
    for first in range(0, size, 256):  # in parts: all at once takes a gigabyte at the largest size
        some = raster.triangle[first : first + 256]
        corners, weights = (
            model.triangles[some[some >= 0]],
            raster.barycentric[first : first + 256][some >= 0],
        )
        share += np.bincount(corners.ravel(), weights.ravel(), minlength=len(share))
    return Atlas(raster.triangle, raster.barycentric, share.astype(np.float32), gutter, nearest[gutter])


def _smoothstep(x: NDArray[np.floating], low: float, high: float) -> NDArray[np.floating]:
    t = np.clip((x - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


@lru_cache(maxsize=2)
def surface_of(model: HeadModel) -> Surface:
    """The model's skin as a graph."""
    triangles = model.triangles[slice(*model.parts.get("skin", (0, len(model.triangles))))]
    vertices, local = np.unique(triangles, return_inverse=True)
    local = local.reshape(-1, 3).astype(np.int32)
    number = np.full(len(model.mean), -1, np.int32)
    number[vertices] = np.arange(len(vertices))
    edges = np.concatenate([local[:, [0, 1]], local[:, [1, 2]], local[:, [2, 0]]])
    code = np.unique(np.concatenate([edges, edges[:, ::-1]]) @ np.array([len(vertices), 1], np.int64))
    row, neighbour = np.divmod(code, len(vertices))
    start = np.searchsorted(row, np.arange(len(vertices) + 1)).astype(np.int32)

    points = model.mean[vertices]
    normals = vertex_normals(points, local)
    corners = points[local]
    areas = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1) / 6
    area = np.bincount(local.ravel(), np.repeat(areas, 3), minlength=len(vertices))

    degree = np.maximum(np.diff(start), 1)
    rise = ((points[neighbour] - points[row]) * normals[row]).sum(axis=1)
    length = np.linalg.norm(points[neighbour] - points[row], axis=1)
    hollow = np.bincount(row, rise, len(vertices)) / np.maximum(np.bincount(row, length, len(vertices)), 1e-6)
    for _ in range(2):  # creases are wider than one edge
        hollow = 0.5 * hollow + 0.5 * np.bincount(row, hollow[neighbour], len(vertices)) / degree

    guide = _guide(model, points)
    return Surface(
        vertices=vertices.astype(np.int32),
        number=number,
        start=start,
        neighbour=neighbour.astype(np.int32),
        area=area.astype(np.float32),
        frontal=(area * (1 - guide[0]) * np.clip(normals[:, 2], 0, 1)).astype(np.float32),
        mirror=np.maximum(number[model.mirror[vertices]], 0).astype(np.int32),
        strictness=guide[0],
        shade=guide[1],
        reach=guide[2],
        bare=guide[3],
        core=guide[4],
        follow=guide[5],
        chin=guide[6],
        brow=guide[7],
        fringe=guide[8],
        lips=model.regions.get("lips", np.zeros(len(model.mean), np.float32))[vertices],
        hollow=np.clip(1 - 1.6 * np.maximum(hollow - 0.05, 0), 0.6, 1).astype(np.float32),
    )


def _guide(model: HeadModel, points: F32) -> F32:
    """Strictness to fringe (9, S) of skin vertices (S, 3), see `Surface`, from the landmarks."""
    marks = model.landmarks["ibug68"].on(model.mean, model.triangles)
    dense = model.landmarks["mediapipe478"].on(model.mean, model.triangles)
    unit = (
        float(np.linalg.norm(np.subtract(*marks[list(ibug68.OUTER_EYE_CORNERS)]))) / 90.0
    )  # 1 for a head of natural size

    def distance(chosen: F32) -> F32:
        squares = (points**2).sum(axis=1)[:, None] - 2 * points @ chosen.T + (chosen**2).sum(axis=1)
        return np.sqrt(np.maximum(squares.min(axis=1), 0)) / unit

    # Brows as bands of points between their lower and upper edges.
    low, high = (np.vstack([_line(dense[side[edge]]) for side in BROWS]) for edge in (0, 1))
    brow = distance(np.vstack([low + t * (high - low) for t in (0, 0.5, 1)]))
    eyes, mouth, nose = (distance(marks[group]) for group in (ibug68.EYES, ibug68.MOUTH, ibug68.NOSE))
    top = float(marks[ibug68.BROWS, 1].max())
    height = (points[:, 1] - top) / unit
    side = np.abs(points[:, 0]) / unit
    # Features are exempt with some room for the fit's errors; hair falls from above and from the sides.
    inner = np.minimum(np.minimum(brow + 4, eyes - 2), np.minimum(mouth, nose))
    strictness = _smoothstep(inner, 7, 28)
    strictness = np.maximum(strictness, _smoothstep(brow, 3, 8) * _smoothstep(height, -8, 2))
    strictness = np.maximum(strictness, _smoothstep(side, 50, 62) * (points[:, 1] - top > -65 * unit))
    beard = np.minimum(mouth, distance(_line(marks[4:13])) + 6)
    shade = (1 - _smoothstep(beard, 24, 42)) * (height < -40)
    # From the trichion up, behind the ears and on the lower neck, hair and clothes are seen more often than
    # skin.
    back = (marks[0, 2] + marks[16, 2]) / 2 - points[:, 2]
    reach = (1 - _smoothstep(height, 34, 66)) * (1 - _smoothstep(back / unit, 12, 45))
    below = (marks[ibug68.CHIN, 1] - points[:, 1]) / unit
    reach = reach * (1 - _smoothstep(below, 0, 28))
    bare = (
        (distance(marks[ibug68.BROWS]) > 8)
        & (eyes > 10)
        & (mouth > 14)
        & (distance(marks[ibug68.INNER]) < 38)
    )
    bare &= (height < 15) & (points[:, 1] > marks[ibug68.MOUTH, 1].mean())
    core = bare & ((height < -20) | (side < 9)) & (side < 48)
    follow = ((brow > 5) & (eyes > 9) & (mouth > 6)) * (1 - 0.8 * _smoothstep(height, 5, 40))
    follow = follow * (1 - 0.9 * shade) * (1 - 0.9 * _smoothstep(below, -6, 6))
    chin = (mouth > 6) & (mouth < 24) & (side < 28) & (points[:, 1] < marks[ibug68.SUBNASALE, 1] - 6 * unit)
    chin &= points[:, 1] > marks[ibug68.CHIN, 1] + 8 * unit
    left = np.sign(points[:, 0]) * (side > 6)
    above = (brow > 5) & (brow < 13) & (points[:, 1] > np.interp(side * unit, *_edge(high))) & (side < 48)
    return np.stack(
        [
            strictness,
            shade,
            reach,
            bare,
            core,
            follow,
            chin,
            left * (1 - _smoothstep(brow, 5, 9)),
            left * above,
        ]
    ).astype(np.float32)


def _edge(points: F32) -> tuple[F32, F32]:
    """Distances from the middle, ascending, and heights of points (N, 3) of both sides."""
    order = np.argsort(np.abs(points[:, 0]))
    return np.abs(points[order, 0]), points[order, 1]


def _line(points: F32, steps: int = 8) -> F32:
    """Points (N, 3) along a polyline (L, 3)."""
    t = np.linspace(0, len(points) - 1, steps * (len(points) - 1) + 1)
    return np.stack([np.interp(t, np.arange(len(points)), column) for column in points.T], axis=1)
