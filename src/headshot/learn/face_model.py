"""Face models in torch: from coefficients to vertices, colours, light, pose, landmarks and pictures.

The equations are those of Jiang and Yang, "3D Human Face Reconstruction with 3DMM Face Model from RGB Image",
section II-D, in the frame and scale of Deng et al., "Accurate 3D Face Reconstruction with Weakly-Supervised
Learning" (CVPRW 2019):

    s = mean + A_id alpha_id + A_exp alpha_exp            shape
    t = mean + A_tex alpha_tex                            texture
    L(b_i, n_i | gamma) = b_i sum_k gamma_k phi_k(n_i)    light, second-order spherical harmonics
    R = rot(z) rot(y) rot(x),  p = R s + T                pose; the camera stands at z = 1 m and looks down -z

`BaselFace` is the frontal Basel model of 35,709 vertices with exactly these 257 coefficients, `HeadFace` the
built-in head with as many as it has. Dimension letters: B batch, V vertices, I identity, E expression,
A texture, N coefficients, L landmarks, S pixels of a picture's side.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from headshot.errors import ModelFormatError
from headshot.learn.data.align import CENTRE
from headshot.learn.render import (
    Meshes,
    MeshRenderer,
    PerspectiveCameras,
    RendererSettings,
    Rendering,
    SoftSettings,
    Topology,
    VertexColours,
    to_srgb,
)
from headshot.learn.render.functions import vertex_normals
from headshot.learn.render.lights import sh_basis
from headshot.models.albedo import AlbedoModel, load_albedo
from headshot.models.head_model import HeadModel, load_head_model
from headshot.models.linear import facing_out
from headshot.models.readers.basel_front import (
    AMBIENT,
    CAMERA_DISTANCE,
    FOCAL,
    HARMONIC_SCALES,
    PICTURE,
    BaselFront,
    load_front,
)

STANDARD_DEVIATIONS = 4.0
LIGHT = 3.0
ANGLE = math.pi / 2
TRANSLATION = 2.0
"""Ranges of the groups of coefficients: see `FaceModel.coefficients`."""

TO_DM = {"dm": 1.0, "mm": 100.0}


@dataclass(frozen=True)
class Layout:
    """How many coefficients each group has, in the order of the vector: that of Deng et al.

    The defaults are the paper's 257.
    """

    identity: int = 80
    expression: int = 64
    texture: int = 80
    angles: int = 3
    light: int = 27
    translation: int = 3

    @property
    def sizes(self) -> list[int]:
        """The six sizes."""
        return [getattr(self, f.name) for f in fields(self)]

    @property
    def total(self) -> int:
        """N."""
        return sum(self.sizes)


@dataclass(frozen=True, eq=False)
class Coefficients:
    """The coefficients of B faces.

    Attributes:
        identity: (B, I) standard deviations.
        expression: (B, E) standard deviations (Basel) or weights in [0, 1] (the built-in head).
        texture: (B, A) standard deviations.
        angles: (B, 3) radians about x, y and z.
        light: (B, 27): Basel, 9 of red, 9 of green, 9 of blue, without the ambient light; the built-in head,
            standard deviations of its prior.
        translation: (B, 3) dm.
    """

    identity: Tensor
    expression: Tensor
    texture: Tensor
    angles: Tensor
    light: Tensor
    translation: Tensor


class FaceModel(nn.Module):
    """What both models have in common: ranges, pose, camera, pictures.

    Attributes:
        layout: of the coefficients.
        unit: "dm" or "mm", of vertices.
        topology: the triangles that are drawn.
        landmark_set: "ibug68" or "mediapipe478".
        skin: (V,) how much each vertex is plain skin.
    """

    mean: Tensor
    identity: Tensor
    expression: Tensor
    texture_mean: Tensor
    texture: Tensor
    skin: Tensor
    corners: Tensor
    barycentric: Tensor

    def __init__(self, layout: Layout, unit: str, topology: Topology, landmark_set: str) -> None:
        super().__init__()
        self.layout, self.unit, self.topology, self.landmark_set = layout, unit, topology, landmark_set

    def constant(self, name: str, values: NDArray[np.floating] | NDArray[np.integer]) -> None:
        """Keep an array with the model, of which it is no weight."""
        whole = np.issubdtype(values.dtype, np.integer)
        tensor = torch.tensor(values, dtype=torch.int64 if whole else torch.float32)
        self.register_buffer(name, tensor, persistent=False)

    def coefficients(self, raw: Tensor) -> Coefficients:
        """Numbers of a network (B, N), of any size, as coefficients within their ranges.

        r tanh(x / r) is x near zero and stays within -r and r. The ranges r: identity, texture and Basel's
        expression 4 standard deviations; light 3 (Basel) or 4 standard deviations (built-in); angles 90
        degrees; translation 2 dm. The built-in head's expressions are sigmoid(4 x - 3), between 0 and 1 and
        0.05 at zero. Zeros so give the mean face in usual light in the middle of the picture.
        """
        if raw.ndim != 2 or raw.shape[1] != self.layout.total:
            raise ValueError(f"expected coefficients (B, {self.layout.total}), got {tuple(raw.shape)}")
        identity, expression, texture, angles, light, translation = raw.split(self.layout.sizes, dim=1)
        return Coefficients(
            _within(identity, STANDARD_DEVIATIONS),
            self.expression_range(expression),
            _within(texture, STANDARD_DEVIATIONS),
            _within(angles, ANGLE),
            self.light_range(light),
            _within(translation, TRANSLATION),
        )

    def expression_range(self, raw: Tensor) -> Tensor:
        """Expression coefficients of any numbers (B, E)."""
        return _within(raw, STANDARD_DEVIATIONS)

    def light_range(self, raw: Tensor) -> Tensor:
        """Light coefficients of any numbers (B, 27)."""
        return _within(raw, LIGHT)

    def shape(self, c: Coefficients) -> Tensor:
        """Vertices (B, V, 3), in the model's unit, before the pose: s."""
        moved = c.identity @ self.identity + c.expression @ self.expression
        return self.mean + moved.view(len(moved), -1, 3)

    def reflectance(self, c: Coefficients) -> Tensor:
        """Colours (B, V, 3) without light: t. Basel's are sRGB as scanned, the built-in head's linear."""
        return self.texture_mean + (c.texture @ self.texture).view(len(c.texture), -1, 3)

    def shaded(self, c: Coefficients, vertices: Tensor) -> Tensor:
        """Colours (B, V, 3) as a photo shows them, sRGB in [0, 1] and sometimes beyond: L."""
        raise NotImplementedError

    def posed(self, c: Coefficients, vertices: Tensor) -> Tensor:
        """Vertices (B, V, 3) turned and moved: R s + T, in the model's unit."""
        move = c.translation * TO_DM[self.unit]
        return vertices @ rotation(c.angles).transpose(1, 2) + move[:, None]

    def landmarks(self, posed: Tensor) -> Tensor:
        """Landmarks (B, L, 2) of posed vertices, in pixels of a picture with S = 224."""
        points = (posed[:, self.corners] * self.barycentric[None, :, :, None]).sum(dim=2)
        return self.cameras(PICTURE).project(points)[0]

    def cameras(self, size: int) -> PerspectiveCameras:
        """The camera of pictures with S = ``size``."""
        like = self.mean
        back = like.new_tensor([[0.0, 0.0, -CAMERA_DISTANCE * TO_DM[self.unit]]])
        turn = torch.eye(3, dtype=like.dtype, device=like.device)
        centre = like.new_full((1, 2), size / 2)
        return PerspectiveCameras(like.new_tensor([FOCAL * size / PICTURE]), centre, turn[None], back)

    def draw(
        self, posed: Tensor, colours: Tensor, size: int, *, soft: bool = True, threads: int = 1
    ) -> Rendering:
        """Pictures of posed vertices (B, V, 3) with colours (B, V, 3).

        Args:
            posed, colours: of `posed` and `shaded`.
            size: S.
            soft: with the Soft Rasterizer, as the paper; else hard with antialiased silhouettes.
            threads: how many pictures are drawn at the same time.
        """
        dm = TO_DM[self.unit]
        mode = SoftSettings(near=1 * dm, far=100 * dm) if soft else None
        settings = RendererSettings(size, mode, cull=True, threads=threads)
        return MeshRenderer(self.cameras(size), settings=settings)(
            Meshes(posed, self.topology, VertexColours(colours))
        )


