"""FASSEG (Benini et al., "FASSEG: a FAce Semantic SEGmentation repository", Data in Brief 24, 2019).

V1 and V2 (frontal): ``Train_RGB/1.jpg`` (or .bmp) and ``Train_Labels/1.png``; V3 (13 angles of yaw):
``Train_RGB/-90/NAME.jpg`` and ``Train_labels/-90/NAME.png``; the same with ``Test``. Labels are colours, and
pixels off the palette (left by compression, along the edges) have the nearest one. V2 labels brows as hair,
V3 as skin.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image

from headshot.arrays import U8
from headshot.datasets.parts.scheme import Sample, Scheme
from headshot.errors import HeadshotError

PALETTE = {
    "background": (255, 0, 0),
    "skin": (255, 255, 0),
    "nose": (0, 255, 255),
    "eyes": (0, 0, 255),
    "mouth": (0, 255, 0),
    "hair": (127, 0, 0),
}
FAR = 60  # a pixel this far from every colour, in any channel's steps of 8 bits, is unknown


def _scheme(name: str, brows: str) -> Scheme:
    members = {
        "background": ("background", "cloth", "hat"),
        "skin": ("skin", "ears", "neck"),
        "nose": ("nose",),
        "eyes": ("eyes", "glasses"),
        "mouth": ("mouth", "upper_lip", "lower_lip"),
        "hair": ("hair",),
    }
    members[brows] += ("brows",)
    also = {"skin": ("brows", "glasses"), "hair": ("brows", "hat"), "background": ("glasses",)}
    extra = {label: tuple(c for c in more if c not in members[label]) for label, more in also.items()}
    return Scheme.define(name, members, extra)


FRONTAL = _scheme("fasseg", "hair")
MULTIPOSE = _scheme("fasseg-multipose", "skin")


def find(folder: Path) -> list[Sample]:
    """All labelled photos below a folder, of any version.

    Raises:
        HeadshotError: there are none.
    """
    samples = []
    for labels in sorted(p for p in folder.rglob("*") if p.name.lower() in ("train_labels", "test_labels")):
        photos = labels.with_name(labels.name[: labels.name.index("_")] + "_RGB")
        for file in sorted(labels.rglob("*")):
            photo = _photo_of(photos / file.relative_to(labels)) if file.is_file() else None
            if photo is None:
                continue
            multipose = file.parent != labels
            group = file.stem[:10] if multipose else f"{labels.parent.name}/{file.stem}"  # "personne01"
            scheme = MULTIPOSE if multipose else FRONTAL
            samples.append(Sample(photo, (file,), group, scheme, read))
    if not samples:
        raise HeadshotError(
            f"no FASSEG in {folder}: expected Train_RGB/NAME.jpg and Train_Labels/NAME.png, "
            "or the same in folders of angles"
        )
    return samples


def read(files: tuple[Path, ...]) -> U8:
    """Labels (H, W) of a picture in the data set's colours."""
    with Image.open(files[0]) as image:
        colours = np.asarray(image.convert("RGB")) >> 3
    labels = _nearest()[colours[..., 0], colours[..., 1], colours[..., 2]]
    if (labels == 255).mean() > 0.2:
        raise HeadshotError(f"{files[0]} is not in FASSEG's colours: more than a fifth of it has others")
    return labels


@cache
def _nearest() -> U8:
    """Label (32, 32, 32) of each colour in steps of 8."""
    steps = np.arange(32) * 8 + 4
    colours = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1)
    distance = np.stack([np.abs(colours - colour).max(axis=-1) for colour in PALETTE.values()])
    return np.where(distance.min(axis=0) > FAR, 255, distance.argmin(axis=0)).astype(np.uint8)


def _photo_of(file: Path) -> Path | None:
    for ending in (".jpg", ".png", ".bmp", ".jpeg", ".JPG"):
        if file.with_suffix(ending).is_file():
            return file.with_suffix(ending)
    return None
