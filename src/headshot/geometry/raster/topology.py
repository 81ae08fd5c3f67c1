"""Triangles that were checked once, and the edges between them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from headshot.arrays import I32


@dataclass(frozen=True, init=False, eq=False)
class Topology:
    """Which vertices make the triangles of a mesh; the kernels trust it and check no index again.

    Attributes:
        triangles: (F, 3) indices, C-contiguous, all within the vertices.
        vertices: V, how many vertices there are.
    """

    triangles: I32
    vertices: int

    def __init__(self, triangles: ArrayLike, vertices: int) -> None:
        """Check ``triangles`` (F, 3) against the number of ``vertices``.

        Raises:
            ValueError: the shape is not (F, 3) or an index is out of range.
        """
        faces = np.ascontiguousarray(triangles, dtype=np.int32)
        if faces.size == 0:
            faces = faces.reshape(0, 3)
        if faces.ndim != 2 or faces.shape[1] != 3:
            raise ValueError(f"triangles must have shape (F, 3), got {faces.shape}")
        if faces.size and (faces.min() < 0 or faces.max() >= vertices):
            raise ValueError(
                f"triangles index vertices {faces.min()}..{faces.max()}, but there are {vertices}"
            )
        object.__setattr__(self, "triangles", faces)
        object.__setattr__(self, "vertices", int(vertices))

    @classmethod
    def of(cls, triangles: ArrayLike | Topology, vertices: int) -> Topology:
        """``triangles`` as they are if they were checked for this many ``vertices``, else checked now."""
        if not isinstance(triangles, Topology):
            return cls(triangles, vertices)
        if triangles.vertices != vertices:
            raise ValueError(f"the topology has {triangles.vertices} vertices, but {vertices} were given")
        return triangles

    @cached_property
    def edges(self) -> I32:
        """(E, 4): two vertices and the one or two triangles that share them, -1 for none.

        The edge runs from the first vertex to the second in its first triangle. An edge of three triangles
        or more is listed as a boundary of each: which of them continue each other is not defined.
        """
        faces = self.triangles
        start, end = faces.ravel(), np.roll(faces, -1, axis=1).ravel()
        owner = np.repeat(np.arange(len(faces), dtype=np.int32), 3)
        key = np.minimum(start, end).astype(np.int64) * max(self.vertices, 1) + np.maximum(start, end)
        order = np.argsort(key, kind="stable")
        _, first, count = np.unique(key[order], return_index=True, return_counts=True)
        paired = first[count == 2]
        a, b = order[paired], order[paired + 1]
        alone = order[np.repeat(count != 2, count)]
        pairs = np.stack([start[a], end[a], owner[a], owner[b]], axis=1)
        border = np.stack([start[alone], end[alone], owner[alone], np.full(len(alone), -1)], axis=1)
        # In the order of the triangles, neighbours in memory are neighbours on the surface.
        rows = np.concatenate([pairs, border]).astype(np.int32)
        return np.ascontiguousarray(rows[np.argsort(rows[:, 2], kind="stable")])
