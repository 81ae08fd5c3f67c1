"""Fitting a linear face model to 68 landmarks: pose, shape and expression in turn.

The keypoint method of "Physics-based 3D Face Reconstruction", section III-A-1: a pose from the facial
components, PCA shape coefficients by linear shape regression (Hu et al. 2004), expression blendshapes by
non-negative least squares, and the jaw's correspondences anew from each pose (Huber et al. 2016).

Taken in turn, pose, shape and expression creep towards their common optimum, since each compensates for the
others. The default "joint" way takes Gauss-Newton steps of all three (`headshot.fitting.gauss_newton`); it
reaches the same optimum in a few rounds. "alternating" is the method as published. Neither that nor an
orthographic camera is part of the core's fits (`headshot.fitting.person`), which take any model and several
photos, with landmarks of networks whose noise and expression scores they know.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from headshot.apps.keypoint.pose import component_pose
from headshot.apps.keypoint.regress import bounded_least_squares, linear_shape
from headshot.arrays import F32, Array, Index, Mask, ReadOnly
from headshot.checked import Checked
from headshot.fitting.gauss_newton import ViewSystem, arrow_step
from headshot.geometry.camera import extent_of
from headshot.geometry.view import View, derivative, moved, perspective, pose_derivative, refined
from headshot.models.linear import LOWER_WEIGHT, UPPER_WEIGHT, LinearModel
from headshot.models.outline import Outline, turned_away
from headshot.robust import geman_mcclure_weight

FULL_ROUNDS = 4
"""Rounds of full steps, in each of which it is decided anew which side of the face is turned away. Afterwards
the side is fixed and steps become shorter: a partner that hops between two places on the outline could keep
the fit swinging for ever."""


@dataclass(frozen=True)
class KeypointSettings(Checked):
    """Settings of `fit_keypoints`.

    Attributes:
        camera: "perspective", or "orthographic" (scaled), which the published method assumes.
        solve: "joint" or "alternating", see above.
        noise: standard deviation of a landmark as a share of the face's size, the root of the area of the
            landmarks' box; what is smaller than this may stay unexplained. In pixels it grows with the photo.
        outlier: landmarks farther from their partners than about this many times ``noise`` lose their
            influence (Geman-McClure); infinite trusts all. "alternating" always does.
        expression_spread: standard deviation of blendshape weights; infinite leaves them to least squares
            alone.
        distance: of the face from the camera, mm, where the photo does not tell the focal length.
        iterations: rounds at most.
        tolerance: end when a round moves the landmarks' partners by less than this share of ``noise``.
    """

    camera: Literal["perspective", "orthographic"] = "perspective"
    solve: Literal["joint", "alternating"] = "joint"
    noise: float = 0.015
    outlier: float = 5.0
    expression_spread: float = 0.5
    distance: float = 1000.0
    iterations: int = 20
    tolerance: float = 0.05

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, allowed in (
            ("camera", ("perspective", "orthographic")),
            ("solve", ("joint", "alternating")),
        ):
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} must be one of {allowed}, got {getattr(self, name)!r}")
        if (
            min(
                self.noise,
                self.outlier,
                self.expression_spread,
                self.distance,
                self.iterations,
                self.tolerance,
            )
            <= 0
        ):
            raise ValueError(
                f"noise, outlier, spread, distance, iterations and tolerance must be positive: {self}"
            )


@dataclass(frozen=True, eq=False, repr=False)
class KeypointFit(ReadOnly):
    """A face fitted to landmarks, in the millimetres of the model.

    Attributes:
        model: the model.
        view: pose and camera; its ``project`` maps the head's frame to pixels.
        identity: (I,) standard deviations.
        expression: (E,) weights, or standard deviations of a PCA of expressions.
        vertices: (V, 3) mm.
        landmark: (N,) iBUG numbers, from 0, of the landmarks that were fitted.
        partners: (N, 3) their places on the surface, mm.
        residual: (N, 2) landmark minus projected partner, pixels.
        noise: assumed standard deviation of a landmark, pixels.
        iterations: rounds taken.
        converged: whether the last round moved less than the tolerance.
    """

    model: LinearModel
    view: View
    identity: Array
    expression: Array
    vertices: F32
    landmark: Index
    partners: Array
    residual: Array
    noise: float
    iterations: int
    converged: bool

    @property
    def rms(self) -> float:
        """Root of the mean squared distance of the landmarks from their partners, pixels."""
        return float(np.sqrt((self.residual**2).sum(axis=1).mean()))


class KeypointFitter:
    """Fits one model to landmarks of many photos; prepares the model once."""

    def __init__(self, model: LinearModel, settings: KeypointSettings | None = None) -> None:
        self.model, self.settings = model, settings or KeypointSettings()
        self.outline = Outline(model)
        self.low = np.full(len(model.expression), LOWER_WEIGHT[model.expression_kind])
        self.high = np.full(len(model.expression), UPPER_WEIGHT[model.expression_kind])
        fixed = self.outline.fixed
        self.fixed = tuple(fixed.of(x) for x in (model.mean, model.identity, model.expression))

    def fit(self, points: ArrayLike, size: tuple[int, int], focal: float | None = None) -> KeypointFit:
        """Fit the model to one face; see `fit_keypoints`."""
        pixels = np.asarray(points, np.float64)
        if pixels.shape != (68, 2):
            raise ValueError(f"expected the 68 iBUG points (68, 2), got shape {pixels.shape}")
        known: Mask = np.asarray(np.isfinite(pixels).all(axis=1))
        if known[self.outline.fixed.landmark].sum() < 6:
            raise ValueError(
                f"a pose needs at least 6 landmarks of {self.model.name}, {known.sum()} of 68 are given"
            )
        return _Fit(self, pixels, known, size, focal).run()


def fit_keypoints(
    points: ArrayLike,
    model: LinearModel,
    size: tuple[int, int],
    focal: float | None = None,
    settings: KeypointSettings | None = None,
) -> KeypointFit:
    """Fit a model to 68 landmarks.

    Args:
        points: (68, 2) iBUG points, pixels, origin at the top left, pixel centres at +0.5; NaN where unknown.
        model: any linear model.
        size: width and height of the photo, pixels.
        focal: focal length in pixels, where known.
        settings: see `KeypointSettings`.

    Raises:
        ValueError: another shape, or fewer than six landmarks that the model has.
    """
    return KeypointFitter(model, settings).fit(points, size, focal)


class _Fit:
    """One fit under way."""

    def __init__(
        self, fitter: KeypointFitter, pixels: Array, known: Mask, size: tuple[int, int], focal: float | None
    ) -> None:
        self.f, self.s, self.model = fitter, fitter.settings, fitter.model
        self.pixels, self.known = pixels, known
        self.noise = self.s.noise * extent_of(pixels[known])
        self.identity: Array = np.zeros(len(self.model.identity))
        self.expression: Array = np.clip(np.zeros(len(self.model.expression)), fitter.low, fitter.high)
        rows = known[fitter.outline.fixed.landmark]
        index = fitter.outline.fixed.landmark[rows]
        view = component_pose(pixels, index, fitter.fixed[0][rows])
        self.view: View = view
        if self.s.camera == "perspective":
            self.view = perspective(view, size, self.s.distance, focal)

    def run(self) -> KeypointFit:
        vertices, converged = self.model.mean, False
        for iteration in range(1, self.s.iterations + 1):
            gain = min(1.0, FULL_ROUNDS / iteration)
            if iteration <= FULL_ROUNDS:
                self.hidden = turned_away(self.view)
            self._match(vertices)
            before = self.view.project(self._shape())
            if self.s.solve == "alternating":
                self._take_turns()
            else:
                self._step(gain, robust=iteration > 1)
            vertices = self.model.shape(self.identity, self.expression)
            change = self.seen @ (self.view.project(self._shape()) - before)[:, :, None]
            if np.sqrt((change**2).sum(axis=1).max()) < self.s.tolerance * self.noise:
                converged = True
                break
        self._match(vertices)
        partners = self._shape()
        return KeypointFit(
            model=self.model,
            view=self.view,
            identity=self.identity,
            expression=self.expression,
            vertices=vertices,
            landmark=self.landmark,
            partners=partners,
            residual=self.target - self.view.project(partners),
            noise=self.noise,
            iterations=iteration,
            converged=converged,
        )

    def _match(self, vertices: F32) -> None:
        """The landmarks' partners at the current pose: mean, modes and expressions there."""
        fixed, m = self.f.outline.fixed, self.model
        rows = self.known[fixed.landmark]
        jaw = self.f.outline.places(self.view, vertices, self.pixels, self.known, self.hidden)
        self.landmark = np.concatenate([fixed.landmark[rows], jaw.landmark])
        self.seen = np.concatenate([fixed.seen[rows], jaw.seen])
        self.target = self.pixels[self.landmark]
        self.mean, self.modes, self.expressions = (
            np.concatenate([own[..., rows, :], jaw.of(field)], axis=-2)
            for own, field in zip(self.f.fixed, (m.mean, m.identity, m.expression), strict=True)
        )

    def _shape(self) -> Array:
        """(N, 3) the partners."""
        return np.asarray(
            self.mean
            + np.tensordot(self.identity, self.modes, 1)
            + np.tensordot(self.expression, self.expressions, 1)
        )

    def _linearised(self, robust: bool) -> tuple[Array, Array, Array, Array]:
        """Derivatives (2N, K) by pose, identity and expression, and the pixels (2N,) to be explained.

        The camera is linearised at the current shape S0 (exact for orthography): a shape S has the pixels
        ``project(S0) + J (S - S0)``.
        """
        shape = self._shape()
        residual = self.target - self.view.project(shape)
        seen = self.seen
        if robust:
            far = (residual**2).sum(axis=1) / (self.s.outlier * self.noise) ** 2
            seen = seen * np.sqrt(geman_mcclure_weight(far))[:, None, None]
        camera = seen @ derivative(self.view, shape)
        rest = (seen @ residual[:, :, None]).ravel()
        pose = (seen @ pose_derivative(self.view, shape)).reshape(-1, 6)
        a, b = (
            (camera @ field.transpose(1, 2, 0)).reshape(len(rest), len(field))
            for field in (self.modes, self.expressions)
        )
        return pose, a, b, rest + a @ self.identity + b @ self.expression

    def _step(self, gain: float, robust: bool) -> None:
        """Pose, shape and expression at once, a share ``gain`` of the way to their optimum."""
        pose, a, b, target = self._linearised(robust)
        design = np.column_stack([pose, a, b]) / self.noise
        now = np.concatenate([self.identity, self.expression])
        residual = (target - np.column_stack([a, b]) @ now) / self.noise
        # Nothing is known of the pose; the shape is N(0, 1), and so are expressions, up to their spread.
        precision = np.repeat([0.0, 1.0, self._precision()], [6, a.shape[1], b.shape[1]])
        hessian = design.T @ design + np.diag(precision)
        gradient = design.T @ residual - precision * np.concatenate([np.zeros(6), now])
        alone = ViewSystem(hessian, gradient, self.expression, self.f.low, self.f.high)
        _, (step,) = arrow_step(np.zeros((0, 0)), np.zeros(0), [alone])
        turn, shape, weights = np.split(gain * step, [6, 6 + a.shape[1]])
        self.view = moved(self.view, turn)
        self.identity = self.identity + shape
        self.expression = self.expression + weights

    def _take_turns(self) -> None:
        """Pose, then shape, then expression, each with the others fixed."""
        self.view = refined(self.view, self._shape(), self.target, self.seen)
        _, a, b, target = self._linearised(robust=False)
        self.identity = linear_shape(a, target - b @ self.expression, self.noise)
        scaled = b / self.noise
        self.expression = bounded_least_squares(
            scaled.T @ scaled + self._precision() * np.eye(b.shape[1]),
            scaled.T @ (target - a @ self.identity) / self.noise,
            self.f.low,
            self.f.high,
        )

    def _precision(self) -> float:
        """Of the expressions' prior; the modes of a PCA are in standard deviations already."""
        if self.model.expression_kind == "pca":
            return 1.0
        return max(self.s.expression_spread**-2, 1e-9)
