"""What a run makes of a face, in the photo's frame, whatever its kind.

Dimension letters: V vertices, F triangles.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from headshot.arrays import F32, I32, Array, ReadOnly
from headshot.datasets.subject import Subject
from headshot.fitting.person import FittedPerson
from headshot.geometry.camera import Camera
from headshot.image.photo import Photo
from headshot.learn.data.prepare import main_face
from headshot.models.protocol import FaceModel
from headshot.perception.detection.detect import detect_faces
from headshot.perception.faces import locate_faces
from headshot.perception.landmarks.mediapipe import LandmarkSettings
from headshot.perception.observe import FaceObservation


@dataclass(frozen=True, eq=False, repr=False)
class FaceMesh(ReadOnly):
    """A coloured mesh.

    Attributes:
        vertices: (V, 3) mm, axes of the head frame.
        triangles: (F, 3) counter-clockwise seen from outside.
        colours: (V, 3) sRGB in [0, 1], light included, as the network has them.
        keypoints: (68, 3) iBUG's points on it, mm; NaN where it does not fix them.
    """

    vertices: F32
    triangles: I32
    colours: F32
    keypoints: Array


@dataclass(frozen=True, eq=False)
class FoundFace:
    """What a run makes of a face.

    Attributes:
        subject: the photo and the face in it.
        mesh: the face.
        camera: of the photo, for the mesh's frame.
    """

    subject: Subject
    mesh: FaceMesh
    camera: Camera


@dataclass(frozen=True, eq=False)
class ModelPictures:
    """The model of a run before any photo: the mean face.

    Attributes:
        unlit: with its own colours.
        lit: in a light from the left above.
    """

    unlit: FaceMesh
    lit: FaceMesh


class Run(Protocol):
    """A training run that can be applied."""

    @property
    def name(self) -> str:
        """Of the network, for people."""

    @property
    def contrast(self) -> bool:
        """Whether its paper shows faces with more contrast as well."""

    @property
    def terms(self) -> str:
        """What the head model's source says about its use; may be empty."""

    def __call__(self, subject: Subject) -> FoundFace:
        """What the network makes of a face.

        Raises:
            HeadshotError: the face cannot be prepared for it.
        """

    def model_pictures(self) -> ModelPictures | None:
        """Its model; None for meshes without one."""

    def head_model(self) -> FaceModel | None:
        """The model of its heads; None for the bundled one.

        Raises:
            HeadshotError: its faces cannot be heads.
        """

    def person(self, seen: FaceObservation) -> FittedPerson:
        """What the network makes of a face, in the place of a fit, in millimetres of `head_model`."""


def find_main_subject(photo: Photo) -> Subject:
    """The face that a photo is of, chosen as trainings choose it (`headshot.learn.data.prepare.main_face`).

    Raises:
        NoFaceError: there is none.
    """
    face = main_face(detect_faces(photo.pixels), photo.width, photo.height)
    found, landmarks = locate_faces(photo, [] if face is None else [face], [0], LandmarkSettings())[0]
    return Subject(photo, found, landmarks)
