"""Dense face landmarks: 478 points, a presence score and 52 expression weights.

The networks are MediaPipe's Face Landmarker (Attention Mesh; Grishchenko et al., "Attention Mesh:
High-fidelity Face Mesh Prediction in Real-time", 2020), see tools/networks/face_landmarker.py; the points
are named in `headshot.models.topologies.mediapipe478`.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from headshot.arrays import F32, U8, Array, ReadOnly
from headshot.checked import Checked
from headshot.geometry.camera import extent_of
from headshot.image.crop import FaceCrop, head_roll, rotation2d
from headshot.models.arkit import ARKIT52
from headshot.models.topologies.mediapipe478 import (
    BLENDSHAPE_POINTS,
    MIRROR,
    roll_of,
)
from headshot.perception.detection.detect import Face
from headshot.perception.landmarks.in_house import HeadPrediction
from headshot.perception.networks import run_network

SIZE = 256
"""Side of the network's input, pixels."""
MARGIN = 1.5
"""Side of the crop over the extent of the landmarks, as in MediaPipe's graph."""
FIRST_MARGIN = 1.2
"""Side of the first crop over the size of the detector's box, for MTCNN's boxes."""

CONFIDENT_PRESENCE, CONFIDENT_SPREAD = 0.98, 0.03
"""With less presence or more spread the landmarks may be those of no face, or of a wrong crop."""
SPREAD_COST = 5.0
"""Presence that a spread of 1 costs: landmarks off the face can have full presence, but not agreement with
those of the mirror image."""
ALTERNATIVES = (
    (1.0, 0.0, 180.0),
    (0.9, 0.12, 0.0),
    (0.9, -0.12, 0.0),
    (1.12, 0.0, 0.0),
    (1.12, -0.12, 0.0),
    (1.12, 0.12, 0.0),
    (0.8, 0.0, 0.0),
    (1.3, 0.0, 0.0),
)
"""Other first crops where those are not confident: side and shift to the right in units of the usual side,
turn in degrees. Near-profiles need another crop, and the detector may have taken an upside-down face for
upright."""

RERUN_SPREAD = 0.005
"""With more spread than this, where the landmarks depend most on the crop, the network is run on further
crops. How many faces have it depends on people's age: with reruns their landmarks vary no more than
others'."""
OCCLUDED_SPREAD = 0.015
"""With more spread than this, mostly of faces hidden in part, it is rerun once only: there the points
drift."""
CONVERGED = 0.002
"""Mean change of the points, as a share of their extent, below which reruns end."""


@dataclass(frozen=True, eq=False, repr=False)
class Landmarks(ReadOnly):
    """Dense landmarks of one face.

    Attributes:
        points: (478, 2) pixels of the photo.
        depth: (478,) the network's relative depth in pixels of the photo, larger is closer to the camera;
            zero lies near the middle of the head.
        presence: the network's probability that there is a face under the points.
        blendshapes: (52,) float32 expression scores in [0, 1], in the order of
            `headshot.models.arkit.ARKIT52`. The network has no ``tongueOut``: it is always 0.
        spread: mean distance between the landmarks of the photo and of its mirror image (the in-house
            network's: of its last two passes) as a share of their extent. Of 99 in 100 frontal photos it is
            below 0.02; drawn faces have more, and so have profiles, whose landmarks are then less accurate.
        prediction: the in-house network's prediction, where all of the above comes from it
            (`headshot.perception.faces`); None where it comes from MediaPipe's network.
    """

    points: Array
    depth: Array
    presence: float
    blendshapes: F32
    spread: float = 0.0
    prediction: HeadPrediction | None = None

    @property
    def confident(self) -> bool:
        """Whether presence and spread are those of a face for certain, placed from a good crop."""
        return self.presence >= CONFIDENT_PRESENCE and self.spread <= CONFIDENT_SPREAD

    @property
    def score(self) -> float:
        """By which landmarks of one face from several crops are compared: presence, less what spread
        costs."""
        return _score(self.presence, self.spread)

    @property
    def roll(self) -> float:
        """Roll of the head in degrees, clockwise in the photo, by its eyes and mouth.

        Where the in-house network placed the points, as it predicts it: those of a profile say little about
        it.
        """
        return roll_of(self.points) if self.prediction is None else self.prediction.angles[2]

    def crop(self, margin: float) -> FaceCrop:
        """The upright crop around the points, its side ``margin`` times their extent."""
        return FaceCrop.of_points(self.points, margin, self.roll)

    @property
    def extent(self) -> float:
        """Root of the area of the box around the points, pixels."""
        return extent_of(self.points)


@dataclass(frozen=True)
class LandmarkSettings(Checked):
    """Settings of `find_landmarks`.

    Attributes:
        minimum_presence: faces with less do not count (`headshot.perception.faces.is_face`); `find_landmarks`
            returns their landmarks all the same.
        max_reruns: runs on further crops, each of photo and mirror image, that are averaged where the
            landmarks depend on the crop; 0 is faster.
    """

    minimum_presence: float = 0.5
    max_reruns: int = 3

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.minimum_presence <= 1:
            raise ValueError(f"minimum_presence must lie in [0, 1], got {self.minimum_presence}")
        if self.max_reruns < 0:
            raise ValueError(f"max_reruns must not be negative, got {self.max_reruns}")


@dataclass(frozen=True)
class _Pass:
    """Output of the network for one crop: points (478, 2) and depth (478,) in pixels of the photo."""

    crop: FaceCrop
    points: Array
    depth: Array
    presence: float


