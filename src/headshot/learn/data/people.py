"""Who is in which windows: photos of one person follow each other where losses compare them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headshot.arrays import Index
from headshot.learn.data.windows import Windows


@dataclass(frozen=True, eq=False)
class People:
    """The people of a store.

    Attributes:
        number: (N,) of each window's person; -1 for nobody's.
        windows: of each person, those among which mates are chosen.
    """

    number: Index
    windows: dict[int, list[int]]

    @classmethod
    def of(cls, windows: Windows, chosen: Index) -> People:
        """With mates among some windows."""
        number = np.unique(windows.person, return_inverse=True)[1].astype(np.int64)
        number[windows.person == ""] = -1
        own: dict[int, list[int]] = {}
        for k in chosen[number[chosen] >= 0].tolist():
            own.setdefault(int(number[k]), []).append(k)
        return cls(number, own)

    def mate(self, window: int, random: np.random.Generator) -> int | None:
        """Another window of the same person; None where there is none."""
        others = [m for m in self.windows.get(int(self.number[window]), []) if m != window]
        return int(random.choice(others)) if others else None
