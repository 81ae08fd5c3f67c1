from __future__ import annotations

import numpy as np

from headshot.geometry.borders import border_lines


def test_a_tube_has_two_borders_and_a_ball_none() -> None:
    around, up = 7, 4
    row, column = (a.ravel() for a in np.mgrid[: up - 1, :around])
    a, b = row * around + column, row * around + (column + 1) % around
    c, d = a + around, b + around
    tube = np.concatenate([np.stack([a, b, d], axis=1), np.stack([a, d, c], axis=1)]).astype(np.int32)
    lines = border_lines(tube)
    assert sorted(len(line) for line in lines) == [around, around]
    low, high = sorted(lines, key=min)
    assert set(low.tolist()) == set(range(around))
    assert set(high.tolist()) == set(range((up - 1) * around, up * around))
    # Both in the direction of their triangles.
    assert ((np.roll(low, -1) - low) % around == 1).all()
    assert ((high - np.roll(high, -1)) % around == 1).all()
    tetrahedron = np.array([[0, 1, 2], [0, 2, 3], [0, 3, 1], [1, 3, 2]], np.int32)
    assert border_lines(tetrahedron) == []
    assert border_lines(np.zeros((0, 3), np.int32)) == []
