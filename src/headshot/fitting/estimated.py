"""What was fitted, as an estimate of the person in their own millimetres."""

from __future__ import annotations

from collections.abc import Sequence

from headshot.estimate import Estimate, PersonParameters, PhotoInfo, ViewParameters
from headshot.fitting.person import FittedPerson, FittedView
from headshot.fitting.scale import metric_scale, scaled_camera
from headshot.models.protocol import BUNDLED, FaceModel
from headshot.perception.observe import FaceObservation


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
    scale = metric_scale([None if s.identity is None else s.identity.embedding for s in seen])
    parameters = PersonParameters(person.identity, person.albedo, scale.value, scale.uncertainty)
    views = tuple(_view(s, v, scale.value) for s, v in zip(seen, person.views, strict=True))
    known = prior if model.id == BUNDLED else "none"
    return Estimate(model.resolution, parameters, views, known, preset)


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
