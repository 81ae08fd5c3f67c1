"""Landmark errors: closed-form cases, and a perfect prediction end to end."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from headshot import read_photo
from headshot.datasets.annotations import Annotation
from headshot.datasets.subject import Subject, find_subject
from headshot.evaluate.baselines import MeanFace, NetworkPoints, Prediction
from headshot.evaluate.landmarks import NmeSettings, evaluate_landmarks, measure, true_yaw, yaw_bin
from headshot.evaluate.resume_log import ResumeLog
from headshot.geometry.camera import rotation_from_angles
from headshot.metrics.landmarks import interocular
from headshot.models.head_model import load_head_model


def test_yaw_of_true_points_and_its_bin() -> None:
    model = load_head_model("low")
    points = model.landmarks["ibug68"].on(model.mean, model.triangles) @ rotation_from_angles(25, 0, 0).T
    flat = Annotation(Path("a.jpg"), points[:, :2] * [1, -1])
    assert true_yaw(flat) == pytest.approx(25, abs=0.5)
    assert yaw_bin(-25) == "20-30°" and yaw_bin(0) == "0-10°" and yaw_bin(90) == "75°+"
    flat.points[45] = np.nan
    assert yaw_bin(true_yaw(flat)) == "profile"


def test_box_normalisation_serves_half_faces() -> None:
    truth = np.full((68, 2), np.nan)
    truth[:4] = [[0, 0], [10, 0], [10, 40], [0, 40]]
    found = np.nan_to_num(truth) + [2, 0]
    values = measure(found, Annotation(Path("a.jpg"), truth), NmeSettings("box"))
    assert values == {"all": 10.0, "jaw": 10.0, "box": 10.0, "failed": 100.0}


class Counted:
    """The network's points, moved; counts its calls."""

    name = "moved"

    def __init__(self, by: tuple[float, float]) -> None:
        self.by, self.calls = np.array(by), 0

    def __call__(self, subject: Subject, *, textured: bool = False) -> Prediction:
        self.calls += 1
        return Prediction(NetworkPoints()(subject).points + self.by)

    def __repr__(self) -> str:
        return f"Counted({self.by})"


@pytest.fixture(scope="module")
def folder(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two photos whose "hand-made" points are the network's, and one without a face."""
    out = tmp_path_factory.mktemp("annotated")
    for name in ("astronaut", "grace_hopper"):
        (out / f"{name}.jpg").write_bytes((photos / f"{name}.jpg").read_bytes())
        points = NetworkPoints()(find_subject(read_photo(out / f"{name}.jpg"))).points + 1
        (out / f"{name}.pts").write_text("\n".join(f"{x:.6f} {y:.6f}" for x, y in points))
    Image.new("RGB", (200, 200), (90, 120, 160)).save(out / "sky.png")
    (out / "sky.pts").write_text((out / "astronaut.pts").read_text())
    return out


def test_end_to_end_with_resume(folder: Path, tmp_path: Path) -> None:
    moved = Counted((0.0, 2.0))
    methods = (NetworkPoints(), moved, MeanFace())
    log = ResumeLog(tmp_path / "log.jsonl")
    result = evaluate_landmarks(folder, methods, NmeSettings(), log)
    assert [item.name for item in result.items] == ["astronaut.jpg", "grace_hopper.jpg", "sky.png"]
    assert max(result.values("network points", "all").values()) == pytest.approx(0, abs=1e-3)
    astronaut = find_subject(read_photo(folder / "astronaut.jpg"))
    eyes = interocular(NetworkPoints()(astronaut).points)
    assert result.values("moved", "all")["astronaut.jpg"] == pytest.approx(200 / eyes, abs=1e-3)
    assert set(result.values("mean face", "all")) == {"astronaut.jpg", "grace_hopper.jpg"}
    assert min(result.values("mean face", "all").values()) > 1
    assert result.values("network points", "failed")["sky.png"] == 100
    assert "sky.png" in result.notes[0]
    assert len(result.pictures) == 2 and result.pictures[0][1].startswith(b"\x89PNG")
    assert result.curves[0].lines["network points"][-1][1] == pytest.approx(200 / 3)
    calls = moved.calls
    again = evaluate_landmarks(folder, methods, NmeSettings(), log)
    assert moved.calls == calls == 2
    assert again.items == result.items


def test_limit_and_calibration_photos(folder: Path) -> None:
    left = evaluate_landmarks(folder, (NetworkPoints(),), NmeSettings(leave_out=3))
    assert [item.name for item in left.items] == ["grace_hopper.jpg", "sky.png"]
    few = evaluate_landmarks(folder, (NetworkPoints(),), NmeSettings(limit=1))
    assert len(few.items) == 1


def test_helen(data: Path) -> None:
    """The numbers of the research data stay where they were, and we beat the mean face."""
    if not (data / "helen-train").is_dir():
        pytest.skip("no helen-train")
    result = evaluate_landmarks(data / "helen-train", settings=NmeSettings(limit=12, leave_out=3))
    ours = np.median(list(result.values("landmarks only", "inner").values()))
    mean = np.median(list(result.values("mean face", "inner").values()))
    assert ours < 3.2 and ours < 0.8 * mean
