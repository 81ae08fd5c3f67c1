"""Segmented faces for MeshNet: crops, parts, landmarks and the camera of each, found once and stored in a
file.

A crop counts as a photo of its own: landmarks are moved into it, and its camera is that of the mean head in
the pose that fits them. Dimension letters: N faces, S pixels of a crop.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from headshot.arrays import F32, U8, Array, Mask
from headshot.datasets.parts import Sample
from headshot.datasets.subject import Subject, find_subject
from headshot.errors import HeadshotError
from headshot.fitting import FitSettings, fit_landmarks
from headshot.fitting.landmarks import Observation
from headshot.fitting.observe import CONFIDENCE
from headshot.geometry.camera import Camera
from headshot.image.photo import Photo
from headshot.image.resample import warp
from headshot.models.head_model import PointModel, load_head_model
from headshot.perception.detection.detect import detect_faces
from headshot.perception.landmarks.mediapipe import find_landmarks
from headshot.perception.segmentation import CLASSES, crop_frame, crop_map, segment

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


@lru_cache(maxsize=1)
def _rigid() -> PointModel:
    """The landmarks of the mean head, without identity and expressions: only a pose can be fitted."""
    model = load_head_model("low")
    full = model.at(model.landmarks["mediapipe478"])
    return replace(
        full,
        identity=full.identity[:0],
        expression=full.expression[:0],
        corrected=full.corrected[:0],
        correction=full.correction[:0, :0],
    )


def camera_of(landmarks: Array, size: int) -> Camera:
    """The camera (with the mean head's pose) that fits 478 landmarks in a crop of so many pixels."""
    seen = Observation(
        points=landmarks, confidence=CONFIDENCE, expression=np.zeros(0), width=size, height=size, focal=None
    )
    return fit_landmarks(seen, _rigid(), FitSettings()).camera


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
    affine = crop_map(crop_frame(landmarks.points), size)
    inverse = np.linalg.inv(affine[:, :2])
    points = (landmarks.points - affine[:, 2]) @ inverse.T
    camera = camera_of(points, size)
    sets = sample.read_sets()
    # Exactly one bit: a known class. Several or none: unknown.
    single = (sets > 0) & ((sets & (sets - np.uint16(1))) == 0)
    classes: U8 = np.where(single, np.log2(np.maximum(sets, 1)).astype(np.uint8), UNLABELLED)
    y, x = np.mgrid[:size, :size] + 0.5
    at = np.floor(np.stack([x, y], axis=-1) @ affine[:, :2].T + affine[:, 2]).astype(int)
    inside = np.asarray((at >= 0).all(axis=-1) & (at < sets.shape[::-1]).all(axis=-1))
    column, row = np.where(inside[..., None], at, 0).transpose(2, 0, 1)
    labels = np.where(inside, classes[row, column], UNLABELLED)
    return Faces(
        warp(pixels, affine[None], (size, size)),
        labels[None].astype(np.uint8),
        points[None].astype(np.float32),
        np.array([camera.focal], np.float32),
        camera.rotation[None].astype(np.float32),
        camera.translation[None].astype(np.float32),
        np.array([sample.held_out]),
    )


def face_in(photo: Photo, size: int) -> tuple[Faces, Array]:
    """The largest face of a photo in its crop, and the crop's map: see `face_seen`.

    Raises:
        NoFaceError: there is none.
    """
    return face_seen(find_subject(photo), size)


def face_seen(subject: Subject, size: int) -> tuple[Faces, Array]:
    """A face that was found, in its crop, with parts found by `headshot.perception.segmentation`.

    And the crop's map.
    """
    pixels, points = subject.photo.pixels, subject.landmarks.points
    affine = crop_map(crop_frame(points), size)
    inverse = np.linalg.inv(affine[:, :2])
    marks = (points - affine[:, 2]) @ inverse.T
    camera = camera_of(marks, size)
    labels = segment(pixels, points).labels
    y, x = np.mgrid[:size, :size] + 0.5
    at = np.floor(np.stack([x, y], axis=-1) @ affine[:, :2].T + affine[:, 2]).astype(int)
    column, row = (np.clip(at[..., k], 0, labels.shape[1 - k] - 1) for k in (0, 1))
    face = Faces(
        warp(pixels, affine[None], (size, size)), labels[row, column][None], marks[None].astype(np.float32),
        np.array([camera.focal], np.float32), camera.rotation[None].astype(np.float32),
        camera.translation[None].astype(np.float32), np.array([True]),
    )  # fmt: skip
    return face, affine


def collect(
    samples: Sequence[Sample],
    size: int,
    cache: Path,
    *,
    progress: Callable[[Sequence[Sample]], Iterator[Sample]] = iter,
) -> Faces:
    """The faces of labelled photos.

    Args:
        samples: labelled photos.
        size: S of the crops, pixels.
        cache: .npz file, read if it exists (delete it when the photos change), else written.
        progress: shows how far it is.

    Raises:
        HeadshotError: no face is found, or the cache is not readable or of another size.
    """
    if cache.is_file():
        return read(cache, size)
    found = [face for sample in progress(samples) if (face := face_of(sample, size)) is not None]
    if not found:
        raise HeadshotError(f"no face was found in {len(samples)} photos: are these the right folders?")
    faces = join(found)
    cache.parent.mkdir(parents=True, exist_ok=True)
    np.savez(cache, **{f.name: getattr(faces, f.name) for f in fields(faces)})
    return faces


def read(file: Path, size: int) -> Faces:
    """Faces from a file of `collect`; see there."""
    try:
        with np.load(file, allow_pickle=False) as archive:
            faces = Faces(*(archive[f.name] for f in fields(Faces)))
    except (OSError, ValueError, KeyError, EOFError, BadZipFile, zlib.error) as error:
        raise HeadshotError(f"{file} is not a file of faces: delete it") from error
    if faces.pixels.shape[1:] != (size, size, 3):
        raise HeadshotError(f"{file} has crops of {faces.pixels.shape[1]} pixels, not {size}: delete it")
    return faces
