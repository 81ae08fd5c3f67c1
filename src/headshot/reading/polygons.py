"""Polygons of mesh files as triangles."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headshot.arrays import Index
from headshot.reading.bounds import MESH_TRIANGLES, require_at_most


def fan(corners: NDArray[np.integer], sizes: NDArray[np.integer]) -> Index:
    """Triangles (F, 3) of polygons around their first corner.

    Args:
        corners: (C,) of all polygons, one after the other.
        sizes: (P,) so many corners of each.

    Raises:
        ValueError: a polygon has fewer than three corners, or there are too many triangles.
    """
    if not len(sizes):
        return np.zeros((0, 3), np.int64)
    if sizes.min() < 3:
        raise ValueError(f"polygon {int(sizes.argmin()) + 1} has {sizes.min()} corners")
    count = sizes.astype(np.int64) - 2
    require_at_most(MESH_TRIANGLES, triangles=int(count.sum()))
    if (count == 1).all():
        return corners.astype(np.int64, copy=False).reshape(-1, 3)
    first = np.repeat(np.cumsum(sizes, dtype=np.int64) - sizes, count)
    out = np.empty((len(first), 3), np.int64)
    out[:, 0] = corners[first]
    first += np.arange(len(first)) - np.repeat(np.cumsum(count) - count, count)
    out[:, 1], out[:, 2] = corners[first + 1], corners[first + 2]
    return out
