"""The scripts and the notebook in examples/ run, on the photos of the repository."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import headshot

EXAMPLES = Path(__file__).parent.parent / "examples"


def run(name: str, *arguments: str) -> str:
    """Run a script as a user does; what it prints."""
    package = Path(headshot.__file__).parent.parent
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / name), *arguments, "--detail", "low"],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONPATH": str(package), "PYTHONIOENCODING": "utf-8"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_one_photo(tmp_path: Path) -> None:
    text = run("one_photo.py", "-o", str(tmp_path))
    assert "pose: yaw" in text
    names = {"astronaut.glb", "astronaut.json", "astronaut.png", "turned.png"}
    assert {file.name for file in tmp_path.iterdir()} == names


def test_several_photos_with_stand_ins(tmp_path: Path) -> None:
    text = run("several_photos.py", "-o", str(tmp_path))
    assert "as stand-ins for two more" in text
    assert "left out" not in text
    head = headshot.load(tmp_path / "person.json")
    yaws = [view.camera.angles[0] for view in head.estimate.views]
    assert len(yaws) == 3
    assert yaws[1] == pytest.approx(-30, abs=10)
    assert yaws[2] == pytest.approx(30, abs=10)


def test_several_photos_names_a_photo_that_is_left_out(tmp_path: Path, photos: Path) -> None:
    photo = str(photos / "astronaut.jpg")
    text = run("several_photos.py", photo, str(photos / "SOURCE.md"), "-o", str(tmp_path))
    assert "left out: SOURCE.md" in text


def test_edit_and_measure(tmp_path: Path) -> None:
    text = run("edit_and_measure.py", "-o", str(tmp_path))
    assert "mouth width (ch-ch)" in text
    assert (tmp_path / "edited.png").is_file()
    laughing = headshot.load(tmp_path / "laughing.json")
    assert laughing.blendshapes["jawOpen"] == pytest.approx(0.3)


def test_the_notebook_runs(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Its cells as they stand, without Jupyter."""
    notebook = json.loads((EXAMPLES / "heads.ipynb").read_text(encoding="utf-8"))
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in cells)
    monkeypatch.chdir(EXAMPLES)
    names: dict[str, Any] = {}
    for number, cell in enumerate(cells):
        exec(compile("".join(cell["source"]), f"heads.ipynb, cell {number}", "exec"), names)
    assert "mouth width (ch-ch)" in capsys.readouterr().out
    assert len(names["joint"].estimate.views) == 3
    assert names["joint"]._repr_png_().startswith(b"\x89PNG")
