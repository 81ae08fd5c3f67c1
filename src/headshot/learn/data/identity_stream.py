"""Windows as an endless stream of crops for the identity network: right ones, in all light and harm."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from headshot.identity import SIDE as CROP
from headshot.identity import WIDTH
from headshot.learn.data.regressor_stream import covered, degraded
from headshot.learn.data.windows import KINDS, MARGIN, SIDE, Windows
from headshot.regress import sides
from headshot.resample import warp

SHARES = {"photo": 0.7, "profile": 0.14, "synthetic": 0.16}
"""Of the stream."""
COVERED, HARMED = 0.1, 0.6


@dataclass(frozen=True)
class Jitter:
    """How far crops are off, standard deviations: shift in sides, logarithm of the size, roll in degrees."""

    shift: float = 0.02
    size: float = 0.05
    roll: float = 5.0


def crop_map(
    offset: tuple[float, float] = (0, 0), size: float = 1.0, roll: float = 0.0
) -> NDArray[np.float64]:
    """(2, 3) pixels of the crop to those of a window."""
    side = SIDE * WIDTH / MARGIN * size
    c, s = np.cos(np.radians(roll)), np.sin(np.radians(roll))
    a = side / CROP * np.array([[c, -s], [s, c]])
    middle = SIDE / 2 + side * np.asarray(offset)
    return np.column_stack([a, middle - a @ [CROP / 2, CROP / 2]])


class IdentityStream(Dataset[dict[str, Tensor]]):
    """Crops of faces whose identity or embedding is known.

    An item has ``pixels`` (3, CROP, CROP) uint8, ``identity`` (I,), ``known`` (how far it is believed),
    ``exact`` (1 for synthetic heads) and ``embedding``. Item k depends on k and the seed alone.
    """

    def __init__(self, windows: Windows, seed: int = 0) -> None:
        self.windows, self.seed = windows, seed
        labels = windows.labels
        useful = (labels["embedding"] != 0).any(axis=1) | (labels["known"][:, 0] > 0)
        useful &= ~windows.held_out
        groups = {kind: np.flatnonzero(useful & (windows.kind == KINDS.index(kind))) for kind in SHARES}
        self.groups = [group for group in groups.values() if len(group)]
        shares = np.array([SHARES[kind] for kind, group in groups.items() if len(group)])
        self.shares = shares / shares.sum()
        self.signs = sides().identity

    def __getitem__(self, k: int) -> dict[str, Tensor]:
        random = np.random.default_rng((self.seed, k))
        group = self.groups[int(random.choice(len(self.groups), p=self.shares))]
        window, j = int(random.choice(group)), Jitter()
        pixels = self.windows.picture(window)
        if random.random() < COVERED:
            other = self.windows.picture(int(random.integers(len(self.windows))))
            pixels = covered(pixels, other, random)
        x, y = random.normal(0, j.shift, 2).tolist()
        moved = crop_map((x, y), float(np.exp(random.normal(0, j.size))), float(random.normal(0, j.roll)))
        pixels = warp(pixels, moved[None], (CROP, CROP), clamp=True)[0]
        if random.random() < HARMED:
            pixels = degraded(pixels, random)
        labels = self.windows.labels
        identity = labels["identity"][window]
        if random.random() < 0.5:  # the embedding is the same for both
            pixels, identity = pixels[:, ::-1], identity * self.signs
        return {
            "pixels": torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1))),
            "identity": torch.from_numpy(np.asarray(identity, np.float32)),
            "known": torch.tensor(labels["known"][window, 0]),
            "exact": torch.tensor(float(self.windows.kind[window] == 0)),
            "embedding": torch.from_numpy(labels["embedding"][window].copy()),
        }
