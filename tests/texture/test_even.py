"""What differs between the halves over centimetres is light; marks, and what both halves share, are skin."""

from __future__ import annotations

import numpy as np

from headshot.models.head_model import load_head_model
from headshot.texture.even import border_of, evened
from headshot.texture.surface import surface_of

SKIN = surface_of(load_head_model("high"))
POINTS = load_head_model("high").mean[SKIN.vertices]
S = len(SKIN.vertices)
ALL = np.ones(S, np.float32)
FREE = np.zeros(S, np.float32)
FACE = (POINTS[:, 2] > -20) & (np.abs(POINTS[:, 0]) < 60) & (np.abs(POINTS[:, 1]) < 80)


def _three(values: np.ndarray) -> np.ndarray:
    return np.repeat(values[:, None], 3, axis=1).astype(np.float32)


def test_light_from_one_side_goes_and_what_both_halves_share_stays() -> None:
    across = 0.3 * np.tanh(POINTS[:, 0] / 40)
    both = 0.1 * np.cos(POINTS[:, 1] / 30)
    out = evened(SKIN, _three(across + both), ALL, FREE)
    left = np.abs(out[FACE, 0] - both[FACE])
    assert left.mean() < 0.5 * np.abs(across[FACE]).mean() and left.max() < 0.5 * np.abs(across).max()
    np.testing.assert_allclose(evened(SKIN, _three(both), ALL, FREE), _three(both), atol=0.02)


def test_a_mole_on_one_side_stays() -> None:
    cheek = np.argmin(np.linalg.norm(POINTS - [35, -40, 20], axis=1))
    mole = -0.5 * (np.linalg.norm(POINTS - POINTS[cheek], axis=1) < 4)
    out = evened(SKIN, _three(mole), ALL, FREE)
    assert out[cheek, 0] < -0.42


def test_nothing_is_taken_from_one_half_where_the_other_is_not_seen() -> None:
    one = (POINTS[:, 0] > 5).astype(np.float32)
    across = 0.3 * np.tanh(np.maximum(POINTS[:, 0], 0) / 40)
    np.testing.assert_allclose(evened(SKIN, _three(across), one, FREE), _three(across), atol=1e-5)


def test_colours_end_as_expected_at_the_hairline_and_not_at_a_beard() -> None:
    seen = (POINTS[:, 1] < 45).astype(np.float32)
    border = border_of(SKIN, seen, 0.0)
    edge = (seen > 0) & (SKIN.selectivity > 0.95) & (np.abs(POINTS[:, 1] - 43) < 2) & (POINTS[:, 2] > 0)
    inside = (SKIN.core > 0.5) & (POINTS[:, 1] < 10)
    assert edge.sum() > 10 and border[edge].min() > 0.6 and border[inside].max() < 0.1
    out = evened(SKIN, _three(np.full(S, 0.3)), seen, border)
    assert np.abs(out[edge]).max() < 0.13
    np.testing.assert_allclose(out[inside], 0.3, atol=0.03)
    jaw = (SKIN.beard > 0.9) & (SKIN.selectivity > 0.5)
    nothing = np.zeros(S, np.float32)
    assert border_of(SKIN, nothing, 0.0)[jaw].min() > 0.45
    assert border_of(SKIN, nothing, 1.0)[jaw].max() < 0.11
