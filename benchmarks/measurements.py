"""How far shapes of heads from single photos are off in distances: `headshot.measurements.DISTANCES`.

    python benchmarks/measurements.py FOLDER [FOLDER ...]

FOLDER holds synthetic heads (tools/synthetic_heads.py). True heads are brought onto the head model's topology
by its best fit to them, and both are measured alike. Prints the root mean square of each distance's relative
error by yaw, its bias, and two fits to its square: of the shape alone, at the true scale, the error of
frontal heads; of the whole, what heads that are turned by 60 degrees add, in proportion to 1 - cos(yaw).
"""

from __future__ import annotations

import argparse
from itertools import pairwise
from pathlib import Path

import numpy as np
from rich.progress import track

from headshot.datasets.subject import find_subject
from headshot.datasets.synthetic import read_truths
from headshot.errors import HeadshotError
from headshot.evaluate.nearest import nearest_head
from headshot.image.photo import read_photo
from headshot.measurements import DISTANCES, distances
from headshot.models.head_model import load_head_model
from headshot.pipeline import Reconstructor
from headshot.settings import Settings

YAWS = (0, 10, 20, 40, 50, 90)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", type=Path, nargs="+")
    options = parser.parse_args()
    model, made = load_head_model("low"), Reconstructor(Settings(detail="low", texture=None))
    rows, shapes, yaws = [], [], []
    for truth in track([t for folder in options.folders for t in read_truths(folder)], "photos"):
        try:
            subject = find_subject(read_photo(truth.photo))
        except HeadshotError:
            continue
        head = made.of_face(subject.photo, subject.face, subject.landmarks)
        ours = distances(model, model.neutral(head.identity))
        nearest = nearest_head(truth, model)
        true = nearest.distances(model)
        shapes.append([np.log(ours[name] * nearest.scale / true[name]) for name in DISTANCES])
        rows.append([np.log(ours[name] * head.scale / true[name]) for name in DISTANCES])
        yaws.append(abs(truth.yaw))
    errors, shape, yaw = np.array(rows), np.array(shapes), np.array(yaws)
    turned = ((1 - np.cos(np.radians(yaw))) / (1 - np.cos(np.radians(60)))) ** 2
    design = np.column_stack([np.ones(len(yaw)), turned])
    groups = [(f"{low} to {high}°", (yaw >= low) & (yaw < high)) for low, high in pairwise(YAWS)]
    print(f"{len(errors)} photos\n")
    print("| distance, % | " + " | ".join(name for name, _ in groups) + " | bias | shape | turned |")
    print("|---" * (len(groups) + 4) + "|")
    for name, column, alone in zip(DISTANCES, errors.T, shape.T, strict=True):
        frontal, _ = np.linalg.lstsq(design, alone**2, rcond=None)[0]
        _, added = np.linalg.lstsq(design, column**2, rcond=None)[0]
        values = [np.sqrt((column[some] ** 2).mean()) for _, some in groups]
        values += [column.mean(), np.sqrt(frontal), np.sqrt(max(added, 0.0))]
        print(f"| {name} | " + " | ".join(f"{100 * value:.1f}" for value in values) + " |")


if __name__ == "__main__":
    main()
