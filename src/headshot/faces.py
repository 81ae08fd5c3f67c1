"""Which detections are faces, and where their landmarks lie.

The landmark network places the points of most faces to the pixel, but it loses those that are turned away by
more than some 60 degrees, very small, blurred or half hidden. There our own network (`headshot.regress`),
which has learned such faces, takes its place; and where no detector finds anything, it looks everywhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from headshot.camera import angles_of
from headshot.detect import Face
from headshot.errors import NoFaceError
from headshot.fit.landmarks import initial_pose
from headshot.head_model import F32, load_head_model
from headshot.landmarks import Landmarks, LandmarkSettings, find_landmarks, tilt
from headshot.mtcnn import overlaps
from headshot.photo import Photo
from headshot.regress import Crop, Regression, RegressSettings, regress, regress_crops

U8 = NDArray[np.uint8]

SIDEWAYS = 45.0
"""Degrees of yaw from which the landmarks of the photo and of its mirror image agree less."""
SPREAD, SPREAD_SIDEWAYS = 0.04, 0.08
"""Most distance between these as a share of their extent: drawings have presence, but disagree."""
SAME = 0.3  # overlap of the boxes of one face found twice


@dataclass(frozen=True)
class OwnSettings:
    """When our own network counts.

    Attributes:
        enabled: False leaves everything to the landmark network.
        only: it finds all points, which takes a fraction of the time.
        yaw: degrees from which its points replace the landmark network's.
        presence: its belief from which a face that others doubt is one.
        alone: the same where nobody else sees anything.
        moved: most by which its points may move when it looks again, as a share of their extent.
        sizes: of the faces to look for when nothing was found, shares of the photo's shorter side.
        step: between crops, as a share of their side.
    """

    enabled: bool = False
    only: bool = False
    yaw: float = 50.0
    presence: float = 0.5
    alone: float = 0.8
    moved: float = 0.05
    sizes: tuple[float, ...] = (0.8, 0.5, 0.31, 0.19)
    step: float = 0.35


def recognise(
    photo: Photo,
    faces: list[Face],
    wanted: list[int] | None,
    settings: LandmarkSettings,
    own: OwnSettings = OwnSettings(),
) -> list[tuple[Face, Landmarks]]:
    """Landmarks of the wanted faces; detections in which the networks see no face do not count.

    Args:
        photo: the photo.
        faces: detections in the order in which ``wanted`` counts them.
        wanted: which of those that are faces, counted from 0; None for all.
        settings: see `LandmarkSettings`.
        own: see `OwnSettings`.

    Raises:
        NoFaceError: there is no face, or no such face.
    """
    found: list[tuple[Face, Landmarks]] = []
    needed = len(faces) if wanted is None else max(wanted) + 1
    for face in faces:
        points = _landmarks(photo.pixels, face, settings, own)
        if points is not None:
            found.append((face, points))
        if len(found) == needed:
            break
    if not found and own.enabled:
        found = search(photo.pixels, own)
    if not found:
        raise NoFaceError(
            f"no face found in {photo.name}: use a photo in which the face is at least 40 pixels wide, "
            "upright and lit"
        )
    if wanted is None:
        return found
    if len(found) <= max(wanted):
        raise NoFaceError(f"{photo.name} has {len(found)} face(s); there is no face number {max(wanted) + 1}")
    return [found[i] for i in wanted]


def _landmarks(pixels: U8, face: Face, settings: LandmarkSettings, own: OwnSettings) -> Landmarks | None:
    """Landmarks of a detection, or None when it is no face."""
    roll = float(np.degrees(tilt(face.points[:2], face.points[3:])))
    if own.only:
        mine = own_landmarks(pixels, Crop.of_box(face.box, roll), own.presence, own.moved)
        if mine is not None:
            return mine
    points = find_landmarks(pixels, face, settings)
    good = is_face(points, settings)
    if not own.enabled or (good and abs(yaw_of(points)) < own.yaw):
        return points if good else None
    starts = [Crop.of_box(face.box, roll)]
    if good:
        starts.insert(0, Crop.of_points(points.points, points.roll))
    for start in starts:
        mine = own_landmarks(pixels, start, own.presence, own.moved)
        if mine is not None:
            return mine
    return points if good else None


def own_landmarks(pixels: U8, start: Crop, presence: float, moved: float) -> Landmarks | None:
    """The points of our own network for the face in or near a crop; None when it sees none there.

    Args:
        pixels: (H, W, 3) uint8 RGB.
        start: where to look first.
        presence: belief that is needed.
        moved: most by which the points may move in the last look, as a share of their extent.
    """
    before = regress(pixels, start, RegressSettings(looks=2, mirrored=False))
    if before.presence < presence / 2:
        return None
    after = regress_crops(pixels, [Crop.of_points(before.points, before.angles[2])], mirrored=True)[0]
    extent = float(np.sqrt(np.prod(np.ptp(after.points, axis=0))))
    change = float(np.linalg.norm(after.points - before.points, axis=1).mean()) / max(extent, 1.0)
    if after.presence < presence or change > moved:
        return None
    return Landmarks(
        points=after.points,
        depth=_depth(after),
        presence=after.presence,
        blendshapes=after.expression.astype(np.float32),
        spread=change,
        regression=after,
    )


def search(pixels: U8, own: OwnSettings) -> list[tuple[Face, Landmarks]]:
    """Faces that only our own network sees, largest first."""
    for size in own.sizes:
        crops = list(_grid(pixels, size, own.step))
        looks = regress_crops(pixels, crops)
        order = np.argsort([-look.presence for look in looks])[:4]
        found: list[tuple[Face, Landmarks]] = []
        for k in order:
            look = looks[k]
            if look.presence < own.presence:
                break
            crop = Crop.of_points(look.points, look.angles[2])
            points = own_landmarks(pixels, crop, own.alone, own.moved)
            if points is None:
                continue
            face = _face(points)
            if not any(overlaps(np.stack([face.box, other.box]))[0, 1] > SAME for other, _ in found):
                found.append((face, points))
        if found:
            return sorted(found, key=lambda pair: -pair[0].size)
    return []


def _grid(pixels: U8, size: float, step: float) -> Iterator[Crop]:
    """Crops for faces of a size, a share of the photo's shorter side, all over the photo."""
    height, width = pixels.shape[:2]
    face = size * min(height, width)
    side = 1.4 * face
    axes = []
    for length in (width, height):
        room = max(length - face, 0.0)
        count = int(np.ceil(room / (step * side))) + 1
        axes.append(np.linspace(face / 2, length - face / 2, count) if count > 1 else [length / 2])
    for y in axes[1]:
        for x in axes[0]:
            yield Crop(float(x), float(y), side)


