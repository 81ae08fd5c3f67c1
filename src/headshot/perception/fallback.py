"""Fallback detector: landmarks and faces by the in-house network where the other networks fail.

The in-house network (`headshot.perception.landmarks.in_house`) is trained to place the points of a face that
is there; its presence is a weaker sign of a face than the score of a detector. A face that no detector found
must therefore pass four checks (`verify_detection`): presence in several crops around it, points that stay in
place from one pass to the next, points that lie on the predicted head, and the scores of MTCNN's output
network and of BlazeFace in crops around it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from headshot.arrays import U8, Array
from headshot.checked import Checked
from headshot.geometry.camera import extent_of
from headshot.image.crop import FaceCrop, cut_crops
from headshot.models.head_model import load_head_model
from headshot.models.topologies.mediapipe478 import (
    EYE_LEFT_IN_IMAGE,
    EYE_RIGHT_IN_IMAGE,
    MOUTH_CORNERS,
    NOSE_TIP,
)
from headshot.perception.detection.detect import Face
from headshot.perception.detection.mtcnn import overlaps
from headshot.perception.landmarks.in_house import (
    MARGIN,
    HeadPrediction,
    predict_heads,
    refine_points,
)
from headshot.perception.landmarks.mediapipe import Landmarks
from headshot.perception.networks import run_network

# With these thresholds no head is found in 58 desktop pictures without people (`python
# benchmarks/faceless.py`, docs/explanation/regressor.md) and almost all of CFP's held-out profiles are
# (`headshot evaluate profiles`, docs/explanation/results.md).
MIN_PRESENCE = 0.5
"""Presence from which a head counts as found."""
MAX_SHIFT = 0.05
"""Largest mean distance of the points of two passes, as a share of their extent."""
MIN_PRESENCE_AROUND = 0.9
"""Least presence in all of the crops `AROUND` a face that no detector found."""
MAX_MISFIT = 0.035
"""Largest mean distance of its points from the head predicted with them, as a share of their extent."""
MIN_AGREEMENT = 0.4
"""Least product of the scores of MTCNN's output network and of BlazeFace."""

ZOOMS = (0.6, 0.75, 0.9)
"""Crops for MTCNN's output network, in those of the in-house network."""
LEAST_CONTRAST = 8.0
"""Range of values, of 255, that is stretched at most: less is noise."""

AROUND = (
    (1, 0.12, 0, 0), (1, -0.12, 0, 0), (1, 0, 0.12, 0), (1, 0, -0.12, 0),
    (1.2, 0, 0, 0), (0.85, 0, 0, 0), (1, 0, 0, 20), (1, 0, 0, -20),
)  # fmt: skip
"""Crops around a face, as `FaceCrop.varied` takes them."""

GRID_STEP = 0.35
"""Distance of the crops of a search grid, in their sides: training shifted faces by up to a third."""
CANDIDATES = 4
"""Crops of a grid that get further passes, those with the highest presence."""
SAME = 0.3
"""Overlap (intersection over union) of the boxes of one face found twice."""


@dataclass(frozen=True)
class FallbackSettings(Checked):
    """When the in-house network finds the landmarks.

    Attributes:
        enabled: False leaves all faces to the detectors and MediaPipe's landmark network.
        check_yaw: degrees of yaw by MediaPipe's landmarks from which the in-house network runs as well:
            MediaPipe's network places the points of a profile like those of a three-quarter view.
        prefer_yaw: degrees of yaw by the in-house landmarks from which these replace MediaPipe's.
        search_sizes: of the faces to search for where no detector found one, in shares of the photo's shorter
            side; empty searches for none.
    """

    enabled: bool = True
    check_yaw: float = 35.0
    prefer_yaw: float = 55.0
    search_sizes: tuple[float, ...] = (0.8, 0.5, 0.31, 0.19)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not all(0 < size <= 1 for size in self.search_sizes):
            raise ValueError(f"search_sizes must be shares of the photo in (0, 1], got {self.search_sizes}")


def in_house_landmarks(pixels: U8, start: FaceCrop) -> Landmarks | None:
    """Landmarks by the in-house network for the face in or near a crop; None where it finds none.

    Args:
        pixels: (H, W, 3) uint8 RGB.
        start: crop of the first pass.
    """
    first = predict_heads(pixels, [start])[0]
    second = predict_heads(pixels, [first.next_crop])[0]
    if second.presence < MIN_PRESENCE / 2:
        return None
    third = predict_heads(pixels, [second.next_crop], mirrored=True)[0]
    shift = float(np.linalg.norm(third.points - second.points, axis=1).mean()) / _extent(third)
    if third.presence < MIN_PRESENCE or shift > MAX_SHIFT:
        return None
    found = refine_points(pixels, third)
    return Landmarks(
        points=found.points,
        depth=_head_points(found)[:, 2] * found.scale,
        presence=found.presence,
        blendshapes=found.expression.astype(np.float32),
        spread=shift,
        prediction=found,
    )


