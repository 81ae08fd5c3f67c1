"""A person from one photo or several: one identity, albedo and size, a camera, expression and light a view.

    observations -> fit of each view alone -> joint fit to landmarks -> to colours, to what the photos show
    of each other, and to silhouettes -> shape shrunk to its prior

What a fit changes about the shape that the identity prior predicts is noise by a good part, also where its
covariance is small: networks err at all points alike, and camera and expression are mistaken for shape. So
its errors are taken to be in proportion to its information in each direction (Zellner's g-prior, 1986): one
factor shortens the change by landmarks, another that by colours; both grow with the number of views.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from headshot.arrays import Array, Mask
from headshot.fitting.evidence import fit_models, start_observed
from headshot.fitting.initialise import ViewStart
from headshot.fitting.other_models import other_model, start_other
from headshot.fitting.schedule import (
    Fit,
    Picture,
    begin,
    descend_colours,
    descend_landmarks,
    joined,
    with_identity,
    with_outlines,
)
from headshot.fitting.settings import FitSettings, PhotometricSettings
from headshot.fitting.terms import LocatedTerm
from headshot.fitting.terms.silhouette import TURNED, Silhouette, silhouette_model
from headshot.fitting.view_weights import ViewWeights, identity_prior, view_weights
from headshot.fitting.working_photo import PixelWeights
from headshot.geometry.camera import Camera
from headshot.models.head_model import HeadModel, load_head_model
from headshot.models.protocol import BUNDLED, FaceModel
from headshot.perception.observe import FaceObservation
from headshot.perception.segmentation import EXPLAINED, Segmentation

_LAST_STEP = 1  # for pose and expression alone, once the shape is fixed


@dataclass(frozen=True, eq=False)
class FittedView:
    """One view of a fitted person, in model millimetres.

    Attributes:
        camera: camera and head pose.
        expression: (E,) coefficients, of the bundled model ARKit's weights.
        light: (9, 3), head frame; None without the fit to colours.
        residual: (L, 2) pixels, landmarks of the photo minus those of the head.
        counted: (L,) the landmarks that the fit was to follow.
        explained: share of the face's skin whose colours the head explains; None without the fit to colours.
        colour_noise: standard deviation of the colours that are explained, sRGB (0 to 1); None likewise.
        weight: share of the view's information that is not in other views as well.
    """

    camera: Camera
    expression: Array
    light: Array | None
    residual: Array
    counted: Mask
    explained: float | None
    colour_noise: float | None
    weight: float


@dataclass(frozen=True, eq=False)
class FittedPerson:
    """A person and the views of them.

    Attributes:
        identity: (I,) coefficients in standard deviations.
        albedo: (A,) coefficients in standard deviations; None without the fit to colours.
        views: in the order of the observations.
    """

    identity: Array
    albedo: Array | None
    views: tuple[FittedView, ...]


def fit_person(
    seen: Sequence[FaceObservation],
    model: FaceModel,
    settings: FitSettings,
    colours: PhotometricSettings | None,
) -> FittedPerson:
    """Fit a person to one photo or several.

    Args:
        seen: what networks saw, one for each photo.
        model: the head model. What was made for the bundled one (identity predictions, albedo, landmark
            noise) is left out with others, and so are the colours.
        settings: of the fit.
        colours: of the fit to colours; None fits landmarks only.

    Raises:
        ValueError: no observations.
        HeadshotError: the model has too few landmarks.
    """
    if not seen:
        raise ValueError("a person needs at least one observation")
    if not isinstance(model, HeadModel) or model.id != BUNDLED:
        other = other_model(model)
        starts = _Starts(lambda s, mean: start_other(s, other, mean, settings), len(model.identity))
        without = [replace(s, identity=None) for s in seen]
        return _result(*_fit_landmarks(without, starts, settings)[:2])
    models = fit_models(model)
    starts = _Starts(lambda s, mean: start_observed(s, models, mean, settings), len(model.identity))
    fit, weights, expected = _fit_landmarks(seen, starts, settings)
    start = fit.identity

    def shrunk(now: Fit) -> Array:
        factor, factor_colours = weights.shrinkage(settings)
        assert expected is not None
        shape: Array = expected + factor * (start - expected) + factor_colours * (now.identity - start)
        return shape

    shape = None if expected is None else shrunk
    if colours is not None:
        pictures = (Picture(s.photo.pixels, _explicable(s.segmentation)) for s in seen)
        # At one resolution for all: the coefficients are the same, and so are the results.
        low = load_head_model("low")
        if len(seen) > 1:  # a single photo gains nothing by it (docs/explanation/fitting.md)
            fit = with_outlines(fit, _silhouettes(seen, fit, low))
        fit = descend_colours(fit, pictures, low, colours, shape)
    elif shape is not None:
        fit = descend_landmarks(with_identity(fit, shape(fit)), settings, _LAST_STEP)
    return _result(fit, weights)


@dataclass(frozen=True, eq=False)
class _Starts:
    """How the views of a model start.

    Attributes:
        of: from an observation and the expected identity (I,).
        modes: I.
    """

    of: Callable[[FaceObservation, Array], ViewStart]
    modes: int


def _fit_landmarks(
    seen: Sequence[FaceObservation], starts: _Starts, settings: FitSettings
) -> tuple[Fit, ViewWeights, Array | None]:
    """The fit to the landmarks of all views, their weights, and the shape that the identity prior expects."""
    modes = starts.modes
    predictions = [s.identity for s in seen]
    singles = []
    for observation in seen:
        prior = identity_prior([observation.identity], np.ones(1), modes)
        alone = begin([starts.of(observation, prior.mean)], prior)
        singles.append(descend_landmarks(alone, settings))
    weights = view_weights(seen, [fit.state.views[0].camera for fit in singles])
    prior = identity_prior(predictions, weights.identity, modes)
    expected = prior.mean if any(p is not None for p in predictions) else None
    if len(singles) == 1:
        return singles[0], weights, expected
    return descend_landmarks(joined(singles, prior, weights.landmarks), settings), weights, expected


def _explicable(parts: Segmentation | None) -> PixelWeights | None:
    """How far pixels show what the model has: bare skin, brows, nose, ears and lips."""
    return None if parts is None else PixelWeights(parts.in_crop(*EXPLAINED), parts.map)


def _silhouettes(seen: Sequence[FaceObservation], fit: Fit, model: HeadModel) -> list[LocatedTerm | None]:
    """The silhouettes that segmentations see of turned heads, at the fitted one."""
    found: list[LocatedTerm | None] = []
    for s, view in zip(seen, fit.state.views, strict=True):
        turned = abs(view.camera.angles[0]) > TURNED
        if s.segmentation is None or not turned:
            found.append(None)
            continue
        silhouette = Silhouette.of(s.segmentation, s.face_pixels, silhouette_model(model))
        found.append(silhouette.at(fit.state.person, view))
    return found


def _result(fit: Fit, weights: ViewWeights) -> FittedPerson:
    person, views = fit.state.person, []
    for v, (problem, view) in enumerate(zip(fit.problem.views, fit.state.views, strict=True)):
        term = problem.colours
        views.append(
            FittedView(
                camera=view.camera,
                expression=view.expression,
                light=None if term is None else view.light.reshape(9, 3),
                residual=problem.landmarks.residual(person, view),
                counted=problem.landmarks.confidence > 0,
                explained=None if term is None else term.explained(person, view),
                colour_noise=None if term is None else term.noise,
                weight=float(weights.landmarks[v]),
            )
        )
    return FittedPerson(person.identity, person.albedo if len(person.albedo) else None, tuple(views))
