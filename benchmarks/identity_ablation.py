"""What each loss of the identity network gains: the benchmark, with networks trained with and without it.

    python benchmarks/identity_ablation.py --data $HEADSHOT_DATA NAME=FILE.onnx ...

Files are those of `headshot learn identity ... --export`. Each network takes the place of the one that ships
in the default method, on three parts of `headshot evaluate all`: synthetic heads (corresponding points;
length of the shape over the true one's, which shows shrinkage; correlation), identity (LFW: AUC by neutral
shape; distance to others over one person's scatter), and profiles (CFP: AUC of a frontal photo against a
profile). Beside it the difference from the first network, paired, with its 95 % interval; and what needs no
network: the fit without the prior, that to landmarks only, and the mean face. A run that is interrupted
continues.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from unittest.mock import patch

import headshot.perception.identity
from headshot.datasets.subject import Subject
from headshot.evaluate.baselines import MeanFace, Prediction, Predictor, named_method
from headshot.evaluate.benchmark import SIDES, synthetic_heads
from headshot.evaluate.difference import difference
from headshot.evaluate.identity import evaluate_identity
from headshot.evaluate.profiles import evaluate_profiles
from headshot.evaluate.result import Item, Result
from headshot.evaluate.resume_log import ResumeLog
from headshot.evaluate.tables import estimate, table
from headshot.perception.networks import open_network

SHOWN = {
    "synthetic": ("vertex", "correlation", "norm"),
    "identity": ("auc", "apart"),
    "profiles": ("auc",),
}
COMPARED = {"vertex": "mean", "auc": "mean"}  # columns whose difference is shown, and by which statistic


network = lru_cache(maxsize=32)(open_network)


@dataclass(frozen=True)
class WithNetwork:
    """The default method with another identity network, of a file with this SHA-256."""

    name: str
    file: Path
    sha256: str

    def __call__(self, subject: Subject, *, textured: bool = False) -> Prediction:
        with patch.object(headshot.perception.identity, "session", lambda _: network(self.file)):
            return named_method("headshot")(subject, textured=textured)


def measure(method: Predictor, given: argparse.Namespace) -> list[Result]:
    """The three parts with one method, each with a resume log of its own: others may follow later."""
    logs = [ResumeLog(given.logs / method.name.replace(" ", "-") / f"{name}.jsonl") for name in SHOWN]
    print(f"{method.name} ...", flush=True)
    return [
        synthetic_heads(given.data / "synthetic-heads", logs[0], (method,)),
        evaluate_identity(given.data / "lfw-deepfunneled", (method,), log=logs[1]),
        evaluate_profiles(given.data / "cfp-train", (method,), SIDES, logs[2]),
    ]


def together(results: tuple[Result, ...]) -> Result:
    """Results of one measure on the same items as one of all methods."""
    values: dict[str, dict[str, dict[str, float]]] = {}
    for item in (item for result in results for item in result.items):
        values.setdefault(item.name, {}).update(item.values)
    groups = {item.name: item.group for result in results for item in result.items}
    return replace(
        results[0],
        methods=tuple(dict.fromkeys(name for result in results for name in result.methods)),
        items=[Item(name, groups[name], value) for name, value in values.items()],
    )


def cells(result: Result, method: str, first: str) -> list[str]:
    """Values of a method by the columns that are shown, with their difference from the first network's."""
    out = []
    for column in (c for c in result.columns if c.key in SHOWN[result.measure]):
        found = estimate(result, method, column)
        text = "–" if found is None else f"{found.value:.{column.decimals}f}"
        change = None
        if found is not None and column.key in COMPARED and method != first:
            change = difference(result, result, column, first, method, COMPARED[column.key])
        if change is not None:
            e, d = change.estimate, column.decimals
            text += f" ({e.value:+.{d}f} [{e.low:+.{d}f}, {e.high:+.{d}f}])"
        out.append(text)
    return out


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("networks", nargs="+", metavar="NAME=FILE")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--logs", type=Path, default=Path("output/identity-ablation"))
    given = parser.parse_args()
    named = [text.split("=", 1) for text in given.networks]
    if any(len(pair) != 2 or not Path(pair[1]).is_file() for pair in named):
        parser.error("networks are given as NAME=FILE.onnx, and the files must be there")
    methods: tuple[Predictor, ...] = (
        *(WithNetwork(name, Path(file), sha256(Path(file).read_bytes()).hexdigest()) for name, file in named),
        named_method("without networks"), named_method("landmarks only"), MeanFace(),
    )  # fmt: skip
    results = [together(part) for part in zip(*(measure(m, given) for m in methods), strict=True)]
    header = ["shapes from"]
    for result in results:
        shown = (c for c in result.columns if c.key in SHOWN[result.measure])
        header += [f"{result.measure}: {c.heading}" for c in shown]
    first = methods[0].name
    rows = [[m.name, *(cell for result in results for cell in cells(result, m.name, first))] for m in methods]
    print(table(header, rows))


if __name__ == "__main__":
    main()
