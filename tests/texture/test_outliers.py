"""Outliers among outliers fade, outliers alone stay."""

from __future__ import annotations

import numpy as np

from headshot.texture.outliers import filter_outliers

T, BLOCK = 256, 2


def _filtered(outlier: np.ndarray) -> np.ndarray:
    """Weights (T, T) after filtering, where some texels (T, T) do not look like skin."""
    likelihood = np.where(outlier, 0.0, 1.0).astype(np.float32)
    weight = np.ones((T, T), np.float32)
    cells = np.empty((T // BLOCK, T // BLOCK, 2), np.float32)
    cells[..., 0] = BLOCK**2
    cells[..., 1] = likelihood.reshape(T // BLOCK, BLOCK, T // BLOCK, BLOCK).sum(axis=(1, 3))
    filter_outliers(cells, likelihood, weight)
    return weight


def test_a_mole_stays() -> None:
    outlier = np.zeros((T, T), bool)
    outlier[100:102, 100:102] = True
    assert _filtered(outlier).min() > 0.9


def test_a_broad_strand_goes_and_takes_its_edge_along() -> None:
    outlier = np.zeros((T, T), bool)
    outlier[:, 100:112] = True
    weight = _filtered(outlier)
    assert weight[:, 100:112].max() == 0
    assert weight[128, 113] < 0.5 < weight[128, 125] and weight[128, 60] == 1