class BaselFace(FaceModel):
    """The frontal Basel model, coefficient for coefficient that of `headshot.models.readers.basel_front`."""

    triangles: Tensor
    around: Tensor

    def __init__(self, model: BaselFront) -> None:
        layout = Layout(len(model.identity), len(model.expression), len(model.texture))
        drawn = facing_out(model.triangles, model.mean)
        super().__init__(layout, "dm", Topology(drawn, len(model.mean)), "ibug68")
        self.constant("mean", model.mean)
        self.constant("identity", model.identity.reshape(layout.identity, -1))
        self.constant("expression", model.expression.reshape(layout.expression, -1))
        self.constant("texture_mean", model.texture_mean / np.float32(255))
        self.constant("texture", model.texture.reshape(layout.texture, -1) / np.float32(255))
        self.constant("triangles", model.triangles)
        self.constant("around", model.vertex_triangles)
        self.constant("corners", model.keypoints[:, None])
        self.constant("barycentric", np.ones((len(model.keypoints), 1)))
        self.constant("skin", model.skin)

    def normals(self, vertices: Tensor) -> Tensor:
        """Unit normals (B, V, 3): the sum of the unit normals of the triangles around each vertex."""
        a, b, c = (vertices[:, self.triangles[:, k]] for k in range(3))
        faces = nn.functional.normalize(torch.linalg.cross(a - b, b - c), dim=2)
        faces = nn.functional.pad(faces, (0, 0, 0, 1))  # the last is that of no triangle
        return nn.functional.normalize(faces[:, self.around].sum(dim=2), dim=2)

    def shaded(self, c: Coefficients, vertices: Tensor) -> Tensor:
        """See `FaceModel.shaded`: light is in the frame of the camera, and texture is multiplied as it is."""
        turned = self.normals(vertices) @ rotation(c.angles).transpose(1, 2)
        gamma = c.light.view(-1, 3, 9)
        ambient = torch.zeros_like(gamma[:1, :1])
        ambient[..., 0] = AMBIENT
        return self.reflectance(c) * (basel_harmonics(turned) @ (gamma + ambient).transpose(1, 2))


