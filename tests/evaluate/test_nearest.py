"""The head that is nearest to a true one: exact for heads of the model's own, at any size."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from headshot import load_head_model
from headshot.datasets.synthetic import Mesh, Truth
from headshot.evaluate.nearest import nearest_head
from headshot.measurements import DISTANCES, distances

MODEL = load_head_model("low")
FACE = np.flatnonzero(MODEL.regions["face"] > 0.5)
MESH = Mesh(MODEL.triangles, MODEL.mean.astype(float), FACE, MODEL.part_triangles("skin"))


def test_a_head_of_the_model_at_another_size() -> None:
    identity = np.zeros(len(MODEL.identity))
    identity[:6] = (1.0, -0.8, 0.6, 0.5, -0.4, 0.3)
    neutral = MODEL.neutral(identity).astype(float)
    truth = Truth("x", Path("x"), MESH, neutral, neutral, np.eye(3), 0.0, 50.0, 0.5, "ict-000", False)
    own = nearest_head(truth, MODEL)
    assert own.scale == pytest.approx(1.0, abs=0.005)
    small = nearest_head(replace(truth, neutral=0.75 * neutral), MODEL)
    assert small.scale == pytest.approx(0.75, abs=0.005)
    true = distances(MODEL, MODEL.neutral(identity))
    found = small.distances(MODEL)
    assert list(found) == list(DISTANCES)
    assert list(found.values()) == pytest.approx([0.75 * value for value in true.values()], rel=0.02)
