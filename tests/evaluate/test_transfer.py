"""A head carried into another photo: perfect for the same photo, worse for another person."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from headshot import read_photo
from headshot.datasets.subject import find_subject
from headshot.errors import HeadshotError
from headshot.evaluate.baselines import Head, MeanFace, named_method
from headshot.evaluate.picture import landmark_residual
from headshot.evaluate.transfer import TransferSettings, evaluate_transfer, recoloured, transferred


@pytest.fixture(scope="module")
def heads(photos: Path) -> dict[str, Head]:
    out = {}
    for name in ("astronaut", "grace_hopper"):
        head = named_method("landmarks only")(find_subject(read_photo(photos / f"{name}.jpg"))).head
        assert head is not None
        out[name] = head
    return out


def test_a_head_carried_to_itself_stays(heads: dict[str, Head]) -> None:
    head = heads["astronaut"]
    assert transferred(head, head).vertices == pytest.approx(head.vertices, abs=1e-4)


def test_size_comes_from_the_second_photo(heads: dict[str, Head]) -> None:
    head = heads["astronaut"]
    larger = replace(head, neutral=head.neutral * 1.1, vertices=head.vertices * 1.1, scale=head.scale * 1.1)
    assert transferred(larger, head).vertices == pytest.approx(head.vertices, abs=1e-3)


def test_another_person_misses_the_landmarks(heads: dict[str, Head], photos: Path) -> None:
    subject = find_subject(read_photo(photos / "astronaut.jpg"))
    own = landmark_residual(heads["astronaut"], subject.landmarks)
    other = landmark_residual(transferred(heads["grace_hopper"], heads["astronaut"]), subject.landmarks)
    assert other > 1.5 * own


def test_topologies_must_agree(heads: dict[str, Head]) -> None:
    head = heads["astronaut"]
    with pytest.raises(ValueError, match="share vertices"):
        transferred(replace(head, neutral=head.neutral[:-1]), head)


def test_recolouring_undoes_gain_and_offset() -> None:
    photo = np.random.default_rng(0).integers(40, 100, (20, 20, 3), dtype=np.uint8)
    mask = np.ones((20, 20), bool)
    assert np.abs(recoloured(photo * np.uint8(2) + np.uint8(9), photo, mask).astype(int) - photo).max() <= 1
    assert recoloured(photo, photo, ~mask) is photo


def test_end_to_end_on_the_same_photo_twice(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "eileen").mkdir()
    for n in range(2):
        shutil.copy(photos / "astronaut.jpg", tmp_path / "eileen" / f"{n}.jpg")
    result = evaluate_transfer(tmp_path, (named_method("landmarks only"), MeanFace()), TransferSettings())
    assert result.values("landmarks only", "residual")["eileen"] < 0.6
    assert result.values("mean face", "residual")["eileen"] > 1.0
    assert result.values("landmarks only", "ssim")["eileen"] > 0.7
    assert len(result.pictures) == 1


def test_nobody_with_two_photos(tmp_path: Path) -> None:
    with pytest.raises(HeadshotError, match="nobody with two photos"):
        evaluate_transfer(tmp_path)
