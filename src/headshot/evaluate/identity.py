"""Does the shape carry identity? Same- against different-person pairs, and how stable a person's shape is.

AUC and EER are defined in `headshot.metrics.verification`. Stability is the mean distance of a
person's neutral faces to their mean, in mm, and how it compares with the distance between people.

Pairs follow the Labeled Faces in the Wild layout (Huang et al. 2007): PERSON/PHOTO.jpg, the person being the
face nearest to the middle of the photo, not the largest.

Known weaknesses: a shape can pass by sex, age and ethnicity alone; pose, lens and expression that leak into
the shape lower it, while lighting does not matter; a face-recognition network reaches 0.99, so this is no
measure of likeness. The mean face has no identity: all of its similarities tie, and it scores 0.5 exactly.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from headshot.arrays import Array
from headshot.datasets.selection import PeopleSelection, photo_names_of_people
from headshot.datasets.subject import central_subject
from headshot.evaluate.baselines import Head, Prediction, Predictor, default_predictors
from headshot.evaluate.machine import machine
from headshot.evaluate.result import Column, Curve, Item, Result
from headshot.evaluate.resume_log import ResumeLog, Row, failures
from headshot.image.photo import read_photo
from headshot.metrics.shape import aligned, shape_similarity, stability
from headshot.metrics.verification import auc, eer, pairs, roc_line

SAMPLES = 250  # vertices of the face that stand for it in the resume log
FLAT = "2D points"  # landmarks of the photo, for comparison: what a flat picture already shows


def evaluate_identity(
    folder: str | Path,
    predictors: tuple[Predictor, ...] | None = None,
    selection: PeopleSelection | None = None,
    log: ResumeLog | None = None,
) -> Result:
    """Identity in shapes on a folder PERSON/PHOTO.jpg; an item is a person.

    A person's ``auc`` and ``eer`` are those of all pairs that have this person in them, so that their mean
    over people, with people as the bootstrap's items, has valid intervals.

    Raises:
        HeadshotError: fewer than two people have enough photos.
    """
    chosen = selection or PeopleSelection()
    methods = tuple(predictors or default_predictors())
    root = Path(folder)
    names = photo_names_of_people(root, chosen)

    def attempt(name: str) -> Row:
        photo = read_photo(root / name)
        subject = central_subject(photo)
        row: Row = {FLAT: subject.landmarks.points.round(2).tolist()}
        for method in methods:
            found = method(subject)
            row[method.name] = shape_of(found).round(3).tolist()
            row[f"{method.name}, scale"] = found.head.scale if found.head else 1.0
            row[f"{method.name}, coefficients"] = found.head.identity.tolist() if found.head else []
        return row

    depends = {"settings": chosen, "methods": methods, "folder": root.resolve()}
    rows = (log or ResumeLog()).work(names, attempt, depends)
    found = {name: row for name, row in rows.items() if "error" not in row}
    owners = [name.split("/")[0] for name in found]
    labels = tuple(m.name for m in methods)
    values: dict[str, dict[str, dict[str, float]]] = {owner: {} for owner in dict.fromkeys(owners)}
    curves: dict[str, list[tuple[float, float]]] = {}
    for label in (*labels, FLAT):
        shapes = np.array([row[label] for row in found.values()], dtype=np.float64)
        scales = np.array([row.get(f"{label}, scale", 1.0) for row in found.values()])
        for owner, row in _people(shapes, scales, owners, metric=label != FLAT).items():
            values[owner][label] = row
        curves[label] = _curve(shapes, owners)
    return Result(
        measure="identity",
        title=f"Identity in the shape ({root.name})",
        protocol=_PROTOCOL,
        columns=_COLUMNS,
        methods=(*labels, FLAT),
        items=[Item(owner, {}, row) for owner, row in values.items()],
        statistic="mean",
        command=f"headshot evaluate identity {root.name}",
        machine=machine(),
        curves=[Curve("ROC of all pairs", "different pairs accepted, %", "same pairs accepted, %", curves)],
        notes=[
            failures(rows),
            _overall(found, owners, (*labels, FLAT)),
        ],
    )


_COLUMNS = (
    Column("auc", "AUC", "", "higher", decimals=3),
    Column("eer", "EER", "", "lower", decimals=3),
    Column("stability", "scatter of one person", "mm", None),
    Column("apart", "distance to others over scatter", "", "higher"),
    Column("scale", "scatter of one person's size", "%", None),
)

_PROTOCOL = (
    "Reconstructions of people with several photos each (Huang et al. 2007), of the face nearest to the "
    'middle of the photo. Neutral faces, samples of the region "face", without position, size and rotation '
    "(Procrustes) are compared by their mean distance. AUC, EER: all pairs of a person's photos against all "
    "pairs of this person with others, averaged over people. Scatter: mean distance of a person's faces to "
    "their mean, mm. Distance over scatter: mean distance to other people's mean faces over it; below 1 when "
    "shapes are only noise. A method that always returns the mean face has a scatter of 0 and an AUC of 0.5, "
    "so neither number counts alone. 2D points are the photo's 478 landmarks: flat, so without mm. Weak in: "
    "sex, age and ethnicity alone pass as identity; errors common to all photos go unseen."
)


def shape_of(found: Prediction) -> Array:
    """What stands for the person: samples (S, 3) of the neutral face, model mm, or flat points (68, 2)."""
    if found.head is None:
        return found.points
    return np.asarray(found.head.neutral[_samples(found.head)] / found.head.scale, dtype=np.float64)


def _samples(head: Head) -> NDArray[np.intp]:
    face = np.flatnonzero(head.model.regions["face"] > 0.5)
    return face[:: max(1, len(face) // SAMPLES)]


def _people(shapes: Array, scales: Array, owners: list[str], *, metric: bool) -> dict[str, dict[str, float]]:
    """Columns for every person with at least two photos."""
    same_size = aligned(shapes)
    similarity = shape_similarity(shapes)
    names = np.array(owners)
    scatter = stability(same_size, owners)
    means = {name: same_size[names == name].mean(axis=0) for name in scatter}
    out = {}
    for name, spread in scatter.items():
        own = names == name
        inside = similarity[np.ix_(own, own)][np.triu_indices(int(own.sum()), 1)]
        outside = similarity[np.ix_(own, ~own)].ravel()
        row = {"auc": auc(inside, outside), "eer": eer(inside, outside)}
        if metric:
            apart = [np.linalg.norm(means[name] - m, axis=1).mean() for o, m in means.items() if o != name]
            row["stability"] = spread
            if spread > 1e-6:
                row["apart"] = float(np.mean(apart)) / spread
            row["scale"] = float(100 * scales[own].std() / scales[own].mean())
        out[name] = row
    return out


def _curve(shapes: Array, owners: list[str]) -> list[tuple[float, float]]:
    return roc_line(*pairs(shape_similarity(shapes), owners))


def _overall(found: dict[str, Row], owners: list[str], labels: tuple[str, ...]) -> str:
    """AUC and EER of all pairs together, the usual way to state them."""
    parts = []
    for label in labels:
        shapes = np.array([row[label] for row in found.values()], dtype=np.float64)
        same, different = pairs(shape_similarity(shapes), owners)
        parts.append(f"{label}: AUC {auc(same, different):.3f}, EER {eer(same, different):.3f}")
        vectors = np.array([row.get(f"{label}, coefficients", []) for row in found.values()])
        length = np.linalg.norm(vectors, axis=1, keepdims=True)
        if length.all():
            unit = vectors / length
            value = auc(*pairs(unit @ unit.T, owners))
            parts.append(f"{label}, by the cosine of its coefficients: AUC {value:.3f}")
    return (
        f"Over all pairs together ({len(same)} of the same and {len(different)} of different people): "
        + "; ".join(parts)
        + "."
    )
