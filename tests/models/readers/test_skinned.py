"""FLAME and GNM from files of their layouts: shapes are those of their own formulas."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headshot.errors import ModelFormatError
from headshot.geometry.camera import rotation_from_vector
from headshot.models.protocol import fingerprint
from headshot.models.readers import read_linear_model, read_model
from headshot.models.skinned import SkinnedModel

METRES = 1e-3


@pytest.fixture
def arrays(skinned_arrays: Any) -> Any:
    return skinned_arrays


@pytest.fixture
def flame_file(arrays: Any, tmp_path: Path) -> Path:
    np.savez(tmp_path / "flame.npz", **arrays.flame())
    return tmp_path / "flame.npz"


@pytest.fixture
def gnm_file(arrays: Any, tmp_path: Path) -> Path:
    model, landmarks = arrays.gnm()
    np.savez(tmp_path / "gnm_head.npz", **model)
    np.savez(tmp_path / "gnm_head_landmarks.npz", **landmarks)
    return tmp_path / "gnm_head.npz"


def skinned(file: Path) -> SkinnedModel:
    model = read_model(file)
    assert isinstance(model, SkinnedModel)
    return model


def by_matrices(
    vertices: np.ndarray, joints: np.ndarray, turns: np.ndarray, weight: np.ndarray
) -> np.ndarray:
    """Linear-blend skinning with 4 x 4 matrices, as SMPL's and GNM's own code has it."""
    world: list[np.ndarray] = []
    for joint, parent in enumerate((-1, 0, 1, 1, 1)):
        local = np.eye(4)
        local[:3, :3] = rotation_from_vector(turns[joint])
        local[:3, 3] = joints[joint] - (joints[parent] if parent >= 0 else 0)
        world.append(world[parent] @ local if parent >= 0 else local)
    out = np.zeros_like(vertices)
    for joint, matrix in enumerate(world):
        back = np.eye(4)
        back[:3, 3] = -joints[joint]
        whole = matrix @ back
        out += weight[:, joint, None] * (vertices @ whole[:3, :3].T + whole[:3, 3])
    return out


def expected(arrays: Any, a: np.ndarray, b: np.ndarray, turns: np.ndarray, *, moving: bool) -> np.ndarray:
    """Vertices in metres; ``moving``: joints follow expressions."""
    shape = arrays.mean + np.tensordot(a, arrays.identity, 1)
    joints = arrays.regressor @ (shape + (np.tensordot(b, arrays.expression, 1) if moving else 0))
    shape = shape + np.tensordot(b, arrays.expression, 1)
    features = np.concatenate([(rotation_from_vector(t) - np.eye(3)).ravel() for t in turns[1:]])
    shape = shape + np.tensordot(features, arrays.corrective, 1)
    return by_matrices(shape, joints, turns, arrays.weight)


@pytest.mark.parametrize("kind", ["flame", "gnm"])
def test_shapes_are_those_of_the_formulas(kind: str, arrays: Any, request: pytest.FixtureRequest) -> None:
    model = skinned(request.getfixturevalue(f"{kind}_file"))
    rng = np.random.default_rng(4)
    a, b = rng.normal(size=arrays.identities), rng.normal(size=arrays.expressions)
    turns = rng.normal(0, 0.3, (5, 3))
    metres = expected(arrays, a, b, turns, moving=kind == "flame")
    found = (model.vertices(a, b, turns) + model.origin) * METRES
    np.testing.assert_allclose(found, metres, atol=2e-7)
    corners = model.landmarks.points.on(model.mean, model.triangles)
    eyes = corners[np.isin(model.landmarks.index, (36, 39, 42, 45))]
    np.testing.assert_allclose(eyes.mean(axis=0), 0, atol=0.1)
    with pytest.raises(ValueError, match="axis-angles"):
        model.vertices(a, b, turns[:4])


def test_flames_jaw_is_part_of_the_expression(arrays: Any, flame_file: Path) -> None:
    model = skinned(flame_file)
    assert model.free == ("jaw",) and model.expression_names[-3:] == ("jaw_x", "jaw_y", "jaw_z")
    expression = np.zeros(arrays.expressions + 3)
    expression[-3] = 0.25
    turns = np.zeros((5, 3))
    turns[2, 0] = 0.25
    a = np.zeros(arrays.identities)
    np.testing.assert_allclose(
        model.shape(a, expression), model.vertices(a, expression[:-3], turns), atol=1e-5
    )
    chin = model.landmarks.points.on(model.shape(a, expression), model.triangles)[0]
    assert chin[1] < model.landmarks.points.on(model.mean, model.triangles)[0, 1] - 8  # the mouth opens
    small = np.zeros(arrays.expressions + 3)
    small[-3] = 1e-3
    slope = (model.shape(a, small) - model.shape(a)) / 1e-3
    np.testing.assert_allclose(model.expressions(a)[-3], slope, atol=0.1)


def test_gnm_has_its_names_and_layout(gnm_file: Path, arrays: Any) -> None:
    model = skinned(gnm_file)
    assert model.free == () and model.expression_names[0] == "lower_face_region_0"
    assert (
        model.skeleton.parents == (-1, 0, 1, 1, 1) and model.uv is not None and model.triangles_uv is not None
    )
    corners = model.uv[model.triangles_uv]
    np.testing.assert_allclose(corners, arrays.uv * [1, -1] + [0, 1], atol=1e-6)
    assert "3.0" in model.name and model.file == "gnm_head.npz" and "Apache" in model.terms


@pytest.mark.parametrize("change", ["overlapping", "tiles"])
def test_layouts_that_are_no_single_texture_are_left_out(change: str, arrays: Any, tmp_path: Path) -> None:
    made, landmarks = arrays.gnm()
    uv = made["triangle_uvs"].copy()
    half = len(uv) // 2
    uv[half : 2 * half] = uv[:half] + ([0, 0] if change == "overlapping" else [1, 0])
    np.savez(tmp_path / "gnm_head.npz", **(made | {"triangle_uvs": uv}))
    np.savez(tmp_path / "gnm_head_landmarks.npz", **landmarks)
    model = skinned(tmp_path / "gnm_head.npz")
    assert model.uv is None and model.triangles_uv is None


def test_safetensors_are_the_same_model(arrays: Any, flame_file: Path, tmp_path: Path) -> None:
    arrays.write_safetensors(tmp_path / "flame.safetensors", arrays.flame())
    assert fingerprint(read_model(tmp_path / "flame.safetensors")) == fingerprint(read_model(flame_file))
    content = (tmp_path / "flame.safetensors").read_bytes()
    (tmp_path / "cut.safetensors").write_bytes(content[:-100])
    with pytest.raises(ModelFormatError, match="does not fit into the file"):
        read_model(tmp_path / "cut.safetensors")
    (tmp_path / "no.safetensors").write_bytes(b"\xff" * 40)
    with pytest.raises(ModelFormatError, match="header"):
        read_model(tmp_path / "no.safetensors")


def _without(name: str) -> Callable[[dict[str, np.ndarray]], None]:
    def change(arrays: dict[str, np.ndarray]) -> None:
        del arrays[name]

    return change


def _weights_off(arrays: dict[str, np.ndarray]) -> None:
    arrays["weights"] = 0.5 * arrays["weights"]


def _in_miles(arrays: dict[str, np.ndarray]) -> None:
    arrays["v_template"] = arrays["v_template"] / 1609


def _short(arrays: dict[str, np.ndarray]) -> None:
    arrays["posedirs"] = arrays["posedirs"][:, :, :-1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_without("weights"), "no array 'weights'"),
        (_without("lmk_faces_idx"), "_landmarks.npz"),
        (_without("identity_modes"), "of which 300 are to be identity"),
        (_weights_off, "sum to 1"),
        (_in_miles, "outer corners of the eyes"),
        (_short, "pose correctives has shape"),
    ],
)
def test_what_is_missing_or_wrong_is_said(
    arrays: Any, tmp_path: Path, change: Callable[[dict[str, np.ndarray]], None], message: str
) -> None:
    made = arrays.flame()
    change(made)
    np.savez(tmp_path / "flame.npz", **made)
    with pytest.raises(ModelFormatError, match=message):
        read_model(tmp_path / "flame.npz")


def test_pickles_inside_are_not_opened(tmp_path: Path, arrays: Any) -> None:
    made = arrays.flame() | {"weights": np.array([{"a": 1}], dtype=object)}
    np.savez(tmp_path / "flame.npz", **made)
    with pytest.raises(ModelFormatError, match="arrays of object are not read"):
        read_model(tmp_path / "flame.npz")


def test_the_keypoint_method_wants_linear_models(flame_file: Path) -> None:
    with pytest.raises(ModelFormatError, match="reconstruct --model"):
        read_linear_model(flame_file)
