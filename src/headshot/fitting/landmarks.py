"""Fit pose, camera, identity and expression of one view to landmarks alone.

Maximum a posteriori estimate by Gauss-Newton with analytic Jacobians and iteratively reweighted, robust
residuals (`headshot.fitting.terms.landmarks`), with a Gaussian prior on identity and ARKit weights kept in
[0, 1].
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from headshot.arrays import Array
from headshot.fitting.initialise import LandmarkObservation, start_view
from headshot.fitting.landmark_noise import LandmarkNoiseModel
from headshot.fitting.priors import IdentityPrior
from headshot.fitting.schedule import Fit, begin, descend_landmarks
from headshot.fitting.settings import FitSettings
from headshot.fitting.terms import Term
from headshot.geometry.camera import Camera
from headshot.models.head_model import PointModel


@dataclass(frozen=True, eq=False)
class LandmarkFit:
    """A head fitted to the landmarks of one photo, in model millimetres.

    Attributes:
        identity: (I,) coefficients in standard deviations.
        expression: (E,) weights in [0, 1].
        camera: camera and pose.
        residual: (L, 2) pixels, photo minus projection; what errors in common do not explain.
        weight: (L,) robust weight of each landmark in [0, 1].
        noise: (L,) standard deviation assumed for each landmark, pixels.
        steps: Gauss-Newton steps taken.
    """

    identity: Array
    expression: Array
    camera: Camera
    residual: Array
    weight: Array
    noise: Array
    steps: int


def fit_landmarks(
    seen: LandmarkObservation,
    model: PointModel,
    settings: FitSettings | None = None,
    noise_model: LandmarkNoiseModel | None = None,
    prior: IdentityPrior | None = None,
    others: Sequence[Term] = (),
) -> LandmarkFit:
    """Fit the head model, restricted to the landmarks, to their positions in a photo.

    Args:
        seen: the landmarks and what is known about the photo.
        model: the head model at the same L landmarks (`HeadModel.at`).
        settings: see `FitSettings`.
        noise_model: of the network that found the landmarks; without it they count as equal and independent.
        prior: of the identity; N(0, I) when None.
        others: further terms.

    Raises:
        ValueError: shapes do not agree, fewer than six landmarks are usable, or their noise is given twice.
    """
    options = settings or FitSettings()
    expected = prior or IdentityPrior.standard(len(model.identity))
    expected.check(len(model.identity))
    start = start_view(seen, model, expected.mean, options, noise_model, tuple(others))
    return result_of(descend_landmarks(begin([start], expected), options))


def result_of(fit: Fit) -> LandmarkFit:
    """The fit of a single view where it stands."""
    person, view, term = fit.state.person, fit.state.views[0], fit.problem.views[0].landmarks
    residual = term.residual(person, view)
    weight = np.divide(
        term.weights(residual),
        term.confidence,
        out=np.zeros_like(term.confidence),
        where=term.confidence > 0,
    )
    return LandmarkFit(person.identity, view.expression, view.camera, residual, weight, term.noise, fit.steps)
