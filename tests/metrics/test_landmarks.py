"""Landmark and pose errors: closed-form cases."""

from __future__ import annotations

import numpy as np
import pytest

from headshot.geometry.camera import rotation_from_angles
from headshot.metrics.landmarks import box_root, failure_rate, interocular, nme, pose_errors


def test_a_known_displacement_gives_that_error() -> None:
    truth = np.random.default_rng(0).uniform(0, 100, (68, 2))
    truth[36], truth[45] = (20, 50), (70, 50)
    assert interocular(truth) == pytest.approx(50)
    assert nme(truth + [3, 4], truth, interocular(truth)) == pytest.approx(10)
    assert nme(truth, truth, interocular(truth)) == 0
    half = truth + np.where(np.arange(68) < 34, 5, 0)[:, None] * [1, 0]
    assert nme(half, truth, 50) == pytest.approx(5)


def test_unknown_points_do_not_count() -> None:
    truth = np.array([[0, 0], [40, 10], [np.nan, np.nan]])
    assert box_root(truth) == pytest.approx(20)
    assert nme([[0, 2], [40, 12], [999, 999]], truth, box_root(truth)) == pytest.approx(10)
    assert np.isnan(nme(truth, np.full((3, 2), np.nan), 20))
    with pytest.raises(ValueError, match="same shape"):
        nme(truth[:2], truth, 20)


def test_no_result_is_a_failure() -> None:
    assert failure_rate([1, 9, np.nan, 8], 8) == 50
    with pytest.raises(ValueError, match="nothing was measured"):
        failure_rate([], 8)


def test_pose_errors() -> None:
    truth = rotation_from_angles(20, -5, 3)
    assert max(pose_errors(truth, truth).values()) == pytest.approx(0, abs=1e-5)
    turned = pose_errors(rotation_from_angles(32, -5, 3), truth)
    assert turned["yaw"] == pytest.approx(12)
    assert turned["rotation"] == pytest.approx(12)
    opposite = pose_errors(rotation_from_angles(-179, 0, 0), rotation_from_angles(179, 0, 0))
    assert opposite["yaw"] == pytest.approx(2)
