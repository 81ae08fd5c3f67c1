"""Which detections are faces, and where their landmarks lie.

The landmark network places the points of most faces to the pixel, but it loses those that are turned away by
more than some 60 degrees, very small, blurred or half hidden. There our own network
(`headshot.perception.landmarks.in_house`), which has learned such faces, takes its place; and where no
detector finds anything, it looks everywhere.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np

from headshot.arrays import F32, U8
from headshot.errors import NoFaceError
from headshot.geometry.camera import angles_of
from headshot.geometry.pose import weak_perspective_pose
from headshot.image.photo import Photo
from headshot.models.head_model import load_head_model
from headshot.perception.detection.detect import Face
from headshot.perception.detection.fallback import OwnSettings, convinced, face_of, own_landmarks, search
from headshot.perception.landmarks.in_house import Crop
from headshot.perception.landmarks.mediapipe import Landmarks, LandmarkSettings, find_landmarks, tilt

SIDEWAYS = 45.0
"""Degrees of yaw from which the landmarks of the photo and of its mirror image agree less."""
SPREAD, SPREAD_SIDEWAYS = 0.04, 0.08
"""Most distance between these as a share of their extent: drawings have presence, but disagree."""

COVERED = 40.0
"""Degrees of yaw: of profiles the landmark network, shown the place, sees more, if it sees a face at all.
What our network takes for a profile and the landmark network for less is a face with one half covered."""


def recognise(
    photo: Photo,
    faces: list[Face],
    wanted: list[int] | None,
    settings: LandmarkSettings,
    own: OwnSettings | None = None,
) -> list[tuple[Face, Landmarks]]:
    """Landmarks of the wanted faces; detections in which the networks see no face do not count.

    Args:
        photo: the photo.
        faces: detections in the order in which ``wanted`` counts them.
        wanted: which of those that are faces, counted from 0; None for all.
        settings: see `LandmarkSettings`.
        own: see `OwnSettings`.

    Raises:
        NoFaceError: there is no face, or no such face.
    """
    own = own or OwnSettings()
    found: list[tuple[Face, Landmarks]] = []
    needed = len(faces) if wanted is None else max(wanted) + 1
    for face in faces:
        points = _landmarks(photo.pixels, face, settings, own)
        if points is not None:
            found.append((face, points))
        if len(found) == needed:
            break
    if not found and own.enabled:
        found = [_placed(photo.pixels, *pair, settings, own) for pair in search(photo.pixels, own)]
    if not found:
        raise NoFaceError(
            f"no face found in {photo.name}: use a photo in which the face is at least 40 pixels wide, "
            "upright and lit"
        )
    if wanted is None:
        return found
    if len(found) <= max(wanted):
        raise NoFaceError(f"{photo.name} has {len(found)} face(s); there is no face number {max(wanted) + 1}")
    return [found[i] for i in wanted]


def _landmarks(pixels: U8, face: Face, settings: LandmarkSettings, own: OwnSettings) -> Landmarks | None:
    """Landmarks of a detection, or None when it is no face."""
    if not own.enabled:
        points = find_landmarks(pixels, face, settings)
        return points if is_face(points, settings) else None
    start = Crop.of_box(face.box, float(np.degrees(tilt(face.points[:2], face.points[3:]))))
    if own.only:
        mine = own_landmarks(pixels, start, own)
        if mine is not None:
            return mine
    once = replace(settings, alternatives=False)
    points = find_landmarks(pixels, face, once)
    sure = points.presence >= settings.sure_presence and points.spread <= settings.sure_spread
    if sure and abs(yaw_of(points)) < own.ask:
        return points
    mine = own_landmarks(pixels, start, own)
    if not sure:
        # From a good crop, such as our network's, the landmark network may find what it lost; without one it
        # tries its own alternatives.
        known = (face, settings) if mine is None else (face_of(mine), once)
        again = find_landmarks(pixels, *known)
        if again.presence - 5 * again.spread > points.presence - 5 * points.spread:
            points = again
    good = is_face(points, settings)
    if mine is None or (good and abs(yaw_of(mine)) < own.yaw):
        return points if good else None
    return mine if good or convinced(pixels, mine, own) else None


def _placed(
    pixels: U8, face: Face, mine: Landmarks, settings: LandmarkSettings, own: OwnSettings
) -> tuple[Face, Landmarks]:
    """A face that only our own network found, with the points of whoever places them better.

    Shown the place, the landmark network sees most faces that are hidden from detectors, and their points.
    """
    if own.only:
        return face, mine
    points = find_landmarks(pixels, face, settings)
    limit = np.inf if abs(yaw_of(mine)) < own.yaw else COVERED
    placed = is_face(points, settings) and abs(yaw_of(points)) < limit
    return (face_of(points), points) if placed else (face, mine)


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
    rotation, _, _ = weak_perspective_pose(points.points, mean, np.ones(len(mean)))
    return angles_of(rotation)[0]


@lru_cache(maxsize=1)
def _mean_points() -> F32:
    """The 478 points (478, 3) of the mean head, mm."""
    model = load_head_model("low")
    return model.landmarks["mediapipe478"].on(model.mean, model.triangles)
