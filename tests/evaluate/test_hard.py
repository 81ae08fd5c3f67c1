"""Spoiled photos: the truth follows the picture, hidden is hidden, and each case is its own item."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from headshot.datasets.annotations import Annotation, read_annotations
from headshot.evaluate.baselines import MeanFace
from headshot.evaluate.hard import CASES, SMALL, HardSettings, evaluate_hard, hidden, spoiled
from headshot.image.photo import Photo
from headshot.metrics.landmarks import box_root


@pytest.fixture(scope="module")
def annotated(data: Path) -> list[Annotation]:
    return read_annotations(data / "helen-train")[:6]


def test_points_follow_the_picture(annotated: list[Annotation]) -> None:
    for truth in annotated[:2]:
        same, _ = spoiled(truth, "as it is")
        photo, found = spoiled(truth, "60 pixels")
        assert box_root(found.points) == pytest.approx(SMALL, rel=0.01)
        np.testing.assert_allclose(
            found.points / [photo.width, photo.height], truth.points / [same.width, same.height], atol=1e-9
        )
        soft, found = spoiled(truth, "blur")
        assert (found.points == truth.points).all()
        assert (
            np.abs(np.diff(soft.pixels.astype(float), axis=1)).mean()
            < 0.6 * np.abs(np.diff(same.pixels.astype(float), axis=1)).mean()
        )


def test_something_is_hidden_in_every_photo_and_always_the_same(annotated: list[Annotation]) -> None:
    changed = []
    for truth in annotated:
        photo, _ = spoiled(truth, "as it is")
        first, _ = hidden(photo, truth.points)
        again, _ = hidden(photo, truth.points)
        assert (first.pixels == again.pixels).all()
        low, high = truth.points.min(axis=0).astype(int), truth.points.max(axis=0).astype(int)
        face = (slice(low[1], high[1]), slice(low[0], high[0]))
        changed.append(float((first.pixels[face] != photo.pixels[face]).any(axis=-1).mean()))
    assert min(changed) > 0.04 and max(changed) < 0.7


def test_the_photo_itself_stays_as_it_is() -> None:
    photo = Photo(np.zeros((300, 300, 3), np.uint8), "a.jpg")
    rng = np.random.default_rng(0)
    for k in range(20):
        points = rng.uniform(50, 250, (68, 2))
        covered, _ = hidden(Photo(photo.pixels, f"{k}.jpg"), points)
        assert covered.pixels.any() and not photo.pixels.any()


def test_each_case_is_an_item(annotated: list[Annotation], tmp_path: Path) -> None:
    for truth in annotated[:2]:
        for file in (truth.photo, truth.photo.with_suffix(".pts")):
            shutil.copy(file, tmp_path / file.name)
    result = evaluate_hard(tmp_path, (MeanFace(),), HardSettings())
    assert len(result.items) == 2 * len(CASES)
    assert {str(item.group["case"]) for item in result.items} == set(CASES)
    errors = result.values("mean face", "inner")
    assert len(errors) >= 6 and all(0 < value < 60 for value in errors.values())
