"""Several photos of one person: one head from all of them.

    python examples/several_photos.py FRONT.jpg LEFT.jpg RIGHT.jpg [-o OUT] [--detail low]

Give two to fifty photos of one person. Without photos, the script makes stand-ins: the repository has only
one photo of each person, so it reconstructs a head from one, renders it from two more sides, and takes these
pictures for photos. That shows how the API works, and nothing about how much real photos improve a head.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from PIL import Image

import headshot

PHOTOS = Path(__file__).resolve().parent.parent / "photos"


def stand_ins(photo: Path, folder: Path, reconstruct: headshot.Reconstructor) -> list[Path]:
    """The photo, and renderings of its head from two more sides in place of further photos."""
    head = reconstruct(photo)
    made = [photo]
    for side, yaw in (("right", -30.0), ("left", 30.0)):
        picture = head.render(yaw=yaw, size=640)
        made.append(folder / f"stand_in_{side}.png")
        Image.fromarray(picture).save(made[-1])
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description="Reconstruct one head from several photos of a person.")
    parser.add_argument("photos", nargs="*", type=Path)
    parser.add_argument("-o", "--output", type=Path, default=Path("out"))
    parser.add_argument("--detail", choices=("low", "high"), default="high")
    given = parser.parse_args()
    given.output.mkdir(parents=True, exist_ok=True)

    reconstruct = headshot.Reconstructor(headshot.Settings(detail=given.detail))
    photos = given.photos
    if not photos:
        print("no photos given: one photo of the repository, and renderings as stand-ins for two more")
        photos = stand_ins(PHOTOS / "astronaut.jpg", given.output, reconstruct)

    head = reconstruct(photos)
    print(head)
    for number, view in enumerate(head.estimate.views):
        yaw, pitch, _ = view.camera.angles
        main_view = ", main view" if number == head.main else ""
        name = view.photo.name
        print(f"{name}: yaw {yaw:.0f}, pitch {pitch:.0f} degrees, weight {view.weight:.2f}{main_view}")
    for out in head.left_out:
        print(f"left out: {out.name}: {out.reason}")
    print(f"pupillary distance: {head.measure()['interpupillary distance (p-p)']}")
    for file in head.save(given.output, stem="person"):
        print(file)


if __name__ == "__main__":
    main()
