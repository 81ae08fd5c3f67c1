"""Names for the 68 points of iBUG 300-W (``ibug68`` in this project), counted from 0.

Sagonas et al., "300 Faces in-the-Wild Challenge", ICCVW 2013, figure 1. "Left" and "right" are those of the
picture: of a face as one looks at it. The eye on the left of the picture is the subject's right eye. Groups
are slices, by which arrays of points are indexed; `numbers` lists them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from headshot.arrays import Array

POINTS = 68

JAW = slice(0, 17)
"""From the ear on the left over the chin to the ear on the right. They follow the visible outline of the
face, so that on a turned head those of the far side are no fixed points of the skin."""
JAW_POINTS = 17
JAW_LEFT_IN_IMAGE, JAW_RIGHT_IN_IMAGE = slice(0, 9), slice(16, 7, -1)
"""Each half from its ear down to the chin."""
CHIN = 8
INNER = slice(17, 68)
"""All others, which are fixed points of the skin."""
FIXED = np.r_[CHIN, INNER]
"""Fixed points of the skin, with the chin."""

BROW_LEFT_IN_IMAGE, BROW_RIGHT_IN_IMAGE = slice(17, 22), slice(22, 27)
BROWS = slice(17, 27)
NOSE_BRIDGE, NOSE_BASE = slice(27, 31), slice(31, 36)
NOSE = slice(27, 36)
NOSE_TIP, SUBNASALE = 30, 33
EYE_LEFT_IN_IMAGE, EYE_RIGHT_IN_IMAGE = slice(36, 42), slice(42, 48)
EYES = slice(36, 48)
EYE_CORNERS = (36, 39, 42, 45)
"""From the left to the right: outer, inner, inner, outer."""
OUTER_EYE_CORNERS = (36, 45)
LIPS_OUTER, LIPS_INNER = slice(48, 60), slice(60, 68)
MOUTH = slice(48, 68)
MOUTH_CORNERS = (48, 54)
"""On the left, on the right."""

# fmt: off
# MIRROR[i] is the point of a mirrored face that lies where point i was.
MIRROR = np.array([
    *range(16, -1, -1), *range(26, 16, -1), 27, 28, 29, 30, 35, 34, 33, 32, 31,
    45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40,
    54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55, 64, 63, 62, 61, 60, 67, 66, 65,
])
# fmt: on


def numbers(group: slice) -> range:
    """The numbers of the points of a group."""
    return range(*group.indices(POINTS))


def five_points(points: ArrayLike) -> Array:
    """Five points (5, D) of the 68 (68, D), by which faces are aligned for recognition.

    The middle of the eye on the left and of the other eye, the tip of the nose, the corner of the mouth on
    the left, and the other corner.
    """
    p = np.asarray(points, np.float64)
    eyes = [p[eye].mean(axis=0) for eye in (EYE_LEFT_IN_IMAGE, EYE_RIGHT_IN_IMAGE)]
    return np.stack([*eyes, p[NOSE_TIP], *p[list(MOUTH_CORNERS)]])
