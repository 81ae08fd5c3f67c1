"""Smooth ramps: 0 below, 1 above, flat at both ends, the kernel the same as the function."""

import numpy as np

from headshot.ramps import smoothstep, smoothstep_kernel


def test_is_0_below_and_1_above_and_rises_between() -> None:
    x = np.linspace(-1, 6, 701)
    y = smoothstep(x, 1, 4)
    assert (y[x <= 1] == 0).all() and (y[x >= 4] == 1).all() and (np.diff(y) >= 0).all()
    np.testing.assert_allclose(smoothstep(2.5, 1, 4), 0.5)
    np.testing.assert_allclose(y + smoothstep(5 - x, 1, 4), 1, atol=1e-12)


def test_the_kernel_agrees() -> None:
    x = np.linspace(-1, 6, 50).astype(np.float32)
    one, four = np.float32(1), np.float32(4)
    np.testing.assert_allclose([smoothstep_kernel(v, one, four) for v in x], smoothstep(x, 1, 4), atol=1e-6)
