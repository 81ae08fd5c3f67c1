"""The person whom a photo of a data set is of: one face and its landmarks, found once for all methods."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from headshot.image.photo import Photo
from headshot.perception.detection.detect import DetectSettings, Face, detect_faces
from headshot.perception.faces import locate_faces
from headshot.perception.landmarks.mediapipe import Landmarks, LandmarkSettings


@dataclass(frozen=True, eq=False)
class Subject:
    """What all methods start from.

    Attributes:
        photo: the photo, upright.
        face: the face to reconstruct.
        landmarks: its 478 points.
    """

    photo: Photo
    face: Face
    landmarks: Landmarks


def find_subject(photo: Photo, near: ArrayLike | None = None) -> Subject:
    """Find the face that counts and its landmarks.

    Args:
        photo: the photo.
        near: pixel (2,) that the face is to be nearest to: the middle of the hand-made points, or of the
            photo where the data set has the person in the middle (LFW). The largest face without.

    Raises:
        NoFaceError: there is no face.
    """
    settings = DetectSettings()
    faces = detect_faces(photo.pixels, settings)
    if near is not None:
        target = np.asarray(near, dtype=np.float64)
        if not any((f.box[:2] <= target).all() and (target <= f.box[2:]).all() for f in faces):
            # The quick search ended with another, larger face.
            faces = detect_faces(photo.pixels, replace(settings, exhaustive=True))
        faces.sort(key=lambda f: float(np.linalg.norm((f.box[:2] + f.box[2:]) / 2 - target)))
    face, landmarks = locate_faces(photo, faces, [0], LandmarkSettings())[0]
    return Subject(photo, face, landmarks)


def central_subject(photo: Photo) -> Subject:
    """The face nearest to the middle of the photo; see `find_subject`."""
    return find_subject(photo, (photo.width / 2, photo.height / 2))
