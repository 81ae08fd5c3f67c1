"""Are faces found of which the border of the photo cuts off a part?

    python benchmarks/cut_off_faces.py $HEADSHOT_DATA --photos 20

Photos of HELEN and CelebAMask-HQ are cut so that a share of the face's landmarks' box is left: at a side, the
part above the cut, or the part below it. Printed are the share of photos in which the face is found, as the
only one in its photo and beside a whole face, and its landmarks' median distance from those of the whole
photo, hidden ones too, in per cent of the root of the area of their box.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image
from rich.console import Console
from rich.progress import track
from rich.table import Table

from headshot import NoFaceError, read_photo
from headshot.arrays import U8, Array
from headshot.geometry.camera import extent_of
from headshot.image.files import find_photos
from headshot.image.photo import Photo
from headshot.perception.detection.detect import DetectSettings, detect_faces
from headshot.perception.faces import locate_faces
from headshot.perception.landmarks.mediapipe import LandmarkSettings

SETS = ("helen-train", "celebamask-train/images")
SHARES = (0.75, 0.6, 0.5, 0.4)
CUTS = ("left part", "right part", "upper part", "lower part")
TURNED = {"upper part": "left part", "lower part": "right part"}
SAME = 0.1
"""Mean distance of the landmarks, as a share of their extent, up to which it is the same face."""


def points_in(photo: Photo, pixels: U8, wanted: list[int] | None) -> list[Array]:
    """Landmarks (478, 2) of the faces in a picture."""
    picture = replace(photo, pixels=np.ascontiguousarray(pixels))
    faces = detect_faces(picture.pixels, DetectSettings(exhaustive=wanted is None))
    try:
        found = locate_faces(picture, faces, wanted, LandmarkSettings())
    except NoFaceError:
        return []
    return [landmarks.points for _, landmarks in found]


def cut(pixels: U8, points: Array, part: str, share: float) -> tuple[U8, Array]:
    """A part of a photo that shows a share of the landmarks' box, and the pixel (2,) of its corner."""
    low, high = points.min(axis=0), points.max(axis=0)
    x, y = (int(v) for v in low + share * (high - low))
    right, lower = (int(v) for v in high - share * (high - low))
    if part == "left part":
        return pixels[:, :x], np.zeros(2)
    if part == "right part":
        return pixels[:, right:], np.array([right, 0.0])
    if part == "upper part":
        return pixels[:y], np.zeros(2)
    return pixels[lower:], np.array([0.0, lower])


def beside(pixels: U8, other: U8, part: str) -> tuple[U8, Array]:
    """A cut photo with another one at the side that is not cut, and how far that moves it (2,)."""
    if part in TURNED:
        turned, moved = beside(pixels.swapaxes(0, 1), other.swapaxes(0, 1), TURNED[part])
        return turned.swapaxes(0, 1), moved[::-1]
    height = pixels.shape[0]
    neighbour = np.asarray(Image.fromarray(np.ascontiguousarray(other)).resize((height, height)))
    if part == "left part":
        return np.concatenate([neighbour, pixels], axis=1), np.array([height, 0.0])
    return np.concatenate([pixels, neighbour], axis=1), np.zeros(2)


def measure(photo: Photo, other: U8) -> Iterator[tuple[str, float, bool, float, int]]:
    """For each cut of a photo: part, share, beside another face or not, error of the face, faces found."""
    whole = points_in(photo, photo.pixels, [0])
    if not whole:
        return
    for part in CUTS:
        for share in SHARES:
            pixels, corner = cut(photo.pixels, whole[0], part, share)
            group, moved = beside(pixels, other, part)
            for picture, offset, wanted in ((pixels, corner, [0]), (group, corner - moved, None)):
                found = points_in(photo, picture, wanted)
                errors = [np.linalg.norm(points + offset - whole[0], axis=1).mean() for points in found]
                error = float(min(errors, default=np.inf)) / extent_of(whole[0])
                yield part, share, wanted is None, error, len(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="research data: the folder of HELEN and CelebAMask-HQ")
    parser.add_argument("--photos", type=int, default=20, help="of each set")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    files = []
    for name in SETS:
        every = find_photos([options.data / name])
        files += [every[i][0] for i in rng.choice(len(every), options.photos, replace=False)]
    other = read_photo("photos/astronaut.jpg").pixels
    rows = [row for file in track(files) for row in measure(read_photo(file), other)]
    columns = ("alone: found", "points off by", "in a group: found", "points off by")
    table = Table("part left", "share of the face", *columns)
    for part in CUTS:
        for share in SHARES:
            cells = []
            for group in (False, True):
                errors = np.array([row[3] for row in rows if row[:3] == (part, share, group)])
                same = errors[errors < SAME]
                off = f"{100 * np.median(same):.1f} %" if len(same) else "-"
                cells += [f"{100 * len(same) / len(errors):.0f} %", off]
            table.add_row(part, f"{share:.2f}", *cells)
    Console().print(table)


if __name__ == "__main__":
    main()
