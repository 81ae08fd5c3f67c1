"""Hair at the temples and tinted light are not skin; brows, beards and a little shading are."""

from __future__ import annotations

import numpy as np
import pytest

from headshot.models.head_model import load_head_model
from headshot.texture.mismatch import mismatch_of, reliability_of
from headshot.texture.surface import surface_of

SKIN = surface_of(load_head_model("high"))
POINTS = load_head_model("high").mean[SKIN.vertices]
S = len(SKIN.vertices)
TEMPLE = (SKIN.selectivity > 0.9) & (np.abs(POINTS[:, 0]) > 60) & (POINTS[:, 2] > -60) & (POINTS[:, 1] > 0)
SEEN = np.ones((2, S), np.float32)
SHAVEN = np.zeros(2, np.float32)


def _mismatch(where: np.ndarray, log: tuple[float, float, float], beards: np.ndarray = SHAVEN) -> np.ndarray:
    """Doubt about the first of two views, which deviates by a logarithm at some vertices."""
    off = np.zeros((2, S, 3), np.float32)
    off[0, where] = log
    mismatch = mismatch_of(off, SEEN, beards, SKIN)
    assert mismatch[1].max() < 1e-3 and mismatch.min() >= 0 and mismatch.max() <= 1
    return mismatch[0]


@pytest.mark.parametrize("log", [(-0.7,) * 3, (0.8,) * 3, (0.15, -0.15, 0.1), (-0.1, 0.0, 0.4)])
def test_hair_highlights_and_tinted_light_at_the_temples_are_doubted(log: tuple[float, float, float]) -> None:
    assert TEMPLE.sum() > 100
    mismatch = _mismatch(TEMPLE, log)
    assert mismatch[TEMPLE].min() > 0.85
    assert mismatch[SKIN.core > 0.5].max() < 0.05


def test_ordinary_shading_and_tints_are_skin() -> None:
    for log in ((-0.2,) * 3, (0.3,) * 3, (0.08, 0.0, -0.08)):
        assert _mismatch(TEMPLE, log).max() < 0.1


def test_marks_on_cheeks_and_nose_are_the_persons() -> None:
    core = SKIN.core > 0.5
    assert _mismatch(core, (-0.8,) * 3)[core].max() < 1e-3


def test_doubt_spreads_to_what_is_next_to_hair() -> None:
    mismatch = _mismatch(TEMPLE, (-1.0,) * 3)
    near = ~TEMPLE & (SKIN.selectivity > 0.6)
    away = np.linalg.norm(POINTS[near][:, None] - POINTS[TEMPLE][None], axis=2).min(axis=1)
    assert (away < 5).sum() > 30 and mismatch[near][away < 5].mean() > 0.4
    assert mismatch[near][away > 30].max() < 0.1


def test_features_and_beards_have_colours_of_their_own() -> None:
    features = SKIN.selectivity < 0.02
    assert features.sum() > 1000 and _mismatch(features, (-1.0,) * 3)[features].max() < 0.1
    chin = (SKIN.beard > 0.95) & (SKIN.selectivity > 0.5) & (SKIN.core < 0.5)
    assert chin.sum() > 30
    shaven, bearded = (_mismatch(chin, (-0.8,) * 3, np.array([b, 0], np.float32)) for b in (0, 1))
    assert shaven[chin].min() > 0.5 and bearded[chin].max() < 0.1
    # But no beard is violet.
    assert _mismatch(chin, (-0.2, -0.9, 0.1), np.array([1, 0], np.float32))[chin].min() > 0.5


def test_a_view_in_hard_light_is_less_reliable() -> None:
    rng = np.random.default_rng(4)
    off = np.repeat(rng.normal(0, [[0.02], [0.12], [0.4]], (3, S))[..., None], 3, axis=2).astype(np.float32)
    found = reliability_of(off, np.ones((3, S), np.float32), SKIN)
    assert 0.95 < found[0] <= 1
    np.testing.assert_allclose(found[1], 0.5, atol=0.05)
    assert found[2] < 0.15
    # What a view does not show does not count, nor do single hairs in full.
    off[0, :30] = -5
    assert reliability_of(off, np.ones((3, S), np.float32), SKIN)[0] > 0.6
    assert reliability_of(off, np.zeros((3, S), np.float32), SKIN).min() > 0.99
