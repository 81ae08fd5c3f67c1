"""Unevenness of merged colours that is light and not skin.

After all views were brought to one light and averaged, what remains of shadows, lamps and neighbouring hair
differs from skin in two ways: over centimetres it is seldom the same on both halves of the face, as skin is,
and it is greatest where what is seen ends. So the smooth part in which the halves differ is taken out, and
towards the hairline, the ears and the neck colours go over into those that are expected there, so that no
border is seen.

Dimension letters: S vertices of the skin.
"""

from __future__ import annotations

import numpy as np

from headshot.arrays import F32
from headshot.texture.bands import smoothed
from headshot.texture.surface import Surface

_EXTENT = 18.0  # mm over which light is smooth
_DIFFERENT = np.float32(0.9)  # share that is taken out of what differs between the halves
_LEAST = np.float32(0.5)  # weight of features and beards in what is smooth
_BORDER, _CLOSE = 10.0, 8.0  # mm from the end of what is seen, and smoothness of what is taken out there


def border_of(skin: Surface, seen: F32, beard: float) -> F32:
    """How close each vertex (S,) is to hairline, ear or neck where what is seen ends: 1 there, 0 far from it.

    Args:
        skin: the surface.
        seen: (S,) in [0, 1], how well each vertex is seen by all views together.
        beard: in [0, 1], whether there is one: it may end where what is seen ends.
    """
    around = smoothed(skin, seen[:, None], _BORDER)[:, 0]
    close = np.clip(2 * (1 - around), 0, 1) * skin.selectivity * (1 - beard * skin.beard)
    return np.asarray(close, np.float32)


def evened(skin: Surface, off: F32, seen: F32, border: F32) -> F32:
    """Deviations (S, 3) of log colours from the expected skin, without those that are light.

    Args:
        skin: the surface.
        off: (S, 3) deviations of log colours.
        seen: (S,) in [0, 1], how well each vertex is seen by all views together.
        border: (S,) of `border_of`.
    """
    smooth = smoothed(skin, off, _EXTENT, seen * (_LEAST + skin.growth))
    both = (seen * seen[skin.mirror])[:, None]
    rest = (off - _DIFFERENT * both * (smooth - smooth[skin.mirror]) / 2).astype(np.float32)
    return np.asarray(rest - border[:, None] * smoothed(skin, rest, _CLOSE, seen), np.float32)
