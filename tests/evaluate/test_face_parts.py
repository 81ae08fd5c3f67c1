"""`headshot evaluate segmentation` on the repository's photos with labels made for the purpose."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from headshot.apps.cli.main import app
from headshot.datasets.parts import celebamask, fasseg
from headshot.errors import HeadshotError
from headshot.evaluate.face_parts import PartsSettings, evaluate_parts, predict, segment_photo
from headshot.image.photo import read_photo


@pytest.fixture(scope="module")
def folder(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The astronaut with labels as found but for a mislabelled quarter, and a photo without a face."""
    root = tmp_path_factory.mktemp("fasseg")
    for name in ("Train_RGB", "Train_Labels"):
        (root / name).mkdir()
    photo = read_photo(photos / "astronaut.jpg")
    Image.fromarray(photo.pixels).save(root / "Train_RGB" / "a.png")
    labels = predict(segment_photo(photo)[0], fasseg.FRONTAL)
    labels[: labels.shape[0] // 4] = fasseg.FRONTAL.labels.index("mouth")
    colours = np.array(list(fasseg.PALETTE.values()), np.uint8)
    Image.fromarray(colours[labels]).save(root / "Train_Labels" / "a.png")
    Image.new("RGB", (64, 48), (90, 120, 90)).save(root / "Train_RGB" / "b.png")
    Image.new("RGB", (64, 48), fasseg.PALETTE["background"]).save(root / "Train_Labels" / "b.png")
    return root


def test_accuracy_is_the_share_of_right_pixels(folder: Path) -> None:
    result = evaluate_parts(folder)
    accuracy = result.values("headshot", "accuracy")
    assert len(accuracy) == 2
    astronaut = next(value for name, value in accuracy.items() if name.endswith("/a"))
    assert astronaut == pytest.approx(75, abs=0.01)
    table = next(note for note in result.notes if "| class |" in note)
    mouth = next(line for line in table.splitlines() if line.startswith("| mouth"))
    assert "25.00 %" not in mouth and float(mouth.split("|")[3]) < 0.05
    assert any("No face was found in 1" in note for note in result.notes)
    assert result.pictures


def test_labels_of_a_scheme_sum_their_classes(photos: Path) -> None:
    found, detected = segment_photo(read_photo(photos / "astronaut.jpg"))
    assert detected
    ours = predict(found, celebamask.SCHEME)
    theirs = predict(found, fasseg.FRONTAL)
    names = np.array(celebamask.SCHEME.labels)[ours]
    mouth = theirs == fasseg.FRONTAL.labels.index("mouth")
    assert (mouth[np.isin(names, ("mouth", "upper_lip", "lower_lip"))]).mean() > 0.98
    skin = theirs == fasseg.FRONTAL.labels.index("skin")
    assert skin[np.isin(names, ("skin", "ears", "neck"))].mean() > 0.98


def test_the_command(folder: Path, tmp_path: Path) -> None:
    run = CliRunner().invoke(
        app, ["evaluate", "segmentation", str(folder), "-o", str(tmp_path), "--limit", "1"]
    )
    assert run.exit_code == 0, run.output
    assert "pixel accuracy" in run.output
    assert (tmp_path / "segmentation.md").is_file()
    empty = tmp_path / "empty"
    empty.mkdir()
    run = CliRunner().invoke(app, ["evaluate", "segmentation", str(empty), "-o", str(tmp_path)])
    assert run.exit_code == 1


def test_nothing_held_out_is_an_error(folder: Path) -> None:
    held_out = [sample for sample in fasseg.find(folder) if sample.held_out]
    assert not held_out
    with pytest.raises(HeadshotError, match="without --held-out"):
        evaluate_parts(folder, PartsSettings(held_out=True))
