"""Faces in a photo: box, five points and score, by MTCNN.

K. Zhang, Z. Zhang, Z. Li, Y. Qiao: "Joint Face Detection and Alignment using Multi-task Cascaded
Convolutional Networks", IEEE Signal Processing Letters 23 (2016). Three networks, each on the survivors of
the one before: a fully convolutional proposal network on an image pyramid, a refining network on 24 x 24
crops, and an output network on 48 x 48 crops that also places five points.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from headshot import assets
from headshot.resample import reduced, warp

Array = NDArray[np.float64]
U8 = NDArray[np.uint8]

WINDOW, STRIDE = 12, 2  # receptive field and step of the proposal network, pixels
PYRAMID_STEP = 0.709  # sqrt(1/2), as in the authors' code: the area halves at each level


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
    """Settings of `detect_faces`.

    Attributes:
        min_face: smallest face to look for, pixels of the photo.
        min_share: and as a share of the photo's longer side; the larger of both counts at first.
        thresholds: scores that a candidate needs to pass the three networks.
        working_size: longer side, in pixels, of the reduced copy that is searched first.
    """

    min_face: float = 20.0
    min_share: float = 0.04
    thresholds: tuple[float, float, float] = (0.6, 0.7, 0.85)
    working_size: int = 640


@cache
def session(name: str) -> ort.InferenceSession:
    """A bundled network, loaded once and run on one thread."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return ort.InferenceSession(str(assets.path(f"{name}.onnx")), options, providers=["CPUExecutionProvider"])


def detect_faces(pixels: U8, settings: DetectSettings = DetectSettings()) -> list[Face]:
    """Find the faces in a photo.

    Args:
        pixels: (H, W, 3) uint8 RGB.
        settings: see `DetectSettings`.

    Returns:
        The faces, largest first; empty when there is none.
    """
    factor = max(1, max(pixels.shape[:2]) // settings.working_size)
    small = reduced(pixels, factor)
    min_face = max(settings.min_face / factor, settings.min_share * max(small.shape[:2]))
    faces = [
        Face(face.box * factor, face.points * factor, face.score)
        for face in _cascade(small, min_face, settings.thresholds)
    ]
    return sorted(faces, key=lambda face: -face.size)


def _cascade(image: U8, min_face: float, thresholds: tuple[float, float, float]) -> list[Face]:
    """Section II.A of the paper."""
    boxes = _proposals(image, max(min_face, WINDOW), thresholds[0])
    if not len(boxes):
        return []
    scores, shifts = session("mtcnn_rnet").run(["scores", "boxes"], {"pixels": _crops(image, boxes, 24)})
    keep = scores[:, 1] > thresholds[1]
    boxes, score = boxes[keep], scores[keep, 1]
    kept = suppress(boxes, score, 0.7)
    boxes = _squares(_corrected(boxes[kept], shifts[keep][kept]))
    if not len(boxes):
        return []
    scores, shifts, places = session("mtcnn_onet").run(
        ["scores", "boxes", "points"], {"pixels": _crops(image, boxes, 48)}
    )
    keep = scores[:, 1] > thresholds[2]
    boxes, score, places = boxes[keep], scores[keep, 1], places[keep].reshape(-1, 2, 5).swapaxes(1, 2)
    points = boxes[:, None, :2] + places * (boxes[:, None, 2:] - boxes[:, None, :2])
    boxes = _corrected(boxes, shifts[keep])
    return [
        Face(boxes[i], points[i].astype(np.float64), float(score[i]))
        for i in suppress(boxes, score, 0.7, of_smaller=True)
    ]


def _proposals(image: U8, min_face: float, threshold: float) -> Array:
    """Square candidates (n, 4) of the proposal network over an image pyramid."""
    height, width = image.shape[:2]
    scale, level = WINDOW / min_face, image
    found, scores, shifts = [], [], []
    while min(height, width) * scale >= WINDOW:
        size = (int(np.ceil(height * scale)), int(np.ceil(width * scale)))
        sy, sx = level.shape[0] / size[0], level.shape[1] / size[1]
        level = warp(level, [[sx, 0, 0], [0, sy, 0]], size, clamp=True)[0]
        score, shift = session("mtcnn_pnet").run(["scores", "boxes"], {"pixels": level[None]})
        y, x = np.nonzero(score[0, :, :, 1] >= threshold)
        corner = np.stack([x, y], axis=1) * float(STRIDE)
        ratio = np.array([width / size[1], height / size[0]])
        boxes = np.concatenate([corner * ratio, (corner + WINDOW) * ratio], axis=1)
        kept = suppress(boxes, score[0, y, x, 1], 0.5)
        found.append(boxes[kept])
        scores.append(score[0, y, x, 1][kept])
        shifts.append(shift[0, y, x][kept])
        scale *= PYRAMID_STEP
    if not found:
        return np.empty((0, 4))
    boxes = np.concatenate(found)
    kept = suppress(boxes, np.concatenate(scores), 0.7)
    return _squares(_corrected(boxes[kept], np.concatenate(shifts)[kept]))


def _corrected(boxes: Array, shifts: NDArray[np.float32]) -> Array:
    """Boxes (n, 4) moved by a network's corrections (n, 4), in units of their sides."""
    sides = boxes[:, 2:] - boxes[:, :2]
    return boxes + shifts * np.tile(sides, 2)


def _squares(boxes: Array) -> Array:
    """Boxes (n, 4) grown to squares about their centres."""
    centre, sides = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
    half = sides.max(axis=1, keepdims=True) / 2
    return np.concatenate([centre - half, centre + half], axis=1)


def _crops(image: U8, boxes: Array, size: int) -> U8:
    """Square boxes (n, 4) as crops (n, size, size, 3), black outside of the picture."""
    maps = np.zeros((len(boxes), 2, 3))
    maps[:, 0, 0] = (boxes[:, 2] - boxes[:, 0]) / size
    maps[:, 1, 1] = (boxes[:, 3] - boxes[:, 1]) / size
    maps[:, :, 2] = boxes[:, :2]
    return warp(image, maps, (size, size))


def overlaps(boxes: Array, *, of_smaller: bool = False) -> Array:
    """Intersections (n, n) of boxes over their union, or over the smaller box of each pair."""
    low = np.maximum(boxes[:, None, :2], boxes[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], boxes[None, :, 2:])
    shared = np.prod(np.clip(high - low, 0, None), axis=2)
    area = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    other = np.minimum(area[:, None], area) if of_smaller else area[:, None] + area - shared
    return shared / np.maximum(other, 1e-9)


def suppress(
    boxes: Array, scores: NDArray[np.float32], threshold: float, *, of_smaller: bool = False
) -> NDArray[np.intp]:
    """Non-maximum suppression: indices of the boxes (n, 4) to keep, best first."""
    order = np.argsort(-scores, kind="stable")
    clash = overlaps(boxes[order], of_smaller=of_smaller) > threshold
    alive = np.ones(len(order), dtype=bool)
    for i in range(len(order)):
        if alive[i]:
            alive[i + 1 :] &= ~clash[i, i + 1 :]
    return order[alive]
