"""One photo: reconstruct a head, look at it, save it.

    python examples/one_photo.py [PHOTO] [-o OUT] [--detail low]

Writes OUT/NAME.glb, .json and .png (preview), and OUT/turned.png.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from PIL import Image

import headshot

PHOTOS = Path(__file__).resolve().parent.parent / "photos"


def main() -> None:
    parser = argparse.ArgumentParser(description="Reconstruct the head in a photo.")
    parser.add_argument("photo", nargs="?", type=Path, default=PHOTOS / "astronaut.jpg")
    parser.add_argument("-o", "--output", type=Path, default=Path("out"))
    parser.add_argument("--detail", choices=("low", "high"), default="high")
    given = parser.parse_args()

    head = headshot.reconstruct(given.photo, settings=headshot.Settings(detail=given.detail))
    yaw, pitch, roll = head.camera.angles
    strongest = sorted(head.blendshapes.items(), key=lambda item: -item[1])[:3]
    print(head)
    print(f"pose: yaw {yaw:.0f}, pitch {pitch:.0f}, roll {roll:.0f} degrees")
    print("expression:", ", ".join(f"{name} {weight:.2f}" for name, weight in strongest))
    print(f"size: known to {100 * head.scale_uncertainty:.0f} %")
    for warning in head.quality.warnings:
        print("warning:", warning)

    files = head.save(given.output)
    turned = given.output / "turned.png"
    Image.fromarray(head.render(yaw=35)).save(turned)
    for file in [*files, turned]:
        print(file)


if __name__ == "__main__":
    main()
