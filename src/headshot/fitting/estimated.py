"""What was fitted, as an estimate of the person in their own millimetres."""

from __future__ import annotations

from collections.abc import Sequence

from headshot.arrays import F32, Array
from headshot.estimate import Estimate, PersonParameters, PhotoInfo, ViewParameters
from headshot.fitting.evidence import fit_models
from headshot.fitting.other_models import other_model
from headshot.fitting.person import FittedPerson, FittedView
from headshot.fitting.scale import IrisMeasure, measure_iris, metric_scale, scaled_camera
from headshot.models.head_model import HeadModel
from headshot.models.protocol import BUNDLED, FaceModel
from headshot.models.topologies.mediapipe478 import IRIS_LEFT_IN_IMAGE, IRIS_RIGHT_IN_IMAGE
from headshot.perception.observe import FaceObservation

_IRIS_CENTRES = [IRIS_LEFT_IN_IMAGE[0], IRIS_RIGHT_IN_IMAGE[0]]


def estimate_of(
    person: FittedPerson, seen: Sequence[FaceObservation], model: FaceModel, prior: str, preset: str
) -> Estimate:
    """The estimate of a person who was fitted in the model's millimetres.

    Args:
        person: what was fitted.
        seen: what networks saw, one for each view.
        model: the head model.
        prior, preset: as of `headshot.Settings`; priors are the bundled model's alone.
    """
    irises: list[IrisMeasure | None] = []
    for s, view in zip(seen, person.views, strict=True):
        centres = _iris_centres(model, person.identity, view.expression)
        if s.landmarks.prediction is not None or centres is None:
            irises.append(None)  # the in-house network's irises are the model's, not measured
            continue
        irises.append(measure_iris(s.landmarks.points, view.camera, centres, s.landmarks.extent))
    scale = metric_scale(irises)
    parameters = PersonParameters(person.identity, person.albedo, scale.value, scale.uncertainty)
    views = tuple(_view(s, v, scale.value) for s, v in zip(seen, person.views, strict=True))
    known = prior if model.id == BUNDLED else "none"
    return Estimate(model.resolution, parameters, views, known, preset)


def _iris_centres(model: FaceModel, identity: Array, expression: Array) -> F32 | None:
    """Centres (2, 3) of the right and of the left iris, or what of the eyes is as deep, mm."""
    if isinstance(model, HeadModel) and model.id == BUNDLED:
        return fit_models(model).landmarks.positions(identity, expression)[_IRIS_CENTRES]
    irises = other_model(model).irises
    return None if irises is None else irises.positions(identity, expression)


def _view(seen: FaceObservation, fitted: FittedView, scale: float) -> ViewParameters:
    photo, landmarks = seen.photo, seen.landmarks
    return ViewParameters(
        photo=PhotoInfo(photo.name, photo.width, photo.height, photo.reduced, photo.focal_35mm),
        camera=scaled_camera(fitted.camera, scale),
        expression=fitted.expression,
        light=fitted.light,
        box=seen.face.box,
        points=seen.face.points,
        score=float(seen.face.score),
        landmarks=landmarks.points,
        presence=float(landmarks.presence),
        network="mediapipe" if landmarks.prediction is None else "in_house",
        weight=fitted.weight,
    )
