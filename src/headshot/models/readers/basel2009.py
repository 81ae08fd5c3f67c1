"""The Basel Face Model 2009: its files, and the preparation of the frontal model of 35,709 vertices.

A folder as the reference implementation of Deng et al. expects it:

    01_MorphableModel.mat   the model: 53,490 vertices, 199 modes       (University of Basel, by licence)
    Exp_Pca.bin             expression basis, 53,215 vertices            (Guo et al., "Coarse_Dataset.zip")
    std_exp.txt             its standard deviations                      (Deng et al.)
    BFM_exp_idx.mat         53,490 -> 53,215: without the inner mouth    (Deng et al.)
    BFM_front_idx.mat       53,215 -> 35,709: the face                   (Deng et al.)
    select_vertex_id.mat    53,490 -> 35,709, the product of both        (Deng et al.; checked when there)
    facemodel_info.mat      triangles, keypoints and regions of the 35,709 vertices   (Deng et al.)
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headshot.arrays import F32, I32
from headshot.errors import ModelFormatError
from headshot.models.linear import LinearModel, at_vertices, eye_origin, facing_out
from headshot.models.readers.basel_front import (
    EXPRESSION,
    IDENTITY,
    TERMS,
    TEXTURE,
    BaselFront,
    checked,
)
from headshot.models.readers.eos import landmark_set
from headshot.models.readers.matlab import read_mat
from headshot.reading.bounds import MODEL_FILE, Span, index_of, open_regular, require_mesh
from headshot.reading.complaint import reading
from headshot.reading.documents import read_text

MODEL = "01_MorphableModel.mat"
UNITS_PER_MM = 1000.0  # shapeMU is in micrometres
UNITS_PER_DM = 1e5
SHAPE, COLOUR = ("shapeMU", "shapePC", "shapeEV"), ("texMU", "texPC", "texEV")
INFO = ("tri", "point_buf", "keypoints", "tri_mask2", "frontmask2_idx", "skinmask")
WHERE = {
    MODEL: "ask the University of Basel for the 2009 model (https://faces.dmi.unibas.ch/bfm, free for "
    "research) and take it from PublicMM1",
    "Exp_Pca.bin": "it is in Coarse_Dataset.zip of https://github.com/Juyong/3DFace",
}
_ELSEWHERE = "it is in the folder BFM of https://github.com/sicxu/Deep3DFaceRecon_pytorch"


def read_basel2009(file: str | Path) -> LinearModel:
    """The whole model of 53,490 vertices, without expressions.

    Landmarks come from ``facemodel_info.mat`` and ``select_vertex_id.mat`` beside it.

    Args:
        file: ``01_MorphableModel.mat`` or its folder.

    Raises:
        ModelFormatError: a file is missing or has another layout; the message says what to get.
    """
    with reading(file, "a Basel Face Model 2009", ModelFormatError):
        return _whole(
            Path(file) if Path(file).is_dir() else Path(file).parent,
            Path(file).name if Path(file).is_file() else MODEL,
        )


def _whole(folder: Path, name: str) -> LinearModel:
    source = _variables(folder, name, *SHAPE, *COLOUR, "tl")
    mean = _points(source.pop("shapeMU"))[0] / np.float32(UNITS_PER_MM)
    require_mesh(len(mean), source["tl"].size // 3)
    # The file's triangles are clockwise from outside.
    triangles = facing_out(_index(source["tl"], len(mean), MODEL).reshape(-1, 3), mean)
    select = _index(
        _variables(folder, "select_vertex_id.mat", "select_id")["select_id"], len(mean), "select_id"
    )
    keypoints = _index(
        _variables(folder, "facemodel_info.mat", "keypoints")["keypoints"], len(select), "keypoints"
    )
    if keypoints.size != 68:
        raise ModelFormatError(f"facemodel_info.mat has {keypoints.size} keypoints; expected 68")
    vertices = select.ravel()[keypoints.ravel()]
    landmarks = landmark_set(
        {n: int(vertices[n - 1]) for n in (9, *range(18, 69))}, triangles, len(mean), "facemodel_info.mat"
    )
    origin = eye_origin(mean, landmarks, triangles)
    colour = np.float32(255)
    identity = _modes(source, "shape")
    identity /= np.float32(UNITS_PER_MM)
    albedo = _modes(source, "tex")
    albedo /= colour
    return LinearModel(
        name=f"Basel Face Model 2009, {len(mean):,} vertices",
        mean=(mean - origin).astype(np.float32),
        identity=identity,
        expression=np.zeros((0, *mean.shape), np.float32),
        expression_names=(),
        expression_kind="pca",
        triangles=triangles,
        landmarks=landmarks,
        contours={
            "right": at_vertices(vertices[:9], triangles),
            "left": at_vertices(vertices[16:7:-1], triangles),
        },
        albedo_mean=_points(source["texMU"])[0] / colour,
        albedo=albedo,
        origin=origin,
        terms=TERMS,
    )


def prepare(folder: str | Path) -> BaselFront:
    """Cut and scale the model as Deng et al. do (and the paper: section II-B).

    Args:
        folder: holds the files listed above.

    Raises:
        ModelFormatError: a file is missing or has another layout; the message says what to get.
    """
    with reading(folder, "the files of a Basel Face Model 2009", ModelFormatError):
        return _front(Path(folder))


def _front(folder: Path) -> BaselFront:
    source = _variables(folder, MODEL, *SHAPE)
    count = source["shapeMU"].size // 3
    trim = _index(_variables(folder, "BFM_exp_idx.mat", "trimIndex")["trimIndex"], count, "trimIndex").ravel()
    face = _index(_variables(folder, "BFM_front_idx.mat", "idx")["idx"], len(trim), "idx").ravel()
    require_mesh(max(count, len(trim), len(face)), 0)
    chosen = trim[face]
    _check_selection(folder, chosen)
    expression = _expressions(folder, len(trim))
    info = _variables(folder, "facemodel_info.mat", *INFO)
    size, scale = len(chosen), np.float32(UNITS_PER_DM)
    triangles = _index(info["tri"], size, "tri").reshape(-1, 3)
    front = _index(info["frontmask2_idx"], size, "frontmask2_idx").ravel()
    require_mesh(size, len(triangles))
    mean = _points(source["shapeMU"])[0][chosen] / scale
    identity = _modes(source, "shape", IDENTITY)[:, chosen] / scale
    source = _variables(folder, MODEL, *COLOUR)  # apart, so that both are not in memory at once
    return checked(
        BaselFront(
            mean=mean - mean.mean(axis=0),
            identity=identity,
            expression=expression[:, face] / scale,
            texture_mean=_points(source["texMU"])[0][chosen],
            texture=_modes(source, "tex", TEXTURE)[:, chosen],
            triangles=triangles,
            vertex_triangles=_index(info["point_buf"], len(triangles) + 1, "point_buf"),
            keypoints=_index(info["keypoints"], size, "keypoints").ravel(),
            front=front,
            front_triangles=_index(info["tri_mask2"], len(front), "tri_mask2").reshape(-1, 3),
            skin=info["skinmask"].ravel().astype(np.float32),
        )
    )


def _variables(folder: Path, name: str, *wanted: str) -> dict[str, NDArray[Any]]:
    """All the wanted variables of a file of the folder."""
    file = folder / name
    if not file.is_file():
        raise ModelFormatError(f"{file} is missing: {WHERE.get(name, _ELSEWHERE)}")
    found = read_mat(file, wanted)
    absent = [key for key in wanted if key not in found]
    if absent:
        raise ModelFormatError(f"{file} has no variable {', '.join(absent)}: {WHERE.get(name, _ELSEWHERE)}")
    return found


def _points(flat: NDArray[Any]) -> F32:
    """(3V, K) as (K, V, 3)."""
    if flat.ndim != 2 or len(flat) % 3:
        raise ModelFormatError(f"{MODEL}: an array of {flat.shape} holds no 3D points")
    return np.ascontiguousarray(flat.T, dtype=np.float32).reshape(flat.shape[1], -1, 3)


def _modes(source: dict[str, NDArray[Any]], kind: str, count: int | None = None) -> F32:
    """Modes (K, V, 3) times their standard deviations, which the file calls EV; the basis is used up."""
    basis, deviation = source.pop(f"{kind}PC"), source[f"{kind}EV"].ravel()
    if basis.ndim != 2 or basis.shape[1] != len(deviation):
        raise ModelFormatError(f"{MODEL}: {kind}PC {basis.shape} does not fit {kind}EV ({len(deviation)})")
    if count is not None and len(deviation) < count:
        raise ModelFormatError(f"{MODEL} has {len(deviation)} modes in {kind}PC; {count} are needed")
    modes = _points(basis[:, :count])
    modes *= deviation[:count, None, None].astype(np.float32)  # in place: models are large
    return modes


def _index(values: NDArray[Any], limit: int, what: str) -> I32:
    """MATLAB's indices from 1 as indices from 0."""
    try:
        return index_of(what, values.astype(np.float64) - 1, limit)
    except ValueError as error:
        raise ModelFormatError(f"{error}, counted from 0: the files do not belong together") from error


