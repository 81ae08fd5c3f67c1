"""Quad meshes: boundary loops, islands, one Catmull-Clark step, Laplacians, normals, closest points."""

from __future__ import annotations

from collections import Counter

import numpy as np
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree


def triangles_of(quads: np.ndarray) -> np.ndarray:
    """(2Q, 3): quad q becomes triangles 2q (corners 0, 1, 2) and 2q + 1 (corners 0, 2, 3)."""
    return quads[:, [0, 1, 2, 0, 2, 3]].reshape(-1, 3)


def edges_of(quads: np.ndarray) -> np.ndarray:
    """(E, 2) unique edges, sorted."""
    e = np.stack([quads, np.roll(quads, -1, 1)], 2).reshape(-1, 2)
    return np.unique(np.sort(e, 1), axis=0)


def boundary_loops(faces: np.ndarray) -> list[np.ndarray]:
    """Closed boundary loops of a polygon mesh (F, n), each in the direction of its faces' edges."""
    directed = np.stack([faces, np.roll(faces, -1, 1)], 2).reshape(-1, 2)
    count = Counter(map(tuple, np.sort(directed, 1).tolist()))
    following = {a: b for a, b in directed.tolist() if count[(min(a, b), max(a, b))] == 1}
    loops, seen = [], set()
    for start in following:
        if start in seen:
            continue
        loop, vertex = [start], following[start]
        while vertex != start:
            loop.append(vertex)
            vertex = following[vertex]
        seen.update(loop)
        loops.append(np.array(loop))
    return loops


def islands(faces: np.ndarray, n: int) -> np.ndarray:
    """(F,) label of the connected component of each face; n vertices in all."""
    e = np.stack([faces, np.roll(faces, -1, 1)], 2).reshape(-1, 2)
    graph = sp.coo_matrix((np.ones(len(e)), e.T), shape=(n, n))
    return connected_components(graph, directed=False)[1][faces[:, 0]]


def catmull_clark(quads: np.ndarray, n: int) -> tuple[sp.csr_matrix, np.ndarray]:
    """One Catmull-Clark step with boundary creases (Catmull & Clark 1978; DeRose et al. 1998, section 2).

    Returns:
        the subdivision matrix (n + E + Q, n): vertices, then edge points (order of `edges_of`), then face
        points; and the fine quads (4Q, 4): quad 4q + c is the one at corner c of quad q, and starts at it.
    """
    edges = edges_of(quads)
    number = {tuple(e): i for i, e in enumerate(edges.tolist())}
    ne, nf = len(edges), len(quads)
    quad_edges = np.array(  # edge from corner c to corner c + 1
        [
            [number[(min(a, b), max(a, b))] for a, b in zip(q, q[1:] + q[:1], strict=True)]
            for q in quads.tolist()
        ]
    )
    face = sp.csr_matrix((np.full(4 * nf, 0.25), (np.repeat(np.arange(nf), 4), quads.ravel())), (nf, n))
    edge_face = sp.csr_matrix((np.ones(4 * nf), (quad_edges.ravel(), np.repeat(np.arange(nf), 4))), (ne, nf))
    faces_at = np.asarray(edge_face.sum(1)).ravel()
    inner_edge = faces_at == 2
    ends = sp.csr_matrix((np.ones(2 * ne), (np.repeat(np.arange(ne), 2), edges.ravel())), (ne, n))
    midpoint = ends * 0.5
    edge = (
        sp.diags(np.where(inner_edge, 0.5, 1.0)) @ midpoint + sp.diags(0.25 * inner_edge) @ edge_face @ face
    )

    valence = np.asarray(ends.sum(0)).ravel()
    crease = ends[~inner_edge]
    on_boundary = np.asarray(crease.sum(0)).ravel() > 0
    vertex_face = sp.csr_matrix((np.ones(4 * nf), (quads.ravel(), np.repeat(np.arange(nf), 4))), (n, nf))
    k = np.where(on_boundary, 1, valence)
    # interior: (F + 2R + (k - 3)P) / k with F, R the means of face points and edge midpoints
    interior = (
        sp.diags(1 / k**2) @ vertex_face @ face
        + sp.diags(2 / k**2) @ ends.T @ midpoint
        + sp.diags((k - 3) / k)
    )
    # boundary: cubic B-spline of the crease, 3/4 P + 1/8 (both neighbours) = 1/2 P + 1/4 sum of midpoints
    border = 0.5 * sp.eye(n) + 0.25 * crease.T @ midpoint[~inner_edge]
    vertex = sp.diags((~on_boundary).astype(float)) @ interior + sp.diags(on_boundary.astype(float)) @ border
    matrix = sp.vstack([vertex, edge, face]).tocsr()
    matrix.eliminate_zeros()
    fine = [
        [quads[:, c], n + quad_edges[:, c], n + ne + np.arange(nf), n + quad_edges[:, c - 1]]
        for c in range(4)
    ]
    return matrix, np.array(fine).transpose(2, 0, 1).reshape(-1, 4)


