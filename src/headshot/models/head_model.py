"""The head model: a mean head, identity and ARKit-52 expression bases, and what is known about its surface.

    S(alpha, beta) = mean + sum_i alpha_i * identity_i + sum_e beta_e * expression_e(alpha)

Identity coefficients are in standard deviations of their prior, so alpha ~ N(0, 1); expression weights are
ARKit weights in [0, 1]. A few expressions (blinks) depend on the identity, linearly, so that the lids of
every head meet at weight 1: ``expression_e(alpha) = expression_e + sum_i alpha_i * correction_e,i``.
All lengths are millimetres in the head frame (docs/reference/conventions.md). Dimension letters: V vertices,
F triangles, I identity modes, E expressions, L landmarks.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from headshot import assets
from headshot.arrays import F32, I32, Index, ReadOnly, all_finite
from headshot.errors import ModelFormatError
from headshot.models.correspondence import Correspondence
from headshot.models.protocol import BUNDLED, LANDMARK_SETS, ExpressionPrior, LandmarkSet, arkit_numbers
from headshot.models.subdivision import refined, sparse_product
from headshot.models.topologies import ibug68
from headshot.reading.arrays import open_arrays
from headshot.reading.bounds import ARRAYS, ENTRIES, index_of, require_at_most, require_mesh, size_of
from headshot.reading.complaint import reading

FORMAT_VERSION = 1
LEVELS = ("low", "high")
ASSET = "head_model.npz"
_WEIGHTS = 16  # of a vertex of the fine mesh, from those of the coarse one: a face point has four


@dataclass(frozen=True, eq=False, repr=False)
class PointModel(ReadOnly):
    """The head model restricted to some points of its surface: what a landmark fit needs.

    Attributes:
        mean: (L, 3) mm.
        identity: (I, L, 3) mm per standard deviation.
        expression: (E, L, 3) mm at weight 1 on the mean head.
        corrected: indices (K,) of the expressions that depend on the identity.
        correction: (K, I, L, 3) their change per standard deviation, mm.
    """

    mean: F32
    identity: F32
    expression: F32
    corrected: I32
    correction: F32

    def expressions(self, identity: ArrayLike) -> F32:
        """Expression offsets (E, L, 3) of the head with these identity coefficients (I,)."""
        basis = self.expression.copy()
        basis[self.corrected] += np.einsum("i,kilc->klc", np.asarray(identity, np.float32), self.correction)
        return basis

    def positions(self, identity: ArrayLike, expression: ArrayLike) -> F32:
        """Positions (L, 3) for identity (I,) and expression (E,) coefficients, mm."""
        a, b = np.asarray(identity, np.float32), np.asarray(expression, np.float32)
        return self.mean + np.tensordot(a, self.identity, 1) + np.tensordot(b, self.expressions(a), 1)

    def linearised(self, identity: F32, expression: F32) -> tuple[F32, F32]:
        """Positions (L, 3), and their derivatives (I + E, L, 3) by identity and expression."""
        a, b = identity, expression
        expressions = self.expressions(a)
        identities = self.identity + np.einsum("k,kilc->ilc", b[self.corrected], self.correction)
        shape = self.mean + np.tensordot(a, self.identity, 1) + np.tensordot(b, expressions, 1)
        return shape, np.concatenate([identities, expressions])

    def restricted(self, points: Index | slice) -> PointModel:
        """The model at some of its points."""
        return PointModel(
            self.mean[points],
            self.identity[:, points],
            self.expression[:, points],
            self.corrected,
            self.correction[:, :, points],
        )


@dataclass(frozen=True, eq=False, repr=False)
class HeadModel(ReadOnly):
    """A linear morphable head at one resolution; both resolutions share their coefficients.

    Attributes:
        resolution: "low" or "high" ("full" for models read from other formats).
        mean: (V, 3) mean head, mm.
        identity: (I, V, 3) identity modes, mm per standard deviation.
        expression: (E, V, 3) expression offsets at weight 1, mm.
        expression_names: E names; the ARKit-52 set for the built-in model.
        corrected, correction_vertices, correction: identity-dependent part of K expressions:
            (K,) expression indices, (N,) vertices they touch, (K, I, N, 3) mm per standard deviation.
        triangles: (F, 3) counter-clockwise seen from outside.
        uv: (T, 2) texture coordinates in [0, 1], origin at the top left of the texture (as in glTF).
        triangles_uv: (F, 3) indices into ``uv``.
        parts: name -> (first, last + 1) triangle of the part: "skin", "mouth" (the sock behind the lips),
            "eye_left", "eye_right", "teeth_upper", "teeth_lower", "tongue".
        regions: name -> (V,) weights in [0, 1] of anatomical regions.
        landmarks: name -> Correspondence: "ibug68", "mediapipe478", and "contour": for each of the 17 jaw
            points of ibug68 a line of candidates across the cheek, 17 * C points, from front to back.
        mirror: (V,) index of each vertex's counterpart on the other side of the head. The texture layout
            is mirror-symmetric: flipping a texture left to right mirrors the head.
        id: whose coefficients: `headshot.models.protocol.BUNDLED`, or the name of another file.
    """

    resolution: str
    mean: F32
    identity: F32
    expression: F32
    expression_names: tuple[str, ...]
    corrected: I32
    correction_vertices: I32
    correction: F32
    triangles: I32
    uv: F32
    triangles_uv: I32
    parts: dict[str, tuple[int, int]]
    regions: dict[str, F32]
    landmarks: dict[str, Correspondence]
    mirror: I32
    id: str = BUNDLED

    @property
    def file(self) -> str:
        """Of models that do not ship with the project, whose id it is."""
        return "" if self.id == BUNDLED else self.id

    @property
    def terms(self) -> str:
        """Of its use."""
        return "MIT" if self.id == BUNDLED else ""

    @property
    def expression_prior(self) -> ExpressionPrior:
        """Weights in [0, 1]."""
        return ExpressionPrior.of_arkit(arkit_numbers(self.expression_names))

    def neutral(self, identity: ArrayLike | None = None) -> F32:
        """Vertices (V, 3) of a head without expression, mm."""
        return combine(self.mean, self.identity, identity, "identity")

    def expressions(self, identity: ArrayLike | None = None) -> F32:
        """Expression offsets (E, V, 3) at weight 1 of the head with these identity coefficients, mm."""
        basis = self.expression.copy()
        if identity is not None and len(self.corrected):
            a = np.asarray(identity, np.float32)
            change = np.einsum("i,kinc->knc", a, self.correction)
            basis[self.corrected[:, None], self.correction_vertices] += change
        return basis

    def shape(self, identity: ArrayLike | None = None, expression: ArrayLike | None = None) -> F32:
        """Vertices (V, 3) for identity (I,) and expression (E,) coefficients, mm."""
        neutral = self.neutral(identity)
        if expression is None:
            return neutral
        b = np.asarray(expression, np.float32)
        if b.shape != (len(self.expression),):
            raise ValueError(f"expression must have shape ({len(self.expression)},), got {b.shape}")
        vertices = neutral + np.tensordot(b, self.expression, 1)
        if identity is not None and len(self.corrected):
            change = np.einsum("i,kinc->knc", np.asarray(identity, np.float32), self.correction)
            vertices[self.correction_vertices] += np.tensordot(b[self.corrected], change, 1)
        return vertices

    def at(self, points: Correspondence) -> PointModel:
        """The model restricted to points of its surface."""
        corners, weights = self.triangles[points.triangle], points.barycentric

        def pick(field: F32) -> F32:
            return np.einsum("...lcd,lc->...ld", field[..., corners, :], weights, optimize=True)

        n = len(self.mean)
        correction = np.zeros((len(self.corrected), len(self.identity), len(points), 3), np.float32)
        for k in range(len(self.corrected)):
            full = np.zeros((len(self.identity), n, 3), np.float32)
            full[:, self.correction_vertices] = self.correction[k]
            correction[k] = pick(full)
        return PointModel(
            pick(self.mean), pick(self.identity), pick(self.expression), self.corrected, correction
        )

    def landmark_set(self, name: str) -> LandmarkSet | None:
        """The points of "mediapipe478", or those of "ibug68" that are fixed points of the skin."""
        if name not in LANDMARK_SETS or name not in self.landmarks:
            return None
        points = self.landmarks[name]
        index = ibug68.FIXED if name == "ibug68" else np.arange(len(points))
        return LandmarkSet(index.astype(np.int32), points.restricted(index))

    def jaw_lines(self) -> dict[str, Correspondence]:
        """The halves of the jaw's points, from the ear to the chin."""
        jaw = self.landmarks["ibug68"]
        halves = {"right": ibug68.JAW_LEFT_IN_IMAGE, "left": ibug68.JAW_RIGHT_IN_IMAGE}
        return {side: jaw.restricted(half) for side, half in halves.items()}

    def part_triangles(self, *names: str) -> I32:
        """Triangles (n, 3) of the named parts."""
        return np.concatenate([self.triangles[slice(*self.parts[name])] for name in names])


