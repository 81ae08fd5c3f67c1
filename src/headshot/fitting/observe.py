"""From what the networks saw in a photo to what the fit is given."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from headshot.arrays import Array
from headshot.fitting.landmarks import Observation
from headshot.image.photo import Photo
from headshot.models.arkit import ARKIT52
from headshot.models.topologies.mediapipe478 import EYELIDS, LOWER_LIP, OVAL, POINTS, UPPER_LIP
from headshot.perception.landmarks.mediapipe import Landmarks
from headshot.perception.segmentation import HIDING, Segmentation

# The network's scores of a relaxed face: the lower quartile over 3,600 photos of LFW, HELEN and UTKFace,
# where it is not negligible. What it calls a squint is mostly the shape of the eye.
RESTING = {"eyeSquintLeft": 0.22, "eyeSquintRight": 0.22}
_RESTING = np.array([RESTING.get(name, 0.0) for name in ARKIT52])

# Relative precision of the landmarks. Lids and lips are seen sharply and decide whether eyes and mouth look
# right; the outline of the face is no fixed line of the skin, and hair often hides it.
CONFIDENCE = np.ones(POINTS)
CONFIDENCE[list(EYELIDS + UPPER_LIP + LOWER_LIP)] = 4.0
CONFIDENCE[list(OVAL)] = 0.3

_COVERED = 15.0  # times their usual errors of points that are surely hidden: they hardly count
_SEEN, _HIDDEN = 0.5, 0.9  # probabilities between which doubt grows,
_FEW, _MANY = 0.03, 0.08  # and shares of hidden points: the hair of most foreheads does not matter


def observe(photo: Photo, landmarks: Landmarks, parts: Segmentation | None = None) -> Observation:
    """The observation of a face: its landmarks, their precision, and the prior of its expression.

    Where ``parts`` tell what the pixels show of the face, landmarks that are hidden are doubted.
    """
    return Observation(
        points=landmarks.points,
        confidence=CONFIDENCE,
        expression=expression_prior(landmarks.blendshapes),
        width=photo.width,
        height=photo.height,
        focal=photo.focal_pixels(),
        doubt=None if parts is None else hidden_doubt(landmarks.points, parts),
    )


def hidden_doubt(points: ArrayLike, parts: Segmentation) -> Array:
    """How much larger than usual the errors of landmarks (478, 2) are where the face is hidden: (478,).

    The network guesses hidden points by those around. So does the fit, which knows more of faces. The
    outline, which has background beside it, is left as it is.
    """
    hidden = np.clip((parts.at(points, *HIDING) - _SEEN) / (_HIDDEN - _SEEN), 0, 1)
    hidden[list(OVAL)] = 0
    return 1 + (_COVERED - 1) * hidden * np.clip((hidden.mean() - _FEW) / (_MANY - _FEW), 0, 1)


def expression_prior(scores: ArrayLike) -> Array:
    """What to expect of the ARKit weights (52,) from the network's scores (52,)."""
    return np.clip((np.asarray(scores, np.float64) - _RESTING) / (1 - _RESTING), 0, 1)
