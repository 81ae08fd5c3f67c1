"""Dense face landmarks: 478 points, a presence score and 52 expression weights.

The networks are MediaPipe's Face Landmarker (Attention Mesh; Grishchenko et al., "Attention Mesh:
High-fidelity Face Mesh Prediction in Real-time", 2020), see tools/networks/face_landmarker.py; the points
are named in `headshot.models.topologies.mediapipe478`.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from headshot.arrays import F32, U8, Array
from headshot.geometry.camera import extent_of
from headshot.image.resample import warp
from headshot.models.arkit import ARKIT52
from headshot.models.topologies.mediapipe478 import (
    BLENDSHAPE_POINTS,
    EYE_LEFT_IN_IMAGE,
    EYE_RIGHT_IN_IMAGE,
    MEDIAPIPE_TO_IBUG68,
    MIRROR,
    MOUTH_CORNERS,
)
from headshot.perception.detection.detect import Face
from headshot.perception.landmarks.in_house import HeadPrediction
from headshot.perception.networks import session

__all__ = ["MEDIAPIPE_TO_IBUG68", "LandmarkSettings", "Landmarks", "find_landmarks"]


CROP = 256  # side of the network's input, pixels

# Other first crops for a face that the network does not recognise at once: side and shift to the right in
# units of the usual side, turn in radians. Near-profiles want another crop, and the detector may have taken
# an upside-down face for an upright one.
ALTERNATIVES = (
    (1.0, 0.0, np.pi),
    (0.9, 0.12, 0.0),
    (0.9, -0.12, 0.0),
    (1.12, 0.0, 0.0),
    (1.12, -0.12, 0.0),
    (1.12, 0.12, 0.0),
    (0.8, 0.0, 0.0),
    (1.3, 0.0, 0.0),
)


@dataclass(frozen=True)
class Landmarks:
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
    def roll(self) -> float:
        """Tilt of the head in degrees, clockwise in the photo, by its eyes and mouth."""
        eyes = (self.points[list(eye)].mean(axis=0) for eye in (EYE_LEFT_IN_IMAGE, EYE_RIGHT_IN_IMAGE))
        return float(np.degrees(tilt(np.stack(list(eyes)), self.points[list(MOUTH_CORNERS)])))

    @property
    def extent(self) -> float:
        """Root of the area of the box around the points, pixels."""
        return extent_of(self.points)


@dataclass(frozen=True)
class LandmarkSettings:
    """Settings of `find_landmarks`.

    Attributes:
        minimum_presence: faces of which the network is less sure do not count; `find_landmarks` itself
            returns its best guess all the same.
        sure_presence, sure_spread: with less presence or more spread, other first crops are tried.
        first_margin: side of the first crop over the size of the detector's box.
        margin: side of the later crops over the extent of the landmarks; 1.5 is what the network expects.
        mirrored: average with the landmarks of the mirrored photo, which takes a third pass and lowers the
            error by 4 %.
        alternatives: try other first crops for a face that is not recognised at once.
        settled: with more spread, where the network depends most on the crop, it looks again, at the crop of
            the mean of both and at its mirror image, until the points stay where they are. They then change
            as little with the photo as others' do: which faces spread depends on people's age.
        still: points that move less on average, as a share of their extent, stay where they are.
        looks: it looks again so often at most.
        covered: with more spread than this, mostly of faces that are covered in part, once: there the points
            wander off.
    """

    minimum_presence: float = 0.5
    sure_presence: float = 0.98
    sure_spread: float = 0.03
    first_margin: float = 1.2
    margin: float = 1.5
    mirrored: bool = True
    alternatives: bool = True
    settled: float = 0.005
    still: float = 0.002
    looks: int = 3
    covered: float = 0.015


@dataclass(frozen=True)
class _Crop:
    """A square, rotated window of the photo: centre and side in pixels, rotation in radians."""

    x: float
    y: float
    side: float
    roll: float

    def map(self) -> Array:
        """(2, 3) pixel coordinates of the network's input to pixels of the photo."""
        a = _rotation(self.roll) * (self.side / CROP)
        return np.column_stack([a, np.array([self.x, self.y]) - a @ np.full(2, CROP / 2)])

    def varied(self, scale: float, right: float, turn: float) -> _Crop:
        """Another crop: `ALTERNATIVES`."""
        x, y = np.array([self.x, self.y]) + _rotation(self.roll) @ (right * self.side, 0.0)
        return _Crop(x, y, self.side * scale, self.roll + turn)


@dataclass(frozen=True)
class _Pass:
    """What the network says about one crop: points (478, 2) and depth (478,) in pixels of the photo."""

    crop: _Crop
    points: Array
    depth: Array
    presence: float


def find_landmarks(pixels: U8, face: Face, settings: LandmarkSettings = LandmarkSettings()) -> Landmarks:
    """Place the landmarks of a detected face.

    A first pass on the detector's box says where the face is, a second one on the crop that these landmarks
    ask for is accurate, a third one looks at the same face mirrored, and the mean of both counts. Where these
    two differ, a fourth and a fifth look at the crop that the mean asks for.

    Args:
        pixels: (H, W, 3) uint8 RGB.
        face: a face of this photo.
        settings: see `LandmarkSettings`.

    Returns:
        The landmarks. A low ``presence`` says that there may be no face.
    """
    first = _crop_of_face(face, settings.first_margin)
    best, spread = _attempt(pixels, first, settings)
    for alternative in ALTERNATIVES if settings.alternatives else ():
        if best.presence >= settings.sure_presence and spread <= settings.sure_spread:
            break
        other, distance = _attempt(pixels, first.varied(*alternative), settings)
        # Lost landmarks can have full presence: what they do not have is agreement with their mirror image.
        if other.presence - 5 * distance > best.presence - 5 * spread:
            best, spread = other, distance
    if settings.mirrored and spread > settings.settled:
        looks = settings.looks if spread <= settings.covered else 1
        best = _settled(pixels, best, looks, settings)
    return Landmarks(best.points, best.depth, best.presence, _blendshapes(best), spread)


