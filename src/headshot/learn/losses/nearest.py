"""The nearest of M points to each of N points, exactly, in O((N + M) log M): a k-d tree with tight boxes.

Trees are balanced and implicit (children of node i are 2i + 1 and 2i + 2; the halves of its range of points),
as in Friedman, Bentley and Finkel, "An Algorithm for Finding Best Matches in Logarithmic Expected Time", ACM
TOMS 1977, but pruned by the bounding boxes of the points instead of the splitting planes: the clouds of
training lie on surfaces, and may be far from each other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from headshot.arrays import Array, Index
from headshot.geometry.align import squared_gap
from headshot.kernels import njit

_LEAF = 8  # points in a leaf, at most


@njit(cache=True, nogil=True, error_model="numpy")
def _select(points: Array, order: Index, axis: int, first: int, last: int, middle: int) -> None:
    """Swap rows first..last so that no row before ``middle`` is above, and none after it below, it."""
    while first < last:
        pivot = points[(first + last) // 2, axis]
        i, j = first, last
        while i <= j:
            while points[i, axis] < pivot:
                i += 1
            while points[j, axis] > pivot:
                j -= 1
            if i <= j:
                for c in range(3):
                    points[i, c], points[j, c] = points[j, c], points[i, c]
                order[i], order[j] = order[j], order[i]
                i += 1
                j -= 1
        if middle <= j:
            last = j
        elif middle >= i:
            first = i
        else:
            return


@njit(cache=True, nogil=True, error_model="numpy")
def _build(points: Array, order: Index, depth: int, start: Index, end: Index, boxes: Array) -> None:
    """Sort points (M, 3) in place and fill the nodes' ranges and boxes, level by level."""
    inner = 2**depth - 1
    start[0], end[0] = 0, points.shape[0]
    for node in range(boxes.shape[0]):
        a, b = start[node], end[node]
        for c in range(3):
            boxes[node, c] = boxes[node, c + 3] = points[a, c]
        for i in range(a + 1, b):
            for c in range(3):
                boxes[node, c] = min(boxes[node, c], points[i, c])
                boxes[node, c + 3] = max(boxes[node, c + 3], points[i, c])
        if node < inner:
            axis, widest = 0, -1.0
            for c in range(3):
                if boxes[node, c + 3] - boxes[node, c] > widest:
                    axis, widest = c, boxes[node, c + 3] - boxes[node, c]
            middle = (a + b) // 2
            _select(points, order, axis, a, b - 1, middle)
            start[2 * node + 1], end[2 * node + 1] = a, middle
            start[2 * node + 2], end[2 * node + 2] = middle, b


@njit(cache=True, nogil=True, error_model="numpy")
def _search(
    queries: Array,
    rows: Index,
    points: Array,
    order: Index,
    depth: int,
    start: Index,
    end: Index,
    boxes: Array,
    out: Index,
) -> None:
    """Index (N,) of the nearest point of each query, in the order in which the cloud was given.

    ``queries`` are sorted by place (``rows`` says where they belong), so that the result of one is a good
    start for the next.
    """
    inner = 2**depth - 1
    stack = np.empty(64, np.int64)
    bound = np.empty(64, np.float64)
    best = 0
    for q in range(queries.shape[0]):
        x, y, z = queries[q, 0], queries[q, 1], queries[q, 2]
        nearest = (points[best, 0] - x) ** 2 + (points[best, 1] - y) ** 2 + (points[best, 2] - z) ** 2
        stack[0], bound[0], size = 0, 0.0, 1
        while size > 0:
            size -= 1
            if bound[size] >= nearest:
                continue
            node = stack[size]
            while node < inner:
                near, far = 2 * node + 1, 2 * node + 2
                to_near, to_far = squared_gap(boxes, near, x, y, z), squared_gap(boxes, far, x, y, z)
                if to_far < to_near:
                    near, far, to_near, to_far = far, near, to_far, to_near
                if to_far < nearest:
                    stack[size], bound[size] = far, to_far
                    size += 1
                if to_near >= nearest:
                    break
                node = near
            else:
                for i in range(start[node], end[node]):
                    dx, dy, dz = points[i, 0] - x, points[i, 1] - y, points[i, 2] - z
                    distance = dx * dx + dy * dy + dz * dz
                    if distance < nearest:
                        nearest, best = distance, i
        out[rows[q]] = order[best]


@dataclass(frozen=True, eq=False)
class _Nodes:
    start: Index
    end: Index
    boxes: Array


class PointCloud:
    """Points (M, 3) with their tree.

    Attributes:
        points: (M, 3) float64, sorted by the tree.
        order: (M,) where each sorted point was in the array given.
    """

    def __init__(self, points: ArrayLike) -> None:
        """Build the tree.

        Raises:
            ValueError: the points are not (M, 3) with M > 0, or not all finite.
        """
        given = np.array(points, dtype=np.float64, order="C")
        if given.ndim != 2 or given.shape[1] != 3 or len(given) == 0:
            raise ValueError(f"points must have shape (M, 3) with M > 0, got {given.shape}")
        if not np.isfinite(given).all():
            raise ValueError("points must be finite: lower the learning rate if they come from training")
        self.points = given
        self.order = np.arange(len(given))
        self._depth = max(0, int(np.ceil(np.log2(len(given) / _LEAF))))
        count = 2 ** (self._depth + 1) - 1
        self._nodes = _Nodes(np.zeros(count, np.int64), np.zeros(count, np.int64), np.empty((count, 6)))
        _build(given, self.order, self._depth, self._nodes.start, self._nodes.end, self._nodes.boxes)

    def nearest(self, queries: PointCloud) -> Index:
        """Index (N,) of the point nearest to each query, both in the order in which they were given.

        Of points at exactly the same distance any may be returned.
        """
        out = np.empty(len(queries.points), np.int64)
        nodes = self._nodes
        _search(
            queries.points, queries.order, self.points, self.order,
            self._depth, nodes.start, nodes.end, nodes.boxes, out,
        )  # fmt: skip
        return out