def _check_selection(folder: Path, chosen: I32) -> None:
    """Compare the two-step selection with the one-step one, where that is there."""
    if not (folder / "select_vertex_id.mat").is_file():
        return
    select = _variables(folder, "select_vertex_id.mat", "select_id")["select_id"].ravel()
    if not np.array_equal(select, chosen.astype(np.int64) + 1):
        raise ModelFormatError(
            f"{folder}: BFM_exp_idx.mat and BFM_front_idx.mat select other vertices than "
            f"select_vertex_id.mat; take all three from one place: {_ELSEWHERE}"
        )


def _expressions(folder: Path, vertices: int) -> F32:
    """The first expression modes (64, vertices, 3) in micrometres per standard deviation.

    ``Exp_Pca.bin``: the number K as int32, a mean that nobody uses, then K modes, all float32.
    """
    file, deviations = folder / "Exp_Pca.bin", folder / "std_exp.txt"
    for needed in (file, deviations):
        if not needed.is_file():
            raise ModelFormatError(f"{needed} is missing: {WHERE.get(needed.name, _ELSEWHERE)}")
    with reading(file, "an expression basis", ModelFormatError), open_regular(file, MODEL_FILE) as stream:
        span = Span(stream, file.stat().st_size)
        count = int(np.frombuffer(span.read(4), "<i4")[0])
        if count < EXPRESSION or span.left != 12 * vertices * (count + 1):
            raise ModelFormatError(
                f"{file} has {span.left + 4} bytes, which is no basis of {EXPRESSION} or more modes on "
                f"{vertices:,} vertices: {WHERE[file.name]}"
            )
        span.skip(12 * vertices)
        modes = np.asarray(span.array("the basis", (EXPRESSION, vertices, 3), "<f4"), np.float32)
    with reading(deviations, "a list of numbers", ModelFormatError):
        deviation = np.array(read_text(deviations).split(), np.float32)
    if len(deviation) < count:
        raise ModelFormatError(f"{deviations} has {len(deviation)} numbers for {count} modes")
    modes *= deviation[:EXPRESSION, None, None]
    return modes
