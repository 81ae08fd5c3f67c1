"""How good is the regressor alone, on people and photos that it has not learned from?

    python benchmarks/regressor.py --data $HEADSHOT_DATA [--network FILE.onnx ...] [--cache FILE.json]

One pass on the detector's crop, one on the crop of the first's points, mirrored and averaged; no fit.

- one pass: crop and network, one thread, median.
- synthetic: photos of `synthetic-heads` (tools/synthetic_heads.py; ICT's and MakeHuman's shapes): median
  distance in mm of corresponding points of the neutral face after similarity alignment, its ratio of norms
  to the truth's and its correlation with it (medians; `headshot.evaluate.synthetic`).
- AUC: neutral faces of held-out people of LFW, four photos each, all pairs; "shrinkage" is the mean norm of
  the regressed identity coefficients over that of a person drawn from the prior.
- HELEN: held-out photos, mean distance of the 51 inner points and of all 68 from the hand-made ones, per
  cent of the distance of the outer eye corners (means over photos), as `headshot evaluate landmarks` has it.
- sigma: root mean square of those inner points' errors over the standard deviations that the network gives
  them; 1 if its standard deviations are right (annotators' habits count as its errors).
- profiles: photos of CFP's 50 held-out people; the same with the inner points of the 30, and the share of
  photos beyond 7 %. Crops begin from the box of the hand-made points, moved by up to 15 % and scaled by up to
  1.3: finding profiles is not measured here.

With ``--store`` a second table: held-out photos of UTKFace in the store of training crops, by race, sex and
age as labelled by the source: how far the network's points are from the fit's, per cent of their box
(median), and the least presence of a face.
"""

from __future__ import annotations

import argparse
import json
from functools import lru_cache
from pathlib import Path
from time import perf_counter

import numpy as np
import onnxruntime as ort
from rich.progress import track

from headshot import load_head_model, read_photo
from headshot.datasets.annotations import read_annotations
from headshot.datasets.benchmark import LFW
from headshot.datasets.selection import held_out_photos
from headshot.datasets.split import held_out, held_out_people
from headshot.datasets.subject import central_subject
from headshot.datasets.synthetic import read_truths
from headshot.datasets.utkface import RACES
from headshot.errors import HeadshotError
from headshot.evaluate.baselines import Head
from headshot.evaluate.synthetic import errors
from headshot.geometry.camera import extent_of
from headshot.image.crop import FaceCrop
from headshot.learn.data.training_crops import KINDS, input_crop, read_training_crops
from headshot.metrics.landmarks import interocular
from headshot.metrics.shape import shape_similarity
from headshot.metrics.verification import auc, pairs
from headshot.models.topologies.ibug68 import INNER, JAW
from headshot.perception.landmarks.in_house import (
    MARGIN,
    HeadPrediction,
    predict_head,
    predict_heads,
)
from headshot.perception.networks import open_network, session

Box = list[float] | None
PEOPLE, PHOTOS = 80, 4
AGES = ((4, "0-3"), (13, "4-12"), (30, "13-29"), (60, "30-59"), (200, "60 and older"))


@lru_cache(maxsize=1)
def photo_of(file: Path) -> np.ndarray:
    return read_photo(file).pixels


def detected(file: Path, cache: dict[str, Box]) -> Box:
    """The detector's box of the face nearest to the middle, or of the largest."""
    key = str(file)
    if key not in cache:
        photo = read_photo(file)
        try:
            cache[key] = central_subject(photo).face.box.tolist()
        except HeadshotError:
            cache[key] = None
    return cache[key]


def head_of(found: HeadPrediction, width: int, height: int) -> Head:
    """The regressed head as measures want it."""
    model = load_head_model("low")
    return Head(
        model,
        model.shape(found.identity, found.expression),
        model.neutral(found.identity),
        found.camera(width, height),
        found.identity,
        1.0,
    )


def synthetic(data: Path, cache: dict[str, Box], network: ort.InferenceSession) -> dict[str, float]:
    rows = []
    for truth in track(read_truths(data / "synthetic-heads"), "synthetic heads"):
        box = detected(truth.photo, cache)
        if box is None:
            continue
        pixels = photo_of(truth.photo)
        found = predict_head(pixels, FaceCrop.of_box(box, MARGIN), network=network)
        rows.append(errors(head_of(found, pixels.shape[1], pixels.shape[0]), truth))
    keys = {
        "vertex": "vertex, mm",
        "norm": "norm ratio",
        "correlation": "correlation",
        "rotation": "rotation",
    }
    return {name: float(np.median([row[key] for row in rows])) for key, name in keys.items()}


def identity(data: Path, cache: dict[str, Box], network: ort.InferenceSession) -> dict[str, float]:
    people = held_out_photos(data / LFW, "lfw", PEOPLE, PHOTOS)
    model = load_head_model("low")
    face = np.flatnonzero(model.regions["face"] > 0.5)[::8]
    shapes, owners, sizes, cosines = [], [], [], []
    for person, files in track(people.items(), "identity"):
        for file in files:
            box = detected(file, cache)
            if box is None:
                continue
            found = predict_head(photo_of(file), FaceCrop.of_box(box, MARGIN), network=network)
            shapes.append(model.neutral(found.identity)[face])
            owners.append(person)
            sizes.append(np.linalg.norm(found.identity))
            cosines.append(found.identity / sizes[-1])
    similarity = np.array(cosines) @ np.array(cosines).T
    return {
        "AUC": auc(*pairs(shape_similarity(np.array(shapes)), owners)),
        "AUC, cosine": auc(*pairs(similarity, owners)),
        "shrinkage": float(np.mean(sizes) / np.sqrt(len(found.identity))),
    }


