"""Pictures: closed-form cases of photometric error, SSIM and the tone of skin."""

from __future__ import annotations

import numpy as np
import pytest

from headshot.metrics.picture import photometric_error, skin_bin, ssim, ssim_map, typology

RNG = np.random.default_rng(0)
NOISE = RNG.integers(0, 256, (40, 50, 3), dtype=np.uint8)
ALL = np.ones((40, 50), bool)


def test_photometric_error() -> None:
    grey = np.full((40, 50, 3), 100, np.uint8)
    brighter = grey + np.uint8(7)
    assert photometric_error(grey, grey, ALL) == 0
    assert photometric_error(brighter, grey, ALL) == photometric_error(grey, brighter, ALL) == 7
    half = ALL.copy()
    half[:, 25:] = False
    brighter[:, 25:] = 255
    assert photometric_error(brighter, grey, half) == 7
    assert np.isnan(photometric_error(grey, grey, ~ALL))
    with pytest.raises(ValueError, match="expected pictures"):
        photometric_error(grey[1:], grey, ALL)


def test_ssim_of_identical_pictures_is_one() -> None:
    assert ssim(NOISE, NOISE) == pytest.approx(1)


def test_ssim_of_constant_pictures_has_a_closed_form() -> None:
    """Without variance only the luminance term stays: (2 ab + C1) / (a^2 + b^2 + C1)."""
    a, b, c = 100.0, 130.0, (0.01 * 255) ** 2
    expected = (2 * a * b + c) / (a * a + b * b + c)
    assert ssim_map(np.full((20, 20), a), np.full((20, 20), b)) == pytest.approx(expected)


def test_ssim_of_a_negative_and_of_noise() -> None:
    assert ssim(255 - NOISE, NOISE) < -0.8
    other = np.random.default_rng(1).integers(0, 256, NOISE.shape, dtype=np.uint8)
    assert abs(ssim(other, NOISE)) < 0.05


def test_ssim_agrees_with_its_definition_in_one_window() -> None:
    """Weighted moments of one 11 x 11 window, written out."""
    x, y = RNG.uniform(0, 255, (2, 11, 11))
    g = np.exp(-(np.arange(-5, 6) ** 2) / 4.5)
    w = np.outer(g, g) / g.sum() ** 2
    mx, my = (w * x).sum(), (w * y).sum()
    vx, vy, vxy = (w * (x - mx) ** 2).sum(), (w * (y - my) ** 2).sum(), (w * (x - mx) * (y - my)).sum()
    c1, c2 = 2.55**2, 7.65**2
    expected = (2 * mx * my + c1) * (2 * vxy + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2))
    assert ssim_map(x, y) == pytest.approx(np.array([[expected]]))


def test_ssim_counts_only_the_mask() -> None:
    changed = NOISE.copy()
    changed[:, 30:] = 0
    left = ALL.copy()
    left[:, 25:] = False
    assert ssim(changed, NOISE, left) == pytest.approx(1)
    assert ssim(changed, NOISE, ~left) < 0.5
    with pytest.raises(ValueError, match="11 x 11"):
        ssim(NOISE[:5], NOISE[:5])


def test_skin_types() -> None:
    """White is far on the light side; known Lab of a mid-brown: L* 38, b* 24, so ITA -27."""
    assert skin_bin(typology((240, 205, 185))) == "light"
    assert skin_bin(typology((190, 145, 115))) == "medium"
    assert skin_bin(typology((95, 60, 45))) == "dark"
    assert typology((115, 82, 68)) == pytest.approx(np.degrees(np.arctan2(37.99 - 50, 14.06)), abs=1.5)
