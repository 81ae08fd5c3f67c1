"""Runs of `headshot learn face` (Jiang and Yang 2026) on photos.

Crops are those that the network was trained and validated on (`headshot.learn.data.prepare.prepare_face`),
and so is the way from its numbers to the mesh (`headshot.learn.face_model`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from headshot.arrays import Array
from headshot.datasets.subject import Subject
from headshot.errors import HeadshotError
from headshot.fitting.person import FittedPerson, FittedView
from headshot.geometry.camera import Camera
from headshot.learn.apply.found import FaceMesh, FoundFace, ModelPictures
from headshot.learn.data.align import CENTRE, DISTANCE, FOCAL, SIZE
from headshot.learn.data.prepare import PrepareSettings, prepare_face
from headshot.learn.data.prepared import AlignedFace, collate, item_of
from headshot.learn.data.rendered import in_photo
from headshot.learn.face import unit_pixels
from headshot.learn.face_model import (
    TO_DM,
    BaselFace,
    Coefficients,
    FaceModel,
    HeadFace,
    load_face_model,
    rotation,
)
from headshot.learn.networks.regressor import FaceRegressor
from headshot.learn.networks.resnet import Depth
from headshot.learn.records import recorded_file
from headshot.learn.render import to_srgb
from headshot.learn.render.functions import vertex_normals
from headshot.models.head_model import load_head_model
from headshot.models.linear import LinearModel
from headshot.models.readers.basel_front import COEFFICIENTS, load_front
from headshot.models.topologies.mediapipe478 import MEDIAPIPE_TO_IBUG68
from headshot.perception.observe import FaceObservation

# Light for the figure of the lit model: from everywhere, and by x, y and z of the normals, from the picture's
# left above. The middle of the face gets as much as without light.
_EVEN, _LAMP = 0.53, (-0.2, 0.25, 0.5)


class FaceRun:
    """A trained network with its face model."""

    name, contrast = "the network of Jiang and Yang", False

    def __init__(
        self, folder: Path, record: Mapping[str, Any], weights: Mapping[str, Tensor],
        model: str | Path | None, size: int | None,
    ) -> None:  # fmt: skip
        """Load a run.

        Args:
            folder: of the run.
            record: its record; empty for runs without one.
            weights: of the network.
            model: "ours", or the file of its Basel model; what the record says when None.
            size: pixels of its pictures, likewise; 224 where nothing says otherwise.

        Raises:
            HeadshotError: the model is missing or another one, or the weights are damaged.
        """
        source = _source(folder, record, weights, model)
        self.linear: LinearModel | None = None
        if source == "ours":
            self.model: FaceModel = load_face_model("ours", "ibug68")
            self._origin: Array = CENTRE
        else:
            front = load_front(source)
            self.model = BaselFace(front)
            self.linear = replace(front.linear_model(), file=Path(source).name)
            self._origin = -self.linear.origin
        outputs, count = len(weights["coefficients.weight"]), self.model.layout.total
        if outputs != count:
            raise HeadshotError(
                f"the network of {folder} has {outputs} outputs, and {source} has {count} coefficients: give "
                "the model that it was trained with by --model"
            )
        self.size = size or int(record.get("settings", {}).get("size", SIZE))
        confidences = len(weights["confidence.weight"]) if "confidence.weight" in weights else 0
        self.network = FaceRegressor(outputs, _depth(weights), confidences=confidences)
        self.network.load_state_dict(dict(weights))
        self.network.eval()

    @property
    def terms(self) -> str:
        """Of the face model."""
        return "" if self.linear is None else f"{self.linear.id}. {self.linear.terms}"

    def coefficients(self, subject: Subject) -> tuple[Coefficients, Camera]:
        """What the network says of a face, and the photo's camera for points of the head frame.

        Raises:
            HeadshotError: the face cannot be aligned.
        """
        photo, dense = subject.photo, subject.landmarks
        face = prepare_face(photo.name, photo.pixels, subject.face, dense, PrepareSettings())
        aligned = AlignedFace(face.pixels(), None, face.points, face.five)
        with torch.no_grad():
            raw, _ = self.network(unit_pixels(collate([item_of(aligned, self.size)])))
            c = self.model.coefficients(raw.float())
        # p = R s + T before the camera; here s has another origin.
        turn = rotation(c.angles)[0].double().numpy()
        shift = 100 * c.translation[0].double().numpy() - turn @ self._origin - [0, 0, DISTANCE]
        crop = Camera(SIZE, SIZE, FOCAL, (SIZE / 2, SIZE / 2), turn, shift)
        return c, in_photo(crop, face.affine, photo.width, photo.height)

    def __call__(self, subject: Subject) -> FoundFace:
        """See `headshot.learn.apply.found.Run`."""
        c, camera = self.coefficients(subject)
        with torch.no_grad():
            vertices = self.model.shape(c)
            return FoundFace(subject, self._mesh(vertices, self.model.shaded(c, vertices)), camera)

    def model_pictures(self) -> ModelPictures:
        """The mean face; see `headshot.learn.apply.found.Run`."""
        with torch.no_grad():
            c = self.model.coefficients(torch.zeros(1, self.model.layout.total))
            vertices, own = self.model.shape(c), self.model.reflectance(c)
            if isinstance(self.model, HeadFace):
                normals = vertex_normals(vertices, self.model.whole)
            else:
                assert isinstance(self.model, BaselFace)
                normals = self.model.normals(vertices)
            lit = own * (_EVEN + normals @ torch.tensor(_LAMP)).clamp(min=0)[..., None]
            if isinstance(self.model, HeadFace):  # its colours are linear
                own, lit = (to_srgb(x.clamp(min=1e-4)) for x in (own, lit))
            return ModelPictures(self._mesh(vertices, own), self._mesh(vertices, lit))

    def head_model(self) -> LinearModel | None:
        """The Basel model in the head frame; None for the bundled model."""
        return self.linear

    def person(self, seen: FaceObservation) -> FittedPerson:
        """See `headshot.learn.apply.found.Run`."""
        c, camera = self.coefficients(Subject(seen.photo, seen.face, seen.landmarks))
        identity, expression = (x[0].double().numpy() for x in (c.identity, c.expression))
        albedo = light = None
        if isinstance(self.model, HeadFace):
            albedo, light = c.texture[0].double().numpy(), self.model.light(c)[0].double().numpy()
        return FittedPerson(
            identity, albedo, (view_of(seen, self.linear, identity, expression, camera, light),)
        )

    def _mesh(self, vertices: Tensor, colours: Tensor) -> FaceMesh:
        """What is drawn of vertices (1, V, 3), in the head frame, without those of no triangle."""
        mm = 100 / TO_DM[self.model.unit] * vertices[0].numpy() + self._origin
        used, triangles = np.unique(self.model.topology.triangles, return_inverse=True)
        corners = mm[self.model.corners.numpy()]
        return FaceMesh(
            mm[used].astype(np.float32),
            triangles.reshape(-1, 3).astype(np.int32),
            colours[0, used].clamp(0, 1).numpy(),
            np.asarray((corners * self.model.barycentric.numpy()[:, :, None]).sum(axis=1), np.float64),
        )


def view_of(
    seen: FaceObservation, model: LinearModel | None, identity: Array, expression: Array, camera: Camera,
    light: Array | None,
) -> FittedView:  # fmt: skip
    """A view as a network found it, with what its points miss of the photo's landmarks.

    Args:
        seen: what networks saw.
        model: of the head; None for the bundled one.
        identity: (I,), expression: (E,) coefficients.
        camera: of the photo, model millimetres.
        light: (9, 3), or None.
    """
    known = model or load_head_model("low")
    points = known.landmark_set("ibug68")
    assert points is not None
    at = camera.project(known.at(points.points).positions(identity, expression))
    residual = seen.landmarks.points[MEDIAPIPE_TO_IBUG68[points.index]] - at
    counted = np.ones(len(residual), bool)
    return FittedView(camera, expression, light, residual, counted, None, None, 1.0)


def _source(
    folder: Path, record: Mapping[str, Any], weights: Mapping[str, Tensor], given: str | Path | None
) -> str | Path:
    """The face model of a run: "ours" or a file.

    Raises:
        HeadshotError: it is not there, not the run's, or, of a run without a record, not given.
    """
    if record:
        file = record["model"]
        if file is None:
            if given not in (None, "ours"):
                raise HeadshotError(f"{folder} was trained with the built-in head: leave out --model")
            return "ours"
        if given == "ours":
            raise HeadshotError(f"{folder} was trained with {file['path']}, not with the built-in head")
        return recorded_file(file, folder, None if given is None else Path(given), "--model")
    if given is not None:
        return given
    if len(weights["coefficients.weight"]) == COEFFICIENTS:
        raise HeadshotError(
            f"{folder} does not say which Basel model it was trained with, since it was begun by an earlier "
            "version: give its file by --model"
        )
    return "ours"


def _depth(weights: Mapping[str, Tensor]) -> Depth:
    """Of the ResNet, by its blocks."""
    if "backbone.layer1.0.conv3.weight" in weights:
        return 50
    return 34 if "backbone.layer1.2.conv1.weight" in weights else 18
