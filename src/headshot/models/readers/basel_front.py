"""The frontal Basel model of 35,709 vertices and its equations, as paper and reference implementation use it.

The 2009 Basel Face Model (Paysan et al., "A 3D Face Model for Pose and Illumination Invariant Face
Recognition", AVSS 2009) cut to the face, with the expression basis of Guo et al. ("CNN-based Real-time Dense
Face Reconstruction", PAMI 2018), prepared as by Deng et al. ("Accurate 3D Face Reconstruction with
Weakly-Supervised Learning", CVPRW 2019). `headshot.models.readers.basel2009.prepare` makes it from the files.

Units and frames here are those of Deng et al., so that networks trained with them fit: decimetres, x to the
subject's left, y up, z out of the face, texture in [0, 255]; the camera stands at z = 10 and looks down -z.
`BaselFront.linear_model` converts to this project's. Dimension letters: V = 35,709 vertices, F triangles,
I = 80 identity, E = 64 expression, A = 80 texture modes.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from headshot.arrays import F32, I32, Array, ReadOnly, all_finite
from headshot.errors import ModelFormatError, OutputError
from headshot.models.linear import LinearModel, at_vertices, eye_origin, facing_out
from headshot.models.protocol import LandmarkSet
from headshot.models.topologies import ibug68
from headshot.reading.arrays import open_arrays
from headshot.reading.bounds import index_of, require_mesh
from headshot.reading.complaint import RAISED, reading

IDENTITY, EXPRESSION, TEXTURE, ANGLES, LIGHT, TRANSLATION = 80, 64, 80, 3, 27, 3
COEFFICIENTS = IDENTITY + EXPRESSION + TEXTURE + ANGLES + LIGHT + TRANSLATION
"""257, in the order of Deng et al.: identity, expression, texture, angles, light, translation."""

CAMERA_DISTANCE = 10.0
FOCAL, PICTURE = 1015.0, 224
"""Focal length and side, pixels, of the pictures that Deng et al. train on."""
AMBIENT = 0.8
"""Added to the first light coefficient of each colour, so that zero coefficients give a lit face."""

HARMONIC_SCALES = (
    math.pi / math.sqrt(4 * math.pi),
    2 * math.pi / math.sqrt(3) * math.sqrt(3 / (4 * math.pi)),
    2 * math.pi / math.sqrt(8) * 3 * math.sqrt(5 / (12 * math.pi)),
)
"""Factors of the harmonics of orders 0, 1 and 2, see `harmonics`."""

NAME = "Basel Face Model 2009, front"
TERMS = "Basel Face Model 2009, University of Basel: research use under its licence agreement"
_CONTOUR = {"right": ibug68.JAW_LEFT_IN_IMAGE, "left": ibug68.JAW_RIGHT_IN_IMAGE}


@dataclass(frozen=True, eq=False, repr=False)
class Coefficients(ReadOnly):
    """The 257 numbers of one face.

    Attributes:
        identity: (80,); expression: (64,); texture: (80,), standard deviations.
        angles: (3,) radians about x, y, z.
        light: (3, 9) spherical-harmonics coefficients of red, green and blue.
        translation: (3,) dm.
    """

    identity: Array
    expression: Array
    texture: Array
    angles: Array
    light: Array
    translation: Array


def split(coefficients: ArrayLike) -> Coefficients:
    """Name the parts of a vector (257,)."""
    values = np.asarray(coefficients, np.float64)
    if values.shape != (COEFFICIENTS,):
        raise ValueError(f"expected {COEFFICIENTS} coefficients, got shape {values.shape}")
    ends = np.cumsum([IDENTITY, EXPRESSION, TEXTURE, ANGLES, LIGHT])
    a, b, t, angles, light, translation = np.split(values, ends)
    return Coefficients(a, b, t, angles, light.reshape(3, 9), translation)


@dataclass(frozen=True, eq=False, repr=False)
class BaselFront(ReadOnly):
    """The prepared model.

    Attributes:
        mean: (V, 3) dm, its centre of gravity at the origin.
        identity: (80, V, 3), expression: (64, V, 3) dm per standard deviation.
        texture_mean: (V, 3), texture: (80, V, 3) RGB in [0, 255].
        triangles: (F, 3), in the order of the file, from which `normals` follows.
        vertex_triangles: (V, 8) triangles around each vertex; F stands for none.
        keypoints: (68,) vertices of the iBUG points.
        front: (n,) vertices of the smaller face in which colours are compared.
        front_triangles: (f, 3) its triangles, indices into ``front``.
        skin: (V,) 1 on skin without brows, lips and eyes.
        name: of the model; files that say none hold the Basel model, and so do their terms.
        terms: under which it may be used.
    """

    mean: F32
    identity: F32
    expression: F32
    texture_mean: F32
    texture: F32
    triangles: I32
    vertex_triangles: I32
    keypoints: I32
    front: I32
    front_triangles: I32
    skin: F32
    name: str = NAME
    terms: str = TERMS

    def shape(self, identity: ArrayLike, expression: ArrayLike) -> F32:
        """Vertices (V, 3), dm: s = mean + A_id alpha_id + A_exp alpha_exp."""
        a, b = np.asarray(identity, np.float32), np.asarray(expression, np.float32)
        return self.mean + np.tensordot(a, self.identity, 1) + np.tensordot(b, self.expression, 1)

    def texture_of(self, texture: ArrayLike) -> F32:
        """Colours (V, 3) in [0, 1]: t = mean + A_tex alpha_tex."""
        t = np.asarray(texture, np.float32)
        colours = self.texture_mean + np.tensordot(t, self.texture, 1)
        return np.asarray(colours / np.float32(255), np.float32)

    def normals(self, vertices: ArrayLike) -> F32:
        """Unit normals (V, 3): the sum of the unit normals of the triangles around each vertex."""
        a, b, c = (np.asarray(vertices, np.float32)[self.triangles[:, k]] for k in range(3))
        faces = np.zeros((len(self.triangles) + 1, 3), np.float32)  # the last is that of no triangle
        faces[:-1] = _unit(np.cross(a - b, b - c))
        return _unit(faces[self.vertex_triangles].sum(axis=1))

    def pose(self, vertices: ArrayLike, angles: ArrayLike, translation: ArrayLike) -> F32:
        """Vertices (V, 3) in the frame in front of the camera, dm: R s + T."""
        moved = np.asarray(vertices, np.float64) @ rotation(angles).T + np.asarray(translation, np.float64)
        return moved.astype(np.float32)

    def colours(self, coefficients: Coefficients) -> F32:
        """Lit colours (V, 3), as rendered; they may leave [0, 1]."""
        vertices = self.shape(coefficients.identity, coefficients.expression)
        turned = self.normals(vertices) @ rotation(coefficients.angles).T.astype(np.float32)
        return shade(self.texture_of(coefficients.texture), turned, coefficients.light)

    def landmarks(self, coefficients: Coefficients) -> Array:
        """Pixels (68, 2) of the iBUG points in the 224-pixel picture, origin at the top left."""
        vertices = self.shape(coefficients.identity, coefficients.expression)[self.keypoints]
        return project(self.pose(vertices, coefficients.angles, coefficients.translation))

    def linear_model(self) -> LinearModel:
        """The model in this project's frame and units."""
        to_mm = np.float32(100)
        triangles = facing_out(self.triangles, self.mean)
        landmarks = LandmarkSet(
            ibug68.FIXED.astype(np.int32), at_vertices(self.keypoints[ibug68.FIXED], triangles)
        )
        mean = self.mean * to_mm
        origin = eye_origin(mean, landmarks, triangles)
        front = np.zeros(len(mean), np.float32)
        front[self.front] = 1
        return LinearModel(
            name=f"{self.name}, {len(mean):,} vertices",
            mean=(mean - origin).astype(np.float32),
            identity=self.identity * to_mm,
            expression=self.expression * to_mm,
            expression_names=tuple(f"expression{i + 1}" for i in range(len(self.expression))),
            expression_kind="pca",
            triangles=triangles,
            landmarks=landmarks,
            contours={side: at_vertices(self.keypoints[rows], triangles) for side, rows in _CONTOUR.items()},
            albedo_mean=self.texture_mean / np.float32(255),
            albedo=self.texture / np.float32(255),
            origin=origin,
            regions={"front": front, "skin": self.skin},
            terms=self.terms,
        )


