"""Mirroring of a head's description: each table twice is nothing, and the head model agrees with it."""

from __future__ import annotations

import numpy as np

from headshot.models.arkit import ARKIT52, MIRROR
from headshot.models.head_model import load_head_model
from headshot.perception.landmarks.mirror import head_mirror


def test_mirroring_twice_changes_nothing() -> None:
    mirror = head_mirror()
    np.testing.assert_array_equal(mirror.points[mirror.points], np.arange(546))
    np.testing.assert_array_equal(mirror.expression[mirror.expression], np.arange(52))
    np.testing.assert_array_equal(np.abs(mirror.identity), 1)
    np.testing.assert_array_equal(np.abs(mirror.light), 1)


def test_expressions_change_sides() -> None:
    assert ARKIT52[MIRROR[ARKIT52.index("jawLeft")]] == "jawRight"
    assert ARKIT52[MIRROR[ARKIT52.index("eyeLookInRight")]] == "eyeLookInLeft"
    assert ARKIT52[MIRROR[ARKIT52.index("jawOpen")]] == "jawOpen"


def test_mirrored_coefficients_give_the_mirrored_head() -> None:
    model, mirror = load_head_model("low"), head_mirror()
    random = np.random.default_rng(0)
    identity, expression = random.normal(size=len(mirror.identity)), random.uniform(0, 0.4, 52)
    head = model.shape(identity, expression)[model.mirror] * np.array([-1, 1, 1])
    mirrored = model.shape(identity * mirror.identity, expression[mirror.expression])
    assert np.linalg.norm(head - mirrored, axis=1).mean() < 0.05
