"""The high resolution: one Catmull-Clark step, and what it needs to lie on the scanned surface."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from scipy.sparse.linalg import spsolve
from scipy.spatial import cKDTree

from atlas import Atlas
from eyeball import axis_of_sight, shaped
from geometry import Head
from grids import Grid
from mouth import CONTACT, REST_GAP, join_lips
from quadmesh import catmull_clark, closest_points, edges_of, laplacian, normals_of, rings, triangles_of
from register import FLIP
from topology import PARTS

REACH = 1.2  # mm from ICT's surface beyond which it is not the same surface
SMOOTHING = 2


@dataclass(frozen=True)
class Fine:
    """The high mesh.

    Attributes:
        matrix: (V1, V0) subdivision.
        quads: (4 Q, 4).
        offset: (V1, 3) mm, added to the subdivided mean.
        uv, quads_uv: texture coordinates, subdivided linearly so that the charts keep their outlines.
        mirror: (V1,).
    """

    matrix: sp.csr_matrix
    quads: np.ndarray
    offset: np.ndarray
    uv: np.ndarray
    quads_uv: np.ndarray
    mirror: np.ndarray


def refine(head: Head, atlas: Atlas, regions: dict[str, np.ndarray]) -> Fine:
    """Subdivide the head once."""
    topology = head.topology
    matrix, quads = catmull_clark(topology.quads, len(head.mean))
    matrix.sort_indices()
    mirror = _mirror(head, matrix, quads)
    mean = matrix @ head.mean
    offset = np.zeros_like(mean)

    skin = np.unique(quads[: 4 * topology.parts["skin"][1]])
    normals = normals_of(mean, triangles_of(quads))
    vertices, surface = head.target
    triangle, barycentric, distance = closest_points(mean[skin], vertices, surface, normals[skin], 0.7)
    hit = (vertices[surface[triangle]] * barycentric[..., None]).sum(1)
    along = ((hit - mean[skin]) * normals[skin]).sum(1) * ((triangle >= 0) & (distance < REACH))
    # Lids and lips are where they are for their own reasons; the nostrils' inside and the neck are not ICT's.
    free = np.zeros(len(head.mean))
    for eye in ("eye_left", "eye_right"):
        free[head.grids[eye].vertices[:7]] = 1
    free[head.grids["mouth"].vertices[:8]] = 1
    trusted = np.clip(regions["face"] + regions["scalp"] + regions["ears"] + regions["jaw"], 0, 1) * (
        1 - free
    )
    height = np.zeros(len(mean))
    height[skin] = along * (matrix @ trusted)[skin]
    smoother = laplacian(quads, len(mean))
    for _ in range(SMOOTHING):
        height = height - 0.5 * (smoother @ height)
    offset[skin] = (height[:, None] * normals)[skin]

    offset += _closed_lips(head, quads, mean + offset)

    for eye, centre in head.eye_centres.items():
        part = slice(*(4 * k for k in topology.parts[eye]))
        here = np.unique(quads[part])
        d = mean[here] - centre
        d /= np.linalg.norm(d, axis=1, keepdims=True)
        offset[here] = centre + shaped(d, axis_of_sight(1 if eye == "eye_left" else -1)) - mean[here]
    offset = (offset + offset[mirror] * FLIP) / 2

    uv = np.concatenate([atlas.uv, atlas.uv[edges_of(atlas.quads)].mean(1), atlas.uv[atlas.quads].mean(1)])
    _, quads_uv = catmull_clark(atlas.quads, len(atlas.uv))
    return Fine(matrix, quads, offset, uv, quads_uv, mirror)


def _closed_lips(head: Head, quads: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Offsets (V1, 3) that close the lips again, which subdivision has rounded and thereby opened."""
    n = len(head.mean)
    number = {tuple(e): n + i for i, e in enumerate(edges_of(head.topology.quads).tolist())}
    coarse = head.grids["mouth"]
    rows = []
    for ring in coarse.vertices[: max(CONTACT) + 1]:
        between = [number[min(a, b), max(a, b)] for a, b in zip(ring, np.roll(ring, -1), strict=True)]
        rows.append(np.stack([ring, between], axis=1).ravel())
    vertices = np.array(rows)
    x = mean[vertices[CONTACT[-1]], 0]

    def side(columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The columns of a side with those between them, and their places."""
        step = 1 if (columns[1] - columns[0]) % coarse.vertices.shape[1] == 1 else -1
        fine = np.arange(2 * len(columns) - 1) * step + 2 * columns[0]
        fine %= vertices.shape[1]
        t = (x[fine] - x[fine[0]]) / (x[fine[-1]] - x[fine[0]])
        return fine, np.maximum.accumulate(t + 1e-6 * np.arange(len(t)))

    (upper, t_upper), (lower, t_lower) = side(coarse.upper), side(coarse.lower)
    grid = Grid(vertices, upper, lower, t_upper, t_lower)
    known = np.unique(vertices[list(CONTACT)])
    moves = (join_lips(mean, grid, REST_GAP) - mean)[known]
    depth = rings(quads, len(mean), known, 6)
    free = np.flatnonzero((depth > 0) & (depth < 5))  # what is near follows harmonically
    stiff = laplacian(quads, len(mean))
    offset = np.zeros_like(mean)
    offset[known] = moves
    offset[free] = spsolve(stiff[free][:, free].tocsc(), -(stiff[free][:, known] @ moves))
    return offset


def _mirror(head: Head, matrix: sp.csr_matrix, quads: np.ndarray) -> np.ndarray:
    """Counterpart of each fine vertex, found on an exactly symmetric mesh, part by part."""
    base = matrix @ head.topology.base
    mirror = np.full(len(base), -1)
    for part in PARTS:
        twin = {"eye_left": "eye_right", "eye_right": "eye_left"}.get(part, part)
        here, there = (
            np.unique(quads[slice(*(4 * k for k in head.topology.parts[name]))]) for name in (part, twin)
        )
        distance, index = cKDTree(base[there]).query(base[here] * FLIP)
        if distance.max() > 1e-3:
            raise ValueError(f"{part} is not symmetric: {distance.max():.4f} mm")
        mirror[here] = there[index]
    return mirror
