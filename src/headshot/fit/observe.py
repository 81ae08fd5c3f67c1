"""From what the networks saw in a photo to what the fit is given."""

from __future__ import annotations

import numpy as np

from headshot.fit.landmarks import Observation
from headshot.landmarks import Landmarks
from headshot.photo import Photo


def observe(photo: Photo, landmarks: Landmarks) -> Observation:
    """The observation of a face: its landmarks, their precision, and the prior of its expression."""
    return Observation(
        points=landmarks.points,
        confidence=np.ones(len(landmarks.points)),
        expression=landmarks.blendshapes.astype(np.float64),
        width=photo.width,
        height=photo.height,
        focal=photo.focal_pixels(),
    )
