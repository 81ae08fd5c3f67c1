"""Fit pose, camera, identity and expression to dense 2D landmarks.

Maximum a posteriori estimate by Gauss-Newton with analytic Jacobians and iteratively reweighted, robust
residuals. Follows the landmark term of Blanz and Vetter, "Face recognition based on fitting a 3D morphable
model" (PAMI 2003), section 4, with a Gaussian prior on identity, ARKit weights kept in [0, 1] by an active
set (Bertsekas, "Projected Newton methods", 1982), and the Geman-McClure weight for outliers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from headshot.arrays import Array
from headshot.fitting.bounded import bounded_step
from headshot.fitting.landmark_noise import LandmarkNoiseModel
from headshot.fitting.normal import normal_equations
from headshot.fitting.projection import linearised
from headshot.fitting.terms.points import Evidence, IdentityPrior
from headshot.geometry.camera import Camera, angles_of, extent_of, nearest_rotation, rotation_from_vector
from headshot.models.head_model import PointModel

_FIXED = 1e6  # precision of an identity that stays as it is
TURN = 4.0  # degrees of yaw from which the landmarks' errors are looked up anew,
TURNING = 4  # and the first steps, in which heads turn so far


@dataclass(frozen=True)
class FitSettings:
    """How much the fit trusts the landmarks, the priors and the photo's metadata.

    Attributes:
        noise: standard deviation of one landmark, as a fraction of the landmarks' extent (the root of the
            area of their box) seen from the front; it grows with 1 / cos(yaw). Errors of neighbouring points
            are correlated, so this is larger than the scatter of a single point. For fits without a model
            of the landmarks' errors.
        inflation: how much larger than measured the errors of a `LandmarkNoiseModel` are taken to be.
        outlier: residuals beyond about this many standard deviations lose their influence.
        expression_noise: standard deviation of an ARKit weight around its prior mean.
        distance, distance_spread: median, mm, and log standard deviation of the distance between face and
            camera where the photo does not record its focal length.
        focal_spread: log standard deviation of a recorded focal length (crops, digital zoom).
        iterations: Gauss-Newton steps at most.
        tolerance: stop when a step moves the landmarks by less than this fraction of ``noise``.
    """

    noise: float = 0.02
    inflation: float = 1.0
    outlier: float = 3.0
    expression_noise: float = 0.2
    distance: float = 1000.0
    distance_spread: float = 0.3
    focal_spread: float = 0.05
    iterations: int = 30
    tolerance: float = 0.05


@dataclass(frozen=True)
class Fit:
    """A head fitted to one photo, in model millimetres (multiply by the metric scale for the person's).

    Attributes:
        identity: (I,) coefficients in standard deviations.
        expression: (E,) weights in [0, 1].
        camera: camera and pose.
        residual: (L, 2) pixels, photo minus projection.
        weight: (L,) robust weight of each landmark in [0, 1].
        noise: (L,) standard deviation assumed for each landmark, pixels.
        iterations: Gauss-Newton steps taken.
        nuisance: (K,) correlated errors of the landmarks, in standard deviations; empty without a model of
            them. The residual is what they do not explain.
    """

    identity: Array
    expression: Array
    camera: Camera
    residual: Array
    weight: Array
    noise: Array
    iterations: int
    nuisance: Array


@dataclass(frozen=True)
class Observation:
    """What the fit is given.

    Attributes:
        points: (L, 2) landmarks in pixels.
        confidence: (L,) relative precision of each landmark; 0 leaves it out. Where the landmarks' errors
            were measured (`LandmarkNoiseModel`), only the zeros count.
        expression: (E,) prior mean of the ARKit weights.
        width, height: size of the photo, pixels.
        focal: recorded focal length in pixels, or None.
        deviation: (L,) standard deviation of each landmark, pixels, where who found them says it; None where
            settings or measured errors do.
        doubt: (L,) how many times larger than usual the errors of each landmark are; None for 1.
    """

    points: Array
    confidence: Array
    expression: Array
    width: int
    height: int
    focal: float | None
    deviation: Array | None = None
    doubt: Array | None = None


def fit_landmarks(
    seen: Observation,
    model: PointModel,
    settings: FitSettings | None = None,
    errors: LandmarkNoiseModel | None = None,
    evidence: Evidence | None = None,
) -> Fit:
    """Fit the head model, restricted to the landmarks, to their positions in a photo.

    Args:
        seen: the landmarks and what is known about the photo.
        model: the head model at the same L landmarks (`HeadModel.at`).
        settings: see `FitSettings`.
        errors: of the network that found the landmarks; without it they count as equal and independent.
        evidence: what is known besides the landmarks: by default, that identities are N(0, I).

    Raises:
        ValueError: shapes do not agree, fewer than six landmarks are usable, or their errors are given twice.
    """
    return LandmarkSolver(seen, model, settings or FitSettings(), errors, evidence).run()


def _check(seen: Observation, model: PointModel, errors: LandmarkNoiseModel | None) -> None:
    n, e = len(model.mean), len(model.expression)
    if seen.points.shape != (n, 2) or seen.confidence.shape != (n,):
        raise ValueError(
            f"expected points ({n}, 2) and confidence ({n},), "
            f"got {seen.points.shape} and {seen.confidence.shape}"
        )
    if seen.expression.shape != (e,):
        raise ValueError(f"expected {e} prior expression weights, got {seen.expression.shape}")
    for name, factor in (("deviation", seen.deviation), ("doubt", seen.doubt)):
        if factor is not None and not (factor.shape == (n,) and (factor > 0).all()):
            raise ValueError(f"expected {name} ({n},) greater than 0, got {factor.shape}")
    if errors is not None and seen.deviation is not None:
        raise ValueError("expected either a deviation of the landmarks or a model of their errors, got both")
    usable = (seen.confidence > 0) & np.isfinite(seen.points).all(axis=1)
    if usable.sum() < 6:
        raise ValueError(f"a pose needs at least 6 usable landmarks, got {usable.sum()}")


def initial_pose(points: ArrayLike, shape: ArrayLike, weight: ArrayLike) -> tuple[Array, Array, float]:
    """Pose under scaled orthography, in closed form (linear least squares, then the nearest rotation).

    Args:
        points: (L, 2) pixels, y down.
        shape: (L, 3) mm.
        weight: (L,) non-negative.

    Returns:
        rotation (3, 3); image position (2,) of the head's origin, pixels; scale in pixels per mm.
    """
    p, s, w = (np.asarray(a, dtype=np.float64) for a in (points, shape, weight))
    design = np.column_stack([s, np.ones(len(s))]) * w[:, None]
    affine, *_ = np.linalg.lstsq(design, p * [1, -1] * w[:, None], rcond=None)
    rows = affine[:3].T
    scale = float(np.sqrt(np.linalg.norm(rows[0]) * np.linalg.norm(rows[1])))
    # The two rows of a noisy affine camera are not orthogonal; the cross product completes them to a
    # matrix whose nearest rotation splits the error evenly.
    first, second = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    rotation = nearest_rotation(np.stack([first, second, np.cross(first, second)]))
    return rotation, affine[3] * [1, -1], scale


class LandmarkSolver:
    """State of one fit: parameters x = (rotation 3, translation 3, log focal 1, identity I, expression E).

    With a model of the landmarks' errors, ``identity`` (I + K,) ends with these: to the equations they are
    modes like those of people.
    """

    def __init__(
        self,
        seen: Observation,
        model: PointModel,
        settings: FitSettings,
        errors: LandmarkNoiseModel | None = None,
        evidence: Evidence | None = None,
    ) -> None:
        _check(seen, model, errors)
        self.seen, self.model, self.settings = seen, model, settings
        self.people, self.true, self.errors = len(model.identity), model, errors
        known = evidence or Evidence()
        self.prior = known.identity or IdentityPrior.standard(self.people)
        self.prior.check(self.people)
        self.others, self.lines = known.points, [e for e in (known.gaps, known.outline) if e is not None]
        if self.others is not None:
            self.others.check(len((self.others.model or model).mean))
        finite = np.asarray(np.isfinite(seen.points).all(axis=1))
        ok = finite & (seen.confidence > 0)
        self.points = np.where(finite[:, None], seen.points, 0.0)
        self.confidence = np.where(ok, seen.confidence if errors is None else 1.0, 0.0)
        self.expressions = len(model.expression)
        self.centre = (seen.width / 2, seen.height / 2)
        self.expression = np.clip(seen.expression, 0, 1)
        self.identity: Array = self.prior.mean.copy()
        start = model.positions(self.identity, self.expression)
        self.rotation, origin, scale = initial_pose(self.points, start, self.confidence)
        self.turned: Array = self.rotation
        self.doubt: Array = np.ones(len(ok)) if seen.doubt is None else seen.doubt
        if errors is not None:
            self._expect_errors(scale)
        elif seen.deviation is not None:
            self.noise: Array = seen.deviation * self.doubt
        else:
            # The network guesses the far side of a turned head, whose box is narrow besides.
            turned = 1 / max(float(np.cos(np.radians(angles_of(self.rotation)[0]))), 0.2)
            self.noise = settings.noise * extent_of(self.points[ok]) * turned * self.doubt
        self.identities = len(self.model.identity)
        self._start_camera(origin, scale)

    def _expect_errors(self, scale: float) -> None:
        """Take the network's errors as they are in the present pose; ``scale`` in pixels per mm."""
        assert self.errors is not None
        expected = self.errors.at(self.true, self.rotation)
        # Inflated errors: modes of errors are larger, their coefficients stay in standard deviations.
        factor = self.settings.inflation
        identity = expected.model.identity.copy()
        identity[self.people :] *= np.float32(factor)
        self.model = replace(expected.model, identity=identity)
        self.noise = factor * scale * expected.deviation * self.doubt
        self.turned = self.rotation
        self.identity = np.concatenate([self.identity[: self.people], np.zeros(expected.nuisance)])

    def _start_camera(self, origin: Array, scale: float) -> None:
        s = self.settings
        # Crops and re-encoded photos lose their focal length. Faces, unlike lenses, come in one size, so the
        # prior is on their distance; together with the size in the picture it gives the focal length.
        if self.seen.focal is None:
            self.focal, self.focal_spread = scale * s.distance, s.distance_spread
        else:
            self.focal, self.focal_spread = self.seen.focal, s.focal_spread
        self.focal_prior = float(np.log(self.focal))
        depth = self.focal / scale
        x, y = (origin - self.centre) / scale
        self.translation = np.array([x, -y, -depth])

    def hold(self, identity: Array) -> None:
        """Keep the identity at (I,) from now on."""
        self.prior = IdentityPrior(identity, np.full(self.people, _FIXED))
        self.identity = np.concatenate([identity, self.identity[self.people :]])

    def run(self, iterations: int | None = None) -> Fit:
        """Take steps until they are small: at most so many, or as many as the settings say."""
        for iteration in range(1, (iterations or self.settings.iterations) + 1):
            residual, jacobian = self.linearise()
            weight = self.robust(residual)
            moved = self._step(residual, jacobian, weight)
            # The first steps only settle the pose; priors and robust weights need a few more.
            if iteration > 3 and moved < self.settings.tolerance * float(np.median(self.noise)):
                break
            if self.errors is not None and iteration <= TURNING and self._has_turned():
                # A head that turned without the points that are doubted shows too little to tell its turn.
                self.doubt = np.ones_like(self.doubt)
                self._expect_errors(self.focal / -self.translation[2])
        return self.result(iteration)

    def _has_turned(self) -> bool:
        """Whether the head has turned so far that the network's errors are others."""
        return abs(angles_of(self.rotation)[0] - angles_of(self.turned)[0]) > TURN

    def result(self, iterations: int) -> Fit:
        """The fit at the current parameters."""
        residual = self.points - self._project()
        robust = np.divide(
            self.robust(residual),
            self.confidence,
            out=np.zeros_like(self.confidence),
            where=self.confidence > 0,
        )
        return Fit(
            self.identity[: self.people],
            self.expression,
            self.camera(),
            residual,
            robust,
            self.noise,
            iterations,
            self.identity[self.people :],
        )

    def cost(self) -> float:
        """Half the squared, robust residuals of landmarks and priors: what `normal` descends."""
        s = self.settings
        residual = self.points - self._project()
        t2 = (residual**2).sum(axis=1) / (self.noise * s.outlier) ** 2
        seen = s.outlier**2 * float(self.confidence @ (t2 / (1 + t2)))
        focal = (self.focal_prior - np.log(self.focal)) / self.focal_spread
        mimic = (self.seen.expression - self.expression) / s.expression_noise
        people, common = self.identity[: self.people], self.identity[self.people :]
        prior = self.prior.cost(people) + float(common @ common)
        if self.others is not None:
            shape = (self.others.model or self.true).positions(people, self.expression)
            seen += self.others.cost(self.others.residual(self.camera().project(shape)))
        for more in self.lines:
            seen += more.cost(people, self.expression, self.camera())
        return 0.5 * float(seen + focal**2 + prior + mimic @ mimic)

    def camera(self) -> Camera:
        return Camera(
            self.seen.width, self.seen.height, self.focal, self.centre, self.rotation, self.translation
        )

    def _project(self) -> Array:
        return self.camera().project(self.model.positions(self.identity, self.expression))

    def linearise(self) -> tuple[Array, Array]:
        """Residual (L, 2) and Jacobian of the projection (P, L, 2) at the current parameters."""
        projected, jacobian = linearised(self.model, self.identity, self.expression, self.camera())
        return self.points - projected, jacobian

    def robust(self, residual: Array) -> Array:
        """Geman-McClure weights (L,) times the given confidence."""
        t2 = (residual**2).sum(axis=1) / (self.noise * self.settings.outlier) ** 2
        weight: Array = self.confidence / (1 + t2) ** 2
        return weight

    def _step(self, residual: Array, jacobian: Array, weight: Array) -> float:
        """One Gauss-Newton step with the weights kept in [0, 1]; returns the largest motion in pixels."""
        hessian, gradient = self.normal(residual, jacobian, weight)
        hessian[np.diag_indices(len(hessian))] += 1e-9 * np.trace(hessian) / len(hessian)
        step = bounded_step(hessian, gradient, self.expression, 7 + self.identities)
        self.move(step)
        return float(np.abs(np.tensordot(step, jacobian, 1)).max())

    def normal(self, residual: Array, jacobian: Array, weight: Array) -> tuple[Array, Array]:
        """Normal equations of points and priors: hessian (P, P) and gradient (P,), downhill."""
        s, n = self.settings, len(jacobian)
        root = (np.sqrt(weight) / self.noise)[:, None]
        hessian, gradient = normal_equations((jacobian * root).reshape(n, -1), (residual * root).ravel())

        people, first = slice(7, 7 + self.people), 7 + self.identities
        precision = np.zeros(n)
        precision[6] = self.focal_spread**-2
        precision[people.stop : first] = 1.0
        precision[first:] = s.expression_noise**-2
        gap = np.zeros(n)
        gap[6] = self.focal_prior - np.log(self.focal)
        gap[people.stop : first] = -self.identity[self.people :]
        gap[first:] = self.seen.expression - self.expression
        hessian[np.diag_indices(n)] += precision
        gradient += precision * gap
        self.prior.add_to(hessian[people, people])
        gradient[people] += self.prior.pull(self.identity[: self.people])
        place = np.r_[0 : people.stop, first:n]
        besides = list(self._besides())
        if besides:
            hessian[np.ix_(place, place)] += sum(more for more, _ in besides)
            gradient[place] += sum(downhill for _, downhill in besides)
        return hessian, gradient

    def _besides(self) -> Iterator[tuple[Array, Array]]:
        """Equations of what is known besides the landmarks, in the parameters without common errors."""
        state = self.identity[: self.people], self.expression, self.camera()
        if self.others is not None:
            seen, slopes = linearised(self.others.model or self.true, *state)
            yield self.others.equations(self.others.residual(seen), slopes)
        for more in self.lines:
            yield more.equations(*state)

    def move(self, step: Array) -> None:
        """Add a step (P,) to the parameters."""
        first = 7 + self.identities
        self.rotation = rotation_from_vector(step[:3]) @ self.rotation
        self.translation = self.translation + step[3:6]
        self.translation[2] = min(self.translation[2], -150.0)
        self.focal = float(self.focal * np.exp(np.clip(step[6], -0.5, 0.5)))
        self.identity = self.identity + step[7:first]
        self.expression = np.clip(self.expression + step[first:], 0, 1)
