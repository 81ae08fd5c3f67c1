"""Directions spread evenly over the sphere."""

from __future__ import annotations

import numpy as np

from headshot.arrays import F32, Array, Index


def even_directions(count: int) -> F32:
    """Unit vectors (D, 3), each for the same share of the sphere; neighbours there are so in the array.

    A spiral with the golden angle between its points (Swinbank and Purser, "Fibonacci grids: A novel approach
    to global modelling", Quarterly Journal of the Royal Meteorological Society 2006), put in the order of a
    k-d tree, so that packets of rays stay together.

    Raises:
        ValueError: ``count`` is less than 1.
    """
    if count < 1:
        raise ValueError(f"at least one direction is needed, got {count}")
    n = np.arange(count)
    height = 1 - (2 * n + 1) / count
    around = np.pi * (3 - np.sqrt(5)) * n
    radius = np.sqrt(1 - height**2)
    points = np.stack([radius * np.cos(around), height, radius * np.sin(around)], axis=1)
    return points[_in_order(points, n.astype(np.int64))].astype(np.float32)


def _in_order(points: Array, rows: Index) -> Index:
    """Rows by halves along the longest side of their box, and so on."""
    if len(rows) <= 2:
        return rows
    axis = int(np.ptp(points[rows], axis=0).argmax())
    rows = rows[np.argsort(points[rows, axis], kind="stable")]
    half = len(rows) // 2
    return np.concatenate([_in_order(points, rows[:half]), _in_order(points, rows[half:])])
