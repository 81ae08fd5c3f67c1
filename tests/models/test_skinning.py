"""Skinned models: joints turn what hangs on them, and derivatives are those of finite differences."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from headshot.errors import ModelFormatError
from headshot.geometry.camera import rotation_from_vector
from headshot.models.skinning import Skeleton, Skin, SkinnedPoints, derivatives, posed, rotation_derivative

PARENTS = (-1, 0, 1, 1)


def made(seed: int, correctives: bool = True) -> tuple[Skin, Skeleton]:
    """Twelve vertices on four joints, in double precision."""
    rng = np.random.default_rng(seed)
    n, i, c, j = 12, 5, 3, len(PARENTS)
    weight = rng.uniform(0, 1, (n, j))
    skin = Skin(
        rng.normal(0, 40, (n, 3)),
        rng.normal(0, 2, (i, n, 3)),
        rng.normal(0, 2, (c, n, 3)),
        weight / weight.sum(axis=1, keepdims=True),
        rng.normal(0, 1, (9 * j, n, 3)) if correctives else None,
    )
    places = rng.normal(0, 30, (j, 3)), rng.normal(0, 1, (i, j, 3)), rng.normal(0, 1, (c, j, 3))
    return skin, Skeleton(("root", "neck", "jaw", "eye"), PARENTS, *places)


@pytest.mark.parametrize("turn", [[0, 0, 0], [1e-9, 0, 0], [0.3, -0.2, 0.5], [2.0, 1.0, -1.0]])
def test_derivative_of_a_rotation(turn: list[float]) -> None:
    for axis in range(3):
        step = 1e-6 * np.eye(3)[axis]
        numeric = (rotation_from_vector(turn + step) - rotation_from_vector(turn - step)) / 2e-6
        np.testing.assert_allclose(rotation_derivative(turn, axis), numeric, atol=1e-8)


@pytest.mark.parametrize("correctives", [False, True])
def test_derivatives_are_those_of_finite_differences(correctives: bool) -> None:
    skin, skeleton = made(3, correctives)
    rng = np.random.default_rng(1)
    a, b, turns = rng.normal(size=5), rng.normal(size=3), rng.normal(0, 0.4, (4, 3))
    free = (1, 2)
    found = derivatives(skin, skeleton, a, b, turns, free)
    numeric = []
    for values, indices in ((a, range(5)), (b, range(3)), (turns, [(j, k) for j in free for k in range(3)])):
        for index in indices:
            moved = []
            for step in (1e-5, -1e-5):
                before = values[index]
                values[index] = before + step
                moved.append(posed(skin, skeleton, a, b, turns))
                values[index] = before
            numeric.append((moved[0] - moved[1]) / 2e-5)
    np.testing.assert_allclose(found, numeric, atol=1e-6)


def test_a_joint_turns_what_hangs_on_it_about_its_place() -> None:
    skin, skeleton = made(5, correctives=False)
    on_jaw = np.zeros_like(skin.weight)
    on_jaw[:, 2] = 1
    on_eye = np.zeros_like(skin.weight)
    on_eye[:, 3] = 1
    a, b = np.zeros(5), np.zeros(3)
    turns = np.zeros((4, 3))
    turns[2] = [0.3, 0.1, 0]
    about = rotation_from_vector(turns[2])
    expected = (skin.mean - skeleton.mean[2]) @ about.T + skeleton.mean[2]
    np.testing.assert_allclose(posed(replace(skin, weight=on_jaw), skeleton, a, b, turns), expected)
    np.testing.assert_allclose(posed(replace(skin, weight=on_eye), skeleton, a, b, turns), skin.mean)
    turns[:] = 0
    turns[1] = [0, 0.5, 0]  # the neck takes jaw and eye with it
    about = rotation_from_vector(turns[1])
    expected = (skin.mean - skeleton.mean[1]) @ about.T + skeleton.mean[1]
    np.testing.assert_allclose(posed(replace(skin, weight=on_eye), skeleton, a, b, turns), expected)


def test_correctives_are_added_before_joints_turn() -> None:
    skin, skeleton = made(7)
    turns = np.zeros((4, 3))
    turns[1] = [0.2, 0, 0.1]
    features = np.zeros((4, 3, 3))
    features[1] = rotation_from_vector(turns[1]) - np.eye(3)
    assert skin.corrective is not None
    corrected = skin.mean + np.tensordot(features.ravel(), skin.corrective, 1)
    without = replace(skin, mean=corrected, corrective=None)
    expected = posed(without, skeleton, np.zeros(5), np.zeros(3), turns)
    np.testing.assert_allclose(posed(skin, skeleton, np.zeros(5), np.zeros(3), turns), expected)


def test_points_are_means_of_corners_and_can_be_restricted() -> None:
    skin, skeleton = made(9)
    rng = np.random.default_rng(2)
    corners = rng.integers(0, 12, (7, 3))
    weights = rng.dirichlet([1, 1, 1], 7).astype(np.float32)
    points = SkinnedPoints(skin, skeleton, (2,), corners, weights)
    a, e = rng.normal(size=5).astype(np.float32), rng.normal(0, 0.3, 6).astype(np.float32)
    turns = np.zeros((4, 3))
    turns[2] = e[3:]
    vertices = posed(skin, skeleton, a, e[:3], turns)
    expected = (vertices[corners] * weights[:, :, None]).sum(axis=1)
    np.testing.assert_allclose(points.positions(a, e), expected, atol=1e-4)
    shape, slopes = points.linearised(a, e)
    np.testing.assert_allclose(shape, expected, atol=1e-4)
    assert points.identity.shape == (5, 7, 3) and points.expression.shape == (6, 7, 3)
    few = points.restricted(np.array([5, 1]))
    np.testing.assert_allclose(few.positions(a, e), expected[[5, 1]], atol=1e-4)
    np.testing.assert_allclose(few.linearised(a, e)[1], slopes[:, [5, 1]], atol=1e-4)
    assert len(few.skin.mean) <= 6
    with pytest.raises(ValueError, match="expression must have shape"):
        points.positions(a, e[:5])


def test_joints_come_after_their_parents() -> None:
    _, skeleton = made(1)
    with pytest.raises(ModelFormatError, match="after their parents"):
        replace(skeleton, parents=(1, -1, 0, 0))
