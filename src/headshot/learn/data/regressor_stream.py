"""Training crops as an endless stream of inputs for the regressor, varied in every way that photos vary.

Most inputs lie about as in a second pass of the network; the others are as far off as a bad detector, or an
older frame of a video, so that the network finds its way from them; some are so far off that they count as
showing no face. Item k depends on k and the seed alone.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset

from headshot.arrays import F32, U8, Array
from headshot.image.crop import FaceCrop, rotation2d
from headshot.image.resample import warp
from headshot.learn.data.occlude import (
    dark,
    draw_bars,
    draw_blob,
    draw_face_mask,
    draw_glasses,
    draw_hand,
    texture,
)  # fmt: skip
from headshot.learn.data.people import People
from headshot.learn.data.training_crops import KINDS, SIDE, TrainingCrops, input_crop, light_factor
from headshot.learn.data.training_crops import MARGIN as CROP_MARGIN
from headshot.models.albedo import load_albedo
from headshot.perception.landmarks.in_house import MARGIN, SIZE
from headshot.perception.landmarks.mirror import head_mirror

SHARES = {"synthetic": 0.38, "photo": 0.42, "profile": 0.12, "none": 0.08}
"""Of the stream."""
BY_HAND = 4  # how much oftener a photo with hand-made points is seen than another
TIGHT, BROAD, SCRAMBLED = 0.64, 0.28, 0.03
"""Shares of crops that are right to a few percent, and far off but still of the face; the rest miss the face,
or show it much too large, too small or upside down. Of some the pieces are shuffled."""


@dataclass(frozen=True)
class StreamSettings:
    """Settings of `RegressorStream`.

    Attributes:
        people: photos of two people follow each other in pairs, of one person each.
        seed: of everything random.
    """

    people: bool = True
    seed: int = 0


class RegressorStream(Dataset[dict[str, Tensor]]):
    """Inputs cut from training crops, and their labels.

    An item has ``pixels`` (3, SIZE, SIZE) uint8 and the labels of `TrainingCrops`, points and place in shares
    of the crop's side; ``face``, 1 where there is one; ``exact``, 1 for synthetic heads; ``person``, a
    number, -1 for nobody's; ``crop``, the number of its training crop.
    """

    def __init__(self, crops: TrainingCrops, settings: StreamSettings = StreamSettings()) -> None:
        self.crops, self.settings = crops, settings
        training = ~crops.held_out
        by_hand = (crops.labels["weight"][:, 478:] > 0).any(axis=1) & (crops.labels["weight"][:, 0] == 0)
        often = np.where(by_hand & (crops.kind == KINDS.index("photo")), BY_HAND, 1) * training
        self.groups = [np.repeat(np.arange(len(often)), often * (crops.kind == k)) for k in range(len(KINDS))]
        shares = np.array([SHARES[k] * bool(len(g)) for k, g in zip(KINDS, self.groups, strict=True)])
        self.shares = shares / shares.sum()
        self.sides = head_mirror()
        factor = light_factor(load_albedo("low"))
        self.lights = np.linalg.solve(factor, self.sides.light[:, None] * factor).astype(np.float32)
        self.people = People.of(crops, self.groups[KINDS.index("photo")])

    def __getitem__(self, k: int) -> dict[str, Tensor]:
        random = np.random.default_rng((self.settings.seed, k))
        number = self._choose(k, random)
        return self.item(number, random)

    def _choose(self, k: int, random: np.random.Generator) -> int:
        """A training crop; every second item of a pair of photos is of the same person, if there is one."""
        first = np.random.default_rng((self.settings.seed, 1, k // 2))
        kind = int(first.choice(len(KINDS), p=self.shares))
        number = int(first.choice(self.groups[kind]))
        if k % 2 == 0:
            return number
        mate = self.people.mate(number, random) if self.settings.people else None
        return int(random.choice(self.groups[kind])) if mate is None else mate

    def item(self, number: int, random: np.random.Generator) -> dict[str, Tensor]:
        """A training crop, varied."""
        face = self.crops.kind[number] != KINDS.index("none")
        crop, near = _random_crop(random)
        scrambled = random.random() < (0.4 if not face else SCRAMBLED)
        labels = {key: values[number].copy() for key, values in self.crops.labels.items()}
        pixels = self.crops.picture(number)
        if random.random() < 0.15:
            pixels = covered(pixels, self.crops.picture(int(random.integers(len(self.crops)))), random)
        pixels = crop.cut(pixels, SIZE)
        if scrambled:
            pixels = _shuffled(pixels, random)
        pixels = degraded(pixels, random)
        labels_in_crop(labels, crop)
        if random.random() < 0.5:
            pixels = pixels[:, ::-1]
            self.mirrored(labels)
        return {
            "pixels": torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1))),
            **{key: torch.from_numpy(np.asarray(value, np.float32)) for key, value in labels.items()},
            "face": torch.tensor(float(face and near and not scrambled)),
            "exact": torch.tensor(float(self.crops.kind[number] == 0)),
            "person": torch.tensor(self.people.number[number]),
            "crop": torch.tensor(number),
        }

    def mirrored(self, labels: dict[str, F32]) -> None:
        """Turn labels into those of the mirrored crop."""
        s = self.sides
        points = labels["points"][s.points]
        points[:, 0] = 1 - points[:, 0]
        labels["points"], labels["weight"] = points, labels["weight"][s.points]
        labels["identity"] = labels["identity"] * s.identity
        labels["expression"] = labels["expression"][s.expression]
        flip = np.array([-1, 1, 1], np.float32)
        labels["rotation"] = labels["rotation"] * flip[:, None] * flip
        labels["place"] = np.array([1 - labels["place"][0], *labels["place"][1:]], np.float32)
        labels["light"] = self.lights @ labels["light"]


def _random_crop(random: np.random.Generator) -> tuple[FaceCrop, bool]:
    """An input's crop of a training crop, and whether it shows the face."""
    kind = random.random()
    if kind < TIGHT:
        shift, scale, roll = random.normal(0, 0.025, 2), np.exp(random.normal(0, 0.06)), random.normal(0, 5)
    elif kind < TIGHT + BROAD:
        shift = random.uniform(-0.33, 0.33, 2)
        scale, roll = np.exp(random.uniform(np.log(0.62), np.log(1.7))), random.uniform(-45, 45)
    else:
        shift, scale, roll = _miss(random)
    return input_crop(MARGIN, float(scale), shift, float(roll)), kind < TIGHT + BROAD


