"""Runs of `headshot learn mesh` (Jeon, Millman and Kapron) on photos.

Crops are those of training (`headshot.learn.data.faces.face_seen`), with parts found by the segmentation that
ships, as of every photo without labels.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from headshot.datasets.subject import Subject
from headshot.errors import HeadshotError
from headshot.fitting.person import FittedPerson
from headshot.geometry.camera import Camera
from headshot.learn.apply.face import view_of
from headshot.learn.apply.found import FaceMesh, FoundFace
from headshot.learn.data.faces import Faces, face_seen
from headshot.learn.data.mesh_items import batch_of, item
from headshot.learn.data.rendered import in_photo
from headshot.learn.mesh_networks import Paper, crop_size, load_plus
from headshot.learn.mesh_plus_loss import predict
from headshot.learn.networks.meshnet_plus import Prediction
from headshot.learn.render import Meshes, to_srgb
from headshot.learn.render.lights import sh_basis
from headshot.learn.template import face_template
from headshot.models.head_model import load_head_model
from headshot.models.linear import LinearModel
from headshot.models.topologies import ibug68
from headshot.models.topologies.mediapipe478 import MEDIAPIPE_TO_IBUG68
from headshot.perception.observe import FaceObservation


class MeshNetRun:
    """MeshNet: a mesh without a model; the hemisphere is no face to begin with."""

    name, terms, contrast = "MeshNet", "", True

    def __init__(self, folder: Path, record: Mapping[str, Any], weights: Mapping[str, Tensor]) -> None:
        """Load a run; see `headshot.learn.mesh_networks.Paper`."""
        self.paper, self.crop = Paper(folder), crop_size(folder)

    def __call__(self, subject: Subject) -> FoundFace:
        """See `headshot.learn.apply.found.Run`; the frame is that of the camera, moved."""
        face, affine = face_seen(subject, self.crop)
        paper, triangles = self.paper, self.paper.reference.topology.triangles
        found = paper.deformation(face, 0)
        _, _, _, places = paper.of_face(face, 0)
        points = places.astype(np.float64)
        known = paper.landmarks.on(points, triangles)[MEDIAPIPE_TO_IBUG68]
        corners = known[list(ibug68.OUTER_EYE_CORNERS)]
        # The hemisphere has no unit: its eyes are as far apart as those of the mean head.
        scale = paper.unit or _eye_distance() / float(np.linalg.norm(corners[0] - corners[1]))
        middle = scale * points.mean(axis=0)
        with torch.no_grad():
            colours = paper.reference.shaded(found)[0].clamp(0, 1).numpy()
        mesh = FaceMesh(
            (scale * points - middle).astype(np.float32),
            np.asarray(triangles, np.int32),
            colours,
            scale * known - middle,
        )
        half = self.crop / 2
        crop = Camera(self.crop, self.crop, paper.focal(face, 0), (half, half), np.eye(3), middle)
        photo = subject.photo
        return FoundFace(subject, mesh, in_photo(crop, affine, photo.width, photo.height))

    def model_pictures(self) -> None:
        """None: there is no model."""

    def head_model(self) -> LinearModel | None:
        """None there is.

        Raises:
            HeadshotError: always.
        """
        raise HeadshotError(
            "MeshNet gives a mesh of the seen part of a face, without the model of a head: no identity, no "
            "expressions, no measures. `headshot learn apply RUN PHOTO` writes it as GLB, OBJ or PLY"
        )

    def person(self, seen: FaceObservation) -> FittedPerson:
        """Nobody; see `head_model`."""
        raise AssertionError("head_model has refused")


class MeshNetPlusRun:
    """MeshNet+: the face template, moved."""

    name, terms, contrast = "MeshNet+", "", False

    def __init__(self, folder: Path, record: Mapping[str, Any], weights: Mapping[str, Tensor]) -> None:
        """Load a run; see `headshot.learn.mesh_networks.load_plus`."""
        self.network, self.crop = load_plus(folder), crop_size(folder)

    def _found(self, subject: Subject) -> tuple[Prediction, Camera]:
        """What the network says of a face, and the photo's camera for the frame of its vertices."""
        face, affine = face_seen(subject, self.crop)
        with torch.no_grad():
            found = predict(self.network, batch_of([item(face, 0)]))
        photo = subject.photo
        return found, in_photo(_camera_of(face), affine, photo.width, photo.height)

    def __call__(self, subject: Subject) -> FoundFace:
        """See `headshot.learn.apply.found.Run`."""
        found, camera = self._found(subject)
        template, vertices = face_template(), found.vertices[0].numpy()
        with torch.no_grad():
            normals = Meshes(found.vertices, self.network.topologies[-1]).normals()
            lit = found.albedo * (sh_basis(normals) @ found.light)
            colours = to_srgb(lit.clamp(1e-4, 1))[0].numpy()
        keypoints = np.full((ibug68.POINTS, 3), np.nan)
        keypoints[ibug68.INNER] = template.landmarks68[-1].on(vertices, template.triangles[-1])
        return FoundFace(subject, FaceMesh(vertices, template.triangles[-1], colours, keypoints), camera)

    def model_pictures(self) -> None:
        """None: the template is the built-in head, whose pictures other runs have."""

    def head_model(self) -> LinearModel | None:
        """None: the bundled model."""
        return None

    def person(self, seen: FaceObservation) -> FittedPerson:
        """The head of its coefficients. What it adds to their shape, no head of the head model can have.

        The light is left out: it is in the frame before the head was turned.
        """
        found, camera = self._found(Subject(seen.photo, seen.face, seen.landmarks))
        identity = found.identity[0].double().numpy()
        expression = found.expression[0].double().numpy().clip(0, 1)
        turn = found.coarse.rotation[0].double().numpy()
        shift = camera.rotation @ found.coarse.translation[0].double().numpy() + camera.translation
        whole = Camera(
            camera.width, camera.height, camera.focal, camera.centre, camera.rotation @ turn, shift
        )
        return FittedPerson(identity, None, (view_of(seen, None, identity, expression, whole, None),))


def _eye_distance() -> float:
    """Between the outer corners of the eyes of the mean head, mm."""
    model = load_head_model("low")
    points = model.landmarks["ibug68"].on(model.mean, model.triangles)[list(ibug68.OUTER_EYE_CORNERS)]
    return float(np.linalg.norm(points[0] - points[1]))


def _camera_of(face: Faces) -> Camera:
    """The crop's camera."""
    size = face.pixels.shape[1]
    return Camera(
        size, size, float(face.focal[0]), (size / 2, size / 2), face.rotation[0].astype(np.float64),
        face.translation[0].astype(np.float64),
    )  # fmt: skip
