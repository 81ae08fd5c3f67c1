"""Faces in a photo: box, five points and score.

MTCNN (`headshot.perception.detection.mtcnn`) searches copies of the photo that are as small as the faces
sought allow. While no face has a high score, BlazeFace, a finer search and rotated copies follow.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from headshot.arrays import U8, Array, ReadOnly
from headshot.checked import Checked
from headshot.image.crop import rotation2d
from headshot.image.resample import reduced, warp
from headshot.perception.detection import blazeface, mtcnn
from headshot.perception.detection.mtcnn import Found

QUARTER_TURNS = (90.0, -90.0, 180.0)
HALF_WAY = (45.0, -45.0, 135.0, -135.0)

FIRST_SHARE, FINE_SHARE = 0.06, 0.015
"""Smallest faces of the first search and of the finer one, in shares of the photo's longer side."""
HIGH_SCORE = 0.99
"""A face with this score ends the search."""
LATE_THRESHOLD = 0.95
"""Score that MTCNN's last network must give to what only the finer and the rotated searches find: they see
many more candidates, and so more false ones."""
WORKING_SIZE = 36
"""Pixels that the smallest face keeps in the copy that is searched, so that the 48 of MTCNN's last network
are not mostly interpolated."""

BORDER_SHARE = 0.1
"""Smallest face sought at the border, as a share of the photo's longer side."""
CONTINUED = 0.35
"""How far the photo is continued there, as a share of its longer side: half of the largest face."""
BORDER_THRESHOLDS, MIRROR_THRESHOLDS = (0.1, 0.02, 0.0), (0.3, 0.1, 0.1)
"""Scores that MTCNN's three networks must give there, before black and before the mirror image: of lower
halves of faces, at the scores that whole ones need, one in two is proposed, at these nine in ten
(`python benchmarks/cut_off_faces.py`)."""
CUT_OFF = (0.04, 0.75)
"""Shares of a box's side beyond the border, least and most: with less, `detect_faces` finds the face."""


@dataclass(frozen=True, eq=False, repr=False)
class Face(ReadOnly):
    """A face in a photo.

    Attributes:
        box: (4,) x0, y0, x1, y1 in pixels; may reach beyond the photo.
        points: (5, 2) pixels: the eye on the left of the (upright) face as one looks at it, the other eye,
            the nose tip, the mouth corner on the left, the other mouth corner.
        score: confidence of the detector in [0, 1].
    """

    box: Array
    points: Array
    score: float

    @property
    def size(self) -> float:
        """Geometric mean of the box's sides, pixels."""
        return float(np.sqrt(np.prod(self.box[2:] - self.box[:2])))


@dataclass(frozen=True)
class DetectSettings(Checked):
    """Settings of `detect_faces`.

    Attributes:
        min_face: smallest face to search for, pixels of the photo.
        thresholds: scores that a candidate needs to pass MTCNN's three networks.
        rotated: search for tilted and upside-down heads too when no face has a high score.
        exhaustive: search for small faces even when there are large ones, as for a group portrait.
    """

    min_face: float = 20.0
    thresholds: tuple[float, float, float] = (0.6, 0.7, 0.85)
    rotated: bool = True
    exhaustive: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.min_face <= 0:
            raise ValueError(f"min_face must be positive, got {self.min_face}")
        if len(self.thresholds) != 3 or not all(0 <= t <= 1 for t in self.thresholds):
            raise ValueError(f"thresholds must be three scores in [0, 1], got {self.thresholds}")


def detect_faces(pixels: U8, settings: DetectSettings = DetectSettings()) -> list[Face]:
    """Find the faces in a photo.

    Upright faces of some size are searched for first, which is all that most photos need. The search goes on
    while none has a `HIGH_SCORE`.

    Args:
        pixels: (H, W, 3) uint8 RGB.
        settings: see `DetectSettings`.

    Returns:
        The faces, largest first, by what the photo shows of their boxes; empty when there is none. No two
        overlap by more than half of the smaller one.
    """
    best = mtcnn.NOTHING
    for found in _searches(pixels, settings):
        best = Found(*(np.concatenate(pair) for pair in zip(best, found, strict=True)))
        order = mtcnn.suppress(best.boxes, best.scores, 0.5, of_smaller=True)
        best = Found(*(values[order] for values in best))
        high = best.scores >= HIGH_SCORE
        if high.any() and not settings.exhaustive and mtcnn.are_upright(pixels, best.boxes[high]).any():
            break
    visible = np.clip(best.boxes.reshape(-1, 2, 2), 0, (pixels.shape[1], pixels.shape[0]))
    order = np.argsort(-np.prod(visible[:, 1] - visible[:, 0], axis=1), kind="stable")
    return [Face(best.boxes[i], best.points[i], float(best.scores[i])) for i in order]


