"""The Basel Face Models of 2017 and 2019: HDF5 in the layout of statismo.

T. Gerig et al., "Morphable Face Models - An Open Framework", FG 2018. Each of ``shape``, ``color`` and
``expression`` holds ``model/mean`` (3V,), ``model/pcaBasis`` (3V, K) and ``model/pcaVariance`` (K,), in
millimetres or sRGB in [0, 1]; ``shape/representer/cells`` (3, F); ``metadata/landmarks/json`` names points.
Needs h5py (extra ``basel2017``).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from headshot.arrays import F32, I32, Array
from headshot.errors import MissingExtraError, ModelFormatError
from headshot.models.linear import LinearModel, eye_origin, facing_out
from headshot.models.protocol import LandmarkSet
from headshot.models.readers.eos import companions, contour_lines, landmark_set, read_mapping
from headshot.reading.bounds import MODEL_MODES, index_of, require_at_most, require_mesh
from headshot.reading.complaint import reading
from headshot.reading.documents import parse_json
from headshot.reading.hdf5 import Hdf5File, open_hdf5

WHERE = (
    "ask the University of Basel for the 2017 or 2019 model (https://faces.dmi.unibas.ch/bfm, free for "
    "research): model2017-1_face12_nomouth.h5, model2017-1_bfm_nomouth.h5 or model2019_bfm.h5"
)
TERMS = "Basel Face Model, University of Basel: research use under its licence agreement"

NAMES = {
    "center.chin.tip": 9,
    "center.nose.tip": 31,
    "right.eye.corner_outer": 37,
    "right.eye.corner_inner": 40,
    "left.eye.corner_inner": 43,
    "left.eye.corner_outer": 46,
    "right.lips.corner": 49,
    "center.lips.upper.outer": 52,
    "left.lips.corner": 55,
    "center.lips.lower.outer": 58,
}
"""Landmarks in the file -> iBUG points, counted from 1."""


def read_basel2017(file: str | Path) -> LinearModel:
    """Read a Basel model of 2017 or 2019.

    Landmarks are those that the file names, ten of the 68; with a mapping file of eos beside it
    (``ibug_to_bfm2017-1_bfm_nomouth.txt`` for the model of that name) they are more, and with its contour
    file the jaw is fitted too.

    Raises:
        ModelFormatError: missing, or of another layout; the message says what to get.
        MissingExtraError: h5py is not installed.
    """
    with reading(file, "a Basel model of 2017 or 2019", ModelFormatError, WHERE):
        try:
            with open_hdf5(file) as source:
                return _model(Path(file), source)
        except ImportError as error:
            raise MissingExtraError(
                f"reading {file} needs h5py: pip install 'headshot[basel2017]'"
            ) from error


def _model(file: Path, source: Hdf5File) -> LinearModel:
    shape = _pca(source, "shape")
    colour = _pca(source, "color")
    expression = _pca(source, "expression") if "expression/model" in source else None
    cells = source.array("shape/representer/cells")
    mean = shape[0] + (0 if expression is None else expression[0])
    if cells.ndim != 2 or 3 not in cells.shape or cells.size == 0:
        raise ValueError(f"its triangles have the shape {cells.shape}")
    require_mesh(len(mean), cells.size // 3)
    cells = index_of("cells", cells, len(mean))
    triangles = facing_out(np.ascontiguousarray(cells.T if len(cells) == 3 else cells), mean)
    named = _landmarks(source)
    # eos calls its files for model2017-1_bfm_nomouth.h5 after bfm2017-1_bfm_nomouth.
    beside = companions(file, file.stem.replace("model", "bfm", 1))
    landmarks = _landmark_set(beside.mapping, named, mean, triangles, file)
    origin = eye_origin(mean, landmarks, triangles)
    modes = np.zeros((0, *mean.shape), np.float32) if expression is None else expression[1]
    return LinearModel(
        name=f"Basel Face Model {file.stem}, {len(mean):,} vertices",
        mean=(mean - origin).astype(np.float32),
        identity=shape[1],
        expression=modes,
        expression_names=tuple(f"expression{i + 1}" for i in range(len(modes))),
        expression_kind="pca",
        triangles=triangles,
        landmarks=landmarks,
        contours=contour_lines(beside.contours, triangles),
        albedo_mean=colour[0],
        albedo=colour[1],
        origin=origin,
        terms=TERMS,
    )


def _pca(source: Hdf5File, part: str) -> tuple[F32, F32]:
    """Mean (V, 3) and modes (K, V, 3) per standard deviation."""
    mean, variance = (
        source.array(f"{part}/model/{key}").astype(np.float32) for key in ("mean", "pcaVariance")
    )
    modes = source.columns(f"{part}/model/pcaBasis")
    if modes.shape != (variance.size, mean.size):
        raise ValueError(
            f"{part}: a basis {modes.shape[::-1]} for {mean.size} coordinates and {variance.size} variances"
        )
    require_at_most(MODEL_MODES, modes=len(modes))
    modes *= np.sqrt(np.maximum(variance, 0)).reshape(-1, 1)  # in place: models are large
    return mean.reshape(-1, 3), modes.reshape(len(modes), -1, 3)


def _landmarks(source: Hdf5File) -> dict[int, Array]:
    """iBUG point (from 1) -> place (3,), of the points that the file names."""
    if "metadata/landmarks/json" not in source:
        return {}
    entries = parse_json(source.text("metadata/landmarks/json").strip("\0 \n"))
    found = {
        NAMES[entry["id"]]: np.array(entry["coordinates"], np.float64)
        for entry in entries
        if entry["id"] in NAMES
    }
    for number, place in found.items():
        if place.shape != (3,) or not np.isfinite(place).all():
            raise ValueError(f"landmark {number} is no place of three coordinates")
    return found


def _landmark_set(
    mapping: Path | None, named: dict[int, Array], mean: F32, triangles: I32, file: Path
) -> LandmarkSet:
    if mapping is not None:
        return landmark_set(read_mapping(mapping), triangles, len(mean), mapping)
    nearest = {n: int(((mean - place) ** 2).sum(axis=1).argmin()) for n, place in named.items()}
    return landmark_set(nearest, triangles, len(mean), file)
