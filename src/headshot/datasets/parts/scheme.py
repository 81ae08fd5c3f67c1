"""Label maps of face parts: one scheme for data sets that label more or less.

A pixel's label is the *set* of the classes that it may have, as bits of a uint16: one bit where a data set
labels it exactly, several where its label is coarser than ours (LFW's "skin" may be a nose), all of
them where nothing is known. The classes are those of `headshot.perception.segmentation.CLASSES`;
docs/explanation/segmentation.md has the table of what the labels of each data set become.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from headshot.arrays import U8
from headshot.perception.segmentation import CLASSES

Sets = NDArray[np.uint16]

UNKNOWN = (1 << len(CLASSES)) - 1  # any class: such pixels do not count


def classes(*names: str) -> int:
    """The set of some classes, as bits."""
    return sum(1 << CLASSES.index(name) for name in names)


@dataclass(frozen=True)
class Scheme:
    """The labels of a data set.

    Attributes:
        name: of the data set.
        labels: names of its labels; their index is what its readers return.
        sets: for each label the set of our classes that it may stand for.
        measured: for each of our classes the label that it counts as when predictions are compared with
            the data set's labels, -1 if none.
    """

    name: str
    labels: tuple[str, ...]
    sets: tuple[int, ...]
    measured: tuple[int, ...]

    @staticmethod
    def define(name: str, labels: dict[str, tuple[str, ...]], also: dict[str, tuple[str, ...]]) -> Scheme:
        """A scheme from the classes of each label; ``also`` lists those that a label only sometimes has."""
        measured = [-1] * len(CLASSES)
        for index, members in enumerate(labels.values()):
            for member in members:
                assert measured[CLASSES.index(member)] < 0
                measured[CLASSES.index(member)] = index
        sets = tuple(classes(*members, *also.get(label, ())) for label, members in labels.items())
        return Scheme(name, tuple(labels), sets, tuple(measured))

    def to_sets(self, labels: U8) -> Sets:
        """Sets (H, W) of a map of labels (H, W); 255 is unknown."""
        table = np.full(256, UNKNOWN, np.uint16)
        table[: len(self.sets)] = self.sets
        return table[labels]

    def from_classes(self, labels: U8) -> U8:
        """Our classes (H, W) as labels of this scheme."""
        return np.array(self.measured).astype(np.uint8)[labels]


@dataclass(frozen=True)
class Sample:
    """One labelled photo.

    Attributes:
        photo: its file.
        labels: its label files.
        group: what must not be divided between training and validation: a person where known, or a file.
        scheme: what the labels mean.
        read: label files to a map (H, W) uint8 of the photo's size, labels of the scheme, 255 unknown.
        sets: on request, label map to sets where the scheme alone does not give it.
    """

    photo: Path
    labels: tuple[Path, ...]
    group: str
    scheme: Scheme
    read: Callable[[tuple[Path, ...]], U8]
    sets: Callable[[U8], Sets] | None = None

    def read_sets(self) -> Sets:
        """The sets (H, W) of the photo's pixels."""
        labels = self.read(self.labels)
        return self.sets(labels) if self.sets else self.scheme.to_sets(labels)

    @property
    def held_out(self) -> bool:
        """Whether it is for validation: one group in ten, for ever the same ones."""
        return hashlib.sha256(f"{self.scheme.name}/{self.group}".encode()).digest()[0] < 26
