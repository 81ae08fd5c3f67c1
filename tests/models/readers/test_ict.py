"""ICT-FaceKit: the folder of OBJ files and the npz are the same model; landmarks are the bundled head's."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from headshot.errors import ModelFormatError
from headshot.models.head_model import load_head_model
from headshot.models.linear import LinearModel
from headshot.models.protocol import arkit_numbers
from headshot.models.readers import read_linear_model, read_model
from headshot.models.readers.ict import NEUTRAL, ORIGIN, PARTS

from ...fuzzing.samples import ICT_NAMES as NAMES
from ...fuzzing.samples import ict


@pytest.fixture(scope="module")
def npz(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("ict") / "ict_facekit_light.npz"
    np.savez(file, **ict())
    return file


def linear(source: Path) -> LinearModel:
    model = read_model(source)
    assert isinstance(model, LinearModel)
    return model


def write_obj(file: Path, vertices: np.ndarray, arrays: dict[str, np.ndarray] | None = None) -> None:
    lines = ["# made up", *("v {:.4f} {:.4f} {:.4f}".format(*row) for row in vertices)]
    if arrays is not None:
        lines += ["vt {:.5f} {:.5f}".format(*row) for row in arrays["uv"]]
        corners = zip(arrays["triangles"] + 1, arrays["triangle_uv"] + 1, strict=True)
        lines += ["f " + " ".join(f"{v}/{t}/1" for v, t in zip(a, b, strict=True)) for a, b in corners]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")


def test_the_npz_is_read_in_millimetres(npz: Path) -> None:
    arrays, model = ict(), linear(npz)
    np.testing.assert_allclose(model.mean, arrays["mean"] * 10 - ORIGIN, atol=1e-3)
    np.testing.assert_allclose(model.identity, arrays["identity"] * 10, atol=1e-4)
    assert model.expression_names == NAMES and model.file == npz.name and "MIT" in model.terms
    np.testing.assert_array_equal(model.expression_prior.arkit, arkit_numbers(NAMES))
    assert (model.expression_prior.low == 0).all() and (model.expression_prior.high == 1).all()


def test_what_lies_over_the_eyes_is_left_out(npz: Path) -> None:
    model = linear(npz)
    assert model.triangles.max() < 24591 and 22221 not in model.triangles
    for name, (low, high) in PARTS.items():
        own = model.triangles[slice(*model.parts[name])]
        assert ((own >= low) & (own < high)).all(), name
    assert sum(last - first for first, last in model.parts.values()) == len(model.triangles)


def test_several_textures_become_one(npz: Path) -> None:
    arrays, model = ict(), linear(npz)
    assert model.uv is not None and model.triangles_uv is not None
    assert model.uv.min() >= 0 and model.uv.max() <= 1
    first = arrays["uv"][:, 0] < 1
    inside = np.stack([arrays["uv"][:, 0] % 1, 1 - arrays["uv"][:, 1]], axis=1)
    np.testing.assert_allclose(model.uv[: len(first)][first], 0.75 * inside[first], atol=1e-5)
    second = (arrays["uv"][:, 0] >= 1) & (arrays["uv"][:, 0] < 2)
    np.testing.assert_allclose(model.uv[: len(first)][second], 0.25 * inside[second] + [0.75, 0], atol=1e-5)
    # The eyes' own textures have the coordinates of the first one: they must not lie on the face.
    for name, left in (("eye_left", 0.5), ("eye_right", 0.25)):
        own = model.uv[model.triangles_uv[slice(*model.parts[name])]].reshape(-1, 2)
        assert left <= own[:, 0].min() and own[:, 0].max() <= left + 0.25 and own[:, 1].min() >= 0.75
    skin = model.uv[model.triangles_uv[slice(*model.parts["skin"])]].reshape(-1, 2)
    assert not ((skin[:, 0] < 0.74) & (skin[:, 1] > 0.751)).any()


def test_landmarks_are_those_of_the_bundled_head(npz: Path) -> None:
    model, head = linear(npz), load_head_model("high")
    for name in ("ibug68", "mediapipe478"):
        ours, theirs = model.landmark_set(name), head.landmark_set(name)
        assert ours is not None and theirs is not None
        np.testing.assert_array_equal(ours.index, theirs.index)
        away = ours.points.on(model.mean, model.triangles) - theirs.points.on(head.mean, head.triangles)
        assert np.median(np.linalg.norm(away, axis=1)) < 0.6
    dense = model.landmark_set("mediapipe478")
    assert dense is not None
    for iris, part in ((468, "eye_right"), (473, "eye_left")):
        first, last = model.parts[part]
        assert first <= dense.points.triangle[iris] < last


def test_the_folder_is_the_same_model(npz: Path, tmp_path: Path) -> None:
    arrays = ict()
    write_obj(tmp_path / NEUTRAL, arrays["mean"], arrays)
    for k, offset in enumerate(arrays["identity"]):
        write_obj(tmp_path / f"identity{k:03d}.obj", arrays["mean"] + offset)
    for name, offset in zip(NAMES, arrays["expression"], strict=True):
        write_obj(tmp_path / f"{name}.obj", arrays["mean"] + offset)
    (tmp_path / "vertex_indices.json").write_text(json.dumps({"expressions": [*NAMES, "absent"]}))
    ours, theirs = linear(tmp_path), linear(npz)
    assert ours.expression_names == theirs.expression_names
    np.testing.assert_array_equal(ours.triangles, theirs.triangles)
    np.testing.assert_array_equal(ours.triangles_uv, theirs.triangles_uv)
    for name in ("mean", "identity", "expression", "uv"):
        np.testing.assert_allclose(getattr(ours, name), getattr(theirs, name), atol=3e-3)


def test_what_is_no_ict_model_is_said(tmp_path: Path) -> None:
    with pytest.raises(ModelFormatError, match=NEUTRAL):
        read_model(tmp_path)
    arrays = ict()
    np.savez(tmp_path / "short.npz", **(arrays | {"mean": arrays["mean"][:-1]}))
    with pytest.raises(ModelFormatError, match="26719"):
        read_model(tmp_path / "short.npz")
    np.savez(tmp_path / "far.npz", **(arrays | {"mean": arrays["mean"] + np.float32(1)}))
    with pytest.raises(ModelFormatError, match="another version"):
        read_model(tmp_path / "far.npz")


def test_the_real_model(data: Path) -> None:
    model = read_linear_model(data / "ict-facekit" / "ict_facekit_light.npz")
    assert len(model.identity) == 100 and len(model.expression_names) == 53
    assert (model.expression_prior.arkit >= 0).all()
    head = load_head_model("high")
    for name, limit in (("ibug68", 0.1), ("mediapipe478", 0.1)):
        ours, theirs = model.landmark_set(name), head.landmark_set(name)
        assert ours is not None and theirs is not None
        away = ours.points.on(model.mean, model.triangles) - theirs.points.on(head.mean, head.triangles)
        assert np.median(np.linalg.norm(away, axis=1)) < limit
