"""Laying one surface on another: similarity of points, closest points on a surface, iterative closest points.

All lengths are in the unit of the input. Distances are from points to the surface, never to its vertices.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from headshot.arrays import Array, Index, ReadOnly
from headshot.kernels import njit


@dataclass(frozen=True, eq=False, repr=False)
class Similarity(ReadOnly):
    """``scale * rotation @ point + translation``."""

    scale: float
    rotation: Array
    translation: Array

    def __call__(self, points: ArrayLike) -> Array:
        """Points (..., 3) moved."""
        return self.scale * np.asarray(points, np.float64) @ self.rotation.T + self.translation

    def after(self, first: Similarity) -> Similarity:
        """This one applied to what ``first`` gives."""
        return Similarity(self.scale * first.scale, self.rotation @ first.rotation, self(first.translation))

    @property
    def degrees(self) -> float:
        """Angle of the rotation."""
        cosine = (np.trace(self.rotation) - 1) / 2
        sine = np.linalg.norm(self.rotation - self.rotation.T) / np.sqrt(8)
        return float(np.degrees(np.arctan2(sine, cosine)))


def similarity(source: ArrayLike, target: ArrayLike, *, scaled: bool = True) -> Similarity:
    """The motion of points (N, 3) onto others (N, 3) with the least squares (Umeyama 1991, eq. 40-42).

    Args:
        source, target: corresponding points, N at least 3.
        scaled: whether the size may change.

    Raises:
        ValueError: the shapes do not fit or the points coincide.
    """
    a, b = np.asarray(source, np.float64), np.asarray(target, np.float64)
    if a.shape != b.shape or a.ndim != 2 or a.shape[1] != 3 or len(a) < 3:
        raise ValueError(f"need the same (N, 3) points twice, N at least 3, got {a.shape} and {b.shape}")
    mean_a, mean_b = a.mean(axis=0), b.mean(axis=0)
    variance = ((a - mean_a) ** 2).sum()
    if not variance > 0:
        raise ValueError("the points coincide or are not finite: they have no orientation")
    u, s, vt = np.linalg.svd((b - mean_b).T @ (a - mean_a))
    sign = np.array([1.0, 1.0, np.sign(np.linalg.det(u @ vt))])
    rotation = u @ np.diag(sign) @ vt
    scale = float((s * sign).sum() / variance) if scaled else 1.0
    return Similarity(scale, rotation, mean_b - scale * rotation @ mean_a)


def planar_similarity(here: ArrayLike, there: ArrayLike) -> Array:
    """(2, 3) the similarity of the plane that maps points (N, 2) onto others (N, 2) with the least squares.

    Over complex numbers a similarity of the plane is z -> a z + b, so this is linear regression.
    """
    z, w = (p[:, 0] + 1j * p[:, 1] for p in (np.asarray(here, np.float64), np.asarray(there, np.float64)))
    centre, target = z.mean(), w.mean()
    a = ((z - centre).conj() @ (w - target)) / (np.abs(z - centre) ** 2).sum()
    b = target - a * centre
    return np.array([[a.real, -a.imag, b.real], [a.imag, a.real, b.imag]])


@njit(cache=True, nogil=True, error_model="numpy")
def _closest(
    points: Array, corners: Array, order: Index, start: Index, boxes: Array, triangle: Index, weights: Array
) -> None:
    """Nearest triangle (N,) and barycentric coordinates (N, 3) of points, by a tree of boxes.

    On the triangle: Ericson, "Real-Time Collision Detection" (2005), section 5.1.5.
    """
    leaves = (len(boxes) + 1) // 2
    stack = np.empty(64, np.int64)
    for n in range(len(points)):
        x, y, z = points[n, 0], points[n, 1], points[n, 2]
        best, top = np.inf, 1
        stack[0] = 0
        while top > 0:
            top -= 1
            node = stack[top]
            if squared_gap(boxes, node, x, y, z) >= best:
                continue
            if node < leaves - 1:  # the nearer child is visited first
                one, two = 2 * node + 1, 2 * node + 2
                if squared_gap(boxes, one, x, y, z) < squared_gap(boxes, two, x, y, z):
                    one, two = two, one
                stack[top], stack[top + 1] = one, two
                top += 2
                continue
            leaf = node - (leaves - 1)
            for k in range(start[leaf], start[leaf + 1]):
                t = order[k]
                a, b, c = corners[t, 0], corners[t, 1], corners[t, 2]
                d1 = d2 = d3 = d4 = d5 = d6 = 0.0
                for i in range(3):
                    ab, ac, p = b[i] - a[i], c[i] - a[i], points[n, i]
                    d1 += ab * (p - a[i])
                    d2 += ac * (p - a[i])
                    d3 += ab * (p - b[i])
                    d4 += ac * (p - b[i])
                    d5 += ab * (p - c[i])
                    d6 += ac * (p - c[i])
                va, vb, vc = d3 * d6 - d5 * d4, d5 * d2 - d1 * d6, d1 * d4 - d3 * d2
                if d1 <= 0 and d2 <= 0:
                    v, w = 0.0, 0.0
                elif d3 >= 0 and d4 <= d3:
                    v, w = 1.0, 0.0
                elif vc <= 0 and d1 >= 0 and d3 <= 0:
                    v, w = d1 / (d1 - d3), 0.0
                elif d6 >= 0 and d5 <= d6:
                    v, w = 0.0, 1.0
                elif vb <= 0 and d2 >= 0 and d6 <= 0:
                    v, w = 0.0, d2 / (d2 - d6)
                elif va <= 0 and d4 - d3 >= 0 and d5 - d6 >= 0:
                    w = (d4 - d3) / ((d4 - d3) + (d5 - d6))
                    v = 1 - w
                else:
                    v, w = vb / (va + vb + vc), vc / (va + vb + vc)
                gap = 0.0
                for i in range(3):
                    gap += (a[i] + v * (b[i] - a[i]) + w * (c[i] - a[i]) - points[n, i]) ** 2
                if gap < best:
                    best = gap
                    triangle[n] = t
                    weights[n, 0], weights[n, 1], weights[n, 2] = 1 - v - w, v, w


@njit(cache=True, nogil=True, error_model="numpy")
def squared_gap(boxes: Array, node: int, x: float, y: float, z: float) -> float:
    """Squared distance of a point from a node's box: least x, y, z, then greatest."""
    dx = max(boxes[node, 0] - x, x - boxes[node, 3], 0.0)
    dy = max(boxes[node, 1] - y, y - boxes[node, 4], 0.0)
    dz = max(boxes[node, 2] - z, z - boxes[node, 5], 0.0)
    return dx * dx + dy * dy + dz * dz


