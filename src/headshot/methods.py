"""From the points of a face to a head, three ways.

*fit*: the landmarks and the photo's colours, with what is known of people in general.
*regress*: what our own network says of the photo (`headshot.regress`), in one look; only the camera is
fitted, to the network's points. The quickest, and blind to details.
*hybrid*: the fit again, told what the network says: its identity, as sure as it is, in the place of the
average person; its points beside the landmarks; its expression beside that of the landmark network.

Where no landmarks were found but by our network (`headshot.faces`), its points take their place in all three.

Dimension letters: L landmarks, I identity modes, E expressions, A albedo modes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from headshot.fit import (
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
from headshot.fit.errors import load_landmark_errors
from headshot.fit.gaps import lip_gaps
from headshot.fit.observe import observe
from headshot.head_model import PointModel, load_head_model
from headshot.landmarks import Landmarks
from headshot.photo import Photo
from headshot.regress import Crop, Regression, RegressSettings, regress
from headshot.segment import Segmentation

Array = NDArray[np.float64]
Method = Literal["fit", "regress", "hybrid"]
METHODS: tuple[Method, ...] = ("fit", "regress", "hybrid")

JAW = 17  # first of iBUG's points, which lie where the outline of the face happens to be
INNER = slice(JAW, None)


@dataclass(frozen=True)
class HybridSettings:
    """How far fits believe the network, which is surer than it is right.

    Attributes:
        identity: its standard deviations of the identity times this.
        points: those of its 478 points times this where they are all that there is: neighbours err alike.
        inner: those of its 51 inner iBUG points times this, beside landmarks; infinite leaves them out.
        own_inner: the same beside its own 478 points.
        expression: how much of the expected expression is the network's, not the landmark network's.
    """

    identity: float = 1.0
    points: float = 4.0
    inner: float = float("inf")
    own_inner: float = 4.0
    expression: float = 0.0


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
    counted: NDArray[np.bool_]
    albedo: Array | None
    light: Array | None
    measures: dict[str, float]


@lru_cache(maxsize=4)
def point_model(detail: str, name: str = "mediapipe478") -> PointModel:
    """The head model at its landmarks of a name; the same for every photo, so made once."""
    model = load_head_model(detail)
    return model.at(model.landmarks[name])


@lru_cache(maxsize=2)
def _inner_model(detail: str) -> PointModel:
    """The head model at iBUG's inner points."""
    whole = point_model(detail, "ibug68")
    return PointModel(
        whole.mean[INNER],
        whole.identity[:, INNER],
        whole.expression[:, INNER],
        whole.corrected,
        whole.correction[:, :, INNER],
    )


def second_opinion(photo: Photo, points: Landmarks) -> Regression:
    """What our network says of a face with known landmarks."""
    if points.regression is not None:
        return points.regression
    crop = Crop.of_points(points.points, points.roll)
    return regress(photo.pixels, crop, RegressSettings(looks=1))


def regressed(photo: Photo, found: Regression, detail: str, settings: FitSettings) -> Solved:
    """The network's head, with the camera that puts it onto the network's points."""
    whole = point_model(detail)
    positions = whole.positions(found.identity, found.expression)
    rigid = PointModel(
        positions, whole.identity[:0], whole.expression[:0], whole.corrected[:0], whole.correction[:0, :0]
    )
    seen = _observed(photo, found, np.zeros(0))
    solver = LandmarkSolver(seen, rigid, settings)
    solver.noise = found.sigma
    fit = solver.run()
    fit = replace(fit, identity=found.identity, expression=found.expression)
    return Solved(fit, seen.confidence > 0, found.albedo, found.light, {})


def landmark_solver(
    photo: Photo,
    points: Landmarks,
    known: Regression | None,
    detail: str,
    settings: tuple[FitSettings, HybridSettings],
) -> LandmarkSolver:
    """The fit to landmarks, ready to run.

    Args:
        photo: the photo.
        points: the landmarks.
        known: what the network says, if it is to be believed.
        detail: of the head model.
        settings: of the fit, and of its belief.
    """
    fitting, belief = settings
    whole = point_model(detail)
    prior = None
    if known is not None:
        prior = IdentityPrior.guess(known.identity, belief.identity * known.identity_sigma)
    if points.regression is not None:
        own = points.regression
        seen = _observed(photo, own, own.expression)
        solver = LandmarkSolver(
            seen, whole, fitting, None, Evidence(prior, _inner(own, belief.own_inner, detail))
        )
        solver.noise = belief.points * own.sigma
        return solver
    seen, others = observe(photo, points), None
    if known is not None:
        mixed = (1 - belief.expression) * seen.expression + belief.expression * known.expression
        seen = replace(seen, expression=mixed)
        others = _inner(known, belief.inner, detail)
    gaps = lip_gaps(points.points, whole, points.extent)
    return LandmarkSolver(seen, whole, fitting, load_landmark_errors(), Evidence(prior, others, gaps))


def _inner(found: Regression, factor: float, detail: str) -> PointEvidence | None:
    """iBUG's inner points as the network places them, their deviations times a factor; None when infinite."""
    if not np.isfinite(factor):
        return None
    return PointEvidence(found.points68[INNER], factor * found.sigma68[INNER], model=_inner_model(detail))


def fitted(
    photo: Photo,
    solver: LandmarkSolver,
    settings: PhotometricSettings | None,
    parts: Segmentation | None,
) -> Solved:
    """The fit to colours after that to landmarks, which has been run; without settings that alone."""
    counted = solver.confidence > 0
    if settings is None:
        return Solved(solver.result(0), counted, None, None, {})
    explained = None if parts is None else parts.explained()
    # At one resolution for both: the coefficients are the same, and so are the results.
    colours = fit_photo(photo.pixels, solver, load_head_model("low"), settings, explained)
    measures = {"explained": colours.explained, "colour_noise": colours.noise}
    return Solved(colours.fit, counted, colours.albedo, colours.light, measures)


def _observed(photo: Photo, found: Regression, expression: Array) -> Observation:
    """The network's points as a fit takes landmarks."""
    return Observation(
        points=found.points,
        confidence=np.ones(len(found.points)),
        expression=expression,
        width=photo.width,
        height=photo.height,
        focal=photo.focal_pixels(),
    )