def _miss(random: np.random.Generator) -> tuple[Array, float, float]:
    """Shift, scale and roll of a crop that does not show a face as it should be."""
    scale, roll = float(np.exp(random.uniform(np.log(0.4), np.log(1.7)))), float(random.uniform(-45, 45))
    kind = random.random()
    if kind < 0.2:  # upside down or on its side
        return random.uniform(-0.15, 0.15, 2), scale, float(random.choice([-1, 1]) * random.uniform(80, 180))
    if kind < 0.4:  # a part of the face
        return (
            random.uniform(-0.4, 0.4, 2) / 0.3,
            float(np.exp(random.uniform(np.log(0.15), np.log(0.4)))),
            roll,
        )
    if kind < 0.5:  # a small face in a large picture
        return random.uniform(-0.3, 0.3, 2), float(random.uniform(2.6, 4.0)), roll
    shift = random.choice([-1, 1], 2) * random.permutation([1.0, random.random()])
    return shift * random.uniform(0.45, 0.8) * max(1.0, 1 / scale), scale, roll


def _shuffled(pixels: U8, random: np.random.Generator) -> U8:
    """A crop cut into 2 x 2 to 8 x 8 pieces, which are turned and change places."""
    side = len(pixels) // (count := int(random.choice([2, 4, 8])))
    pieces = [
        np.rot90(pixels[i * side : (i + 1) * side, j * side : (j + 1) * side], int(random.integers(4)))
        for i in range(count)
        for j in range(count)
    ]
    order = random.permutation(len(pieces))
    rows = [[pieces[k] for k in order[i * count : (i + 1) * count]] for i in range(count)]
    return np.concatenate([np.concatenate(row, axis=1) for row in rows])


