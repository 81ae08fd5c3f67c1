"""Settings of fits."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf

from headshot.checked import Checked

TURNING = 4
"""First steps of a fit to landmarks, in which heads still turn: errors of landmarks depend on the yaw."""


@dataclass(frozen=True)
class FitSettings(Checked):
    """Weights of landmarks, priors and the photo's metadata in the fit.

    Attributes:
        noise: standard deviation of one landmark, as a fraction of the landmarks' extent (the root of the
            area of their box) seen from the front; it grows with 1 / cos(yaw). Errors of neighbouring points
            are correlated, so this is larger than the scatter of a single point. For fits without a model
            of the landmarks' noise.
        outlier: residuals beyond about this many standard deviations lose their influence.
        expression_noise: standard deviation of an ARKit weight around its prior mean.
        distance, distance_spread: median, mm, and log standard deviation of the distance between face and
            camera where the photo does not record its focal length.
        focal_spread: log standard deviation of a recorded focal length (crops, digital zoom).
        iterations: Gauss-Newton steps at most.
        tolerance: stop when a step moves the landmarks by less than this fraction of their noise.
        shrinkage: factor on what the landmarks of one photo change about the shape that the identity prior
            predicts; 1 is no shrinkage. Fits err more than their covariance says, mostly in what they change.
        shrinkage_colours: on what the colours change after that: they err less alike than points.

    Raises:
        ValueError: a value outside of its range.
    """

    noise: float = 0.02
    outlier: float = 3.0
    expression_noise: float = 0.2
    distance: float = 1000.0
    distance_spread: float = 0.3
    focal_spread: float = 0.05
    iterations: int = 30
    tolerance: float = 0.05
    shrinkage: float = 0.4
    shrinkage_colours: float = 0.7

    def __post_init__(self) -> None:
        super().__post_init__()
        positive = ("noise", "outlier", "expression_noise", "distance", "distance_spread", "focal_spread")
        for name in (*positive, "tolerance"):
            if not 0 < getattr(self, name) < inf:
                raise ValueError(f"{name} must be greater than 0 and finite, got {getattr(self, name)}")
        if self.iterations < 1:
            raise ValueError(f"iterations must be at least 1, got {self.iterations}")
        for name in ("shrinkage", "shrinkage_colours"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be within 0 to 1, got {getattr(self, name)}")

    def fast(self) -> FitSettings:
        """The same with fewer steps."""
        return replace(self, iterations=min(self.iterations, TURNING))


@dataclass(frozen=True)
class PhotometricSettings(Checked):
    """Weights of the colours in the fit.

    Attributes:
        widths: widths of the face in working pixels, coarse to fine.
        steps: Gauss-Newton steps at each width.
        every: of the points on the skin each so many-th is compared, at each width: small pictures tell
            neighbours apart no better.
        information: how many independent measurements all points of a face in full view count as at the
            last width; at smaller widths in proportion fewer.
        small: width of the face in pixels below which its information falls, with the square of the width.
        slack: how much larger the errors of landmarks are taken to be than for landmarks alone, where they
            count as independent: their common errors are estimated from the colours.
        fields: relative standard deviation of smooth errors of brightness (`headshot.fitting.reflectance`).
        outlier: residuals beyond about this many standard deviations lose their influence.
        least_noise: standard deviation that colours have at least, in sRGB (0 to 1).
        least_noise_shared: the same where photos are compared with each other: what cameras and compression
            leave, as no model of colours is in between.

    Raises:
        ValueError: not as many steps, or shares of points, as widths; or a value outside of its range.
    """

    widths: tuple[int, ...] = (48, 130)
    steps: tuple[int, ...] = (2, 4)
    every: tuple[int, ...] = (3, 1)
    information: float = 600.0
    small: float = 80.0
    slack: float = 1.5
    fields: float = 0.12
    outlier: float = 2.0
    least_noise: float = 0.02
    least_noise_shared: float = 0.006

    def __post_init__(self) -> None:
        super().__post_init__()
        if not len(self.widths) == len(self.steps) == len(self.every) > 0:
            raise ValueError(
                "widths, steps and every must be of one length, one value for each width; "
                f"got {self.widths}, {self.steps}, {self.every}"
            )
        if min(*self.widths, *self.every) < 1 or min(self.steps) < 0:
            raise ValueError(
                "widths and every must be 1 or more, and steps not negative; "
                f"got {self.widths}, {self.every}, {self.steps}"
            )
        for name in (
            "information",
            "small",
            "slack",
            "fields",
            "outlier",
            "least_noise",
            "least_noise_shared",
        ):
            if not 0 < getattr(self, name) < inf:
                raise ValueError(f"{name} must be greater than 0 and finite, got {getattr(self, name)}")

    def fast(self) -> PhotometricSettings:
        """The same with fewer steps."""
        return replace(self, steps=tuple(max(n - 1, 1) for n in self.steps))
