"""Where the jaw's landmarks lie on the model: that depends on the pose.

Landmarks 0-7 and 9-16 of the iBUG scheme follow the outline of the face in the picture. On the side that is
turned to the camera that is a line of the skin, along the jaw, which models know; on the far side it is
where the surface turns away from the viewer (Huber et al. 2016, section 3.4; Bas et al., "Fitting a 3D
Morphable Model to Edges", ACCV-W 2016). In both cases a landmark's partner is the nearest point on the
projected line, between vertices too, and only its distance across the line counts: the landmark's place
along the outline says nothing about the surface.

The contour of the bundled head model (`headshot.models.contour`) has candidates across its own cheeks. Other
models have one line along the jaw, or not even that, so that here the outline is looked for on the mesh.

Dimension letters: V vertices, N places, K vertices of each.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from headshot.arrays import F32, Array, Index, Mask, ReadOnly
from headshot.geometry.raster import Topology
from headshot.geometry.view import View, towards_viewer
from headshot.models.protocol import FaceModel

JAW = {"right": range(0, 8), "left": range(16, 8, -1)}
FRONTAL = 7.5
"""Degrees of yaw up to which both sides count as turned to the camera."""
REACH = 35.0
"""Millimetres on the mean face around the line along the jaw, within which the outline is sought."""


@dataclass(frozen=True, eq=False, repr=False)
class Places(ReadOnly):
    """Points on the surface as weighted means of vertices.

    Attributes:
        landmark: (N,) iBUG number of each.
        vertex: (N, K) vertices.
        weight: (N, K) weights, rows sum to 1.
        seen: (N, 2, 2) projection of a residual in pixels on what counts: everything, or, for a point that
            may slide along a line, what is across the line.
    """

    landmark: Index
    vertex: Index
    weight: Array
    seen: Array

    def of(self, field: F32) -> Array:
        """Values (..., N, C) of per-vertex values (..., V, C)."""
        return np.asarray((self.weight[:, None] @ field[..., self.vertex, :])[..., 0, :], np.float64)


class Outline:
    """The lines of a model on which the jaw's landmarks may lie; made once a model."""

    def __init__(self, model: FaceModel) -> None:
        found = model.landmark_set("ibug68")
        if found is None:
            raise ValueError(f"{model.id} has no iBUG landmarks, which a fit to them needs")
        self.model, self.lines = model, dict(model.jaw_lines())
        count = len(found)
        self.fixed = Places(
            found.index.astype(np.int64),
            model.triangles[found.points.triangle].astype(np.int64),
            found.points.barycentric.astype(np.float64),
            np.tile(np.eye(2), (count, 1, 1)),
        )
        self._own = set(found.index.tolist())

    @cached_property
    def vertices(self) -> Index:
        """(N,) all vertices that partners of the jaw's landmarks may be means of, ascending."""
        near = np.zeros(len(self.model.mean), bool)
        for line in self.lines.values():
            near[self.model.triangles[line.triangle]] = True
        for triangles, rim in self._near.values():
            near[self.model.triangles[triangles]] = True
            near[rim] = True
        return np.flatnonzero(near)

    @cached_property
    def _near(self) -> dict[str, tuple[Index, Index]]:
        """By side: triangles (T,) near the line along the jaw, edges (N, 2) of the border near it."""
        edges = Topology(self.model.triangles, len(self.model.mean)).edges
        rim = edges[edges[:, 3] < 0, :2].astype(np.int64)
        found = {}
        for side, line in self.lines.items():
            close = np.zeros(len(self.model.mean), bool)
            for point in line.on(self.model.mean, self.model.triangles):
                close |= ((self.model.mean - point) ** 2).sum(axis=1) < REACH**2
            found[side] = (
                np.flatnonzero(close[self.model.triangles].any(axis=1)),
                rim[close[rim].all(axis=1)],
            )
        return found

    def places(self, view: View, vertices: F32, points: Array, known: Mask, hidden: frozenset[str]) -> Places:
        """Partners of the jaw's landmarks.

        Args:
            view: the pose.
            vertices: (V, 3) the shape so far.
            points: (68, 2) landmarks, pixels.
            known: (68,) which of them count.
            hidden: the sides that are turned away, see `turned_away`.
        """
        found = []
        for side, numbers in JAW.items():
            line = self.lines.get(side)
            wanted = np.array([n for n in numbers if known[n] and n not in self._own])
            if line is None or len(line) < 2 or not len(wanted):
                continue
            vertex, ends = self._along(side)
            if side in hidden:
                outline = self._silhouette(view, vertices, side)
                vertex, ends = outline if len(outline[0]) else (vertex, ends)
            found.append(_nearest(view, vertices, points, wanted, vertex, ends))
        if not found:
            return Places(
                np.zeros(0, np.int64), np.zeros((0, 6), np.int64), np.zeros((0, 6)), np.zeros((0, 2, 2))
            )
        parts = zip(*((p.landmark, p.vertex, p.weight, p.seen) for p in found), strict=True)
        return Places(*(np.concatenate(part) for part in parts))

    def _along(self, side: str) -> tuple[Index, Array]:
        """Segments of the line along the jaw: vertices (S, 6), weights (S, 2, 3) at either end."""
        line = self.lines[side]
        corners = self.model.triangles[line.triangle].astype(np.int64)
        ends = np.stack([line.barycentric[:-1], line.barycentric[1:]], axis=1)
        return np.concatenate([corners[:-1], corners[1:]], axis=1), ends.astype(np.float64)

    def _silhouette(self, view: View, vertices: F32, side: str) -> tuple[Index, Array]:
        """Segments where the surface near the jaw turns away from the viewer: as `_along`, with K = 4.

        Within a triangle whose vertex normals disagree about facing the viewer, the outline runs between the
        two sides on which the interpolated normal is seen edge-on (Hertzmann, "Introduction to 3D
        Silhouette Detection", SIGGRAPH 1999 course 7): smooth where the edges of the mesh would zigzag.
        Where the mesh ends before it turns away, its border is the outline.
        """
        near, border = self._near[side]
        triangles = self.model.triangles[near].astype(np.int64)
        used, local = np.unique(triangles, return_inverse=True)
        local = local.reshape(triangles.shape)
        points = vertices[used].astype(np.float64)
        a, b, c = (points[local[:, k]] for k in range(3))
        face = np.cross(b - a, c - a)
        normal = np.zeros_like(points)
        for k in range(3):
            for axis in range(3):
                normal[:, axis] += np.bincount(local[:, k], face[:, axis], len(used))
        facing = (normal * towards_viewer(view, points)).sum(axis=1)[local]  # (T, 3)
        front = facing > 0
        mixed = np.flatnonzero(front.any(axis=1) & ~front.all(axis=1))
        # The corner that disagrees with the other two is at the end of both sides that the outline crosses.
        alone = np.where(
            front[mixed].sum(axis=1) == 1, front[mixed].argmax(axis=1), front[mixed].argmin(axis=1)
        )
        vertex, ends = [], []
        for step in (1, 2):
            other = (alone + step) % 3
            here, there = facing[mixed, alone], facing[mixed, other]
            share = here / (here - there)
            vertex += [triangles[mixed, alone], triangles[mixed, other]]
            ends.append(np.stack([1 - share, share], axis=1))
        segments, weights = np.stack(vertex, axis=1).reshape(-1, 4), np.stack(ends, axis=1).reshape(-1, 2, 2)
        rim = np.stack([border[:, 0], border[:, 0], border[:, 1], border[:, 1]], axis=1)
        rim_weights = np.tile([1.0, 0.0], (len(rim), 2, 1))
        return np.concatenate([segments, rim]), np.concatenate([weights, rim_weights])


