"""Quadratic steps that keep expression weights in [0, 1] (Bertsekas, "Projected Newton methods", 1982)."""

from __future__ import annotations

import numpy as np

from headshot.arrays import Array
from headshot.fitting.normal import Elimination


def bounded_step(hessian: Array, gradient: Array, expression: Array, first: int) -> Array:
    """Minimise d H d / 2 - g d with 0 <= expression + d <= 1 for the entries from ``first`` on.

    The free parameters are eliminated (Schur complement); an active-set method solves for the weights.
    """
    order = np.r_[first : len(gradient), 0:first]
    reduced = Elimination(hessian[np.ix_(order, order)], gradient[order], len(gradient) - first)
    schur, target = reduced.matrix, reduced.right
    low, high = -expression, 1.0 - expression
    step: Array = np.zeros(len(target))
    free = np.ones(len(target), bool)
    for _ in range(20):
        fixed = ~free
        rhs = target[free] - schur[np.ix_(free, fixed)] @ step[fixed]
        step[free] = np.linalg.solve(schur[np.ix_(free, free)], rhs)
        outside = free & ((step < low) | (step > high))
        step = np.clip(step, low, high)
        if outside.any():
            free &= ~outside
            continue
        # A bound is right only while the slope pushes against it (Karush-Kuhn-Tucker).
        slope = target - schur @ step
        inwards = ~free & np.where(step <= low, slope > 1e-9, slope < -1e-9)
        if not inwards.any():
            break
        free |= inwards
    return np.roll(reduced.complete(step), first)
