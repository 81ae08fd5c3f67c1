"""Faces in a photo: box, five points and score.

MTCNN does the work (`headshot.perception.detection.mtcnn`), on copies of the photo that are as small as the
faces sought allow. When it is not sure to have found one, BlazeFace, a finer search and rotated copies
follow.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from headshot.arrays import U8, Array
from headshot.image.resample import reduced, warp
from headshot.perception.detection import blazeface, mtcnn
from headshot.perception.detection.mtcnn import Found

QUARTER_TURNS = (90.0, -90.0, 180.0)
HALF_WAY = (45.0, -45.0, 135.0, -135.0)


@dataclass(frozen=True)
class Face:
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
class DetectSettings:
    """Settings of `detect_faces`. Shares are of the photo's longer side.

    Attributes:
        min_face: smallest face to look for, pixels of the photo.
        min_share: smallest face to look for at first.
        fine_share: smallest face to look for when the first search finds none for sure.
        thresholds: scores that a candidate needs to pass MTCNN's three networks.
        late_score: in the place of the last of them, for what only the later searches find.
        sure_score: a face with this score ends the search.
        rotated: look for tilted and upside-down heads too when none is found for sure.
        exhaustive: look for small faces even when there are large ones, as for a group portrait.
    """

    min_face: float = 20.0
    min_share: float = 0.06
    fine_share: float = 0.015
    thresholds: tuple[float, float, float] = (0.6, 0.7, 0.85)
    late_score: float = 0.95
    sure_score: float = 0.99
    rotated: bool = True
    exhaustive: bool = False


def detect_faces(pixels: U8, settings: DetectSettings = DetectSettings()) -> list[Face]:
    """Find the faces in a photo.

    Upright faces of some size are sought first, which is all that most photos need. While there is none for
    sure, the search goes on, see `DetectSettings`.

    Args:
        pixels: (H, W, 3) uint8 RGB.
        settings: what to look for.

    Returns:
        The faces, largest first, by what the photo shows of their boxes; empty when there is none. No two
        overlap by more than half of the smaller one.
    """
    best = mtcnn.NOTHING
    for found in _searches(pixels, settings):
        best = Found(*(np.concatenate(pair) for pair in zip(best, found, strict=True)))
        kept = mtcnn.suppress(best.boxes, best.scores, 0.5, of_smaller=True)
        best = Found(*(values[kept] for values in best))
        sure = best.scores >= settings.sure_score
        if sure.any() and not settings.exhaustive and mtcnn.look_upright(pixels, best.boxes[sure]).any():
            break
    visible = np.clip(best.boxes.reshape(-1, 2, 2), 0, (pixels.shape[1], pixels.shape[0]))
    order = np.argsort(-np.prod(visible[:, 1] - visible[:, 0], axis=1), kind="stable")
    return [Face(best.boxes[i], best.points[i], float(best.scores[i])) for i in order]


def _searches(pixels: U8, settings: DetectSettings) -> Iterator[Found]:
    """Searches in the order of what they usually give for their time."""
    yield _upright(pixels, settings.min_share, settings)
    late = replace(settings, thresholds=(*settings.thresholds[:2], settings.late_score))
    yield blazeface.detect(pixels, settings.thresholds[-1])
    yield _upright(pixels, settings.fine_share, late)
    if settings.rotated:
        yield _rotated(pixels, QUARTER_TURNS, late)
        yield _rotated(pixels, HALF_WAY, late)


def _working_copy(pixels: U8, share: float, settings: DetectSettings) -> tuple[U8, float, int]:
    """A copy of the photo, its smallest face in pixels, and how much smaller than the photo it is.

    Faces keep about 36 pixels, so that the last network's 48 do not have to be invented.
    """
    min_face = max(settings.min_face, share * max(pixels.shape[:2]))
    factor = max(1, int(min_face / 36))
    return reduced(pixels, factor), min_face / factor, factor


def _upright(pixels: U8, share: float, settings: DetectSettings) -> Found:
    """Upright faces of at least a share of the photo."""
    copy, min_face, factor = _working_copy(pixels, share, settings)
    boxes, points, scores = mtcnn.cascade(copy, min_face, settings.thresholds)
    return Found(boxes * factor, points * factor, scores)


def _rotated(pixels: U8, degrees: tuple[float, ...], settings: DetectSettings) -> Found:
    """Faces that are upright in rotated copies of the photo."""
    copy, min_face, factor = _working_copy(pixels, settings.min_share, settings)
    height, width = copy.shape[:2]
    results = []
    for angle in np.radians(degrees):
        c, s = np.cos(angle), np.sin(angle)
        rotation = np.array([[c, -s], [s, c]])  # of the rotated copy into the copy
        size = np.abs(rotation.T) @ (width, height)
        across, down = np.ceil(size - 1e-6).astype(int)
        centre = np.array([width, height]) / 2 - rotation @ (across / 2, down / 2)
        turned = warp(copy, np.column_stack([rotation, centre])[None], (down, across))[0]
        boxes, points, scores = mtcnn.cascade(turned, min_face, settings.thresholds)
        middle = (boxes[:, :2] + boxes[:, 2:]) / 2 @ rotation.T + centre
        half = (boxes[:, 2:] - boxes[:, :2]) / 2 @ np.abs(rotation.T)
        if angle % (np.pi / 2) > 1e-6:  # a tilted box needs no larger one around it
            half = (boxes[:, 2:] - boxes[:, :2]) / 2
        boxes = np.concatenate([middle - half, middle + half], axis=1)
        results.append(Found(boxes * factor, (points @ rotation.T + centre) * factor, scores))
    return Found(*(np.concatenate(values) for values in zip(*results, strict=True)))
