from __future__ import annotations

import numpy as np
import pytest

from headshot.models.bones import NAMES, Bones, ball_centre, bone_weights, bones_of, hinge_of
from headshot.models.head_model import HeadModel, load_head_model
from headshot.models.neck import neck_rim


@pytest.fixture(scope="module", params=["low", "high"])
def model(request: pytest.FixtureRequest) -> HeadModel:
    return load_head_model(request.param)


def _turned(points: np.ndarray, axis: int, degrees: float, centre: np.ndarray) -> np.ndarray:
    a, b = [(1, 2), (2, 0), (0, 1)][axis]
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    out = points - centre
    out[:, a], out[:, b] = cos * out[:, a] - sin * out[:, b], sin * out[:, a] + cos * out[:, b]
    return out + centre


def test_turning_the_jaw_looks_like_jaw_open(model: HeadModel) -> None:
    offsets = model.expression[model.expression_names.index("jawOpen")].astype(np.float64)
    bones = bones_of(model, model.mean, offsets.astype(np.float32), 1.0)
    teeth = np.unique(model.part_triangles("teeth_lower"))
    angle, hinge = hinge_of(model.mean[teeth], offsets[teeth])
    place = bones.places[NAMES.index("jaw")]
    np.testing.assert_allclose(place[1:], hinge, atol=1e-3)
    weight = bones.weights[:, NAMES.index("jaw"), None]
    moved = weight * (_turned(model.mean, 0, np.degrees(angle), place) - model.mean)
    apart = np.linalg.norm(moved - offsets, axis=1)
    assert np.degrees(angle) > 15 and apart[teeth].max() < 0.1
    skin = np.unique(model.part_triangles("skin"))
    moving = skin[np.linalg.norm(offsets[skin], axis=1) > 1]
    assert apart[moving].mean() < 0.3 * np.linalg.norm(offsets[moving], axis=1).mean()
    # From the chin, 35 mm, to the upper teeth, which stay.
    chin = skin[np.linalg.norm(offsets[skin], axis=1).argmax()]
    assert weight[chin] > 0.85 and not weight[np.unique(model.part_triangles("teeth_upper"))].any()


def test_weights_are_smooth_and_whole(model: HeadModel) -> None:
    weights = bone_weights(model)
    np.testing.assert_allclose(weights.sum(axis=1), 1, atol=1e-6)
    assert weights.min() >= 0
    skin = model.part_triangles("skin")
    # Of the neck over a few centimetres: no edge bears more of its change than its length.
    a, b = skin[:, 0], skin[:, 1]
    change = np.abs(weights[a, 0] - weights[b, 0])
    assert (change < 0.06 * np.linalg.norm(model.mean[a] - model.mean[b], axis=1) + 1e-3).all()
    assert (weights[neck_rim(model), NAMES.index("neck")] > 0.9).all()
    still = (model.regions["scalp"] > 0.9) | (model.regions["nose"] > 0.9)
    assert (weights[still, NAMES.index("head")] > 0.8).all()
    np.testing.assert_allclose(weights, weights[model.mirror][:, [0, 1, 2, 4, 3]], atol=0.02)


def test_eyes_turn_about_the_centres_of_their_balls(model: HeadModel) -> None:
    jaw_open = model.expression[model.expression_names.index("jawOpen")]
    rng = np.random.default_rng(4)
    person = model.neutral(rng.normal(size=len(model.identity)))
    bones = bones_of(model, person, jaw_open, 1.0)
    for side in ("left", "right"):
        ball = np.unique(model.part_triangles(f"eye_{side}"))
        centre = bones.places[NAMES.index(f"{side}Eye")]
        back = person[ball][person[ball][:, 2] < np.median(person[ball][:, 2])]
        radius = np.linalg.norm(back - centre, axis=1)
        assert radius.std() < 0.05 * radius.mean()
        assert (bones.weights[ball, NAMES.index(f"{side}Eye")] == 1).all()


def test_the_centre_of_a_ball_is_exact_and_heeds_no_cornea() -> None:
    rng = np.random.default_rng(1)
    points = rng.normal(size=(300, 3))
    points *= 12 / np.linalg.norm(points, axis=1, keepdims=True)
    points[points[:, 2] > 10] *= 1.1
    np.testing.assert_allclose(ball_centre((points + [30, 2, -5]).astype(np.float32)), [30, 2, -5], atol=1e-4)


def test_bones_must_fit_together() -> None:
    places = np.zeros((2, 3), np.float32)
    with pytest.raises(ValueError, match="sum to 1"):
        Bones(("a", "b"), (-1, 0), places, np.zeros((5, 2), np.float32))
    with pytest.raises(ValueError, match="do not fit"):
        Bones(("a", "b"), (-1, 1), places, np.ones((5, 2), np.float32) / 2)
    with pytest.raises(ValueError, match="has no hinge"):
        hinge_of(
            np.random.default_rng(0).normal(size=(9, 3)).astype(np.float32), np.zeros((9, 3), np.float32)
        )
