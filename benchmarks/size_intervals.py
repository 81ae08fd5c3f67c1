"""Do the intervals of sizes hold what they promise? `Head.measure` against true distances and growth tables.

    python benchmarks/size_intervals.py synthetic FOLDER [FOLDER ...] [--limit N] [--together]
    python benchmarks/size_intervals.py utkface $HEADSHOT_DATA/utkface-balanced [--photos held-out]
    python benchmarks/size_intervals.py proportions $HEADSHOT_DATA/utkface-balanced [--photos held-out]

Of synthetic heads (tools/synthetic_heads.py) every distance is known: true heads are brought onto the head
model's topology by its best fit to them, and both are measured alike. With ``--together`` all photos of a
head make one head.

Of people in photos only the age is known, and how far apart eyes of that age are
(`headshot.datasets.growth`): the share of such people, of the photo's sex and race, whom the interval holds.
What an estimate knows of the person beyond that counts as error here. ``proportions`` compares other
distances with those of people of an age and sex, and that of children with that of adults of 20 to 39 years,
since points and places differ that are called the same.

Prints for each group the shares within the 68 % and 95 % intervals, the relative standard deviation that the
intervals state, and mean and standard deviation of the errors' logarithms.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist

import numpy as np
from rich.progress import track

from headshot.arrays import Array
from headshot.datasets.growth import facial_norms, interpupillary_distance
from headshot.datasets.selection import photo_names
from headshot.datasets.split import held_out
from headshot.datasets.subject import find_subject
from headshot.datasets.synthetic import Truth, read_truths
from headshot.datasets.utkface import RACES, with_border
from headshot.errors import HeadshotError
from headshot.evaluate.nearest import nearest_head
from headshot.image.photo import read_photo
from headshot.models.head_model import load_head_model
from headshot.pipeline import Reconstructor
from headshot.results import Head
from headshot.settings import Settings

EYES = "interpupillary distance (p-p)"
YAWS = (0, 20, 40, 90)
AGES = (0, 3, 6, 10, 13, 20, 40, 60, 200)
PROPORTIONS = (3, 6, 10, 14, 20, 40)
SHARES = (0.68, 0.95)


@dataclass(frozen=True)
class Row:
    """A distance that was measured.

    Attributes:
        groups: that it counts for.
        error: logarithm of the estimate over the truth, or over the truth's mean.
        deviation: that the interval states, of the logarithm.
        spread: of the truth, relative; 0 where it is known.
    """

    groups: tuple[str, ...]
    error: float
    deviation: float
    spread: float = 0.0

    def held(self, share: float) -> float:
        """Probability that the truth is within the interval."""
        half = NormalDist().inv_cdf((1 + share) / 2) * self.deviation
        if self.spread == 0:
            return float(abs(self.error) <= half)
        # The truth is normal, and the interval from exp(error - half) to exp(error + half) of its mean.
        truth = NormalDist(1.0, self.spread)
        return truth.cdf(np.exp(self.error + half)) - truth.cdf(np.exp(self.error - half))


def between(value: float, limits: tuple[int, ...]) -> str:
    k = int(np.searchsorted(limits, value, side="right"))
    return f"{limits[k - 1]} to {limits[k]}" if k < len(limits) - 1 else f"{limits[-2]} and more"


def synthetic(options: argparse.Namespace) -> None:
    """All distances of photos, or of heads together."""
    rows = []
    model, made = load_head_model("low"), Reconstructor(Settings(detail="low", texture=None))
    heads: dict[tuple[Path, str], list[Truth]] = {}
    for folder in options.folder:
        for truth in read_truths(folder):
            heads.setdefault((folder, truth.head), []).append(truth)
    names = [list(heads)[k] for k in _spread(len(heads), options.limit)]
    for name in track(names, "heads"):
        true = nearest_head(heads[name][0], model).distances(model)
        photos = heads[name]
        for group in [photos] if options.together else [[photo] for photo in photos]:
            head = _head(made, [photo.photo for photo in group])
            if head is None:
                continue
            yaw = min(abs(photo.yaw) for photo in group)
            kind = name[1].rsplit("-", 1)[0]
            where = "together" if options.together else f"turned {between(yaw, YAWS)}°"
            for distance, found in head.measure().items():
                groups = [distance]
                if distance == EYES:
                    groups = ["all", where, kind, f"{kind}, {where}", distance]
                error = float(np.log(found.value / true[distance]))
                rows.append(Row(tuple(groups), error, found.uncertainty / found.value))
    report(rows)


@dataclass(frozen=True, eq=False)
class Person:
    """A photo of UTKFace, and the head that was made of it."""

    years: int
    sex: str
    race: str
    head: Head


def people(options: argparse.Namespace) -> Iterator[Person]:
    """The photos in which there is a face."""
    made = Reconstructor(Settings(detail="low", texture=None))
    names = photo_names(options.folder)
    if options.photos != "all":
        apart = options.photos == "held-out"
        names = [name for name in names if held_out(Path(name).stem, "utkface") == apart]
    for name in track([names[k] for k in _spread(len(names), options.limit)], "photos"):
        head = _head(made, [options.folder / name], border=True)
        if head is not None:
            years, sex, race = (int(word) for word in Path(name).stem.split("_")[:3])
            yield Person(years, ("male", "female")[sex], RACES[race], head)


def utkface(options: argparse.Namespace) -> None:
    """The interpupillary distance of people of known age."""
    rows = []
    for person in people(options):
        mean, deviation = interpupillary_distance(person.years + 0.5, person.sex, person.race)
        found = person.head.measure()[EYES]
        group = "children to 12" if person.years < 13 else "13 to 19" if person.years < 20 else "adults"
        groups = (group, f"{between(person.years, AGES)} years")
        groups += (f"{group}, {person.sex}", f"{group}, {person.race}")
        error = float(np.log(found.value / mean))
        rows.append(Row(groups, error, found.uncertainty / found.value, deviation / mean))
    report(rows)


def proportions(options: argparse.Namespace) -> None:
    """Distances over what people of an age and sex have, and how that differs between children and adults."""
    errors: dict[str, list[dict[str, float]]] = {}
    for person in people(options):
        if 3 <= person.years < 40:
            norms = facial_norms(person.years + 0.5, person.sex)
            norms[EYES] = interpupillary_distance(person.years + 0.5, person.sex, person.race)[0]
            found = person.head.measure()
            row = {name: float(np.log(found[name].value / norm)) for name, norm in norms.items()}
            errors.setdefault(between(person.years, PROPORTIONS), []).append(row)
    names = list(next(iter(errors.values()))[0])
    adults = {name: np.mean([row[name] for row in errors[between(20, PROPORTIONS)]]) for name in names}
    print("| years | photos | " + " | ".join(names) + " |\n" + "|---" * (len(names) + 2) + "|")
    for group in sorted(errors, key=_order):
        means = [100 * (np.mean([row[name] for row in errors[group]]) - adults[name]) for name in names]
        print(f"| {group} | {len(errors[group])} | " + " | ".join(f"{m:+.1f} %" for m in means) + " |")


def _spread(count: int, limit: int | None) -> Array:
    return np.linspace(0, count - 1, min(limit or count, count)).astype(int)


def _head(made: Reconstructor, files: list[Path], border: bool = False) -> Head | None:
    """The head of all photos in which there is a face; None where there is none."""
    found = []
    for file in files:
        photo = read_photo(file)
        try:
            subject = find_subject(with_border(photo, photo.width // 2) if border else photo)
        except HeadshotError:
            continue
        found.append((subject.photo, subject.face, subject.landmarks))
    return made.of_faces(found) if found else None


def report(rows: list[Row]) -> None:
    """Print the table of all groups."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        for group in row.groups:
            groups.setdefault(group, []).append(row)
    print("| | number | within 68 % | within 95 % | stated, % | error, % | its deviation, % |")
    print("|---|---|---|---|---|---|---|")
    for group in sorted(groups, key=_order):
        some = groups[group]
        held = [100 * np.mean([row.held(share) for row in some]) for share in SHARES]
        error = 100 * np.array([row.error for row in some])
        stated = 100 * np.mean([row.deviation for row in some])
        print(
            f"| {group} | {len(some)} | {held[0]:.0f} | {held[1]:.0f} | {stated:.1f} "
            f"| {error.mean():+.1f} | {error.std():.1f} |"
        )


def _order(group: str) -> tuple[bool, int, str]:
    """Groups of people or photos first, those of one kind together; then other distances."""
    first = group.split()[0]
    return "(" in group, int(first) if first.isdecimal() else -1, group


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(required=True)
    run: dict[str, Callable[[argparse.Namespace], None]] = {
        "synthetic": synthetic,
        "utkface": utkface,
        "proportions": proportions,
    }
    for name, function in run.items():
        command = commands.add_parser(name)
        command.add_argument("folder", type=Path, nargs="+" if name == "synthetic" else None)
        command.add_argument("--limit", type=int, help="heads or photos at most")
        command.set_defaults(run=function)
        if name == "synthetic":
            command.add_argument("--together", action="store_true", help="all photos of a head at once")
        else:
            command.add_argument("--photos", choices=("held-out", "learned", "all"), default="held-out")
    options = parser.parse_args()
    options.run(options)


if __name__ == "__main__":
    main()
