"""Crops of labelled faces: an endless, repeatable stream for training, and plain ones to validate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset

from headshot.arrays import U8, Array
from headshot.datasets.parts.scheme import UNKNOWN, Sample, Sets, classes
from headshot.image.crop import FaceCrop
from headshot.learn.data.augment import change_colours, degrade, jittered
from headshot.learn.data.occlude import occlude

BACKGROUND = classes("background")


def cut(sample: Sample, crop: FaceCrop, size: int, outside: int = BACKGROUND) -> tuple[U8, Sets]:
    """Crop (size, size, 3) of a photo, black outside of it, and the sets (size, size) of its pixels.

    Args:
        sample: photo and labels.
        crop: around the face, as of `headshot.perception.segmentation.crop_of`.
        size: of the crop, pixels.
        outside: set of the pixels that lie outside of the photo.
    """
    with Image.open(sample.photo) as image:
        pixels = np.ascontiguousarray(image.convert("RGB"))
    sets = sample.read_sets()
    if sets.shape != pixels.shape[:2]:  # CelebAMask-HQ's labels are half as large as its photos
        sets = _resized(sets, pixels.shape[0], pixels.shape[1])
    return crop.cut(pixels, size, clamp=False), cut_labels(sets, crop.pixel_map(size), size, outside)


def cut_labels(labels: Sets, affine: Array, size: int, outside: int) -> Sets:
    """Nearest labels (size, size) of a crop; ``affine`` (2, 3) maps its pixels to those of ``labels``."""
    centres = np.arange(size) + 0.5
    x = affine[0, 0] * centres[None, :] + affine[0, 1] * centres[:, None] + affine[0, 2]
    y = affine[1, 0] * centres[None, :] + affine[1, 1] * centres[:, None] + affine[1, 2]
    height, width = labels.shape
    column, row = np.floor(x).astype(np.int64), np.floor(y).astype(np.int64)
    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    result = np.full((size, size), outside, labels.dtype)
    result[inside] = labels[row[inside], column[inside]]
    return result


@dataclass(frozen=True)
class Source:
    """Samples (N,) of one data set with their crops (N,), and the share of the stream that it gets."""

    samples: Sequence[Sample]
    crops: Sequence[FaceCrop]
    share: float


@dataclass(frozen=True)
class StreamSettings:
    """Settings of `Stream`.

    Attributes:
        batch: items a step, which have one size.
        sizes: crop sizes, pixels, from the step on that they are listed with.
        occluded: share of the crops with something before the face.
        seed: of everything random.
    """

    batch: int = 16
    sizes: tuple[tuple[int, int], ...] = ((0, 256),)
    occluded: float = 0.5
    seed: int = 0


class Stream(Dataset[tuple[Tensor, Tensor]]):
    """Item k: a changed crop (3, S, S) uint8 and its sets (S, S) int32. It depends on k and the seed alone.

    Training can so be resumed anywhere, with any number of loading processes.
    """

    def __init__(self, sources: Sequence[Source], settings: StreamSettings) -> None:
        self.sources, self.settings = sources, settings
        shares = np.array([source.share for source in sources])
        self.shares = shares / shares.sum()

    def __getitem__(self, k: int) -> tuple[Tensor, Tensor]:
        random = np.random.default_rng((self.settings.seed, k))
        step = k // self.settings.batch
        size = [size for start, size in self.settings.sizes if step >= start][-1]
        pixels, sets = self._draw(random, size)
        if random.random() < self.settings.occluded:
            pixels, sets = occlude(pixels, sets, self._draw(random, size), random)
            if random.random() < 0.25:
                pixels, sets = occlude(pixels, sets, self._draw(random, size), random)
        pixels = degrade(change_colours(pixels, random), random)
        if random.random() < 0.5:
            pixels, sets = pixels[:, ::-1], sets[:, ::-1]
        return _tensors(pixels, sets)

    def _draw(self, random: np.random.Generator, size: int) -> tuple[U8, Sets]:
        source = self.sources[random.choice(len(self.sources), p=self.shares)]
        index = int(random.integers(len(source.samples)))
        return cut(source.samples[index], jittered(source.crops[index], random), size)


class Plain(Dataset[tuple[Tensor, Tensor]]):
    """The crops of a source as they are: item k is (3, S, S) uint8 and sets (S, S) int32.

    What lies outside of a photo is unknown here, so that no measure gains by it.
    """

    def __init__(self, source: Source, size: int) -> None:
        self.source, self.size = source, size

    def __len__(self) -> int:
        return len(self.source.samples)

    def __getitem__(self, k: int) -> tuple[Tensor, Tensor]:
        return _tensors(*cut(self.source.samples[k], self.source.crops[k], self.size, UNKNOWN))


def _tensors(pixels: U8, sets: Sets) -> tuple[Tensor, Tensor]:
    planes = np.ascontiguousarray(pixels.transpose(2, 0, 1))
    return torch.from_numpy(planes), torch.from_numpy(np.ascontiguousarray(sets).astype(np.int32))


def _resized(sets: Sets, height: int, width: int) -> Sets:
    rows = (np.arange(height) + 0.5) * sets.shape[0] / height
    columns = (np.arange(width) + 0.5) * sets.shape[1] / width
    return sets[rows.astype(int)][:, columns.astype(int)]
