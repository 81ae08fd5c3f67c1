"""F1 and IoU of hand-made label maps."""

from __future__ import annotations

import numpy as np
import pytest

from headshot.metrics.segmentation import confusion, evaluate_maps, scores

TRUTH = np.array([[0, 0, 1, 1], [0, 0, 1, 1]])


def test_a_perfect_map() -> None:
    result = evaluate_maps([(TRUTH, TRUTH)], classes=3)
    assert result.iou[:2].tolist() == [1, 1] and np.isnan(result.iou[2])
    assert result.mean_f1 == result.mean_iou == 1


def test_counted_by_hand() -> None:
    """Class 1 shifted by one column: 2 hits, 2 missed, 0 invented of class 1."""
    predicted = np.array([[0, 0, 0, 1], [0, 0, 0, 1]])
    result = evaluate_maps([(predicted, TRUTH)], classes=2)
    assert result.iou == pytest.approx([4 / 6, 2 / 4])
    assert result.f1 == pytest.approx([8 / 10, 4 / 6])
    assert result.mean_iou == pytest.approx(7 / 12)
    assert result.f1 == pytest.approx(2 * result.iou / (1 + result.iou))


def test_pictures_are_pooled_not_averaged() -> None:
    small, large = np.ones((1, 1), int), np.ones((10, 10), int)
    result = evaluate_maps([(small * 0, small), (large, large)], classes=2)
    assert result.iou[1] == pytest.approx(100 / 101)


def test_an_invented_class_costs_but_does_not_count_for_the_mean() -> None:
    result = evaluate_maps([(np.array([0, 2]), np.array([0, 0]))], classes=3)
    assert result.present.tolist() == [True, False, False]
    assert result.mean_iou == 0.5 and result.iou[2] == 0


def test_ignored_pixels() -> None:
    counts = confusion([0, 1, 1], [0, 1, 255], 2, ignore=255)
    assert counts.tolist() == [[1, 0], [0, 1]]
    assert scores(counts).mean_f1 == 1


def test_labels_and_shapes_are_checked() -> None:
    with pytest.raises(ValueError, match="0 to 1"):
        confusion([0, 2], [0, 1], 2)
    with pytest.raises(ValueError, match="same shape"):
        confusion([0], [0, 1], 2)
