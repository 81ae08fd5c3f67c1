"""CelebAMask-HQ (Lee et al., "MaskGAN", CVPR 2020): celebrity portraits with 18 parts and the background.

Two layouts are read: the original one, with a binary PNG for each part of each photo,

    CelebA-HQ-img/0.jpg
    CelebAMask-HQ-mask-anno/0/00000_skin.png

and merged ones with index PNGs, ``images/NAME.jpg`` and ``masks/NAME.png``.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from headshot.arrays import U8
from headshot.datasets.parts.scheme import Sample, Scheme
from headshot.errors import HeadshotError

# Suffix of the part's file in the original layout, in the order of the merged index; 0 is the background.
# The order is the authors' too (their g_mask.py): where parts overlap, the later one counts.
PARTS = (
    "skin", "nose", "eye_g", "l_eye", "r_eye", "l_brow", "r_brow", "l_ear", "r_ear", "mouth", "u_lip",
    "l_lip", "hair", "hat", "ear_r", "neck_l", "neck", "cloth",
)  # fmt: skip
OURS = (
    "background", "skin", "nose", "glasses", "eyes", "eyes", "brows", "brows", "ears", "ears", "mouth",
    "upper_lip", "lower_lip", "hair", "hat", "cloth", "cloth", "neck", "cloth",
)  # fmt: skip
SCHEME = Scheme.define("celebamask", {name: (name,) for name in dict.fromkeys(OURS)}, {})


def find(folder: Path) -> list[Sample]:
    """All labelled photos of a folder of either layout.

    Raises:
        HeadshotError: there are none.
    """
    if (folder / "CelebAMask-HQ-mask-anno").is_dir():
        samples = _find_original(folder)
    else:
        masks = sorted((folder / "masks").glob("*.png"))
        samples = [
            Sample(folder / "images" / f"{mask.stem}.jpg", (mask,), mask.stem, SCHEME, read_merged)
            for mask in masks
        ]
    samples = [sample for sample in samples if sample.photo.is_file()]
    if not samples:
        raise HeadshotError(
            f"no CelebAMask-HQ in {folder}: expected CelebA-HQ-img and CelebAMask-HQ-mask-anno, "
            "or images/*.jpg and masks/*.png"
        )
    return samples


def _find_original(folder: Path) -> list[Sample]:
    files: dict[str, list[Path]] = {}
    for file in sorted((folder / "CelebAMask-HQ-mask-anno").rglob("*_*.png")):
        files.setdefault(file.name.split("_")[0], []).append(file)
    return [
        Sample(folder / "CelebA-HQ-img" / f"{int(name)}.jpg", tuple(parts), name, SCHEME, read_parts)
        for name, parts in files.items()
        if name.isdecimal()
    ]


def read_merged(files: tuple[Path, ...]) -> U8:
    """Labels (H, W) of an index PNG."""
    with Image.open(files[0]) as image:
        return _to_scheme(np.asarray(image.convert("P") if image.mode == "1" else image), files[0])


def read_parts(files: tuple[Path, ...]) -> U8:
    """Labels (H, W) of a photo's binary PNGs."""
    found = {file.stem.split("_", 1)[1]: file for file in files}
    unknown = sorted(set(found) - set(PARTS))
    if unknown:
        raise HeadshotError(f"{found[unknown[0]]} is no part of CelebAMask-HQ: they are {', '.join(PARTS)}")
    merged: U8 | None = None
    for index, part in enumerate(PARTS, start=1):
        if part not in found:
            continue
        with Image.open(found[part]) as image:
            mask = np.asarray(image.convert("L")) > 127
        if merged is None:
            merged = np.zeros(mask.shape, np.uint8)
        if mask.shape != merged.shape:
            raise HeadshotError(f"{found[part]} is {mask.shape}, the photo's other parts are {merged.shape}")
        merged[mask] = index
    assert merged is not None
    return _to_scheme(merged, files[0])


def _to_scheme(merged: U8, file: Path) -> U8:
    if merged.ndim != 2 or merged.max() >= len(OURS):
        raise HeadshotError(f"{file} should be an index picture with labels 0 to {len(OURS) - 1}")
    return np.array([SCHEME.labels.index(name) for name in OURS], np.uint8)[merged]
