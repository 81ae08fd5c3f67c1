"""Normal equations of Gauss-Newton, J'J and J'r, and their solution, by kernels of our own.

BLAS and LAPACK would do, but their threads wait for each other where other programs keep the cores busy, and
then take many times as long. One thread that computes one half only is as fast as they are with one thread
(``python benchmarks/normal_equations.py``), which a library cannot rely on having.

Dimension letters: P parameters, N equations.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headshot.arrays import F32, Array
from headshot.kernels import njit

BLOCK = 240  # equations that stay in the processor's cache
_TILE = 4  # columns that are multiplied with each other at once


# Reassociated sums become vector instructions; which ones depends on the processor, not on the run.
@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract", "reassoc"})
def _add_products(columns: F32, out: Array) -> None:
    """Add the products of all pairs of columns (P, N), P a multiple of 4, to the upper half of out (P, P)."""
    count, n = columns.shape
    for i in range(0, count, 4):
        a0, a1, a2, a3 = columns[i], columns[i + 1], columns[i + 2], columns[i + 3]
        for j in range(i, count, 4):
            b0, b1, b2, b3 = columns[j], columns[j + 1], columns[j + 2], columns[j + 3]
            s00 = s01 = s02 = s03 = s10 = s11 = s12 = s13 = np.float32(0)
            s20 = s21 = s22 = s23 = s30 = s31 = s32 = s33 = np.float32(0)
            for r in range(n):
                x0, x1, x2, x3 = a0[r], a1[r], a2[r], a3[r]
                y0, y1, y2, y3 = b0[r], b1[r], b2[r], b3[r]
                s00, s01, s02, s03 = s00 + x0 * y0, s01 + x0 * y1, s02 + x0 * y2, s03 + x0 * y3
                s10, s11, s12, s13 = s10 + x1 * y0, s11 + x1 * y1, s12 + x1 * y2, s13 + x1 * y3
                s20, s21, s22, s23 = s20 + x2 * y0, s21 + x2 * y1, s22 + x2 * y2, s23 + x2 * y3
                s30, s31, s32, s33 = s30 + x3 * y0, s31 + x3 * y1, s32 + x3 * y2, s33 + x3 * y3
            out[i, j] += s00
            out[i, j + 1] += s01
            out[i, j + 2] += s02
            out[i, j + 3] += s03
            out[i + 1, j] += s10
            out[i + 1, j + 1] += s11
            out[i + 1, j + 2] += s12
            out[i + 1, j + 3] += s13
            out[i + 2, j] += s20
            out[i + 2, j + 1] += s21
            out[i + 2, j + 2] += s22
            out[i + 2, j + 3] += s23
            out[i + 3, j] += s30
            out[i + 3, j + 1] += s31
            out[i + 3, j + 2] += s32
            out[i + 3, j + 3] += s33


class NormalEquations:
    """Sums of the products of equations that come in blocks."""

    def __init__(self, parameters: int) -> None:
        size = -(-(parameters + 1) // _TILE) * _TILE
        self.parameters = parameters
        self.products: Array = np.zeros((size, size))  # the residual is one column more

    def add(self, jacobian: NDArray[np.floating], residual: NDArray[np.floating]) -> None:
        """Add equations: a Jacobian (P, N), one row a parameter, and their residual (N,)."""
        for first in range(0, len(residual), BLOCK):
            use = slice(first, first + BLOCK)
            columns = np.zeros((len(self.products), len(residual[use])), np.float32)
            columns[: self.parameters], columns[self.parameters] = jacobian[:, use], residual[use]
            _add_products(columns, self.products)

    def result(self) -> tuple[Array, Array]:
        """J J' (P, P) and J r (P,)."""
        p = self.parameters
        upper = self.products[:p, :p]
        return np.triu(upper) + np.triu(upper, 1).T, self.products[:p, p].copy()


def normal_equations(jacobian: NDArray[np.floating], residual: NDArray[np.floating]) -> tuple[Array, Array]:
    """J J' (P, P) and J r (P,) of a Jacobian (P, N), one row a parameter, and a residual (N,)."""
    sums = NormalEquations(len(jacobian))
    sums.add(jacobian, residual)
    return sums.result()


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def _eliminate(lower: Array, right: Array, keep: int) -> None:
    """Eliminate the last unknowns, down to ``keep``; of the definite system the lower half counts."""
    for k in range(len(right) - 1, keep - 1, -1):
        last = lower[k]
        for i in range(k):
            factor, row = last[i] / last[k], lower[i]
            for j in range(i + 1):
                row[j] -= factor * last[j]
            right[i] -= factor * right[k]


class Elimination:
    """A positive definite system (P, P) without its last unknowns, which follow from the others.

    Attributes:
        matrix: (keep, keep), symmetric: the Schur complement.
        right: (keep,).
    """

    def __init__(self, matrix: Array, right: Array, keep: int) -> None:
        self._lower, self._right, self._keep = matrix.copy(), right.copy(), keep
        _eliminate(self._lower, self._right, keep)
        half = np.tril(self._lower[:keep, :keep])
        self.matrix: Array = half + np.tril(half, -1).T
        self.right: Array = self._right[:keep]

    def complete(self, kept: Array) -> Array:
        """All unknowns (P,) from those kept (keep,)."""
        out = np.concatenate([kept, np.zeros(len(self._right) - self._keep)])
        for k in range(self._keep, len(out)):
            row = self._lower[k]
            out[k] = (self._right[k] - (row[:k] * out[:k]).sum()) / row[k]
        return out


def solve(matrix: Array, right: Array) -> Array:
    """The solution (P,) of a positive definite system."""
    return Elimination(matrix, right, 0).complete(np.zeros(0))
