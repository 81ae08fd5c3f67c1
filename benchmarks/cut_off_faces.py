"""Are faces found of which the border of the photo cuts off a part?

    python benchmarks/cut_off_faces.py $HEADSHOT_DATA
    python benchmarks/cut_off_faces.py $HEADSHOT_DATA --choose 14 --faceless FOLDER

Photos of HELEN and CelebAMask-HQ are cut so that a share of the face's landmarks' box is left: at a side, the
part above the cut, or the part below it. Printed are the share of photos in which the face is found, as the
only one in its photo and beside a whole face, and its landmarks' median distance from those of the whole
photo, hidden ones too, in per cent of the root of the area of their box.

``--choose`` prints, of halves of so many other photos of each set, what the limits of
`headshot.perception.cut_off` were chosen by: in how many a candidate is found, in how many one leads the
landmarks to the face, and of those the tails of all that speaks for them; and the same of candidates in
pictures without faces below a folder.
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
from headshot.perception.cut_off import MAX_SPREAD, MIN_PRESENCE, Evidence, View, border_candidates
from headshot.perception.detection.detect import DetectSettings, detect_faces
from headshot.perception.faces import locate_faces
from headshot.perception.landmarks.mediapipe import LandmarkSettings

SETS = ("helen-train", "celebamask-train/images")
SHARES = [0.6, 0.5, 0.4]
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


def measure(photo: Photo, other: U8, shares: list[float]) -> Iterator[tuple[str, float, bool, float, int]]:
    """For each cut of a photo: part, share, beside another face or not, error of the face, faces found."""
    whole = points_in(photo, photo.pixels, [0])
    if not whole:
        return
    for part in CUTS:
        for share in shares:
            pixels, corner = cut(photo.pixels, whole[0], part, share)
            group, moved = beside(pixels, other, part)
            for picture, offset, wanted in ((pixels, corner, [0]), (group, corner - moved, None)):
                found = points_in(photo, picture, wanted)
                errors = [np.linalg.norm(points + offset - whole[0], axis=1).mean() for points in found]
                error = float(min(errors, default=np.inf)) / extent_of(whole[0])
                yield part, share, wanted is None, error, len(found)


def photos_of(data: Path, count: int, seed: int, others: int = 0) -> list[Path]:
    """So many photos of each set, those that are measured, or so many others."""
    random, files = np.random.default_rng(seed), []
    for name in SETS:
        every = [file for file, _ in find_photos([data / name])]
        measured = random.choice(len(every), count, replace=False)
        rest = np.random.default_rng(seed).permutation(np.setdiff1d(np.arange(len(every)), measured))
        files += [every[i] for i in (rest[:others] if others else measured)]
    return files


def evidence_in(pixels: U8) -> list[tuple[Array, Evidence]]:
    """Landmarks (478, 2) and evidence of all candidates for cut-off faces."""
    faces = detect_faces(pixels, DetectSettings(exhaustive=True))
    candidates = border_candidates(pixels, faces)
    views = [View.of(pixels, face, LandmarkSettings()) for face in candidates]
    return [(view.in_photo().points, view.evidence()) for view in views]


def choose(files: list[Path], faceless: Path | None) -> None:
    """Print what the limits were chosen by."""
    table = Table("half", "n", "candidate", "landmarks", *EVIDENCE)
    for part in CUTS:
        count, near, good = 0, 0, []
        for file in files:
            photo = read_photo(file)
            for whole in points_in(photo, photo.pixels, [0]):
                half, corner = cut(photo.pixels, whole, part, 0.5)
                found = evidence_in(np.ascontiguousarray(half))
                errors = [
                    np.linalg.norm(points + corner - whole, axis=1).mean() / extent_of(whole)
                    for points, _ in found
                ]
                count, near = count + 1, near + bool(found)
                if min(errors, default=np.inf) < SAME:
                    good.append(found[int(np.argmin(errors))][1])
        tails = [f"{value:.3f}" for value in worst(good, 0.05)]
        table.add_row(
            part, str(count), f"{100 * near / count:.0f} %", f"{100 * len(good) / count:.0f} %", *tails
        )
    if faceless is not None:
        pictures = [read_photo(file).pixels for file, _ in find_photos([faceless], recursive=True)]
        seen = [e for pixels in pictures for _, e in evidence_in(pixels)]
        passed = [e for e in seen if e.presence >= MIN_PRESENCE and e.spread <= MAX_SPREAD]
        best = [f"{value:.3f}" for value in worst(passed, 0.95)] if passed else ["-"] * len(EVIDENCE)
        table.add_row("no face", str(len(pictures)), str(len(seen)), str(len(passed)), *best)
    Console().print(table)


EVIDENCE = {"presence": 1, "spread": -1, "gap": -1, "around": 1, "score": 1, "agreement": 1}
"""What speaks for a face, by more of it (1) or by less (-1)."""


def worst(found: list[Evidence], share: float) -> list[float]:
    """Values beyond which the worst share of some evidence lies, one for each of `EVIDENCE`."""
    return [
        float(np.quantile([getattr(e, name) for e in found], share if sign > 0 else 1 - share))
        for name, sign in EVIDENCE.items()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="research data: the folder of HELEN and CelebAMask-HQ")
    parser.add_argument("--photos", type=int, default=12, help="of each set")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--shares", type=float, nargs="+", default=SHARES, help="of the face that are left")
    parser.add_argument(
        "--choose", type=int, default=0, help="what the limits were chosen by, on so many others"
    )
    parser.add_argument("--faceless", type=Path, help="with --choose: a folder of pictures without faces")
    options = parser.parse_args()
    files = photos_of(options.data, options.photos, options.seed, options.choose)
    if options.choose:
        choose(files, options.faceless)
        return
    other = read_photo("photos/astronaut.jpg").pixels
    rows = [row for file in track(files) for row in measure(read_photo(file), other, options.shares)]
    columns = ("alone: found", "points off by", "in a group: found", "points off by")
    table = Table("part left", "share of the face", *columns)
    for part in CUTS:
        for share in options.shares:
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
