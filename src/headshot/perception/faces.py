"""Which detections are faces, and by which network their landmarks are placed.

MediaPipe's landmark network places the points of most faces to the pixel, but fails on those that are turned
by more than some 60 degrees, very small, blurred or half hidden. There the in-house network
(`headshot.perception.landmarks.in_house`), which is trained on such faces, takes its place; and where no
detector finds anything, it searches the whole photo. Faces that the border cuts off are sought where several
faces are wanted, and where there is no other one.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from headshot.arrays import F32, U8
from headshot.errors import NoFaceError
from headshot.geometry.camera import angles_of
from headshot.geometry.pose import weak_perspective_pose
from headshot.image.crop import FaceCrop, head_roll
from headshot.image.photo import Photo
from headshot.models.head_model import load_head_model
from headshot.perception.cut_off import border_candidates, find_cut_off, same_face
from headshot.perception.detection.detect import Face, beyond_border
from headshot.perception.fallback import (
    FallbackSettings,
    face_of,
    face_score,
    in_house_landmarks,
    search,
    verify_detection,
)
from headshot.perception.landmarks.in_house import MARGIN
from headshot.perception.landmarks.mediapipe import Landmarks, LandmarkSettings, find_landmarks

MAX_SPREAD = 0.04
"""Most distance between the landmarks of photo and mirror image, as a share of their extent: of drawings it
is 0.04 and more, of 99 % of photos below 0.02, profiles excepted."""
SIDEWAYS, MAX_SPREAD_SIDEWAYS = 45.0, 0.08
"""Degrees of yaw from which that distance may be larger, and how large."""

HALF_HIDDEN = 40.0
"""Degrees of yaw: a face that is a profile to the in-house network, but turned by less than this to
MediaPipe's, has one half covered; of profiles MediaPipe's network, given the place, sees more, if it finds a
face at all."""

AT_BORDER = 0.05
"""Distance from the border, in sizes of their box, up to which landmarks reach it."""

MIN_FACE_SCORE = 0.5
"""Least `face_score` of a face, unless the landmark network is certain: hardly a person in photos of all
kinds has less, and half of the animals have that pass all else (`python benchmarks/faceless.py`)."""
CERTAIN_PRESENCE, CERTAIN_SPREAD = 0.999, 0.02
"""Presence and spread of landmarks that no animal had both of."""


def locate_faces(
    photo: Photo,
    faces: list[Face],
    wanted: list[int] | None,
    settings: LandmarkSettings,
    fallback: FallbackSettings | None = None,
) -> list[tuple[Face, Landmarks]]:
    """Landmarks of the wanted faces; detections in which the landmark networks find no face do not count.

    Args:
        photo: the photo.
        faces: detections in the order in which ``wanted`` counts them.
        wanted: which of those that are faces, counted from 0; None for all.
        settings: see `LandmarkSettings`.
        fallback: see `FallbackSettings`.

    Raises:
        NoFaceError: there is no face, or no such face.
    """
    fallback = fallback or FallbackSettings()
    needed = len(faces) if wanted is None else max(wanted) + 1
    found = _faces_of(photo.pixels, faces, needed, settings, fallback)
    if fallback.enabled:
        profiles = [points.prediction is not None and _at_border(points, photo.pixels) for _, points in found]
        more = wanted is None or len(found) <= max(wanted)
        candidates = border_candidates(photo.pixels, faces) if more or any(profiles) else []
        if any(profiles):
            found = _not_profiles(photo.pixels, candidates, found, profiles, settings)
        # They come last, so that one that is largest by what is left of it is not taken for the subject.
        if more:
            found += find_cut_off(photo.pixels, candidates, [face for face, _ in found], settings)
    if not found and fallback.enabled:
        pairs = search(photo.pixels, fallback)
        found = [_more_accurate(photo.pixels, *pair, settings, fallback) for pair in pairs]
        found = [pair for pair in found if _is_person(photo.pixels, pair[1])]
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


def _faces_of(
    pixels: U8, faces: list[Face], most: int, settings: LandmarkSettings, fallback: FallbackSettings
) -> list[tuple[Face, Landmarks]]:
    """The first detections that are faces, with their landmarks, at most so many."""
    found: list[tuple[Face, Landmarks]] = []
    for face in faces:
        if len(found) == most:
            break
        points = _landmarks(pixels, face, settings, fallback)
        if points is not None and _is_person(pixels, points):
            found.append((face, points))
    return found


def _not_profiles(
    pixels: U8,
    candidates: list[Face],
    found: list[tuple[Face, Landmarks]],
    profiles: list[bool],
    settings: LandmarkSettings,
) -> list[tuple[Face, Landmarks]]:
    """Faces that are profiles to the in-house network, because the border cuts off their other half.

    MediaPipe's network, which sees them before black, places those as what they are. ``profiles`` says which
    of those found may be such.
    """
    others = [face for (face, _), doubtful in zip(found, profiles, strict=True) if not doubtful]
    halves = find_cut_off(pixels, candidates, others, settings)
    halves = [half for half in halves if abs(yaw_of(half[1])) < HALF_HIDDEN]
    return [
        next((half for half in halves if doubtful and same_face(half[0], pair[0])), pair)
        for pair, doubtful in zip(found, profiles, strict=True)
    ]


def _at_border(points: Landmarks, pixels: U8) -> bool:
    """Whether landmarks reach the border of a photo (H, W, 3)."""
    box = np.concatenate([points.points.min(axis=0), points.points.max(axis=0)])
    return bool(beyond_border(box, pixels).max() > -AT_BORDER)


def _landmarks(
    pixels: U8, face: Face, settings: LandmarkSettings, fallback: FallbackSettings
) -> Landmarks | None:
    """Landmarks of a detection, or None when it is no face."""
    if not fallback.enabled:
        points = find_landmarks(pixels, face, settings)
        return points if is_face(points, settings) else None
    points = find_landmarks(pixels, face, settings, alternatives=False)
    if points.confident and abs(yaw_of(points)) < fallback.check_yaw:
        return points
    start = FaceCrop.of_box(face.box, MARGIN, head_roll(face.points[:2], face.points[3:]))
    in_house = in_house_landmarks(pixels, start)
    if not points.confident:
        # From a good crop, such as that of the in-house landmarks, MediaPipe's network may find the face
        # after all; without one the alternative crops are tried.
        if in_house is None:
            again = find_landmarks(pixels, face, settings)
        else:
            again = find_landmarks(pixels, face_of(in_house), settings, alternatives=False)
        if again.score > points.score:
            points = again
    good = is_face(points, settings)
    if in_house is None or (good and abs(yaw_of(in_house)) < fallback.prefer_yaw):
        return points if good else None
    return in_house if good or verify_detection(pixels, in_house) else None


def _more_accurate(
    pixels: U8, face: Face, in_house: Landmarks, settings: LandmarkSettings, fallback: FallbackSettings
) -> tuple[Face, Landmarks]:
    """A face that only the in-house network found, with the landmarks of the network that is more accurate.

    Given the place, MediaPipe's network finds most faces that are hidden from detectors, and their points.
    """
    points = find_landmarks(pixels, face, settings)
    limit = np.inf if abs(yaw_of(in_house)) < fallback.prefer_yaw else HALF_HIDDEN
    accepted = is_face(points, settings) and abs(yaw_of(points)) < limit
    return (face_of(points), points) if accepted else (face, in_house)


def _is_person(pixels: U8, points: Landmarks) -> bool:
    """Whether a face is a person's, rather than an animal's."""
    certain = points.presence >= CERTAIN_PRESENCE and points.spread <= CERTAIN_SPREAD
    return certain or face_score(pixels, points.crop(MARGIN)) >= MIN_FACE_SCORE


def is_face(points: Landmarks, settings: LandmarkSettings) -> bool:
    """Whether MediaPipe's network finds a face, and the same one in the mirrored picture.

    Drawings can have presence, but their two sets of points differ by 4 % of the face and more; of 99 % of
    photos they differ by less than 2 %, except profiles.
    """
    if points.presence < settings.minimum_presence:
        return False
    return points.spread <= (MAX_SPREAD if abs(yaw_of(points)) < SIDEWAYS else MAX_SPREAD_SIDEWAYS)


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
