"""What MeshNet deforms, and what is asked of the deformed mesh.

- **hemisphere**, as in the paper: before one fixed camera, chamfer distance to the hemisphere, edges short
  and neighbours even (PyTorch3D's `mesh_edge_loss` and `mesh_laplacian_smoothing`).
- **face**: the mean face of the head model with the hemisphere's 2,113 vertices and triangles
  (`headshot.learn.template`), in the pose of the mean head that fits the landmarks. Edge and Laplacian terms
  are those of the offsets: l_lap = sum |delta'_p - delta_p|^2 (equation 3) is of the change of the mesh, too.
  Of the whole mesh, they would flatten the face that it starts from. The chamfer distance is to the mean
  face, or, where the true shape is known, to that, as equation 1 wants.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from headshot.errors import HeadshotError
from headshot.learn.connectivity import connectivity
from headshot.learn.data.mesh_items import cameras_of
from headshot.learn.data.rendered import LEVEL
from headshot.learn.losses.mesh import chamfer, edge_length_mean, laplacian_smoothing, normal_consistency
from headshot.learn.networks.meshnet import Deformation, Skin
from headshot.learn.render import (
    Meshes,
    MeshRenderer,
    PerspectiveCameras,
    RendererSettings,
    SphericalHarmonics,
    Topology,
    VertexColours,
    look_at_view_transform,
    to_srgb,
)
from headshot.learn.render.lights import sh_basis
from headshot.learn.shapes import hemisphere
from headshot.learn.template import face_template
from headshot.models.albedo import load_albedo
from headshot.models.correspondence import Correspondence
from headshot.models.head_model import load_head_model

NAMES = ("hemisphere", "face")
DISTANCE, FIELD = 2.7, 68.0  # of the camera: the hemisphere's radius is 0.55 of half the crop, as a face's
UNIT = 100.0  # mm in the unit of the face: its radius is nearly 1 then, as the hemisphere's


@dataclass(frozen=True)
class Shown:
    """How a mesh is shown.

    Attributes:
        size: of the pictures, pixels.
        threads: pictures that are drawn at the same time.
    """

    size: int
    threads: int = 1


class Reference:
    """The mesh that is deformed, its cameras and its regularisers.

    Attributes:
        name: one of `NAMES`.
        vertices: (V, 3), in its unit.
        importance: (V,) how much of each vertex is face: 1 everywhere on the hemisphere.
    """

    def __init__(self, name: str = "hemisphere") -> None:
        """Make it.

        Raises:
            HeadshotError: there is none of this name.
        """
        if name not in NAMES:
            raise HeadshotError(f"--template is {' or '.join(map(repr, NAMES))}, not {name!r}")
        self.name, shape, template = name, hemisphere(LEVEL), face_template()
        model, count = load_head_model("low"), template.counts[LEVEL]
        if self.is_face:
            self.vertices = torch.from_numpy(template.vertices[:count] / np.float32(UNIT))
            face = template.carried(model.regions["face"][:, None], model)[:count, 0]
            self.importance = torch.from_numpy(np.asarray(face, np.float32))
        else:
            self.vertices, self.importance = torch.from_numpy(shape.vertices), torch.ones(count)
        self.topology = Topology(shape.triangles, count)
        self.connectivity = connectivity(shape.triangles, count)
        corners = shape.triangles[template.landmarks[LEVEL].triangle]
        self._corners = torch.from_numpy(corners).long()
        self._weights = torch.tensor(template.landmarks[LEVEL].barycentric, dtype=torch.float32)

    @property
    def is_face(self) -> bool:
        """Whether vertices lie where those of a face do."""
        return self.name == "face"

    @property
    def skin(self) -> Skin:
        """The mean face's albedo and light; vertices of the hemisphere have that of those on the same ray."""
        albedo = load_albedo("low")
        colours = face_template().carried(albedo.mean, load_head_model("low"))[: len(self.vertices)]
        light = torch.tensor(albedo.light_mean.reshape(9, 3), dtype=torch.float32)
        return Skin(torch.from_numpy(np.asarray(colours, np.float32)), light)

    def cameras(self, batch: Mapping[str, Tensor]) -> PerspectiveCameras:
        """The cameras of a batch of `data.mesh_items.item`."""
        if self.is_face:
            return cameras_of(dict(batch), UNIT)
        return PerspectiveCameras.from_fov(
            batch["picture"].shape[2], FIELD, *look_at_view_transform(DISTANCE)
        )

    def landmarks(self, vertices: Tensor) -> Tensor:
        """MediaPipe's 478 points (B, 478, 3) on deformed faces (B, V, 3)."""
        return (vertices[:, self._corners] * self._weights[..., None]).sum(dim=2)

    def draw(self, found: Deformation, cameras: PerspectiveCameras, shown: Shown) -> Tensor:
        """Pictures (B, 4, S, S), sRGB and coverage, of the deformed and painted mesh, black behind it."""
        light = None if found.light is None else SphericalHarmonics(found.light)
        settings = RendererSettings(size=shown.size, background=0.0, threads=shown.threads)
        meshes = Meshes(self.vertices + found.offsets, self.topology, VertexColours(found.colours))
        out = MeshRenderer(cameras, light, settings)(meshes)
        rgb = out.rgb if light is None else to_srgb(out.rgb.clamp(0, 1))
        return torch.cat([rgb, out.silhouette[..., None]], dim=3).permute(0, 3, 1, 2)

    def shaded(self, found: Deformation) -> Tensor:
        """Colours (B, V, 3) of the vertices in their light, sRGB."""
        if found.light is None:
            return found.colours
        normals = Meshes(self.vertices + found.offsets, self.topology).normals()
        return to_srgb((found.colours * (sh_basis(normals) @ found.light)).clamp(1e-4, 1))

    def regularisers(self, offsets: Tensor, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The terms of equation 5 that know the mesh alone."""
        vertices, mesh = self.vertices + offsets, self.connectivity
        near = self.vertices.expand_as(vertices)
        changed = vertices
        if self.is_face:
            near = torch.where(batch["known"].view(-1, 1, 1) > 0, batch["truth"] / UNIT, near)
            changed = offsets
        return {
            "chamfer": chamfer(vertices, near),
            "edge": edge_length_mean(changed, mesh),
            "normal": normal_consistency(vertices, mesh),
            "laplacian": laplacian_smoothing(changed, mesh),
        }


def finest_on_level() -> Correspondence:
    """The vertices of the finest template as points of the mesh of `LEVEL`, whose edges they halve."""
    template = face_template()
    triangles, count, ends = template.triangles[LEVEL], template.counts[LEVEL], template.edges[LEVEL]
    face = np.empty(len(template.vertices), np.int32)
    weights = np.zeros((len(face), 3), np.float32)
    for corner in range(3):
        face[triangles[:, corner]] = np.arange(len(triangles))
    weights[:count] = triangles[face[:count]] == np.arange(count)[:, None]
    sides = {
        tuple(sorted((int(t[a]), int(t[b])))): (n, a, b)
        for n, t in enumerate(triangles)
        for a, b in ((0, 1), (1, 2), (2, 0))
    }
    for k, (p, q) in enumerate(ends):
        n, a, b = sides[min(int(p), int(q)), max(int(p), int(q))]
        face[count + k] = n
        weights[count + k, [a, b]] = 0.5
    return Correspondence(face, weights)
