"""Screened Poisson equations on the skin's graph, by conjugate gradients.

Minimising sum_s w_s (x_s - d_s)^2 + sum_(s,m) (x_s - x_m - g_sm)^2 over the vertices s and the edges (s, m)
of the surface (Perez, Gangnet and Blake, "Poisson Image Editing", SIGGRAPH 2003, eq. 3, on a graph and with
soft constraints) gives a field x that keeps data d where their weight w is large and follows gradients g
elsewhere. Without gradients it is smoothing: over a length of sigma mm for w = area / sigma^2.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from headshot.arrays import F32, I32
from headshot.kernels import njit


class System(NamedTuple):
    """A symmetric positive definite matrix diag(diagonal) - A on the graph of the skin.

    Attributes:
        start, neighbour: (S + 1,), (E,) edges as in `headshot.texture.surface.Surface`.
        links: (S,) factors; the edge (s, m) has the weight A_sm = links_s * links_m.
        diagonal: (S,) sums of the weights of the edges and of the data.
    """

    start: I32
    neighbour: I32
    links: F32
    diagonal: F32


@njit(cache=True, nogil=True, error_model="numpy")
def _apply(system: System, x: F32, out: F32) -> None:
    """out = (diag(diagonal) - A) x for x (S, 3)."""
    start, neighbour, links, diagonal = system
    for s in range(x.shape[0]):
        red, green, blue = diagonal[s] * x[s, 0], diagonal[s] * x[s, 1], diagonal[s] * x[s, 2]
        for e in range(start[s], start[s + 1]):
            m = neighbour[e]
            link = links[s] * links[m]
            red -= link * x[m, 0]
            green -= link * x[m, 1]
            blue -= link * x[m, 2]
        out[s, 0], out[s, 1], out[s, 2] = red, green, blue


@njit(cache=True, nogil=True, error_model="numpy")
def solve(system: System, right: F32, x: F32, iterations: int) -> None:
    """Solve (diag(diagonal) - A) x = right by preconditioned conjugate gradients, starting from x.

    The three channels share one step length: their systems have the same matrix.

    Args:
        system: the matrix.
        right: (S, 3).
        x: (S, 3), filled.
        iterations: a fixed number, so that the same input gives the same bytes.
    """
    n, diagonal = x.shape[0], system.diagonal
    r, p, q = np.empty_like(x), np.empty_like(x), np.empty_like(x)
    _apply(system, x, r)
    rho = 0.0
    for s in range(n):
        inverse = 1 / diagonal[s]
        for c in range(3):
            r[s, c] = right[s, c] - r[s, c]
            p[s, c] = r[s, c] * inverse
            rho += r[s, c] * p[s, c]
    for _ in range(iterations):
        _apply(system, p, q)
        sigma = 1e-30
        for s in range(n):
            sigma += p[s, 0] * q[s, 0] + p[s, 1] * q[s, 1] + p[s, 2] * q[s, 2]
        step = np.float32(rho / sigma)
        before, rho = max(rho, 1e-30), 0.0
        for s in range(n):
            inverse = 1 / diagonal[s]
            for c in range(3):
                x[s, c] += step * p[s, c]
                r[s, c] -= step * q[s, c]
                rho += r[s, c] * r[s, c] * inverse
        turn = np.float32(rho / before)
        for s in range(n):
            inverse = 1 / diagonal[s]
            for c in range(3):
                p[s, c] = r[s, c] * inverse + turn * p[s, c]