class Surface:
    """A triangle mesh with exact queries for the nearest point of its surface.

    Attributes:
        vertices: (V, 3).
        triangles: (F, 3); those without an area are left out.
    """

    def __init__(self, vertices: ArrayLike, triangles: ArrayLike) -> None:
        self.vertices = np.asarray(vertices, np.float64)
        self.triangles = np.asarray(triangles, np.int64).reshape(-1, 3)
        if self.vertices.ndim != 2 or self.vertices.shape[1] != 3 or not np.isfinite(self.vertices).all():
            raise ValueError(f"vertices must be finite and (V, 3), got {self.vertices.shape}")
        if not len(self.triangles) or self.triangles.min() < 0 or self.triangles.max() >= len(self.vertices):
            raise ValueError("a surface needs triangles that index its vertices")
        a, b, c = np.moveaxis(self.vertices[self.triangles], 1, 0)
        self.triangles = self.triangles[(np.cross(b - a, c - a) != 0).any(axis=1)]
        if not len(self.triangles):
            raise ValueError("no triangle of the surface has an area")
        self._corners = np.ascontiguousarray(self.vertices[self.triangles])
        centres = self._corners.mean(axis=1)
        order, start = np.arange(len(centres)), np.array([0, len(centres)])
        for _ in range(max(0, int(np.ceil(np.log2(len(centres) / 6))))):
            # Every part is halved across its longest side, all parts of a level at once.
            part = np.repeat(np.arange(len(start) - 1), np.diff(start))
            place = centres[order]
            extent = np.maximum.reduceat(place, start[:-1]) - np.minimum.reduceat(place, start[:-1])
            along = place[np.arange(len(place)), extent.argmax(axis=1)[part]]
            order = order[np.lexsort((along, part))]
            middle = (start[:-1] + start[1:]) // 2
            start = np.concatenate([np.stack([start[:-1], middle], axis=1).ravel(), start[-1:]])
        self._order, self._start = order, start
        low = np.minimum.reduceat(self._corners.min(axis=1)[order], start[:-1])
        high = np.maximum.reduceat(self._corners.max(axis=1)[order], start[:-1])
        level = np.concatenate([low, high], axis=1)
        levels = [level]
        while len(level) > 1:
            low = np.minimum(level[0::2, :3], level[1::2, :3])
            level = np.concatenate([low, np.maximum(level[0::2, 3:], level[1::2, 3:])], axis=1)
            levels.append(level)
        self._boxes = np.concatenate(levels[::-1])

    def closest(self, points: ArrayLike) -> tuple[Index, Array, Array]:
        """Triangle (N,), barycentric coordinates (N, 3) and distance (N,) of the surface's nearest point."""
        p = np.ascontiguousarray(points, np.float64)
        if p.ndim != 2 or p.shape[1] != 3 or not np.isfinite(p).all():
            raise ValueError(f"points must be finite and (N, 3), got {p.shape}")
        triangle, weights = np.zeros(len(p), np.int64), np.zeros((len(p), 3))
        _closest(p, self._corners, self._order, self._start, self._boxes, triangle, weights)
        return triangle, weights, np.linalg.norm(self.at(triangle, weights) - p, axis=1)

    def at(self, triangle: Index, weights: Array) -> Array:
        """Points (N, 3) of the surface."""
        return (self._corners[triangle] * weights[:, :, None]).sum(axis=1)


