"""Errors on synthetic heads: zero for the truth, known for known changes, chance for other people."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from headshot import Camera, load_head_model
from headshot.datasets.synthetic import Mesh, Truth
from headshot.evaluate.baselines import Head
from headshot.evaluate.result import Item
from headshot.evaluate.synthetic import errors, result_of, yaw_bin
from headshot.geometry.camera import rotation_from_angles

MODEL = load_head_model("low")
FACE = np.flatnonzero(MODEL.regions["face"] > 0.5)
MESH = Mesh(MODEL.triangles, MODEL.mean.astype(float), FACE, MODEL.part_triangles("skin"))
TURN = rotation_from_angles(20, 5, -3)
CAMERA = Camera(512, 512, 900.0, (256.0, 256.0), TURN, np.array([10.0, -5.0, -600.0]))
RNG = np.random.default_rng(0)
PERSON = RNG.normal(size=len(MODEL.identity))
SMILE = np.zeros(52)
SMILE[[MODEL.expression_names.index(n) for n in ("mouthSmileLeft", "mouthSmileRight", "jawOpen")]] = 0.5


def truth(identity: np.ndarray = PERSON, expression: np.ndarray = SMILE) -> Truth:
    posed = CAMERA.to_camera(MODEL.shape(identity, expression))
    neutral = MODEL.neutral(identity).astype(float)
    return Truth("ict-000-0", Path("x"), MESH, posed, neutral, TURN, 20.0, 50.0, 0.5, "ict-000", True)


def head(identity: np.ndarray = PERSON, expression: np.ndarray = SMILE) -> Head:
    vertices, neutral = MODEL.shape(identity, expression), MODEL.neutral(identity)
    return Head(MODEL, vertices, neutral, CAMERA, identity, 1.0)


def test_the_truth_has_no_error() -> None:
    found = errors(head(), truth())
    for key in ("vertex", "surface", "posed", "expression", "rotation", "distance", "relief", "scale"):
        assert found[key] == pytest.approx(0, abs=2e-3), key
    assert found["norm"] == pytest.approx(1, abs=1e-3) and found["correlation"] == pytest.approx(1, abs=1e-3)


def test_position_turn_and_size_do_not_count_as_shape() -> None:
    turned = rotation_from_angles(12, 0, 0)
    moved = (1.1 * MODEL.neutral(PERSON) @ turned.T + [3, 2, 1]).astype(np.float32)
    found = errors(replace(head(), neutral=moved), truth())
    assert found["vertex"] == pytest.approx(0, abs=2e-3) and found["correlation"] == pytest.approx(
        1, abs=1e-3
    )
    assert found["scale"] == pytest.approx(10, abs=0.01)


def test_a_known_turn_and_distance() -> None:
    turned = replace(CAMERA, rotation=rotation_from_angles(30, 5, -3))
    expected = np.degrees(np.arccos((np.trace(turned.rotation @ TURN.T) - 1) / 2))
    assert errors(replace(head(), camera=turned), truth())["rotation"] == pytest.approx(expected, abs=0.01)
    middle = CAMERA.to_camera(MODEL.shape(PERSON, SMILE)[FACE]).mean(axis=0)
    farther = replace(CAMERA, translation=CAMERA.translation + 0.2 * middle)
    found = errors(replace(head(), camera=farther), truth())
    assert found["distance"] == pytest.approx(20, abs=0.1) and found["vertex"] == pytest.approx(0, abs=2e-3)


def test_the_mean_face_has_no_identity() -> None:
    nobody = np.zeros_like(PERSON)
    found = errors(head(nobody), truth())
    assert found["norm"] == 0 and found["correlation"] == 0
    assert found["vertex"] > 1


def test_half_the_identity_is_shrunk_by_half() -> None:
    found = errors(head(PERSON / 2), truth())
    assert found["norm"] == pytest.approx(0.5, abs=0.02) and found["correlation"] > 0.99
    whole, none = errors(head(PERSON * 0), truth())["vertex"], errors(head(), truth())["vertex"]
    assert found["vertex"] == pytest.approx((whole + none) / 2, rel=0.05)


def test_a_missed_expression_costs_its_displacement() -> None:
    flat = np.zeros(52)
    moved = np.linalg.norm((MODEL.shape(PERSON, SMILE) - MODEL.neutral(PERSON))[FACE], axis=1).mean()
    found = errors(head(expression=flat), truth())
    assert found["expression"] == pytest.approx(moved, rel=0.15)
    assert found["vertex"] == pytest.approx(0, abs=2e-3) and found["posed"] > 0.5


@pytest.mark.parametrize(("yaw", "label"), [(0, "0-22°"), (-30, "22-37°"), (75, "67-90°")])
def test_yaw_bins(yaw: float, label: str) -> None:
    assert yaw_bin(yaw) == label


def test_what_was_not_found_is_said() -> None:
    items = [
        Item("a", {"head": "1"}, {"ours": {"found": 0.0}}),
        Item("b", {"head": "2"}, {"ours": {"found": 100.0}}),
    ]
    result = result_of(items, ("ours",), "", lambda name: b"")
    assert result.notes == ["Not found by ours: a."]
    assert result.values("ours", "vertex") == {}
