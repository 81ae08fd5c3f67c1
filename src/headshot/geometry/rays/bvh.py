"""A bounding volume hierarchy: the tree of boxes that a ray descends to find the triangles in its way.

First a binary tree, built from above: each node's triangles are parted where the surface area heuristic
expects the least work (Wald, "On fast Construction of SAH-based Bounding Volume Hierarchies", IEEE Symposium
on Interactive Ray Tracing 2007: sixteen bins along the longest side of the box of centres), down to what one
leaf holds. Then up to sixteen of its nodes become the children of one (Wald, Benthin and Boulos, "Getting Rid
of Packets", in the same place 2008), so that few nodes have room to spare.

Dimension letters: V vertices, F triangles, N nodes, M leaves.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from headshot.arrays import F32, I32, ReadOnly, all_finite
from headshot.kernels import njit
from headshot.reading.bounds import index_of

WIDTH = 16
"""Children of a node, and triangles of a leaf, at most: compilers turn loops over sixteen into vector
code, where they unroll those over eight."""
_DEEPEST = 60
STACK = WIDTH * (_DEEPEST + 1)
"""Nodes that wait while another is visited, at most."""
BINS = 16
_ROUNDING = 4 * float(np.finfo(np.float32).eps)


@dataclass(frozen=True, eq=False, repr=False)
class BoundingVolumes(ReadOnly):
    """The tree over a mesh; its root is node 0.

    Attributes:
        boxes: (N, 6, 16) smallest x, y, z and largest x, y, z of what is below each child, a little wider
            than it is, so that rounding loses no triangle; of a child that is not there, infinite and the
            wrong way round.
        children: (N, 16) nodes, or -1 - leaf.
        corners: (M, 9, 16) x, y, z of the three corners of each leaf's triangles; 0 where there are fewer.
        triangle: (M, 16) which triangle of the mesh each is, -1 where there is none.
    """

    boxes: F32
    children: I32
    corners: F32
    triangle: I32


def build(vertices: ArrayLike, triangles: ArrayLike) -> BoundingVolumes:
    """The tree over a mesh.

    Args:
        vertices: (V, 3) in any unit; computed in float32.
        triangles: (F, 3) vertex indices. Degenerate triangles are never hit.

    Raises:
        ValueError: shapes do not fit, there is no triangle, an index points outside, or a number is not
            finite.
    """
    points: F32 = np.ascontiguousarray(vertices, np.float32)
    if points.ndim != 2 or points.shape[1] != 3 or not all_finite(points):
        raise ValueError(f"vertices must be finite numbers of shape (V, 3), got {points.shape}")
    faces = np.asarray(triangles)
    if faces.ndim != 2 or faces.shape[1] != 3 or not len(faces):
        raise ValueError(f"triangles must have shape (F, 3) with at least one row, got {faces.shape}")
    faces = index_of("triangles", faces, len(points))
    corners = points[faces]
    count = len(faces)
    binary, links = np.empty((2 * count, 6), np.float32), np.zeros((2 * count, 2), np.int32)
    order = np.arange(count, dtype=np.int32)
    nodes = _build(corners.min(axis=1), corners.max(axis=1), order, binary, links)
    wider = np.float32(_ROUNDING * max(float(np.abs(points).max()), 1e-30))
    binary[:nodes] += np.repeat(np.array([-wider, wider], np.float32), 3)
    boxes, children = np.empty((nodes, 6, WIDTH), np.float32), np.zeros((nodes, WIDTH), np.int32)
    held = np.full((nodes, WIDTH), -1, np.int32)
    wide, leaves = _widen(binary, links[:nodes], order, boxes, children, held)
    held = held[:leaves]
    rows = np.where(held[:, :, None] >= 0, corners.reshape(count, 9)[held], np.float32(0))
    return BoundingVolumes(
        boxes[:wide].copy(),
        children[:wide].copy(),
        np.ascontiguousarray(rows.transpose(0, 2, 1)),
        held.copy(),
    )


@njit(cache=True, nogil=True, error_model="numpy")
def _half_area(low: F32, high: F32) -> float:
    x, y, z = high[0] - low[0], high[1] - low[1], high[2] - low[2]
    return x * y + y * z + z * x


@njit(cache=True, nogil=True, error_model="numpy")
def _grow(low: F32, high: F32, low_more: F32, high_more: F32) -> None:
    for c in range(3):
        low[c] = min(low[c], low_more[c])
        high[c] = max(high[c], high_more[c])


@njit(cache=True, nogil=True, error_model="numpy")
def _split(
    low: F32, high: F32, order: I32, first: int, last: int, axis: int, start: float, scale: float, work: F32
) -> int:
    """After which bin to part, so that least work is expected; -1 where all lie in one."""
    empty, full = np.float32(np.inf), np.float32(-np.inf)
    lows, highs = np.full((BINS, 3), empty), np.full((BINS, 3), full)
    counts = np.zeros(BINS, np.int64)
    for n in range(first, last):
        t = order[n]
        b = min(int((low[t, axis] + high[t, axis] - start) * scale), BINS - 1)
        counts[b] += 1
        _grow(lows[b], highs[b], low[t], high[t])
    side_low, side_high = np.full(3, empty), np.full(3, full)
    behind = 0
    for b in range(BINS - 1, 0, -1):  # right of each bin
        if counts[b]:
            behind += counts[b]
            _grow(side_low, side_high, lows[b], highs[b])
        work[b - 1] = behind * _half_area(side_low, side_high) if behind else empty
    side_low[:], side_high[:] = empty, full
    before, best, least = 0, -1, empty
    for b in range(BINS - 1):
        if counts[b]:
            before += counts[b]
            _grow(side_low, side_high, lows[b], highs[b])
        if before and before < last - first:
            total = before * _half_area(side_low, side_high) + work[b]
            if total < least:
                best, least = b, total
    return best


@njit(cache=True, nogil=True, error_model="numpy")
def _build(low: F32, high: F32, order: I32, boxes: F32, links: I32) -> int:
    """Fill the nodes of a binary tree, depth first, and order the triangles by leaves; how many nodes it has.

    Args:
        low, high: (F, 3) boxes of the triangles.
        order: (F,) all triangles.
        boxes: (2 F, 6) to be filled.
        links: (2 F, 2) likewise, holds 0: of an inner node its second child and 0, the first is the next
            node; of a leaf its first row in ``order`` and the number of its triangles.
    """
    waiting = np.empty((2 * _DEEPEST + 2, 4), np.int64)
    waiting[0] = (0, len(order), -1, 0)
    depth, count = 1, 0
    work = np.empty(BINS, np.float32)
    middle_low, middle_high = np.empty(3, np.float32), np.empty(3, np.float32)
    while depth:
        depth -= 1
        first, last, parent, level = waiting[depth]
        node = count
        count += 1
        if parent >= 0:
            links[parent, 0] = node
        box_low, box_high = boxes[node, :3], boxes[node, 3:]
        box_low[:], box_high[:] = np.float32(np.inf), np.float32(-np.inf)
        middle_low[:], middle_high[:] = np.float32(np.inf), np.float32(-np.inf)
        for n in range(first, last):
            t = order[n]
            _grow(box_low, box_high, low[t], high[t])
            for c in range(3):
                middle = low[t, c] + high[t, c]
                middle_low[c] = min(middle_low[c], middle)
                middle_high[c] = max(middle_high[c], middle)
        if last - first <= WIDTH:
            links[node] = (first, last - first)
            continue
        half = (first + last) // 2  # of triangles in one place, and where the tree gets deep
        axis = int(np.argmax(middle_high - middle_low))
        width = middle_high[axis] - middle_low[axis]
        if width > 0 and level < _DEEPEST // 2:
            scale = np.float32(BINS) / width
            bin_ = _split(low, high, order, first, last, axis, middle_low[axis], scale, work)
            if bin_ >= 0:
                i, j = first, last - 1
                while i <= j:
                    t = order[i]
                    if min(int((low[t, axis] + high[t, axis] - middle_low[axis]) * scale), BINS - 1) <= bin_:
                        i += 1
                    else:
                        order[i], order[j] = order[j], order[i]
                        j -= 1
                half = i
        waiting[depth] = (half, last, node, level + 1)
        waiting[depth + 1] = (first, half, -1, level + 1)
        depth += 2
    return count


@njit(cache=True, nogil=True, error_model="numpy")
def _widen(binary: F32, links: I32, order: I32, boxes: F32, children: I32, held: I32) -> tuple[int, int]:
    """Make nodes of sixteen children of the binary tree; how many nodes and leaves there are.

    Children are replaced by their own two as long as there is room: the largest first of those that hold more
    leaves than a node, then those whose leaves all find room, for what is left over would be a node that is
    nearly empty.
    """
    leaves = np.empty(len(links), np.int64)
    for b in range(len(links) - 1, -1, -1):
        leaves[b] = 1 if links[b, 1] else leaves[b + 1] + leaves[links[b, 0]]
    waiting, made, found = [(0, 0)], 1, 0
    chosen = np.empty(WIDTH, np.int64)
    while len(waiting):
        root, node = waiting.pop()
        count, chosen[0] = 1, root
        while count < WIDTH:
            large = False
            for k in range(count):
                large |= leaves[chosen[k]] > WIDTH
            best, most = -1, np.float32(-1)
            for k in range(count):
                b = chosen[k]
                fits = leaves[b] > WIDTH or (not large and leaves[b] <= WIDTH - count + 1)
                if not links[b, 1] and fits:
                    area = _half_area(binary[b, :3], binary[b, 3:])
                    if area > most:
                        best, most = k, area
            if best < 0:
                break
            b = chosen[best]
            chosen[best], chosen[count] = b + 1, links[b, 0]
            count += 1
        boxes[node, :3], boxes[node, 3:] = np.float32(np.inf), np.float32(-np.inf)
        for k in range(count):
            b = chosen[k]
            boxes[node, :, k] = binary[b]
            if links[b, 1]:
                children[node, k] = -1 - found
                held[found, : links[b, 1]] = order[links[b, 0] : links[b, 0] + links[b, 1]]
                found += 1
            else:
                children[node, k] = made
                waiting.append((b, made))
                made += 1
    return made, found
