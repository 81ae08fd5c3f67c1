"""Does the search for faces see some where there are none?

    python benchmarks/faceless.py FOLDER

All pictures below a folder without faces are searched as `headshot.reconstruct` searches photos, reduced to
1,200 pixels; of those in which a head is found the names are printed.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image
from rich.progress import track

from headshot import NoFaceError, Settings, read_photo, reconstruct

SETTINGS = Settings(detail="low", method="fit", texture=None, photometric=None, segment=False)
ENDINGS = (".jpg", ".jpeg", ".png", ".webp")
LARGEST = 1200


def has_head(file: Path) -> bool:
    """Whether a head is found in a picture."""
    photo = read_photo(file)
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
    files = sorted(f for f in parser.parse_args().folder.rglob("*") if f.suffix.lower() in ENDINGS)
    found = [file for file in track(files, description="pictures") if has_head(file)]
    for file in found:
        print(file)
    print(f"{len(found)} of {len(files)} pictures have a head")


if __name__ == "__main__":
    main()
