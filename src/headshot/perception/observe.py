"""What networks see of one face in one photo."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from headshot.image.photo import Photo
from headshot.perception import identity
from headshot.perception.detection.detect import Face
from headshot.perception.identity import IdentityPrediction, predict_identity
from headshot.perception.landmarks import in_house as in_house_network
from headshot.perception.landmarks.in_house import HeadPrediction, predict_head
from headshot.perception.landmarks.mediapipe import Landmarks
from headshot.perception.segmentation import Segmentation, segment


@dataclass(frozen=True, eq=False)
class FaceObservation:
    """What networks see of one face."""

    photo: Photo
    face: Face
    landmarks: Landmarks
    prediction: HeadPrediction | None = None
    identity: IdentityPrediction | None = None
    segmentation: Segmentation | None = None


def observe(
    photo: Photo, face: Face, landmarks: Landmarks, *, in_house: bool = True, segmented: bool = True
) -> FaceObservation:
    """Run the networks that a fit wants to hear."""
    with ThreadPoolExecutor(1) as beside:
        parted = beside.submit(segment, photo.pixels, landmarks.points) if segmented else None
        found, who = landmarks.prediction, None
        if in_house:
            if found is None:
                found = predict_head(photo.pixels, landmarks.crop(in_house_network.MARGIN), passes=1)
            who = predict_identity(photo.pixels, landmarks.crop(identity.MARGIN))
        return FaceObservation(
            photo, face, landmarks, found, who, None if parted is None else parted.result()
        )
