"""One Gauss-Newton step of a person seen in several views, with expression weights in bounds.

The Hessian is an arrow: views depend on the person and not on each other. What only one view depends on is
eliminated first (Schur complement; Triggs et al., "Bundle adjustment: a modern synthesis", 2000, section
6.1), the person last. Bounds by an active set (Bertsekas, "Projected Newton methods", 1982).

Dimension letters: P parameters of the person, Q of a view, E expressions, N views.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from headshot.arrays import Array, Mask
from headshot.fitting.normal import Elimination

_ROUNDS = 20  # of the active set, at most
_PUSH = 1e-9  # slope beyond which a bound is left


@dataclass(frozen=True, eq=False)
class ViewSystem:
    """Equations H step = g of the person and one view; the person's own prior is not in them.

    Attributes:
        hessian: (P + Q, P + Q), the person's parameters first, weights with bounds last.
        gradient: (P + Q,), downhill.
        bounded: (E,) present values of the last parameters of the view, to stay between ``low`` and ``high``.
        low, high: bounds of all of them, or (E,) of each; infinite ones do not bind.
    """

    hessian: Array
    gradient: Array
    bounded: Array
    low: float | Array = 0.0
    high: float | Array = 1.0


def arrow_step(hessian: Array, gradient: Array, views: Sequence[ViewSystem]) -> tuple[Array, list[Array]]:
    """Minimise d'Hd / 2 - g'd over the person and all views, weights in their bounds.

    Args:
        hessian: (P, P) of what is known of the person besides the views.
        gradient: (P,) likewise.
        views: their equations.

    Returns:
        the step of the person (P,), and of each view (Q,).
    """
    people = len(gradient)
    if len(views) == 1:  # nothing is shared: the person is one more part of the view
        only = views[0]
        whole, right = only.hessian.copy(), only.gradient.copy()
        whole[:people, :people] += hessian
        right[:people] += gradient
        _, (step,) = _bounded(
            np.zeros((0, 0)), np.zeros(0), [_Reduced(replace(only, hessian=whole, gradient=right), 0)]
        )
        return step[:people], [step[people:]]
    return _bounded(hessian, gradient, [_Reduced(view, people) for view in views])


class _Reduced:
    """A view without the parameters that nothing bounds and nobody shares."""

    def __init__(self, system: ViewSystem, shared: int) -> None:
        size, self.shared, self.bounds = len(system.gradient), shared, len(system.bounded)
        self.low, self.high = system.low - system.bounded, system.high - system.bounded
        first = size - self.bounds
        # Shared, bounded, then the rest.
        self._order = np.r_[0:shared, first:size, shared:first]
        self._elimination = Elimination(
            system.hessian[np.ix_(self._order, self._order)], system.gradient[self._order],
            shared + self.bounds,
        )  # fmt: skip
        self.matrix, self.right = self._elimination.matrix, self._elimination.right
        self.free: Mask = np.ones(self.bounds, bool)
        self.step: Array = np.zeros(self.bounds)

    def seen(self) -> tuple[Array, Array]:
        """The view's equations of the shared parameters: its free weights eliminated, the others fixed."""
        p = self.shared
        free, fixed = p + np.flatnonzero(self.free), p + np.flatnonzero(~self.free)
        order = np.r_[0:p, free]
        right = self.right[order] - self.matrix[np.ix_(order, fixed)] @ self.step[~self.free]
        self._weights = Elimination(self.matrix[np.ix_(order, order)], right, p)
        return self._weights.matrix, self._weights.right

    def follow(self, person: Array) -> bool:
        """Let free weights follow the shared ones; whether any had to be stopped at its bound."""
        self.step[self.free] = self._weights.complete(person)[self.shared :]
        outside = self.free & ((self.step < self.low) | (self.step > self.high))
        self.step = np.clip(self.step, self.low, self.high)
        self.free &= ~outside
        return bool(outside.any())

    def release(self, person: Array) -> bool:
        """Free the weights whose slope does not push against their bound (Karush-Kuhn-Tucker)."""
        p = self.shared
        slope = self.right[p:] - self.matrix[p:] @ np.concatenate([person, self.step])
        inwards = ~self.free & np.where(self.step <= self.low, slope > _PUSH, slope < -_PUSH)
        self.free |= inwards
        return bool(inwards.any())

    def complete(self, person: Array) -> Array:
        """The step of everything but the shared parameters, in the order of the view."""
        ordered = self._elimination.complete(np.concatenate([person, self.step]))
        out = np.empty_like(ordered)
        out[self._order] = ordered
        return out[self.shared :]


def _bounded(hessian: Array, gradient: Array, views: list[_Reduced]) -> tuple[Array, list[Array]]:
    person: Array = np.zeros(len(gradient))
    for _ in range(_ROUNDS):
        whole, right = hessian.copy(), gradient.copy()
        for view in views:
            matrix, part = view.seen()
            whole += matrix
            right += part
        person = Elimination(whole, right, 0).complete(np.zeros(0))
        stopped = [view.follow(person) for view in views]
        if any(stopped):
            continue
        released = [view.release(person) for view in views]
        if not any(released):
            break
    return person, [view.complete(person) for view in views]
