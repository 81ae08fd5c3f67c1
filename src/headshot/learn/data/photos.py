"""Training crops of real photos: labels of the fit, and points placed by hand.

The fit (landmarks, then colours) labels pose, points, expression, light and albedo of photos on which it is
reliable: near-frontal ones whose landmarks agree with those of the mirrored photo. Photos with hand-made
points have these as their only labels.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from headshot.arrays import Array
from headshot.datasets.annotations import read_annotations
from headshot.datasets.split import held_out
from headshot.datasets.subject import central_subject
from headshot.datasets.utkface import with_border
from headshot.errors import HeadshotError
from headshot.geometry.camera import Camera, angles_of
from headshot.geometry.pose import weak_perspective_pose
from headshot.image.photo import Photo, read_photo
from headshot.learn.data.portraits import Portrait, portrait_of
from headshot.learn.data.training_crops import (
    KNOWN,
    TrainingCrop,
    cut,
    empty_labels,
    head_labels,
    into_crop,
    light_units,
    upright_crop_map,
)  # fmt: skip
from headshot.models.head_model import load_head_model
from headshot.perception.detection.detect import detect_faces
from headshot.perception.faces import yaw_of
from headshot.pipeline import Reconstructor
from headshot.results import Head
from headshot.settings import Settings

WIDEST = 50.0  # degrees of yaw up to which the fit gives labels
LEAST_PRESENCE, MOST_SPREAD = 0.95, 0.03
PORTRAIT_EXTENT = 95  # pixels, of a face good enough to give its colours to other heads
BY_HAND = 2.0  # weight of a hand-made point, of a fitted one 1
OUTLINE_BY_HAND = 0.5  # ... on the outline, where people mark what the photo shows, not a point of the head


@dataclass(frozen=True, eq=False)
class Learned:
    """What one photo gives: a training crop, perhaps one without a face, perhaps a portrait."""

    row: TrainingCrop
    empty: TrainingCrop | None
    portrait: Portrait | None


def read_padded(file: Path) -> Photo:
    """A photo; UTKFace's crops end within the head, where no detector finds it, and get a border."""
    photo = read_photo(file)
    border = photo.width // 3 if photo.width == photo.height == 200 else 0
    return with_border(photo, border) if border else photo


@dataclass(frozen=True)
class Wanted:
    """What is to be made of a photo: a fit to its colours, and a portrait where it is good enough."""

    colours: bool = True
    portrait: bool = True


def learn_photo(
    file: Path, data: str, random: np.random.Generator, wanted: Wanted = Wanted()
) -> Learned | None:
    """The training crop of a photo with labels of the fit, or None where the fit is not reliable.

    Args:
        file: the photo; its folder is the person in LFW and CFP.
        data: a key of `headshot.datasets.split.SHARES`.
        random: places the crop without a face.
        wanted: of it.
    """
    photo = read_padded(file)
    try:
        subject = central_subject(photo)
    except HeadshotError:
        return None
    if subject.landmarks.presence < LEAST_PRESENCE or subject.landmarks.spread > MOST_SPREAD:
        return None
    if abs(yaw_of(subject.landmarks)) > WIDEST + 10:  # from landmarks: less exact than the fit, but at once
        return None
    settings = Settings(detail="low", texture=None, prior="none")
    if not wanted.colours:
        settings = replace(settings, photometric=None, segment=False)
    head = Reconstructor(settings, preload=False).of_face(photo, subject.face, subject.landmarks)
    if abs(head.camera.angles[0]) > WIDEST:
        return None
    person = file.parent.name if data in ("lfw", "cfp") else ""
    apart = held_out(person or file.stem, data)
    row = _row(head, f"{data}/{person}/{file.stem}", person, apart)
    grey = np.abs(np.diff(photo.pixels.astype(int), axis=2)).mean() < 2
    unfit = not wanted.portrait or subject.landmarks.extent < PORTRAIT_EXTENT or grey or apart
    portrait = None if unfit else portrait_of(head, row.name)
    return Learned(row, _empty(photo, subject.landmarks.points, row, random), portrait)


def model_camera(head: Head) -> Camera:
    """The camera before a head in millimetres of the model."""
    return replace(head.camera, translation=head.camera.translation / head.scale)


def _row(head: Head, name: str, person: str, apart: bool) -> TrainingCrop:
    places = head.bundled.landmarks["mediapipe478"].on(head.vertices, head.triangles)
    points = np.concatenate([head.camera.project(places), head.project(head.landmarks68)])
    camera = model_camera(head)
    affine = upright_crop_map(points[:478], head.camera.angles[2])
    labels = head_labels(camera, points, head.identity, head.expression, affine)
    if head.light is None or head.albedo is None:
        labels["known"][[KNOWN.index("light"), KNOWN.index("albedo")]] = 0
    else:
        labels |= {"light": light_units(head.light), "albedo": head.albedo.astype(np.float32)}
    return TrainingCrop(cut(head.photo.pixels, affine), "photo", name, person, apart, labels)


def _empty(
    photo: Photo, points: Array, row: TrainingCrop, random: np.random.Generator
) -> TrainingCrop | None:
    """A training crop of the photo beside the face, where there is room for one."""
    size = np.array([photo.width, photo.height])
    low, high = points.min(axis=0), points.max(axis=0)
    middle, extent = (low + high) / 2, float((high - low).max())
    for _ in range(20):
        side = extent * np.exp(random.uniform(np.log(0.25), np.log(1.2)))
        at = random.uniform(0.3 * side, size - 0.3 * side) if (size > 0.6 * side).all() else size / 2
        # Inputs cut from this crop will be smaller than it; none of them may show the middle of the face.
        if np.abs(at - middle).max() > 0.5 * extent + 0.55 * side:
            corners = at + 0.5 * side * np.array([[-1, -1], [1, 1]])
            pixels = cut(photo.pixels, upright_crop_map(corners, float(random.uniform(-30, 30))))
            if detect_faces(pixels):  # somebody else's
                return None
            return TrainingCrop(pixels, "none", row.name, row.person, row.held_out, empty_labels())
    return None


def marked_photos(folder: Path, data: str) -> Iterator[TrainingCrop]:
    """Training crops of photos with 68 hand-made points, or CFP's 30; see `headshot.datasets.annotations`."""
    model = load_head_model("low")
    mean = model.landmarks["ibug68"].on(model.mean, model.triangles)
    dense = model.landmarks["mediapipe478"].on(model.mean, model.triangles)
    for mark in read_annotations(folder):
        photo = read_photo(mark.photo)
        known = np.asarray(np.isfinite(mark.points).all(axis=1))
        inner = known & (np.arange(68) >= 17)
        # The extent of the crop is that of the mean head laid on the points.
        rotation, shift, scale = weak_perspective_pose(mark.points[known], mean[known], inner[known] + 0.2)
        laid = scale * (dense @ rotation.T)[:, :2] * [1, -1] + shift
        affine = upright_crop_map(laid, angles_of(rotation)[2])
        labels = empty_labels()
        labels["points"][478:] = np.where(known[:, None], into_crop(np.nan_to_num(mark.points), affine), 0)
        labels["weight"][478:] = np.where(inner, BY_HAND, OUTLINE_BY_HAND) * known
        person = mark.photo.parent.name if data == "cfp" else ""
        name = person or mark.photo.stem
        kind = "profile" if data == "cfp" else "photo"
        yield TrainingCrop(
            cut(photo.pixels, affine),
            kind,
            f"{data}/{person}/{mark.photo.stem}",
            person,
            held_out(name, data),
            labels,
        )
