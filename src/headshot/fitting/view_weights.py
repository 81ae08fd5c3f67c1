"""How much each of several views adds: views whose errors are alike are not independent.

Errors of two photos of one person are correlated, the more so the more alike their poses: networks see the
same face, and five frames of one burst say little more than one. With C the covariance of the views' errors
of one quantity, their best linear estimate has the weights C^-1 1, whose sum is the number of independent
views (generalised least squares, Aitken 1935).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from headshot.arrays import Array
from headshot.fitting.priors import IdentityPrior
from headshot.fitting.settings import FitSettings
from headshot.geometry.camera import Camera
from headshot.perception.identity import IdentityPrediction
from headshot.perception.observe import FaceObservation

MODES = 40
"""Identity modes that the network's prediction is used for, the largest.

On synthetic heads, which wear other people's skin, predictions of finer ones correlate with nothing.
"""
COMMON = 0.3
"""Correlation of the errors of two views however different they are.

Chosen with the next by the identity of groups of photos of 24 held-out people of LFW, from 0.05 to 0.6; the
shape of synthetic heads hardly depends on it (docs/explanation/fitting.md).
"""
ALIKE = 0.7
"""Correlation of those of two views of one pose."""
APART = 25.0
"""Degrees between head poses over which it falls from one to the other (standard deviation of a bell)."""
COMMON_IDENTITY = 0.7
"""Correlation of the errors of identity predictions from two photos of one person: 0.65 to 0.77 by how much
less they differ within held-out people of LFW and CFP than the network expects
(``python benchmarks/identity_correlation.py``)."""

_BLURRED, _HIDDEN = 0.1, 0.2  # least sharpness and least visible share by which reliability falls
_LEAST_WEIGHT = 1e-3  # of a view that adds nothing, so that its own pose and expression are still fitted


@dataclass(frozen=True, eq=False)
class ViewWeights:
    """Weights of N views.

    Attributes:
        landmarks: (N,) of landmarks and colours, in (0, 1].
        identity: (N,) of identity predictions, where there are any.
    """

    landmarks: Array
    identity: Array

    @property
    def independent(self) -> float:
        """How many independent views these are."""
        return float(self.landmarks.sum())

    def shrinkage(self, settings: FitSettings) -> tuple[float, float]:
        """Shrinkage factors of the changes by landmarks and by colours: those of one view, whose noise is so
        many times smaller."""
        n = self.independent
        factors = (settings.shrinkage, settings.shrinkage_colours)
        one, other = (n * k / (n * k + 1 - k) if k else 0.0 for k in factors)
        return one, other


def view_weights(seen: Sequence[FaceObservation], cameras: Sequence[Camera]) -> ViewWeights:
    """Weights of views by their poses, and by how sharp and how little hidden each face is.

    Args:
        seen: what networks saw.
        cameras: the pose of each.
    """
    n = len(cameras)
    turn = np.array([[_angle(a, b) for b in cameras] for a in cameras])
    correlation = COMMON + (ALIKE - COMMON) * np.exp(-0.5 * (turn / APART) ** 2)
    np.fill_diagonal(correlation, 1)
    # Variances over that of the best view, so that a single view always counts in full.
    reliable = np.array([_reliability(s) for s in seen]) if n > 1 else np.ones(n)
    deviation = np.sqrt(reliable.max() / reliable)
    covariance = correlation * deviation * deviation[:, None]
    weights = np.clip(np.linalg.solve(covariance, np.ones(n)), _LEAST_WEIGHT, 1.0)
    # Those of equal correlations in closed form; a photo without a prediction takes nothing from the others.
    predictions = max(sum(s.identity is not None for s in seen), 1)
    return ViewWeights(weights, np.full(n, 1 / (1 + (predictions - 1) * COMMON_IDENTITY)))


def identity_prior(
    predictions: Sequence[IdentityPrediction | None], weights: Array, modes: int
) -> IdentityPrior:
    """The prior of a person's identity from what a network predicts from each photo; N(0, I) without any.

    Each prediction is a posterior under N(0, I); taken back to measurements, they are averaged with the
    weights, whose sum is the number of independent ones.

    Args:
        predictions: of each photo, or None.
        weights: (N,).
        modes: I.
    """
    known = [(p, w) for p, w in zip(predictions, weights, strict=True) if p is not None]
    if not known:
        return IdentityPrior.standard(modes)
    precision, pull = np.ones(modes), np.zeros(modes)
    predicted = np.arange(modes) < MODES
    for p, w in known:
        precision += np.where(predicted, w * (p.sigma**-2 - 1), 0.0)
        pull += np.where(predicted, w * p.mean * p.sigma**-2, 0.0)
    # A prediction of less precision than the distribution of people does not lose more by more photos.
    least = np.min([p.sigma**-2 for p, _ in known], axis=0)
    precision = np.maximum(precision, np.minimum(least, 1.0))
    return IdentityPrior(pull / precision, precision)


def _reliability(seen: FaceObservation) -> float:
    """Inverse variance of a view's errors, up to a factor: blurred, small and hidden faces tell less."""
    sharp = float(np.clip(seen.sharpness, _BLURRED, 1.0))
    return sharp * max(1.0 - (seen.hidden or 0.0), _HIDDEN)


def _angle(a: Camera, b: Camera) -> float:
    """Degrees between two head poses."""
    cosine = (np.trace(a.rotation @ b.rotation.T) - 1) / 2
    return float(np.degrees(np.arccos(np.clip(cosine, -1, 1))))
