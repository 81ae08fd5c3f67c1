"""The high resolution of the bundled head model: the low one, each quad of it divided into four."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import numpy as np

from headshot.arrays import F32, I32, read_only_view
from headshot.kernels import njit
from headshot.models.correspondence import Correspondence


@njit(cache=True, nogil=True)
def _product(start: I32, column: I32, weight: F32, rows: I32, field: F32) -> F32:
    out = np.empty((field.shape[0], len(rows), 3), np.float32)
    for n in range(field.shape[0]):
        for r in range(len(rows)):
            x = y = z = np.float32(0)
            for k in range(start[rows[r]], start[rows[r] + 1]):
                w, c = weight[k], column[k]
                x += w * field[n, c, 0]
                y += w * field[n, c, 1]
                z += w * field[n, c, 2]
            out[n, r, 0], out[n, r, 1], out[n, r, 2] = x, y, z
    return out


def sparse_product(start: I32, column: I32, weight: F32, rows: I32, field: F32) -> F32:
    """Rows (R,) of the product of a sparse matrix (V1, V0) in CSR form with each of the fields (N, V0, 3)."""
    # Of one kind, so that the kernel is compiled once: fields of head models are read-only, others are not.
    return cast(F32, _product(start, column, weight, rows, read_only_view(field)))


def refined(points: Correspondence) -> Correspondence:
    """The same points on the mesh after one subdivision.

    Low triangles 2q and 2q + 1 are the halves (corners 0, 1, 2 and 0, 2, 3) of quad q. Its subdivision has
    the quads 4q + c at its corners c, each with the corners (vertex, edge to the next corner, face, edge to
    the previous one) and split from the vertex to the face point.
    """
    quad, half = points.triangle // 2, points.triangle % 2
    w1, w2 = points.barycentric[:, 1], points.barycentric[:, 2]
    # coordinates in the unit square whose corners are those of the quad
    s, t = np.where(half == 0, w1 + w2, w1), np.where(half == 0, w2, w1 + w2)
    corner = np.select([(s < 0.5) & (t < 0.5), (s >= 0.5) & (t < 0.5), (s >= 0.5) & (t >= 0.5)], [0, 1, 2], 3)
    towards_next = 2 * np.choose(corner, [s, t, 1 - s, 1 - t])
    towards_previous = 2 * np.choose(corner, [t, 1 - s, 1 - t, s])
    second = towards_previous > towards_next
    near, far = np.maximum(towards_next, towards_previous), np.minimum(towards_next, towards_previous)
    weights = np.where(
        second[:, None],
        np.stack([1 - near, far, near - far], axis=1),
        np.stack([1 - near, near - far, far], axis=1),
    )
    triangle = (8 * quad + 2 * corner + second).astype(np.int32)
    return replace(points, triangle=triangle, barycentric=weights.astype(np.float32))