def labels_in_crop(labels: dict[str, F32], crop: FaceCrop) -> None:
    """Turn labels of a training crop into those of an input cut from it."""
    labels["points"] = crop.from_photo(labels["points"]).astype(np.float32)
    turn = np.eye(3)
    turn[:2, :2] = rotation2d(crop.roll)
    labels["rotation"] = (turn @ labels["rotation"]).astype(np.float32)
    at = crop.from_photo(labels["place"][:2] * SIDE)
    labels["place"] = np.array([*at, labels["place"][2] + np.log(SIDE / crop.side)], np.float32)


def covered(pixels: U8, other: U8, random: np.random.Generator) -> U8:
    """A training crop with something before the face."""
    kind = random.choice(5, p=(0.35, 0.25, 0.12, 0.13, 0.15))
    # The drawings expect crops in which the face is larger than in training crops.
    side = int(SIDE * 1.5 / CROP_MARGIN)
    low = (SIDE - side) // 2
    draw = (draw_blob, draw_hand, draw_glasses, draw_face_mask, draw_bars)[kind]
    mask = draw(side, random)[..., None]
    inner = pixels[low : low + side, low : low + side].astype(np.float32)
    if kind == 1:
        own = inner[side // 3 : -side // 3, side // 3 : -side // 3].reshape(-1, 3)
        cover = np.median(own, axis=0) * np.exp(random.normal(0, 0.15)) + random.normal(0, 6, inner.shape)
    elif kind == 2:
        cover = dark(side, random).astype(np.float32)
    else:
        cover = texture(np.ascontiguousarray(other[low : low + side, low : low + side]), random)
    out = pixels.copy()
    mixed = inner + mask * (cover - inner)
    out[low : low + side, low : low + side] = np.clip(mixed + 0.5, 0, 255).astype(np.uint8)
    return out


def degraded(pixels: U8, random: np.random.Generator) -> U8:
    """A crop as another camera might have taken it: few pixels, JPEG, other exposure, grey."""
    size = len(pixels)
    if random.random() < 0.3:
        small = int(np.exp(random.uniform(np.log(26), np.log(size * 0.9))))
        half = warp(pixels, (np.eye(2, 3) * size / small)[None], (small, small), clamp=True)[0]
        if random.random() < 0.5:
            half = _jpeg(half, random)
        return _toned(warp(half, (np.eye(2, 3) * small / size)[None], (size, size), clamp=True)[0], random)
    if random.random() < 0.15:
        pixels = _jpeg(pixels, random)
    return _toned(pixels, random)


def _jpeg(pixels: U8, random: np.random.Generator) -> U8:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=int(random.integers(20, 90)))
    return np.array(Image.open(file))


def _toned(pixels: U8, random: np.random.Generator) -> U8:
    """Exposure, contrast, colours and noise."""
    if random.random() < 0.2:
        return pixels
    level = np.arange(256) / 255
    table = level ** np.exp(random.normal(0, 0.25))
    table = (table - 0.5) * np.exp(random.normal(0, 0.15)) + 0.5 + random.normal(0, 0.05)
    gains = np.exp(random.normal(0, 0.06, 3))
    tables = np.clip(255 * table[:, None] * gains + 0.5, 0, 255).astype(np.uint8)
    out = np.stack([tables[:, c][pixels[:, :, c]] for c in range(3)], axis=2)
    if random.random() < 0.08:
        grey = (out @ np.array([0.3, 0.59, 0.11])).astype(np.uint8)
        out = np.repeat(grey[:, :, None], 3, axis=2)
    if random.random() < 0.25:
        noise = random.normal(0, random.uniform(2, 14), out.shape[:2])[:, :, None]
        out = np.clip(out + noise, 0, 255).astype(np.uint8)
    return out
