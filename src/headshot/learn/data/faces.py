"""Segmented faces for MeshNet: crops, parts, landmarks and the camera of each, found once and stored in a
file.

A crop counts as a photo of its own: landmarks are moved into it, and its camera is that of the mean head in
the pose that fits them. Dimension letters: N faces, S pixels of a crop.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from headshot.arrays import F32, U8, Array, Index, Mask
from headshot.datasets.parts import Sample
from headshot.datasets.subject import Subject, find_subject
from headshot.errors import HeadshotError
from headshot.fitting.evidence import CONFIDENCE
from headshot.fitting.initialise import LandmarkObservation
from headshot.fitting.mean_head import camera_of_mean_head
from headshot.geometry.camera import Camera
from headshot.image.photo import Photo
from headshot.image.resample import warp
from headshot.perception.detection.detect import detect_faces
from headshot.perception.landmarks.mediapipe import find_landmarks
from headshot.perception.segmentation import CLASSES, crop_of, segment
from headshot.reading.arrays import open_arrays
from headshot.reading.complaint import reading

PRESENCE, SPREAD = 0.5, 0.08  # landmarks with less of the one or more of the other are not used
FACE = ("skin", "nose", "brows", "eyes", "glasses", "mouth", "upper_lip", "lower_lip")
UNLABELLED = 255


@dataclass(frozen=True, eq=False)
class Faces:
    """Faces in crops of S x S pixels.

    Attributes:
        pixels: (N, S, S, 3) uint8 sRGB.
        labels: (N, S, S) uint8 indices of `headshot.perception.segmentation.CLASSES`, 255 where unknown.
        landmarks: (N, 478, 2) pixels of the crop.
        focal: (N,) pixels; the principal point is the crop's middle.
        rotation: (N, 3, 3) head frame to camera frame.
        translation: (N, 3) mm.
        held_out: (N,) bool, not to be trained on.
    """

    pixels: U8
    labels: U8
    landmarks: F32
    focal: F32
    rotation: F32
    translation: F32
    held_out: Mask

    def __len__(self) -> int:
        return len(self.pixels)

    def select(self, rows: Mask | NDArray[np.intp] | slice) -> Faces:
        """Some of the faces."""
        return Faces(*(getattr(self, f.name)[rows] for f in fields(self)))

    def mask(self) -> Mask:
        """(N, S, S) where the face is: skin, its features and glasses, but neither ears, hair nor neck."""
        return np.isin(self.labels, [CLASSES.index(name) for name in FACE])


def join(sets: Sequence[Faces]) -> Faces:
    """Several sets as one."""
    return Faces(*(np.concatenate([getattr(s, f.name) for s in sets]) for f in fields(Faces)))


def camera_of(landmarks: Array, size: int) -> Camera:
    """The camera (with the mean head's pose) that fits 478 landmarks in a crop of so many pixels."""
    seen = LandmarkObservation(
        points=landmarks, confidence=CONFIDENCE, expression=np.zeros(0), width=size, height=size, focal=None
    )
    return camera_of_mean_head(seen)


def face_of(sample: Sample, size: int) -> Faces | None:
    """The largest face of a labelled photo, or None where landmarks are not found or not reliable."""
    with Image.open(sample.photo) as image:
        pixels = np.ascontiguousarray(image.convert("RGB"))
    found = detect_faces(pixels)
    if not found:
        return None
    landmarks = find_landmarks(pixels, found[0])
    if landmarks.presence < PRESENCE or landmarks.spread > SPREAD:
        return None
    sets = sample.read_sets()
    # Exactly one bit: a known class. Several or none: unknown.
    single = (sets > 0) & ((sets & (sets - np.uint16(1))) == 0)
    classes: U8 = np.where(single, np.log2(np.maximum(sets, 1)).astype(np.uint8), UNLABELLED)
    face, affine = _cropped(pixels, landmarks.points, classes, size, held_out=sample.held_out)
    face.labels[0, ~_inside(affine, size, classes.shape)] = UNLABELLED
    return face


def _cropped(pixels: U8, points: Array, classes: U8, size: int, *, held_out: bool) -> tuple[Faces, Array]:
    """A face in its crop, and the crop's map (2, 3) to the photo.

    Args:
        pixels: (H, W, 3) of the photo.
        points: (478, 2) landmarks, pixels of the photo.
        classes: (H', W') class of the photo's pixels; beyond them those of the border go on.
        size: of the crop, pixels.
        held_out: whether it is not to be trained on.
    """
    affine = crop_of(points).pixel_map(size)
    inverse = np.linalg.inv(affine[:, :2])
    marks = (points - affine[:, 2]) @ inverse.T
    camera = camera_of(marks, size)
    column, row = np.moveaxis(_places(affine, size), -1, 0)
    height, width = classes.shape
    labels = classes[np.clip(row, 0, height - 1), np.clip(column, 0, width - 1)]
    face = Faces(
        warp(pixels, affine[None], (size, size)), labels[None].astype(np.uint8),
        marks[None].astype(np.float32), np.array([camera.focal], np.float32),
        camera.rotation[None].astype(np.float32), camera.translation[None].astype(np.float32),
        np.array([held_out]),
    )  # fmt: skip
    return face, affine


def _places(affine: Array, size: int) -> Index:
    """Column and row (S, S, 2) of the photo's pixel at each pixel of a crop."""
    y, x = np.mgrid[:size, :size] + 0.5
    return np.floor(np.stack([x, y], axis=-1) @ affine[:, :2].T + affine[:, 2]).astype(np.int64)


def _inside(affine: Array, size: int, shape: tuple[int, ...]) -> Mask:
    """Pixels (S, S) of a crop that lie in a photo of ``shape`` (H, W)."""
    at = _places(affine, size)
    return np.asarray((at >= 0).all(axis=-1) & (at < shape[::-1]).all(axis=-1))


def face_in(photo: Photo, size: int) -> tuple[Faces, Array]:
    """The largest face of a photo in its crop, and the crop's map: see `face_seen`.

    Raises:
        NoFaceError: there is none.
    """
    return face_seen(find_subject(photo), size)


def face_seen(subject: Subject, size: int) -> tuple[Faces, Array]:
    """A face in its crop, with parts found by `headshot.perception.segmentation`, and the crop's map."""
    pixels, points = subject.photo.pixels, subject.landmarks.points
    return _cropped(pixels, points, segment(pixels, points).labels, size, held_out=True)


def read(file: Path, size: int) -> Faces:
    """Faces from a file of `headshot.learn.data.face_sources.collect`.

    Raises:
        HeadshotError: it is not readable, or of another size.
    """
    with reading(file, "a file of faces", HeadshotError, "delete it"), open_arrays(file, None) as archive:
        return checked(Faces(*(archive[f.name] for f in fields(Faces))), size)


def checked(faces: Faces, size: int) -> Faces:
    """Faces of a file, if their arrays belong together.

    Raises:
        ValueError: they do not, or the crops have another size than ``size`` pixels.
    """
    lengths = {f.name: getattr(faces, f.name).shape[:1] for f in fields(Faces)}
    if len(set(lengths.values())) != 1 or () in lengths.values():
        raise ValueError(f"its arrays have the lengths {lengths}")
    if faces.pixels.shape[1:] != (size, size, 3):
        side = faces.pixels.shape[1] if faces.pixels.ndim > 1 else 1
        raise ValueError(f"it has crops of {side} pixels, not {size}")
    return faces
