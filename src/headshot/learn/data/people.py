"""Who is in which training crops: photos of one person follow each other where losses compare them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headshot.arrays import Index
from headshot.learn.data.training_crops import TrainingCrops


@dataclass(frozen=True, eq=False)
class People:
    """The people of a store.

    Attributes:
        number: (N,) of each crop's person; -1 for nobody's.
        crops: of each person, those among which mates are chosen.
    """

    number: Index
    crops: dict[int, list[int]]

    @classmethod
    def of(cls, crops: TrainingCrops, chosen: Index) -> People:
        """The people of a store, with mates among the ``chosen`` crops."""
        number = np.unique(crops.person, return_inverse=True)[1].astype(np.int64)
        number[crops.person == ""] = -1
        own: dict[int, list[int]] = {}
        for k in chosen[number[chosen] >= 0].tolist():
            own.setdefault(int(number[k]), []).append(k)
        return cls(number, own)

    def mate(self, crop: int, random: np.random.Generator) -> int | None:
        """Another crop of the same person; None where there is none."""
        others = [m for m in self.crops.get(int(self.number[crop]), []) if m != crop]
        return int(random.choice(others)) if others else None
