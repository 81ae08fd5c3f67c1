"""From the points of a face to a head, three ways.

*fit*: the landmarks and the photo's colours, with what is known of people in general.
*hybrid*: the fit, told what the person's looks say of the shape (`headshot.perception.identity`), and where
our own network sees the points (`headshot.perception.landmarks.in_house`).
*regress*: fewer steps of the same. The quickest.

Where no landmarks were found but by our network (`headshot.perception.faces`), its points take their place
in all three.

Dimension letters: L landmarks, I identity modes, E expressions, A albedo modes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Literal

import numpy as np

from headshot.arrays import Array, Mask
from headshot.fitting import (
    Evidence,
    Fit,
    FitSettings,
    IdentityPrior,
    LandmarkSolver,
    Observation,
    PhotometricSettings,
    PointEvidence,
    fit_photo,
)
from headshot.fitting.landmark_noise import load_landmark_errors
from headshot.fitting.landmarks import TURNING
from headshot.fitting.observe import observe
from headshot.fitting.terms.contour import Candidates, face_outline
from headshot.fitting.terms.distances import face_gaps
from headshot.image.photo import Photo
from headshot.models.head_model import PointModel, load_head_model
from headshot.models.topologies.ibug68 import JAW_POINTS as JAW
from headshot.perception.identity import IdentityPrediction
from headshot.perception.landmarks.in_house import HeadPrediction
from headshot.perception.landmarks.mediapipe import Landmarks
from headshot.perception.observe import FaceObservation, ObserveSettings
from headshot.perception.segmentation import Segmentation

Method = Literal["fit", "regress", "hybrid"]
METHODS: tuple[Method, ...] = ("fit", "regress", "hybrid")

QUICK = TURNING  # steps of a fit to landmarks where time counts: fewer leave heads that turn unfinished
SETTLE = 1  # steps for pose and expression alone
STEADY = 0.6  # usual disagreement of the landmarks with the mirrored photo's, over our network's doubt
DOUBT = 8.0  # most by which the landmarks' errors grow with more of it


@dataclass(frozen=True)
class HybridSettings:
    """How far our own networks are believed, which are surer than they are right.

    Attributes:
        looks: what looks say of the shape: 1 takes it as it is, 0 leaves it out.
        modes: of the shape's modes so many, the largest, are what looks tell of.
        kept: share of what the fit to landmarks changes about the shape that looks expect: fits err more
            than they say, and in most that they change.
        kept_colours: of what the fit to colours changes about that: they err less alike than points.
        points: standard deviations of our network's 478 points times this: neighbours err alike.
        inner: those of its 51 inner iBUG points times this.
        beside: the same where landmarks have been found as well; infinite leaves them out.
        outline: those of its 17 points on the outline of the face times this, beside landmarks; infinite
            leaves them out.
    """

    looks: float = 1.0
    modes: int = 40
    kept: float = 0.4
    kept_colours: float = 0.7
    points: float = 10.0
    inner: float = 4.0
    beside: float = 1.2
    outline: float = 1.0


@dataclass(frozen=True, eq=False)
class Told:
    """What our own networks say of a face.

    Attributes:
        network: points, expression and colours, where they were asked for.
        looks: of the shape, likewise.
    """

    network: HeadPrediction | None = None
    looks: IdentityPrediction | None = None

    @classmethod
    def of(cls, seen: FaceObservation, belief: HybridSettings) -> Told:
        """What is used of an observation."""
        looks = None if seen.identity is None else seen.identity.largest(belief.modes)
        return cls(seen.prediction, looks)


def networks_of(method: Method, belief: HybridSettings) -> ObserveSettings:
    """The networks that a method needs."""
    hybrid = method != "fit"
    return ObserveSettings(
        prediction=hybrid and bool(np.isfinite(belief.beside)), identity=hybrid and belief.looks > 0
    )


@dataclass(frozen=True, eq=False)
class Solved:
    """A head in a photo.

    Attributes:
        fit: shape, expression and camera, in model millimetres.
        counted: (L,) the landmarks that the fit was to follow.
        albedo: (A,) or None.
        light: (9, 3) or None.
        measures: of the fit to colours, for `headshot.quality`; empty without.
    """

    fit: Fit
    counted: Mask
    albedo: Array | None
    light: Array | None
    measures: dict[str, float]


@lru_cache(maxsize=4)
def point_model(detail: str, name: str = "mediapipe478") -> PointModel:
    """The head model at its landmarks of a name; the same for every photo, so made once."""
    model = load_head_model(detail)
    return model.at(model.landmarks[name])


@lru_cache(maxsize=2)
def _own_model(detail: str) -> PointModel:
    """The head model at our network's 478 points, and at iBUG's inner ones."""
    dense, sparse = point_model(detail), _inner_model(detail)
    return PointModel(
        np.concatenate([dense.mean, sparse.mean]),
        np.concatenate([dense.identity, sparse.identity], axis=1),
        np.concatenate([dense.expression, sparse.expression], axis=1),
        dense.corrected,
        np.concatenate([dense.correction, sparse.correction], axis=2),
    )


@lru_cache(maxsize=2)
def _inner_model(detail: str) -> PointModel:
    """The head model at iBUG's inner points."""
    return point_model(detail, "ibug68").restricted(slice(JAW, None))


@lru_cache(maxsize=2)
def _outline_model(detail: str) -> Candidates:
    """The head model where the outline of the face may lie."""
    return Candidates.of(load_head_model(detail))


