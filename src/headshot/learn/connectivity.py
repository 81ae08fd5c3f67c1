"""What neighbours what on a triangle mesh, computed once for all the losses on it.

Dimension letters: V vertices, F triangles, E edges, P pairs of triangles that share an edge.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Connectivity:
    """Connectivity of a mesh, all int64.

    Attributes:
        vertices: number V of vertices.
        triangles: (F, 3).
        edges: (E, 2) each undirected edge once, the lower vertex first.
        pairs: (P, 4) for each pair of triangles that share an edge: the edge's two vertices, then the third
            vertex of either triangle. An edge of k triangles makes k (k - 1) / 2 pairs, a border none.
        degree: (V,) number of neighbours.
    """

    vertices: int
    triangles: Tensor
    edges: Tensor
    pairs: Tensor
    degree: Tensor

    def to(self, device: torch.device | str) -> Connectivity:
        """The same on another device."""
        return Connectivity(
            self.vertices,
            *(x.to(device) for x in (self.triangles, self.edges, self.pairs, self.degree)),
        )


def connectivity(triangles: ArrayLike | Tensor, vertices: int) -> Connectivity:
    """Connectivity of the mesh with these triangles (F, 3) over ``vertices`` vertices.

    Raises:
        ValueError: an index is out of range.
    """
    faces = np.asarray(triangles, dtype=np.int64).reshape(-1, 3)
    if len(faces) == 0 or faces.min() < 0 or faces.max() >= vertices:
        raise ValueError(f"triangles (F, 3) must index {vertices} vertices, got {faces.shape} of them")
    # Each side of each triangle with the corner opposite to it, sorted so that equal edges meet.
    sides = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    opposite = np.concatenate([faces[:, 2], faces[:, 0], faces[:, 1]])
    sides.sort(axis=1)
    order = np.lexsort((sides[:, 1], sides[:, 0]))
    sides, opposite = sides[order], opposite[order]
    edges, first, count = np.unique(sides, axis=0, return_index=True, return_counts=True)
    pairs = [
        np.column_stack([edges[count > later], opposite[first[count > later] + earlier],
                         opposite[first[count > later] + later]])
        for later in range(1, int(count.max()))
        for earlier in range(later)
    ]  # fmt: skip
    return Connectivity(
        vertices,
        torch.from_numpy(faces),
        torch.from_numpy(edges),
        torch.from_numpy(np.concatenate(pairs) if pairs else np.zeros((0, 4), np.int64)),
        torch.from_numpy(np.bincount(edges.ravel(), minlength=vertices)),
    )
