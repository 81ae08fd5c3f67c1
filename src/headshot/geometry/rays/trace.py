"""Queries of rays against a mesh."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from headshot.arrays import F32, I32, Mask, ReadOnly, all_finite, read_only_view
from headshot.geometry.raster.batch import for_each
from headshot.geometry.rays.bvh import BoundingVolumes
from headshot.geometry.rays.kernels import fill_closest, fill_occluded

_PIECE = 16_384  # rays that a thread takes at once


@dataclass(frozen=True, eq=False, repr=False)
class Hits(ReadOnly):
    """What rays hit first.

    Attributes:
        triangle: (R,) index into the mesh's triangles, -1 where a ray hits nothing.
        distance: (R,) multiple of the ray's direction; infinite where it hits nothing.
    """

    triangle: I32
    distance: F32


def closest(
    volumes: BoundingVolumes,
    origins: ArrayLike,
    directions: ArrayLike,
    *,
    near: ArrayLike = 0.0,
    far: ArrayLike = np.inf,
    threads: int = 1,
) -> Hits:
    """The first triangle that each ray hits.

    Args:
        volumes: of the mesh, see `headshot.geometry.rays.build`.
        origins: (R, 3) where rays start, or (3,) for all.
        directions: (R, 3) or (3,), of any length but 0; distances are multiples of it.
        near, far: between which distances, each (R,) or one for all. A ray from a surface finds that surface
            at distance 0: start it a little above.
        threads: among which rays are shared.

    Raises:
        ValueError: shapes do not match, or a number is not finite (``far`` may be infinite).
    """
    start, way, low, high = _rays(origins, directions, near, far)
    hit, distance = np.empty(len(way), np.int32), np.empty(len(way), np.float32)
    tree = (volumes.boxes, volumes.children, volumes.corners, volumes.triangle)
    _in_pieces(
        len(way),
        threads,
        lambda part: fill_closest(
            *tree, start[part], way[part], low[part], high[part], hit[part], distance[part]
        ),
    )
    return Hits(hit, distance)


def occluded(
    volumes: BoundingVolumes,
    origins: ArrayLike,
    directions: ArrayLike,
    *,
    near: ArrayLike = 0.0,
    far: ArrayLike = np.inf,
    threads: int = 1,
) -> Mask:
    """Whether each ray hits anything (R,), which is faster than what it hits; arguments as of `closest`."""
    start, way, low, high = _rays(origins, directions, near, far)
    out = np.empty(len(way), np.bool_)
    tree = (volumes.boxes, volumes.children, volumes.corners)
    _in_pieces(
        len(way),
        threads,
        lambda part: fill_occluded(*tree, start[part], way[part], low[part], high[part], out[part]),
    )
    return out


def visible(
    volumes: BoundingVolumes,
    points: ArrayLike,
    normals: ArrayLike,
    directions: ArrayLike,
    *,
    threads: int = 1,
) -> Mask:
    """In which directions each point sees out of the mesh, (P, D).

    Args:
        volumes: of the mesh.
        points: (P, 3) a little above the surface.
        normals: (P, 3); directions at or below the horizon of a point are not visible.
        directions: (D, 3), the same for all points.
        threads: among which rays are shared.

    Raises:
        ValueError: shapes do not match, or a number is not finite.
    """
    start, facing = _vectors("points", points), _vectors("normals", normals)
    way = _vectors("directions", directions)
    if start.shape != facing.shape:
        raise ValueError(f"points {start.shape} and normals {facing.shape} must have one shape")
    out = np.zeros((len(start), len(way)), np.bool_)
    point, direction = np.nonzero(facing @ way.T > 0)
    out[point, direction] = ~occluded(volumes, start[point], way[direction], threads=threads)
    return out


def _in_pieces(count: int, threads: int, fill: Callable[[slice], None]) -> None:
    if threads < 1:
        raise ValueError(f"at least one thread is needed, got {threads}")
    size = min(_PIECE, max(16, -(-count // (16 * threads)) * 16)) if count else 1
    for_each(lambda n: fill(slice(n * size, min((n + 1) * size, count))), -(-count // size), threads)


def _vectors(name: str, values: ArrayLike) -> F32:
    found = np.ascontiguousarray(values, np.float32)
    if found.ndim != 2 or found.shape[1] != 3 or not all_finite(found):
        raise ValueError(f"{name} must be finite numbers of shape (N, 3), got {found.shape}")
    return found


def _rays(
    origins: ArrayLike, directions: ArrayLike, near: ArrayLike, far: ArrayLike
) -> tuple[F32, F32, F32, F32]:
    """The four as arrays of R rows, which kernels cannot write to."""
    start, way = (np.atleast_2d(np.asarray(values, np.float32)) for values in (origins, directions))
    count = max(len(start), len(way)) if len(start) and len(way) else 0
    out = []
    for name, values, shape in (
        ("origins", start, (count, 3)),
        ("directions", way, (count, 3)),
        ("near", np.asarray(near, np.float32), (count,)),
        ("far", np.asarray(far, np.float32), (count,)),
    ):
        try:
            rows = np.ascontiguousarray(np.broadcast_to(values, shape))
        except ValueError:
            raise ValueError(
                f"{name} must have shape {shape} or be one for all, got {values.shape}"
            ) from None
        if np.isnan(rows).any() or (name != "far" and not all_finite(rows)):
            raise ValueError(f"{name} has a number that is not finite")
        out.append(read_only_view(rows))
    if not np.abs(out[1]).max(axis=1, initial=0).all():
        raise ValueError("a direction is 0")
    return out[0], out[1], out[2], out[3]
