"""Training crops as an endless stream of inputs for the identity network: aligned, and degraded in many ways.

A few thousand people are soon known by heart. Two faces laid over each other are a face that nobody has,
whose embedding the face-recognition network computes like that of any other: mixing (Zhang et al., "mixup:
Beyond Empirical Risk Minimization", ICLR 2018) with a patient teacher (Beyer et al., "Knowledge distillation:
A good teacher is patient and consistent", CVPR 2022).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from headshot.arrays import F32, U8
from headshot.errors import HeadshotError
from headshot.geometry.align import planar_similarity
from headshot.image.resample import warp
from headshot.learn.data.people import People
from headshot.learn.data.regressor_stream import covered, degraded
from headshot.learn.data.training_crops import KINDS, KNOWN, SIDE, TrainingCrops, input_crop
from headshot.models.topologies.ibug68 import five_points
from headshot.perception.identity import MARGIN, SIZE
from headshot.perception.landmarks.mirror import head_mirror
from headshot.perception.recognition import Recogniser

SHARES = {"front": 0.55, "turned": 0.13, "profile": 0.2, "synthetic": 0.12}
"""Of the stream: photos from the front and from the side, most of these made by turning; CFP's profiles."""
COVERED, DEGRADED = 0.1, 0.6
MIXED = 0.65  # of "front" and "synthetic"; the recogniser is less certain about faces from the side
FRONTAL = 35  # degrees of yaw


@dataclass(frozen=True)
class Jitter:
    """How far crops are off, standard deviations: shift in sides, logarithm of the size, roll in degrees."""

    shift: float = 0.02
    size: float = 0.05
    roll: float = 5.0


class IdentityStream(Dataset[dict[str, Tensor]]):
    """Crops of faces whose identity or embedding is known.

    An item has ``pixels`` (3, SIZE, SIZE) uint8, ``identity`` (I,), ``known`` (its weight),
    ``exact`` (1 for synthetic heads) and ``embedding``; ``crop``, the number of its training crop, -1 for
    mixtures; ``person``, a number, -1 for nobody's; ``mirrored``. Item k depends on k and the seed alone.

    Args:
        crops: of a store; held-out ones are left out.
        seed: of everything random.
        recogniser: ONNX file of `headshot.perception.recognition`, for the embeddings of mixtures of two
        faces;
            without it faces are not mixed.
        pairs: every second item is of the person of the one before, if there is another of them.
    """

    def __init__(
        self, crops: TrainingCrops, seed: int = 0, recogniser: Path | None = None, *, pairs: bool = False
    ) -> None:
        self.crops, self.seed, self.pairs = crops, seed, pairs
        self.recogniser = None if recogniser is None else Recogniser(recogniser)
        self.signs = head_mirror().identity
        labels, photo = crops.labels, crops.kind == KINDS.index("photo")
        known = (labels["embedding"] != 0).any(axis=1) | (labels["known"][:, 0] > 0)
        forward = labels["rotation"][:, :, 2]  # not turned where the pose is unknown
        front = np.abs(np.degrees(np.arctan2(forward[:, 0], forward[:, 2]))) < FRONTAL
        masks = {
            "front": photo & front,
            "turned": photo & ~front,
            "profile": crops.kind == KINDS.index("profile"),
            "synthetic": crops.kind == KINDS.index("synthetic"),
        }
        groups = {name: np.flatnonzero(mask & known & ~crops.held_out) for name, mask in masks.items()}
        self.groups = {name: group for name, group in groups.items() if len(group)}
        shares = np.array([SHARES[name] for name in self.groups])
        self.shares = shares / shares.sum()
        self.people = People.of(crops, np.concatenate(list(self.groups.values())))
        posed = labels["known"][:, KNOWN.index("pose")] > 0
        whole = (labels["weight"][:, 478:] > 0).all(axis=1)
        self.mixable = masks["front"] | masks["synthetic"]
        face = self.mixable & front
        self.front = np.flatnonzero(~crops.held_out & face & posed & whole)
        if self.recogniser is not None and not len(self.front):
            raise HeadshotError("the store has no faces seen from the front that could be mixed")

    def __getitem__(self, k: int) -> dict[str, Tensor]:
        random = np.random.default_rng((self.seed, k))
        number = self._choose(random)
        if self.pairs and k % 2:
            before = self._choose(np.random.default_rng((self.seed, k - 1)))
            mate = self.people.mate(before, random)
            number = number if mate is None else mate
        return self.item(number, random)

    def _choose(self, random: np.random.Generator) -> int:
        group = list(self.groups)[int(random.choice(len(self.groups), p=self.shares))]
        return int(random.choice(self.groups[group]))

    def item(self, number: int, random: np.random.Generator) -> dict[str, Tensor]:
        """A training crop, varied."""
        labels = self.crops.labels
        pixels, identity = self.crops.picture(number), labels["identity"][number]
        known, embedding = labels["known"][number, 0], labels["embedding"][number]
        exact, person = float(self.crops.kind[number] == 0), self.people.number[number]
        if self.recogniser is not None and self.mixable[number] and random.random() < MIXED:
            pixels, embedding = self._mixture(random)
            known, exact, person, number = np.float32(0), 0.0, -1, -1
        pixels = self._varied(pixels, random)
        mirrored = random.random() < 0.5
        if mirrored:  # the embedding is the same for both
            pixels, identity = pixels[:, ::-1], identity * self.signs
        return {
            "pixels": torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1))),
            "identity": torch.from_numpy(np.asarray(identity, np.float32)),
            "known": torch.tensor(known),
            "exact": torch.tensor(exact),
            "embedding": torch.from_numpy(embedding.copy()),
            "crop": torch.tensor(number),
            "person": torch.tensor(person),
            "mirrored": torch.tensor(mirrored),
        }

    def _varied(self, pixels: U8, random: np.random.Generator) -> U8:
        """An input (SIZE, SIZE, 3) cut from a training crop, about right, degraded or not."""
        j = Jitter()
        if random.random() < COVERED:
            other = self.crops.picture(int(random.integers(len(self.crops))))
            pixels = covered(pixels, other, random)
        x, y = random.normal(0, j.shift, 2).tolist()
        scale = float(np.exp(random.normal(0, j.size)))
        crop = input_crop(MARGIN, scale, (x, y), float(random.normal(0, j.roll)))
        pixels = crop.cut(pixels, SIZE)
        return degraded(pixels, random) if random.random() < DEGRADED else pixels

    def _mixture(self, random: np.random.Generator) -> tuple[U8, F32]:
        """A mixture of two faces laid over each other by eyes, nose and mouth, and its embedding."""
        assert self.recogniser is not None
        one, other = (int(k) for k in random.choice(self.front, 2))
        points = five_points(self.crops.labels["points"][one, 478:])
        pixels = self.crops.picture(one)
        share = float(random.uniform(0.3, 0.7))
        laid = planar_similarity(points, five_points(self.crops.labels["points"][other, 478:]))
        over = warp(self.crops.picture(other), laid[None], (SIDE, SIDE), clamp=True)[0]
        mixed = (share * pixels + (1 - share) * over.astype(np.float32) + 0.5).astype(np.uint8)
        return mixed, self.recogniser.both_sides(mixed, points).astype(np.float32)
