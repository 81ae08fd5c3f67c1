"""Names for the 68 points of iBUG 300-W (``ibug68`` in this project), counted from 0.

Sagonas et al., "300 Faces in-the-Wild Challenge", ICCVW 2013, figure 1. "Left" and "right" are those of the
picture: of a face as one looks at it. The eye on the left of the picture is the subject's right eye.
"""

from __future__ import annotations

import numpy as np

POINTS = 68

JAW = range(0, 17)
"""From the ear on the left over the chin to the ear on the right. They follow the visible outline of the
face, so that on a turned head those of the far side are no fixed points of the skin."""
CHIN = 8
INNER = range(17, 68)
"""All others, which are fixed points of the skin."""

BROW_LEFT_IN_IMAGE = range(17, 22)
BROW_RIGHT_IN_IMAGE = range(22, 27)
BROWS = range(17, 27)
NOSE_BRIDGE = range(27, 31)
NOSE_TIP = 30
NOSE_BASE = range(31, 36)
NOSE = range(27, 36)
SUBNASALE = 33
EYE_LEFT_IN_IMAGE = range(36, 42)
EYE_RIGHT_IN_IMAGE = range(42, 48)
EYES = range(36, 48)
OUTER_EYE_CORNERS = (36, 45)
"""On the left, on the right."""
EYE_CORNERS = (36, 39, 42, 45)
"""From the left to the right: outer, inner, inner, outer."""
LIPS_OUTER = range(48, 60)
LIPS_INNER = range(60, 68)
MOUTH = range(48, 68)
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
