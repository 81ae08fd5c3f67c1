"""Shapes: alignment, known scatter, and what is left of a person."""

from __future__ import annotations

import numpy as np
import pytest

from headshot.metrics.shape import (
    aligned,
    aligned_distance,
    mean_distance,
    pairwise_distances,
    shape_similarity,
    shrinkage,
    stability,
)
from headshot.models.head_model import load_head_model

MODEL = load_head_model("low")
FACE = np.flatnonzero(MODEL.regions["face"] > 0.5)


@pytest.mark.parametrize("axes", [2, 3])
def test_alignment_removes_position_size_and_rotation_but_not_shape(axes: int) -> None:
    rng = np.random.default_rng(2)
    shape = rng.normal(size=(50, axes))
    turn = np.linalg.qr(rng.normal(size=(axes, axes)))[0]
    turn[:, 0] *= np.linalg.det(turn)
    copies = np.stack([shape, 3 * shape @ turn + 7])
    assert pairwise_distances(aligned(copies))[0, 1] == pytest.approx(0, abs=1e-6)
    mirrored = np.stack([shape, shape * ([-1] + [1] * (axes - 1))])
    assert pairwise_distances(aligned(mirrored))[0, 1] > 0.1


def test_stability_of_known_scatter() -> None:
    base = np.random.default_rng(3).normal(size=(10, 3))
    shapes = np.stack([base, base + [2, 0, 0], base + 5])
    assert stability(shapes, ["a", "a", "b"]) == {"a": pytest.approx(1.0)}


def test_other_people_correlate_by_chance_only() -> None:
    mean = MODEL.mean[FACE].astype(float)
    rng = np.random.default_rng(0)
    people = [MODEL.neutral(rng.normal(size=len(MODEL.identity)))[FACE].astype(float) for _ in range(24)]
    own = [shrinkage(p, p, mean)[1] for p in people]
    shuffled = [shrinkage(people[i - 1], p, mean)[1] for i, p in enumerate(people)]
    assert min(own) > 0.999
    assert abs(np.mean(shuffled)) < 3 * np.std(shuffled) / np.sqrt(len(shuffled)) + 0.02


def test_a_mean_head_as_truth_is_refused() -> None:
    mean = MODEL.mean[FACE].astype(float)
    with pytest.raises(ValueError, match="no meaning"):
        shrinkage(mean + np.random.default_rng(0).normal(size=mean.shape), mean, mean)


def test_distances_after_the_best_similarity() -> None:
    shape = np.random.default_rng(4).normal(size=(40, 3))
    assert aligned_distance(2 * shape[:, [1, 2, 0]] + 5, shape) == pytest.approx(0, abs=1e-9)
    assert mean_distance(shape, shape + [3, 4, 0]) == pytest.approx(5)
    assert aligned_distance(shape, np.random.default_rng(5).normal(size=(40, 3))) > 0.5


def test_equal_shapes_tie() -> None:
    rng = np.random.default_rng(6)
    one = rng.normal(size=(30, 3))
    near = shape_similarity([one, one, one, rng.normal(size=(30, 3))])
    assert near[0, 1] == near[0, 2] == 0 and near[0, 3] < 0
