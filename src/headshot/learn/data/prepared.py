"""Prepared faces (`headshot.learn.data.cache`) as an endless stream to learn from, and as they are.

Dimension letters: N faces, S side of pictures, L landmarks.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from headshot.arrays import F32, U8, Array, Index
from headshot.datasets.split import name_hash
from headshot.errors import HeadshotError
from headshot.image.resample import warp
from headshot.learn.data.cache import FaceCache
from headshot.models.topologies.mediapipe478 import MEDIAPIPE_TO_IBUG68, MIRROR

UNITS = 224.0
"""Points are given in pixels of a picture of this side, whatever the side of the pictures is."""

# fmt: off
# MIRROR68[i] is the point of a mirrored face that lies where point i was.
MIRROR68 = np.array([
    16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17,
    27, 28, 29, 30, 35, 34, 33, 32, 31, 45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40,
    54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55, 64, 63, 62, 61, 60, 67, 66, 65,
])
MIRROR5 = np.array([1, 0, 2, 4, 3])
# fmt: on


def split(cache: FaceCache, held_out: float = 0.1) -> tuple[Index, Index]:
    """Faces to learn from and faces to validate with: two sets (N,) of indices without a common person.

    Who is held out depends on the name alone, so that photos added later change nothing.

    Args:
        cache: the faces.
        held_out: share of the people; 0 validates on the faces that are learned.

    Raises:
        HeadshotError: one of the sets would be empty.
    """
    score = np.array([name_hash(person) / 10_000 for person in cache.people])
    training, validation = np.flatnonzero(score >= held_out), np.flatnonzero(score < held_out)
    if held_out == 0:
        return training, training
    if not len(training) or not len(validation):
        raise HeadshotError(
            f"{len(set(cache.people))} people are too few to hold out {held_out:.0%}: give another "
            "--held-out, or 0 to validate on the photos that are learned"
        )
    return training, validation


@dataclass(frozen=True)
class StreamSettings:
    """Settings of `FaceStream`.

    Attributes:
        size: S of the pictures.
        landmark_set: "ibug68" or "mediapipe478".
        photos: of one person that follow each other.
        varied: mirror, move, scale and turn the pictures at random.
        seed: of everything random.
    """

    size: int = 224
    landmark_set: str = "ibug68"
    photos: int = 1
    varied: bool = True
    seed: int = 0


Item = dict[str, Tensor]


@dataclass(frozen=True, eq=False)
class AlignedFace:
    """A face as `headshot.learn.data.prepare` aligns it.

    Attributes:
        picture: (P, P, 3) uint8 crop.
        mask: (P, P) uint8 where the crop shows the bare face, or None.
        points: (L, 2), five: (5, 2), pixels of the crop.
    """

    picture: U8
    mask: U8 | None
    points: F32
    five: Array


def item_of(face: AlignedFace, size: int, moved: Array | None = None, flip: bool = False) -> Item:
    """What networks read of a face: an item of `FaceStream`.

    Args:
        face: the face.
        size: S of the picture.
        moved: map (2, 3) of the new crop's pixels to the old one's; None for the same crop.
        flip: mirror it.
    """
    own, picture, mask = len(face.picture), face.picture, face.mask
    affine = np.array([[1.0, 0, 0], [0, 1.0, 0]]) if moved is None else moved
    back = np.linalg.inv(affine[:, :2])
    points, five = ((p.astype(np.float64) - affine[:, 2]) @ back.T for p in (face.points, face.five))
    if moved is not None or size != own:
        scaled = affine @ np.diag([own / size, own / size, 1])
        picture = warp(picture, scaled[None], (size, size))[0]
        if mask is not None:
            wide = np.repeat(mask[:, :, None], 3, axis=2)
            mask = warp(wide, scaled[None], (size, size))[0, :, :, 0]
    if mask is None:
        mask = np.full((size, size), 255, np.uint8)
    if flip:
        picture, mask = picture[:, ::-1], mask[:, ::-1]
        points, five = points[_mirror(len(points))], five[MIRROR5]
        points[:, 0], five[:, 0] = own - points[:, 0], own - five[:, 0]
    return {
        "photo": torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1))),
        "points": torch.from_numpy((points * (UNITS / own)).astype(np.float32)),
        "five": torch.from_numpy((five * (UNITS / own)).astype(np.float32)),
        "mask": torch.from_numpy(np.ascontiguousarray(mask)),
    }


class FaceStream(Dataset[Item]):
    """Item k, for any k, which depends on k and the settings alone.

    A dictionary: ``photo`` (3, S, S) uint8; ``points`` (L, 2) and ``five`` (5, 2) float32 in `UNITS`;
    ``mask`` (S, S) uint8, 255 where the cache has none. Every face comes once before any comes again;
    with several photos of a person together, every person who has two or more does.
    """

    def __init__(self, cache: FaceCache, faces: Index, settings: StreamSettings) -> None:
        """Stream some faces of a cache.

        Raises:
            HeadshotError: the cache has other landmarks, or nobody has several photos.
        """
        self.cache, self.faces, self.settings = cache, faces, settings
        self._convert = conversion(cache, settings.landmark_set)
        self._people = _groups(cache, faces) if settings.photos > 1 else []
        if settings.photos > 1 and not self._people:
            raise HeadshotError("no person has two photos: leave out --image-set")
        self._order: tuple[int, Index] = (-1, faces)

    def __len__(self) -> int:
        """Items of an epoch."""
        return len(self._people) * self.settings.photos if self._people else len(self.faces)

    def __getitem__(self, k: int) -> Item:
        face = self._face(k)
        if not self.settings.varied:
            return self.item(face)
        random = np.random.default_rng((self.settings.seed, 1, k))
        flip = bool(random.random() < 0.5)
        return self.item(face, _variation(random, self.cache.making.size), flip)

    def item(self, face: int, moved: Array | None = None, flip: bool = False) -> Item:
        """A face of the cache, its crop changed by a map (2, 3) of the new crop's pixels to the old one's."""
        points = self.cache.points(face)[self._convert]
        aligned = AlignedFace(self.cache.picture(face), self.cache.mask(face), points, self.cache.five[face])
        return item_of(aligned, self.settings.size, moved, flip)

    def _face(self, k: int) -> int:
        epoch, n = divmod(k, len(self))
        seed = self.settings.seed
        count = len(self._people) or len(self.faces)
        if self._order[0] != epoch:
            self._order = epoch, np.random.default_rng((seed, 0, epoch)).permutation(count)
        if not self._people:
            return int(self.faces[self._order[1][n]])
        group, member = divmod(n, self.settings.photos)
        own = self._people[self._order[1][group]]
        shuffled = np.random.default_rng((seed, 2, epoch, group)).permutation(own)
        return int(shuffled[member % len(own)])


def conversion(cache: FaceCache, landmark_set: str) -> Index:
    """Which of a cache's landmarks are those of a set.

    Raises:
        HeadshotError: it does not have them.
    """
    if cache.making.landmarks == "headshot":
        return MEDIAPIPE_TO_IBUG68 if landmark_set == "ibug68" else np.arange(478)
    if landmark_set != "ibug68":
        raise HeadshotError(f"{cache.file} has the 68 points of FAN, not {landmark_set}")
    return np.arange(68)


def _groups(cache: FaceCache, faces: Index) -> list[Index]:
    """Faces of each person who has at least two."""
    people: dict[str, list[int]] = defaultdict(list)
    for face in faces.tolist():
        people[cache.people[face]].append(face)
    return [np.array(own) for own in people.values() if len(own) > 1]


def _variation(random: np.random.Generator, size: int) -> Array:
    """A map (2, 3) that moves by up to 5 % of the side, scales by 8 % and turns by 8 degrees."""
    scale, turn = np.exp(random.uniform(-0.08, 0.08)), np.radians(random.uniform(-8, 8))
    c, s = np.cos(turn) * scale, np.sin(turn) * scale
    a = np.array([[c, -s], [s, c]])
    middle = np.full(2, size / 2)
    return np.column_stack([a, middle + random.uniform(-0.05, 0.05, 2) * size - a @ middle])


def _mirror(count: int) -> Index:
    return MIRROR68 if count == 68 else MIRROR


def collate(items: Sequence[Item]) -> Item:
    """A batch of items."""
    return {key: torch.stack([item[key] for item in items]) for key in items[0]}