def rotation(angles: ArrayLike) -> Array:
    """Rotation (3, 3) of angles (3,) in radians: R = Rz Ry Rx."""
    (sx, sy, sz), (cx, cy, cz) = (
        np.sin(np.asarray(angles, np.float64)),
        np.cos(np.asarray(angles, np.float64)),
    )
    rx = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    ry = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    rz = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    return np.asarray(rz @ ry @ rx)


def harmonics(normals: ArrayLike) -> Array:
    """Real spherical harmonics (..., 9) of unit normals (..., 3), in the signs and scale of Deng et al.

    The clamped-cosine factors pi, 2 pi / sqrt(3), 2 pi / sqrt(8) are multiplied in (Ramamoorthi and
    Hanrahan, "An efficient representation for irradiance environment maps", SIGGRAPH 2001).
    """
    n = np.asarray(normals, np.float64)
    x, y, z = n[..., 0], n[..., 1], n[..., 2]
    zeroth, first, second = HARMONIC_SCALES
    return np.stack(
        [
            np.full_like(x, zeroth),
            -first * y,
            first * z,
            -first * x,
            second * x * y,
            -second * y * z,
            second / (2 * np.sqrt(3)) * (3 * z**2 - 1),
            -second * x * z,
            second / 2 * (x**2 - y**2),
        ],
        axis=-1,
    )