def _attempt(pixels: U8, crop: _Crop, settings: LandmarkSettings) -> tuple[_Pass, float]:
    """Landmarks found from one first crop, averaged with those of the mirrored photo, and their spread."""
    found = _two_passes(pixels, crop, settings.margin)
    if not settings.mirrored:
        return found, 0.0
    other = _run(pixels, _crop_of_points(found.points, settings.margin), mirrored=True)
    return _averaged(found, other), _distance(found, other)


def _settled(pixels: U8, found: _Pass, looks: int, settings: LandmarkSettings) -> _Pass:
    """The mean of looks at the crop that the landmarks ask for, both ways, until it stays where it is."""
    with ThreadPoolExecutor(1) as beside:
        for look in range(1, looks + 1):
            crop = _crop_of_points(found.points, settings.margin)
            other = beside.submit(_run, pixels, crop, mirrored=True)
            again = _averaged(_run(pixels, crop), other.result())
            before, found = found, _averaged(found, again, 1 / look)
            if _distance(before, found) < settings.still:
                break
    return found


def _distance(one: _Pass, other: _Pass) -> float:
    """Mean distance of the landmarks of two passes as a share of their extent."""
    return float(np.linalg.norm(one.points - other.points, axis=1).mean()) / extent_of(one.points)


def _two_passes(pixels: U8, crop: _Crop, margin: float) -> _Pass:
    """Landmarks from the crop that a first pass asks for.

    From the side the network may like the second crop less than the first; then the first counts.
    """
    first = _run(pixels, crop)
    second = _run(pixels, _crop_of_points(first.points, margin))
    return second if second.presence >= min(first.presence, 0.5) else first


def _averaged(one: _Pass, other: _Pass, share: float = 0.5) -> _Pass:
    """The mean of two passes, the second with this share, unless it has lost the face."""
    if other.presence < 0.5 * one.presence:
        return one
    return replace(
        one,
        points=one.points + share * (other.points - one.points),
        depth=one.depth + share * (other.depth - one.depth),
        presence=one.presence + share * (other.presence - one.presence),
    )


def _run(pixels: U8, crop: _Crop, *, mirrored: bool = False) -> _Pass:
    """One pass of the landmark network, on request on the mirrored crop."""
    affine = crop.map()
    picture = warp(pixels, affine[None], (CROP, CROP), clamp=True)
    if mirrored:
        picture = np.ascontiguousarray(picture[:, :, ::-1])
    found, presence = session("face_landmarks").run(["points", "presence"], {"pixels": picture})
    local = found[0].astype(np.float64)
    if mirrored:
        local[:, 0] = CROP - local[:, 0]
        local = local[MIRROR]
    points = local[:, :2] @ affine[:, :2].T + affine[:, 2]
    return _Pass(crop, points, -local[:, 2] * crop.side / CROP, float(presence[0]))


def _rotation(roll: float) -> Array:
    """(2, 2) rotation by an angle in radians, clockwise in the photo."""
    c, s = np.cos(roll), np.sin(roll)
    return np.array([[c, -s], [s, c]])


def tilt(eyes: Array, mouth: Array) -> float:
    """Rotation of a head in the image plane, radians, clockwise in the photo.

    The line of the eyes says it best from the front; from the side, where it is short, the line from the
    eyes to the mouth does. Their sum weights both by their length.

    Args:
        eyes, mouth: (2, 2) left and right in the image, pixels.
    """
    down = mouth.mean(axis=0) - eyes.mean(axis=0)
    right = eyes[1] - eyes[0] + (down[1], -down[0])
    return float(np.arctan2(right[1], right[0]))


def _crop_of_face(face: Face, margin: float) -> _Crop:
    """The first crop. The detector's box sits 7 % higher than the landmarks' extent."""
    roll = tilt(face.points[:2], face.points[3:])
    x, y = (face.box[:2] + face.box[2:]) / 2 + _rotation(roll) @ (0.0, 0.07 * face.size)
    return _Crop(x, y, face.size * margin, roll)


def _crop_of_points(points: Array, margin: float) -> _Crop:
    """The crop that the network expects for a face with these points."""
    eyes = np.stack([points[list(eye)].mean(axis=0) for eye in (EYE_LEFT_IN_IMAGE, EYE_RIGHT_IN_IMAGE)])
    roll = tilt(eyes, points[list(MOUTH_CORNERS)])
    upright = points @ _rotation(roll)
    low, high = upright.min(axis=0), upright.max(axis=0)
    x, y = _rotation(roll) @ ((low + high) / 2)
    return _Crop(x, y, float((high - low).max()) * margin, roll)


def _blendshapes(found: _Pass) -> F32:
    """The 52 expression scores of upright points; the network itself is blind to position and size."""
    upright = (found.points[BLENDSHAPE_POINTS] @ _rotation(found.crop.roll)).astype(np.float32)
    scores = session("face_blendshapes").run(["scores"], {"points": upright[None]})[0]
    # The network's first score is "_neutral"; the others are ARKit's but for tongueOut, which comes last.
    assert ARKIT52[-1] == "tongueOut"
    return np.append(np.clip(scores[1:], 0, 1), np.float32(0)).astype(np.float32)
