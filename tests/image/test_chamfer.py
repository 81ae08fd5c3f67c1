"""Distances on a grid."""

from __future__ import annotations

import numpy as np

from headshot.image.chamfer import spread_distances


def test_distances_to_one_cell() -> None:
    out = np.full((9, 12), 1e6, np.float32)
    out[3, 5] = 0
    spread_distances(out, 2.0)
    down, right = (np.abs(np.arange(n) - k) for n, k in ((9, 3), (12, 5)))
    few, many = np.minimum(down[:, None], right), np.maximum(down[:, None], right)
    np.testing.assert_allclose(out, 2 * (many - few + few * 4 / 3), rtol=1e-6)
