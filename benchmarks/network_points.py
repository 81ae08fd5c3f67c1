"""Whether the distance to the landmark network's own points measures a shape: that of the true head, too.

    python benchmarks/network_points.py SYNTHETIC_HEADS [--heads 24]

For each synthetic head (tools/synthetic_heads.py) with two photos below 50 degrees of yaw: shapes found in
the first one, and the true one, are fitted to the network's points of the second with the pose and expression
that fit best. Median over heads of the mean distance of the 478 points, in percent of their extent, as
`headshot evaluate transfer` has it.
"""

from __future__ import annotations

import argparse
from itertools import pairwise
from pathlib import Path

import numpy as np

from headshot.datasets.subject import Subject, find_subject
from headshot.datasets.synthetic import Truth, read_truths
from headshot.errors import HeadshotError
from headshot.evaluate.baselines import named_method
from headshot.evaluate.synthetic import places
from headshot.fitting.evidence import landmark_observation
from headshot.fitting.landmarks import fit_landmarks
from headshot.fitting.priors import IdentityPrior
from headshot.image.photo import read_photo
from headshot.models.head_model import HeadModel, PointModel, load_head_model

METHODS = ("landmarks only", "without networks")
MOST_YAW = 50.0
RIDGE = 0.5  # mm: accuracy with which modes are to describe a head


def true_identity(truth: Truth, model: HeadModel) -> np.ndarray:
    """Coefficients (I,) that describe a true head, laid on the mean face as it is, by least squares."""
    from headshot.geometry.align import similarity

    corners, weights = places(model, truth.mesh)
    mean = np.einsum("pcd,pc->pd", model.mean[corners].astype(float), weights)
    modes = np.einsum("ipcd,pc->ipd", model.identity[:, corners].astype(float), weights)
    modes = modes.reshape(len(modes), -1)
    target, found = truth.neutral[truth.mesh.face].astype(float), np.zeros(len(modes))
    for _ in range(5):  # size and place of the head belong to the camera, not to the person
        shape = mean + (found @ modes).reshape(-1, 3)
        away = (similarity(target, shape)(target) - mean).ravel()
        normal = modes @ modes.T + RIDGE**2 * np.eye(len(modes))
        found = np.linalg.solve(normal, modes @ away)
    return found


def distance(identity: np.ndarray, subject: Subject, points: PointModel) -> float:
    """Percent of the landmarks' extent."""
    seen = landmark_observation(subject.photo, subject.landmarks)
    fit = fit_landmarks(seen, points, prior=IdentityPrior.fixed(identity))
    shown = fit.camera.project(points.positions(fit.identity, fit.expression))
    off = np.linalg.norm(shown - subject.landmarks.points, axis=1).mean()
    return 100 * float(off) / subject.landmarks.extent


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--heads", type=int, default=24)
    a = parser.parse_args()
    model = load_head_model("low")
    points = model.at(model.landmarks["mediapipe478"])
    truths = [truth for truth in read_truths(a.folder) if abs(truth.yaw) < MOST_YAW]
    rows = []
    for one, two in pairwise(truths):
        if one.head != two.head or len(rows) == a.heads or (rows and rows[-1][0] == one.head):
            continue
        try:
            first, second = find_subject(read_photo(one.photo)), find_subject(read_photo(two.photo))
        except HeadshotError:
            continue
        found = [named_method(name)(first).head for name in METHODS]
        shapes = [true_identity(one, model), *(h.identity for h in found if h is not None)]
        shapes.append(np.zeros(len(model.identity)))
        rows.append((one.head, [distance(shape, second, points) for shape in shapes]))
    values = np.median([row for _, row in rows], axis=0)
    names = ("true head", *METHODS, "mean face")
    print(f"{len(rows)} heads: " + ", ".join(f"{n} {v:.2f} %" for n, v in zip(names, values, strict=True)))


if __name__ == "__main__":
    main()
