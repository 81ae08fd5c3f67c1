"""Identity: perfect, shuffled and tied similarities, and shapes with known scatter."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from headshot.datasets.selection import PeopleSelection
from headshot.errors import HeadshotError
from headshot.evaluate.baselines import MeanFace
from headshot.evaluate.identity import evaluate_identity


def test_end_to_end_on_two_people(photos: Path, tmp_path: Path) -> None:
    """The same photo twice has no scatter and is recognised; the mean face recognises nobody."""
    for person in ("astronaut", "grace_hopper"):
        (tmp_path / person).mkdir()
        for n in range(2):
            shutil.copy(photos / f"{person}.jpg", tmp_path / person / f"{n}.jpg")
    result = evaluate_identity(tmp_path, selection=PeopleSelection(people=2, photos=2))
    assert set(result.values("landmarks only", "auc").values()) == {1.0}
    assert set(result.values("landmarks only", "eer").values()) == {0.0}
    assert max(result.values("landmarks only", "stability").values()) == pytest.approx(0, abs=1e-6)
    assert set(result.values("mean face", "auc").values()) == {0.5}
    assert set(result.values("mean face", "eer").values()) == {0.5}


def test_too_few_people(tmp_path: Path) -> None:
    with pytest.raises(HeadshotError, match="0 people with 4 photos"):
        evaluate_identity(tmp_path)


def test_lfw(data: Path) -> None:
    """The shape carries some identity, on few people."""
    if not (data / "lfw-deepfunneled").is_dir():
        pytest.skip("no lfw-deepfunneled")
    chosen = PeopleSelection(people=8, photos=3)
    result = evaluate_identity(data / "lfw-deepfunneled", selection=chosen)
    assert np.mean(list(result.values("landmarks only", "auc").values())) > 0.6
    assert MeanFace().name in result.methods
