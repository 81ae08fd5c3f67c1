"""Every reader of files that are no pictures, and the cases that it is tried with."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from headshot.errors import HeadshotError

from . import containers, samples
from .mutate import changed_arrays, changed_json
from .samples import Files
from .subject import WRITTEN, Case, Cases, Subject, json_of, of_arrays, of_npz, of_text, reads


def _model(path: Path) -> object:
    """A head model, which must be sound if it is read at all."""
    from headshot.models.readers import read_model

    model: Any = read_model(path)
    numbers = [model.mean, model.identity, model.expressions(None), model.jaw_lines()["left"].barycentric]
    numbers += [
        x
        for x in (model.uv, getattr(model, "albedo", None), getattr(model, "albedo_mean", None))
        if x is not None
    ]
    assert all(np.isfinite(x).all() for x in numbers), "numbers that are not finite were read"
    assert 0 <= model.triangles.min() <= model.triangles.max() < len(model.mean), "triangles lead nowhere"
    if model.uv is not None:
        index = model.triangles_uv
        assert index.shape == model.triangles.shape and 0 <= index.min() <= index.max() < len(model.uv)
    return model


def _keypoints(path: Path) -> object:
    from headshot.models.readers.basel2009 import prepare

    model = prepare(path.parent)
    assert all(np.isfinite(getattr(model, x)).all() for x in ("mean", "identity", "expression", "texture"))
    return model


def _basel2009(read: Callable[[Path], object]) -> Subject:
    files = samples.basel2009

    def valid() -> Files:
        for name, variables in files().items():
            if name not in WRITTEN:
                WRITTEN[name] = containers.mat(variables)
        return {name: WRITTEN[name] for name in files()} | samples.expressions()

    def variant(random: Random) -> tuple[str, Files]:
        name = random.choice(sorted(files()))
        label, variables = changed_arrays(files()[name], random)
        return label, valid() | {name: containers.mat(variables)}

    def inflating(random: Random) -> tuple[str, Files]:
        shape = random.choice([(2000, 2000), (1, 4_000_000), (10**9, 10**9), (-1, 5), (60_000, 60)])
        return "inflating", valid() | {
            "01_MorphableModel.mat": containers.mat_inflating("shapePC", shape, 32)
        }

    return Subject(read, valid, (variant, variant, inflating))


def _glb() -> Subject:
    document, binary = samples.scene()

    def variant(random: Random) -> tuple[str, Files]:
        label, content = changed_json(document, random)
        return label, {"a.glb": containers.glb(content, binary)}

    mesh = reads("headshot.evaluate.meshes", "read_mesh")
    return Subject(mesh, lambda: {"a.glb": containers.glb(json.dumps(document).encode(), binary)}, (variant,))


def _asset(name: str) -> Callable[[], dict[str, np.ndarray]]:
    def arrays() -> dict[str, np.ndarray]:
        if name not in _ARRAYS:
            with np.load(samples.ROOT / "src" / "headshot" / "assets" / name, allow_pickle=False) as data:
                _ARRAYS[name] = {key: data[key] for key in data.files}
        return _ARRAYS[name]

    return arrays


_ARRAYS: dict[str, dict[str, np.ndarray]] = {}


def _own_head_model(path: Path) -> object:
    from headshot.models.head_model import read

    model = read(path, "high")
    assert all(np.isfinite(x).all() for x in (model.mean, model.identity, model.expression, model.uv))
    return model


def _record() -> Subject:
    def variant(random: Random) -> tuple[str, Files]:
        files = dict(samples.head())
        name = next(iter(files))
        label, files[name] = changed_json(json.loads(files[name]), random)
        return label, files

    return Subject(reads("headshot.loading", "load"), samples.head, (variant,), 0.4)


def _landmarks() -> Subject:
    points = samples.POINTS[samples.MARKS].tolist()
    document = {"views": [{"landmarks68": points}]}
    variant = json_of(lambda: document, "a.json")
    read = reads("headshot.evaluate.meshes", "read_landmarks")
    return Subject(read, lambda: {"a.json": json.dumps(document).encode()}, (variant,))


def _settings(path: Path) -> object:
    """`Settings.from_dict`, which says ValueError."""
    from headshot import Settings

    values = json.loads(path.read_text(encoding="utf-8"))
    try:
        return Settings.from_dict(values)
    except ValueError as error:
        raise HeadshotError(str(error)) from error


def _settings_subject() -> Subject:
    from headshot import Settings

    document = Settings().to_dict()

    def variant(random: Random) -> tuple[str, Files]:
        while True:
            label, content = changed_json(document, random)
            if b"[[[[" not in content:  # the dictionary is made by the caller
                return label, {"a.json": content}

    return Subject(_settings, lambda: {"a.json": json.dumps(document).encode()}, (variant,), 0.0)


def _report() -> Subject:
    from headshot.evaluate.result import Column, Curve, Item, Result

    result = Result(
        "scan", "Scans", "how", (Column("median", "median", "mm"),), ("headshot", "mean face"),
        [Item(f"item {k}", {"yaw": "0-30"}, {"headshot": {"median": 1.5 + k}}) for k in range(4)],
        pictures=[("worst", b"png")], curves=[Curve("a", "b", "c", {"headshot": [(0.0, 1.0)]})],
    )  # fmt: skip
    document = {"schema": 1, "results": [result.to_json()]}
    variant = json_of(lambda: document, "a.json")
    read = reads("headshot.evaluate.report", "read")
    return Subject(read, lambda: {"a.json": json.dumps(document).encode()}, (variant,))


def _log(path: Path) -> object:
    from headshot.evaluate.resume_log import ResumeLog

    return ResumeLog(path)._resume("mark")


def _manifest(path: Path) -> object:
    from unittest.mock import patch

    from headshot import assets

    with patch.object(assets, "DIRECTORY", path.parent):
        return assets.manifest.__wrapped__()


def _manifest_subject() -> Subject:
    content = (samples.ROOT / "src" / "headshot" / "assets" / "manifest.json").read_bytes()
    variant = json_of(lambda: json.loads(content), "manifest.json")
    return Subject(_manifest, lambda: {"manifest.json": content}, (variant,))


def _prepared(path: Path) -> object:
    from headshot.learn.data.cache import FaceCache

    cache = FaceCache(path)
    return [(cache.points(k)) for k in range(len(cache))]


def _prepared_file() -> Files:
    from headshot.learn.data.cache import CacheWriter, Making, PreparedFace

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "faces"
        writer = CacheWriter(file, Making(32, "fan", False))
        for name in ("a", "b"):
            points = np.zeros((68, 2), np.float32)
            face = PreparedFace(name, name, b"jpeg" * 20, points, np.zeros((5, 2)), np.eye(3)[:2])
            writer.add(face, "0" * 16)
        writer.finish()
        return {"faces": file.read_bytes()}


def _faces() -> dict[str, np.ndarray]:
    return {
        "pixels": np.zeros((2, 16, 16, 3), np.uint8), "labels": np.zeros((2, 16, 16), np.uint8),
        "landmarks": np.zeros((2, 478, 2), np.float32), "focal": np.ones(2, np.float32),
        "rotation": np.zeros((2, 3, 3), np.float32), "translation": np.zeros((2, 3), np.float32),
        "held_out": np.zeros(2, bool),
    }  # fmt: skip


def _read_faces(path: Path) -> object:
    from headshot.learn.data.faces import read

    return read(path, 16)


def _flame_safetensors() -> Subject:
    valid, variant = of_arrays("flame.safetensors", samples.flame, containers.safetensors)
    return Subject(_model, valid, (variant,))


def _basel2017() -> Subject:
    valid, variant = of_arrays("model2017-1.h5", samples.basel2017, containers.hdf5)
    return Subject(_model, valid, (variant,))


def _annotations(photos: tuple[str, ...]) -> Callable[[], Files]:
    return lambda: dict.fromkeys(photos, b"")


def _eos() -> Subject:
    return Subject(_model, samples.eos)


def _aflw() -> Subject:
    valid, variant = of_arrays("a.mat", samples.aflw, containers.mat, _annotations(("a.jpg",)))
    return Subject(reads("headshot.datasets.annotations", "read_aflw2000"), valid, (variant,))


def _network(path: Path) -> object:
    from headshot.perception.recognition import Recogniser

    found = Recogniser(path).vectors(np.full((1, 112, 96, 3), 200, np.uint8))
    assert np.isfinite(found).all()
    return found


_MESH, _TABLES = "headshot.evaluate.meshes", "headshot.datasets.annotations"
SUBJECTS: Mapping[str, Callable[[], Subject]] = {
    "eos": _eos,
    "Basel 2009": lambda: _basel2009(_model),
    "Basel 2009, preparation": lambda: _basel2009(_keypoints),
    "Basel 2009, prepared": lambda: of_npz("front.npz", samples.basel_front, _model),
    "Basel 2017": _basel2017,
    "FLAME, npz": lambda: of_npz("flame.npz", samples.flame, _model),
    "FLAME, safetensors": _flame_safetensors,
    "GNM": lambda: of_npz("gnm_head.npz", samples.gnm, _model),
    "ICT-FaceKit": lambda: of_npz("ict.npz", samples.ict, _model),
    "head model": lambda: of_npz("own.npz", _asset("head_model.npz"), _own_head_model),
    "albedo model": lambda: of_npz(
        "albedo.npz", _asset("albedo.npz"), reads("headshot.models.albedo", "read")
    ),
    "landmark noise": lambda: of_npz(
        "noise.npz", _asset("landmark_noise.npz"), reads("headshot.fitting.landmark_noise", "read")
    ),
    "OBJ": lambda: of_text("a.obj", samples.obj, reads(_MESH, "read_mesh")),
    "PLY, text": lambda: of_text("a.ply", lambda: samples.ply("ascii"), reads(_MESH, "read_mesh")),
    "PLY, binary": lambda: of_text(
        "a.ply", lambda: samples.ply("binary_little_endian"), reads(_MESH, "read_mesh")
    ),
    "PLY, polygons": lambda: of_text(
        "a.ply", lambda: samples.ply("binary_big_endian", mixed=True), reads(_MESH, "read_mesh")
    ),
    "GLB": _glb,
    "landmarks, JSON": _landmarks,
    "landmarks, text": lambda: of_text(
        "a.txt",
        lambda: "\n".join(" ".join(map(str, p)) for p in samples.POINTS[samples.MARKS]).encode(),
        reads(_MESH, "read_landmarks"),
    ),
    "pts": lambda: of_text("a.pts", samples.pts, reads(_TABLES, "read_pts")),
    "CSV of landmarks": lambda: of_text(
        "a.csv", lambda: samples.table(68, ("a.jpg", "b.jpg"), True), reads(_TABLES, "read_csv")
    ),
    "CSV of CFP": lambda: of_text(
        "fiducials30.csv",
        lambda: samples.table(30, ("1/profile_01.jpg",), False),
        reads(_TABLES, "read_cfp"),
    ),
    "AFLW2000-3D": _aflw,
    "saved head": _record,
    "settings": _settings_subject,
    "report": _report,
    "resume log": lambda: of_text(
        "a.jsonl",
        lambda: b'{"fingerprint": "mark"}\n{"key": "a", "row": {"median": 1.5}}\n{"key": "b", "row": {}}\n',
        _log,
    ),
    "manifest": _manifest_subject,
    "network of recognition": lambda: of_text("a.onnx", samples.network, _network),
    "training, faces": lambda: of_npz("faces.npz", _faces, _read_faces),
    "training, prepared": lambda: Subject(_prepared, _prepared_file),
}


def cases_of(name: str) -> Cases:
    """The cases of a subject."""

    def cases(seed: int) -> Iterator[Case]:
        yield from SUBJECTS[name]().cases(seed)

    return cases


READERS: Mapping[str, Cases] = {name: cases_of(name) for name in SUBJECTS}
"""By name: an iterator of cases for a seed."""
