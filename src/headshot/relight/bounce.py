"""Light that a surface gets from another, once reflected: below the chin, beside the nose, in the mouth.

Dimension letters: V vertices, F triangles, D directions.
"""

from __future__ import annotations

import numpy as np

from headshot.arrays import F32, I32
from headshot.geometry.rays import BoundingVolumes, closest
from headshot.geometry.rays.directions import even_directions

_DIRECTIONS = 96  # over all of the sphere, half of which a vertex sees


def bounced(
    points: F32,
    normals: F32,
    triangles: I32,
    reflected: F32,
    volumes: BoundingVolumes,
    threads: int,
) -> F32:
    """Irradiance (V, 3) of vertices by light that other parts of the mesh reflect.

    Args:
        points: (V, 3) a little above the vertices; normals: (V, 3) unit.
        triangles: (F, 3) of the mesh.
        reflected: (V, 3) irradiance times albedo of each vertex.
        volumes: of the mesh.
        threads: among which rays are shared.
    """
    directions = even_directions(_DIRECTIONS)
    cosine = normals @ directions.T
    vertex, direction = np.nonzero(cosine > 0)
    hits = closest(volumes, points[vertex], directions[direction], threads=threads).triangle
    met = hits >= 0
    vertex, direction, hits = vertex[met], direction[met], hits[met]
    # The integral of radiance times cosine, in units of pi; a matte surface sends what it reflects.
    share = cosine[vertex, direction] * np.float32(4 / _DIRECTIONS)
    corners = triangles[hits]
    outside = _faces(points, triangles)[hits]
    share *= (outside * directions[direction]).sum(axis=1) < 0  # backs of surfaces are dark
    out = np.empty((len(points), 3), np.float32)
    for c in range(3):
        sent = reflected[corners, c].mean(axis=1) * share
        out[:, c] = np.bincount(vertex, sent, len(points))
    return out


def _faces(points: F32, triangles: I32) -> F32:
    a, b, c = (points[triangles[:, k]] for k in range(3))
    normals: F32 = np.cross(b - a, c - a)
    return normals
