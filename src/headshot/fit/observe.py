"""From what the networks saw in a photo to what the fit is given."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from headshot.arkit import ARKIT52
from headshot.fit.landmarks import Observation
from headshot.landmarks import Landmarks
from headshot.mediapipe478 import EYELIDS, LOWER_LIP, OVAL, POINTS, UPPER_LIP
from headshot.photo import Photo

# The network's scores of a relaxed face: the lower quartile over 3,600 photos of LFW, HELEN and UTKFace,
# where it is not negligible. What it calls a squint is mostly the shape of the eye.
RESTING = {"eyeSquintLeft": 0.22, "eyeSquintRight": 0.22}
_RESTING = np.array([RESTING.get(name, 0.0) for name in ARKIT52])

# Relative precision of the landmarks. Lids and lips are seen sharply and decide whether eyes and mouth look
# right; the outline of the face is no fixed line of the skin, and hair often hides it.
CONFIDENCE = np.ones(POINTS)
CONFIDENCE[list(EYELIDS + UPPER_LIP + LOWER_LIP)] = 4.0
CONFIDENCE[list(OVAL)] = 0.3


def observe(photo: Photo, landmarks: Landmarks) -> Observation:
    """The observation of a face: its landmarks, their precision, and the prior of its expression."""
    return Observation(
        points=landmarks.points,
        confidence=CONFIDENCE,
        expression=expression_prior(landmarks.blendshapes),
        width=photo.width,
        height=photo.height,
        focal=photo.focal_pixels(),
    )


def expression_prior(scores: ArrayLike) -> NDArray[np.float64]:
    """What to expect of the ARKit weights (52,) from the network's scores (52,)."""
    return np.clip((np.asarray(scores, np.float64) - _RESTING) / (1 - _RESTING), 0, 1)
