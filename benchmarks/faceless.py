"""Does the search for faces see some where there are none?

    python benchmarks/faceless.py FOLDER

All pictures below a folder without faces that can be read and are large enough are searched as
`headshot.reconstruct` searches photos, reduced to 1,200 pixels; of those with a head the names are
printed.
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

SETTINGS = replace(METHODS["landmarks only"](), detail="low", texture=None, segment=False)
LARGEST = 1200


def has_head(file: Path) -> bool | None:
    """Whether a head is found in a picture; None where it is none that Headshot reads."""
    try:
        photo = read_photo(file)
    except PhotoError:
        return None
    image = Image.fromarray(photo.pixels)
    image.thumbnail((LARGEST, LARGEST))
    try:
        reconstruct(replace(photo, pixels=np.asarray(image)), settings=SETTINGS)
    except NoFaceError:
        return False
    return True


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="with pictures that show no face")
    pictures = find_photos([parser.parse_args().folder], recursive=True)
    found = {file: has_head(file) for file, _ in track(pictures, description="pictures")}
    for file, has in found.items():
        if has:
            print(file)
    read = [has for has in found.values() if has is not None]
    print(f"{sum(read)} of {len(read)} pictures have a head")


if __name__ == "__main__":
    main()