def find_landmarks(
    pixels: U8, face: Face, settings: LandmarkSettings = LandmarkSettings(), *, alternatives: bool = True
) -> Landmarks:
    """Place the landmarks of a detected face.

    A first pass on the detector's box says where the face is; a second one on the crop around its points is
    accurate; a third one on the mirror image of that crop is averaged with it, which lowers the error by 4 %.
    Where the latter two differ, further runs on the crop around their mean follow.

    Args:
        pixels: (H, W, 3) uint8 RGB.
        face: a face of this photo.
        settings: see `LandmarkSettings`.
        alternatives: try other first crops where the landmarks are not confident.

    Returns:
        The landmarks. With a low ``presence`` there may be no face.
    """
    first = first_crop(face)
    others = ALTERNATIVES if alternatives else ()
    return landmarks_from(
        pixels, [first, *(first.varied(scale, right, turn=turn) for scale, right, turn in others)], settings
    )


def first_crop(face: Face) -> FaceCrop:
    """The crop around a detection from which the landmarks are first placed."""
    return FaceCrop.of_box(face.box, FIRST_MARGIN, head_roll(face.points[:2], face.points[3:]))


def landmarks_from(pixels: U8, crops: Sequence[FaceCrop], settings: LandmarkSettings) -> Landmarks:
    """Place the landmarks from the first crop that gives confident ones, or else from the best.

    Args:
        pixels: (H, W, 3) uint8 RGB.
        crops: at least one.
        settings: see `LandmarkSettings`.
    """
    best, spread = _attempt(pixels, crops[0])
    for crop in crops[1:]:
        if best.presence >= CONFIDENT_PRESENCE and spread <= CONFIDENT_SPREAD:
            break
        other, other_spread = _attempt(pixels, crop)
        if _score(other.presence, other_spread) > _score(best.presence, spread):
            best, spread = other, other_spread
    if spread > RERUN_SPREAD:
        best = _rerun(
            pixels, best, min(settings.max_reruns, 1 if spread > OCCLUDED_SPREAD else settings.max_reruns)
        )
    return Landmarks(best.points, best.depth, best.presence, _blendshapes(best), spread)


def _score(presence: float, spread: float) -> float:
    return presence - SPREAD_COST * spread


def _attempt(pixels: U8, crop: FaceCrop) -> tuple[_Pass, float]:
    """Landmarks found from one first crop, averaged with those of the mirrored photo, and their spread."""
    found = _two_passes(pixels, crop)
    other = _run(pixels, _crop_of_points(found.points), mirrored=True)
    return _averaged(found, other), _distance(found, other)


def _rerun(pixels: U8, found: _Pass, most: int) -> _Pass:
    """The mean of runs on the crop around the mean so far, both ways, until it converges."""
    with ThreadPoolExecutor(1) as beside:
        for run in range(1, most + 1):
            crop = _crop_of_points(found.points)
            other = beside.submit(_run, pixels, crop, mirrored=True)
            again = _averaged(_run(pixels, crop), other.result())
            before, found = found, _averaged(found, again, 1 / run)
            if _distance(before, found) < CONVERGED:
                break
    return found


def _distance(one: _Pass, other: _Pass) -> float:
    """Mean distance of the landmarks of two passes as a share of their extent."""
    return float(np.linalg.norm(one.points - other.points, axis=1).mean()) / extent_of(one.points)


def _two_passes(pixels: U8, crop: FaceCrop) -> _Pass:
    """Landmarks from the crop around those of a first pass.

    From the side the second crop may have less presence than the first; then the first counts.
    """
    first = _run(pixels, crop)
    second = _run(pixels, _crop_of_points(first.points))
    return second if second.presence >= min(first.presence, 0.5) else first


def _averaged(one: _Pass, other: _Pass, share: float = 0.5) -> _Pass:
    """The mean of two passes, the second with this share, unless its presence is much lower."""
    if other.presence < 0.5 * one.presence:
        return one
    return replace(
        one,
        points=one.points + share * (other.points - one.points),
        depth=one.depth + share * (other.depth - one.depth),
        presence=one.presence + share * (other.presence - one.presence),
    )


def _run(pixels: U8, crop: FaceCrop, *, mirrored: bool = False) -> _Pass:
    """One pass of the landmark network, on request on the mirrored crop."""
    picture = crop.cut(pixels, SIZE)[None]
    if mirrored:
        picture = np.ascontiguousarray(picture[:, :, ::-1])
    found, presence = run_network("face_landmarks", ["points", "presence"], {"pixels": picture})
    local = found[0].astype(np.float64) / SIZE
    if mirrored:
        local[:, 0] = 1 - local[:, 0]
        local = local[MIRROR]
    return _Pass(crop, crop.to_photo(local[:, :2]), -local[:, 2] * crop.side, float(presence[0]))


def _crop_of_points(points: Array) -> FaceCrop:
    """The crop that the network expects for a face with these points."""
    return FaceCrop.of_points(points, MARGIN, roll_of(points))


def _blendshapes(found: _Pass) -> F32:
    """The 52 expression scores of upright points; the network itself is blind to position and size."""
    upright = (found.points[BLENDSHAPE_POINTS] @ rotation2d(found.crop.roll)).astype(np.float32)
    scores = run_network("face_blendshapes", ["scores"], {"points": upright[None]})[0]
    # The network's first score is "_neutral"; the others are ARKit's but for tongueOut, which comes last.
    assert ARKIT52[-1] == "tongueOut"
    return np.append(np.clip(scores[1:], 0, 1), np.float32(0)).astype(np.float32)
