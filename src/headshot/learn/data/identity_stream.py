"""Windows as an endless stream of crops for the identity network: right ones, in all light and harm.

A few thousand people are soon known by heart. Two faces laid over each other are a face that nobody has, and
the recogniser can be asked about it like about any other: mixing (Zhang et al., "mixup: Beyond Empirical Risk
Minimization", ICLR 2018) with a patient teacher (Beyer et al., "Knowledge distillation: A good teacher is
patient and consistent", CVPR 2022).
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
from headshot.evaluate.embedding import Recogniser, similarity
from headshot.image.resample import warp
from headshot.learn.data.people import People
from headshot.learn.data.regressor_stream import covered, degraded
from headshot.learn.data.windows import KINDS, KNOWN, SIDE, Windows, crop_of_window
from headshot.models.topologies.ibug68 import five_points
from headshot.perception.identity import MARGIN, SIZE
from headshot.perception.landmarks.mirror import head_mirror

SHARES = {"front": 0.55, "turned": 0.13, "profile": 0.2, "synthetic": 0.12}
"""Of the stream: photos from the front and from the side, most of these made by turning; CFP's profiles."""
COVERED, HARMED = 0.1, 0.6
MIXED = 0.65  # of "front" and "synthetic"; of faces from the side the recogniser knows too little
FRONTAL = 35  # degrees of yaw


@dataclass(frozen=True)
class Jitter:
    """How far crops are off, standard deviations: shift in sides, logarithm of the size, roll in degrees."""

    shift: float = 0.02
    size: float = 0.05
    roll: float = 5.0


class IdentityStream(Dataset[dict[str, Tensor]]):
    """Crops of faces whose identity or embedding is known.

    An item has ``pixels`` (3, SIZE, SIZE) uint8, ``identity`` (I,), ``known`` (how far it is believed),
    ``exact`` (1 for synthetic heads) and ``embedding``; ``window``, its number, -1 for mixtures; ``person``,
    a number, -1 for nobody's; ``mirrored``. Item k depends on k and the seed alone.

    Args:
        windows: what to learn from; held-out ones are left out.
        seed: of everything random.
        recogniser: ONNX file of `headshot.evaluate.embedding`, to be asked about mixtures of two faces;
            without it faces are not mixed.
        pairs: every second item is of the person of the one before, if there is another of them.
    """

    def __init__(
        self, windows: Windows, seed: int = 0, recogniser: Path | None = None, *, pairs: bool = False
    ) -> None:
        self.windows, self.seed, self.pairs = windows, seed, pairs
        self.recogniser = None if recogniser is None else Recogniser(recogniser)
        self.signs = head_mirror().identity
        labels, photo = windows.labels, windows.kind == KINDS.index("photo")
        known = (labels["embedding"] != 0).any(axis=1) | (labels["known"][:, 0] > 0)
        forward = labels["rotation"][:, :, 2]  # not turned where the pose is unknown
        front = np.abs(np.degrees(np.arctan2(forward[:, 0], forward[:, 2]))) < FRONTAL
        masks = {
            "front": photo & front,
            "turned": photo & ~front,
            "profile": windows.kind == KINDS.index("profile"),
            "synthetic": windows.kind == KINDS.index("synthetic"),
        }
        groups = {name: np.flatnonzero(mask & known & ~windows.held_out) for name, mask in masks.items()}
        self.groups = {name: group for name, group in groups.items() if len(group)}
        shares = np.array([SHARES[name] for name in self.groups])
        self.shares = shares / shares.sum()
        self.people = People.of(windows, np.concatenate(list(self.groups.values())))
        posed = labels["known"][:, KNOWN.index("pose")] > 0
        whole = (labels["weight"][:, 478:] > 0).all(axis=1)
        self.mixable = masks["front"] | masks["synthetic"]
        face = self.mixable & front
        self.front = np.flatnonzero(~windows.held_out & face & posed & whole)
        if self.recogniser is not None and not len(self.front):
            raise HeadshotError("the store has no faces seen from the front that could be mixed")

    def __getitem__(self, k: int) -> dict[str, Tensor]:
        random = np.random.default_rng((self.seed, k))
        window = self._window(random)
        if self.pairs and k % 2:
            before = self._window(np.random.default_rng((self.seed, k - 1)))
            mate = self.people.mate(before, random)
            window = window if mate is None else mate
        return self.item(window, random)

    def _window(self, random: np.random.Generator) -> int:
        group = list(self.groups)[int(random.choice(len(self.groups), p=self.shares))]
        return int(random.choice(self.groups[group]))

    def item(self, window: int, random: np.random.Generator) -> dict[str, Tensor]:
        """A window, varied."""
        labels = self.windows.labels
        pixels, identity = self.windows.picture(window), labels["identity"][window]
        known, embedding = labels["known"][window, 0], labels["embedding"][window]
        exact, person = float(self.windows.kind[window] == 0), self.people.number[window]
        if self.recogniser is not None and self.mixable[window] and random.random() < MIXED:
            pixels, embedding = self._mixture(random)
            known, exact, person, window = np.float32(0), 0.0, -1, -1
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
            "window": torch.tensor(window),
            "person": torch.tensor(person),
            "mirrored": torch.tensor(mirrored),
        }

    def _varied(self, pixels: U8, random: np.random.Generator) -> U8:
        """A crop (SIZE, SIZE, 3) of a window, about right, with or without harm."""
        j = Jitter()
        if random.random() < COVERED:
            other = self.windows.picture(int(random.integers(len(self.windows))))
            pixels = covered(pixels, other, random)
        x, y = random.normal(0, j.shift, 2).tolist()
        scale = float(np.exp(random.normal(0, j.size)))
        crop = crop_of_window(MARGIN, scale, (x, y), float(random.normal(0, j.roll)))
        pixels = crop.cut(pixels, SIZE)
        return degraded(pixels, random) if random.random() < HARMED else pixels

    def _mixture(self, random: np.random.Generator) -> tuple[U8, F32]:
        """A window in which two faces lie over each other by their eyes, nose and mouth; its embedding."""
        assert self.recogniser is not None
        one, other = (int(k) for k in random.choice(self.front, 2))
        points = five_points(self.windows.labels["points"][one, 478:])
        pixels = self.windows.picture(one)
        share = float(random.uniform(0.3, 0.7))
        laid = similarity(points, five_points(self.windows.labels["points"][other, 478:]))
        over = warp(self.windows.picture(other), laid[None], (SIDE, SIDE), clamp=True)[0]
        mixed = (share * pixels + (1 - share) * over.astype(np.float32) + 0.5).astype(np.uint8)
        return mixed, self.recogniser.both_sides(mixed, points).astype(np.float32)