def faces_at_border(pixels: U8) -> list[Face]:
    """Candidates for faces of which the border of a photo cuts off a part, up to a half and more.

    MTCNN proposes windows inside of a picture only, and what is left of such a face fills none. Here the
    photo is continued by black, as the later networks of the cascade see it, and very low scores pass; and
    at its sides by its mirror image, in which half of a face is mostly whole. What is found is to be verified
    (`headshot.perception.cut_off`).

    Args:
        pixels: (H, W, 3) uint8 RGB.
    """
    copy, min_face, factor = _working_copy(pixels, BORDER_SHARE, DetectSettings())
    height, width = copy.shape[:2]
    pad = int(CONTINUED * max(height, width))
    side = min(pad, width)
    faces = []
    for picture, corner, thresholds in (
        (np.pad(copy, ((pad, pad), (pad, pad), (0, 0))), (pad, pad), BORDER_THRESHOLDS),
        (np.pad(copy, ((0, 0), (side, side), (0, 0)), mode="symmetric"), (side, 0), MIRROR_THRESHOLDS),
    ):
        found = mtcnn.cascade(picture, min_face, thresholds)
        boxes, points = (found.boxes - np.tile(corner, 2)) * factor, (found.points - corner) * factor
        faces += [Face(*one[:2], float(one[2])) for one in zip(boxes, points, found.scores, strict=True)]
    return [face for face in faces if is_cut_off(face.box, pixels)]


def is_cut_off(box: Array, pixels: U8) -> bool:
    """Whether a share `CUT_OFF` of a box (4,) lies beyond the border of a photo (H, W, 3)."""
    return bool(CUT_OFF[0] < beyond_border(box, pixels).max() < CUT_OFF[1])


def beyond_border(box: Array, pixels: U8) -> Array:
    """Shares (4,) of a box (4,) that lie left of a photo (H, W, 3), above, right of and below it."""
    size = (pixels.shape[1], pixels.shape[0])
    return np.concatenate([-box[:2], box[2:] - size]) / np.tile(box[2:] - box[:2], 2)


def _searches(pixels: U8, settings: DetectSettings) -> Iterator[Found]:
    """Searches in the order of what they usually find for their time."""
    yield _upright(pixels, FIRST_SHARE, settings)
    late = replace(settings, thresholds=(*settings.thresholds[:2], LATE_THRESHOLD))
    yield blazeface.detect(pixels, settings.thresholds[-1])
    yield _upright(pixels, FINE_SHARE, late)
    if settings.rotated:
        yield _rotated(pixels, QUARTER_TURNS, late)
        yield _rotated(pixels, HALF_WAY, late)


def _working_copy(pixels: U8, share: float, settings: DetectSettings) -> tuple[U8, float, int]:
    """A copy of the photo, its smallest face in pixels, and how much smaller than the photo it is."""
    min_face = max(settings.min_face, share * max(pixels.shape[:2]))
    factor = max(1, int(min_face / WORKING_SIZE))
    return reduced(pixels, factor), min_face / factor, factor


def _upright(pixels: U8, share: float, settings: DetectSettings) -> Found:
    """Upright faces of at least a share of the photo."""
    copy, min_face, factor = _working_copy(pixels, share, settings)
    boxes, points, scores = mtcnn.cascade(copy, min_face, settings.thresholds)
    return Found(boxes * factor, points * factor, scores)


def _rotated(pixels: U8, degrees: tuple[float, ...], settings: DetectSettings) -> Found:
    """Faces that are upright in rotated copies of the photo."""
    copy, min_face, factor = _working_copy(pixels, FIRST_SHARE, settings)
    height, width = copy.shape[:2]
    results = []
    for angle in degrees:
        rotation = rotation2d(angle)  # of the rotated copy into the copy
        size = np.abs(rotation.T) @ (width, height)
        across, down = np.ceil(size - 1e-6).astype(int)
        centre = np.array([width, height]) / 2 - rotation @ (across / 2, down / 2)
        turned = warp(copy, np.column_stack([rotation, centre])[None], (down, across))[0]
        boxes, points, scores = mtcnn.cascade(turned, min_face, settings.thresholds)
        middle = (boxes[:, :2] + boxes[:, 2:]) / 2 @ rotation.T + centre
        half = (boxes[:, 2:] - boxes[:, :2]) / 2 @ np.abs(rotation.T)
        if angle % 90:  # a tilted box needs no larger one around it
            half = (boxes[:, 2:] - boxes[:, :2]) / 2
        boxes = np.concatenate([middle - half, middle + half], axis=1)
        results.append(Found(boxes * factor, (points @ rotation.T + centre) * factor, scores))
    return Found(*(np.concatenate(values) for values in zip(*results, strict=True)))
