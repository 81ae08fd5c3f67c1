"""What each ingredient of the fit to colours gains: the benchmark's measures, one thing changed at a time.

    python benchmarks/photometric.py --data $HEADSHOT_DATA [--heads 48] [--people 30] [--photos 60]

Synthetic heads (mm of corresponding points, correlation, norm ratio; yaw below 50 degrees, where landmarks
are found), LFW (identity AUC by shape and by the cosine of the coefficients), HELEN (landmark error of the
inner and of all points, percent of the eyes' distance). The difference to landmarks only is
paired, with a 95 % bootstrap interval over heads. How long the fit takes: benchmarks/speed.py.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headshot.datasets.selection import PeopleSelection, photo_names_of_people
from headshot.datasets.subject import central_subject, find_subject
from headshot.datasets.synthetic import read_truths
from headshot.errors import HeadshotError
from headshot.evaluate.baselines import MeanFace, Predictor, named_method
from headshot.evaluate.synthetic import errors
from headshot.fitting.settings import PhotometricSettings
from headshot.image.photo import read_photo
from headshot.metrics.landmarks import interocular
from headshot.metrics.shape import shape_similarity
from headshot.metrics.verification import auc, pairs
from headshot.models.topologies.ibug68 import INNER
from report import publish, table

VARIANTS: dict[str, dict[str, Any]] = {
    "without fields": {"photometric": PhotometricSettings(fields=1e-6)},
    "without segmentation": {"segment": False},
    "coarse only": {"photometric": PhotometricSettings(widths=(48,), steps=(6,), every=(1,))},
    "a third of the information": {"photometric": PhotometricSettings(information=200.0)},
    "three times the information": {"photometric": PhotometricSettings(information=1800.0)},
}
METHODS: tuple[Predictor, ...] = (
    named_method("landmarks only"),
    named_method("without networks"),
    *(named_method("without networks", label, **changes) for label, changes in VARIANTS.items()),
    MeanFace(),
)
MOST_YAW = 50.0


def synthetic(folder: Path, limit: int) -> dict[str, list[object]]:
    """Rows of mm, its difference to the first method, correlation and norm ratio."""
    truths = [truth for truth in read_truths(folder) if abs(truth.yaw) < MOST_YAW]
    truths = [truths[i] for i in np.linspace(0, len(truths) - 1, min(limit, len(truths))).astype(int)]
    found: dict[str, list[list[float]]] = {method.name: [] for method in METHODS}
    heads = []
    for truth in truths:
        try:
            subject = find_subject(read_photo(truth.photo))
        except HeadshotError:
            continue
        heads.append(truth.head)
        for method in METHODS:
            head = method(subject).head
            assert head is not None
            e = errors(head, truth)
            found[method.name].append([e["vertex"], e["correlation"], e["norm"]])
    owners = np.array(heads)
    groups = [np.flatnonzero(owners == head) for head in np.unique(owners)]
    rng = np.random.default_rng(0)
    draws = [
        np.concatenate([groups[i] for i in rng.integers(0, len(groups), len(groups))]) for _ in range(1000)
    ]
    first = np.array(found[METHODS[0].name])
    rows: dict[str, list[object]] = {}
    for name, values in found.items():
        v = np.array(values)
        gap = v[:, 0] - first[:, 0]
        low, high = np.quantile([gap[d].mean() for d in draws], [0.025, 0.975])
        middle = np.median(v, axis=0)
        change = f"{gap.mean():+.2f} [{low:+.2f}, {high:+.2f}]"
        rows[name] = [
            len(v),
            float(middle[0]),
            float(v[:, 0].mean()),
            change,
            float(middle[1]),
            float(middle[2]),
        ]
    return rows


def identity(folder: Path, people: int) -> dict[str, list[object]]:
    """Rows of AUC by shape and by coefficients."""
    shapes: dict[str, list[NDArray[np.floating]]] = {method.name: [] for method in METHODS}
    coefficients: dict[str, list[NDArray[np.floating]]] = {method.name: [] for method in METHODS}
    owners = []
    for name in photo_names_of_people(folder, PeopleSelection(people, 4)):
        photo = read_photo(folder / name)
        try:
            subject = central_subject(photo)
        except HeadshotError:
            continue
        owners.append(name.split("/")[0])
        for method in METHODS:
            head = method(subject).head
            assert head is not None
            face = np.flatnonzero(head.model.regions["face"] > 0.5)[::6]
            shapes[method.name].append(head.neutral[face])
            coefficients[method.name].append(head.identity)
    rows: dict[str, list[object]] = {}
    for name, faces in shapes.items():
        by_shape = auc(*pairs(shape_similarity(np.array(faces)), owners))
        vectors = np.array(coefficients[name])
        size = np.linalg.norm(vectors, axis=1, keepdims=True)
        if not size.all():
            rows[name] = [by_shape, 0.5, 0.0]
            continue
        unit = vectors / size
        rows[name] = [by_shape, auc(*pairs(unit @ unit.T, owners)), float(size.mean())]
    return rows


def landmarks(folder: Path, limit: int) -> dict[str, list[object]]:
    """Rows of the error of inner and all points."""
    files = [file for k, file in enumerate(sorted(folder.glob("*.jpg"))) if k % 3][: 3 * limit : 3]
    found: dict[str, list[list[float]]] = {method.name: [] for method in METHODS}
    for file in files:
        truth = np.loadtxt(file.with_suffix(".pts"))
        try:
            subject = find_subject(read_photo(file), truth.mean(axis=0))
        except HeadshotError:
            continue
        eyes = interocular(truth)
        for method in METHODS:
            points = method(subject).points
            off = 100 * np.linalg.norm(points - truth, axis=1) / eyes
            found[method.name].append([off[INNER].mean(), off.mean()])
    return {name: [float(v) for v in np.median(np.array(values), axis=0)] for name, values in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--data", type=Path, required=True, help="folder of the research data (docs/reference/data.md)"
    )
    parser.add_argument("--heads", type=int, default=48)
    parser.add_argument("--people", type=int, default=30)
    parser.add_argument("--photos", type=int, default=60)
    a = parser.parse_args()
    shape = synthetic(a.data / "synthetic-heads", a.heads)
    person = identity(a.data / "lfw-deepfunneled", a.people)
    points = landmarks(a.data / "helen-train", a.photos)
    header = [
        "", "n", "mm, median", "mm, mean", "change [95 %]", "correlation", "norm ratio", "LFW AUC", "cosine",
        "length", "inner %", "all %",
    ]  # fmt: skip
    rows = [[m.name, *shape[m.name], *person[m.name], *points[m.name]] for m in METHODS]
    publish(
        "photometric",
        "Ingredients of the fit to colours",
        f"python benchmarks/photometric.py {' '.join(sys.argv[3:])}".strip(),
        table(header, rows),
        "Synthetic heads: *mm* of corresponding points, its paired change to landmarks only. LFW: by shape, "
        "by the cosine of the coefficients, and their mean length (10 would be that of the prior's draws). "
        "HELEN: landmark error.",
    )


if __name__ == "__main__":
    main()
