"""LFW part labels (Kae et al., "Augmenting CRFs with Boltzmann Machine Shape Priors", CVPR 2013).

``Person_Name/Person_Name_0001.png`` in one folder, index PNGs with 0 background, 1 skin (with neck and ears),
2 hair (beards too), 255 unknown, and the photos in another, ``Person_Name/Person_Name_0001.jpg``.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from headshot.arrays import U8
from headshot.datasets.parts.scheme import Sample, Scheme, Sets, classes
from headshot.errors import HeadshotError

SCHEME = Scheme.define(
    "lfw",
    {
        "background": ("background", "hat", "cloth"),
        "skin": (
            "skin", "nose", "brows", "eyes", "glasses", "ears", "mouth", "upper_lip", "lower_lip", "neck",
        ),
        "hair": ("hair",),
    },
    {"background": ("glasses",), "hair": ("brows",)},
)  # fmt: skip
BEARD = classes("hair", "skin", "upper_lip")


def find(labels: Path, photos: Path) -> list[Sample]:
    """All labelled photos.

    Args:
        labels: folder of the label maps.
        photos: folder of the photos.

    Raises:
        HeadshotError: there are none.
    """
    samples = []
    for file in sorted(labels.glob("*/*.png")):
        photo = photos / file.parent.name / f"{file.stem}.jpg"
        if photo.is_file():
            samples.append(Sample(photo, (file,), file.parent.name, SCHEME, read, sets))
    if not samples:
        raise HeadshotError(
            f"no LFW parts in {labels} with photos in {photos}: expected Person_Name/Person_Name_0001.png "
            "there and the same with .jpg here"
        )
    return samples


def read(files: tuple[Path, ...]) -> U8:
    """Labels (H, W)."""
    with Image.open(files[0]) as image:
        labels = np.asarray(image)
    if labels.ndim != 2 or not np.isin(labels, (0, 1, 2, 255)).all():
        raise HeadshotError(f"{files[0]} should be an index picture with the labels 0, 1, 2 and 255")
    return labels


def sets(labels: U8) -> Sets:
    """Sets (H, W); hair below the middle of the face may be a beard, which CelebAMask-HQ calls skin.

    The middle is that of the rows where skin lies, cut above at the first quarter's end of the neck.
    """
    result = SCHEME.to_sets(labels)
    rows, columns = np.nonzero(labels == 1)
    if not len(rows):
        return result
    middle = np.percentile(rows, 50)
    left, right = np.percentile(columns, (3, 97))
    y, x = np.ogrid[: labels.shape[0], : labels.shape[1]]
    result[(labels == 2) & (y > middle) & (x > left) & (x < right)] = BEARD
    return result