def points(data: Path, cache: dict[str, Box], network: ort.InferenceSession) -> dict[str, float]:
    inner, every, sure = [], [], []
    for mark in track(read_annotations(data / "helen-train"), "HELEN"):
        if not held_out(mark.photo.stem, "helen"):
            continue
        box = detected(mark.photo, cache)
        if box is None:
            continue
        found = predict_head(photo_of(mark.photo), FaceCrop.of_box(box, MARGIN), network=network)
        gap = np.linalg.norm(found.points68 - mark.points, axis=1)
        sure.append(np.mean((gap[INNER] / found.sigma68[INNER]) ** 2) / 2)
        gap *= 100 / interocular(mark.points)
        inner.append(gap[INNER].mean())
        every.append(gap.mean())
    return {
        "HELEN inner, %": float(np.mean(inner)),
        "HELEN all, %": float(np.mean(every)),
        "sigma": float(np.sqrt(np.mean(sure))),
    }


def profiles(data: Path, _: dict[str, Box], network: ort.InferenceSession) -> dict[str, float]:
    root = data / "cfp-train"
    apart = set(held_out_people(p.name for p in root.iterdir() if p.is_dir()))
    random, off = np.random.default_rng(0), []
    for mark in track(read_annotations(root), "profiles"):
        if mark.photo.parent.name not in apart:
            continue
        known = np.isfinite(mark.points).all(axis=1)
        low, high = mark.points[known].min(axis=0), mark.points[known].max(axis=0)
        side = float((high - low).max())
        middle = (low + high) / 2 + random.uniform(-0.15, 0.15, 2) * side
        half = 0.5 * side * np.exp(random.uniform(-np.log(1.3), np.log(1.3)))
        crop = FaceCrop(*middle.tolist(), 2 * MARGIN * half)
        found = predict_head(photo_of(mark.photo), crop, passes=3, network=network)
        gap = np.linalg.norm(found.points68 - mark.points, axis=1)
        known[JAW] = False
        off.append(100 * gap[known].mean() / np.sqrt(np.prod(high - low)))
    errors_ = np.array(off)
    return {"profiles, %": float(np.median(errors_)), "profiles > 7 %, %": float(100 * np.mean(errors_ > 7))}


def by_group(store: Path, network: ort.InferenceSession) -> dict[str, list[float]]:
    """Rows of the second table: photos, points' distance, least presence."""
    crops = read_training_crops(store)
    chosen = [
        k
        for k in np.flatnonzero(crops.held_out & (crops.kind == KINDS.index("photo"))).tolist()
        if crops.name[k].startswith("utkface")
    ]
    middle = input_crop(MARGIN)
    groups: dict[str, list[tuple[float, float]]] = {}
    for k in track(chosen, "groups"):
        found = predict_head(crops.picture(k), middle, network=network)
        true = crops.labels["points"][k, :478]
        gap = np.linalg.norm(found.points - true, axis=1).mean() / extent_of(true)
        age, sex, race = (int(part) for part in crops.name[k].split("/")[-1].split("_")[:3])
        band = next(name for limit, name in AGES if age < limit)
        for group in ("all", RACES[race], ("male", "female")[sex], band):
            groups.setdefault(group, []).append((100 * float(gap), found.presence))
    order = ["all", *RACES, "male", "female", *(name for _, name in AGES)]
    rows = {name: np.array(groups[name]) for name in order if name in groups}
    return {name: [len(r), float(np.median(r[:, 0])), float(r[:, 1].min())] for name, r in rows.items()}


def speed(data: Path, cache: dict[str, Box], network: ort.InferenceSession) -> dict[str, float]:
    pixels = np.random.default_rng(0).integers(0, 256, (300, 300, 3), dtype=np.uint8)
    times = []
    for _ in range(60):
        start = perf_counter()
        predict_heads(pixels, [FaceCrop(150.0, 150.0, 200.0)], network=network)
        times.append(1000 * (perf_counter() - start))
    return {"one pass, ms": float(np.median(times))}


PARTS = {"speed": speed, "synthetic": synthetic, "identity": identity, "helen": points, "profiles": profiles}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--network", type=Path, nargs="*", default=[], help="others than the one that ships")
    parser.add_argument("--cache", type=Path, help="keeps the detector's boxes for another run")
    parser.add_argument("--store", type=Path, help="training crops of `headshot learn regressor-data`")
    parser.add_argument("--only", nargs="*", default=list(PARTS), choices=list(PARTS))
    options = parser.parse_args()
    cache: dict[str, Box] = {}
    if options.cache and options.cache.is_file():
        cache = json.loads(options.cache.read_text(encoding="utf-8"))
    table: dict[str, dict[str, float]] = {}
    for file in options.network or [None]:
        network = session("regressor") if file is None else open_network(file)
        row: dict[str, float] = {}
        for name in options.only:
            row |= PARTS[name](options.data, cache, network)
            if options.cache:
                options.cache.write_text(json.dumps(cache), encoding="utf-8")
        table[file.stem if file else "regressor"] = row
    columns = list(next(iter(table.values())))
    print("| | " + " | ".join(columns) + " |\n|" + "---|" * (len(columns) + 1))
    for name, row in table.items():
        print(f"| {name} | " + " | ".join(f"{row[column]:.3f}" for column in columns) + " |")

    if options.store is not None:
        print("\n| group | photos | points, % | least presence |\n|---|---|---|---|")
        for name, (count, gap, least) in by_group(options.store, network).items():
            print(f"| {name} | {count:.0f} | {gap:.2f} | {least:.2f} |")


if __name__ == "__main__":
    main()
