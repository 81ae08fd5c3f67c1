"""Heads are edited, blended, measured, saved and loaded.

    python examples/edit_and_measure.py [-o OUT] [--detail low]

Writes OUT/edited.png, a row of pictures (as in the photo, neutral, laughing, caricature, between two people,
with the other's expression), and a head that is loaded again.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

import headshot

PHOTOS = Path(__file__).resolve().parent.parent / "photos"
LAUGH = {
    "mouthSmileLeft": 0.9,
    "mouthSmileRight": 0.9,
    "jawOpen": 0.3,
    "cheekSquintLeft": 0.5,
    "cheekSquintRight": 0.5,
}


def main() -> None:
    parser = argparse.ArgumentParser(description="Edit and measure two heads.")
    parser.add_argument("-o", "--output", type=Path, default=Path("out"))
    parser.add_argument("--detail", choices=("low", "high"), default="high")
    given = parser.parse_args()

    reconstruct = headshot.Reconstructor(headshot.Settings(detail=given.detail))
    astronaut, hopper = reconstruct(PHOTOS / "astronaut.jpg"), reconstruct(PHOTOS / "grace_hopper.jpg")

    print(f"{'distance':32}{'astronaut':>18}{'Grace Hopper':>18}")
    for name, distance in astronaut.measure().items():
        print(f"{name:32}{distance!s:>18}{hopper.measure()[name]!s:>18}")

    edited = [
        astronaut,
        astronaut.with_expression({}),
        astronaut.with_expression(LAUGH),
        astronaut.with_identity(1.5 * astronaut.identity),
        headshot.blend(astronaut, hopper, 0.5),
        astronaut.with_expression(hopper),
    ]
    pictures = [head.render(yaw=20, size=300) for head in edited]
    given.output.mkdir(parents=True, exist_ok=True)
    file = given.output / "edited.png"
    Image.fromarray(np.concatenate(pictures, axis=1)).save(file)
    print(file)

    edited[2].save(given.output, stem="laughing")
    again = headshot.load(given.output / "laughing.json")
    assert np.array_equal(again.vertices, edited[2].vertices)
    print(again)


if __name__ == "__main__":
    main()
