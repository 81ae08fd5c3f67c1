"""Dense face landmarks: 478 points, a presence score and 52 expression weights.

The networks are MediaPipe's Face Landmarker (Attention Mesh; Grishchenko et al., "Attention Mesh:
High-fidelity Face Mesh Prediction in Real-time", 2020), see tools/networks/face_landmarker.py. The points
are named ``mediapipe478`` elsewhere in the project: 0-467 are the vertices of the canonical face mesh,
468-472 and 473-477 the irises.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headshot.arkit import ARKIT52
from headshot.detect import Face, session
from headshot.resample import warp

Array = NDArray[np.float64]
U8 = NDArray[np.uint8]

CROP = 256  # side of the network's input, pixels

# Iris of the eye on the left of the face as one looks at it (the subject's right eye), and of the other:
# centre first, then its right, top, left and bottom edge as one looks at it.
IRIS_LEFT_IN_IMAGE = (468, 469, 470, 471, 472)
IRIS_RIGHT_IN_IMAGE = (473, 474, 475, 476, 477)
# Outer and inner corner of the same two eyes.
EYE_LEFT_IN_IMAGE = (33, 133)
EYE_RIGHT_IN_IMAGE = (263, 362)
MOUTH_CORNERS = (61, 291)

# The usual nearest points of the mesh for the 68 points of iBUG 300-W. Approximate, above all along the jaw
# and the brows; the head model's own "ibug68" is exact.
# fmt: off
MEDIAPIPE_TO_IBUG68 = np.array([
    162, 234, 93, 58, 172, 136, 149, 148, 152, 377, 378, 365, 397, 288, 323, 454, 389,  # jaw
    71, 63, 105, 66, 107, 336, 296, 334, 293, 301,  # brows
    168, 197, 5, 4, 75, 97, 2, 326, 305,  # nose
    33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380,  # eyes
    61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181, 78, 82, 13, 312, 308, 317, 14, 87,  # mouth
])

# The points that the blendshape network takes.
BLENDSHAPE_POINTS = np.array([
    0, 1, 4, 5, 6, 7, 8, 10, 13, 14, 17, 21, 33, 37, 39, 40, 46, 52, 53, 54, 55, 58, 61, 63, 65, 66, 67, 70,
    78, 80, 81, 82, 84, 87, 88, 91, 93, 95, 103, 105, 107, 109, 127, 132, 133, 136, 144, 145, 146, 148, 149,
    150, 152, 153, 154, 155, 157, 158, 159, 160, 161, 162, 163, 168, 172, 173, 176, 178, 181, 185, 191, 195,
    197, 234, 246, 249, 251, 263, 267, 269, 270, 276, 282, 283, 284, 285, 288, 291, 293, 295, 296, 297, 300,
    308, 310, 311, 312, 314, 317, 318, 321, 323, 324, 332, 334, 336, 338, 356, 361, 362, 365, 373, 374, 375,
    377, 378, 379, 380, 381, 382, 384, 385, 386, 387, 388, 389, 390, 397, 398, 400, 402, 405, 409, 415, 454,
    466, 468, 469, 470, 471, 472, 473, 474, 475, 476, 477,
])
# fmt: on


@dataclass(frozen=True)
class Landmarks:
    """Dense landmarks of one face.

    Attributes:
        points: (478, 2) pixels of the photo.
        depth: (478,) the network's relative depth in pixels of the photo, larger is closer to the camera;
            zero lies near the middle of the head.
        presence: the network's belief in [0, 1] that there is a face under the points.
        blendshapes: (52,) float32 expression scores in [0, 1], in the order of `headshot.arkit.ARKIT52`.
            The network has no ``tongueOut``: it is always 0.
    """

    points: Array
    depth: Array
    presence: float
    blendshapes: NDArray[np.float32]


@dataclass(frozen=True)
class LandmarkSettings:
    """Settings of `find_landmarks`.

    Attributes:
        minimum_presence: faces of which the network is less sure do not count; `find_landmarks` itself
            returns its best guess all the same.
        first_margin: side of the first crop over the size of the detector's box.
        margin: side of the later crops over the extent of the landmarks; 1.5 is what the network expects.
    """

    minimum_presence: float = 0.5
    first_margin: float = 1.2
    margin: float = 1.5


@dataclass(frozen=True)
class _Crop:
    """A square, rotated window of the photo: centre and side in pixels, rotation in radians."""

    x: float
    y: float
    side: float
    roll: float

    def map(self) -> Array:
        """(2, 3) pixel coordinates of the network's input to pixels of the photo."""
        k = self.side / CROP
        c, s = np.cos(self.roll) * k, np.sin(self.roll) * k
        a = np.array([[c, -s], [s, c]])
        return np.column_stack([a, np.array([self.x, self.y]) - a @ np.full(2, CROP / 2)])


