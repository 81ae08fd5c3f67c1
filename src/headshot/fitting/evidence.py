"""From what networks saw in a photo to the terms of a view.

Where the landmark network lost the face (`headshot.perception.faces`), the points of the in-house network
take the place of its landmarks. Factors by which a network's standard deviations are multiplied were chosen
on photos and people that neither networks learned from nor the benchmark measures
(docs/explanation/fitting.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike

from headshot.arrays import Array
from headshot.fitting.initialise import LandmarkObservation, ViewStart, start_view
from headshot.fitting.landmark_noise import LandmarkNoiseModel, load_landmark_noise
from headshot.fitting.settings import FitSettings
from headshot.fitting.terms import Term
from headshot.fitting.terms.contour import ContourModel, FaceContour, face_contour
from headshot.fitting.terms.distances import lip_and_lid_distances
from headshot.fitting.terms.points import PointTerm
from headshot.image.photo import Photo
from headshot.models.arkit import ARKIT52
from headshot.models.head_model import HeadModel, PointModel
from headshot.models.topologies.ibug68 import INNER, JAW
from headshot.models.topologies.mediapipe478 import EYELIDS, LOWER_LIP, OVAL, POINTS, UPPER_LIP
from headshot.perception.landmarks.in_house import HeadPrediction
from headshot.perception.landmarks.mediapipe import Landmarks
from headshot.perception.observe import FaceObservation
from headshot.perception.segmentation import HIDING, Segmentation
from headshot.perception.teeth import clenched_teeth

# Factors on the standard deviations that the in-house network gives its points.
ALONE_DENSE = 10.0  # the 478 points where they stand for the landmarks: neighbours err alike
ALONE_INNER = 4.0  # iBUG's 51 inner points there
BESIDE_INNER = 1.2  # these beside landmarks of the other network
BESIDE_CONTOUR = 1.0  # iBUG's 17 points on the contour of the face, beside landmarks

# Usual disagreement of the landmark network's points with those of the mirrored photo, over the in-house
# network's sigma; and by how much their noise grows at most.
STEADY = 0.6
MOST_INFLATION = 8.0

# The network's scores of a relaxed face: the lower quartile over 3,600 photos of LFW, HELEN and UTKFace,
# where it is not negligible. What it calls a squint is mostly the shape of the eye.
RESTING = {"eyeSquintLeft": 0.22, "eyeSquintRight": 0.22}
_RESTING = np.array([RESTING.get(name, 0.0) for name in ARKIT52])

# Where teeth are seen to be together the jaw is expected shut, with a standard deviation this many times the
# usual one, and lips part otherwise: in 24 such photos of HELEN the fitted jaw is then open by 0.04, and by
# 0.18 without this; the points of the lips and of the whole face are as near those by hand.
JAW_OPEN = ARKIT52.index("jawOpen")
CLENCHED = 0.15

# Relative precision of the landmarks. Lids and lips are seen sharply and decide whether eyes and mouth look
# right; the outline of the face is no fixed line of the skin, and hair often hides it.
CONFIDENCE = np.ones(POINTS)
CONFIDENCE[list(EYELIDS + UPPER_LIP + LOWER_LIP)] = 4.0
CONFIDENCE[list(OVAL)] = 0.3

_COVERED = 15.0  # times their usual errors of points that are surely hidden: they hardly count
_SEEN, _HIDDEN = 0.5, 0.9  # probabilities between which errors grow,
_FEW, _MANY = 0.03, 0.08  # and shares of hidden points: the hair of most foreheads does not matter


@dataclass(frozen=True, eq=False)
class FitModels:
    """A head model as fits need it.

    Attributes:
        landmarks: at MediaPipe's 478 points.
        inner: at iBUG's 51 inner points.
        both: at all of these.
        contour: where the contour of the face may lie.
        noise: of the landmark network, measured with this model; None for others.
    """

    landmarks: PointModel
    inner: PointModel
    both: PointModel
    contour: ContourModel
    noise: LandmarkNoiseModel | None


@lru_cache(maxsize=4)
def fit_models(model: HeadModel) -> FitModels:
    """A head model as fits need it; the same for every photo, so made once."""
    dense = model.at(model.landmarks["mediapipe478"])
    inner = model.at(model.landmarks["ibug68"]).restricted(INNER)
    both = PointModel(
        np.concatenate([dense.mean, inner.mean]),
        np.concatenate([dense.identity, inner.identity], axis=1),
        np.concatenate([dense.expression, inner.expression], axis=1),
        dense.corrected,
        np.concatenate([dense.correction, inner.correction], axis=2),
    )
    return FitModels(dense, inner, both, ContourModel.of(model), load_landmark_noise())


def start_observed(
    seen: FaceObservation, models: FitModels, identity: Array, settings: FitSettings
) -> ViewStart:
    """The fit of a view, ready to run.

    Args:
        seen: what networks saw; without a prediction of the in-house network landmarks stand alone.
        models: the head model.
        identity: (I,) expected identity.
        settings: see `FitSettings`.
    """
    found = seen.landmarks
    if found.prediction is not None:
        return _start_in_house(seen, found.prediction, models, identity, settings)
    others: list[Term] = []
    inflation = 1.0
    if seen.prediction is not None:
        inner = BESIDE_INNER * seen.prediction.sigma68[INNER]
        others.append(PointTerm(seen.prediction.points68[INNER], inner, models.inner))
        inflation = mirror_inflation(found, seen.prediction)
    others.append(lip_and_lid_distances(found.points, models.landmarks, found.extent))
    observation = landmark_observation(seen.photo, found, seen.segmentation, inflation)
    start = start_view(observation, models.landmarks, identity, settings, models.noise, tuple(others))
    if seen.prediction is None:
        return start
    return start.with_contour(_contour(seen.prediction, models.contour), identity)


def landmark_observation(
    photo: Photo, landmarks: Landmarks, parts: Segmentation | None = None, inflation: float = 1.0
) -> LandmarkObservation:
    """The landmarks of a photo, their precision, and the prior of their expression.

    Args:
        photo: the photo.
        landmarks: the 478 points.
        parts: what the pixels show of the face; hidden landmarks count less.
        inflation: how many times larger than usual all errors are.
    """
    expression, narrowing = expression_prior(landmarks.blendshapes), None
    together = clenched_teeth(photo.pixels, landmarks.points, landmarks.extent)
    if together:
        expression[JAW_OPEN] *= 1 - together
        narrowing = np.ones(len(expression))
        narrowing[JAW_OPEN] = CLENCHED**together
    return LandmarkObservation(
        points=landmarks.points,
        confidence=CONFIDENCE,
        expression=expression,
        width=photo.width,
        height=photo.height,
        focal=photo.focal_pixels(),
        inflation=inflation,
        hidden=None if parts is None else hidden_inflation(landmarks.points, parts),
        narrowing=narrowing,
    )


def _start_in_house(
    seen: FaceObservation, found: HeadPrediction, models: FitModels, identity: Array, settings: FitSettings
) -> ViewStart:
    """The fit to the points of the in-house network alone."""
    points = np.concatenate([found.points, found.points68[INNER]])
    deviation = np.concatenate([ALONE_DENSE * found.sigma, ALONE_INNER * found.sigma68[INNER]])
    observation = LandmarkObservation(
        points=points,
        confidence=np.ones(len(points)),
        expression=found.expression,
        width=seen.photo.width,
        height=seen.photo.height,
        focal=seen.photo.focal_pixels(),
        deviation=deviation,
    )
    return start_view(observation, models.both, identity, settings)


def _contour(found: HeadPrediction, model: ContourModel) -> FaceContour:
    deviation = BESIDE_CONTOUR * found.sigma68[JAW]
    return face_contour(found.points68[JAW], deviation, found.angles[0], model)


def mirror_inflation(landmarks: Landmarks, found: HeadPrediction) -> float:
    """How much larger than usual the landmarks' errors are: by their distance from the mirrored photo's.

    Of a blurred face the landmark network sees another one in the mirror, while the in-house network
    predicts no larger errors than usual. Of hidden faces both have large errors.
    """
    usual = float(found.sigma68[INNER].mean()) / landmarks.extent
    return min(max((landmarks.spread / (STEADY * usual)) ** 2, 1.0), MOST_INFLATION)


def hidden_inflation(points: ArrayLike, parts: Segmentation) -> Array:
    """How much larger than usual the errors of landmarks (478, 2) are where the face is hidden: (478,).

    The network predicts hidden points from those around. So does the fit, which knows more of faces. The
    outline, which has background beside it, is left as it is.
    """
    hidden = np.clip((parts.at(points, *HIDING) - _SEEN) / (_HIDDEN - _SEEN), 0, 1)
    hidden[list(OVAL)] = 0
    return 1 + (_COVERED - 1) * hidden * np.clip((hidden.mean() - _FEW) / (_MANY - _FEW), 0, 1)


def expression_prior(scores: ArrayLike) -> Array:
    """What to expect of the ARKit weights (52,) from the network's scores (52,)."""
    return np.clip((np.asarray(scores, np.float64) - _RESTING) / (1 - _RESTING), 0, 1)
