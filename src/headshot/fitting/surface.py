"""Points spread over the skin of the face at which a photo is compared with the head model.

A colour depends on where a point is seen (its position) and on how the surface lies there (its normal). Both
come from linear functions of the vertices: the position, and the derivatives of the surface along two
directions of the tangent plane, fitted to the neighbourhood by least squares. Their cross product is the
normal. So the model restricted to the points is again a linear model of 9 numbers a point, and derivatives
of normals are exact and cost no more than those of positions.

Dimension letters: V vertices, S points, K neighbours, I identity modes, E expressions.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from headshot.arrays import F32, I32, Array
from headshot.models.head_model import HeadModel, PointModel
from headshot.models.subdivision import sparse_product

SPACING = 4.6  # mm between points of ordinary skin
DETAIL = 1.7  # times as dense on nose, lips, brows and lids: small, and what people are known by
FEATURES = ("nose", "lips", "brows", "eyelids")


@dataclass(frozen=True, eq=False)
class Samples:
    """Points on the skin of the face.

    Attributes:
        corners: (S, 3) vertices of the triangle that each point lies in.
        barycentric: (S, 3) its weights there.
        area: (S,) skin that each point stands for on the mean head, mm².
        feature: (S,) in [0, 1], how much of nose, lips, brows or lids it is.
        mean: (S, 9) position (mm) and first and second tangent (mm per mm) of the mean head.
        basis: (S, 9, I + E) their change with each coefficient.
        modes: I.
        expressions: (K,) expressions that depend on the identity.
        rows, correction: (M,) points at which they do, and (M, 9, I, K) how.
    """

    corners: I32
    barycentric: F32
    area: F32
    feature: F32
    mean: F32
    basis: F32
    modes: int
    expressions: I32
    rows: I32
    correction: F32

    def __len__(self) -> int:
        return len(self.corners)

    def on(self, values: F32) -> F32:
        """Per-vertex values (..., V, D) at the points, (..., S, D)."""
        corners = values[..., self.corners, :]
        out = sum(corners[..., c, :] * self.barycentric[:, c, None] for c in range(3))
        return np.ascontiguousarray(out, dtype=np.float32)

    def shape(self, identity: ArrayLike, expression: ArrayLike) -> F32:
        """Positions and tangents (S, 9) for identity (I,) and expression (E,) coefficients."""
        a, b = np.asarray(identity, np.float32), np.asarray(expression, np.float32)
        out = self.mean + np.einsum("sqm,m->sq", self.basis, np.concatenate([a, b]))
        out[self.rows] += self._corrections(b) @ a
        return out

    def derivatives(self, identity: ArrayLike, expression: ArrayLike, use: NDArray[np.intp]) -> F32:
        """Change (n, 9, I + E) of `shape` at points ``use`` with each coefficient, at these coefficients."""
        a, b = np.asarray(identity, np.float32), np.asarray(expression, np.float32)
        out = self.basis[use]
        _, here, there = np.intersect1d(use, self.rows, assume_unique=True, return_indices=True)
        correction = self.correction[there]
        out[here, :, : self.modes] += correction @ b[self.expressions]
        for k, column in enumerate(self.expressions):
            out[here, :, self.modes + column] += correction[..., k] @ a
        return out

    def _corrections(self, expression: F32) -> F32:
        return self.correction @ expression[self.expressions]


@lru_cache(maxsize=2)
def samples_of(model: HeadModel) -> Samples:
    """Points on the face of a head model; the same for every photo, so made once."""
    triangles = model.part_triangles("skin")
    inside = model.regions["face"] - np.maximum(model.regions["mouth"] - model.regions["lips"], 0)
    triangles = triangles[inside[triangles].min(axis=1) > 0.5]
    corner = model.mean[triangles].astype(np.float64)
    area = np.linalg.norm(np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0]), axis=1) / 2
    special = np.max([model.regions[name] for name in FEATURES], axis=0)
    feature = special[triangles].mean(axis=1)
    density = (1 + (DETAIL**2 - 1) * feature) / SPACING**2
    # Of one half, and mirrored, so that mirrored photos give mirrored heads.
    half = model.mean[triangles, 0].sum(axis=1) > 0
    # Systematic sampling: triangles that lie together come together, so that equal steps of the sum of
    # expected points spread the points evenly.
    area, density, feature, triangles = (x[half] for x in (area, density, feature, triangles))
    expected = np.cumsum(area * density)
    chosen = np.searchsorted(expected, np.arange(int(expected[-1])) + 0.5)
    chosen, first, count = np.unique(chosen, return_index=True, return_counts=True)
    share = np.diff(np.append(first, first[-1] + count[-1])) / density[chosen]
    corners = triangles[chosen]
    corners = np.concatenate([corners, model.mirror[corners][:, [0, 2, 1]]])
    share, feature = np.tile(share, 2), np.tile(feature[chosen], 2)
    weights = np.full((len(corners), 3), 1 / 3, np.float32)
    shape = _restrict(model, corners)
    modes = np.concatenate([shape.identity, shape.expression])
    correction = _by_point(shape.correction)  # (K, I, S, 9)
    rows = np.flatnonzero(correction.any(axis=(0, 1, 3))).astype(np.int32)
    return Samples(
        corners=corners,
        barycentric=weights,
        area=share.astype(np.float32),
        feature=feature.astype(np.float32),
        mean=np.ascontiguousarray(_by_point(shape.mean)),
        basis=np.ascontiguousarray(_by_point(modes).transpose(1, 2, 0)),
        modes=len(shape.identity),
        expressions=shape.corrected,
        rows=rows,
        correction=np.ascontiguousarray(correction[:, :, rows].transpose(2, 3, 1, 0)),
    )


def _by_point(field: F32) -> F32:
    """Values (..., 3 S, 3) of the three functions of each point as (..., S, 9)."""
    parts = np.moveaxis(field.reshape(*field.shape[:-2], 3, -1, 3), -3, -2)
    return parts.reshape(*parts.shape[:-2], 9)


def _restrict(model: HeadModel, corners: I32) -> PointModel:
    """The model at the middles of triangles (S, 3) and at their two tangents."""
    near = _neighbours(model, corners)
    used = near >= 0
    points = model.mean[np.where(used, near, 0)].astype(np.float64)
    middle = model.mean[corners].mean(axis=1, dtype=np.float64)
    offset = points - middle[:, None]
    first, second = _frames(model, corners)
    along = np.stack([(offset * first[:, None]).sum(-1), (offset * second[:, None]).sum(-1)], axis=-1)
    reach = np.sqrt((along**2).sum(-1) @ np.ones(along.shape[1]) / used.sum(axis=1))
    trust = used * np.exp(-0.5 * (along**2).sum(-1) / reach[:, None] ** 2)
    # Weighted least squares of an affine function of the two coordinates; its slopes are the tangents.
    design = np.concatenate([np.ones((*used.shape, 1)), along], axis=-1)
    normal = np.einsum("ski,sk,skj->sij", design, trust, design)
    slopes = np.linalg.solve(normal, (design * trust[..., None]).transpose(0, 2, 1))[:, 1:]
    position = np.zeros(used.shape)
    position[:, :3] = 1 / 3  # the corners come first among the neighbours
    weights = np.concatenate([position, slopes[:, 0], slopes[:, 1]]).astype(np.float32)
    return _functions(model, np.tile(np.where(used, near, 0), (3, 1)), weights)


def _functions(model: HeadModel, index: I32, weight: F32) -> PointModel:
    """The model at linear functions of its vertices: weights (L, K) of vertices (L, K)."""
    count, width = index.shape
    rows = np.arange(count, dtype=np.int32)
    start = np.arange(count + 1, dtype=np.int32) * np.int32(width)
    column, factor = np.ascontiguousarray(index, np.int32).ravel(), weight.ravel()

    def pick(field: F32) -> F32:
        flat = np.ascontiguousarray(field.reshape(-1, *field.shape[-2:]))
        return sparse_product(start, column, factor, rows, flat).reshape(*field.shape[:-2], count, 3)

    # Few points feel the corrections: those with a vertex that has them, at its place among these.
    place = np.full(len(model.mean), -1, np.int32)
    place[model.correction_vertices] = np.arange(len(model.correction_vertices))
    local = place[column]
    felt = np.where(local >= 0, factor, np.float32(0))
    touched = np.flatnonzero((felt != 0).reshape(count, width).any(axis=1)).astype(np.int32)
    modes = np.ascontiguousarray(model.correction.reshape(-1, *model.correction.shape[-2:]))
    correction = np.zeros((*model.correction.shape[:2], count, 3), np.float32)
    correction[:, :, touched] = sparse_product(start, np.maximum(local, 0), felt, touched, modes).reshape(
        *model.correction.shape[:2], len(touched), 3
    )
    return PointModel(
        pick(model.mean[None])[0], pick(model.identity), pick(model.expression), model.corrected, correction
    )


def _neighbours(model: HeadModel, corners: I32) -> I32:
    """The corners and all vertices that share a skin triangle with one of them (S, K), padded with -1."""
    triangles = model.part_triangles("skin")
    edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    edges = np.unique(np.concatenate([edges, edges[:, ::-1]]), axis=0)
    start = np.searchsorted(edges[:, 0], np.arange(len(model.mean) + 1))
    rings = [edges[a:b, 1] for a, b in pairwise(start.tolist())]
    found = []
    for three in corners:
        ring = np.unique(np.concatenate([rings[v] for v in three]))
        found.append(np.concatenate([three, ring[~np.isin(ring, three)]]))
    out = np.full((len(corners), max(map(len, found))), -1, np.int32)
    for row, near in zip(out, found, strict=True):
        row[: len(near)] = near
    return out


def _frames(model: HeadModel, corners: I32) -> tuple[Array, Array]:
    """Two unit directions (S, 3) in the plane of each triangle (S, 3), their cross product outwards."""
    a, b, c = model.mean[corners].astype(np.float64).transpose(1, 0, 2)
    first = b - a
    normal = np.cross(first, c - a)
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    return first, np.cross(normal, first)
