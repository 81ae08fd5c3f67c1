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
from headshot.reading.bounds import ENTRIES, MODEL_MODES, index_of, require_at_most, require_mesh
from headshot.reading.complaint import reading
from headshot.reading.documents import read_json, read_text

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
_KIND = "a model of eos"


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
    """A principal component model of eos: mean (3V,), modes (K, 3V) per standard deviation, triangles."""

    mean: F32
    modes: F32
    triangles: I32


@dataclass(frozen=True)
class _Content:
    """What a model file holds: see `headshot.models.linear.LinearModel`."""

    shape: _Pca
    colour: _Pca
    names: tuple[str, ...]
    kind: ExpressionKind
    expression: F32
    expression_mean: F32
    defined: dict[int, int]
    uv: NDArray[Any]
    triangles_uv: NDArray[Any]


def read_eos(files: EosFiles) -> LinearModel:
    """Read a model.

    Raises:
        ModelFormatError: a file is missing or has another layout; the message says what to get.
    """
    with reading(files.model, _KIND, ModelFormatError, WHERE):
        with open_cereal(files.model) as reader:
            content = _content(reader)
            reader.finish()
        return _model(files, content)


def _content(reader: CerealReader) -> _Content:
    version = reader.unpack("I")
    if not 1 <= version <= 4:
        raise ValueError(f"its version is {version}, known are 1 to 4")
    shape, colour = _pca(reader), _pca(reader)
    size = len(shape.mean)
    if size < 9 or size % 3:
        raise ValueError(f"its shape has {size} coordinates")
    require_mesh(size // 3, len(shape.triangles))
    names: tuple[str, ...] = ()
    kind: ExpressionKind = "blendshapes"
    expression: F32 = np.zeros((0, size), np.float32)
    expression_mean: F32 = np.zeros(size, np.float32)
    if version >= 2 and reader.optional():
        if reader.unpack("i") == 0:
            inner = _pca(reader)
            expression, kind, expression_mean = inner.modes, "pca", inner.mean
            names = tuple(f"expression{i + 1}" for i in range(len(expression)))
        else:
            names, expression = _blendshapes(reader, size)
    defined: dict[int, int] = {}
    if version >= 3 and reader.optional():
        for _ in range(reader.size(12)):
            key, vertex = reader.text(), reader.unpack("i")
            if re.fullmatch("[0-9]{1,9}", key):
                defined[int(key)] = vertex
    uv = reader.rows(2, "<f8")
    uv_triangles = reader.rows(3, "<i4") if version >= 4 else np.zeros((0, 3), np.int32)
    return _Content(shape, colour, names, kind, expression, expression_mean, defined, uv, uv_triangles)


def _model(files: EosFiles, content: _Content) -> LinearModel:
    shape, colour, uv = content.shape, content.colour, content.uv
    names, expression, defined = content.names, content.expression, content.defined
    if files.blendshapes is not None and not names:
        names, expression = read_blendshapes(files.blendshapes, len(shape.mean))
    if files.mapping is not None:
        defined = read_mapping(files.mapping)
    if not defined:
        raise ValueError(
            "no landmarks are known for it; give the mapping file that belongs to it, ibug_to_*.txt"
        )
    mean = _vectors((shape.mean + content.expression_mean)[None])[0]
    triangles = facing_out(index_of("triangles", shape.triangles, len(mean)), mean)
    landmarks = landmark_set(defined, triangles, len(mean), files.mapping or files.model)
    origin = eye_origin(mean, landmarks, triangles)
    surrey = len(mean) in SURREY_VERTICES
    return LinearModel(
        name=f"Surrey Face Model, {len(mean):,} vertices" if surrey else files.model.stem,
        mean=(mean - origin).astype(np.float32),
        identity=_vectors(shape.modes),
        expression=_vectors(expression),
        expression_names=names,
        expression_kind=content.kind,
        triangles=triangles,
        landmarks=landmarks,
        contours=contour_lines(files.contours, triangles),
        albedo_mean=_vectors(colour.mean[None])[0] if len(colour.mean) else None,
        albedo=_vectors(colour.modes) if len(colour.mean) else np.zeros((0, 0, 3), np.float32),
        uv=uv.astype(np.float32) if len(uv) else None,
        triangles_uv=_uv_triangles(content.triangles_uv, shape.triangles, triangles) if len(uv) else None,
        origin=origin,
        terms=SURREY_TERMS if surrey else "",
    )


def read_blendshapes(file: Path, size: int) -> tuple[tuple[str, ...], F32]:
    """Names and offsets (E, 3V) of a file of expression blendshapes.

    Raises:
        ModelFormatError: it is no such file, or has another resolution than 3V = ``size``.
    """
    with reading(file, "expression blendshapes of eos", ModelFormatError, WHERE), open_cereal(file) as reader:
        found = _blendshapes(reader, size)
        reader.finish()
        return found


def _pca(reader: CerealReader) -> _Pca:
    """A PcaModel: mean, orthonormal basis, eigenvalues, triangles."""
    mean, basis, variance = reader.matrix()[:, :1], reader.matrix(), reader.matrix()
    triangles = reader.rows(3, "<i4").astype(np.int32)
    if mean.size and (len(basis) != len(mean) or variance.size != basis.shape[1]):
        raise ValueError(
            f"{len(mean)} coordinates, a basis {basis.shape} and {variance.size} variances do not fit"
        )
    require_at_most(MODEL_MODES, modes=basis.shape[1])
    modes = np.ascontiguousarray(basis.T, np.float32)
    if mean.size:
        modes *= np.sqrt(np.maximum(variance.ravel(), 0))[:, None]  # in place: models are large
    return _Pca(mean.ravel().astype(np.float32), modes, triangles)


def _blendshapes(reader: CerealReader, size: int) -> tuple[tuple[str, ...], F32]:
    """A vector of blendshapes: names, offsets (E, 3V)."""
    count = reader.size(16)
    if count > ENTRIES:
        raise ValueError(f"it has {count} blendshapes; the limit is {ENTRIES}")
    names, offsets = [], []
    for _ in range(count):
        names.append(reader.text())
        offset = reader.matrix()
        if offset.size != size:
            raise ValueError(
                f"blendshape {names[-1]!r} has {offset.size // 3:,} vertices, the shape model "
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
    with reading(file, "a mapping file of eos", ModelFormatError, WHERE):
        text = re.sub(r"#.*", "", read_text(file))
    section = re.search(r"\[landmark_mappings\](.*?)(?=^\s*\[[a-z]|\Z)", text, re.S | re.M)
    pairs = re.findall(r'^\s*"?([0-9]{1,9})"?\s*=\s*([0-9]{1,9})\s*$', section[1] if section else "", re.M)
    if not pairs:
        raise ModelFormatError(f"{file} has no section [landmark_mappings] with lines `9 = 33`. {WHERE}")
    return {int(a): int(b) for a, b in pairs}


def read_contours(file: str | Path) -> dict[str, I32]:
    """Vertices along the "right" and "left" side of the jaw, from a contour file of eos.

    Raises:
        ModelFormatError: missing, or not such a file.
    """
    with reading(file, "a contour file of eos", ModelFormatError, WHERE):
        sides = read_json(file)["model_contour"]
        return {side: np.array(sides[f"{side}_contour"], np.int32).reshape(-1) for side in ("right", "left")}


def read_edge_topology(file: str | Path) -> tuple[I32, I32]:
    """Edges of a mesh from an edge-topology file of eos.

    Returns:
        faces (N, 2) and vertices (N, 2) of each edge, counted from 0; -1 where there is no second triangle.

    Raises:
        ModelFormatError: missing, or not such a file.
    """
    with reading(file, "an edge topology of eos", ModelFormatError, WHERE):
        table = read_json(file)["edge_topology"]
        faces, vertices = (
            np.array([[pair["value0"], pair["value1"]] for pair in table[key]], np.int32).reshape(-1, 2) - 1
            for key in ("adjacent_faces", "adjacent_vertices")
        )
        if len(faces) != len(vertices):
            raise ValueError(f"{len(faces)} pairs of triangles for {len(vertices)} edges")
        return faces, vertices
