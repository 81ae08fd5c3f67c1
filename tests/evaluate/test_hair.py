"""`headshot evaluate hair` on a photo of the repository, with labels made for the purpose."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from headshot.apps.cli.main import app
from headshot.datasets.parts import celebamask
from headshot.errors import HeadshotError
from headshot.evaluate.face_parts import predict, segment_photo
from headshot.evaluate.hair import METHOD, NETWORK, HairSettings, evaluate_hair, overlap, patches
from headshot.image.photo import read_photo


@pytest.fixture(scope="module")
def folder(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The astronaut, labelled as the segmentation finds her."""
    root = tmp_path_factory.mktemp("celebamask")
    for name in ("images", "masks"):
        (root / name).mkdir()
    photo = read_photo(photos / "astronaut.jpg")
    Image.fromarray(photo.pixels).save(root / "images" / "a.jpg", quality=95)
    names = np.array(celebamask.SCHEME.labels)[predict(segment_photo(photo)[0], celebamask.SCHEME)]
    index = {name: celebamask.OURS.index(name) for name in celebamask.SCHEME.labels}
    labels = np.vectorize(index.get)(names).astype(np.uint8)
    Image.fromarray(labels).save(root / "masks" / "a.png")
    return root


def test_hair_overlaps_and_has_its_colour(folder: Path) -> None:
    result = evaluate_hair(folder, HairSettings(held_out=False))
    (item,) = result.items
    assert item.values[NETWORK]["iou"] > 0.95
    assert 0.7 < item.values[METHOD]["iou"] < item.values[NETWORK]["iou"]
    assert item.values[METHOD]["colour"] < 8 and item.values[METHOD]["bald"] == 0
    assert "hairy" not in item.values[METHOD]  # she has hair
    assert result.pictures
    with pytest.raises(HeadshotError, match="held out"):
        evaluate_hair(folder)


def test_the_command(folder: Path, tmp_path: Path) -> None:
    arguments = ["evaluate", "hair", str(folder), "--no-held-out", "-o", str(tmp_path)]
    run = CliRunner().invoke(app, arguments)
    assert run.exit_code == 0, run.output
    assert "overlap" in (tmp_path / "hair.md").read_text("utf-8")


def test_patches_compare_mean_colours() -> None:
    grey = np.full((40, 40, 3), 0.2, np.float32)
    other = grey.copy()
    other[:20] = 0.4
    both = np.ones((40, 40), bool)
    assert patches(grey, grey, both, 10).max() == 0
    off = patches(grey, other, both, 10)
    assert len(off) == 16 and (off > 10).sum() == 8 and (off == 0).sum() == 8
    both[:, 2:] = False  # too little of a patch
    assert len(patches(grey, other, both, 10)) == 0


def test_overlap() -> None:
    one, other = np.zeros((2, 4, 4), bool)
    assert overlap(one, other) == 1
    one[:2], other[1:3] = True, True
    assert overlap(one, other) == pytest.approx(1 / 3)
