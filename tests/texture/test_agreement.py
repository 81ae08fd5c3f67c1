"""What one view shows and two others contradict is an outlier; what is only a little misaligned is not."""

from __future__ import annotations

import numpy as np

from headshot.models.head_model import load_head_model
from headshot.texture.agreement import agreement, consensus_of, weighted_medians
from headshot.texture.surface import surface_of

MODEL = load_head_model("high")
SKIN = surface_of(MODEL)
S = len(SKIN.vertices)
POINTS = MODEL.mean[SKIN.vertices]


def _views(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Colours (n, S, 3) of skin with a dark brow, and weights (n, S)."""
    skin = np.full((n, S, 3), (0.8, 0.6, 0.5), np.float32)
    skin[:, np.abs(SKIN.brow) > 0.5] = 0.3
    return skin, np.full((n, S), 0.8, np.float32)


def _agreed(colours: np.ndarray, weight: np.ndarray) -> np.ndarray:
    return agreement(colours, consensus_of(colours, weight, SKIN), SKIN)


STRAND = (SKIN.core > 0.5) & (np.abs(POINTS[:, 0] - 30) < 3)


def test_a_strand_of_hair_in_one_of_three_views_is_voted_down() -> None:
    colours, weight = _views(3)
    colours[1, STRAND] = 0.15
    agreed = _agreed(colours, weight)
    assert STRAND.sum() > 5 and agreed[1, STRAND].max() < 0.1
    assert agreed[[0, 2]].min() > 0.95
    assert (agreed[1] > 0.95).mean() > 0.9


def test_two_views_have_no_majority() -> None:
    colours, weight = _views(2)
    colours[1, STRAND] = 0.15
    assert (_agreed(colours, weight) == 1).all()
    colours, weight = _views(3)
    colours[1, STRAND] = 0.15
    weight[2] = 0  # nor have two of three
    assert _agreed(colours, weight)[1].min() > 0.99


def test_what_most_views_show_stays() -> None:
    """A beard in two of three views."""
    colours, weight = _views(3)
    beard = SKIN.beard > 0.5
    colours[:2, beard] = 0.25
    agreed = _agreed(colours, weight)
    assert agreed[:2].min() > 0.95 and agreed[2, beard].mean() < 0.5


def test_a_misaligned_brow_is_no_outlier() -> None:
    colours, weight = _views(3)
    row = np.repeat(np.arange(S), np.diff(SKIN.start))
    moved = np.abs(SKIN.brow) > 0.5
    wider = moved.copy()
    np.logical_or.at(wider, row, moved[SKIN.neighbour])
    colours[2, wider] = 0.3  # by an edge of the mesh
    assert _agreed(colours, weight).min() > 0.9


def test_weighted_medians_ignore_views_without_weight() -> None:
    colours = np.array([[[0.2] * 3], [[0.5] * 3], [[0.9] * 3]], np.float32)
    assert weighted_medians(colours, np.ones((3, 1), np.float32))[0, 0] == np.float32(0.5)
    assert weighted_medians(colours, np.array([[1], [0], [0]], np.float32))[0, 0] == np.float32(0.2)
    assert weighted_medians(colours, np.zeros((3, 1), np.float32))[0, 0] == 0
