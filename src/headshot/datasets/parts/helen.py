"""HELEN with part labels (Smith et al., "Exemplar-Based Face Parsing", CVPR 2013).

``SmithCVPR2013_dataset_resized/images/NAME.jpg`` and ``labels/NAME/NAME_lbl00.png`` to ``_lbl10.png``: for
each label a grey picture of its probability. The face labels are by hand, the hair by matting.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from headshot.arrays import U8
from headshot.datasets.parts.scheme import Sample, Scheme
from headshot.errors import HeadshotError

# Label of each file; left and right are one class of ours.
FILES = (
    "background", "skin", "brows", "brows", "eyes", "eyes", "nose", "upper_lip", "mouth", "lower_lip", "hair",
)  # fmt: skip
SCHEME = Scheme.define(
    "helen",
    {
        "background": ("background", "ears", "neck", "cloth", "hat"),
        "skin": ("skin", "glasses"),
        **{name: (name,) for name in ("brows", "eyes", "nose", "upper_lip", "mouth", "lower_lip", "hair")},
    },
    {"background": ("glasses",), "eyes": ("glasses",), "brows": ("glasses",)},
)


def find(folder: Path) -> list[Sample]:
    """All labelled photos.

    Raises:
        HeadshotError: there are none.
    """
    samples = []
    for labels in sorted(path for path in (folder / "labels").glob("*") if path.is_dir()):
        files = tuple(labels / f"{labels.name}_lbl{index:02d}.png" for index in range(len(FILES)))
        photo = folder / "images" / f"{labels.name}.jpg"
        if photo.is_file() and all(file.is_file() for file in files):
            samples.append(Sample(photo, files, labels.name, SCHEME, read))
    if not samples:
        raise HeadshotError(
            f"no HELEN part labels in {folder}: expected images/NAME.jpg and labels/NAME/NAME_lbl00.png to "
            f"NAME_lbl{len(FILES) - 1}.png"
        )
    return samples


def read(files: tuple[Path, ...]) -> U8:
    """Labels (H, W): the most probable of each pixel; what has no label at all is background."""
    pictures = []
    for file in files:
        with Image.open(file) as image:
            pictures.append(np.asarray(image.convert("L")))
    if len({picture.shape for picture in pictures}) > 1:
        raise HeadshotError(f"the label pictures next to {files[0]} differ in size")
    best = np.stack(pictures).argmax(axis=0)
    return np.array([SCHEME.labels.index(name) for name in FILES], np.uint8)[best]