def laplacian(quads: np.ndarray, n: int, vertices: np.ndarray | None = None) -> sp.csr_matrix:
    """(n, n) row-normalised graph Laplacian; edges weigh their inverse length when vertices are given."""
    e = edges_of(quads)
    w = np.ones(len(e))
    if vertices is not None:
        w = 1 / np.maximum(np.linalg.norm(vertices[e[:, 0]] - vertices[e[:, 1]], axis=1), 1.0)
    a = sp.coo_matrix((np.r_[w, w], (np.r_[e[:, 0], e[:, 1]], np.r_[e[:, 1], e[:, 0]])), (n, n)).tocsr()
    degree = np.maximum(np.asarray(a.sum(1)).ravel(), 1e-12)
    return (sp.eye(n) - sp.diags(1 / degree) @ a).tocsr()


def rings(quads: np.ndarray, n: int, start: np.ndarray, limit: int = 1000) -> np.ndarray:
    """(n,) number of edges from the vertices ``start``; ``limit`` where unreachable or farther."""
    e = edges_of(quads)
    distance = np.full(n, limit)
    distance[start] = 0
    for step in range(1, limit):
        near = distance == step - 1
        reached = np.r_[e[near[e[:, 0]], 1], e[near[e[:, 1]], 0]]
        reached = reached[distance[reached] > step]
        if not len(reached):
            break
        distance[reached] = step
    return distance


def normals_of(vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """(V, 3) area-weighted unit normals."""
    a, b, c = (vertices[triangles[:, k]] for k in range(3))
    face = np.cross(b - a, c - a)
    normals = np.zeros_like(vertices, dtype=float)
    for k in range(3):
        np.add.at(normals, triangles[:, k], face)
    return normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)


def vertex_areas(vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """(V,) a third of the area of the triangles around each vertex."""
    a, b, c = (vertices[triangles[:, k]] for k in range(3))
    third = np.linalg.norm(np.cross(b - a, c - a), axis=1) / 6
    return sum(np.bincount(triangles[:, k], third, len(vertices)) for k in range(3))


def closest_points(
    points: np.ndarray,
    vertices: np.ndarray,
    triangles: np.ndarray,
    normals: np.ndarray | None = None,
    least_cosine: float = 0.3,
    candidates: int = 40,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Closest point of a triangle mesh for each of (P, 3) points.

    With ``normals`` (P, 3) only triangles whose normal has at least that cosine with the point's count.

    Returns:
        triangle (P,), -1 where none qualifies; barycentric (P, 3); distance (P,), inf where none.
    """
    near = cKDTree(vertices[triangles].mean(1)).query(points, k=min(candidates, len(triangles)))[1]
    a, b, c = (vertices[triangles[near, k]] for k in range(3))
    bary = _barycentric_of_closest(points[:, None], a, b, c)
    hit = bary[..., :1] * a + bary[..., 1:2] * b + bary[..., 2:] * c
    distance = np.linalg.norm(hit - points[:, None], axis=2)
    if normals is not None:
        n = np.cross(b - a, c - a)
        n /= np.maximum(np.linalg.norm(n, axis=2, keepdims=True), 1e-12)
        distance[(n * normals[:, None]).sum(2) < least_cosine] = np.inf
    best, rows = distance.argmin(1), np.arange(len(points))
    triangle = np.where(np.isfinite(distance[rows, best]), near[rows, best], -1)
    return triangle, bary[rows, best], distance[rows, best]


def _barycentric_of_closest(p: np.ndarray, a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
    """Closest point of triangles to points by Voronoi regions (Ericson 2004, section 5.1.5), vectorised."""
    ab, ac = b - a, c - a
    dot = lambda x, y: (x * y).sum(-1)  # noqa: E731
    d1, d2 = dot(ab, p - a), dot(ac, p - a)
    d3, d4 = dot(ab, p - b), dot(ac, p - b)
    d5, d6 = dot(ab, p - c), dot(ac, p - c)
    va, vb, vc = d3 * d6 - d5 * d4, d5 * d2 - d1 * d6, d1 * d4 - d3 * d2
    ratio = lambda x, y: x / np.where(np.abs(y) < 1e-20, 1e-20, y)  # noqa: E731
    zero, one = np.zeros_like(d1), np.ones_like(d1)
    v, w, t = ratio(d1, d1 - d3), ratio(d2, d2 - d6), ratio(d4 - d3, (d4 - d3) + (d5 - d6))
    total = va + vb + vc
    inside = np.stack([ratio(va, total), ratio(vb, total), ratio(vc, total)], -1)
    regions = [
        ((d1 <= 0) & (d2 <= 0), np.stack([one, zero, zero], -1)),
        ((d3 >= 0) & (d4 <= d3), np.stack([zero, one, zero], -1)),
        ((vc <= 0) & (d1 >= 0) & (d3 <= 0), np.stack([1 - v, v, zero], -1)),
        ((d6 >= 0) & (d5 <= d6), np.stack([zero, zero, one], -1)),
        ((vb <= 0) & (d2 >= 0) & (d6 <= 0), np.stack([1 - w, zero, w], -1)),
        ((va <= 0) & (d4 >= d3) & (d5 >= d6), np.stack([zero, 1 - t, t], -1)),
    ]
    return np.select([r[0][..., None] for r in regions], [r[1] for r in regions], inside)
