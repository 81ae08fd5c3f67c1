"""What looks say of a head's size: the regression of `headshot.fitting.scale`, learned.

    python tools/size.py collect work/heads.npz --data DATA --synthetic FOLDER [FOLDER ...]
    python tools/size.py learn work/heads.npz -o src/headshot/assets/size.npz

``collect`` fits heads to photos of UTKFace and CFP that are not held out (`headshot.datasets.split`), of
adults to some of them, and to synthetic heads (tools/synthetic_heads.py); half a second a photo. ``learn``
fits the regression: the logarithm of the scale is that of the interpupillary distance that people of an age,
sex and race have (`headshot.datasets.growth`) over that of the fitted head; of synthetic heads it is known.
It prints how well people are predicted who were not learned from.
"""

from __future__ import annotations

import argparse
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist

import numpy as np
from rich.progress import track

from headshot.arrays import Array, Mask
from headshot.datasets.growth import interpupillary_distance
from headshot.datasets.split import held_out
from headshot.datasets.subject import find_subject
from headshot.datasets.synthetic import read_truths
from headshot.datasets.utkface import RACES, with_border
from headshot.errors import HeadshotError
from headshot.evaluate.nearest import nearest_head
from headshot.fitting.person import fit_person
from headshot.image.photo import read_photo
from headshot.measurements import DISTANCES, distances
from headshot.models.head_model import load_head_model
from headshot.perception.observe import ObserveSettings, observe
from headshot.settings import Settings

EYES = "interpupillary distance (p-p)"
"""The distance by which the size of people is known."""
CHILD = 13  # years from which UTKFace's people count as adults in the balance
YOUNG, ADULTS, PUBLIC_FIGURES = 20, 0.2, 0.1
"""All photos of UTKFace's people up to so many years, and shares of its others and of CFP's photos."""
SHARES = {"children": 0.4, "utkface": 0.35, "cfp": 0.05, "synthetic": 0.2}
STRENGTHS = (0.01, 0.03, 0.1, 0.3, 1.0)  # of the ridge, that are tried
FOLDS = 5
AT = np.array([-0.35, -0.25, -0.15, -0.05, 0.05])
"""Predictions at which their deviation is found."""


@dataclass(frozen=True, eq=False)
class Heads:
    """Heads fitted to photos.

    Attributes:
        data: (N,) "utkface", "cfp" or "synthetic".
        person: (N,) names; of UTKFace those of the photos.
        embedding: (N, 256) of the identity network.
        eyes: (N,) interpupillary distance, model mm.
        yaw: (N,) degrees, of the fit.
        scale: (N,) logarithm of the true scale of synthetic heads; NaN of people.
    """

    data: Array
    person: Array
    embedding: Array
    eyes: Array
    yaw: Array
    scale: Array

    def __getitem__(self, chosen: Array) -> Heads:
        return Heads(*(getattr(self, name)[chosen] for name in Heads.__dataclass_fields__))


def drawn(name: str, share: float) -> bool:
    """Whether a photo is among so many that are drawn by the CRC-32 of their names."""
    return zlib.crc32(name.encode()) < share * 2**32


def photos(data: Path, synthetic: list[Path]) -> Iterator[tuple[str, str, Path, float]]:
    """Data set, person, file, and logarithm of the scale where it is known."""
    for file in sorted((data / "utkface-balanced").glob("*.jpg")):
        wanted = int(file.stem.split("_")[0]) <= YOUNG or drawn(file.name, ADULTS)
        if wanted and not held_out(file.stem, "utkface"):
            yield "utkface", file.stem, file, np.nan
    for file in sorted((data / "cfp-train").glob("*/*_0[12].jpg")):
        person = file.parent.name
        if drawn(f"{person}/{file.name}", PUBLIC_FIGURES) and not held_out(person, "cfp"):
            yield "cfp", person, file, np.nan
    for root in synthetic:
        scales: dict[str, float] = {}
        for truth in read_truths(root):
            if truth.head not in scales:
                scales[truth.head] = float(np.log(nearest_head(truth, load_head_model("low")).scale))
            yield "synthetic", f"{root.name}/{truth.head}", truth.photo, scales[truth.head]