def turned_away(view: View) -> frozenset[str]:
    """The sides of the face ("left", "right") whose outline the picture shows instead of its jaw."""
    yaw = view.angles[0]
    return frozenset({"left"} if yaw > FRONTAL else {"right"} if yaw < -FRONTAL else ())


def _nearest(view: View, vertices: F32, points: Array, wanted: Index, vertex: Index, ends: Array) -> Places:
    """The nearest point on segments, in the picture.

    Args:
        wanted: (M,) landmarks.
        vertex: (S, K) vertices of each segment.
        ends: (S, 2, K / 2) their weights at either end: the first half makes the start, the second the end.
    """
    half = vertex.shape[1] // 2
    a, b = (
        view.project((ends[:, None, k] @ vertices[vertex[:, part]])[:, 0])
        for k, part in enumerate((slice(None, half), slice(half, None)))
    )
    along = b - a
    square = np.maximum((along**2).sum(axis=1), 1e-12)
    q = points[wanted][:, None]
    share = np.clip(((q - a) * along).sum(axis=2) / square, 0, 1)
    distance = ((a + share[:, :, None] * along - q) ** 2).sum(axis=2)
    best = np.where(np.isfinite(distance), distance, np.inf).argmin(axis=1)
    t = share[np.arange(len(wanted)), best][:, None]
    weight = np.concatenate([(1 - t) * ends[best, 0], t * ends[best, 1]], axis=1)
    width = 6 - vertex.shape[1]
    across = np.stack([-along[best, 1], along[best, 0]], axis=1) / np.sqrt(square[best])[:, None]
    return Places(
        wanted,
        np.pad(vertex[best], ((0, 0), (0, width))),
        np.pad(weight, ((0, 0), (0, width))),
        across[:, :, None] * across[:, None, :],
    )
