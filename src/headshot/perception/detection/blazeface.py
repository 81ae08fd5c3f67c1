"""BlazeFace: a small single-shot detector for the large faces of a picture.

V. Bazarevsky et al.: "BlazeFace: Sub-millisecond Neural Face Detection on Mobile GPUs" (2019), the
short-range network of MediaPipe's Face Landmarker. It sees the whole picture in 128 x 128 pixels, so it
knows no small faces, but it finds some that MTCNN misses, among them faces that fill the picture.
"""

from __future__ import annotations

import numpy as np

from headshot.arrays import U8, Array
from headshot.image.resample import warp
from headshot.perception.detection.mtcnn import NOTHING, Found, overlaps
from headshot.perception.networks import run_network

INPUT = 128
GRIDS = ((16, 2), (8, 6))  # cells a side, anchors a cell
SAME = 0.3  # detections that overlap by more are averaged

# MTCNN's box of the same face: centre above this one's by this share of its side (medians over LFW).
RISE = 0.11
# The network has one point for the mouth; its corners lie about this far from it, in distances of the eyes.
MOUTH = 0.42


def _anchors() -> Array:
    """Centres (896, 2) of the anchors in units of the input."""
    rows = []
    for cells, anchors in GRIDS:
        x, y = np.meshgrid(*[(np.arange(cells) + 0.5) / cells] * 2)
        rows.append(np.repeat(np.stack([x.ravel(), y.ravel()], axis=1), anchors, axis=0))
    return np.concatenate(rows)


ANCHORS = _anchors()


def detect(image: U8, threshold: float) -> Found:
    """Upright, large faces in a picture (H, W, 3) uint8 RGB; boxes and points are like MTCNN's."""
    height, width = image.shape[:2]
    side = max(height, width)
    corner = np.array([width - side, height - side]) / 2
    letterbox = np.column_stack([np.eye(2) * side / INPUT, corner])
    pixels = warp(image, letterbox[None], (INPUT, INPUT))
    scores, offsets = run_network("face_detector", ["scores", "boxes"], {"pixels": pixels})
    passed = np.flatnonzero(scores[0] > threshold)
    if not len(passed):
        return NOTHING
    # Offsets are centre x, y, width, height and six points x, y, in pixels of the input.
    local = offsets[0, passed].astype(np.float64).reshape(-1, 8, 2) / INPUT
    local[:, [0, 2, 3, 4, 5, 6, 7]] += ANCHORS[passed, None]
    local[:, 0] -= local[:, 1] / 2
    local[:, 1] += local[:, 0]
    local, score = _blended(local, scores[0, passed].astype(np.float64))
    return _as_mtcnn(local * side + corner, score)


def _blended(local: Array, scores: Array) -> tuple[Array, Array]:
    """The paper's tie resolution (section 3.4): overlapping detections are averaged by score, not dropped.

    Args:
        local: (n, 8, 2) two corners and six points.
        scores: (n,).
    """
    same = overlaps(local[:, :2].reshape(-1, 4)) > SAME
    left, rows, best = np.ones(len(local), dtype=bool), [], []
    while left.any():
        i = int(np.argmax(np.where(left, scores, -1)))
        group = same[i] & left
        group[i] = True
        rows.append(np.average(local[group], axis=0, weights=scores[group]))
        best.append(scores[i])
        left &= ~group
    return np.stack(rows), np.array(best)


def _as_mtcnn(found: Array, scores: Array) -> Found:
    """Corners and points (n, 8, 2) in pixels with MTCNN's box and five points."""
    eyes, nose, mouth = found[:, 2:4], found[:, 4], found[:, 5]
    across = eyes[:, 1] - eyes[:, 0]
    points = np.stack([*eyes.swapaxes(0, 1), nose, mouth - MOUTH * across, mouth + MOUTH * across], axis=1)
    up = eyes.mean(axis=1) - mouth
    up /= np.maximum(np.linalg.norm(up, axis=1, keepdims=True), 1e-9)
    rise = up * RISE * (found[:, 1, 1] - found[:, 0, 1])[:, None]
    boxes = np.concatenate([found[:, 0] + rise, found[:, 1] + rise], axis=1)
    return Found(boxes, points, scores)