def _face(points: Landmarks) -> Face:
    """A detection under landmarks: box and five points."""
    p = points.points
    five = np.stack([p[[33, 133]].mean(axis=0), p[[362, 263]].mean(axis=0), p[4], p[61], p[291]])
    return Face(np.concatenate([p.min(axis=0), p.max(axis=0)]), five, points.presence)


def _depth(found: Regression) -> NDArray[np.float64]:
    """(478,) how much nearer to the camera than the head's origin each point is, pixels."""
    model = load_head_model("low")
    points = model.landmarks["mediapipe478"].on(
        model.shape(found.identity, found.expression), model.triangles
    )
    return np.asarray(points @ found.rotation[2] * found.scale)


def is_face(points: Landmarks, settings: LandmarkSettings) -> bool:
    """Whether the landmark network sees a face, and the same one in the mirrored picture.

    Drawings can have presence, but their two sets of points differ by 4 % of the face and more; 99 % of
    photos stay below 2 %, except profiles.
    """
    if points.presence < settings.minimum_presence:
        return False
    return points.spread <= (SPREAD if abs(yaw_of(points)) < SIDEWAYS else SPREAD_SIDEWAYS)


def yaw_of(points: Landmarks) -> float:
    """Yaw in degrees of the mean head posed to the landmarks."""
    mean = _mean_points()
    rotation, _, _ = initial_pose(points.points, mean, np.ones(len(mean)))
    return angles_of(rotation)[0]


@lru_cache(maxsize=1)
def _mean_points() -> F32:
    """The 478 points (478, 3) of the mean head, mm."""
    model = load_head_model("low")
    return model.landmarks["mediapipe478"].on(model.mean, model.triangles)
