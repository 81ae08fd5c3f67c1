"""The solver against a dense one."""

from __future__ import annotations

import numpy as np

from headshot.texture.poisson import System, solve


def test_solves_the_screened_poisson_equation_of_a_small_graph() -> None:
    rng = np.random.default_rng(4)
    n = 30
    near = np.triu(rng.uniform(size=(n, n)) < 0.2, 1)
    near = near | near.T
    start = np.concatenate([[0], np.cumsum(near.sum(axis=1))]).astype(np.int32)
    neighbour = np.concatenate([np.flatnonzero(row) for row in near]).astype(np.int32)
    links = rng.uniform(0.5, 1, n).astype(np.float32)
    edges = near * links[:, None] * links
    data = rng.uniform(0.1, 1, n).astype(np.float32)
    diagonal = (edges.sum(axis=1) + data).astype(np.float32)
    right = rng.normal(size=(n, 3)).astype(np.float32)
    x = np.zeros((n, 3), np.float32)
    solve(System(start, neighbour, links, diagonal), right, x, 60)
    np.testing.assert_allclose(x, np.linalg.solve(np.diag(diagonal) - edges, right), atol=2e-4)