def combine(mean: F32, modes: F32, coefficients: ArrayLike | None, name: str) -> F32:
    """mean + sum_k coefficients_k modes_k, (V, 3); a copy of the mean without coefficients.

    Args:
        mean: (V, 3).
        modes: (K, V, 3).
        coefficients: (K,), or None.
        name: what the coefficients are called in an error.

    Raises:
        ValueError: if there are not K coefficients.
    """
    if coefficients is None:
        return mean.copy()
    a = np.asarray(coefficients, np.float32)
    if a.shape != (len(modes),):
        raise ValueError(f"{name} must have shape ({len(modes)},), got {a.shape}")
    return mean + np.tensordot(a, modes, 1)


def read(file: str | Path, resolution: str = "high") -> HeadModel:
    """Read a head model in Headshot's own format at "low" or "high" resolution.

    docs/explanation/head-model.md describes the format.

    Raises:
        ModelFormatError: the file is not such a model or has another format version.
    """
    if resolution not in ("low", "high"):
        raise ValueError(f'resolution must be "low" or "high", got {resolution!r}')
    with reading(file, "a Headshot head model", ModelFormatError), open_arrays(file) as data:
        version = int(data["format_version"])
        if version != FORMAT_VERSION:
            raise ModelFormatError(
                f"{file} has format version {version}; this version reads {FORMAT_VERSION}"
            )
        ours = Path(file) == Path(assets.path(ASSET))
        model = replace(_assemble(data, resolution), id=BUNDLED if ours else Path(file).name)
        _check(model)
        return model


