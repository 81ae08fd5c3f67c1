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

from headshot.arrays import Array
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
    """MeshNet: the mean face or the hemisphere, which is no face to begin with; neither mesh has a model."""

    name, terms, contrast = "MeshNet", "", True

    def __init__(self, folder: Path, record: Mapping[str, Any], weights: Mapping[str, Tensor]) -> None:
        """Load a run; see `headshot.learn.mesh_networks.Paper`."""
        self.paper, self.crop = Paper(folder), crop_size(folder)

    def __call__(self, subject: Subject) -> FoundFace:
        """See `headshot.learn.apply.found.Run`; the hemisphere's frame is that of its camera, moved."""
        face, affine = face_seen(subject, self.crop)
        found, reference = self.paper.deformation(face, 0), self.paper.reference
        with torch.no_grad():
            vertices = (reference.vertices + found.offsets)[0]
            colours = reference.shaded(found)[0].clamp(0, 1).numpy()
        if self.paper.unit is None:
            points, crop = self._before_its_camera(face, vertices)
        else:
            points, crop = self.paper.unit * vertices.double().numpy(), _camera_of(face)
        triangles = np.asarray(reference.topology.triangles, np.int32)
        keypoints = self.paper.landmarks.on(points, triangles)[MEDIAPIPE_TO_IBUG68]
        mesh = FaceMesh(points.astype(np.float32), triangles, colours, keypoints)
        photo = subject.photo
        return FoundFace(subject, mesh, in_photo(crop, affine, photo.width, photo.height))

    def _before_its_camera(self, face: Faces, vertices: Tensor) -> tuple[Array, Camera]:
        """The hemisphere's vertices (V, 3) in mm around their middle, and the crop's camera for them.

        It has no unit: its eyes are as far apart as those of the mean head.
        """
        cameras = self.paper.reference.cameras(batch_of([item(face, 0)]))
        points = cameras.to_camera(vertices[None])[0].double().numpy()
        known = self.paper.landmarks.on(points, self.paper.reference.topology.triangles)[MEDIAPIPE_TO_IBUG68]
        corners = known[list(ibug68.OUTER_EYE_CORNERS)]
        points *= _eye_distance() / float(np.linalg.norm(corners[0] - corners[1]))
        middle, half = points.mean(axis=0), self.crop / 2
        crop = Camera(self.crop, self.crop, float(cameras.focal[0]), (half, half), np.eye(3), middle)
        return points - middle, crop

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
