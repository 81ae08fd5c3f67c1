"""Outlines: their distances, and how one is drawn onto another."""

from __future__ import annotations

import numpy as np
import pytest

from headshot.arrays import F32
from headshot.hair.outline import REACH, SPREADS, shifts, signed_distance

SIZE = 64


def disc(radius: float, x: float = 32, y: float = 32) -> F32:
    """Share of each cell that a disc covers."""
    fine = (np.arange(4 * SIZE) + 0.5) / 4
    inside = (fine[:, None] - y) ** 2 + (fine - x) ** 2 < radius**2
    return inside.reshape(SIZE, 4, SIZE, 4).mean(axis=(1, 3)).astype(np.float32)


def distance(share: F32) -> F32:
    out = np.empty_like(share)
    signed_distance(share, out)
    return out


def test_distances_are_those_from_the_outline() -> None:
    rows, columns = np.mgrid[:SIZE, :SIZE] + 0.5
    true = 15 - np.hypot(rows - 32, columns - 32)
    found = distance(disc(15))
    near = np.abs(true) < 5
    assert np.abs(found - true)[near].max() < 0.6  # a chamfer distance errs by 8 %
    assert (np.sign(found) == np.sign(true))[np.abs(true) > 0.7].all()
    assert found.max() == REACH and found.min() == -REACH


@pytest.mark.parametrize(("radius", "x"), [(15, 36), (19, 32), (12, 30)])
def test_an_outline_is_drawn_onto_another(radius: float, x: float) -> None:
    style, photo = distance(disc(15)), distance(disc(radius, x))
    found = np.zeros((SIZE, SIZE, 2), np.float32)
    shifts(style[None], photo[None], np.ones((1, SIZE, SIZE), np.float32), SPREADS, found)
    edge = np.argwhere(np.abs(style) < 0.5)
    moved = edge + 0.5 + found[edge[:, 0], edge[:, 1]]
    off = np.hypot(moved[:, 0] - 32, moved[:, 1] - x) - radius
    before = np.hypot(edge[:, 0] + 0.5 - 32, edge[:, 1] + 0.5 - x) - radius
    assert np.abs(off).mean() < 0.45 < 1.5 < np.abs(before).mean()


def test_nothing_moves_where_the_photo_tells_nothing() -> None:
    found = np.zeros((SIZE, SIZE, 2), np.float32)
    weights = np.zeros((1, SIZE, SIZE), np.float32)
    shifts(distance(disc(15))[None], distance(disc(19))[None], weights, SPREADS, found)
    assert not found.any()
