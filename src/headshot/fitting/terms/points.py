"""A set of points with independent noise: those of a network that predicts the standard deviation of each.

Dimension letters: I identity modes, L points, E expressions, P = 7 + I + E.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headshot.arrays import Array, Mask
from headshot.fitting.normal import normal_equations
from headshot.fitting.parameters import PersonState, ViewState
from headshot.fitting.projection import geometry_columns, linearised
from headshot.fitting.terms import TermEquations
from headshot.models.protocol import SurfacePoints


@dataclass(frozen=True, eq=False)
class PointTerm:
    """Points in the photo.

    Attributes:
        points: (L, 2) pixels; what is not finite is left out.
        deviation: (L,) standard deviation of each, independent of the others, pixels; infinite leaves it out.
        model: the head model at these points.
        outlier: residuals beyond about this many standard deviations lose their influence.
    """

    points: Array
    deviation: Array
    model: SurfacePoints
    outlier: float = 3.0

    def __post_init__(self) -> None:
        count = len(self.model.mean)
        if self.points.shape != (count, 2) or self.deviation.shape != (count,):
            raise ValueError(
                f"expected points ({count}, 2) and deviation ({count},), "
                f"got {self.points.shape} and {self.deviation.shape}"
            )
        if not (self.deviation > 0).all():
            raise ValueError("every deviation must be greater than 0")

    def residual(self, projected: Array) -> Array:
        """Points minus those projected (L, 2); 0 where there is no point."""
        return np.where(np.isfinite(self.points), self.points - projected, 0.0)

    def weights(self, residual: Array) -> Array:
        """(L,) inverse variances, lowered by Geman and McClure's robust weight."""
        return self._known() / (self.deviation * (1 + self._squared(residual))) ** 2

    def equations(self, person: PersonState, view: ViewState) -> TermEquations:
        """Normal equations of pose, identity and expression."""
        seen, jacobian = linearised(self.model, person.identity, view.expression, view.camera)
        residual = self.residual(seen)
        root = np.sqrt(self.weights(residual))[:, None]
        hessian, gradient = normal_equations(
            (jacobian * root).reshape(len(jacobian), -1), (residual * root).ravel()
        )
        return TermEquations(geometry_columns(person, view), hessian, gradient)

    def cost(self, person: PersonState, view: ViewState) -> float:
        """Robust squared residuals."""
        shape = self.model.positions(person.identity, view.expression)
        t2 = self._squared(self.residual(view.camera.project(shape)))
        return self.outlier**2 * float(self._known() @ (t2 / (1 + t2)))

    def _known(self) -> Mask:
        return np.asarray(np.isfinite(self.points).all(axis=1))

    def _squared(self, residual: Array) -> Array:
        """(L,) in units of ``outlier`` standard deviations; 0 of points that are left out."""
        return np.asarray((residual**2).sum(axis=1) / (self.deviation * self.outlier) ** 2)
