"""MTCNN: the three-stage cascade of face detection networks.

K. Zhang, Z. Zhang, Z. Li, Y. Qiao: "Joint Face Detection and Alignment using Multi-task Cascaded
Convolutional Networks", IEEE Signal Processing Letters 23 (2016), section II.A: a fully convolutional
proposal network on an image pyramid, a refining network on 24 x 24 crops of its candidates, and an output
network on 48 x 48 crops of what remains, which also places five points. See tools/networks/mtcnn.py.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from headshot.arrays import F32, U8, Array, Mask
from headshot.image.resample import warp
from headshot.kernels import njit
from headshot.perception.networks import run_network

WINDOW, STRIDE = 12, 2  # receptive field and step of the proposal network, pixels
PYRAMID_STEP = 0.709  # about sqrt(1/2), as in the authors' code: the area halves at each level


class Found(NamedTuple):
    """Detections: boxes (n, 4) x0, y0, x1, y1 and points (n, 5, 2) in pixels, scores (n,) in [0, 1]."""

    boxes: Array
    points: Array
    scores: Array


NOTHING = Found(np.empty((0, 4)), np.empty((0, 5, 2)), np.empty(0))


def cascade(image: U8, min_face: float, thresholds: tuple[float, float, float]) -> Found:
    """Upright faces in a picture.

    Args:
        image: (H, W, 3) uint8 RGB.
        min_face: side of the smallest window, pixels; smaller than 12 counts as 12.
        thresholds: scores needed to pass each of the three networks.
    """
    boxes = _proposals(image, max(min_face, WINDOW), thresholds[0])
    if not len(boxes):
        return NOTHING
    face, shifts = run_network("mtcnn_rnet", ["scores", "boxes"], {"pixels": _crops(image, boxes, 24)})
    passed = np.flatnonzero(face[:, 1] > thresholds[1])
    passed = passed[suppress(boxes[passed], face[passed, 1], 0.7)]
    boxes = _squares(_corrected(boxes[passed], shifts[passed]))
    if not len(boxes):
        return NOTHING
    face, shifts, places = run_network(
        "mtcnn_onet", ["scores", "boxes", "points"], {"pixels": _crops(image, boxes, 48)}
    )
    passed = np.flatnonzero(face[:, 1] > thresholds[2])
    local = places[passed].astype(np.float64).reshape(-1, 2, 5).swapaxes(1, 2)
    corner, side = boxes[passed, None, :2], boxes[passed, None, 2:] - boxes[passed, None, :2]
    boxes, scores = _corrected(boxes[passed], shifts[passed]), face[passed, 1].astype(np.float64)
    best = suppress(boxes, scores, 0.7, of_smaller=True)
    return Found(boxes[best], (corner + local * side)[best], scores[best])


def are_upright(image: U8, boxes: Array) -> Mask:
    """Whether boxes (n, 4) score higher as faces (n,) than their contents turned upside down.

    The networks take one upside-down face in three for an upright one, with bad points. The output network
    mostly prefers the right one of both.
    """
    upright = _crops(image, _squares(boxes), 48)
    both = np.concatenate([upright, upright[:, ::-1, ::-1]])
    score = run_network("mtcnn_onet", ["scores"], {"pixels": both})[0][:, 1].reshape(2, -1)
    return score[0] >= score[1]


def _proposals(image: U8, min_face: float, threshold: float) -> Array:
    """Square candidates (n, 4) of the proposal network over an image pyramid."""
    height, width = image.shape[:2]
    scale, level = WINDOW / min_face, Image.fromarray(image)
    found, scores, shifts = [], [], []
    while min(height, width) * scale >= WINDOW:
        size = (int(np.ceil(width * scale)), int(np.ceil(height * scale)))
        level = level.resize(size, Image.Resampling.BOX)
        face, shift = run_network("mtcnn_pnet", ["scores", "boxes"], {"pixels": np.asarray(level)[None]})
        y, x = np.nonzero(face[0, :, :, 1] >= threshold)
        corner = np.stack([x, y], axis=1) * float(STRIDE)
        ratio = np.array([width, height]) / size
        boxes = np.concatenate([corner * ratio, (corner + WINDOW) * ratio], axis=1)
        best = suppress(boxes, face[0, y, x, 1], 0.5)
        found.append(boxes[best])
        scores.append(face[0, y, x, 1][best])
        shifts.append(shift[0, y, x][best])
        scale *= PYRAMID_STEP
    if not found:
        return np.empty((0, 4))
    boxes = np.concatenate(found)
    best = suppress(boxes, np.concatenate(scores), 0.7)
    return _squares(_corrected(boxes[best], np.concatenate(shifts)[best]))


def _corrected(boxes: Array, shifts: F32) -> Array:
    """Boxes (n, 4) moved by a network's corrections (n, 4), which are in units of their sides."""
    return boxes + shifts * np.tile(boxes[:, 2:] - boxes[:, :2], 2)


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


@njit(cache=True, nogil=True)
def _overlap(one, other, of_smaller):  # type: ignore[no-untyped-def]
    """Intersection of two boxes (4,) over their union, or over the smaller one."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    shared = max(width, 0.0) * max(height, 0.0)
    first = (one[2] - one[0]) * (one[3] - one[1])
    second = (other[2] - other[0]) * (other[3] - other[1])
    whole = min(first, second) if of_smaller else first + second - shared
    return shared / max(whole, 1e-9)


@njit(cache=True, nogil=True)
def _overlaps(boxes, of_smaller, out):  # type: ignore[no-untyped-def]
    """`overlaps`. boxes (n, 4), out (n, n)."""
    for i in range(len(boxes)):
        for j in range(len(boxes)):
            out[i, j] = _overlap(boxes[i], boxes[j], of_smaller)


@njit(cache=True, nogil=True)
def _suppress(boxes, threshold, of_smaller, alive):  # type: ignore[no-untyped-def]
    """`suppress` of boxes (n, 4) in the order of their scores; alive (n,) all True before."""
    for i in range(len(boxes)):
        if alive[i]:
            for j in range(i + 1, len(boxes)):
                if alive[j] and _overlap(boxes[i], boxes[j], of_smaller) > threshold:
                    alive[j] = False


def overlaps(boxes: Array, *, of_smaller: bool = False) -> Array:
    """Intersections (n, n) of boxes (n, 4) over their union, or over the smaller box of each pair."""
    out = np.empty((len(boxes), len(boxes)))
    _overlaps(np.ascontiguousarray(boxes, np.float64), of_smaller, out)
    return out


def suppress(
    boxes: Array, scores: NDArray[np.floating], threshold: float, *, of_smaller: bool = False
) -> NDArray[np.intp]:
    """Non-maximum suppression.

    Args:
        boxes: (n, 4).
        scores: (n,).
        threshold: boxes that overlap a better one by more than this are dropped.
        of_smaller: measure the overlap against the smaller box instead of the union.

    Returns:
        Indices of the boxes to keep, best first.
    """
    order = np.argsort(-scores, kind="stable")
    alive = np.ones(len(order), dtype=bool)
    # One pair after the other: of a large photo of leaves there are 3,000 boxes and more, and n x n numbers
    # of them would take gigabytes.
    _suppress(np.ascontiguousarray(boxes[order], np.float64), threshold, of_smaller, alive)
    return order[alive]
