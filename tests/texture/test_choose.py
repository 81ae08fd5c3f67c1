"""Each part of the skin comes from one view, and features are not divided."""

from __future__ import annotations

import numpy as np

from headshot.models.head_model import load_head_model
from headshot.texture.choose import choose_views, undivided
from headshot.texture.surface import surface_of

MODEL = load_head_model("high")
SKIN = surface_of(MODEL)
S = len(SKIN.vertices)
POINTS = MODEL.mean[SKIN.vertices]
SEEN = np.ones((2, S), np.float32)


def test_every_vertex_has_one_view_and_features_have_the_same() -> None:
    rng = np.random.default_rng(2)
    scores = rng.uniform(0.2, 1, (3, S)).astype(np.float32)
    chosen = choose_views(scores, np.ones((3, S), np.float32), MODEL, 0)
    assert (chosen.sum(axis=0) == 1).all() and set(np.unique(chosen)) == {0, 1}
    for region in undivided(MODEL):
        inside = region > 0.99
        assert inside.sum() > 100
        assert len(np.unique(chosen[:, inside].argmax(axis=0))) == 1


def test_each_side_comes_from_the_view_that_shows_it_better() -> None:
    left = 1 / (1 + np.exp(-POINTS[:, 0] / 10))
    chosen = choose_views(np.stack([left, 1 - left]).astype(np.float32), SEEN, MODEL, 0)
    assert chosen[0, POINTS[:, 0] > 55].all() and chosen[1, POINTS[:, 0] < -55].all()


def test_the_favoured_view_wins_where_others_are_hardly_better() -> None:
    scores = np.stack([np.full(S, 0.50), np.full(S, 0.55)]).astype(np.float32)
    assert choose_views(scores, SEEN, MODEL, 0)[0].all()
    assert choose_views(scores, SEEN, MODEL, 1)[1].all()


def test_half_a_feature_that_the_best_view_hides_comes_from_another() -> None:
    """Two profiles, neither of which shows the whole mouth."""
    seen = np.stack([POINTS[:, 0] > -3, POINTS[:, 0] < 3]).astype(np.float32)
    chosen = choose_views(seen * 0.8, seen, MODEL, 0)
    mouth = undivided(MODEL)[2] > 0.99
    assert chosen[0, mouth & (POINTS[:, 0] > 8)].all() and chosen[1, mouth & (POINTS[:, 0] < -8)].all()
