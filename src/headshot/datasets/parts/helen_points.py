"""HELEN's hand-made contours as labels of face parts: 68 points a photo (iBUG), where part labels are not at
hand.

``NAME.jpg`` beside ``NAME.pts`` (68 lines ``x y``, pixels, centres at +0.5), as
`headshot.datasets.annotations` reads them. Smith's part labels of HELEN (`headshot.datasets.parts.helen`)
were made of such contours, too. What points bound is known: eyes, lips, the inside of the mouth, the middle
of the nose, the lower face within the jaw. What they do not bound is not: brows (a line of points), the
forehead and what is above it, and a margin along the jaw. There pixels have no label.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from headshot.arrays import U8, Array
from headshot.datasets.annotations import read_annotations
from headshot.datasets.parts.scheme import Sample, Scheme
from headshot.errors import HeadshotError

SCHEME = Scheme.define(
    "helen-points",
    {
        "outside": ("background", "hair", "ears", "neck", "cloth", "hat"),
        "skin": ("skin", "glasses"),
        "nose": ("nose",),
        "eyes": ("eyes",),
        "upper_lip": ("upper_lip",),
        "mouth": ("mouth",),
        "lower_lip": ("lower_lip",),
    },
    {
        "skin": ("nose", "hair"),
        "eyes": ("glasses",),
    },  # wings of the nose; what CelebAMask-HQ does with beards
)
MARGIN = 0.06  # along the jaw without labels, on either side, of the distance between the eyes
# Outlines on iBUG's 68 points, in the order in which they are painted.
OUTLINES = {
    "nose": (27, 31, 32, 33, 34, 35),
    "eyes": (36, 37, 38, 39, 40, 41),
    "eyes ": (42, 43, 44, 45, 46, 47),
    "upper_lip": (48, 49, 50, 51, 52, 53, 54, 64, 63, 62, 61, 60),
    "lower_lip": (48, 60, 67, 66, 65, 64, 54, 55, 56, 57, 58, 59),
    "mouth": (60, 61, 62, 63, 64, 65, 66, 67),
}


def find(folder: Path) -> list[Sample]:
    """All photos with points.

    Raises:
        HeadshotError: there are none.
    """
    samples = []
    for mark in read_annotations(folder) if any(folder.glob("*.pts")) else ():
        if np.isfinite(mark.points).all():
            read = partial(read_points, points=mark.points)
            samples.append(Sample(mark.photo, (mark.photo,), mark.photo.stem, SCHEME, read))
    if not samples:
        raise HeadshotError(f"no photos with 68 points in {folder}: expected NAME.jpg and NAME.pts")
    return samples


def read_points(files: tuple[Path, ...], points: Array) -> U8:
    """Labels (H, W) of a photo with its 68 points (68, 2); 255 where nothing is known."""
    with Image.open(files[0]) as image:
        width, height = image.size
    eyes = np.linalg.norm(points[36:42].mean(axis=0) - points[42:48].mean(axis=0))
    # Up in the face, from the chin to between the brows.
    up = points[[21, 22]].mean(axis=0) - points[8]
    up /= np.linalg.norm(up)
    places = np.stack(np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5), axis=-1)
    lower = places @ up < (points[[36, 39, 42, 45]].mean(axis=0) @ up)
    canvas = Image.new("L", (width, height), SCHEME.labels.index("outside"))
    draw = ImageDraw.Draw(canvas)
    drawn = points - 0.5  # where Pillow counts pixel centres from
    jaw = [tuple(p) for p in drawn[:17].tolist()]
    draw.polygon(jaw, fill=SCHEME.labels.index("skin"))
    draw.line(jaw, fill=255, width=max(2, round(MARGIN * eyes * 2)), joint="curve")
    labels = np.array(canvas)
    labels[~lower] = 255
    canvas = Image.fromarray(labels)
    draw = ImageDraw.Draw(canvas)
    for name, corners in OUTLINES.items():
        outline = [tuple(p) for p in drawn[list(corners)].tolist()]
        draw.polygon(outline, fill=SCHEME.labels.index(name.strip()))
    return np.array(canvas)
