"""Every reader of files that are no pictures, and the cases that it is tried with."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from headshot.errors import HeadshotError

from . import samples
from .mutate import changed, changed_arrays, changed_json
from .samples import Files

Case = tuple[str, Callable[[], object]]
Cases = Callable[[int], Iterator[Case]]


@dataclass(frozen=True)
class Subject:
    """A reader, and what its files are made of.

    Attributes:
        read: from the path of the first file.
        files: valid ones.
        variants: makers of files with one change of their content, such as an array of another shape.
        share: of cases whose change is one of bytes.
    """

    read: Callable[[Path], object]
    files: Callable[[], Files]
    variants: tuple[Callable[[Random], tuple[str, Files]], ...] = ()
    share: float = 0.5

    def cases(self, seed: int) -> Iterator[Case]:
        """Cases without end."""
        yield "valid", partial(self._tried, self.files())
        number = 0
        while True:
            number += 1
            yield f"case {number}", partial(self._case, seed, number)

    def _case(self, seed: int, number: int) -> object:
        random = Random(f"{seed} {number}")
        if self.variants and random.random() > self.share:
            _, files = random.choice(self.variants)(random)
        else:
            files = dict(self.files())
            # Mostly the file that is read, sometimes what lies beside it.
            name = next(iter(files)) if random.random() < 0.7 else random.choice(sorted(files))
            _, files[name] = changed(files[name], random)
            if random.random() < 0.3:
                _, files[name] = changed(files[name], random)
        return self._tried(files)

    def _tried(self, files: Files) -> object:
        with tempfile.TemporaryDirectory() as folder:
            paths = [Path(folder) / name for name in files]
            for path, content in zip(paths, files.values(), strict=True):
                path.write_bytes(content)
            return self.read(paths[0])


def _of_arrays(
    name: str,
    arrays: Callable[[], dict[str, np.ndarray]],
    write: Callable[[dict[str, np.ndarray]], bytes],
    others: Callable[[], Files] = dict,
) -> tuple[Callable[[], Files], Callable[[Random], tuple[str, Files]]]:
    """Files of one that holds arrays by name, and such with a change of one array."""

    def valid() -> Files:
        key = f"{name} {write.__name__}"
        if key not in _WRITTEN:
            _WRITTEN[key] = write(arrays())
        return {name: _WRITTEN[key], **others()}

    def variant(random: Random) -> tuple[str, Files]:
        label, content = changed_arrays(arrays(), random)
        try:
            return label, {name: write(content), **others()}
        except (ValueError, TypeError, KeyError):  # a type that the format does not have
            return "valid", valid()

    return valid, variant


_WRITTEN: dict[str, bytes] = {}
SHAPES = ((10**9,), (10**12, 3), (2**63, 2**63), (0,), (10**5, 10**5), (-1,), (3,), ())


def _announced(
    name: str, arrays: Callable[[], dict[str, np.ndarray]]
) -> Callable[[Random], tuple[str, Files]]:
    """An npz with a header that announces another shape or type."""

    def variant(random: Random) -> tuple[str, Files]:
        key = random.choice(sorted(arrays()))
        kind = random.choice(("<f4", "<f8", "|u1", "<i8", "<U0", "<U1000000000", "|V8", "|O", "<f2"))
        return key, {name: samples.npz_announcing(arrays(), key, random.choice(SHAPES), kind)}

    return variant


def _json_of(document: Callable[[], Any], name: str, others: Callable[[], Files] = dict) -> Subject | Any:
    def variant(random: Random) -> tuple[str, Files]:
        label, content = changed_json(document(), random)
        return label, {name: content, **others()}

    return variant


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
            if name not in _WRITTEN:
                _WRITTEN[name] = samples.mat(variables)
        return {name: _WRITTEN[name] for name in files()} | samples.expressions()

    def variant(random: Random) -> tuple[str, Files]:
        name = random.choice(sorted(files()))
        label, variables = changed_arrays(files()[name], random)
        return label, valid() | {name: samples.mat(variables)}

    def inflating(random: Random) -> tuple[str, Files]:
        shape = random.choice([(2000, 2000), (1, 4_000_000), (10**9, 10**9), (-1, 5), (60_000, 60)])
        return "inflating", valid() | {"01_MorphableModel.mat": samples.mat_inflating("shapePC", shape, 32)}

    return Subject(read, valid, (variant, variant, inflating))


def _reads(module: str, function: str) -> Callable[[Path], object]:
    """A function by its name: modules are imported when they are needed. Arrays must be finite."""

    def read(path: Path) -> object:
        from importlib import import_module

        found = getattr(import_module(module), function)(path)
        for values in found if isinstance(found, tuple) else (found,):
            if isinstance(values, np.ndarray):
                assert np.isfinite(values).all(), "numbers that are not finite were read"
        return found

    return read


def _npz(
    name: str, arrays: Callable[[], dict[str, np.ndarray]], read: Callable[[Path], object] = _model
) -> Subject:
    valid, variant = _of_arrays(name, arrays, samples.npz)
    return Subject(read, valid, (variant, variant, variant, _announced(name, arrays)), 0.3)


def _text(name: str, content: Callable[[], bytes], read: Callable[[Path], object]) -> Subject:
    return Subject(read, lambda: {name: content()})


def _glb() -> Subject:
    document, binary = samples.scene()

    def variant(random: Random) -> tuple[str, Files]:
        label, content = changed_json(document, random)
        return label, {"a.glb": samples.glb(content, binary)}

    mesh = _reads("headshot.evaluate.meshes", "read_mesh")
    return Subject(mesh, lambda: {"a.glb": samples.glb(json.dumps(document).encode(), binary)}, (variant,))


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

    return Subject(_reads("headshot.loading", "load"), samples.head, (variant,), 0.4)


def _landmarks() -> Subject:
    points = samples.POINTS[samples.MARKS].tolist()
    document = {"views": [{"landmarks68": points}]}
    variant = _json_of(lambda: document, "a.json")
    read = _reads("headshot.evaluate.meshes", "read_landmarks")
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
    variant = _json_of(lambda: document, "a.json")
    read = _reads("headshot.evaluate.report", "read")
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
    variant = _json_of(lambda: json.loads(content), "manifest.json")
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
    valid, variant = _of_arrays("flame.safetensors", samples.flame, samples.safetensors)
    return Subject(_model, valid, (variant,))


def _basel2017() -> Subject:
    valid, variant = _of_arrays("model2017-1.h5", samples.basel2017, samples.hdf5)
    return Subject(_model, valid, (variant,))


def _annotations(photos: tuple[str, ...]) -> Callable[[], Files]:
    return lambda: dict.fromkeys(photos, b"")


def _eos() -> Subject:
    return Subject(_model, samples.eos)


def _aflw() -> Subject:
    valid, variant = _of_arrays("a.mat", samples.aflw, samples.mat, _annotations(("a.jpg",)))
    return Subject(_reads("headshot.datasets.annotations", "read_aflw2000"), valid, (variant,))


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
    "Basel 2009, prepared": lambda: _npz("front.npz", samples.basel_front),
    "Basel 2017": _basel2017,
    "FLAME, npz": lambda: _npz("flame.npz", samples.flame),
    "FLAME, safetensors": _flame_safetensors,
    "GNM": lambda: _npz("gnm_head.npz", samples.gnm),
    "ICT-FaceKit": lambda: _npz("ict.npz", samples.ict),
    "head model": lambda: _npz("own.npz", _asset("head_model.npz"), _own_head_model),
    "albedo model": lambda: _npz(
        "albedo.npz", _asset("albedo.npz"), _reads("headshot.models.albedo", "read")
    ),
    "landmark noise": lambda: _npz(
        "noise.npz", _asset("landmark_noise.npz"), _reads("headshot.fitting.landmark_noise", "read")
    ),
    "OBJ": lambda: _text("a.obj", samples.obj, _reads(_MESH, "read_mesh")),
    "PLY, text": lambda: _text("a.ply", lambda: samples.ply("ascii"), _reads(_MESH, "read_mesh")),
    "PLY, binary": lambda: _text(
        "a.ply", lambda: samples.ply("binary_little_endian"), _reads(_MESH, "read_mesh")
    ),
    "PLY, polygons": lambda: _text(
        "a.ply", lambda: samples.ply("binary_big_endian", mixed=True), _reads(_MESH, "read_mesh")
    ),
    "GLB": _glb,
    "landmarks, JSON": _landmarks,
    "landmarks, text": lambda: _text(
        "a.txt",
        lambda: "\n".join(" ".join(map(str, p)) for p in samples.POINTS[samples.MARKS]).encode(),
        _reads(_MESH, "read_landmarks"),
    ),
    "pts": lambda: _text("a.pts", samples.pts, _reads(_TABLES, "read_pts")),
    "CSV of landmarks": lambda: _text(
        "a.csv", lambda: samples.table(68, ("a.jpg", "b.jpg"), True), _reads(_TABLES, "read_csv")
    ),
    "CSV of CFP": lambda: _text(
        "fiducials30.csv",
        lambda: samples.table(30, ("1/profile_01.jpg",), False),
        _reads(_TABLES, "read_cfp"),
    ),
    "AFLW2000-3D": _aflw,
    "saved head": _record,
    "settings": _settings_subject,
    "report": _report,
    "resume log": lambda: _text(
        "a.jsonl",
        lambda: b'{"fingerprint": "mark"}\n{"key": "a", "row": {"median": 1.5}}\n{"key": "b", "row": {}}\n',
        _log,
    ),
    "manifest": _manifest_subject,
    "network of recognition": lambda: _text("a.onnx", samples.network, _network),
    "training, faces": lambda: _npz("faces.npz", _faces, _read_faces),
    "training, prepared": lambda: Subject(_prepared, _prepared_file),
}


def cases_of(name: str) -> Cases:
    """The cases of a subject."""

    def cases(seed: int) -> Iterator[Case]:
        yield from SUBJECTS[name]().cases(seed)

    return cases


READERS: Mapping[str, Cases] = {name: cases_of(name) for name in SUBJECTS}
"""By name: an iterator of cases for a seed."""
