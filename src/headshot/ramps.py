"""Smooth ramps from 0 to 1."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from headshot.arrays import Floats, single
from headshot.kernels import njit


def smoothstep(x: ArrayLike, low: float, high: float) -> Floats:
    """3 t^2 - 2 t^3 (...) of t = (x - low) / (high - low), clipped: 0 below ``low``, 1 above ``high``."""
    t = np.clip((np.asarray(x) - low) / (high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t))


@njit(cache=True, nogil=True, error_model="numpy")
def smoothstep_kernel(x: float, low: float, high: float) -> float:
    """`smoothstep` of one value, for kernels; float32 stays float32."""
    zero, one, three = single(0), single(1), single(3)
    t = min(max((x - low) / (high - low), zero), one)
    return t * t * (three - t - t)
