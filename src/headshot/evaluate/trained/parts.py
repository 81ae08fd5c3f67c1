"""A run of `headshot learn segment` in the place of the network that ships: to measure it, and the paper's
Figure 5.

Figure 5 of Jeon, Millman and Kapron has three columns: photo, truth, result. Here a fourth has the network
that ships. Truth is that of a labelled data set; photos without labels show both networks only. Every second
row is the row above behind heavy occlusion (`headshot.learn.data.occlude`), whose labels are known, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import nn

from headshot.arrays import F32, U8
from headshot.datasets.parts.scheme import Sample, Sets, classes
from headshot.datasets.subject import central_subject
from headshot.errors import HeadshotError
from headshot.image.crop import FaceCrop, cut_crops
from headshot.image.photo import read_photo
from headshot.learn.checkpoints import best_weights
from headshot.learn.data.face_crops import crop_of_sample
from headshot.learn.data.occlude import occlude
from headshot.learn.data.segmentation_stream import cut
from headshot.learn.networks.unet import to_network
from headshot.learn.segment import coloured, make_network
from headshot.perception.segmentation import PALETTE, SIZE, Segmentation, crop_of, segment_crop

_BEHIND = 3  # things before a face that is heavily occluded
_COVERED = (0.25, 0.6)  # share of the face that they hide together


@lru_cache(maxsize=2)
def network_of(run: Path) -> nn.Module:
    """The network of a run with its best weights.

    Raises:
        HeadshotError: the run has none yet, or is of another command.
    """
    weights = best_weights(run)
    network = make_network("unet" if "down.0.0.weight" in weights else "lite", imagenet=False)
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise HeadshotError(f"{run} is not a run of `headshot learn segment`") from error
    return network.eval()


@dataclass(frozen=True)
class RunSegmenter:
    """The network of a run, as `headshot.perception.segmentation.segment_crop`.

    Attributes:
        run: folder of `headshot learn segment`.
    """

    run: Path

    def __call__(self, pixels: U8, crop: FaceCrop) -> Segmentation:
        found = probabilities(self.run, cut_crops(pixels, [crop], SIZE, clamp=False)[0])
        return Segmentation(found, crop.pixel_map(SIZE), (pixels.shape[0], pixels.shape[1]))


def probabilities(run: Path, pixels: U8) -> F32:
    """Probabilities (C, S, S) float32 of a crop (S, S, 3)."""
    planes = torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)))[None]
    with torch.no_grad():
        return np.asarray(network_of(run)(to_network(planes))[0].softmax(dim=0).numpy(), np.float32)


def name_of(run: Path) -> str:
    """What the network of a run is called in tables."""
    return "U-Net (paper)" if hasattr(network_of(run), "down") else "light network of the run"


@dataclass(frozen=True, eq=False)
class Shown:
    """A face of the figure.

    Attributes:
        pixels: (S, S, 3) crop.
        sets: (S, S) its labels, or None where there are none.
    """

    pixels: U8
    sets: Sets | None


def labelled(sample: Sample) -> Shown:
    """A labelled face."""
    return Shown(*cut(sample, crop_of_sample(sample), SIZE))


def unlabelled(file: Path) -> Shown:
    """The face in the middle of a photo.

    Raises:
        NoFaceError: there is none.
    """
    photo = read_photo(file)
    crop = crop_of(central_subject(photo).landmarks.points)
    return Shown(cut_crops(photo.pixels, [crop], SIZE, clamp=False)[0], None)


def occluded(face: Shown, others: Sequence[Shown], seed: int) -> Shown:
    """The face behind several things, made of the pixels of others, that hide a quarter of it or more."""
    random = np.random.default_rng(seed)
    sets = face.sets if face.sets is not None else _found(face.pixels)
    inside = sets != classes("background")
    least, most = _COVERED
    for _ in range(50):
        pixels, labels = face.pixels, sets
        for _ in range(_BEHIND):
            other = others[int(random.integers(len(others)))]
            theirs = other.sets if other.sets is not None else _found(other.pixels)
            pixels, labels = occlude(pixels, labels, (other.pixels, theirs), random)
        if least < (labels != sets)[inside].mean() < most:
            break
    return Shown(pixels, labels if face.sets is not None else None)


def _found(pixels: U8) -> Sets:
    """Labels by the network that ships, as sets."""
    return (1 << _shipped(pixels).astype(np.uint16)).astype(np.uint16)


def _shipped(pixels: U8) -> U8:
    whole = FaceCrop(SIZE / 2, SIZE / 2, float(SIZE))
    return np.asarray(segment_crop(pixels, whole).crop.argmax(axis=0), np.uint8)


def figure(run: Path, faces: Sequence[Shown], *, seed: int = 0) -> U8:
    """Figure 5: photo, truth, result of the run, result of the network that ships; each occluded below."""
    rows = []
    for k, face in enumerate(faces):
        for shown in (face, occluded(face, faces, seed + k)):
            truth = (
                np.full_like(shown.pixels, 96)
                if shown.sets is None
                else coloured(shown.sets.astype(np.int32))
            )
            ours = PALETTE[probabilities(run, shown.pixels).argmax(axis=0)]
            tiles = (shown.pixels, truth, ours, PALETTE[_shipped(shown.pixels)])
            rows.append(np.concatenate(tiles, axis=1))
    return np.concatenate(rows)
