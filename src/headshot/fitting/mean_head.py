"""The mean head in the pose that fits landmarks best: the baseline of every measure, and cameras of crops."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np

from headshot.fitting.initialise import LandmarkObservation
from headshot.fitting.landmarks import fit_landmarks
from headshot.geometry.camera import Camera
from headshot.models.head_model import PointModel, load_head_model


def camera_of_mean_head(seen: LandmarkObservation, detail: str = "low") -> Camera:
    """The camera before the mean head with a neutral face; nothing but the pose is fitted.

    Args:
        seen: 478 landmarks; their expression prior does not count.
        detail: resolution of the head.
    """
    return fit_landmarks(replace(seen, expression=np.zeros(0), narrowing=None), _rigid(detail)).camera


@lru_cache(maxsize=2)
def _rigid(detail: str) -> PointModel:
    """The 478 points of the mean head, without identity and expressions."""
    model = load_head_model(detail)
    full = model.at(model.landmarks["mediapipe478"])
    return replace(
        full,
        identity=full.identity[:0],
        expression=full.expression[:0],
        corrected=full.corrected[:0],
        correction=full.correction[:0, :0],
    )