class HeadFace(FaceModel):
    """The built-in head (low resolution) with its albedo model; only its face is drawn, without the eyes."""

    correction: Tensor
    light_mean: Tensor
    light_factor: Tensor

    def __init__(self, model: HeadModel, albedo: AlbedoModel, landmark_set: str = "mediapipe478") -> None:
        layout = Layout(len(model.identity), len(model.expression), len(albedo.modes))
        skin = model.part_triangles("skin")
        face = model.regions["face"] > 0.5
        super().__init__(layout, "mm", Topology(skin[face[skin].all(axis=1)], len(model.mean)), landmark_set)
        self.whole = Topology(model.triangles, len(model.mean))
        self.corrected = model.corrected.tolist()
        self.corrected_vertices = model.correction_vertices.tolist()
        self.constant("mean", model.mean - CENTRE.astype(np.float32))
        self.constant("identity", model.identity.reshape(layout.identity, -1))
        self.constant("expression", model.expression.reshape(layout.expression, -1))
        self.constant("correction", model.correction)
        self.constant("texture_mean", albedo.mean)
        self.constant("texture", albedo.modes.reshape(layout.texture, -1))
        self.constant("light_mean", albedo.light_mean)
        # gamma = mean + F x with F F^T the covariance, so that x has unit variance.
        self.constant("light_factor", np.linalg.cholesky(np.linalg.inv(albedo.light_precision)))
        points = model.landmarks[landmark_set]
        self.constant("corners", model.triangles[points.triangle])
        self.constant("barycentric", points.barycentric)
        bare = 1 - np.maximum.reduce([model.regions[name] for name in ("brows", "lips", "eyelids")])
        self.constant("skin", model.regions["face"] * bare.clip(0))

    def expression_range(self, raw: Tensor) -> Tensor:
        """ARKit weights, in (0, 1)."""
        return torch.sigmoid(4 * raw - 3)

    def light_range(self, raw: Tensor) -> Tensor:
        """Standard deviations."""
        return _within(raw, STANDARD_DEVIATIONS)

    def shape(self, c: Coefficients) -> Tensor:
        """See `FaceModel.shape`; a few expressions depend on the identity (`headshot.models.head_model`)."""
        vertices = super().shape(c)
        if not self.corrected:
            return vertices
        weights = c.expression[:, self.corrected]
        change = torch.einsum("bk,bi,kinc->bnc", weights, c.identity, self.correction)
        index = torch.tensor(self.corrected_vertices, device=vertices.device)
        return vertices.index_add(1, index, change)

    def light(self, c: Coefficients) -> Tensor:
        """gamma (B, 9, 3) of `headshot.geometry.light`, head frame."""
        return (self.light_mean + c.light @ self.light_factor.T).view(-1, 9, 3)

    def shaded(self, c: Coefficients, vertices: Tensor) -> Tensor:
        """See `FaceModel.shaded`: light acts in the head's frame and on linear reflectance."""
        normals = vertex_normals(vertices, self.whole)
        linear = self.reflectance(c) * (sh_basis(normals) @ self.light(c))
        return to_srgb(linear.clamp(min=1e-4))


