"""Contact sheets of reconstructions, for inspection by eye: no number replaces it for likeness yet.

    python benchmarks/contact_sheet.py --data $HEADSHOT_DATA --set lfw|helen|utkface --number 100 -o sheets/

One row of five pictures a person: the photo, the untextured head in the photo's pose, the textured head in
it, and the textured and the untextured head from another side.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw
from rich.progress import track

from headshot import Head, HeadshotError, read_photo, reconstruct
from headshot.datasets.utkface import with_border
from headshot.render import render, view_camera

CELL = 180
COLUMNS, ROWS = 2, 6
PATTERNS = {
    "lfw": "lfw-deepfunneled/*/*_0001.jpg",
    "helen": "helen-train/*.jpg",
    "utkface": "utkface-balanced/*.jpg",
}


def strip(head: Head) -> np.ndarray:
    """Pictures of one reconstruction side by side, (CELL, 5 CELL, 3)."""
    seen = head.project(head.vertices)
    centre, size = (seen.min(0) + seen.max(0)) / 2, 1.05 * np.ptp(seen, axis=0).max()
    left, top = (centre - size / 2).round()
    side = round(size)
    box = (int(left), int(top), int(left) + side, int(top) + side)
    photo = np.asarray(
        Image.fromarray(head.photo.pixels).crop(box).resize((CELL, CELL), Image.Resampling.BOX)
    )
    camera = head.camera.cropped(left, top, side, side).resized(CELL / side)
    texture = head.texture.pixels if head.texture else None
    turned = view_camera(head.vertices, 35 if head.camera.angles[0] < 0 else -35, size=CELL)
    pictures = [
        photo,
        render(head.vertices, head.model, camera),
        render(head.vertices, head.model, camera, texture=texture, background=photo),
        render(head.vertices, head.model, turned, texture=texture),
        render(head.vertices, head.model, turned),
    ]
    return np.concatenate(pictures, axis=1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--data", type=Path, required=True, help="folder of the research data (docs/reference/data.md)"
    )
    parser.add_argument("--set", choices=sorted(PATTERNS), default="lfw")
    parser.add_argument("--number", type=int, default=24)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("-o", "--out", type=Path, default=Path("work/sheets"))
    a = parser.parse_args()
    files = sorted(a.data.glob(PATTERNS[a.set]))
    rng = np.random.default_rng(a.seed)
    chosen = [files[i] for i in rng.choice(len(files), min(a.number, len(files)), replace=False)]
    a.out.mkdir(parents=True, exist_ok=True)
    strips: list[Image.Image] = []
    for file in track(chosen, description=a.set):
        try:
            photo = read_photo(file)
            head = reconstruct(with_border(photo, photo.width // 2) if a.set == "utkface" else photo)
        except HeadshotError as error:
            print(error)
            continue
        picture = Image.fromarray(strip(head))
        note = f"{file.stem[:28]} {head.camera.angles[0]:+.0f} q{head.quality.score:.2f}"
        ImageDraw.Draw(picture).text((3, 3), note, fill=(255, 255, 0), stroke_fill=(0, 0, 0), stroke_width=1)
        strips.append(picture)
    page = COLUMNS * ROWS
    for number, first in enumerate(range(0, len(strips), page)):
        sheet = Image.new("RGB", (COLUMNS * 5 * CELL, ROWS * CELL))
        for k, picture in enumerate(strips[first : first + page]):
            sheet.paste(picture, (k % COLUMNS * 5 * CELL, k // COLUMNS * CELL))
        sheet.save(a.out / f"{a.set}-{number:02d}.png")


if __name__ == "__main__":
    main()
