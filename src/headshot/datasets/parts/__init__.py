"""Readers of labelled face parts: CelebAMask-HQ, FASSEG, HELEN, LFW; for training and for measuring."""

from __future__ import annotations

from pathlib import Path

from headshot.datasets.parts import celebamask, fasseg, helen, helen_points, lfw
from headshot.datasets.parts.scheme import Sample, Scheme
from headshot.errors import HeadshotError

__all__ = ["Sample", "Scheme", "find"]


def find(folder: Path, photos: Path | None = None) -> list[Sample]:
    """The labelled photos of a folder, whichever of the data sets it holds.

    Args:
        folder: of the data set.
        photos: folder of the photos of LFW, whose labels come alone.

    Raises:
        HeadshotError: it holds none of them.
    """
    if photos is not None:
        return lfw.find(folder, photos)
    for reader in (celebamask.find, helen.find, fasseg.find, helen_points.find):
        try:
            return reader(folder)
        except HeadshotError:
            continue
    raise HeadshotError(
        f"{folder} holds neither CelebAMask-HQ, FASSEG nor HELEN's part labels or points "
        "(docs/explanation/segmentation.md shows their layouts); LFW's part labels need --photos too"
    )