def shape_prior(looks: IdentityPrediction | None, belief: float) -> IdentityPrior | None:
    """What looks say of a shape as the prior of a fit; None where nobody asked them.

    Doubt leads back to N(0, I), not to knowing less than what people are like.
    """
    if looks is None:
        return None
    variance = 1 + belief * (looks.sigma**2 - 1)
    return IdentityPrior.guess(belief * looks.mean, np.sqrt(variance))


def between(solver: LandmarkSolver, start: Array, looks: IdentityPrediction, belief: HybridSettings) -> Array:
    """The shape (I,) between that which looks expect and the one where a solver stands.

    What a fit changes about the shape that looks expect is noise by half, also where it is sure: networks err
    at all points alike, and camera and expression are mistaken for shape. So its errors are taken to be in
    proportion to what it knows in each direction (Zellner's g-prior, 1986): one factor shortens the change by
    landmarks, up to ``start`` (I,), and another that by colours.
    """
    expected = belief.looks * looks.mean
    by_colours = solver.identity[: solver.people] - start
    shape: Array = expected + belief.kept * (start - expected) + belief.kept_colours * by_colours
    return shape


def own_solver(
    photo: Photo,
    told: Told,
    detail: str,
    settings: tuple[FitSettings, HybridSettings],
) -> LandmarkSolver:
    """The fit to the points of our own network, which must have been asked, ready to run.

    Args:
        photo: the photo.
        told: what our networks say.
        detail: of the head model.
        settings: of the fit, and of its belief.
    """
    fitting, belief = settings
    found = told.network
    assert found is not None
    points = np.concatenate([found.points, found.points68[JAW:]])
    seen = Observation(
        points=points,
        confidence=np.ones(len(points)),
        expression=found.expression,
        width=photo.width,
        height=photo.height,
        focal=photo.focal_pixels(),
        deviation=np.concatenate([belief.points * found.sigma, belief.inner * found.sigma68[JAW:]]),
    )
    prior = shape_prior(told.looks, belief.looks)
    return LandmarkSolver(seen, _own_model(detail), fitting, None, Evidence(prior))


def landmark_solver(
    photo: Photo,
    points: Landmarks,
    told: Told,
    detail: str,
    settings: tuple[FitSettings, HybridSettings],
    parts: Segmentation | None = None,
) -> LandmarkSolver:
    """The fit to landmarks, ready to run.

    Args:
        photo: the photo.
        points: the landmarks.
        told: what our networks say, as far as it is to be believed.
        detail: of the head model.
        settings: of the fit, and of its belief.
        parts: what the pixels show of the face: points that are hidden are doubted.
    """
    fitting, belief = settings
    if points.prediction is not None:
        return own_solver(photo, told, detail, settings)
    whole, others, outline = point_model(detail), None, None
    if told.network is not None and np.isfinite(belief.beside):
        n = told.network
        others = PointEvidence(n.points68[JAW:], belief.beside * n.sigma68[JAW:], model=_inner_model(detail))
        # The landmark network does not say how sure it is; but of a blurred face it sees another one in the
        # mirror, while ours is no less sure than usual. Of hidden faces neither is.
        unsure = float(n.sigma68[JAW:].mean()) / points.extent
        doubt = min(max((points.spread / (STEADY * unsure)) ** 2, 1.0), DOUBT)
        fitting = replace(fitting, inflation=fitting.inflation * doubt)
        if np.isfinite(belief.outline):
            deviation = belief.outline * n.sigma68[:JAW]
            outline = face_outline(n.points68[:JAW], deviation, n.angles[0], _outline_model(detail))
    prior = shape_prior(told.looks, belief.looks)
    gaps = face_gaps(points.points, whole, points.extent)
    evidence = Evidence(prior, others, gaps, outline)
    seen = observe(photo, points, parts)
    return LandmarkSolver(seen, whole, fitting, load_landmark_errors(), evidence)


def quick(
    fitting: FitSettings, colours: PhotometricSettings | None
) -> tuple[FitSettings, PhotometricSettings | None]:
    """The settings of fits to landmarks and to colours where time counts: the same with fewer steps."""
    if colours is not None:
        colours = replace(colours, steps=tuple(max(n - 1, 1) for n in colours.steps))
    return replace(fitting, iterations=min(fitting.iterations, QUICK)), colours


def fitted(
    photo: Photo,
    solver: LandmarkSolver,
    told: Told,
    settings: tuple[PhotometricSettings | None, HybridSettings],
    parts: Segmentation | None,
) -> Solved:
    """The head where the fit to landmarks ended, by the colours, and with the shape nearer to that of looks.

    Args:
        photo: the photo.
        solver: of the landmarks, which has been run; it moves on.
        told: what our networks say.
        settings: of the fit to colours, None for landmarks only, and of its belief.
        parts: what the pixels show of the face.
    """
    colours, belief = settings
    counted, looks = solver.confidence > 0, told.looks
    start = solver.identity[: solver.people]
    shape = None if looks is None else partial(between, start=start, looks=looks, belief=belief)
    if colours is not None:
        explained = None if parts is None else parts.explained()
        # At one resolution for both: the coefficients are the same, and so are the results.
        model = load_head_model("low")
        found = fit_photo(photo.pixels, solver, model, colours, explained, shape)
        measures = {"explained": found.explained, "colour_noise": found.noise}
        return Solved(found.fit, counted, found.albedo, found.light, measures)
    if shape is not None:
        solver.hold(shape(solver))
        solver.run(SETTLE)
    return Solved(solver.result(0), counted, None, None, {})
