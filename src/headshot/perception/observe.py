"""Everything that the networks see of one face in one photo."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from time import perf_counter

import numpy as np

from headshot.arrays import U8, ReadOnly
from headshot.checked import Checked
from headshot.image.crop import FaceCrop
from headshot.image.photo import Photo
from headshot.models.topologies.mediapipe478 import OVAL, POINTS
from headshot.perception import identity
from headshot.perception.detection.detect import Face
from headshot.perception.faces import yaw_of
from headshot.perception.identity import IdentityPrediction, predict_identity
from headshot.perception.landmarks import in_house
from headshot.perception.landmarks.in_house import HeadPrediction, predict_head
from headshot.perception.landmarks.mediapipe import Landmarks
from headshot.perception.segmentation import HIDING, Segmentation, segment

SHARPNESS_SIZE = 128
"""Pixels of the extent of the landmarks at which sharpness is measured."""
SHARP = 1.56
"""What `sharpness` is divided by: the median over 40 portraits of HELEN; between them its logarithm has a
standard deviation of 0.22 (`python benchmarks/sharpness.py`)."""
_GREY = np.array([0.299, 0.587, 0.114])
_INNER = np.setdiff1d(np.arange(POINTS), OVAL)


@dataclass(frozen=True)
class ObserveSettings(Checked):
    """Which networks `observe` runs.

    Attributes:
        prediction: the in-house landmark network, unless the landmarks come from it.
        identity: the identity network.
        segmentation: the segmentation.
    """

    prediction: bool = True
    identity: bool = True
    segmentation: bool = True


@dataclass(frozen=True, eq=False, repr=False)
class FaceObservation(ReadOnly):
    """One face in one photo.

    Attributes:
        photo: the photo, upright.
        face: the detection.
        landmarks: by MediaPipe's network, or by the in-house one where that failed.
        prediction: of the in-house landmark network; None where it was not run.
        identity: of the identity network; None where it was not run.
        segmentation: of the photo's pixels; None where it was not run.
        seconds: that each network took, by the names of `ObserveSettings`; the segmentation runs beside the
            others.
    """

    photo: Photo
    face: Face
    landmarks: Landmarks
    prediction: HeadPrediction | None = None
    identity: IdentityPrediction | None = None
    segmentation: Segmentation | None = None
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def face_pixels(self) -> float:
        """How large the face is in the photo: the root of the area of the landmarks' box, pixels."""
        return self.landmarks.extent

    @cached_property
    def yaw(self) -> float:
        """Degrees by which the head is turned towards the subject's left, by the landmarks."""
        return yaw_of(self.landmarks)

    @cached_property
    def sharpness(self) -> float:
        """See `sharpness`."""
        return sharpness(self.photo.pixels, self.landmarks.crop(1.0))

    @cached_property
    def hidden(self) -> float | None:
        """Share of the landmarks, but for the face's outline, behind hair, hands, hats or clothes.

        None without a segmentation.
        """
        if self.segmentation is None:
            return None
        return float((self.segmentation.at(self.landmarks.points[_INNER], *HIDING) > 0.5).mean())


def observe(
    photo: Photo, face: Face, landmarks: Landmarks, settings: ObserveSettings = ObserveSettings()
) -> FaceObservation:
    """Run the networks on a face with known landmarks, the segmentation beside the others on a thread.

    Args:
        photo: the photo.
        face: the detection.
        landmarks: of the face, as `headshot.perception.faces.locate_faces` finds them.
        settings: which networks to run.

    Raises:
        AssetError: a network is missing.
    """
    seconds: dict[str, float] = {}

    def parts() -> Segmentation:
        start = perf_counter()
        found = segment(photo.pixels, landmarks.points)
        seconds["segmentation"] = perf_counter() - start
        return found

    with ThreadPoolExecutor(1) as beside:
        segmented = beside.submit(parts) if settings.segmentation else None
        start = perf_counter()
        prediction = landmarks.prediction
        if prediction is None and settings.prediction:
            prediction = predict_head(photo.pixels, landmarks.crop(in_house.MARGIN), passes=1)
            seconds["prediction"] = perf_counter() - start
        start, person = perf_counter(), None
        if settings.identity:
            person = predict_identity(photo.pixels, landmarks.crop(identity.MARGIN))
            seconds["identity"] = perf_counter() - start
        segmentation = None if segmented is None else segmented.result()
    return FaceObservation(photo, face, landmarks, prediction, person, segmentation, seconds)


def sharpness(pixels: U8, crop: FaceCrop) -> float:
    """How much detail of a face a photo shows: about 1 where it is sharp, whatever its contrast.

    The variance of the Laplacian over the mean squared gradient: the mean squared spatial frequency, weighted
    by the power of gradients, so that people differ little. (The variance of the Laplacian alone is a usual
    measure of focus, LAPV in Pertuz et al., "Analysis of focus measure operators for shape-from-focus",
    Pattern Recognition 46, 2013; it grows with contrast.) It is measured on the face resampled to a fixed
    size, so that it falls with the pixels of the face below that size as well, in proportion to them.

    Args:
        pixels: (H, W, 3) uint8 sRGB, the photo.
        crop: whose side is the extent of the face.

    Returns:
        About 1 for sharp faces of 128 pixels and more, 0.4 for those of 64 pixels, 0.2 for 32 pixels, or
        where the photo is blurred by a Gaussian of 1 % of the face; 0 for a flat picture.
    """
    grey = crop.cut(pixels, SHARPNESS_SIZE) @ _GREY
    inner = grey[1:-1, 1:-1]
    laplacian = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:] - 4 * inner
    gradient = (np.diff(grey, axis=0) ** 2).mean() + (np.diff(grey, axis=1) ** 2).mean()
    return float(laplacian.var() / gradient / SHARP) if gradient > 0 else 0.0