def load_face_model(source: str | Path, landmark_set: str = "mediapipe478") -> FaceModel:
    """A face model by name or file.

    Args:
        source: "ours" for the built-in head, or a file of `headshot convert-basel`.
        landmark_set: that the built-in head's landmarks are to be; Basel's are always "ibug68".

    Raises:
        ModelFormatError: there is no such model, or it cannot be read.
    """
    if str(source) == "ours":
        return HeadFace(load_head_model("low"), load_albedo("low"), landmark_set)
    if not Path(source).is_file():
        raise ModelFormatError(
            f'--model is "ours" or a file of `headshot convert-basel` (docs/reference/model-formats.md), '
            f"and {source} is neither"
        )
    return BaselFace(load_front(source))


def rotation(angles: Tensor) -> Tensor:
    """Rotations (B, 3, 3) of angles (B, 3) in radians: R = rot(z) rot(y) rot(x)."""
    (sx, sy, sz), (cx, cy, cz) = angles.sin().unbind(1), angles.cos().unbind(1)
    rows = [
        cz * cy, cz * sy * sx - sz * cx, cz * sy * cx + sz * sx,
        sz * cy, sz * sy * sx + cz * cx, sz * sy * cx - cz * sx,
        -sy, cy * sx, cy * cx,
    ]  # fmt: skip
    return torch.stack(rows, dim=1).view(-1, 3, 3)


def basel_harmonics(normals: Tensor) -> Tensor:
    """The nine functions (..., 9) of unit normals, as `headshot.models.readers.basel_front.harmonics`."""
    x, y, z = normals.unbind(-1)
    zeroth, first, second = HARMONIC_SCALES
    return torch.stack(
        [
            torch.full_like(x, zeroth),
            -first * y,
            first * z,
            -first * x,
            second * x * y,
            -second * y * z,
            second / (2 * math.sqrt(3)) * (3 * z * z - 1),
            -second * x * z,
            second / 2 * (x * x - y * y),
        ],
        dim=-1,
    )


def _within(values: Tensor, limit: float) -> Tensor:
    return limit * torch.tanh(values / limit)
