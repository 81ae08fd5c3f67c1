"""MeshNet and MeshNet+ as methods of the benchmark (`headshot evaluate scan` and `synthetic`, ``--network``).

MeshNet+ predicts a whole head: that of its coefficients, moved by its offsets on the face.
MeshNet's head is the face template (`headshot.learn.template`), its vertices at their places on the mesh that
it deforms (`mesh_networks.Paper`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch

from headshot.arrays import Array, Index
from headshot.datasets.subject import Subject
from headshot.evaluate.baselines import Head, Prediction, Predictor
from headshot.geometry.align import Surface
from headshot.geometry.camera import Camera
from headshot.learn.data.faces import Faces, face_seen
from headshot.learn.data.mesh_items import batch_of, item
from headshot.learn.data.rendered import in_photo
from headshot.learn.mesh_networks import Paper, crop_size, is_plus, load_plus, meshnet_name
from headshot.learn.mesh_plus_loss import predict
from headshot.learn.template import CENTRE, cast, face_template
from headshot.models.correspondence import Correspondence
from headshot.models.head_model import HeadModel, load_head_model
from headshot.models.topologies import ibug68

_FADING = 10.0  # mm from the template's border within which offsets are still felt


def predictor_of(run: Path) -> Predictor:
    """The method of a run of `headshot learn mesh`.

    Raises:
        HeadshotError: the run has no weights yet.
    """
    return PlusHead(str(run)) if is_plus(run) else PaperHead(str(run), meshnet_name(run))


@dataclass(frozen=True)
class PlusHead:
    """MeshNet+.

    Attributes:
        run: folder of `headshot learn mesh --network plus`.
    """

    run: str
    name: str = "MeshNet+"

    def __call__(self, subject: Subject, *, textured: bool = False) -> Prediction:
        network, size = load_plus(Path(self.run)), crop_size(Path(self.run))
        face, affine = face_seen(subject, size)
        with torch.no_grad():
            found = predict(network, batch_of([item(face, 0)]))
        model, camera = load_head_model("low"), _camera_of(face, affine, subject)
        identity, expression = found.identity[0].numpy(), found.expression[0].numpy()
        own = (found.identity[0] @ network.modes[: len(identity)]).view(-1, 3)
        offsets = (found.neutral[0] - network.template - own).numpy()
        corners, weights = _template_near()
        carried = np.einsum("vcd,vc->vd", offsets[corners], weights)
        neutral = (model.neutral(identity) + carried).astype(np.float32)
        posed = neutral + np.tensordot(expression, model.expression, 1)
        turn, shift = found.coarse.rotation[0].numpy(), found.coarse.translation[0].numpy()
        vertices = (posed @ turn.T + shift).astype(np.float32)
        return _prediction(Head(model, vertices, neutral, camera, identity.astype(np.float64), 1.0))


@dataclass(frozen=True)
class PaperHead:
    """MeshNet (Jeon, Millman and Kapron), whose mesh has no expression that could be taken off.

    Attributes:
        run: folder of `headshot learn mesh --network paper`.
    """

    run: str
    name: str = "MeshNet (paper)"

    def __call__(self, subject: Subject, *, textured: bool = False) -> Prediction:
        paper, size = _paper(self.run), crop_size(Path(self.run))
        face, affine = face_seen(subject, size)
        _, _, _, points = paper.of_face(face, 0)
        there = paper.template.on(points, paper.reference.topology.triangles)
        # The hemisphere has no unit: its depth is taken to be that of a mean face.
        model = template_model()
        eyes = model.landmarks["ibug68"].on(model.mean, model.triangles)[list(ibug68.OUTER_EYE_CORNERS)]
        ours = model.landmarks["ibug68"].on(there, model.triangles)[list(ibug68.OUTER_EYE_CORNERS)]
        scale = paper.unit or float(np.linalg.norm(eyes[0] - eyes[1]) / np.linalg.norm(ours[0] - ours[1]))
        middle = scale * there.mean(axis=0)
        vertices = (scale * there - middle + model.mean.mean(axis=0)).astype(np.float32)
        shift = middle - model.mean.mean(axis=0)
        focal, half = paper.focal(face, 0), size / 2
        crop = Camera(size, size, focal, (half, half), np.eye(3), shift.astype(np.float64))
        camera = in_photo(crop, affine, subject.photo.width, subject.photo.height)
        return _prediction(Head(model, vertices, vertices, camera, np.zeros(0), 1.0))


@lru_cache(maxsize=2)
def _paper(run: str) -> Paper:
    return Paper(Path(run))


def _prediction(head: Head) -> Prediction:
    marks = head.model.landmarks["ibug68"].on(head.vertices, head.model.triangles)
    return Prediction(head.camera.project(marks), head)


def _camera_of(face: Faces, affine: Array, subject: Subject) -> Camera:
    """The photo's camera for points of the frame in which the crop's camera was fitted."""
    size = face.pixels.shape[1]
    crop = Camera(
        size, size, float(face.focal[0]), (size / 2, size / 2), face.rotation[0].astype(np.float64),
        face.translation[0].astype(np.float64),
    )  # fmt: skip
    return in_photo(crop, affine, subject.photo.width, subject.photo.height)


@lru_cache(maxsize=1)
def _template_near() -> tuple[Index, Array]:
    """For the vertices of the low head: corners (V, 3) of the template near them, and their weights (V, 3).

    Weights sum to one on the template and fade away from it.
    """
    template = face_template()
    surface = Surface(template.vertices, template.triangles[-1])
    index, weights, distance = surface.closest(load_head_model("low").mean)
    return surface.triangles[index], weights * np.exp(-((distance / _FADING) ** 2))[:, None]


@lru_cache(maxsize=1)
def template_model() -> HeadModel:
    """The face template as a head model without modes, so that the measures apply to its deformations."""
    template, model = face_template(), load_head_model("low")
    count, triangles = len(template.vertices), template.triangles[-1]
    at = model.landmarks["ibug68"].on(model.mean, model.triangles).astype(np.float64) - CENTRE
    at /= np.linalg.norm(at, axis=1, keepdims=True)
    points, _ = cast(at, template.vertices.astype(np.float64), triangles)
    nothing = np.zeros((0, count, 3), np.float32)
    return HeadModel(
        resolution="full",
        mean=template.vertices,
        identity=nothing,
        expression=nothing,
        expression_names=(),
        corrected=np.zeros(0, np.int32),
        correction_vertices=np.zeros(0, np.int32),
        correction=np.zeros((0, 0, 0, 3), np.float32),
        triangles=triangles,
        uv=np.zeros((1, 2), np.float32),
        triangles_uv=np.zeros_like(triangles),
        parts={"skin": (0, len(triangles))},
        regions={
            name: template.carried(weights[:, None], model)[:, 0] for name, weights in model.regions.items()
        },
        landmarks={"ibug68": Correspondence(points.triangle, points.barycentric)},
        mirror=template.mirror,
    )
