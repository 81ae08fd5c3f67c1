"""Which detections are faces, and where their landmarks lie."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from headshot.camera import angles_of
from headshot.detect import Face
from headshot.errors import NoFaceError
from headshot.fit.landmarks import initial_pose
from headshot.head_model import F32, load_head_model
from headshot.landmarks import Landmarks, LandmarkSettings, find_landmarks
from headshot.photo import Photo

SIDEWAYS = 45.0
"""Degrees of yaw from which the landmarks of the photo and of its mirror image agree less."""
SPREAD, SPREAD_SIDEWAYS = 0.04, 0.08
"""Most distance between these as a share of their extent: drawings have presence, but disagree."""


def recognise(
    photo: Photo, faces: list[Face], wanted: list[int] | None, settings: LandmarkSettings
) -> list[tuple[Face, Landmarks]]:
    """Landmarks of the wanted faces; detections in which the landmark network sees no face do not count.

    Args:
        photo: the photo.
        faces: detections in the order in which ``wanted`` counts them.
        wanted: which of those that are faces, counted from 0; None for all.
        settings: see `LandmarkSettings`.

    Raises:
        NoFaceError: there is no face, or no such face.
    """
    found: list[tuple[Face, Landmarks]] = []
    needed = len(faces) if wanted is None else max(wanted) + 1
    for face in faces:
        points = find_landmarks(photo.pixels, face, settings)
        if is_face(points, settings):
            found.append((face, points))
        if len(found) == needed:
            break
    if not found:
        raise NoFaceError(
            f"no face found in {photo.name}: use a photo in which the face is at least 40 pixels wide, "
            "upright, lit, and seen from the front or up to a three-quarter view"
        )
    if wanted is None:
        return found
    if len(found) < needed:
        raise NoFaceError(f"{photo.name} has {len(found)} face(s); there is no face number {needed}")
    return [found[i] for i in wanted]


def is_face(points: Landmarks, settings: LandmarkSettings) -> bool:
    """Whether the landmark network sees a face, and the same one in the mirrored picture.

    Drawings can have presence, but their two sets of points differ by 4 % of the face and more; 99 % of
    photos stay below 2 %, except profiles.
    """
    if points.presence < settings.minimum_presence:
        return False
    return points.spread <= (SPREAD if abs(yaw_of(points)) < SIDEWAYS else SPREAD_SIDEWAYS)


def yaw_of(points: Landmarks) -> float:
    """Yaw in degrees of the mean head posed to the landmarks."""
    mean = _mean_points()
    rotation, _, _ = initial_pose(points.points, mean, np.ones(len(mean)))
    return angles_of(rotation)[0]


@lru_cache(maxsize=1)
def _mean_points() -> F32:
    """The 478 points (478, 3) of the mean head, mm."""
    model = load_head_model("low")
    return model.landmarks["mediapipe478"].on(model.mean, model.triangles)
