"""Fine detail has the contrast of skin: noise is scaled down, strands at the hairline too, brows are not."""

import numpy as np
import pytest

from headshot import load_head_model
from headshot.texture.fine import shares_of_detail
from headshot.texture.surface import surface_of

MODEL = load_head_model("low")
SKIN = surface_of(MODEL)
COUNT = len(SKIN.vertices)


def _shares(spread: np.ndarray, unsure: np.ndarray, drawn: np.ndarray, tint: float = 0.0) -> np.ndarray:
    """Factors at the vertices, each with eight texels at it, whose brightness varies by ``spread`` (S,)."""
    rng = np.random.default_rng(3)
    corners = np.repeat(np.arange(COUNT, dtype=np.int32), 8)
    ratio = np.repeat(1 + spread[corners] * rng.normal(size=len(corners)), 3).reshape(-1, 3)
    ratio = (ratio * (1 + tint * rng.normal(size=ratio.shape))).astype(np.float32)
    plain = (unsure[corners] < 0.1) & (drawn[corners] < 0.1)
    shares = np.zeros((len(corners), 3), np.float32)
    shares[:, 0] = 1
    corners = np.stack([corners] * 3, axis=1)
    return shares_of_detail(SKIN, corners, shares, ratio, plain, drawn, unsure)


def test_skin_of_usual_contrast_stays_and_noise_does_not():
    none, spread = np.zeros(COUNT, np.float32), np.full(COUNT, 0.03)
    assert (_shares(spread, none, none, 0.005) == 1).all()
    bright, tint = _shares(6 * spread, none, none, 0.005).T
    assert bright == pytest.approx(np.full(COUNT, 0.045 / 0.18), rel=0.05) and (tint == 1).all()
    bright, tint = _shares(spread, none, none, 0.08).T
    assert tint.max() < 0.25


def test_beards_and_brows_keep_what_they_have():
    none, half = np.zeros(COUNT, np.float32), (np.arange(COUNT) % 2).astype(np.float32)
    bright = _shares(np.full(COUNT, 0.2), none, half)[:, 0]
    assert (bright[half == 1] == 1).all() and bright[half == 0].max() < 0.3


def test_towards_the_hairline_nothing_stands_out_more_than_in_the_middle_of_the_face():
    none, unsure = np.zeros(COUNT, np.float32), np.where(SKIN.selectivity > 0.9, 1, 0).astype(np.float32)
    assert 0.2 < unsure.mean() < 0.9
    inner, outer = 0.02, 0.2
    bright = _shares(np.where(unsure == 1, outer, inner), unsure, none)[:, 0]
    deep = SKIN.flank > 0.9  # away from where both meet
    assert (bright[unsure == 0] == 1).all()
    after = bright[deep & (unsure == 1)] * outer
    assert np.median(after) == pytest.approx(inner, rel=0.1) and after.max() < 2 * inner
