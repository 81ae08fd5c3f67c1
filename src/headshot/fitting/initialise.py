"""Where a fit begins: pose in closed form, camera by the size of faces, and the terms of a view."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from headshot.arrays import Array
from headshot.fitting.landmark_noise import LandmarkNoiseModel
from headshot.fitting.parameters import PersonState, ViewState
from headshot.fitting.priors import ViewPrior
from headshot.fitting.problem import ViewProblem
from headshot.fitting.settings import FitSettings
from headshot.fitting.terms import SeenContour, Term
from headshot.fitting.terms.landmarks import LandmarkNoise, LandmarkTerm
from headshot.geometry.camera import Camera, angles_of, extent_of
from headshot.geometry.pose import weak_perspective_pose
from headshot.models.head_model import PointModel
from headshot.models.protocol import ExpressionPrior, SurfacePoints

LEAST_POINTS = 6
"""Landmarks that a pose needs."""
_SIDEWAYS = 0.2  # least cosine of yaw by which the noise of landmarks grows


@dataclass(frozen=True, eq=False)
class LandmarkObservation:
    """Landmarks of a face in a photo, and what is known about the photo.

    Attributes:
        points: (L, 2) landmarks in pixels.
        confidence: (L,) relative precision of each landmark; 0 leaves it out. Where the landmarks' noise was
            measured (`LandmarkNoiseModel`), only the zeros count.
        expression: (E,) prior mean of the expression's coefficients.
        width, height: size of the photo, pixels.
        focal: recorded focal length in pixels, or None.
        deviation: (L,) standard deviation of each landmark, pixels, where who found them says it; None where
            settings or a noise model do.
        inflation: how many times larger than measured all errors are.
        hidden: (L,) how many times larger than usual the errors of each landmark are; None for 1.
        narrowing: (E,) by which factor each coefficient is closer to its prior mean than usual, as a standard
            deviation; None for 1.
    """

    points: Array
    confidence: Array
    expression: Array
    width: int
    height: int
    focal: float | None
    deviation: Array | None = None
    inflation: float = 1.0
    hidden: Array | None = None
    narrowing: Array | None = None


@dataclass(frozen=True, eq=False)
class ViewStart:
    """A view before its fit.

    Attributes:
        problem: terms and priors.
        state: pose and expression to start from.
        noise: of the landmarks, where it depends on the pose; else None.
    """

    problem: ViewProblem
    state: ViewState
    noise: LandmarkNoise | None

    def with_contour(self, contour: SeenContour, identity: Array) -> ViewStart:
        """The same with the contour of the face, for a person of identity (I,)."""
        term = contour.at(PersonState(identity, np.zeros(0)), self.state)
        return replace(self, problem=replace(self.problem, outlines=(*self.problem.outlines, term)))


def start_view(
    seen: LandmarkObservation,
    model: SurfacePoints,
    identity: Array,
    settings: FitSettings,
    noise_model: LandmarkNoiseModel | None = None,
    others: tuple[Term, ...] = (),
    expressions: ExpressionPrior | None = None,
) -> ViewStart:
    """The fit of a view, ready to run.

    Args:
        seen: landmarks and photo.
        model: the head model at the L landmarks.
        identity: (I,) expected identity.
        settings: see `FitSettings`.
        noise_model: of the network that found the landmarks; without it they count as equal and independent.
        others: further terms.
        expressions: what expressions may be, where they are not ARKit's weights.

    Raises:
        ValueError: shapes do not agree, fewer than six landmarks are usable, or their noise is given twice.
    """
    _check(seen, model, noise_model)
    finite = np.asarray(np.isfinite(seen.points).all(axis=1))
    usable = finite & (seen.confidence > 0)
    points = np.where(finite[:, None], seen.points, 0.0)
    confidence = np.where(usable, seen.confidence if noise_model is None else 1.0, 0.0)
    low: float | Array = 0.0
    high: float | Array = 1.0
    spread: float | Array = settings.expression_noise
    if seen.narrowing is not None:
        spread = settings.expression_noise * seen.narrowing
    if expressions is not None:
        low, high, spread = expressions.low, expressions.high, expressions.deviation
        # ARKit's weights, of which networks tell the mean, have the setting's.
        spread = np.where(expressions.arkit >= 0, settings.expression_noise, spread)
    expression: Array = np.clip(seen.expression, low, high)
    start = model.positions(identity, expression)
    rotation, origin, scale = weak_perspective_pose(points, start, confidence)
    camera, log_focal, focal_spread = _camera(seen, rotation, origin, scale, settings)
    prior = ViewPrior(log_focal, focal_spread, seen.expression, spread)
    hidden: Array = np.ones(len(points)) if seen.hidden is None else seen.hidden
    if seen.deviation is not None:
        deviation = seen.deviation
    else:
        # Points on the hidden far side of a turned head are less accurate, and its box is narrow besides.
        narrow = max(float(np.cos(np.radians(angles_of(rotation)[0]))), _SIDEWAYS)
        deviation = np.full(len(points), settings.noise * extent_of(points[usable]) / narrow)
    term = LandmarkTerm(points, confidence, seen.inflation * deviation * hidden, model, settings.outlier)
    empty: Array = np.zeros(0)
    state = ViewState(camera, expression, empty, empty, empty, low, high)
    noise = None
    if noise_model is not None:
        if not isinstance(model, PointModel):
            raise ValueError("landmark noise was measured with linear models, got one that is not linear")
        noise = LandmarkNoise(noise_model, model, seen.inflation, hidden)
        term = noise.at(term, state)
        state = replace(state, nuisance=np.zeros(noise.modes()))
    return ViewStart(ViewProblem(term, prior, others), state, noise)


def _camera(
    seen: LandmarkObservation, rotation: Array, origin: Array, scale: float, settings: FitSettings
) -> tuple[Camera, float, float]:
    """A first camera, and mean and standard deviation of the logarithm of its focal length."""
    # Crops and re-encoded photos lose their focal length. Faces, unlike lenses, come in one size, so the
    # prior is on their distance; together with the size in the picture it gives the focal length.
    if seen.focal is None:
        focal, spread = scale * settings.distance, settings.distance_spread
    else:
        focal, spread = seen.focal, settings.focal_spread
    centre = (seen.width / 2, seen.height / 2)
    x, y = (origin - centre) / scale
    translation = np.array([x, -y, -focal / scale])
    camera = Camera(seen.width, seen.height, focal, centre, rotation, translation)
    return camera, float(np.log(focal)), spread


def _check(seen: LandmarkObservation, model: SurfacePoints, noise_model: LandmarkNoiseModel | None) -> None:
    n, e = len(model.mean), len(model.expression)
    if seen.points.shape != (n, 2) or seen.confidence.shape != (n,):
        raise ValueError(
            f"expected points ({n}, 2) and confidence ({n},), "
            f"got {seen.points.shape} and {seen.confidence.shape}"
        )
    if seen.expression.shape != (e,):
        raise ValueError(f"expected {e} prior expression weights, got {seen.expression.shape}")
    for name, factor in (("deviation", seen.deviation), ("hidden", seen.hidden)):
        if factor is not None and not (factor.shape == (n,) and (factor > 0).all()):
            raise ValueError(f"expected {name} ({n},) greater than 0, got {factor.shape}")
    if noise_model is not None and seen.deviation is not None:
        raise ValueError("expected either a deviation of the landmarks or a model of their noise, got both")
    usable = (seen.confidence > 0) & np.isfinite(seen.points).all(axis=1)
    if usable.sum() < LEAST_POINTS:
        raise ValueError(f"a pose needs at least {LEAST_POINTS} usable landmarks, got {usable.sum()}")
