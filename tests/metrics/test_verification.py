"""Verification: perfect, shuffled and tied similarities."""

from __future__ import annotations

import numpy as np
import pytest

from headshot.metrics.verification import auc, eer, pairs, roc


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


def test_pairs_by_owner() -> None:
    matrix = np.array([[0, 1, 2], [1, 0, 3], [2, 3, 0]])
    same, different = pairs(matrix, ["a", "a", "b"])
    assert same.tolist() == [1] and different.tolist() == [2, 3]
