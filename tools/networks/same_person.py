"""Whether photos show one person: the metric that ships, made and measured.

    python tools/networks/same_person.py embed work/people.npz --data DATA
    python tools/networks/same_person.py learn work/people.npz -o src/headshot/assets/same_person.npz
    python tools/networks/same_person.py measure work/people.npz

``embed`` runs the identity network on LFW (of people that it has learned from 4 photos each, of held-out
people 12), on CFP, and on held-out photos of UTKFace. ``learn`` makes
`headshot.perception.same_person.Metric`: the discriminant space of the people that the network has learned
from as well, and from held-out people whose name has an even checksum how much photos of one person differ,
and the logistic calibration. ``measure`` prints what docs/identity.md says, of the other held-out people.
"""

from __future__ import annotations

import argparse
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from rich.progress import track

from headshot.arrays import Array
from headshot.errors import HeadshotError
from headshot.evaluate.baselines import look
from headshot.evaluate.identity import auc, eer
from headshot.evaluate.split import held_out, measured_people
from headshot.learn.data.photos import read_padded
from headshot.perception import identity
from headshot.perception.identity import IdentityPrediction, predict_identity
from headshot.perception.same_person import (
    LEAST_PROBABILITY,
    Metric,
    PersonCheck,
    load_metric,
    odd_ones_out,
)

LEARNED, HELD_OUT = 4, 12  # photos of each person of LFW, at most
K = 64
SHRINKAGE = (
    0.5  # of the covariance within people towards its mean: few photos each, of people learned by heart
)
GROUPS = ((1, 1), (1, 2), (1, 4), (1, 6), (2, 2), (3, 3), (4, 4))  # photos that are compared, in calibration
STRANGERS = 20  # other people that each group is compared with
DRAWS = 400  # sets of photos of each kind


