"""The measure of sharpness on portraits, sharp and degraded.

    python benchmarks/sharpness.py $HEADSHOT_DATA/helen-train

`headshot.perception.observe.sharpness` of 40 portraits: as they are, blurred by Gaussians whose standard
deviation is a share of the face, reduced so that the face has fewer pixels, with noise of 8 levels, and
darkened. Medians, and the standard deviation of the logarithm between portraits.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from headshot import HeadshotError, read_photo
from headshot.datasets.subject import find_subject
from headshot.image.crop import FaceCrop
from headshot.perception.observe import sharpness

STEP, COUNT = 20, 40  # every so manieth portrait by name, and at most so many


def states(pixels: np.ndarray, crop: FaceCrop) -> dict[str, float]:
    """Sharpness of a portrait as it is and spoiled."""
    image, random = Image.fromarray(pixels), np.random.default_rng(0)
    found = {"as it is": sharpness(pixels, crop)}
    for share in (0.005, 0.01, 0.02, 0.04):
        blurred = image.filter(ImageFilter.GaussianBlur(share * crop.side))
        found[f"blurred by {100 * share:g} % of the face"] = sharpness(np.asarray(blurred), crop)
    for side in (128, 64, 32):
        k = side / crop.side
        if k < 1:
            size = (max(8, round(image.width * k)), max(8, round(image.height * k)))
            small = np.asarray(image.resize(size, Image.Resampling.BOX))
            where = replace(crop, x=crop.x * k, y=crop.y * k, side=side)
            found[f"face of {side} pixels"] = sharpness(small, where)
    noisy = np.clip(pixels + random.normal(0, 8, pixels.shape), 0, 255).astype(np.uint8)
    found["noise of 8 levels"] = sharpness(noisy, crop)
    found["darkened to 40 %"] = sharpness((pixels * 0.4).astype(np.uint8), crop)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="with portraits")
    rows = []
    for file in sorted(parser.parse_args().folder.glob("*.jpg"))[::STEP][:COUNT]:
        photo = read_photo(file)
        try:
            rows.append(states(photo.pixels, find_subject(photo).landmarks.crop(1.0)))
        except HeadshotError as error:
            print(f"{file.name}: {error}")
    print(f"{len(rows)} portraits")
    for name in rows[0]:
        values = np.array([row[name] for row in rows if name in row])
        values = values[values > 0]
        print(f"| {name} | {np.median(values):.2f} | {np.log(values).std():.2f} |")


if __name__ == "__main__":
    main()
