"""Residual terms of a fit, one a module.

A term knows its residuals and their derivatives by a person and a view, and nothing else. It hands over
normal equations rather than residuals, because most terms weight, correlate or project them first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from headshot.arrays import Array, Index
from headshot.fitting.parameters import PersonState, ViewState


@dataclass(frozen=True, eq=False)
class TermEquations:
    """Gauss-Newton equations of a term: H step = g.

    Attributes:
        columns: (P,) entries of the local vector (`headshot.fitting.parameters.Layout`) that it depends on.
        hessian: (P, P).
        gradient: (P,), downhill.
    """

    columns: Index
    hessian: Array
    gradient: Array

    def add_to(self, hessian: Array, gradient: Array) -> None:
        """Add the equations to those in all entries of the local vector, in place."""
        hessian[np.ix_(self.columns, self.columns)] += self.hessian
        gradient[self.columns] += self.gradient


class Term(Protocol):
    """What a fit needs of a term."""

    def equations(self, person: PersonState, view: ViewState) -> TermEquations:
        """Normal equations at a state, robust weights held fixed."""

    def cost(self, person: PersonState, view: ViewState) -> float:
        """Twice the negative logarithm of the likelihood, up to a constant: what `equations` descends."""


class LocatedTerm(Term, Protocol):
    """A term at points whose place on the head depends on what of it is seen, as that of an outline does.

    A step that lowers the cost by its slope must not be judged by another choice of points, so they stay
    where they are until `located` finds them anew, before the next step.
    """

    def located(self, person: PersonState, view: ViewState) -> LocatedTerm:
        """The term with its points where they are in this state."""


class SeenContour(Protocol):
    """The outline of a face in a photo."""

    def at(self, person: PersonState, view: ViewState) -> LocatedTerm:
        """The term with the outline of the head in this state."""
