"""What is expected of a person and of a view before anything is seen.

Dimension letters: I identity modes, E expressions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from headshot.arrays import Array
from headshot.fitting.parameters import ViewState

_FIXED = 1e6  # precision of an identity that stays as it is


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
    def fixed(identity: Array) -> IdentityPrior:
        """Keeps the identity at (I,)."""
        return IdentityPrior(identity, np.full(len(identity), _FIXED))

    @staticmethod
    def predicted(mean: ArrayLike, deviation: ArrayLike) -> IdentityPrior:
        """A network's prediction (I,) for people who are N(0, I), and the standard deviation (I,) of its
        errors.

        The prediction is a posterior mean, which includes the distribution of people: with errors as large as
        people differ (1) it has no information and must be 0 itself.

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
class ViewPrior:
    """Gaussians over the focal length and the expression of a view.

    Attributes:
        log_focal, focal_spread: mean and standard deviation of the logarithm of the focal length in pixels.
        expression: (E,) mean of the weights.
        expression_noise: their standard deviation, of all or (E,) of each.
    """

    log_focal: float
    focal_spread: float
    expression: Array
    expression_noise: float | Array

    def away(self, view: ViewState) -> tuple[float, Array]:
        """Mean minus present value: of the logarithm of the focal length, and of the expression (E,)."""
        return self.log_focal - float(np.log(view.camera.focal)), self.expression - view.expression

    def cost(self, view: ViewState) -> float:
        """Squared distances in standard deviations, of errors and brightness fields as well."""
        focal, expression = self.away(view)
        mimic = expression / self.expression_noise
        other = float(view.nuisance @ view.nuisance + view.fields @ view.fields)
        return (focal / self.focal_spread) ** 2 + float(mimic @ mimic) + other