def _assemble(data: Mapping[str, NDArray[Any]], resolution: str) -> HeadModel:
    """Build the model from the arrays of its file, which are those of the low resolution."""
    _check_sizes(data)
    mean = data["mean"].astype(np.float32)
    identity = data["identity"].astype(np.float32)
    expression = data["expression"].astype(np.float32)
    correction_vertices = data["correction_vertices"].astype(np.int32)
    correction = data["correction"].astype(np.float32)
    regions = data["regions"].astype(np.float32) * np.float32(1 / 255)
    landmarks = {
        str(name): Correspondence(
            data[f"landmarks/{name}/triangle"].astype(np.int32),
            data[f"landmarks/{name}/barycentric"].astype(np.float32),
        )
        for name in data["landmark_names"]
    }
    if resolution == "high":
        matrix = (
            data["high/indptr"].astype(np.int32),
            data["high/indices"].astype(np.int32),
            data["high/weights"].astype(np.float32),
        )
        start, column, weight = matrix
        if not (
            len(column) == len(weight) == start[-1]
            and start[0] == 0
            and (np.diff(start) >= 0).all()
            and 0 <= column.min() <= column.max() < len(mean)
            and all(field.shape[-2:] == mean.shape for field in (identity, expression))
            and regions.shape[1] == len(mean)
            and correction.ndim == 4
            and 0 <= correction_vertices.min() <= correction_vertices.max() < len(mean)
            and correction.shape[2:] == (len(correction_vertices), 3)
        ):  # the kernel below would read outside of its arrays
            raise ValueError("its subdivision does not fit its mesh")
        every = np.arange(len(start) - 1, dtype=np.int32)
        touched = np.zeros((1, *mean.shape), np.float32)
        touched[:, correction_vertices] = 1
        coarse = np.zeros((correction.shape[0] * correction.shape[1], *mean.shape), np.float32)
        coarse[:, correction_vertices] = correction.reshape(len(coarse), len(correction_vertices), 3)
        correction_vertices = every[sparse_product(*matrix, every, touched)[0, :, 0] > 0]
        fine = sparse_product(*matrix, correction_vertices, coarse)
        correction = fine.reshape(*correction.shape[:2], len(correction_vertices), 3)
        mean = sparse_product(*matrix, every, mean[None])[0] + data["high/offset"].astype(np.float32)
        identity = sparse_product(*matrix, every, identity)
        expression = sparse_product(*matrix, every, expression)
        regions = sparse_product(*matrix, every, np.repeat(regions[:, :, None], 3, axis=2))[..., 0]
        landmarks = {name: refined(points) for name, points in landmarks.items()}
    vertices, layout = len(mean), data[f"{resolution}/uv"]
    return HeadModel(
        resolution=resolution,
        mean=mean,
        identity=identity,
        expression=expression,
        expression_names=tuple(str(name) for name in data["expression_names"]),
        corrected=data["corrected"].astype(np.int32),
        correction_vertices=correction_vertices,
        correction=correction,
        triangles=index_of("triangles", data[f"{resolution}/triangles"], vertices),
        uv=layout.astype(np.float32),
        triangles_uv=index_of("triangles_uv", data[f"{resolution}/triangles_uv"], len(layout)),
        parts={
            str(name): (int(first), int(last))
            for name, (first, last) in zip(data["part_names"], data[f"{resolution}/parts"], strict=True)
        },
        regions={
            str(name): np.ascontiguousarray(weights)
            for name, weights in zip(data["region_names"], regions, strict=True)
        },
        landmarks=landmarks,
        mirror=data[f"{resolution}/mirror"].astype(np.int32),
    )


