"""The terms of a view for head models without networks, noise model and albedo of their own.

What networks see in a photo is the same for every model; what was measured with the bundled model (the
errors of landmarks, the identity that a network predicts, its albedo) is not. So the views of any other model
have the landmarks that it defines: MediaPipe's 478 points and iBUG's 51 inner ones, or the latter alone, by
the in-house network, which predicts the standard deviation of each; and the jaw's points across the outline
of its own mesh. Shape and expression start from the model's mean and have its own statistics.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from headshot.arrays import Array, Index
from headshot.errors import HeadshotError
from headshot.fitting.evidence import (
    ALONE_DENSE,
    ALONE_INNER,
    BESIDE_CONTOUR,
    BESIDE_INNER,
    CONFIDENCE,
    expression_prior,
    hidden_inflation,
    mirror_inflation,
)
from headshot.fitting.initialise import LEAST_POINTS, LandmarkObservation, ViewStart, start_view
from headshot.fitting.settings import FitSettings
from headshot.fitting.terms import Term
from headshot.fitting.terms.contour import SIDEWAYS
from headshot.fitting.terms.distances import lip_and_lid_distances
from headshot.fitting.terms.outline import FaceOutline, OutlineModel
from headshot.fitting.terms.points import PointTerm
from headshot.models.arkit import ARKIT52
from headshot.models.protocol import ExpressionPrior, FaceModel, SurfacePoints
from headshot.models.topologies.ibug68 import JAW, JAW_POINTS
from headshot.models.topologies.mediapipe478 import POINTS
from headshot.perception.landmarks.in_house import HeadPrediction
from headshot.perception.observe import FaceObservation

_BLINKS = tuple(ARKIT52.index(name) for name in ("eyeBlinkRight", "eyeBlinkLeft"))


@dataclass(frozen=True, eq=False)
class OtherModel:
    """A head model as these fits need it.

    Attributes:
        inner: at those of iBUG's points that are fixed points of the skin.
        inner_index: (L,) their numbers among the 68.
        dense: at MediaPipe's 478 points; None where the model does not have them all.
        outline: where the outline may be; None where the model does not say.
        expressions: what its expressions may be.
    """

    inner: SurfacePoints
    inner_index: Index
    dense: SurfacePoints | None
    outline: OutlineModel | None
    expressions: ExpressionPrior


@lru_cache(maxsize=4)
def other_model(model: FaceModel) -> OtherModel:
    """A head model as these fits need it; the same for every photo, so made once.

    Raises:
        HeadshotError: it has too few landmarks.
    """
    inner = model.landmark_set("ibug68")
    if inner is None or len(inner) < LEAST_POINTS:
        count = 0 if inner is None else len(inner)
        raise HeadshotError(
            f"{model.id} has {count} of the 68 iBUG landmarks, and a fit needs at least {LEAST_POINTS}: "
            "docs/reference/model-formats.md says which files name them"
        )
    found = model.landmark_set("mediapipe478")
    dense = None if found is None or len(found) < POINTS else model.at(found.points)
    index = inner.index.astype(np.int64)
    return OtherModel(model.at(inner.points), index, dense, OutlineModel.of(model), model.expression_prior)


def start_other(
    seen: FaceObservation, model: OtherModel, identity: Array, settings: FitSettings
) -> ViewStart:
    """The fit of a view, ready to run.

    Args:
        seen: what networks saw; the in-house landmark network must be among them.
        model: the head model.
        identity: (I,) expected identity.
        settings: see `FitSettings`.

    Raises:
        ValueError: the in-house network was not run.
    """
    found = seen.prediction
    if found is None:
        raise ValueError("fits of other head models need the prediction of the in-house network")
    failed = seen.landmarks.prediction is not None
    scores = found.expression if failed else expression_prior(seen.landmarks.blendshapes)
    expression = model.expressions.mean(scores)
    if model.dense is None or failed:
        return _start_inner(seen, found, model, identity, expression, settings)
    inflation = mirror_inflation(seen.landmarks, found)
    deviation = BESIDE_INNER * found.sigma68[model.inner_index]
    others: list[Term] = [PointTerm(found.points68[model.inner_index], deviation, model.inner)]
    blinks = [np.flatnonzero(model.expressions.arkit == blink) for blink in _BLINKS]
    if all(len(blink) == 1 for blink in blinks):
        right, left = (int(blink[0]) for blink in blinks)
        landmarks = seen.landmarks
        others.append(lip_and_lid_distances(landmarks.points, model.dense, landmarks.extent, (right, left)))
    observation = LandmarkObservation(
        points=seen.landmarks.points,
        confidence=CONFIDENCE,
        expression=expression,
        width=seen.photo.width,
        height=seen.photo.height,
        focal=seen.photo.focal_pixels(),
        inflation=inflation,
        hidden=None
        if seen.segmentation is None
        else hidden_inflation(seen.landmarks.points, seen.segmentation),
    )
    start = start_view(observation, model.dense, identity, settings, None, tuple(others), model.expressions)
    return _with_outline(start, found, model, identity, BESIDE_CONTOUR)


def _start_inner(
    seen: FaceObservation,
    found: HeadPrediction,
    model: OtherModel,
    identity: Array,
    expression: Array,
    settings: FitSettings,
) -> ViewStart:
    """The fit to the in-house network's points alone."""
    # Where the 478 count as well, neighbours err alike; 50 points and the jaw's are as good as they are said
    # to be: larger deviations predict points that a fit did not see worse (docs/explanation/fitting.md).
    inner, contour = BESIDE_INNER, BESIDE_CONTOUR
    others: list[Term] = []
    if model.dense is not None:
        inner = contour = ALONE_INNER
        others.append(PointTerm(found.points, ALONE_DENSE * found.sigma, model.dense))
    points = found.points68[model.inner_index]
    observation = LandmarkObservation(
        points=points,
        confidence=np.ones(len(points)),
        expression=expression,
        width=seen.photo.width,
        height=seen.photo.height,
        focal=seen.photo.focal_pixels(),
        deviation=inner * found.sigma68[model.inner_index],
    )
    start = start_view(observation, model.inner, identity, settings, None, tuple(others), model.expressions)
    return _with_outline(start, found, model, identity, contour)


def _with_outline(
    start: ViewStart, found: HeadPrediction, model: OtherModel, identity: Array, factor: float
) -> ViewStart:
    """The fit with the jaw's landmarks: not of the far side of a face that nose and mouth hide."""
    if model.outline is None:
        return start
    yaw = found.angles[0]
    number = np.arange(JAW_POINTS)
    far = number > JAW_POINTS // 2 if yaw > 0 else number < JAW_POINTS // 2
    deviation = np.where(far & (abs(yaw) > SIDEWAYS), np.inf, factor * found.sigma68[JAW])
    return start.with_contour(FaceOutline(found.points68[JAW], deviation, model.outline), identity)
