"""The methods that are measured, behind one interface.

What every table shows: methods of `METHODS` and the *mean face* (only its pose comes from the photo). A
method that does not clearly beat the mean face reconstructs no identity. All start from the same `Subject`:
face and landmarks of a photo are found once.

A new method is a `Predictor`: a name, and a call from `Subject` to `Prediction`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from headshot import results
from headshot.arrays import F32, Array
from headshot.datasets.subject import Subject
from headshot.fitting.evidence import landmark_observation
from headshot.fitting.mean_head import camera_of_mean_head
from headshot.geometry.camera import Camera
from headshot.models.contour import landmarks68
from headshot.models.head_model import HeadModel, load_head_model
from headshot.models.topologies.mediapipe478 import MEDIAPIPE_TO_IBUG68
from headshot.pipeline import Reconstructor
from headshot.settings import Settings
from headshot.texture import Texture, TextureSettings, TextureView, make_texture


@dataclass(frozen=True, eq=False)
class Head:
    """A predicted head, in the person's millimetres and the head frame (docs/reference/conventions.md).

    Attributes:
        model: topology, texture coordinates and regions.
        vertices: (V, 3) as in the photo, with expression.
        neutral: (V, 3) without expression.
        camera: maps the head frame to the photo.
        identity: (I,) coefficients in standard deviations; zeros for the mean face.
        scale: the person's millimetres per model millimetre.
        texture: or None where none is measured.
    """

    model: HeadModel
    vertices: F32
    neutral: F32
    camera: Camera
    identity: Array
    scale: float
    texture: Texture | None = None


@dataclass(frozen=True, eq=False)
class Prediction:
    """The prediction of a method for a photo.

    Attributes:
        points: (68, 2) iBUG points in pixels of the photo.
        head: None for a method that only finds points.
    """

    points: Array
    head: Head | None = None


def head_of(found: results.Head) -> Head:
    """The head of a reconstruction."""
    return Head(
        found.bundled,
        found.vertices,
        found.neutral_vertices,
        found.camera,
        found.identity,
        found.scale,
        found.texture,
    )


class Predictor(Protocol):
    """A method that can be measured.

    Its ``repr`` says all that its results depend on, as that of a dataclass does: resume logs compare it.
    """

    @property
    def name(self) -> str:
        """What tables call it."""
        ...

    def __call__(self, subject: Subject, *, textured: bool = False) -> Prediction:
        """Predict a head, with a texture only where that is measured.

        Raises:
            HeadshotError: the method has no result, which counts as a failure.
        """
        ...


METHODS: dict[str, Callable[[], Settings]] = {
    "headshot": Settings,
    "without networks": lambda: Settings(prior="none"),
    "landmarks only": lambda: Settings(prior="none", photometric=None),
    "fast": lambda: Settings(preset="fast"),
}
"""The methods of `headshot.reconstruct` that are compared: the name in tables, and the settings.

*headshot* is the default, with the identity prior and the accurate preset; *without networks* has no identity
prior; *landmarks only* has no fit to colours either; *fast* is the preset of that name.
"""

MEASURED = {"detail": "low", "texture": TextureSettings(size=512)}
"""Settings that all of them have in common."""


@dataclass(frozen=True)
class Reconstructed:
    """`headshot.reconstruct` with some settings.

    Attributes:
        name: what tables call it.
        settings: how to reconstruct; the texture counts only where one is measured.
    """

    name: str
    settings: Settings

    def __call__(self, subject: Subject, *, textured: bool = False) -> Prediction:
        settings = self.settings if textured else replace(self.settings, texture=None)
        reconstruct = Reconstructor(settings, preload=False)
        found = reconstruct.of_face(subject.photo, subject.face, subject.landmarks)
        return Prediction(found.project(found.landmarks68), head_of(found))


def named_method(name: str, label: str | None = None, **changes: Any) -> Reconstructed:
    """A method of `METHODS`, or a variant of it.

    Args:
        name: key of `METHODS`.
        label: of the variant in tables; the same name when None.
        changes: fields of its settings that differ.
    """
    return Reconstructed(label or name, replace(METHODS[name](), **{**MEASURED, **changes}))


@dataclass(frozen=True)
class MeanFace:
    """The mean head with a neutral face, in the pose that fits the landmarks best.

    Attributes:
        detail: resolution of the head.
        texture_size: of the texture, where one is measured.
    """

    detail: str = "low"
    texture_size: int = 512
    name: str = "mean face"

    def __call__(self, subject: Subject, *, textured: bool = False) -> Prediction:
        model = load_head_model(self.detail)
        observation = landmark_observation(subject.photo, subject.landmarks)
        camera = camera_of_mean_head(observation, self.detail)
        texture = None
        if textured:
            size = TextureSettings(size=self.texture_size)
            texture = make_texture([TextureView(subject.photo.pixels, model.mean, camera)], model, size)
        points = camera.project(landmarks68(model, model.mean, camera))
        zeros = np.zeros(len(model.identity))
        return Prediction(points, Head(model, model.mean, model.mean, camera, zeros, 1.0, texture))


@dataclass(frozen=True)
class NetworkPoints:
    """The landmark network's own points through the usual table of 68 of its 478 indices: no head at all."""

    name: str = "network points"

    def __call__(self, subject: Subject, *, textured: bool = False) -> Prediction:
        return Prediction(subject.landmarks.points[list(MEDIAPIPE_TO_IBUG68)])


def default_predictors() -> tuple[Predictor, ...]:
    """All methods, and the mean face."""
    return (*map(named_method, METHODS), MeanFace())


def textured_predictors() -> tuple[Predictor, ...]:
    """For measures of pictures: the accurate methods, the fit without colours, and the mean face."""
    return (*map(named_method, ("headshot", "without networks", "landmarks only")), MeanFace())


def methods_side_by_side() -> tuple[Predictor, ...]:
    """The methods that a user can choose, and the mean face."""
    return (*map(named_method, ("headshot", "without networks", "fast")), MeanFace())