def icp(
    points: ArrayLike, surface: Surface, start: Similarity, *, scaled: bool = True, steps: int = 60
) -> Similarity:
    """Refine the motion that lays a surface on points: iterative closest points (Besl and McKay 1992).

    From every point the surface's nearest point is sought (scan to mesh, as NoW does); the worst tenth of the
    pairs is left out of each step (Chetverikov et al. 2002), because scans have holes and hair. Points whose
    nearest point lies on a border of the surface weigh like all others, as in NoW.

    Args:
        points: (N, 3) of the scan.
        surface: in its own frame.
        start: from the surface's frame to that of the points.
        scaled: whether the size may change.
        steps: at most.

    Returns:
        The motion from the surface's frame to that of the points.
    """
    target = np.asarray(points, np.float64)
    motion, before = start, np.inf
    for _ in range(steps):
        local = (target - motion.translation) @ (motion.rotation / motion.scale)
        triangle, weights, distance = surface.closest(local)
        keep = distance <= np.quantile(distance, 0.9)
        motion = similarity(surface.at(triangle, weights)[keep], target[keep], scaled=scaled)
        error = float(np.sqrt(np.mean(distance[keep] ** 2)) * motion.scale)
        if abs(before - error) < 1e-5 * max(error, 1e-9):
            break
        before = error
    return motion


def distances(points: ArrayLike, surface: Surface, motion: Similarity) -> Array:
    """Distance (N,) of points to the moved surface, in the unit of the points."""
    local = (np.asarray(points, np.float64) - motion.translation) @ (motion.rotation / motion.scale)
    return surface.closest(local)[2] * motion.scale
