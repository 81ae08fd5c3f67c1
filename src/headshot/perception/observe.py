"""What networks see of one face in one photo."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from headshot.image.photo import Photo
from headshot.perception.detection.detect import Face
from headshot.perception.identity import IdentityGuess, guess_identity
from headshot.perception.landmarks.in_house import Crop, Regression, RegressSettings, regress
from headshot.perception.landmarks.mediapipe import Landmarks
from headshot.perception.segmentation import Segmentation, segment


@dataclass(frozen=True, eq=False)
class FaceObservation:
    """What networks see of one face."""

    photo: Photo
    face: Face
    landmarks: Landmarks
    prediction: Regression | None = None
    identity: IdentityGuess | None = None
    segmentation: Segmentation | None = None


def observe(
    photo: Photo, face: Face, landmarks: Landmarks, *, in_house: bool = True, segmented: bool = True
) -> FaceObservation:
    """Run the networks that a fit wants to hear."""
    with ThreadPoolExecutor(1) as beside:
        parted = beside.submit(segment, photo.pixels, landmarks.points) if segmented else None
        found, identity = landmarks.regression, None
        if in_house:
            crop = Crop.of_points(landmarks.points, landmarks.roll if found is None else found.angles[2])
            if found is None:
                found = regress(photo.pixels, crop, RegressSettings(looks=1))
            identity = guess_identity(photo.pixels, crop)
        return FaceObservation(
            photo, face, landmarks, found, identity, None if parted is None else parted.result()
        )
