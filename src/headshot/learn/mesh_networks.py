"""Trained MeshNets and MeshNet+, from the runs of `headshot learn mesh`: for comparing and measuring."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from headshot.arrays import F32
from headshot.errors import HeadshotError
from headshot.geometry.raster import rasterise
from headshot.learn.checkpoints import best_weights
from headshot.learn.data.faces import Faces, read
from headshot.learn.data.mesh_items import batch_of, item, resized
from headshot.learn.data.rendered import LEVEL
from headshot.learn.mesh_plus import surface_of
from headshot.learn.mesh_reference import NAMES, UNIT, Reference, Shown, finest_on_level
from headshot.learn.networks.meshnet import Deformation, MeshNet
from headshot.learn.networks.meshnet_plus import MeshNetPlus
from headshot.learn.records import read_record
from headshot.learn.template import face_template
from headshot.models.correspondence import Correspondence
from headshot.reading.arrays import open_arrays
from headshot.reading.complaint import reading

_FINE = 8  # pixels of the raster in which points are found on MeshNet's mesh, per pixel
_TRAINING = 60  # training photos whose mean mesh that is


def faces_of(run: Path) -> Faces:
    """The photos of a run.

    Raises:
        HeadshotError: it has none.
    """
    return read(run / "faces.npz", crop_size(run))


def crop_size(run: Path) -> int:
    """Pixels of the crops of a run, by its record, or by the photos in its folder.

    Raises:
        HeadshotError: it has neither.
    """
    known = read_record(run).get("crop")
    if isinstance(known, int):
        return known
    file = run / "faces.npz"
    with (
        reading(file, "the faces of a run of `headshot learn mesh`", HeadshotError),
        open_arrays(file, None) as archive,
    ):
        return int(archive["pixels"].shape[1])


def is_plus(run: Path) -> bool:
    """Whether a run is of MeshNet+.

    Raises:
        HeadshotError: it has no weights yet.
    """
    return "template" in best_weights(run)


def meshnet_name(run: Path) -> str:
    """What a run of MeshNet is called in tables: "MeshNet (paper)", or by what it deforms and how it paints.

    Raises:
        HeadshotError: it has no weights yet, or is of another network.
    """
    weights = best_weights(run)
    reference, lit = reference_of(weights, run), "light.weight" in weights
    if reference.is_face:
        return "MeshNet (mean face, lit)" if lit else "MeshNet (mean face)"
    return "MeshNet (lit)" if lit else "MeshNet (paper)"


def reference_of(weights: Mapping[str, Tensor], run: Path) -> Reference:
    """What the MeshNet with these weights deforms.

    Raises:
        HeadshotError: they are of another network; it names the run.
    """
    if "offsets.weight" not in weights or "reference" not in weights:
        raise HeadshotError(f"{run} is not a run of MeshNet")
    for reference in map(Reference, NAMES):
        if torch.equal(reference.vertices, weights["reference"]):
            return reference
    raise HeadshotError(f"{run} is a run of MeshNet on another template: train it again")


@lru_cache(maxsize=4)
def load_plus(run: Path) -> MeshNetPlus:
    """MeshNet+ with its best weights.

    Raises:
        HeadshotError: the run has none yet, or is of another network.
    """
    network = MeshNetPlus(surface_of(face_template()))
    try:
        network.load_state_dict(best_weights(run))
    except RuntimeError as error:
        raise HeadshotError(f"{run} is not a run of this MeshNet+: train it again") from error
    return network.eval()


class Paper:
    """MeshNet with its best weights, and where faces lie on its mesh.

    The face template's vertices are those of a face. The hemisphere has no correspondence with faces: a point
    of the face is the point of its mesh that lies, on the mean of the meshes of training photos, where the
    point's mean lies.

    Attributes:
        network: MeshNet.
        reference: its reference mesh and cameras.
        landmarks: MediaPipe's 478 points on the mesh.
        template: the vertices of the face template on the mesh.
        unit: millimetres in its unit; None for the hemisphere, whose size says nothing.
    """

    def __init__(self, run: Path) -> None:
        """Load a run and find faces on its mesh.

        Raises:
            HeadshotError: the run has no weights yet, or is of another network.
        """
        weights = best_weights(run)
        self.reference = reference_of(weights, run)
        size, lit = _size_of(weights["offsets.weight"].shape[1]), "light.weight" in weights
        count = len(self.reference.vertices)
        self.network = MeshNet(size, count, self.reference.skin if lit else None)
        self.network.register_buffer("reference", self.reference.vertices.clone())
        self.network.load_state_dict(weights)
        self.network.eval()
        self.unit = UNIT if self.reference.is_face else None
        if self.reference.is_face:
            self.landmarks, self.template = face_template().landmarks[LEVEL], finest_on_level()
            return
        faces = faces_of(run)
        training = faces.select(~faces.held_out)
        rows = list(range(0, len(training), max(1, len(training) // _TRAINING)))
        crop = training.pixels.shape[1]
        seen = [self.of_face(training, n)[1:3] for n in rows]
        mean = np.mean([xy for xy, _ in seen], axis=0), np.mean([depth for _, depth in seen], axis=0)
        places = [_projected(training, n, crop) for n in rows]
        self.landmarks = self._found(mean, training.landmarks[rows].mean(axis=0), crop)
        self.template = self._found(mean, np.mean(places, axis=0), crop)

    def of_face(self, faces: Faces, n: int) -> tuple[Tensor, F32, F32, F32]:
        """Picture (1, 3, S, S) of face n of some faces, as large as its crop; pixels (V, 2), depths (V,) and
        places (V, 3) in the camera's frame of its vertices."""  # fmt: skip
        found = self.deformation(faces, n)
        cameras = self.reference.cameras(batch_of([item(faces, n)]))
        with torch.no_grad():
            drawn = self.reference.draw(found, cameras, Shown(faces.pixels.shape[1]))[:, :3]
            vertices = self.reference.vertices + found.offsets
            xy, depth = cameras.project(vertices)
            points = cameras.to_camera(vertices)
        return drawn, xy[0].numpy(), depth[0].numpy(), points[0].numpy()

    def deformation(self, faces: Faces, n: int) -> Deformation:
        """What the network says of face n."""
        batch = batch_of([resized(item(faces, n), self.network.size)])
        with torch.no_grad():
            found: Deformation = self.network(batch["picture"], batch["painted"])
        return found

    def focal(self, faces: Faces, n: int) -> float:
        """Focal length, in pixels of the crop, with which face n is seen."""
        return float(self.reference.cameras(batch_of([item(faces, n)])).focal[0])

    def _found(self, mean: tuple[F32, F32], points: F32, size: int) -> Correspondence:
        """Points (N, 2), pixels, on the mean mesh; the nearest of its pixels for those beside it."""
        triangles = self.reference.topology.triangles
        seen = rasterise(mean[0] * _FINE, mean[1], triangles, size * _FINE, size * _FINE, cull=False)
        covered = np.argwhere(seen.triangle >= 0)
        faces, weights = np.empty(len(points), np.int32), np.empty((len(points), 3), np.float32)
        for n, (x, y) in enumerate(points * _FINE):
            row, column = min(max(int(y), 0), size * _FINE - 1), min(max(int(x), 0), size * _FINE - 1)
            if seen.triangle[row, column] < 0:
                row, column = covered[((covered + 0.5 - (y, x)) ** 2).sum(axis=1).argmin()]
            faces[n], weights[n] = seen.triangle[row, column], seen.barycentric[row, column]
        return Correspondence(faces, weights)


def _projected(faces: Faces, n: int, size: int) -> F32:
    """Pixels (V, 2) of the face template, in the pose of face n."""
    points = face_template().vertices @ faces.rotation[n].T + faces.translation[n]
    slope = points[:, :2] / -points[:, 2:] * np.array([1, -1], np.float32)
    return np.asarray(size / 2 + faces.focal[n] * slope, np.float32)


def _size_of(features: int) -> int:
    """Pixels of MeshNet's pictures from the inputs of its linear layers."""
    for size in range(48, 1025, 16):
        left = size
        for _ in range(4):
            left = (left - 2) // 2
        if 128 * left * left == features:
            return size
    raise HeadshotError(f"no MeshNet has {features} features: the run is of another network")