def shade(texture: ArrayLike, normals: ArrayLike, light: ArrayLike) -> F32:
    """Lit colours (V, 3): L(b, n | gamma) = b sum_k gamma_k phi_k(n).

    Args:
        texture: (V, 3) in [0, 1].
        normals: (V, 3) unit, after the rotation.
        light: (3, 9) coefficients of red, green and blue; `AMBIENT` is added to the first of each.
    """
    gamma = np.asarray(light, np.float64) + AMBIENT * np.eye(9)[0]
    return (np.asarray(texture) * (harmonics(normals) @ gamma.T)).astype(np.float32)


def project(vertices: ArrayLike, focal: float = FOCAL, size: float = PICTURE) -> Array:
    """Pixels (..., 2), origin at the top left, of posed vertices (..., 3) in dm."""
    p = np.asarray(vertices, np.float64)
    depth = CAMERA_DISTANCE - p[..., 2]
    x, y = focal * p[..., 0] / depth + size / 2, focal * p[..., 1] / depth + size / 2
    return np.stack([x, size - y], axis=-1)


def save_front(model: BaselFront, file: str | Path) -> None:
    """Write the prepared model as one npz, complete or not at all.

    Raises:
        OutputError: there is a file of that name which is something else, or it cannot be written.
    """
    path = Path(file)
    part = path.with_name(f".{path.name}.part")
    try:
        if os.path.lexists(path) and not _is_front(path):
            raise OutputError(f"{path} is no prepared Basel model and is not replaced: give another name")
        with part.open("wb") as stream:
            np.savez(stream, **{f.name: getattr(model, f.name) for f in fields(BaselFront)})
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise OutputError(f"cannot write {path} ({error.strerror or error})") from error


def _is_front(file: Path) -> bool:
    """Whether a file is one of `save_front`."""
    try:
        with open_arrays(file) as arrays:
            return set(arrays) | {"name", "terms"} == {f.name for f in fields(BaselFront)}
    except RAISED:
        return False


def load_front(file: str | Path) -> BaselFront:
    """Read what `save_front` wrote.

    Raises:
        ModelFormatError: missing, or another kind of file.
    """
    with (
        reading(file, "a prepared Basel model", ModelFormatError, _ADVICE.format(Path(file).name)),
        open_arrays(file) as arrays,
    ):
        found: dict[str, Any] = {
            f.name: arrays[f.name] for f in fields(BaselFront) if f.name not in ("name", "terms")
        }
        for text in {"name", "terms"} & set(arrays):
            found[text] = _text(arrays[text])
        return checked(BaselFront(**found))


_ADVICE = "make one with `headshot convert-basel FOLDER -o {}`"


def checked(model: BaselFront) -> BaselFront:
    """The model with arrays of its types, if they fit each other.

    Raises:
        ValueError: they do not, an index points outside, or a number is not finite.
    """
    v, f, n = len(model.mean), len(model.triangles), len(model.front)
    require_mesh(max(v, n), max(f, len(model.front_triangles)))
    shapes = {
        "mean": (v, 3), "identity": (IDENTITY, v, 3), "expression": (EXPRESSION, v, 3),
        "texture_mean": (v, 3), "texture": (TEXTURE, v, 3), "skin": (v,),
    }  # fmt: skip
    found: dict[str, Any] = {"name": model.name, "terms": model.terms}
    for name, expected in shapes.items():
        values = getattr(model, name)
        if values.shape != expected or not all_finite(values):
            raise ValueError(f"{name} {values.shape} must be {expected} finite numbers")
        found[name] = values.astype(np.float32, copy=False)
    indices: dict[str, tuple[int, tuple[int, ...]]] = {
        "triangles": (v, (f, 3)), "vertex_triangles": (f + 1, (v, 8)), "keypoints": (v, (68,)),
        "front": (v, (n,)), "front_triangles": (n, (len(model.front_triangles), 3)),
    }  # fmt: skip
    for name, (limit, expected) in indices.items():
        found[name] = index_of(name, getattr(model, name), limit, expected)
    return BaselFront(**found)


def _text(value: Array) -> str:
    if value.shape != () or value.dtype.kind != "U":
        raise ValueError(f"name and terms must be one text each, got {value.dtype} {value.shape}")
    return str(value)


def _unit(vectors: F32) -> F32:
    length = np.sqrt(np.einsum("vc,vc->v", vectors, vectors))[:, None]
    return np.asarray(vectors / np.maximum(length, np.float32(1e-12)), np.float32)