def collect(data: Path, synthetic: list[Path], out: Path) -> None:
    """Write the heads of all photos in which a face is found."""
    model, settings = load_head_model("low"), Settings()
    rows = []
    for name, person, file, scale in track(list(photos(data, synthetic)), "photos"):
        photo = read_photo(file)
        try:
            subject = find_subject(with_border(photo, photo.width // 2) if name == "utkface" else photo)
        except HeadshotError:
            continue
        seen = observe(subject.photo, subject.face, subject.landmarks, ObserveSettings())
        fitted = fit_person([seen], model, *settings.steps())
        assert seen.identity is not None
        eyes = distances(model, model.neutral(fitted.identity))[EYES]
        yaw = fitted.views[0].camera.angles[0]
        rows.append((name, person, seen.identity.embedding, eyes, yaw, scale))
    names = list(Heads.__dataclass_fields__)
    np.savez_compressed(out, **{n: np.array(c) for n, c in zip(names, zip(*rows, strict=True), strict=True)})
    print(f"{len(rows)} photos in {out}")


def read(file: Path) -> Heads:
    with np.load(file, allow_pickle=False) as data:
        return Heads(*(data[name] for name in Heads.__dataclass_fields__))


def sizes(heads: Heads) -> tuple[Array, Array]:
    """Logarithm of the scale (N,) that heads probably have, and by how much (N,) they differ from it."""
    mean, deviation = heads.scale.copy(), np.zeros(len(heads.scale))
    for i in np.flatnonzero(np.isnan(heads.scale)):
        if heads.data[i] == "utkface":
            years, sex, race = (int(word) for word in heads.person[i].split("_")[:3])
            people = [interpupillary_distance(years + 0.5, ("male", "female")[sex], RACES[race])]
        else:
            people = [interpupillary_distance(40.0, sex) for sex in ("male", "female")]
        apart, spread = np.mean(people, axis=0)
        mean[i], deviation[i] = np.log(apart / heads.eyes[i]), spread / apart
    return mean, deviation


def ages(heads: Heads) -> Array:
    """Years (N,) by the names of UTKFace's photos; 40 of all others."""
    utkface = heads.data == "utkface"
    return np.array([int(p.split("_")[0]) if u else 40 for p, u in zip(heads.person, utkface, strict=True)])


def balance(heads: Heads) -> Array:
    """Weights (N,) with sum 1 by which groups count as in `SHARES`."""
    child = ages(heads) < CHILD
    group = np.where((heads.data == "utkface") & child, "children", heads.data)
    weight = np.zeros(len(group))
    for name, share in SHARES.items():
        weight[group == name] = share / max((group == name).sum(), 1)
    return weight / weight.sum()


def kinds(heads: Heads) -> list[tuple[str, Mask]]:
    """Groups of heads, by name."""
    child, turned = ages(heads) < CHILD, abs(heads.yaw) > 45
    utkface, cfp, synthetic = (heads.data == name for name in ("utkface", "cfp", "synthetic"))
    found = [
        ("children of UTKFace", utkface & child),
        ("others of UTKFace", utkface & ~child),
        ("frontal photos of CFP", cfp & ~turned),
        ("profiles of CFP", cfp & turned),
        ("synthetic heads", synthetic & ~turned),
        ("synthetic profiles", synthetic & turned),
    ]
    return [(name, some) for name, some in found if some.any()]


def ridge(embedding: Array, target: Array, weight: Array, strength: float) -> Array:
    """Weights and offset (257,) of the regression; ``strength`` in variances of each number."""
    design = np.column_stack([embedding, np.ones(len(embedding))])
    variance = (weight[:, None] * (embedding - weight @ embedding) ** 2).sum(axis=0)
    normal = (design * weight[:, None]).T @ design + np.diag(np.append(strength * variance, 0.0))
    return np.linalg.solve(normal, (design * weight[:, None]).T @ target)


def cross_validated(heads: Heads, target: Array, weight: Array, strength: float) -> Array:
    """Predictions (N,) for people who were not learned from."""
    fold = np.array([zlib.crc32(name.encode()) // 10_000 % FOLDS for name in heads.person])
    found = np.zeros(len(fold))
    for k in range(FOLDS):
        known = fold != k
        solution = ridge(heads.embedding[known], target[known], weight[known] / weight[known].sum(), strength)
        found[~known] = heads.embedding[~known] @ solution[:-1] + solution[-1]
    return found


def held(error: Array, stated: Array, spread: Array, share: float) -> Array:
    """Probability (N,) that the truth is within an interval: `benchmarks/size_intervals.py`."""
    half = NormalDist().inv_cdf((1 + share) / 2) * stated
    wide = np.maximum(spread, 1e-6)
    cdf = np.vectorize(NormalDist().cdf)
    return cdf((error + half) / wide) - cdf((error - half) / wide)


def shape_errors(heads: Heads) -> Array:
    """By how much (N,) the shape adds to the error of the distance by which the size is known."""
    return np.where(heads.data == "synthetic", 0.0, DISTANCES[EYES][2])


def deviations(heads: Heads, predicted: Array, weight: Array) -> Array:
    """Deviation (K,) at predictions `AT` with which intervals of the eyes' distance hold 68 % and 95 %."""
    (target, spread), shape = sizes(heads), shape_errors(heads)
    inside = np.clip(predicted, AT[0], AT[-1])
    found = []
    for at in AT:
        near = weight * np.clip(1 - abs(inside - at) / (AT[1] - AT[0]), 0, 1)
        some = near > 0
        low, high = 0.02, 0.2
        for _ in range(12):
            deviation = (low + high) / 2
            stated, error = np.hypot(deviation, shape[some]), (predicted - target)[some]
            enough = all(
                np.average(held(error, stated, spread[some], share), weights=near[some]) >= share
                for share in (0.68, 0.95)
            )
            low, high = (low, deviation) if enough else (deviation, high)
        found.append(high)
    return np.array(found)


def learn(heads: Heads) -> dict[str, Array | float]:
    """The fields of `headshot.fitting.scale.SizeRegression`; prints what was found on the way."""
    (target, spread), weight = sizes(heads), balance(heads)
    tried = {}
    for strength in STRENGTHS:
        predicted = cross_validated(heads, target, weight, strength)
        tried[strength] = float(np.sqrt(weight @ (predicted - target) ** 2)), predicted
        print(f"strength {strength}: root mean square error {tried[strength][0]:.4f}")
    strength = min(tried, key=lambda s: tried[s][0])
    error = tried[strength][1] - target
    at = deviations(heads, tried[strength][1], weight)
    print("deviation: " + ", ".join(f"{d:.3f} at {a:+.2f}" for a, d in zip(AT, at, strict=True)))
    stated = np.hypot(np.interp(tried[strength][1], AT, at), shape_errors(heads))
    for name, some in kinds(heads):
        true = f"{target[some].mean():+.3f} ± {np.hypot(target[some].std(), spread[some].mean()):.3f}"
        first, second = (100 * held(error[some], stated[some], spread[some], s).mean() for s in (0.68, 0.95))
        print(
            f"{name} ({some.sum()}): true {true}, error {error[some].mean():+.3f} ± {error[some].std():.3f}, "
            f"{first:.0f} and {second:.0f} % within 68 and 95 %"
        )
    people = heads.data == "cfp"
    pairs = [error[people & (heads.person == p)] for p in np.unique(heads.person[people])]
    photo = float(np.sqrt(np.mean([p.var(ddof=1) for p in pairs if len(p) > 1])))
    print(f"photos of one person of CFP differ by {photo:.3f}")
    solution = ridge(heads.embedding, target, weight, strength)
    return {"weights": solution[:-1], "offset": solution[-1], "at": AT, "deviation": at, "photo": photo}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("collect")
    command.add_argument("out", type=Path)
    command.add_argument("--data", type=Path, required=True)
    command.add_argument("--synthetic", type=Path, nargs="+", required=True)
    command = commands.add_parser("learn")
    command.add_argument("heads", type=Path)
    command.add_argument("-o", "--out", type=Path, required=True)
    options = parser.parse_args()
    if options.command == "collect":
        collect(options.data, options.synthetic, options.out)
    else:
        fields = learn(read(options.heads))
        np.savez(options.out, **{name: np.asarray(value, np.float32) for name, value in fields.items()})


if __name__ == "__main__":
    main()