def _check_sizes(data: Mapping[str, NDArray[Any]]) -> None:
    """Refuse files from which more would be made than the limits allow."""
    vertices = max(len(data["mean"]), len(data["high/indptr"]))
    require_mesh(vertices, max(len(data[f"{level}/triangles"]) for level in LEVELS))
    require_at_most(_WEIGHTS * vertices, weights=len(data["high/indices"]))
    made = {
        "modes": len(data["identity"]) + len(data["expression"]),
        "corrections": math.prod(data["correction"].shape[:2]),
        "regions": len(data["regions"]),
    }
    for what, count in made.items():
        size_of(f"all {what} on the fine mesh", (count, vertices, 3), 4, there=math.inf, limit=ARRAYS)
    names = [data[name] for name in ("landmark_names", "expression_names", "part_names", "region_names")]
    require_at_most(ENTRIES, names=max(len(found) for found in names))
    for name in data["landmark_names"]:
        require_at_most(vertices, landmarks=len(data[f"landmarks/{name}/triangle"]))


def _check(model: HeadModel) -> None:
    """Raise ValueError when arrays do not fit each other or indices point outside."""
    v, t, f = len(model.mean), len(model.uv), len(model.triangles)
    i, e, k, n = (
        len(x) for x in (model.identity, model.expression, model.corrected, model.correction_vertices)
    )
    shapes = {
        "mean": (model.mean.shape, (v, 3)),
        "identity": (model.identity.shape, (i, v, 3)),
        "expression": (model.expression.shape, (len(model.expression_names), v, 3)),
        "correction": (model.correction.shape, (k, i, n, 3)),
        "triangles": (model.triangles.shape, (f, 3)),
        "triangles_uv": (model.triangles_uv.shape, (f, 3)),
        "uv": (model.uv.shape, (t, 2)),
        "mirror": (model.mirror.shape, (v,)),
    }
    for name, (shape, expected) in shapes.items():
        if shape != expected:
            raise ValueError(f"{name} has shape {shape}, expected {expected}")
    indices = [
        (model.triangles, v), (model.triangles_uv, t), (model.mirror, v), (model.corrected, e),
        (model.correction_vertices, v), (np.array(list(model.parts.values())), f + 1),
        *((points.triangle, f) for points in model.landmarks.values()),
    ]  # fmt: skip
    if any(len(x) and not 0 <= x.min() <= x.max() < bound for x, bound in indices):
        raise ValueError("an index points outside of its array")
    numbers = (
        model.mean, model.identity, model.expression, model.correction, model.uv, *model.regions.values(),
        *(points.barycentric for points in model.landmarks.values()),
    )  # fmt: skip
    if not all_finite(*numbers):
        raise ValueError("it contains numbers that are not finite")


@lru_cache(maxsize=2)
def load_head_model(resolution: str = "high") -> HeadModel:
    """The built-in head model: about 3.4k ("low") or 13.5k ("high") skin vertices, same coefficients."""
    return read(assets.path(ASSET), resolution)
