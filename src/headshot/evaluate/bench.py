"""The default bench: every measure on subsets of the research data, in about ten minutes on two cores.

Each photo goes into a journal when it is done, so that an interrupted run continues; journals belong to the
exact code and settings that wrote them (`headshot.evaluate.journal`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from headshot.datasets import benchmark
from headshot.datasets.selection import spread
from headshot.datasets.synthetic import read_truths
from headshot.errors import HeadshotError
from headshot.evaluate.baselines import Predictor, default_predictors
from headshot.evaluate.fairness import FairnessSettings, evaluate_fairness
from headshot.evaluate.hard import HardSettings, evaluate_hard
from headshot.evaluate.identity import evaluate_identity
from headshot.evaluate.journal import Journal, Row
from headshot.evaluate.landmarks import NmeSettings, evaluate_landmarks
from headshot.evaluate.picture import PictureSettings, evaluate_picture
from headshot.evaluate.profiles import ProfileSettings, evaluate_profiles
from headshot.evaluate.recognised import RecognisedSettings, evaluate_recognised
from headshot.evaluate.result import Item, Result
from headshot.evaluate.speed import SpeedSettings, evaluate_speed
from headshot.evaluate.synthetic import evaluate_photo, result_of, worst_picture
from headshot.evaluate.transfer import TransferSettings, evaluate_transfer
from headshot.perception.recognition import Recogniser

HEADS = 100  # photos of synthetic heads
HELEN = NmeSettings(limit=benchmark.HELEN_LIMIT, leave_out=benchmark.HELEN_LEAVE_OUT)
SIDES = ProfileSettings(frontal=1, profile=2)
MASKS = PictureSettings(limit=benchmark.CELEBAMASK_LIMIT)
RECOGNISER = Path("face-embedding") / "mobilefacenet.onnx"
PAIRS = TransferSettings(benchmark.TRANSFER.people)
GROUPS = FairnessSettings(
    PictureSettings(limit=benchmark.UTKFACE_LIMIT, border=0.5), benchmark.UTKFACE_LEAST, found=600
)


@dataclass(frozen=True)
class Part:
    """One measure of the bench.

    Attributes:
        name: of its journal, and for choosing it.
        folder: of the research data, docs/data.md.
        run: measures the folder.
        needs: a folder beside it that must be there as well.
    """

    name: str
    folder: str
    run: Callable[[Path, Journal], Result]
    needs: str | None = None

    def missing(self, root: Path) -> list[str]:
        """Folders that it needs and that are not there."""
        needed = [self.folder, *([self.needs] if self.needs else [])]
        return [name for name in needed if not (root / name).is_dir()]


def synthetic_heads(
    folder: Path, journal: Journal, predictors: tuple[Predictor, ...] | None = None
) -> Result:
    """Exact errors on a folder of tools/synthetic_heads.py, spread evenly over its photos."""
    methods = predictors or tuple(default_predictors())
    truths = read_truths(folder)
    truths = spread(truths, HEADS)
    by_name = {truth.name: truth for truth in truths}

    def attempt(name: str) -> Row:
        item = evaluate_photo(by_name[name], methods)
        return {"group": item.group, "values": item.values}

    rows = journal.work(list(by_name), attempt, {"methods": methods, "folder": folder.resolve()})
    items = [Item(name, row["group"], row["values"]) for name, row in rows.items()]
    names = tuple(m.name for m in methods)
    command = f"headshot evaluate synthetic {folder.name}"
    return result_of(items, names, command, lambda name: worst_picture(by_name[name], methods[0]))


def speed(folder: Path, journal: Journal) -> Result:
    """Speed on the first photo of a folder; times are not continued, so nothing goes into the journal."""
    photos = sorted(folder.glob("images/*.jpg")) or sorted(folder.glob("*.jpg"))
    if not photos:
        raise HeadshotError(f"no photos in {folder}")
    result = evaluate_speed(tuple(photos[:1]), SpeedSettings())
    if journal.told:
        journal.told(1, 1)
    return result


def recognised(folder: Path, journal: Journal) -> Result:
    """Recognised heads, judged by the network of the research data."""
    recogniser = Recogniser(folder.parent / RECOGNISER)
    return evaluate_recognised(folder, RecognisedSettings(recogniser), journal=journal)


PARTS = (
    Part("synthetic", "synthetic-heads", synthetic_heads),
    Part(
        "landmarks",
        benchmark.HELEN,
        lambda folder, journal: evaluate_landmarks(folder, settings=HELEN, journal=journal),
    ),
    Part(
        "hard",
        benchmark.HELEN,
        lambda folder, journal: evaluate_hard(folder, None, HardSettings(HELEN, people=25), journal),
    ),
    Part(
        "profiles",
        "cfp-train",
        lambda folder, journal: evaluate_profiles(folder, settings=SIDES, journal=journal),
    ),
    Part(
        "identity",
        benchmark.LFW,
        lambda folder, journal: evaluate_identity(folder, selection=benchmark.IDENTITY, journal=journal),
    ),
    Part("recognised", benchmark.LFW, recognised, needs=RECOGNISER.parent.name),
    Part(
        "transfer",
        benchmark.LFW,
        lambda folder, journal: evaluate_transfer(folder, settings=PAIRS, journal=journal),
    ),
    Part(
        "picture",
        benchmark.CELEBAMASK,
        lambda folder, journal: evaluate_picture(folder, settings=MASKS, journal=journal),
    ),
    Part(
        "groups",
        benchmark.UTKFACE,
        lambda folder, journal: evaluate_fairness(folder, GROUPS, journal),
    ),
    Part("speed", benchmark.CELEBAMASK, speed),
)


def run_bench(
    data: str | Path,
    journals: str | Path,
    told: Callable[[str, int, int], None] | None = None,
    parts: tuple[Part, ...] = PARTS,
) -> tuple[list[Result], list[str]]:
    """Run the parts whose folders are there.

    Args:
        data: folder of the research data.
        journals: folder in which to keep what is done.
        told: called with (part, items done, items in all).
        parts: what to run.

    Returns:
        the results, and the folders that were missing.

    Raises:
        HeadshotError: none of the folders is there.
    """
    root = Path(data)
    lacking = {part.name: part.missing(root) for part in parts}
    missing = list(dict.fromkeys(folder for folders in lacking.values() for folder in folders))
    if all(lacking.values()):
        raise HeadshotError(f"{root} has none of {', '.join(missing)}: see docs/data.md for its layout")
    results = []
    for part in parts:
        if not lacking[part.name]:
            journal = Journal(Path(journals) / f"{part.name}.jsonl", _counter(part.name, told))
            result = part.run(root / part.folder, journal)
            results.append(replace(result, command=f"headshot evaluate all --data DATA --only {part.name}"))
    return results, missing


def _counter(name: str, told: Callable[[str, int, int], None] | None) -> Callable[[int, int], None] | None:
    return None if told is None else lambda done, total: told(name, done, total)
