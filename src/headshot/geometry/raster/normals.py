"""Normals of vertices."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from headshot.arrays import F32, I32, read_only_view
from headshot.geometry.raster.topology import Topology
from headshot.kernels import njit


@njit(cache=True, nogil=True, error_model="numpy")
def sum_triangle_normals(vertices: Any, triangles: I32, out: Any) -> None:
    """Add the triangles' normals, as long as twice their area, to ``out`` (V, 3) at their corners."""
    for t in range(triangles.shape[0]):
        i, j, k = np.uint64(triangles[t, 0]), np.uint64(triangles[t, 1]), np.uint64(triangles[t, 2])
        ax, ay, az = vertices[j, 0], vertices[j, 1], vertices[j, 2]
        ax, ay, az = ax - vertices[i, 0], ay - vertices[i, 1], az - vertices[i, 2]
        bx, by, bz = vertices[k, 0], vertices[k, 1], vertices[k, 2]
        bx, by, bz = bx - vertices[i, 0], by - vertices[i, 1], bz - vertices[i, 2]
        nx, ny, nz = ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx
        for v in (i, j, k):
            out[v, 0] += nx
            out[v, 1] += ny
            out[v, 2] += nz


@njit(cache=True, nogil=True, error_model="numpy")
def fill_vertex_normals(vertices: Any, triangles: I32, out: Any) -> None:
    """Sum the triangles' normals in ``out`` (V, 3), which holds 0, and bring them to unit length."""
    sum_triangle_normals(vertices, triangles, out)
    for v in range(out.shape[0]):
        length = np.sqrt(out[v, 0] ** 2 + out[v, 1] ** 2 + out[v, 2] ** 2)
        if length > 0:
            for c in range(3):
                out[v, c] /= length


def vertex_normals(vertices: ArrayLike, triangles: ArrayLike | Topology) -> F32:
    """Unit normals (V, 3), averaged over the adjoining triangles by area; 0 for vertices without any."""
    points = np.ascontiguousarray(vertices, dtype=np.float32)
    out = np.zeros_like(points)
    corners = Topology.of(triangles, len(points)).triangles
    # Of one kind, so that the kernel is compiled once: meshes of head models are read-only, others are not.
    fill_vertex_normals(read_only_view(points), read_only_view(corners), out)
    return out