def find_landmarks(pixels: U8, face: Face, settings: LandmarkSettings = LandmarkSettings()) -> Landmarks:
    """Place the landmarks of a detected face.

    Args:
        pixels: (H, W, 3) uint8 RGB.
        face: a face of this photo.
        settings: see `LandmarkSettings`.

    Returns:
        The landmarks. A low ``presence`` says that there may be no face.
    """
    crop = _crop_of_face(face, settings.first_margin)
    for _ in range(2):
        points, depth, presence = _run(pixels, crop)
        crop, last = _crop_of_points(points, settings.margin), crop
    return Landmarks(points, depth, presence, _blendshapes(points, last.roll))


def _run(pixels: U8, crop: _Crop) -> tuple[Array, Array, float]:
    """One pass of the landmark network: points (478, 2), depth (478,), presence."""
    affine = crop.map()
    picture = warp(pixels, affine[None], (CROP, CROP), clamp=True)
    found, presence = session("face_landmarks").run(["points", "presence"], {"pixels": picture})
    local = found[0].astype(np.float64)
    points = local[:, :2] @ affine[:, :2].T + affine[:, 2]
    return points, -local[:, 2] * crop.side / CROP, float(presence[0])


def _roll(eyes: Array, mouth: Array) -> float:
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
    """The first crop."""
    roll = _roll(face.points[:2], face.points[3:])
    down = 0.07 * face.size * np.array([-np.sin(roll), np.cos(roll)])
    x, y = (face.box[:2] + face.box[2:]) / 2 + down
    return _Crop(x, y, face.size * margin, roll)


def _crop_of_points(points: Array, margin: float) -> _Crop:
    """The crop that the network expects for a face with these points."""
    eyes = np.stack(
        [points[list(EYE_LEFT_IN_IMAGE)].mean(axis=0), points[list(EYE_RIGHT_IN_IMAGE)].mean(axis=0)]
    )
    roll = _roll(eyes, points[list(MOUTH_CORNERS)])
    c, s = np.cos(roll), np.sin(roll)
    upright = points @ np.array([[c, -s], [s, c]])
    low, high = upright.min(axis=0), upright.max(axis=0)
    x, y = np.array([[c, -s], [s, c]]) @ ((low + high) / 2)
    return _Crop(x, y, float((high - low).max()) * margin, roll)


def _blendshapes(points: Array, roll: float) -> NDArray[np.float32]:
    """The 52 expression scores of points (478, 2) of a head rotated by ``roll``."""
    c, s = np.cos(roll), np.sin(roll)
    upright = points[BLENDSHAPE_POINTS] @ np.array([[c, -s], [s, c]])
    scores = session("face_blendshapes").run(["scores"], {"points": upright[None].astype(np.float32)})[0]
    # The network's first score is "_neutral", the others are ARKit's but for tongueOut, which comes last.
    assert ARKIT52[-1] == "tongueOut"
    return np.append(np.clip(scores[1:], 0, 1), np.float32(0)).astype(np.float32)
