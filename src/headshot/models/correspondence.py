"""Points on the surface of a mesh that stay with it: a triangle and barycentric coordinates of each.

Dimension letters: L points, V vertices, F triangles, D values of a vertex.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from headshot.arrays import F32, I32, ReadOnly


@dataclass(frozen=True, eq=False, repr=False)
class Correspondence(ReadOnly):
    """Named points on the surface, each in a triangle (never a nearest vertex).

    Attributes:
        triangle: (L,) numbers of triangles of the mesh.
        barycentric: (L, 3) weights of the triangle's corners, rows sum to 1.
    """

    triangle: I32
    barycentric: F32

    def __len__(self) -> int:
        return len(self.triangle)

    def restricted(self, points: Any) -> Correspondence:
        """Some of these points."""
        return Correspondence(self.triangle[points], self.barycentric[points])

    def on(self, vertices: ArrayLike, triangles: I32) -> F32:
        """Positions (L, D) on a mesh with vertices or per-vertex values (V, D)."""
        corners = np.asarray(vertices, dtype=np.float32)[triangles[self.triangle]]
        return np.einsum("lcd,lc->ld", corners, self.barycentric)
