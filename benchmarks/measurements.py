"""How far named distances of heads from single photos are off: `headshot.measurements.DISTANCES`.

    python benchmarks/measurements.py FOLDER [--limit 48]

FOLDER holds synthetic heads (tools/synthetic_heads.py). True heads are brought onto the head model's topology
by its best fit to them, and both are measured alike. Prints, for each distance, the relative standard
deviation of its error after the best common scale of the face, and the bias.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from headshot.arrays import Array
from headshot.datasets.subject import find_subject
from headshot.datasets.synthetic import Truth, read_truths
from headshot.errors import HeadshotError
from headshot.evaluate.synthetic import places
from headshot.geometry.align import similarity
from headshot.image.photo import read_photo
from headshot.measurements import DISTANCES, distances
from headshot.models.head_model import HeadModel, load_head_model
from headshot.pipeline import Reconstructor
from headshot.settings import Settings

RIDGE = 0.3  # mm: accuracy with which modes are asked to describe a true head


def coefficients(truth: Truth, model: HeadModel) -> Array:
    """Identity of the model's head that is nearest to a true one."""
    corners, weights = places(model, truth.mesh)
    modes = np.einsum("mpcd,pc->mpd", model.identity[:, corners].astype(float), weights)
    mean = np.einsum("pcd,pc->pd", model.mean[corners].astype(float), weights)
    true, found = truth.neutral[truth.mesh.face], np.zeros(len(modes))
    design = modes.reshape(len(modes), -1)
    normal = design @ design.T + RIDGE**2 * np.eye(len(modes))
    for _ in range(5):
        shape = mean + np.tensordot(found, modes, 1)
        found = np.linalg.solve(normal, design @ (similarity(true, shape)(true) - mean).ravel())
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--limit", type=int, default=48)
    options = parser.parse_args()
    model, made = load_head_model("low"), Reconstructor(Settings(detail="low", texture=None))
    truths = read_truths(options.folder)
    some = [truths[k] for k in np.linspace(0, len(truths) - 1, min(options.limit, len(truths))).astype(int)]
    rows = []
    for truth in some:
        try:
            subject = find_subject(read_photo(truth.photo))
        except HeadshotError:
            continue
        head = made.of_face(subject.photo, subject.face, subject.landmarks)
        ours = distances(model, model.neutral(head.identity))
        true = distances(model, model.neutral(coefficients(truth, model)))
        ratios = np.log([ours[name] / true[name] for name in DISTANCES])
        rows.append(ratios - np.median(ratios))  # the best common scale
    errors = np.array(rows)
    print(f"{len(errors)} photos\n")
    print("| distance | standard deviation, % | bias, % |\n|---|---|---|")
    for name, column in zip(DISTANCES, errors.T, strict=True):
        print(f"| {name} | {100 * column.std():.1f} | {100 * column.mean():+.1f} |")


if __name__ == "__main__":
    main()
