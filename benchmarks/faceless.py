"""Does the search for faces see some where there are none, and animals' faces as people's?

    python benchmarks/faceless.py FOLDER

All pictures below a folder without people's faces that can be read and are large enough are searched as
`headshot.reconstruct` searches photos, reduced to 1,200 pixels; of those with a head the names are printed,
with `face_score` and the warnings.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image
from rich.progress import track

from headshot import NoFaceError, PhotoError, read_photo, reconstruct
from headshot.evaluate.baselines import METHODS
from headshot.image.files import find_photos
from headshot.quality import Quality

SETTINGS = replace(METHODS["landmarks only"](), detail="low", texture=None, segment=False)
LARGEST = 1200


def quality_in(file: Path) -> Quality | bool | None:
    """Of the largest head in a picture; False without one, None where it is none that Headshot reads."""
    try:
        photo = read_photo(file)
    except PhotoError:
        return None
    image = Image.fromarray(photo.pixels)
    image.thumbnail((LARGEST, LARGEST))
    try:
        return reconstruct(replace(photo, pixels=np.asarray(image)), settings=SETTINGS).quality
    except NoFaceError:
        return False


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="with pictures that show no face")
    pictures = find_photos([parser.parse_args().folder], recursive=True)
    found = {file: quality_in(file) for file, _ in track(pictures, description="pictures")}
    heads = {file: quality for file, quality in found.items() if isinstance(quality, Quality)}
    for file, quality in heads.items():
        score = quality.measures.get("person", float("nan"))
        print(f"{file}: {score:.2f}; {'; '.join(quality.warnings) or 'no warning'}")
    warned = sum(bool(quality.warnings) for quality in heads.values())
    read = sum(quality is not None for quality in found.values())
    print(f"{len(heads)} of {read} pictures have a head, {warned} of these a warning")


if __name__ == "__main__":
    main()