@dataclass(frozen=True, eq=False)
class People:
    """Embeddings of photos.

    Attributes:
        data: (N,) "lfw", "cfp" or "utkface".
        person: (N,) names; of UTKFace those of the photos.
        profile: (N,) whether a photo of CFP is one.
        held_out: (N,) the network has not learned from this person.
        embedding: (N, 256).
    """

    data: Array
    person: Array
    profile: Array
    held_out: Array
    embedding: Array

    def __getitem__(self, chosen: Array) -> People:
        return People(*(getattr(self, name)[chosen] for name in People.__dataclass_fields__))

    @property
    def even(self) -> Array:
        """(N,) whether the person's name has an even checksum."""
        return np.array([zlib.crc32(name.encode()) // 10_000 % 2 == 0 for name in self.person])


def photos(data: Path) -> Iterator[tuple[str, str, Path, bool, bool]]:
    """Data set, person, file, whether it is a profile, and whether the person is held out."""
    lfw = data / "lfw-deepfunneled"
    measured = measured_people(lfw)
    for folder in sorted(p for p in lfw.iterdir() if p.is_dir()):
        apart, files = held_out(folder.name, "lfw") or folder.name in measured, sorted(folder.glob("*.jpg"))
        if apart or len(files) > 1:
            for file in files[: HELD_OUT if apart else LEARNED]:
                yield "lfw", folder.name, file, False, apart
    for folder in sorted(p for p in (data / "cfp-train").iterdir() if p.is_dir()):
        for file in sorted(folder.glob("*.jpg")):
            profile = file.stem.startswith("profile")
            yield "cfp", folder.name, file, profile, held_out(folder.name, "cfp")
    for file in sorted((data / "utkface-balanced").glob("*.jpg")):
        if held_out(file.stem, "utkface"):
            yield "utkface", file.stem, file, False, True


def embed(data: Path, out: Path) -> None:
    """Write the embeddings of all photos in which a face is found near the middle."""
    rows = []
    for name, person, file, profile, apart in track(list(photos(data)), "photos"):
        photo = read_padded(file)
        try:
            landmarks = look(photo, (photo.width / 2, photo.height / 2)).landmarks
        except HeadshotError:
            continue
        found = predict_identity(photo.pixels, landmarks.crop(identity.MARGIN))
        rows.append((name, person, profile, apart, found.embedding))
    names = list(People.__dataclass_fields__)
    np.savez_compressed(out, **{n: np.array(c) for n, c in zip(names, zip(*rows, strict=True), strict=True)})
    print(f"{len(rows)} photos in {out}")


def read(file: Path) -> People:
    with np.load(file, allow_pickle=False) as data:
        return People(*(data[name] for name in People.__dataclass_fields__))


def unit(x: Array) -> Array:
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def within(x: Array, person: Array) -> Array:
    """Pooled covariance (D, D) of the photos (N, D) of one person."""
    number = np.unique(person, return_inverse=True)[1]
    count = np.bincount(number)
    mean = np.stack([np.bincount(number, column) / count for column in x.T], axis=1)
    rest = (x - mean[number])[count[number] > 1]
    return rest.T @ rest / (count - 1).sum()


def learn(people: People) -> Metric:
    """The metric; see the top of this file."""
    known = people[~people.held_out]
    centre = np.mean([known.embedding[known.profile == kind].mean(axis=0) for kind in (False, True)], axis=0)
    x = unit(known.embedding - centre)
    inside = within(x, np.char.add(known.data, known.person))
    between = np.cov(x.T) - inside
    shrunk = (1 - SHRINKAGE) * inside + SHRINKAGE * np.trace(inside) / len(inside) * np.eye(len(inside))
    values, vectors = np.linalg.eigh(shrunk)
    whitening = vectors / np.sqrt(values)
    values, vectors = np.linalg.eigh(whitening.T @ between @ whitening)
    projection = (whitening @ vectors[:, ::-1][:, :K]).astype(np.float16).astype(np.float64)
    variance = np.maximum(values[::-1][:K], 1e-3)
    found = Metric(centre.astype(np.float32).astype(np.float64), projection, variance, 1.0, 0.0, 1.0, 0.0)
    even = people[people.held_out & people.even]
    sets = [even[even.data == name] for name in ("lfw", "cfp")]
    spread = [np.diag(within(found.project(s.embedding), s.person)).mean() for s in sets]
    print(f"variance of a person's photos in LFW and CFP: {np.round(spread, 2)}")
    tried = []
    for correlation in np.arange(0, 0.75, 0.05):
        found = replace(found, within=float(np.mean(spread)), correlation=float(correlation))
        same, different = trials(found, sets)
        slope, offset = logistic(same, different)
        calibrated = replace(found, slope=slope, offset=offset)
        tried.append((cost(calibrated, same, different), calibrated))
        print(f"correlation {correlation:.2f}: {tried[-1][0]:.4f} bits")
    best = min(tried, key=lambda pair: pair[0])[1]
    print(f"logit = {best.slope:.4f} log-likelihood ratio + {best.offset:.4f}")
    return best


def trials(metric: Metric, sets: list[People], seed: int = 0) -> tuple[Array, Array]:
    """Log-likelihood ratios of groups of photos of one person, and of two people."""
    random = np.random.default_rng(seed)
    same: list[Array] = []
    different: list[Array] = []
    for people in sets:
        x = metric.project(people.embedding)
        own = {name: np.flatnonzero(people.person == name) for name in np.unique(people.person)}
        for first, second in GROUPS:
            others = [name for name, rows in own.items() if len(rows) >= second]
            for name, rows in own.items():
                for _ in range(min(6, len(rows)) if len(rows) >= first + second else 0):
                    drawn = random.permutation(rows)
                    mean = x[drawn[:first]].mean(axis=0)
                    strangers = [other for other in random.choice(others, STRANGERS) if other != name]
                    chosen = [drawn[first : first + second]]
                    chosen += [random.permutation(own[other])[:second] for other in strangers]
                    ratio = metric.ratio(first, mean, second, np.stack([x[c].mean(axis=0) for c in chosen]))
                    same.append(ratio[:1])
                    different.append(ratio[1:])
    return np.concatenate(same), np.concatenate(different)


def cost(metric: Metric, same: Array, different: Array) -> float:
    """Cross-entropy in bits, both classes with the same weight; 1 where nothing is known."""
    right = np.log2(metric.probability(same)).mean() + np.log2(1 - metric.probability(different)).mean()
    return float(-right / 2)


def logistic(same: Array, different: Array) -> tuple[float, float]:
    """Slope and offset of logistic regression, both classes with the same weight, by Newton's method."""
    x = np.concatenate([same, different])
    y = np.r_[np.ones(len(same)), np.zeros(len(different))]
    weight = np.where(y == 1, 0.5 / len(same), 0.5 / len(different))
    design, beta = np.column_stack([x, np.ones_like(x)]), np.array([0.1, 0.0])
    for _ in range(50):
        p = 1 / (1 + np.exp(-design @ beta))
        hessian = (design * (weight * p * (1 - p))[:, None]).T @ design
        beta = beta + np.linalg.solve(hessian + 1e-12 * np.eye(2), design.T @ (weight * (y - p)))
    return float(beta[0]), float(beta[1])


def write(metric: Metric, file: Path) -> None:
    np.savez_compressed(
        file, centre=metric.centre.astype(np.float32), projection=metric.projection.astype(np.float16),
        between=metric.between.astype(np.float32), within=metric.within,
        correlation=metric.correlation, slope=metric.slope, offset=metric.offset,
    )  # fmt: skip
    print(f"{file}: {file.stat().st_size} bytes")


def pair_ratios(metric: Metric, one: People, other: People) -> tuple[Array, Array]:
    """Log-likelihood ratios of all pairs of photos of one person, and of two, each pair once."""
    x, y = metric.project(one.embedding), metric.project(other.embedding)
    table = np.stack([metric.ratio(1, row, 1, y) for row in x])
    same = one.person[:, None] == other.person
    once = np.triu(np.ones_like(same), 1) if one is other else np.ones_like(same)
    return table[same & once], table[~same & once]


def measure_pairs(metric: Metric, name: str, one: People, other: People) -> None:
    same, different = pair_ratios(metric, one, other)
    figures = [100 * eer(same, different), 100 * np.mean(different >= np.quantile(same, 0.01))]
    least = [np.mean(metric.probability(r) < LEAST_PROBABILITY) for r in (same, different)]
    figures += [100 * least[0], 100 * (1 - least[1])]
    print(
        f"| {name} | {len(same)} / {len(different)} | {auc(same, different):.3f} | "
        + " | ".join(f"{figure:.1f} %" for figure in figures)
        + f" | {cost(metric, same, different):.2f} |"
    )


def prediction(embedding: Array) -> IdentityPrediction:
    return IdentityPrediction(np.zeros(0), np.zeros(0), embedding)


def drawn_sets(
    people: People, size: int, strangers: int, random: np.random.Generator
) -> Iterator[list[IdentityPrediction]]:
    """Photos of a person, with the last ones replaced by those of another person."""
    names, counts = np.unique(people.person, return_counts=True)
    usable, mates = names[counts >= size - strangers], names[counts >= strangers]
    for _ in range(DRAWS):
        person = random.choice(usable)
        stranger = random.choice(mates[mates != person])
        own = random.permutation(np.flatnonzero(people.person == person))[: size - strangers]
        others = random.permutation(np.flatnonzero(people.person == stranger))[:strangers]
        yield [prediction(people.embedding[i]) for i in (*own, *others)]


def measure_sets(name: str, people: People, size: int, random: np.random.Generator) -> None:
    def share(strangers: int, count: Callable[[PersonCheck], float]) -> str:
        drawn = drawn_sets(people, size, strangers, random)
        return f"{100 * np.mean([count(odd_ones_out(found)) for found in drawn]):.1f} %"

    left = share(0, lambda found: len(found.left_out) / size)
    passed = share(1, lambda found: size - 1 in found.members) if size > 2 else ""
    several = share(size // 2, lambda found: found.several_people) if size % 2 == 0 else ""
    print(f"| {name} | {size} | {left} | {passed} | {several} |")


def everybody(people: People) -> str:
    """All photos of each person as one set: how many are left out."""
    left = photos_ = 0
    for person in np.unique(people.person):
        rows = people.embedding[people.person == person]
        if len(rows) > 1:
            found = odd_ones_out([prediction(row) for row in rows])
            left, photos_ = left + len(found.left_out), photos_ + len(rows)
    return f"{left} of {photos_} ({100 * left / photos_:.2f} %)"


RACES = ("White", "Black", "Asian", "Indian", "other")
YEARS = ((13, "0-12"), (30, "13-29"), (60, "30-59"), (200, "60 and more"))


def measure_groups(metric: Metric, people: People) -> None:
    """Strangers of one group of UTKFace, each photo of somebody else, that pass as one person in pairs."""
    labels = []
    for name in people.person:
        age, sex, race = (int(part) for part in str(name).split("_")[:3])
        band = next(text for limit, text in YEARS if age < limit)
        labels.append((RACES[race], ("male", "female")[sex], f"years {band}"))
    table = np.array(labels)
    everyone = np.full(len(table), True)
    groups = {"all": everyone} | {name: (table == name).any(axis=1) for name in np.unique(table)}
    for name, chosen in groups.items():
        some = people[chosen]
        _, different = pair_ratios(metric, some, some)
        passed = 100 * np.mean(metric.probability(different) >= LEAST_PROBABILITY)
        print(f"| {name} | {int(chosen.sum())} | {passed:.1f} % |")


def measure(people: People) -> None:
    metric, apart = load_metric(), people[people.held_out]
    lfw, cfp = (apart[(apart.data == name)] for name in ("lfw", "cfp"))
    odd, odd_cfp = lfw[~lfw.even], cfp[~cfp.even]
    print("Pairs: same / different, AUC, EER, strangers accepted where 1 % of same pairs are refused;")
    print("at the least probability: same refused, strangers accepted; cost in bits")
    measure_pairs(metric, "LFW", odd, odd)
    front, side = odd_cfp[~odd_cfp.profile], odd_cfp[odd_cfp.profile]
    measure_pairs(metric, "CFP, frontal", front, front)
    measure_pairs(metric, "CFP, frontal and profile", front, side)
    measure_pairs(metric, "CFP, profiles", side, side)
    print("All photos of each person as one set, left out:")
    for name, some in (("LFW, even", lfw[lfw.even]), ("LFW, odd", odd), ("CFP, odd", odd_cfp)):
        print(f"  {name}: {everybody(some)}")
    print("Sets: photos, left out of one person's, one stranger accepted, half and half said to be several")
    random = np.random.default_rng(0)
    for size in (2, 3, 4, 5, 8):
        measure_sets("LFW", odd, size, random)
    for size in (3, 4, 5):
        measure_sets("CFP, frontal and profile", odd_cfp, size, random)
    print("UTKFace: photos, pairs of strangers accepted")
    measure_groups(metric, apart[apart.data == "utkface"])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    work: dict[str, Callable[[argparse.Namespace], None]] = {
        "embed": lambda given: embed(given.data, given.people),
        "learn": lambda given: write(learn(read(given.people)), given.output),
        "measure": lambda given: measure(read(given.people)),
    }
    for name in work:
        command = commands.add_parser(name)
        command.add_argument("people", type=Path, help="embeddings, .npz")
        if name == "embed":
            command.add_argument("--data", type=Path, required=True, help="folder of the research data sets")
        if name == "learn":
            command.add_argument("-o", "--output", type=Path, required=True)
    given = parser.parse_args()
    work[given.command](given)


if __name__ == "__main__":
    main()
