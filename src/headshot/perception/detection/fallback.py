"""Points and faces that our own network finds where the others fail (docs/methods.md).

The network (`headshot.perception.landmarks.in_house`) is made to place the points of a face that is there;
its belief that one is there is weaker than that of a detector. So where nobody else saw a face, four
witnesses must agree: its belief from several crops around, the points' standing still, their lying on the
head that it describes, and the last network of MTCNN together with BlazeFace, shown the very place.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from headshot.arrays import U8, Array
from headshot.geometry.camera import extent_of
from headshot.image.resample import warp
from headshot.models.head_model import load_head_model
from headshot.models.topologies.mediapipe478 import EYE_LEFT_IN_IMAGE, EYE_RIGHT_IN_IMAGE, MOUTH_CORNERS
from headshot.perception.detection.detect import Face
from headshot.perception.detection.mtcnn import overlaps
from headshot.perception.landmarks.in_house import (
    CROP_MARGIN,
    Crop,
    HeadPrediction,
    predict_heads,
    refine_points,
)
from headshot.perception.landmarks.mediapipe import Landmarks
from headshot.perception.networks import session

SAME = 0.3  # overlap of the boxes of one face found twice
NOSE_TIP = 4
TRIED = 4  # crops of a grid that are looked at again
# Crops around a face: shift in sides, factor of the side, degrees.
AROUND = (
    (0.12, 0, 1, 0), (-0.12, 0, 1, 0), (0, 0.12, 1, 0), (0, -0.12, 1, 0),
    (0, 0, 1.2, 0), (0, 0, 0.85, 0), (0, 0, 1, 20), (0, 0, 1, -20),
)  # fmt: skip


@dataclass(frozen=True)
class OwnSettings:
    """When our own network counts.

    Attributes:
        enabled: False leaves everything to the landmark network.
        only: it finds all points, which takes a fraction of the time.
        ask: degrees of yaw, as the landmark network sees it, from which our network is asked as well: a
            profile looks like a three-quarter view to the former.
        yaw: degrees, as our network sees it, from which its points count.
        presence: its belief from which a face that others doubt is one.
        moved: most by which its points may move when it looks again, as a share of their extent.
        alone: its least belief, from several crops, where nobody else sees anything.
        misfit: most distance of its points from its head there, as a share of their extent.
        opinion: least product of the scores of MTCNN's last network and BlazeFace there.
        sizes: of the faces to look for when nothing was found, shares of the photo's shorter side.
        step: between crops, as a share of their side.
    """

    enabled: bool = True
    only: bool = False
    ask: float = 35.0
    yaw: float = 55.0
    presence: float = 0.5
    moved: float = 0.05
    alone: float = 0.9
    misfit: float = 0.035
    opinion: float = 0.4
    sizes: tuple[float, ...] = (0.8, 0.5, 0.31, 0.19)
    step: float = 0.35


def own_landmarks(pixels: U8, start: Crop, settings: OwnSettings) -> Landmarks | None:
    """The points of our own network for the face in or near a crop; None when it sees none there.

    Args:
        pixels: (H, W, 3) uint8 RGB.
        start: where to look first.
        settings: see `OwnSettings`.
    """
    first = predict_heads(pixels, [start])[0]
    before = predict_heads(pixels, [first.next_crop])[0]
    if before.presence < settings.presence / 2:
        return None
    after = predict_heads(pixels, [before.next_crop], mirrored=True)[0]
    change = float(np.linalg.norm(after.points - before.points, axis=1).mean()) / _extent(after)
    if after.presence < settings.presence or change > settings.moved:
        return None
    after = refine_points(pixels, after)
    return Landmarks(
        points=after.points,
        depth=_head_points(after)[:, 2] * after.scale,
        presence=after.presence,
        blendshapes=after.expression.astype(np.float32),
        spread=change,
        prediction=after,
    )


def search(pixels: U8, settings: OwnSettings) -> list[tuple[Face, Landmarks]]:
    """Faces that only our own network sees, largest first.

    Args:
        pixels: (H, W, 3) uint8 RGB.
        settings: see `OwnSettings`.
    """
    for size in settings.sizes:
        looks = predict_heads(pixels, list(_grid(pixels, size, settings.step)))
        found: list[tuple[Face, Landmarks]] = []
        for k in np.argsort([-look.presence for look in looks])[:TRIED]:
            if looks[k].presence < settings.presence:
                break
            points = own_landmarks(pixels, looks[k].next_crop, settings)
            if points is None or not convinced(pixels, points, settings):
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


def _grid(pixels: U8, size: float, step: float) -> Iterator[Crop]:
    """Crops for faces of a size, a share of the photo's shorter side, all over the photo."""
    height, width = pixels.shape[:2]
    face = size * min(height, width)
    side = CROP_MARGIN * face
    axes = []
    for length in (width, height):
        count = int(np.ceil(max(length - face, 0.0) / (step * side))) + 1
        axes.append(np.linspace(face / 2, length - face / 2, count) if count > 1 else np.array([length / 2]))
    for y in axes[1]:
        for x in axes[0]:
            yield Crop(float(x), float(y), side)


def convinced(pixels: U8, points: Landmarks, settings: OwnSettings) -> bool:
    """Whether all witnesses see a face under points of our own network."""
    found = points.prediction
    assert found is not None
    c = found.crop
    crops = [Crop(c.x + dx * c.side, c.y + dy * c.side, c.side * s, c.roll + r) for dx, dy, s, r in AROUND]
    looks = predict_heads(pixels, [c, *crops])
    if min(look.presence for look in looks[1:]) < settings.alone:
        return False
    found = looks[0]  # points and head of one look, not refined
    on_head = found.origin + _head_points(found)[:, :2] * [found.scale, -found.scale]
    misfit = float(np.linalg.norm(on_head - found.points, axis=1).mean()) / _extent(found)
    return misfit <= settings.misfit and _opinion(pixels, c) >= settings.opinion


def _opinion(pixels: U8, crop: Crop) -> float:
    """Product of the scores of MTCNN's output network and of BlazeFace for the face in a crop, in [0, 1]."""
    last = [
        session("mtcnn_onet").run(["scores"], {"pixels": _zoomed(pixels, crop, zoom, 48)})[0][0, 1]
        for zoom in (0.6, 0.75, 0.9)
    ]
    blaze = [
        session("face_detector").run(["scores"], {"pixels": _zoomed(pixels, crop, zoom, 128)})[0].max()
        for zoom in (1.0, 1.6)
    ]
    return float(max(last) * max(blaze))


def _zoomed(pixels: U8, crop: Crop, zoom: float, size: int) -> U8:
    """(1, size, size, 3) a crop enlarged about its middle."""
    larger = Crop(crop.x, crop.y, crop.side * zoom, crop.roll)
    return warp(pixels, (larger.map @ np.diag([1 / size, 1 / size, 1]))[None], (size, size), clamp=True)


def _head_points(found: HeadPrediction) -> Array:
    """The 478 points (478, 3) on the network's head, turned as the crop shows it, model mm."""
    model = load_head_model("low")
    vertices = model.shape(found.identity, found.expression)
    return model.landmarks["mediapipe478"].on(vertices, model.triangles) @ found.rotation.T


def _extent(found: HeadPrediction) -> float:
    """Root of the area of the box of the points, pixels."""
    return max(extent_of(found.points), 1.0)
