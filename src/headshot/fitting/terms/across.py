"""Distances across a line: of points in a photo from a line on the head that is no fixed part of the skin.

How far along the line a point lies carries no information.

Dimension letters: C points, P = 7 + identity modes + expressions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headshot.arrays import Array
from headshot.fitting.normal import normal_equations
from headshot.fitting.parameters import PersonState, ViewState
from headshot.fitting.projection import geometry_columns, linearised
from headshot.fitting.terms import LocatedTerm, SeenContour, TermEquations
from headshot.models.head_model import PointModel


@dataclass(frozen=True, eq=False)
class AcrossTerm:
    """Distances between points in a photo and the places of a line that the head has in some state.

    Attributes:
        seen: what the photo shows of the line.
        model: the head model at the C places.
        points: (C, 2) pixels where the photo shows the line.
        across: (C, 2) unit vectors across the line, in the picture.
        deviation: (C,) standard deviation across the line, pixels; infinite leaves a point out.
        share: (C,) how many measurements each point counts as.
        outlier: residuals beyond about this many standard deviations lose their influence.
    """

    seen: SeenContour
    model: PointModel
    points: Array
    across: Array
    deviation: Array
    share: Array
    outlier: float

    def located(self, person: PersonState, view: ViewState) -> LocatedTerm:
        """The term at the places that the line has in this state."""
        return self.seen.at(person, view)

    def equations(self, person: PersonState, view: ViewState) -> TermEquations:
        """Normal equations of pose, identity and expression."""
        projected, slopes = linearised(self.model, person.identity, view.expression, view.camera)
        residual = self._residual(projected)
        root = np.sqrt(self.share) / (self.deviation * (1 + self._squared(residual)))
        across = np.einsum("pcd,cd->pc", slopes, self.across)
        hessian, gradient = normal_equations(across * root, residual * root)
        return TermEquations(geometry_columns(person, view), hessian, gradient)

    def cost(self, person: PersonState, view: ViewState) -> float:
        """Robust squared residuals across the line (Geman and McClure)."""
        shape = self.model.positions(person.identity, view.expression)
        t2 = self._squared(self._residual(view.camera.project(shape)))
        return self.outlier**2 * float((self.share * t2 / (1 + t2)).sum())

    def _residual(self, projected: Array) -> Array:
        """(C,) pixels across the line, photo minus projection (C, 2)."""
        return np.asarray(((self.points - projected) * self.across).sum(axis=1))

    def _squared(self, residual: Array) -> Array:
        return np.asarray((residual / (self.deviation * self.outlier)) ** 2)
