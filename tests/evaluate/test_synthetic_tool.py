"""The heads of tools/synthetic_heads.py: deterministic, true, and found by the pipeline."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from headshot.datasets.synthetic import read_truths
from headshot.evaluate.baselines import MeanFace
from headshot.evaluate.synthetic import evaluate

ROOT = Path(__file__).parent.parent.parent


def make(data: Path, out: Path) -> Path:
    command = [sys.executable, str(ROOT / "tools" / "synthetic_heads.py"), "--out", str(out)]
    command += ["--ict", str(data / "ict-facekit" / "ict_facekit_light.npz"), "--heads", "1", "--views", "1"]
    path = os.pathsep.join([str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])
    subprocess.run(command, check=True, env={**os.environ, "PYTHONPATH": path}, capture_output=True)
    return out


@pytest.fixture(scope="module")
def folder(data: Path, tmp_path_factory) -> Path:
    return make(data, tmp_path_factory.mktemp("heads"))


def test_the_same_seed_gives_the_same_photo_and_truth(data: Path, folder: Path, tmp_path) -> None:
    again = make(data, tmp_path / "again")
    assert (folder / "ict-000-0.png").read_bytes() == (again / "ict-000-0.png").read_bytes()
    with np.load(folder / "ict-000-0.npz") as one, np.load(again / "ict-000-0.npz") as two:
        for key in one.files:
            np.testing.assert_array_equal(one[key], two[key])


def test_truth_is_consistent(folder: Path) -> None:
    (truth,) = read_truths(folder)
    with np.load(folder / "ict-000-0.npz") as data:
        landmarks, focal = data["landmarks"], float(data["focal"])
    seen = truth.camera_vertices
    pixels = 256 + focal * seen[:, :2] * [1, -1] / -seen[:, 2:]
    nearest = np.linalg.norm(landmarks[:, None] - pixels, axis=2).min(axis=1)
    assert nearest.max() < 1e-2  # the landmarks are vertices of ICT's mesh
    assert len(truth.mesh.face) > 1000


def test_it_is_found_and_the_mean_face_gets_it_wrong(folder: Path) -> None:
    result = evaluate(folder, (MeanFace(),))
    (item,) = result.items
    values = item.values["mean face"]
    assert values["found"] == 100 and values["norm"] == 0
    assert 0.5 < values["surface"] < values["vertex"] < 8 and values["rotation"] < 15
    (picture,) = result.pictures
    assert picture[1].startswith(b"\x89PNG")
