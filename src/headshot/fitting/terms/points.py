"""A set of points with noise of their own: those of a network that predicts the standard deviation of each.

A network errs at many points alike: as far as that was measured, it is taken into account as for the
landmarks (`headshot.fitting.landmark_noise`), but needs no more parameters, because the covariance
``diag(deviation^2) + sum_k common_k common_k'`` is inverted by Woodbury's identity.

Dimension letters: I identity modes, L points, K modes of common errors, P = 7 + I + E.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from headshot.arrays import Array
from headshot.fitting.normal import normal_equations
from headshot.fitting.parameters import PersonState, ViewState
from headshot.fitting.projection import geometry_columns, linearised
from headshot.fitting.terms import TermEquations
from headshot.models.head_model import PointModel


@dataclass(frozen=True, eq=False)
class PointTerm:
    """Points in the photo.

    Attributes:
        points: (L, 2) pixels; what is not finite is left out.
        deviation: (L,) standard deviation of each, independent of the others, pixels; infinite leaves it out.
        model: the head model at these points.
        common: (K, L, 2) errors of many points at once, pixels per standard deviation; K may be 0.
        outlier: residuals beyond about this many standard deviations lose their influence.
    """

    points: Array
    deviation: Array
    model: PointModel
    common: Array = field(default_factory=lambda: np.zeros((0, 0, 2)))
    outlier: float = 3.0

    def __post_init__(self) -> None:
        count = len(self.model.mean)
        common = self.common.shape in ((len(self.common), count, 2), (0, 0, 2))
        if self.points.shape != (count, 2) or self.deviation.shape != (count,) or not common:
            raise ValueError(
                f"expected points ({count}, 2), deviation ({count},) and common (K, {count}, 2), "
                f"got {self.points.shape}, {self.deviation.shape} and {self.common.shape}"
            )
        if not (self.deviation > 0).all():
            raise ValueError("every deviation must be greater than 0")

    def residual(self, projected: Array) -> Array:
        """Points minus those projected (L, 2); 0 where there is no point."""
        return np.where(np.isfinite(self.points), self.points - projected, 0.0)

    def weights(self, residual: Array) -> Array:
        """(L,) inverse variances, lowered by Geman and McClure's robust weight."""
        known = np.isfinite(self.points).all(axis=1)
        t2 = (residual**2).sum(axis=1) / (self._spread() * self.outlier) ** 2
        return known / (self.deviation * (1 + t2)) ** 2

    def equations(self, person: PersonState, view: ViewState) -> TermEquations:
        """Normal equations of pose, identity and expression."""
        seen, jacobian = linearised(self.model, person.identity, view.expression, view.camera)
        residual = self.residual(seen)
        root = np.sqrt(self.weights(residual))[:, None]
        flat = (jacobian * root).reshape(len(jacobian), -1)
        error = (residual * root).ravel()
        hessian, gradient = normal_equations(flat, error)
        if len(self.common):
            shared, inner = self._whitened(root)
            solved = np.linalg.solve(inner, np.column_stack([shared @ flat.T, shared @ error]))
            seen = flat @ shared.T
            hessian -= seen @ solved[:, :-1]
            gradient -= seen @ solved[:, -1]
        return TermEquations(geometry_columns(person, view), hessian, gradient)

    def cost(self, person: PersonState, view: ViewState) -> float:
        """Robust squared residuals.

        What errors in common explain is taken off with the weights as they are.
        """
        shape = self.model.positions(person.identity, view.expression)
        residual = self.residual(view.camera.project(shape))
        spread = self._spread() * self.outlier
        known = np.isfinite(self.points).all(axis=1)
        t2 = (residual**2).sum(axis=1) / spread**2
        known = known & np.isfinite(self.deviation)
        ratio = np.divide(spread, self.deviation, out=np.zeros_like(spread), where=known)
        total = float(ratio**2 @ (t2 / (1 + t2)))
        if len(self.common):
            root = np.sqrt(self.weights(residual))[:, None]
            shared, inner = self._whitened(root)
            seen = shared @ (residual * root).ravel()
            total -= float(seen @ np.linalg.solve(inner, seen))
        return total

    def _spread(self) -> Array:
        """(L,) standard deviation of a point's whole error along one axis, pixels."""
        if not len(self.common):
            return self.deviation
        return np.sqrt(self.deviation**2 + (self.common**2).sum(axis=(0, 2)) / 2)

    def _whitened(self, root: Array) -> tuple[Array, Array]:
        """Common errors over the independent ones (K, 2 L), and Woodbury's inner matrix (K, K)."""
        shared = (self.common * root).reshape(len(self.common), -1)
        return shared, np.eye(len(shared)) + shared @ shared.T
