"""Multi-band blending: no step where one view ends and another begins, and no detail lost or shown twice."""

from __future__ import annotations

import numpy as np

from headshot.models.head_model import load_head_model
from headshot.texture.bands import SCALES, blend_bands, smoothed
from headshot.texture.surface import surface_of

MODEL = load_head_model("high")
SKIN = surface_of(MODEL)
S = len(SKIN.vertices)
POINTS = MODEL.mean[SKIN.vertices]
ROW = np.repeat(np.arange(S), np.diff(SKIN.start))
LEFT = POINTS[:, 0] > 0
FACE = (POINTS[:, 2] > 0) & (np.abs(POINTS[:, 0]) < 60) & (np.abs(POINTS[:, 1]) < 60)


def _blended(views: list[np.ndarray]) -> np.ndarray:
    """The left half from the first view, the other from the second."""
    half = np.stack([LEFT, ~LEFT], axis=1).astype(np.float32)
    masks = []
    for scale in (*SCALES, SCALES[-1]):
        mask = np.maximum(smoothed(SKIN, half, scale), 0)
        masks.append((mask / mask.sum(axis=1, keepdims=True)).T)
    return blend_bands(SKIN, np.array(views, np.float32), np.ones((2, S), np.float32), masks)


def _steps(colours: np.ndarray) -> np.ndarray:
    """Differences along the edges of the mesh in the middle of the face that cross the border."""
    across = (LEFT[ROW] != LEFT[SKIN.neighbour]) & FACE[ROW]
    return np.abs(colours[ROW[across]] - colours[SKIN.neighbour[across]])


def test_views_of_different_brightness_leave_no_step() -> None:
    one, two = np.full((S, 3), 0.7), np.full((S, 3), 0.5)
    assert _steps(np.where(LEFT[:, None], one, two)).mean() > 0.19
    blended = _blended([one, two])
    assert _steps(blended).max() < 0.04
    far = FACE & (np.abs(POINTS[:, 0]) > 50)
    assert blended[far & LEFT].mean() > 0.65 and blended[far & ~LEFT].mean() < 0.55


def test_details_come_from_one_view_and_keep_their_contrast() -> None:
    """Averaging two views with different detail would keep 0.7 of its contrast."""
    rng = np.random.default_rng(1)
    one, two = (0.6 + rng.normal(0, 0.05, (S, 1)) * np.ones(3) for _ in range(2))
    blended = _blended([one, two])
    fine = blended - smoothed(SKIN, blended, SCALES[0])
    for side, view in ((LEFT, one), (~LEFT, two)):
        here = FACE & side & (np.abs(POINTS[:, 0]) > 10)
        own = view - smoothed(SKIN, view.astype(np.float32), SCALES[0])
        assert np.corrcoef(fine[here, 0], own[here, 0])[0, 1] > 0.97
        assert fine[here].std() > 0.9 * own[here].std()


def test_the_blend_of_one_view_with_itself_is_that_view() -> None:
    view = 0.5 + 0.2 * np.sin(POINTS / 7)
    np.testing.assert_allclose(_blended([view, view]), view, atol=1e-4)


def test_smoothing_continues_where_nothing_is_seen() -> None:
    view = np.full((S, 3), (0.8, 0.6, 0.5), np.float32)
    view[LEFT] = 0  # not seen
    out = smoothed(SKIN, view, 25.0, (~LEFT).astype(np.float32))
    np.testing.assert_allclose(out, np.broadcast_to(np.float32([0.8, 0.6, 0.5]), out.shape), atol=1e-3)
    values = np.random.default_rng(0).uniform(size=(S, 5)).astype(np.float32)
    assert smoothed(SKIN, values, 8.0).shape == (S, 5)
    assert (smoothed(SKIN, values, 8.0).std(axis=0) < 0.3 * values.std(axis=0)).all()
