"""Expressions on a few heads: lids and lips that shut, round eyeballs, parts that stay inside."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

import numpy as np
import pytest

from headshot.metrics.animation import (
    eye_centre,
    eye_radii,
    eye_shown,
    eye_through_lids,
    mouth_shown,
    shown,
)
from headshot.models.head_model import HeadModel, load_head_model

RNG = np.random.default_rng(5)
HEADS = np.clip(RNG.normal(size=(3, 100)), -2.5, 2.5)
GAZES = ("eyeLookIn", "eyeLookOut", "eyeLookUp", "eyeLookDown")
OPPOSITES = {("eyeLookIn", "eyeLookOut"), ("eyeLookUp", "eyeLookDown")}
SHUT = (
    "cheekPuff", "cheekSquint", "jawForward", "mouthDimple", "mouthFrown", "mouthPress", "mouthPucker",
    "mouthRollLower", "mouthShrugLower", "mouthShrugUpper", "mouthSmile", "mouthStretch",
)  # fmt: skip


@pytest.fixture(scope="module")
def model() -> HeadModel:
    return load_head_model("high")


def posed(model: HeadModel, identity: np.ndarray, **chosen: float) -> np.ndarray:
    """A head with expressions; a name without its side means both."""
    weights = [
        chosen.get(name, chosen.get(name.removesuffix("Left").removesuffix("Right"), 0.0))
        for name in model.expression_names
    ]
    return model.shape(identity, np.array(weights))


def test_eyeballs_have_the_size_of_peoples_whatever_the_head(model: HeadModel) -> None:
    for identity in HEADS:
        neutral = model.neutral(identity)
        for side in ("left", "right"):
            radii = eye_radii(model, neutral, neutral, side)
            assert abs(np.median(radii) - 12) < 0.05
            assert 0.4 < radii.max() - 12 < 1.2  # the cornea


def test_eyeballs_stay_round_when_gazes_are_added(model: HeadModel) -> None:
    """Morph targets are sums: of two rotations the sum was 2 mm off the ball, here and there."""
    neutral = model.neutral(HEADS[0])
    rest = eye_radii(model, neutral, neutral, "left")
    for one, two in combinations(GAZES, 2):
        off = eye_radii(model, posed(model, HEADS[0], **{one: 1, two: 1}), neutral, "left") - rest
        assert np.abs(off).max() < (3.0 if (one, two) in OPPOSITES else 0.9), (one, two)
    for one in GAZES:
        for share in (0.5, 1):
            off = eye_radii(model, posed(model, HEADS[0], **{one: share}), neutral, "left") - rest
            assert np.abs(off).max() < 0.5, (one, share)


def test_eyes_look_where_they_are_told(model: HeadModel) -> None:
    neutral = model.neutral(HEADS[1])
    eye = np.unique(model.part_triangles("eye_left"))
    pupil = eye[eye_radii(model, neutral, neutral, "left").argmax()]
    for name, axis, least in (
        ("eyeLookOut", 0, 25), ("eyeLookIn", 0, -25), ("eyeLookUp", 1, 18), ("eyeLookDown", 1, -23),
    ):  # fmt: skip
        vertices = posed(model, HEADS[1], **{name: 1})
        before, after = (v[pupil] - eye_centre(model, neutral, "left") for v in (neutral, vertices))
        turned = np.degrees(np.arctan2(after[axis], after[2]) - np.arctan2(before[axis], before[2]))
        assert np.sign(turned) == np.sign(least) and abs(least) < abs(turned) < abs(least) + 12, name


@pytest.mark.parametrize("with_it", ["browOuterUp", "cheekSquint", "eyeSquint", "eyeWide", *GAZES])
def test_a_blink_shuts_the_eye_whatever_else_it_does(model: HeadModel, with_it: str) -> None:
    for identity in HEADS:
        neutral = model.neutral(identity)
        vertices = posed(model, identity, eyeBlink=1, **{with_it: 1})
        for side in ("left", "right"):
            assert eye_shown(model, vertices, neutral, side) < 0.5
        assert eye_shown(model, posed(model, identity, **{with_it: 1}), neutral, "left", (0,)) > 30


def test_eyeballs_stay_behind_the_lids(model: HeadModel) -> None:
    low = load_head_model("low")
    for identity in HEADS:
        neutral = model.neutral(identity)
        for name in ("browOuterUp", "cheekSquint", "eyeSquint", "eyeWide", *GAZES):
            assert eye_through_lids(model, posed(model, identity, **{name: 1}), neutral, "left") < 0.2, name
        for share in (0.25, 0.5, 0.75, 1):
            assert eye_through_lids(model, posed(model, identity, eyeBlink=share), neutral, "left") < 0.4
    names = [n for n in model.expression_names if not n.startswith("eyeBlink")]
    rng = np.random.default_rng(3)
    for k in range(200):
        identity = HEADS[k % len(HEADS)]
        mixture = dict(zip(rng.choice(names, 6, replace=False).tolist(), rng.uniform(0.2, 1, 6), strict=True))
        vertices = posed(low, identity, **mixture)
        assert eye_through_lids(low, vertices, low.neutral(identity), "left") < 0.2, mixture


def test_lips_stay_shut_where_nothing_opens_them(model: HeadModel) -> None:
    for one in SHUT:
        assert mouth_shown(model, posed(model, HEADS[0], **{one: 1})) < 4, one
    for one, two in combinations(SHUT, 2):
        vertices = posed(model, HEADS[1], **{one: 1, two: 1})
        assert mouth_shown(model, vertices, yaws=(0,)) < 15, (one, two)
    for share in (0.4, 1):
        for identity in HEADS:
            assert mouth_shown(model, posed(model, identity, jawOpen=share, mouthClose=share), (0,)) < 1


def test_closing_the_mouth_leaves_the_chin_where_it_is(model: HeadModel) -> None:
    """`mouthClose` alone means nothing, but must not fold the chin over the nose."""
    chin = model.at(model.landmarks["ibug68"]).expression[model.expression_names.index("mouthClose"), 8]
    assert np.abs(chin).max() < 1
    moved = model.expression[model.expression_names.index("mouthClose")][:, 1]
    assert moved.max() < 27  # the lower lip, up to the nose


def test_the_tongue_comes_out_of_a_closed_jaw(model: HeadModel) -> None:
    out = model.expression[model.expression_names.index("tongueOut")]
    assert not out[np.unique(model.part_triangles("teeth_lower"))].any()
    chin = model.at(model.landmarks["ibug68"]).expression[model.expression_names.index("tongueOut"), 8]
    assert np.abs(chin).max() < 4
    for identity in HEADS:
        vertices = posed(model, identity, tongueOut=1)
        lips = model.landmarks["ibug68"].on(vertices, model.triangles)[60:].mean(axis=0).astype(float)
        assert shown(model, vertices, lips, 0)["tongue"] > 60


def test_an_open_jaw_shows_teeth_and_tongue(model: HeadModel) -> None:
    for identity in HEADS:
        vertices = posed(model, identity, jawOpen=0.8)
        lips = model.landmarks["ibug68"].on(vertices, model.triangles)[60:].mean(axis=0).astype(float)
        seen = shown(model, vertices, lips, 0)
        assert seen["teeth_upper"] > 25 and seen["tongue"] > 100


@pytest.mark.parametrize("resolution", ["low", "high"])
@pytest.mark.parametrize("part", ["teeth_upper", "teeth_lower"])
def test_a_row_of_teeth_is_one_sheet_from_gum_to_gum(resolution: str, part: str) -> None:
    """Loose polygons of teeth were seen in an open mouth."""
    model = load_head_model(resolution)
    triangles = model.part_triangles(part)
    edges = Counter(map(tuple, np.sort(triangles[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1).tolist()))
    vertices = len(np.unique(triangles))
    assert max(edges.values()) == 2 and vertices - len(edges) + len(triangles) == 1  # a disc
    gums = model.regions["gums"][np.unique(triangles)]
    assert (gums > 0.9).mean() > 0.2 and (gums < 0.1).mean() > 0.2
