"""The landmark term: dense landmarks with outliers, and with the errors that their network is known to make.

The landmark term of Blanz and Vetter, "Face recognition based on fitting a 3D morphable model" (PAMI 2003),
section 4, with the Geman-McClure weight for outliers. Errors that landmarks have in common are columns of the
Jacobian like those of people (`headshot.fitting.landmark_noise`), so that they are estimated along.

Dimension letters: L landmarks, I identity modes, K error modes, E expressions, P = 7 + I + K + E.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from headshot.arrays import Array
from headshot.fitting.landmark_noise import LandmarkNoiseModel
from headshot.fitting.normal import normal_equations
from headshot.fitting.parameters import Layout, PersonState, ViewState
from headshot.fitting.projection import linearised
from headshot.fitting.terms import TermEquations
from headshot.geometry.camera import angles_of
from headshot.models.head_model import PointModel
from headshot.models.protocol import SurfacePoints

OUTLIER = 3.0
"""Residuals beyond about this many standard deviations lose their influence."""


@dataclass(frozen=True, eq=False)
class LandmarkTerm:
    """Landmarks in one photo.

    Attributes:
        points: (L, 2) pixels; finite.
        confidence: (L,) relative precision; 0 leaves a landmark out.
        noise: (L,) standard deviation of each landmark, pixels.
        model: the head model at the landmarks, with K more "identity" modes behind those of people where
            their network's errors are known.
        outlier: residuals beyond about this many standard deviations lose their influence.
    """

    points: Array
    confidence: Array
    noise: Array
    model: SurfacePoints
    outlier: float = OUTLIER

    def residual(self, person: PersonState, view: ViewState) -> Array:
        """(L, 2) pixels, photo minus projection."""
        shape = self.model.positions(_coefficients(person, view), view.expression)
        return np.asarray(self.points - view.camera.project(shape))

    def linearise(self, person: PersonState, view: ViewState) -> tuple[Array, Array]:
        """Residual (L, 2) and Jacobian of the projection (P, L, 2)."""
        projected, jacobian = linearised(
            self.model, _coefficients(person, view), view.expression, view.camera
        )
        return self.points - projected, jacobian

    def weights(self, residual: Array) -> Array:
        """Geman-McClure weights (L,) times the confidence."""
        t2 = (residual**2).sum(axis=1) / (self.noise * self.outlier) ** 2
        return np.asarray(self.confidence / (1 + t2) ** 2)

    def equations(self, person: PersonState, view: ViewState) -> TermEquations:
        """Normal equations of pose, identity, common errors and expression."""
        return self.equations_of(person, view, *self.linearise(person, view))

    def equations_of(
        self, person: PersonState, view: ViewState, residual: Array, jacobian: Array
    ) -> TermEquations:
        """`equations` from what `linearise` gave."""
        root = (np.sqrt(self.weights(residual)) / self.noise)[:, None]
        hessian, gradient = normal_equations(
            (jacobian * root).reshape(len(jacobian), -1), (residual * root).ravel()
        )
        layout = Layout.of(person, view)
        columns = layout.columns(layout.pose, layout.identity, layout.nuisance, layout.expression)
        return TermEquations(columns, hessian, gradient)

    def cost(self, person: PersonState, view: ViewState) -> float:
        """Robust squared residuals in standard deviations."""
        t2 = (self.residual(person, view) ** 2).sum(axis=1) / (self.noise * self.outlier) ** 2
        return self.outlier**2 * float(self.confidence @ (t2 / (1 + t2)))


@dataclass(frozen=True, eq=False)
class LandmarkNoise:
    """How landmarks err, beyond what the pose decides.

    Attributes:
        model: what their network was measured to get wrong (`headshot.fitting.landmark_noise`).
        points: the head model at the landmarks, without errors.
        inflation: how many times larger than measured all errors are taken to be.
        hidden: (L,) how many times larger still those of each landmark are.
    """

    model: LandmarkNoiseModel
    points: PointModel
    inflation: float
    hidden: Array

    def at(self, term: LandmarkTerm, view: ViewState) -> LandmarkTerm:
        """The term with the errors that the network makes of a head as the view shows it."""
        camera = view.camera
        scale = camera.focal / -camera.translation[2]  # pixels per mm
        expected = self.model.at(self.points, camera.rotation)
        # The modes of errors grow, so that their coefficients stay in standard deviations.
        identity = expected.model.identity.copy()
        identity[len(self.points.identity) :] *= np.float32(self.inflation)
        noise = self.inflation * scale * expected.deviation * self.hidden
        return replace(term, model=replace(expected.model, identity=identity), noise=noise)

    def modes(self) -> int:
        """K, how many modes of errors a term has."""
        return 2 * self.model.modes.shape[1]

    def everywhere_visible(self) -> LandmarkNoise:
        """The same with no landmark hidden."""
        return replace(self, hidden=np.ones_like(self.hidden))


def yaw_between(before: Array, after: Array) -> float:
    """Degrees of yaw between two rotations (3, 3)."""
    return abs(angles_of(after)[0] - angles_of(before)[0])


def _coefficients(person: PersonState, view: ViewState) -> Array:
    return np.concatenate([person.identity, view.nuisance])
