"""Models in the binary format of the eos library: above all the public Surrey Face Model.

P. Huber et al., "A Multiresolution 3D Morphable Face Model and Fitting Framework", VISAPP 2016. The files
and their layout are those of https://github.com/patrikhuber/eos, folder ``share``:

    sfm_shape_3448.bin                 shape model                        (cereal, binary)
    expression_blendshapes_3448.bin    blendshapes                        (cereal, binary)
    ibug_to_sfm.txt                    iBUG point -> vertex               (TOML subset)
    sfm_model_contours.json            vertices along both sides of the jaw
    sfm_3448_edge_topology.json        edges with their triangles         (not needed: `read_edge_topology`)

The same reader takes any model that eos can save: versions 1 to 4, with a colour model, with an expression
model of either kind, with landmark definitions of its own.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headshot.arrays import F32, I32
from headshot.errors import ModelFormatError
from headshot.models.correspondence import Correspondence
from headshot.models.linear import (
    ExpressionKind,
    LinearModel,
    at_vertices,
    eye_origin,
    facing_out,
)
from headshot.models.protocol import LandmarkSet
from headshot.models.readers.cereal import CerealReader, open_cereal

WHERE = (
    "The public Surrey Face Model (non-commercial use) is the folder `share` of "
    "https://github.com/patrikhuber/eos: put its files sfm_shape_3448.bin, expression_blendshapes_3448.bin, "
    "ibug_to_sfm.txt and sfm_model_contours.json into one folder"
)
SURREY_TERMS = (
    "Surrey Face Model, (c) University of Surrey and P. Huber et al., VISAPP 2016: non-commercial use, "
    "see https://cvssp.org/facemodel"
)
SURREY_VERTICES = (845, 3448, 16759, 29587)
_LARGEST = 10_000_000  # vertices; more is no face model but a damaged file


@dataclass(frozen=True)
class EosFiles:
    """The files of one model; None for those that it does without.

    Attributes:
        model: ``*.bin``.
        blendshapes: ``*.bin`` with expression blendshapes, for models that have none inside.
        mapping: ``ibug_to_*.txt``, for models without landmark definitions of their own.
        contours: ``*_model_contours.json``.
    """

    model: Path
    blendshapes: Path | None = None
    mapping: Path | None = None
    contours: Path | None = None


def companions(model: str | Path, stem: str | None = None) -> EosFiles:
    """The files beside a shape model, by the names that eos gives them.

    Args:
        model: the shape model.
        stem: what the companions are called after, where that is not the model's own name.

    Raises:
        ModelFormatError: the model is missing.
    """
    file = Path(model)
    if not file.is_file():
        raise ModelFormatError(f"there is no model {file}. {WHERE}")
    number = re.search(r"_(\d+)\.bin$", file.name)
    stem = stem or re.split(r"[_.]", file.name)[0]

    def beside(*names: str) -> Path | None:
        return next((file.parent / name for name in names if (file.parent / name).is_file()), None)

    return EosFiles(
        model=file,
        blendshapes=beside(f"expression_blendshapes_{number[1]}.bin") if number else None,
        mapping=beside(f"ibug_to_{file.stem}.txt", f"ibug_to_{stem}.txt"),
        contours=beside(f"{file.stem}_model_contours.json", f"{stem}_model_contours.json"),
    )


@dataclass(frozen=True)
class _Pca:
    """A principal component model of eos: mean (3V,), modes (3V, K) per standard deviation, triangles."""

    mean: F32
    modes: F32
    triangles: I32


def read_eos(files: EosFiles) -> LinearModel:
    """Read a model.

    Raises:
        ModelFormatError: a file is missing or has another layout; the message says what to get.
    """
    reader = open_cereal(files.model)
    version = reader.unpack("I")
    if not 1 <= version <= 4:
        raise ModelFormatError(
            f"{files.model} is not a model of eos (version {version}, known are 1 to 4). {WHERE}"
        )
    shape, colour = _pca(reader), _pca(reader)
    if not 9 <= len(shape.mean) <= 3 * _LARGEST or len(shape.mean) % 3:
        raise ModelFormatError(f"{files.model} is not a shape model of eos. {WHERE}")
    names: tuple[str, ...] = ()
    kind: ExpressionKind = "blendshapes"
    expression: F32 = np.zeros((0, len(shape.mean)), np.float32)
    expression_mean: F32 = np.zeros(len(shape.mean), np.float32)
    if version >= 2 and reader.optional():
        if reader.unpack("i") == 0:
            inner = _pca(reader)
            expression, kind = np.ascontiguousarray(inner.modes.T), "pca"
            names = tuple(f"expression{i + 1}" for i in range(len(expression)))
            expression_mean = inner.mean
        else:
            names, expression = _blendshapes(reader, len(shape.mean))
    defined: dict[int, int] = {}
    if version >= 3 and reader.optional():
        for _ in range(reader.size(12)):
            key, vertex = reader.text(), reader.unpack("i")
            if key.isdecimal():
                defined[int(key)] = vertex
    uv = reader.rows(2, "<f8")
    uv_triangles = reader.rows(3, "<i4") if version >= 4 else np.zeros((0, 3), np.int32)
    reader.finish()

    if files.blendshapes is not None and not names:
        separate = open_cereal(files.blendshapes)
        names, expression = _blendshapes(separate, len(shape.mean))
        separate.finish()
    if files.mapping is not None:
        defined = read_mapping(files.mapping)
    if not defined:
        raise ModelFormatError(
            f"no landmarks are known for {files.model}: give the mapping file that belongs to it "
            f"(ibug_to_*.txt). {WHERE}"
        )
    mean = _vectors((shape.mean + expression_mean)[None])[0]
    triangles = facing_out(shape.triangles, mean)
    landmarks = landmark_set(defined, triangles, len(mean), files.mapping or files.model)
    origin = eye_origin(mean, landmarks, triangles)
    surrey = len(mean) in SURREY_VERTICES
    return LinearModel(
        name=f"Surrey Face Model, {len(mean):,} vertices" if surrey else files.model.stem,
        mean=(mean - origin).astype(np.float32),
        identity=_vectors(np.ascontiguousarray(shape.modes.T)),
        expression=_vectors(expression),
        expression_names=names,
        expression_kind=kind,
        triangles=triangles,
        landmarks=landmarks,
        contours=contour_lines(files.contours, triangles),
        albedo_mean=_vectors(colour.mean[None])[0] if len(colour.mean) else None,
        albedo=_vectors(np.ascontiguousarray(colour.modes.T))
        if len(colour.mean)
        else np.zeros((0, 0, 3), np.float32),
        uv=uv.astype(np.float32) if len(uv) else None,
        triangles_uv=_uv_triangles(uv_triangles, shape.triangles, triangles) if len(uv) else None,
        origin=origin,
        terms=SURREY_TERMS if surrey else "",
    )


def _pca(reader: CerealReader) -> _Pca:
    """A PcaModel: mean, orthonormal basis, eigenvalues, triangles."""
    mean, basis, variance = reader.matrix()[:, :1], reader.matrix(), reader.matrix()
    triangles = reader.rows(3, "<i4").astype(np.int32)
    if mean.size and (len(basis) != len(mean) or variance.size != basis.shape[1]):
        raise ModelFormatError(
            f"{reader.file} is not a model of eos: {len(mean)} coordinates, a basis {basis.shape} and "
            f"{variance.size} variances do not fit"
        )
    modes = basis * np.sqrt(np.maximum(variance.ravel(), 0)) if mean.size else basis
    return _Pca(mean.ravel().astype(np.float32), modes.astype(np.float32), triangles)


def _blendshapes(reader: CerealReader, size: int) -> tuple[tuple[str, ...], F32]:
    """A vector of blendshapes: names, offsets (E, 3V)."""
    names, offsets = [], []
    for _ in range(reader.size(16)):
        names.append(reader.text())
        offset = reader.matrix()
        if offset.size != size:
            raise ModelFormatError(
                f"{reader.file}: blendshape {names[-1]!r} has {offset.size // 3:,} vertices, the shape model "
                f"{size // 3:,}: take the blendshapes of the same resolution"
            )
        offsets.append(offset.ravel())
    return tuple(names), np.array(offsets, np.float32).reshape(len(names), size)


def _vectors(flat: F32) -> F32:
    """(N, 3V) as (N, V, 3)."""
    return np.ascontiguousarray(flat.reshape(len(flat), flat.shape[1] // 3, 3))


def _uv_triangles(own: NDArray[Any], before: I32, after: I32) -> I32:
    """Texture triangles in the order of corners that the triangles were given."""
    if not len(own):
        return after
    turned = own if before is after else own[:, ::-1]
    return np.ascontiguousarray(turned, dtype=np.int32)


def contour_lines(file: Path | None, triangles: I32) -> dict[str, Correspondence]:
    """The lines along the jaw, by side, from a contour file; empty ones without it."""
    none = np.zeros(0, np.int32)
    sides = {"right": none, "left": none} if file is None else read_contours(file)
    return {side: at_vertices(vertices, triangles) for side, vertices in sides.items()}


def landmark_set(defined: dict[int, int], triangles: I32, count: int, file: object) -> LandmarkSet:
    """Landmarks from iBUG numbers (from 1) and vertices; those outside of a coarser mesh are left out."""
    numbers = sorted(n for n, vertex in defined.items() if 1 <= n <= 68 and 0 <= vertex < count)
    if len(numbers) < 6:
        raise ModelFormatError(f"{file} has {len(numbers)} of the 68 iBUG points on the mesh; a pose needs 6")
    points = at_vertices([defined[n] for n in numbers], triangles)
    return LandmarkSet(np.array(numbers, np.int32) - 1, points)


def read_mapping(file: str | Path) -> dict[int, int]:
    """iBUG point (from 1) -> vertex (from 0), from a mapping file of eos.

    Raises:
        ModelFormatError: missing, or without a mapping.
    """
    text = re.sub(r"#.*", "", _text(file))
    section = re.search(r"\[landmark_mappings\](.*?)(?=^\s*\[[a-z]|\Z)", text, re.S | re.M)
    pairs = re.findall(r'^\s*"?(\d+)"?\s*=\s*(\d+)\s*$', section[1] if section else "", re.M)
    if not pairs:
        raise ModelFormatError(f"{file} has no section [landmark_mappings] with lines `9 = 33`. {WHERE}")
    return {int(a): int(b) for a, b in pairs}


def read_contours(file: str | Path) -> dict[str, I32]:
    """Vertices along the "right" and "left" side of the jaw, from a contour file of eos.

    Raises:
        ModelFormatError: missing, or not such a file.
    """
    document = _json(file)
    try:
        sides = document["model_contour"]
        return {side: np.array(sides[f"{side}_contour"], np.int32).reshape(-1) for side in ("right", "left")}
    except (KeyError, TypeError, ValueError) as error:
        raise ModelFormatError(f"{file} is no contour file of eos: {error!r}. {WHERE}") from error


def read_edge_topology(file: str | Path) -> tuple[I32, I32]:
    """Edges of a mesh from an edge-topology file of eos.

    Returns:
        faces (N, 2) and vertices (N, 2) of each edge, counted from 0; -1 where there is no second triangle.

    Raises:
        ModelFormatError: missing, or not such a file.
    """
    document = _json(file)
    try:
        table = document["edge_topology"]
        faces, vertices = (
            np.array([[pair["value0"], pair["value1"]] for pair in table[key]], np.int32).reshape(-1, 2) - 1
            for key in ("adjacent_faces", "adjacent_vertices")
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ModelFormatError(f"{file} is no edge topology of eos: {error!r}. {WHERE}") from error
    if len(faces) != len(vertices):
        raise ModelFormatError(f"{file} has {len(faces)} pairs of triangles for {len(vertices)} edges")
    return faces, vertices


def _text(file: str | Path) -> str:
    try:
        return Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ModelFormatError(f"cannot read {file}: {error}. {WHERE}") from error


def _json(file: str | Path) -> Any:
    try:
        return json.loads(_text(file))
    except (json.JSONDecodeError, RecursionError) as error:
        raise ModelFormatError(f"{file} is not JSON: {error}. {WHERE}") from error
