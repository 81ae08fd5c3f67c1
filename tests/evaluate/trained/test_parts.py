"""A trained segmentation network as a method of the benchmark, and Figure 5."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")

from safetensors.torch import save_file  # noqa: E402
from typer.testing import CliRunner  # noqa: E402

from headshot.datasets.parts import fasseg  # noqa: E402
from headshot.errors import HeadshotError  # noqa: E402
from headshot.evaluate.face_parts import PartsSettings, evaluate_parts, predict, segment_photo  # noqa: E402
from headshot.evaluate.trained import parts  # noqa: E402
from headshot.evaluate.trained.command import app  # noqa: E402
from headshot.image.photo import read_photo  # noqa: E402
from headshot.learn.networks.unet import UNet  # noqa: E402
from headshot.perception.segmentation import CLASSES  # noqa: E402


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A narrow U-Net that calls everything hair."""
    folder = tmp_path_factory.mktemp("unet")
    network = UNet(len(CLASSES), width=2)
    with torch.no_grad():
        network.head.weight.zero_()
        network.head.bias.zero_()
        network.head.bias[CLASSES.index("hair")] = 9
    (folder / "best").mkdir()
    save_file(dict(network.state_dict()), folder / "best" / "network.safetensors")
    return folder


@pytest.fixture(autouse=True)
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "make_network", lambda name, imagenet: UNet(len(CLASSES), width=2))


def test_a_run_is_measured_beside_the_network_that_ships(run: Path, photos: Path, tmp_path: Path) -> None:
    for name in ("Train_RGB", "Train_Labels"):
        (tmp_path / name).mkdir()
    photo = read_photo(photos / "astronaut.jpg")
    Image.fromarray(photo.pixels).save(tmp_path / "Train_RGB" / "a.png")
    labels = predict(segment_photo(photo)[0], fasseg.FRONTAL)
    colours = np.array(list(fasseg.PALETTE.values()), np.uint8)
    Image.fromarray(colours[labels]).save(tmp_path / "Train_Labels" / "a.png")
    result = evaluate_parts(tmp_path, PartsSettings(network=run))
    assert result.methods == ("headshot", "U-Net (paper)")
    (ours,) = result.values("headshot", "accuracy").values()
    (theirs,) = result.values("U-Net (paper)", "accuracy").values()
    found, _ = segment_photo(photo, parts.RunSegmenter(run))
    hair = fasseg.FRONTAL.labels.index("hair")
    assert ours == pytest.approx(100, abs=0.01)
    # outside of the crop all is background, for either
    right = (predict(found, fasseg.FRONTAL) == labels).mean()
    assert theirs == pytest.approx(100 * right, abs=0.01)
    assert (predict(found, fasseg.FRONTAL) == hair).mean() > 0.1


def test_figure_5_shows_faces_and_the_same_behind_things(run: Path, photos: Path, tmp_path: Path) -> None:
    arguments = ["segment-figure", str(run), "--show", str(photos / "astronaut.jpg"), "-o", str(tmp_path)]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    with Image.open(tmp_path / "segment-figure.jpg") as image:
        assert image.size == (4 * 256, 2 * 256)
    face = parts.unlabelled(photos / "astronaut.jpg")
    hidden = parts.occluded(face, [face], seed=3)
    changed = (hidden.pixels != face.pixels).any(axis=2).mean()
    assert 0.05 < changed < 0.7
    again = parts.occluded(face, [face], seed=3)
    np.testing.assert_array_equal(again.pixels, hidden.pixels)
    result = CliRunner().invoke(app, ["segment-figure", str(run), "-o", str(tmp_path)])
    assert result.exit_code == 1


def test_known_labels_follow_what_hides_them(run: Path, photos: Path) -> None:
    face = parts.unlabelled(photos / "astronaut.jpg")
    known = parts.Shown(face.pixels, parts._found(face.pixels))
    hidden = parts.occluded(known, [known], seed=3)
    assert hidden.sets is not None and known.sets is not None
    moved = hidden.sets != known.sets
    assert moved[known.sets != 1].mean() > 0.25
    still = np.abs(hidden.pixels.astype(int) - known.pixels).max(axis=2) == 0
    assert not moved[still].any()


def test_other_runs_are_refused(tmp_path: Path, run: Path) -> None:
    with pytest.raises(HeadshotError, match="no best weights yet"):
        parts.network_of(tmp_path)
    (tmp_path / "best").mkdir()
    save_file({"x": torch.zeros(1)}, tmp_path / "best" / "network.safetensors")
    with pytest.raises(HeadshotError, match="is not a run of"):
        parts.network_of(tmp_path)
