"""Photos and their heads with hair, in the photo's view and from the front, the side and behind.

    python benchmarks/hair_pictures.py photos --out docs/images/hair.jpg

Of the photos of a folder, one row each; for the documentation those in the repository.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from headshot import Head, HeadshotError, Reconstructor

CELL = 240  # pixels
YAWS = (0, 45, 90, 180)
_ROOM = 1.15  # extents of the landmarks to each side of their middle


def row(head: Head) -> np.ndarray:
    """Pictures (CELL, 6 CELL, 3) of a head."""
    middle = head.landmarks.points.mean(axis=0)
    room = _ROOM * head.landmarks.extent
    box = (middle[0] - room, middle[1] - 1.15 * room, middle[0] + room, middle[1] + 0.85 * room)
    views = [head.photo.pixels, head.render(head.camera, background=head.photo.pixels)]
    cut = [
        Image.fromarray(view).transform(
            (CELL, CELL), Image.Transform.EXTENT, tuple(map(float, box)), Image.Resampling.BILINEAR
        )
        for view in views
    ]
    neutral = head.with_expression({})
    turned = [neutral.render(yaw=yaw, size=CELL) for yaw in YAWS]
    return np.concatenate([*map(np.asarray, cut), *turned], axis=1)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("photos", type=Path, help="folder of photos")
    parser.add_argument("--out", type=Path, required=True, help="picture to write")
    parser.add_argument("--limit", type=int, help="so many photos, spread over the folder")
    options = parser.parse_args()
    files = sorted(f for f in options.photos.iterdir() if f.suffix.lower() in (".jpg", ".png"))
    step = 1 if options.limit is None else max(1, len(files) // options.limit)
    reconstruct = Reconstructor()
    rows = []
    for file in files[::step][: options.limit]:
        try:
            rows.append(row(reconstruct(file)))
        except HeadshotError as error:
            print(error)
    Image.fromarray(np.concatenate(rows)).save(options.out, quality=88)


if __name__ == "__main__":
    main()