def search(pixels: U8, settings: FallbackSettings) -> list[tuple[Face, Landmarks]]:
    """Faces that no detector found, largest first, by the in-house network on grids of crops.

    Larger faces are searched for first; the search ends with the first size of which there are any.

    Args:
        pixels: (H, W, 3) uint8 RGB.
        settings: see `FallbackSettings`.
    """
    for size in settings.search_sizes:
        heads = predict_heads(pixels, list(_grid(pixels, size)))
        found: list[tuple[Face, Landmarks]] = []
        for k in np.argsort([-head.presence for head in heads])[:CANDIDATES]:
            if heads[k].presence < MIN_PRESENCE:
                break
            points = in_house_landmarks(pixels, heads[k].next_crop)
            if points is None or not verify_detection(pixels, points):
                continue
            face = face_of(points)
            if not any(overlaps(np.stack([face.box, other.box]))[0, 1] > SAME for other, _ in found):
                found.append((face, points))
        if found:
            return sorted(found, key=lambda pair: -pair[0].size)
    return []


def face_of(points: Landmarks) -> Face:
    """A detection under landmarks: box and five points."""
    p = points.points
    eyes = [p[list(corners)].mean(axis=0) for corners in (EYE_LEFT_IN_IMAGE, EYE_RIGHT_IN_IMAGE)]
    five = np.stack([*eyes, p[NOSE_TIP], *p[list(MOUTH_CORNERS)]])
    return Face(np.concatenate([p.min(axis=0), p.max(axis=0)]), five, points.presence)


def _grid(pixels: U8, size: float) -> Iterator[FaceCrop]:
    """Crops for faces of a size, a share of the photo's shorter side, all over the photo."""
    height, width = pixels.shape[:2]
    face = size * min(height, width)
    side = MARGIN * face
    axes = []
    for length in (width, height):
        count = int(np.ceil(max(length - face, 0.0) / (GRID_STEP * side))) + 1
        axes.append(np.linspace(face / 2, length - face / 2, count) if count > 1 else np.array([length / 2]))
    for y in axes[1]:
        for x in axes[0]:
            yield FaceCrop(float(x), float(y), side)


def verify_detection(pixels: U8, points: Landmarks) -> bool:
    """Whether in-house landmarks lie on a face, by all checks; the cheap ones come first.

    Args:
        pixels: (H, W, 3) uint8 RGB.
        points: of `in_house_landmarks`.

    Raises:
        ValueError: they come from another network.
    """
    if points.prediction is None:
        raise ValueError("expected landmarks of the in-house network, got those of MediaPipe's")
    crop = points.prediction.crop
    return (
        presence_around(pixels, crop) >= MIN_PRESENCE_AROUND
        # The points of a single pass, not refined, as the head is.
        and head_misfit(predict_heads(pixels, [crop])[0]) <= MAX_MISFIT
        and detector_agreement(pixels, crop) >= MIN_AGREEMENT
    )


def presence_around(pixels: U8, crop: FaceCrop) -> float:
    """Least presence in the crops `AROUND` a crop."""
    crops = [crop.varied(*variation) for variation in AROUND]
    return min(head.presence for head in predict_heads(pixels, crops))


def head_misfit(found: HeadPrediction) -> float:
    """Mean distance of predicted points from the same points of the predicted head, in their extent."""
    on_head = found.origin + _head_points(found)[:, :2] * [found.scale, -found.scale]
    return float(np.linalg.norm(on_head - found.points, axis=1).mean()) / _extent(found)


def detector_agreement(pixels: U8, crop: FaceCrop) -> float:
    """Product of the scores of MTCNN's output network and of BlazeFace for the face in a crop, in [0, 1].

    Of each the best over several enlargements of the crop.
    """
    small = cut_crops(pixels, [crop.varied(zoom) for zoom in ZOOMS], 48)
    large = cut_crops(pixels, [crop.varied(zoom) for zoom in (1.0, 1.6)], 128)
    one = run_network("mtcnn_onet", ["scores"], {"pixels": small})[0][:, 1].max()
    other = max(run_network("face_detector", ["scores"], {"pixels": p[None]})[0].max() for p in large)
    return float(one * other)


def face_score(pixels: U8, crop: FaceCrop) -> float:
    """How far the face in a crop is a person's, in [0, 1], by MTCNN's output network.

    The median over several enlargements of the crop, their contrast stretched, so that little depends on
    exposure. Of people, from all sides, blurred and dark, it is mostly above 0.99; most animals that pass for
    faces otherwise have less than 0.5, and almost all less than 0.95 (`python benchmarks/faceless.py`).

    Args:
        pixels: (H, W, 3) uint8 RGB.
        crop: of side `MARGIN` around the landmarks.
    """
    varied = [crop.varied(zoom) for zoom in ZOOMS]
    crops = cut_crops(pixels, varied, 48, clamp=False).astype(np.float64)
    low, high = np.quantile(crops, (0.01, 0.99), axis=(1, 2, 3), keepdims=True)
    stretched = np.clip((crops - low) * (255 / np.maximum(high - low, LEAST_CONTRAST)), 0, 255)
    scores = run_network("mtcnn_onet", ["scores"], {"pixels": stretched.astype(np.uint8)})[0]
    return float(np.median(scores[:, 1]))


def _head_points(found: HeadPrediction) -> Array:
    """The 478 points (478, 3) on the predicted head, turned as the crop shows it, model mm."""
    model = load_head_model("low")
    vertices = model.shape(found.identity, found.expression)
    return model.landmarks["mediapipe478"].on(vertices, model.triangles) @ found.rotation.T


def _extent(found: HeadPrediction) -> float:
    """Root of the area of the box of the points, pixels."""
    return max(extent_of(found.points), 1.0)
