"""Are glasses and hats noticed by the quality score, clear glasses too, and only where there are some?

    python benchmarks/glasses_and_hats.py $HEADSHOT_DATA

Photos of CelebAMask-HQ, those that are held out of the segmentation's training apart from the others, on
which the limits were chosen. True are glasses where at least 0.4 % of the picture is labelled so, and hats
where at least a fifth of the landmarks of forehead and brows is. A warning counts whatever else is said.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image
from rich.progress import track

from headshot import HeadshotError, read_photo
from headshot.datasets.split import held_out
from headshot.datasets.subject import find_subject
from headshot.perception.photo_quality import FOREHEAD, hidden_parts
from headshot.perception.segmentation import segment
from headshot.quality import EYEWEAR, HAT
from quality_score import GLASSES
from quality_score import HAT as HAT_LABEL
from report import table

LEAST_LABELLED = 0.004


def measure(photo_file: Path, mask_file: Path) -> tuple[bool, bool, float, float] | None:
    """True glasses and hat of a photo, and the measures of both; None without a face."""
    photo, labels = read_photo(photo_file), np.asarray(Image.open(mask_file))
    try:
        points = find_subject(photo).landmarks.points
    except HeadshotError:
        return None
    scale = np.array(labels.shape[::-1]) / (photo.width, photo.height)
    x, y = np.clip((points[list(FOREHEAD)] * scale).astype(int), 0, np.subtract(labels.shape[::-1], 1)).T
    glasses = float((labels == GLASSES).mean()) >= LEAST_LABELLED
    hat = float((labels[y, x] == HAT_LABEL).mean()) >= HAT
    parts = hidden_parts(photo.pixels, points, segment(photo.pixels, points))
    return glasses, hat, parts.eyewear, parts.hat


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder of the research data (docs/reference/data.md)")
    folder = parser.parse_args().data / "celebamask-train"
    found: dict[bool, list[tuple[bool, bool, float, float]]] = {True: [], False: []}
    for mask in track(sorted((folder / "masks").glob("*.png"))):
        row = measure(folder / "images" / f"{mask.stem}.jpg", mask)
        if row is not None:
            found[held_out(mask.stem, "celebamask")].append(row)
    rows = []
    for held, name in ((False, "limits chosen on"), (True, "held out")):
        values = np.array(found[held], np.float64)
        for k, what, limit in ((0, "glasses", EYEWEAR), (1, "hat before the forehead", HAT)):
            true, said = values[:, k] > 0, values[:, 2 + k] > limit
            both = int((true & said).sum())
            rows.append([name, what, len(values), int(true.sum()), int(said.sum()), both])
    print(table(["photos", "what", "n", "there", "warned of", "both"], rows))


if __name__ == "__main__":
    main()
