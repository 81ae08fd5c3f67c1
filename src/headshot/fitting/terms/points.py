"""What is known of a face besides its landmarks: a guess of the identity, a second set of points,
distances between points (`headshot.fitting.terms.distances`), and the outline
(`headshot.fitting.terms.contour`).

The first two are for networks that say how sure they are (`headshot.perception.landmarks.in_house`). The
guess takes the place of the prior N(0, I); the points stand beside the landmarks, with noise of their own. A
network errs at many points alike: as far as that was measured, it is taken into account as for the landmarks
(`headshot.fitting.landmark_noise`), but needs no more parameters, because the covariance
``diag(deviation^2) + sum_k common_k common_k'`` is inverted by Woodbury's identity.

Dimension letters: I identity modes, L points, K modes of common errors.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from headshot.arrays import Array
from headshot.fitting.normal import normal_equations
from headshot.fitting.terms.contour import Outline
from headshot.fitting.terms.distances import Gaps
from headshot.models.head_model import PointModel


@dataclass(frozen=True, eq=False)
class IdentityPrior:
    """A Gaussian over identity coefficients.

    Attributes:
        mean: (I,) standard deviations of the head model.
        precision: (I, I), or its diagonal (I,).
    """

    mean: Array
    precision: Array

    @staticmethod
    def standard(modes: int) -> IdentityPrior:
        """N(0, I): what people are like when nothing is known of this one."""
        return IdentityPrior(np.zeros(modes), np.ones(modes))

    @staticmethod
    def guess(mean: ArrayLike, deviation: ArrayLike) -> IdentityPrior:
        """A network's guess (I,) of people who are N(0, I), with the standard deviation (I,) of its errors.

        The guess is that of someone who knows how people are (the posterior mean): with errors as large as
        people differ (1) it says nothing and must be 0 itself.

        Raises:
            ValueError: shapes differ, or a deviation is not positive.
        """
        centre, spread = np.asarray(mean, np.float64), np.asarray(deviation, np.float64)
        if centre.shape != spread.shape or centre.ndim != 1:
            raise ValueError(f"mean and deviation must be (I,) both, got {centre.shape} and {spread.shape}")
        if not (np.isfinite(centre).all() and (spread > 0).all()):
            raise ValueError("the mean must be finite and every deviation greater than 0")
        return IdentityPrior(centre, spread**-2)

    def check(self, modes: int) -> None:
        """Raise ValueError unless this is a prior of so many modes."""
        if self.mean.shape != (modes,) or self.precision.shape not in ((modes,), (modes, modes)):
            raise ValueError(
                f"a prior of {modes} modes has a mean ({modes},) and a precision ({modes},) or "
                f"{(modes, modes)}, got {self.mean.shape} and {self.precision.shape}"
            )

    def pull(self, identity: Array) -> Array:
        """Precision times the way back to the mean (I,): the downhill gradient at identity (I,)."""
        way = self.mean - identity
        return self.precision * way if self.precision.ndim == 1 else self.precision @ way

    def add_to(self, hessian: Array) -> None:
        """Add the precision to the hessian (I, I) in place."""
        if self.precision.ndim == 1:
            hessian[np.diag_indices(len(hessian))] += self.precision
        else:
            hessian += self.precision

    def cost(self, identity: Array) -> float:
        """Squared distance of identity (I,) from the mean, in standard deviations."""
        return float((self.mean - identity) @ self.pull(identity))


@dataclass(frozen=True, eq=False)
class PointEvidence:
    """A second set of points in the photo.

    Attributes:
        points: (L, 2) pixels; what is not finite is left out.
        deviation: (L,) standard deviation of each, independent of the others, pixels; infinite leaves it out.
        common: (K, L, 2) errors of many points at once, pixels per standard deviation; K may be 0.
        model: the head model at these points; that of the landmarks when None.
        outlier: residuals beyond about this many standard deviations lose their influence.
    """

    points: Array
    deviation: Array
    common: Array = field(default_factory=lambda: np.zeros((0, 0, 2)))
    model: PointModel | None = None
    outlier: float = 3.0

    def check(self, count: int) -> None:
        """Raise ValueError unless this is evidence on so many points."""
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

    def equations(self, residual: Array, jacobian: Array) -> tuple[Array, Array]:
        """Hessian (P, P) and downhill gradient (P,).

        Args:
            residual: (L, 2), as `residual` gives it.
            jacobian: (P, L, 2) of the projection.
        """
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
        return hessian, gradient

    def cost(self, residual: Array) -> float:
        """Robust squared residuals: half of it is what `equations` descends.

        What errors in common explain is taken off with the robust weights as they are.
        """
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


@dataclass(frozen=True, eq=False)
class Evidence:
    """What a fit is told besides the landmarks.

    Attributes:
        identity: prior of the identity; N(0, I) when None.
        points: a second set of points, or None.
        gaps: distances between points, or None.
        outline: of the face, or None.
    """

    identity: IdentityPrior | None = None
    points: PointEvidence | None = None
    gaps: Gaps | None = None
    outline: Outline | None = None
