"""Identity: perfect, shuffled and tied similarities, and shapes with known scatter."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from headshot.errors import HeadshotError
from headshot.evaluate.baselines import MeanFace
from headshot.evaluate.identity import (
    IdentitySettings,
    aligned,
    auc,
    distances,
    eer,
    evaluate_identity,
    pairs,
    roc,
    stability,
)


def test_separated_shuffled_and_reversed_pairs() -> None:
    rng = np.random.default_rng(0)
    assert auc([3, 4], [1, 2]) == 1 and eer([3, 4], [1, 2]) == 0
    assert auc([1, 2], [3, 4]) == 0 and eer([1, 2], [3, 4]) == 1
    same, different = rng.normal(size=4000), rng.normal(size=4000)
    assert auc(same, different) == pytest.approx(0.5, abs=0.02)
    assert eer(same, different) == pytest.approx(0.5, abs=0.02)


def test_ties_are_chance() -> None:
    assert auc([0, 0, 0], [0, 0]) == 0.5
    assert eer([0, 0, 0], [0, 0]) == 0.5


def test_known_distributions() -> None:
    """Unit normals two apart: AUC = Phi(sqrt 2) = 0.9214, EER = Phi(-1) = 0.1587."""
    rng = np.random.default_rng(1)
    same, different = rng.normal(2, 1, 20000), rng.normal(0, 1, 20000)
    assert auc(same, different) == pytest.approx(0.9214, abs=0.005)
    assert eer(same, different) == pytest.approx(0.1587, abs=0.005)


def test_equal_error_between_two_steps() -> None:
    false, true = roc([2, 0], [1, -1])
    assert false.tolist() == [0, 0, 0.5, 0.5, 1] and true.tolist() == [0, 0.5, 0.5, 1, 1]
    assert eer([2, 0], [1, -1]) == pytest.approx(0.5)


@pytest.mark.parametrize(("same", "different"), [([], [1]), ([1], []), ([np.nan], [1])])
def test_impossible_pairs(same: list[float], different: list[float]) -> None:
    with pytest.raises(ValueError, match=r"pairs|finite"):
        auc(same, different)


@pytest.mark.parametrize("axes", [2, 3])
def test_alignment_removes_position_size_and_rotation_but_not_shape(axes: int) -> None:
    rng = np.random.default_rng(2)
    shape = rng.normal(size=(50, axes))
    turn = np.linalg.qr(rng.normal(size=(axes, axes)))[0]
    turn[:, 0] *= np.linalg.det(turn)
    copies = np.stack([shape, 3 * shape @ turn + 7])
    assert distances(aligned(copies))[0, 1] == pytest.approx(0, abs=1e-6)
    mirrored = np.stack([shape, shape * ([-1] + [1] * (axes - 1))])
    assert distances(aligned(mirrored))[0, 1] > 0.1


def test_stability_of_known_scatter() -> None:
    base = np.random.default_rng(3).normal(size=(10, 3))
    shapes = np.stack([base, base + [2, 0, 0], base + 5])
    assert stability(shapes, ["a", "a", "b"]) == {"a": pytest.approx(1.0)}


def test_pairs_by_owner() -> None:
    matrix = np.array([[0, 1, 2], [1, 0, 3], [2, 3, 0]])
    same, different = pairs(matrix, ["a", "a", "b"])
    assert same.tolist() == [1] and different.tolist() == [2, 3]


def test_end_to_end_on_two_people(photos: Path, tmp_path: Path) -> None:
    """The same photo twice has no scatter and is recognised; the mean face recognises nobody."""
    for person in ("astronaut", "grace_hopper"):
        (tmp_path / person).mkdir()
        for n in range(2):
            shutil.copy(photos / f"{person}.jpg", tmp_path / person / f"{n}.jpg")
    result = evaluate_identity(tmp_path, settings=IdentitySettings(people=2, photos=2))
    assert set(result.values("landmarks-only", "auc").values()) == {1.0}
    assert set(result.values("landmarks-only", "eer").values()) == {0.0}
    assert max(result.values("landmarks-only", "stability").values()) == pytest.approx(0, abs=1e-6)
    assert set(result.values("mean face", "auc").values()) == {0.5}
    assert set(result.values("mean face", "eer").values()) == {0.5}


def test_too_few_people(tmp_path: Path) -> None:
    with pytest.raises(HeadshotError, match="0 people with 4 photos"):
        evaluate_identity(tmp_path)


def test_lfw(data: Path) -> None:
    """The shape carries some identity, on few people."""
    if not (data / "lfw-deepfunneled").is_dir():
        pytest.skip("no lfw-deepfunneled")
    settings = IdentitySettings(people=8, photos=3)
    result = evaluate_identity(data / "lfw-deepfunneled", settings=settings)
    assert np.mean(list(result.values("landmarks-only", "auc").values())) > 0.6
    assert MeanFace().name in result.methods
