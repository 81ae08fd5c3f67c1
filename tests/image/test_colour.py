"""sRGB and linear light: the standard's own values, inverses, and tables that agree with the functions."""

import numpy as np

from headshot.image.colour import (
    KNEE_LINEAR,
    KNEE_SRGB,
    TO_LINEAR,
    TO_SRGB,
    linear_to_srgb,
    luma,
    srgb_bytes,
    srgb_slope,
    srgb_to_linear,
)

GREY = np.linspace(0, 1, 1001)


def test_known_values_of_the_standard() -> None:
    assert srgb_to_linear(0.5) == np.float64(((0.5 + 0.055) / 1.055) ** 2.4)
    np.testing.assert_allclose(srgb_to_linear([0, 0.02, 1.0]), [0, 0.02 / 12.92, 1], rtol=1e-12)
    np.testing.assert_allclose(linear_to_srgb([0, 0.001, 0.2140411, 1.0]), [0, 0.01292, 0.5, 1], atol=1e-6)
    assert abs(float(linear_to_srgb(KNEE_LINEAR)) - KNEE_SRGB) < 1e-6


def test_the_two_curves_are_inverses_and_keep_float32() -> None:
    np.testing.assert_allclose(linear_to_srgb(srgb_to_linear(GREY)), GREY, atol=1e-6)
    assert srgb_to_linear(GREY.astype(np.float32)).dtype == np.float32
    assert linear_to_srgb(GREY.astype(np.float32)).dtype == np.float32


def test_slope_is_the_derivative_of_the_curve() -> None:
    x, h = np.linspace(0.01, 1, 50), 1e-6
    measured = (linear_to_srgb(x + h) - linear_to_srgb(x - h)) / (2 * h)
    np.testing.assert_allclose(srgb_slope(x), measured, rtol=1e-5)
    assert srgb_slope(0.001, floor=0.02) == srgb_slope(0.02)


def test_every_byte_survives_the_tables() -> None:
    levels = np.arange(256)
    np.testing.assert_array_equal(srgb_bytes(TO_LINEAR[levels]), levels)
    assert (np.diff(TO_SRGB.astype(int)) <= 1).all()
    assert srgb_bytes(-1.0) == 0 and srgb_bytes(2.0) == 255


def test_luma_of_grey_is_grey() -> None:
    np.testing.assert_allclose(luma(np.tile(GREY[:, None], 3)), GREY)
    red, green, blue = luma(np.eye(3))
    assert green > red > blue > 0
