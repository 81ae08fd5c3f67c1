"""The 68 points: groups are disjoint and complete, and the mirror table agrees with the head model."""

from __future__ import annotations

import numpy as np

from headshot.models.head_model import load_head_model
from headshot.models.topologies import ibug68

EYES = (ibug68.EYE_LEFT_IN_IMAGE, ibug68.EYE_RIGHT_IN_IMAGE)


def test_groups_cover_all_points_once() -> None:
    groups = (
        ibug68.JAW,
        ibug68.BROW_LEFT_IN_IMAGE,
        ibug68.BROW_RIGHT_IN_IMAGE,
        ibug68.NOSE_BRIDGE,
        ibug68.NOSE_BASE,
        ibug68.EYE_LEFT_IN_IMAGE,
        ibug68.EYE_RIGHT_IN_IMAGE,
        ibug68.LIPS_OUTER,
        ibug68.LIPS_INNER,
    )
    assert [i for group in groups for i in ibug68.numbers(group)] == list(range(ibug68.POINTS))
    assert [*ibug68.numbers(ibug68.JAW), *ibug68.numbers(ibug68.INNER)] == list(range(ibug68.POINTS))
    halves = [ibug68.numbers(half) for half in (ibug68.JAW_LEFT_IN_IMAGE, ibug68.JAW_RIGHT_IN_IMAGE)]
    assert [half[-1] for half in halves] == [ibug68.CHIN] * 2
    assert sorted({i for half in halves for i in half}) == list(range(ibug68.JAW_POINTS))


def test_the_mirror_table_maps_each_group_to_its_counterpart() -> None:
    np.testing.assert_array_equal(ibug68.MIRROR[ibug68.MIRROR], np.arange(68))
    for group, other in (
        (ibug68.BROW_LEFT_IN_IMAGE, ibug68.BROW_RIGHT_IN_IMAGE),
        (ibug68.EYE_LEFT_IN_IMAGE, ibug68.EYE_RIGHT_IN_IMAGE),
        (ibug68.LIPS_OUTER, ibug68.LIPS_OUTER),
    ):
        assert sorted(ibug68.MIRROR[group]) == list(ibug68.numbers(other))
    assert tuple(ibug68.MIRROR[list(ibug68.EYE_CORNERS)]) == ibug68.EYE_CORNERS[::-1]


def test_names_are_those_of_the_head_model() -> None:
    model = load_head_model("low")
    points = model.landmarks["ibug68"].on(model.mean, model.triangles)
    # Mirrored, the mean head is itself: x to the subject's left.
    np.testing.assert_allclose(points[ibug68.MIRROR] * [-1, 1, 1], points, atol=0.5)
    assert points[:, 1].argmin() == ibug68.CHIN
    assert points[:, 2].argmax() == ibug68.NOSE_TIP
    left, right = (points[eye, 0].mean() for eye in EYES)
    assert left < 0 < right


def test_five_points_are_eyes_nose_and_mouth() -> None:
    points = np.random.default_rng(0).normal(size=(68, 3))
    five = ibug68.five_points(points)
    np.testing.assert_allclose(five[0], points[36:42].mean(axis=0))
    np.testing.assert_allclose(five[1:], [points[42:48].mean(axis=0), *points[[30, 48, 54]]])
