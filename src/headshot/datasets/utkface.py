"""UTKFace: age, sex and race in the names of its photos, and more photos of ages that are rare.

Zhang, Song and Qi, "Age Progression/Regression by Conditional Adversarial Autoencoder", CVPR 2017.
"""

from __future__ import annotations

import zlib
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np

from headshot.datasets.selection import photo_names
from headshot.datasets.split import held_out
from headshot.image.photo import Photo

RACES = ("White", "Black", "Asian", "Indian", "other")
AGES = (0, 3, 13, 30, 60, 200)


def groups_of(name: str) -> dict[str, str | float]:
    """Sex, age and race as UTKFace labels its files (age_sex_race_time.jpg); nothing for other names."""
    words = Path(name).stem.split("_")
    if len(words) < 4 or not all(w.isdecimal() for w in words[:3]) or int(words[2]) >= len(RACES):
        return {}
    low = AGES[int(np.searchsorted(AGES, int(words[0]), side="right")) - 1]
    high = AGES[AGES.index(low) + 1]
    age = f"{low}+" if high == AGES[-1] else f"{low}-{high - 1}"
    return {"sex": ("male", "female")[int(words[1])], "race": RACES[int(words[2])], "age": age}


def with_border(photo: Photo, width: int) -> Photo:
    """A photo with a border of so many pixels that continues its edges.

    UTKFace's crops end within the head, where no detector finds it.
    """
    around = ((width, width), (width, width), (0, 0))
    return replace(photo, pixels=np.pad(photo.pixels, around, mode="edge"))


def photos_with_rare_ages(root: Path, limit: int | None, least: int, seed: int = 0) -> list[str]:
    """Photos drawn from a folder, and more so that there are ``least`` of each age, as far as there are."""
    drawn = photo_names(root, limit, seed)
    return drawn + more_of_rare_ages(photo_names(root), drawn, least)


def more_of_rare_ages(names: list[str], drawn: list[str], least: int) -> list[str]:
    """Photos beside those that were drawn, held out of training, up to ``least`` of each age."""
    found: list[str] = []
    count = Counter(groups_of(name).get("age") for name in drawn)
    for name in sorted(names, key=lambda n: zlib.crc32(n.encode("utf-8"))):
        age = groups_of(name).get("age")
        apart = held_out(Path(name).stem, "utkface")
        if age is not None and count[age] < least and apart and name not in drawn:
            count[age] += 1
            found.append(name)
    return found
