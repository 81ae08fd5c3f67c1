"""Bilinear sampling against functions that it reproduces exactly."""

from __future__ import annotations

import numpy as np

from headshot.geometry.raster import sample


def test_sampling_is_bilinear_and_clamped() -> None:
    y, x = np.mgrid[:6, :9] + 0.5
    plane = np.stack([2 * x + 3 * y, x * y], axis=-1).astype(np.float32)  # bilinear functions are exact
    points = np.random.default_rng(3).uniform([0.5, 0.5], [8.5, 5.5], (200, 2))
    expected = np.stack([2 * points[:, 0] + 3 * points[:, 1], points[:, 0] * points[:, 1]], axis=1)
    np.testing.assert_allclose(sample(plane, points), expected, rtol=1e-5)
    np.testing.assert_allclose(sample(plane, [[-50, -50], [99, 99]]), plane[[0, -1], [0, -1]])
    assert np.isnan(sample(plane, [[np.nan, 1]])).all()
    bytes_ = np.array([[[0], [255]]], np.uint8)
    np.testing.assert_allclose(sample(bytes_, [[0.5, 0.5], [1.0, 0.5], [1.25, 0.5]])[:, 0], [0, 0.5, 0.75])
