"""How good is the identity prior? The identity network on people who were held out of its training.

    python benchmarks/identity_network.py --data $HEADSHOT_DATA [--network FILE]

- LFW, held-out people with at least three photos: are the shapes of one person nearer to each other than to
  other people's (AUC by cosine about the mean of all, and by millimetres)? And how much of the variance that
  fits without the prior have do the predictions explain, beside the fit to *another* photo of the person?
- CFP, the 50 held-out people: the same AUC for two frontal photos, and for a frontal photo and a profile.
- UTKFace, held-out photos: variance explained by what the data set calls race, by sex and age.

Beside it the face-recognition network on whose embeddings it was trained. It predicts no shapes: its AUC is
that of its embeddings. Every photo's crop lies around the landmarks that `reconstruct` uses.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnxruntime as ort
from rich.progress import track

from headshot import load_head_model
from headshot.arrays import Array
from headshot.datasets.selection import held_out_photos
from headshot.datasets.split import held_out
from headshot.datasets.subject import central_subject
from headshot.datasets.utkface import RACES
from headshot.errors import HeadshotError
from headshot.evaluate.baselines import METHODS
from headshot.learn.data.photos import read_padded
from headshot.metrics.shape import shape_similarity
from headshot.metrics.verification import auc
from headshot.models.topologies.ibug68 import five_points
from headshot.models.topologies.mediapipe478 import MEDIAPIPE_TO_IBUG68
from headshot.perception import identity
from headshot.perception.identity import predict_identity
from headshot.perception.landmarks import in_house
from headshot.perception.landmarks.in_house import predict_head
from headshot.perception.networks import open_network, session
from headshot.perception.recognition import Recogniser
from headshot.pipeline import Reconstructor

FIT = replace(METHODS["without networks"](), detail="low", texture=None)

PEOPLE, PHOTOS = 60, 3
FACES = 200  # of UTKFace


Networks = tuple[ort.InferenceSession, Recogniser]
"""The identity network and the face-recognition network."""


@dataclass(frozen=True)
class Identities:
    """A photo: whose, of what kind, and identities (I,) and the embedding (128,) that were found."""

    owner: str
    kind: str
    predicted: Array
    regressed: Array
    fit: Array
    embedding: Array


def identities_of(file: Path, owner: str, kind: str, networks: Networks) -> Identities | None:
    """Everything about one photo; None where no face is found."""
    photo = read_padded(file)
    try:
        found = central_subject(photo)
    except HeadshotError:
        return None
    points = found.landmarks
    fit = Reconstructor(FIT, preload=False).of_face(photo, found.face, points)
    five = five_points(points.points[np.array(MEDIAPIPE_TO_IBUG68)])
    return Identities(
        owner,
        kind,
        predict_identity(photo.pixels, points.crop(identity.MARGIN), networks[0]).mean,
        predict_head(photo.pixels, points.crop(in_house.MARGIN)).identity,
        fit.identity,
        networks[1].both_sides(photo.pixels, five),
    )


def unit(values: Array) -> Array:
    return values / np.linalg.norm(values, axis=1, keepdims=True)


def verification(rows: list[Identities], kinds: tuple[str, str]) -> dict[str, tuple[float, float]]:
    """AUC by millimetres and by cosine, of each way."""
    model = load_head_model("low")
    face = np.flatnonzero(model.regions["face"] > 0.5)[::8]
    owner, kind = np.array([r.owner for r in rows]), np.array([r.kind for r in rows])
    pair = (kind[:, None] == kinds[0]) & (kind == kinds[1]) & ~np.eye(len(rows), dtype=bool)
    same = owner[:, None] == owner
    out = {}
    for name in ("predicted", "regressed", "fit", "embedding"):
        values = np.array([getattr(r, name) for r in rows])
        near = unit(values - (0 if name == "embedding" else values.mean(axis=0)))
        scores = [near @ near.T]
        if name != "embedding":
            shapes = [model.neutral(row)[face] for row in values]
            scores.insert(0, shape_similarity(np.array(shapes)))
        found = [auc(s[pair & same], s[pair & ~same]) for s in scores]
        out[name] = (found[0] if len(found) > 1 else float("nan"), found[-1])
    return out


def explained(rows: list[Identities], truth: Array, found: Array) -> float:
    """Share of the variance of neutral faces about their mean."""
    model = load_head_model("low")
    face = np.flatnonzero(model.regions["face"] > 0.5)[::8]
    modes = model.identity[:, face].reshape(len(model.identity), -1)
    mean = np.array([r.fit for r in rows]).mean(axis=0)
    rest, whole = (((x @ modes) ** 2).sum() for x in (found - truth, truth - mean))
    return float(1 - rest / whole)


def lfw(root: Path, networks: Networks) -> None:
    people = held_out_photos(root, "lfw", PEOPLE, PHOTOS)
    rows = [
        row
        for person, files in track(people.items(), "LFW")
        for file in files
        if (row := identities_of(file, person, "photo", networks)) is not None
    ]
    print(f"LFW, {len(rows)} photos of {len(people)} people: AUC by mm, by cosine")
    for name, (mm, cosine) in verification(rows, ("photo", "photo")).items():
        print(f"  {name:10s} {mm:.3f} {cosine:.3f}")
    others = []
    for k, row in enumerate(rows):
        mates = [r for j, r in enumerate(rows) if r.owner == row.owner and j != k]
        if mates:
            others.append((row, mates[0]))
    first = [a for a, _ in others]
    truth = np.array([a.fit for a in first])
    for name, values in (
        ("predicted", np.array([a.predicted for a in first])),
        ("regressed", np.array([a.regressed for a in first])),
        ("fit to another photo", np.array([b.fit for _, b in others])),
    ):
        print(f"  variance of fits explained by {name}: {explained(first, truth, values):.3f}")


def cfp(root: Path, networks: Networks) -> None:
    people = [p for p in sorted(root.iterdir()) if p.is_dir() and held_out(p.name, "cfp")]
    rows = [
        row
        for person in track(people, "CFP")
        for file in sorted(person.glob("*.jpg"))
        if (row := identities_of(file, person.name, file.stem.split("_")[0], networks)) is not None
    ]
    for kinds in (("frontal", "frontal"), ("frontal", "profile")):
        print(f"CFP, {len(people)} people, {kinds[0]} and {kinds[1]}: AUC by mm, by cosine")
        for name, (mm, cosine) in verification(rows, kinds).items():
            print(f"  {name:10s} {mm:.3f} {cosine:.3f}")


def utkface(root: Path, networks: Networks) -> None:
    files = [f for f in sorted(root.glob("*.jpg")) if held_out(f.stem, "utkface")]
    files = files[:: max(1, len(files) // FACES)][:FACES]
    groups: dict[str, list[Identities]] = defaultdict(list)
    for file in track(files, "UTKFace"):
        row = identities_of(file, file.stem, "photo", networks)
        if row is None:
            continue
        age, sex, race = (int(part) for part in file.stem.split("_")[:3])
        years = "0-12" if age < 13 else "13-29" if age < 30 else "30-59" if age < 60 else "60 and more"
        for group in ("all", RACES[race], "female" if sex else "male", f"years {years}"):
            groups[group].append(row)
    print("UTKFace: photos, variance of fits explained by the prediction, by the regressor")
    for group, rows in sorted(groups.items()):
        truth = np.array([r.fit for r in rows])
        found = [
            explained(rows, truth, np.array([getattr(r, n) for r in rows]))
            for n in ("predicted", "regressed")
        ]
        print(f"  {group:18s} {len(rows):4d} {found[0]:.3f} {found[1]:.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of the research data sets")
    parser.add_argument("--network", type=Path, help="another network than the one that ships")
    parser.add_argument("--only", choices=("lfw", "cfp", "utkface"))
    given = parser.parse_args()
    network = open_network(given.network) if given.network else session("identity")
    networks = (network, Recogniser(given.data / "face-embedding" / "mobilefacenet.onnx"))
    parts = {"lfw": "lfw-deepfunneled", "cfp": "cfp-train", "utkface": "utkface-balanced"}
    for name, work in (("lfw", lfw), ("cfp", cfp), ("utkface", utkface)):
        if given.only in (None, name):
            work(given.data / parts[name], networks)


if __name__ == "__main__":
    main()
