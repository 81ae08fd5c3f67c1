"""The default benchmark: every measure on subsets of the research data, in about ten minutes on two cores.

Each photo goes into a resume log when it is done, so that an interrupted run continues; logs belong to the
exact code and settings that wrote them (`headshot.evaluate.resume_log`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from headshot.datasets import benchmark as drawn
from headshot.datasets.selection import spread
from headshot.datasets.synthetic import read_truths
from headshot.errors import HeadshotError
from headshot.evaluate.baselines import Predictor, default_predictors
from headshot.evaluate.fairness import FairnessSettings, evaluate_fairness
from headshot.evaluate.hard import HardSettings, evaluate_hard
from headshot.evaluate.identity import evaluate_identity
from headshot.evaluate.landmarks import NmeSettings, evaluate_landmarks
from headshot.evaluate.picture import PictureSettings, evaluate_picture
from headshot.evaluate.profiles import ProfileSettings, evaluate_profiles
from headshot.evaluate.recognised import RecognisedSettings, evaluate_recognised
from headshot.evaluate.result import Item, Result
from headshot.evaluate.resume_log import ResumeLog, Row
from headshot.evaluate.speed import SpeedSettings, evaluate_speed
from headshot.evaluate.synthetic import evaluate_photo, result_of, worst_picture
from headshot.evaluate.transfer import TransferSettings, evaluate_transfer
from headshot.perception.recognition import Recogniser

Progress = Callable[[str, int, int], None]

HEADS = 100  # photos of synthetic heads
HELEN = NmeSettings(limit=drawn.HELEN_LIMIT, leave_out=drawn.HELEN_LEAVE_OUT)
SIDES = ProfileSettings(frontal=1, profile=2)
MASKS = PictureSettings(limit=drawn.CELEBAMASK_LIMIT)
RECOGNISER = Path("face-embedding") / "mobilefacenet.onnx"
PAIRS = TransferSettings(drawn.TRANSFER.people)
GROUPS = FairnessSettings(
    PictureSettings(limit=drawn.UTKFACE_LIMIT, border=0.5), drawn.UTKFACE_LEAST, found=600
)


@dataclass(frozen=True)
class Part:
    """One measure of the benchmark.

    Attributes:
        name: of its log, and for choosing it.
        folder: of the research data, docs/reference/data.md.
        run: measures the folder.
        needs: a folder beside it that must be there as well.
    """

    name: str
    folder: str
    run: Callable[[Path, ResumeLog], Result]
    needs: str | None = None

    def missing(self, root: Path) -> list[str]:
        """Folders that it needs and that are not there."""
        needed = [self.folder, *([self.needs] if self.needs else [])]
        return [name for name in needed if not (root / name).is_dir()]


def synthetic_heads(folder: Path, log: ResumeLog, predictors: tuple[Predictor, ...] | None = None) -> Result:
    """Exact errors on a folder of tools/synthetic_heads.py, spread evenly over its photos."""
    methods = predictors or tuple(default_predictors())
    truths = read_truths(folder)
    truths = spread(truths, HEADS)
    by_name = {truth.name: truth for truth in truths}

    def attempt(name: str) -> Row:
        item = evaluate_photo(by_name[name], methods)
        return {"group": item.group, "values": item.values}

    rows = log.work(list(by_name), attempt, {"methods": methods, "folder": folder.resolve()})
    items = [Item(name, row["group"], row["values"]) for name, row in rows.items()]
    names = tuple(m.name for m in methods)
    command = f"headshot evaluate synthetic {folder.name}"
    return result_of(items, names, command, lambda name: worst_picture(by_name[name], methods[0]))


def speed(folder: Path, log: ResumeLog) -> Result:
    """Speed on the first photo of a folder; times are not continued, so nothing goes into the log."""
    photos = sorted(folder.glob("images/*.jpg")) or sorted(folder.glob("*.jpg"))
    if not photos:
        raise HeadshotError(f"no photos in {folder}")
    result = evaluate_speed(tuple(photos[:1]), SpeedSettings())
    if log.progress:
        log.progress(1, 1)
    return result


def recognised(folder: Path, log: ResumeLog) -> Result:
    """Recognised heads, with the face-recognition network of the research data."""
    recogniser = Recogniser(folder.parent / RECOGNISER)
    return evaluate_recognised(folder, RecognisedSettings(recogniser), log=log)


PARTS = (
    Part("synthetic", "synthetic-heads", synthetic_heads),
    Part(
        "landmarks",
        drawn.HELEN,
        lambda folder, log: evaluate_landmarks(folder, settings=HELEN, log=log),
    ),
    Part(
        "hard",
        drawn.HELEN,
        lambda folder, log: evaluate_hard(folder, None, HardSettings(HELEN, people=25), log),
    ),
    Part(
        "profiles",
        "cfp-train",
        lambda folder, log: evaluate_profiles(folder, settings=SIDES, log=log),
    ),
    Part(
        "identity",
        drawn.LFW,
        lambda folder, log: evaluate_identity(folder, selection=drawn.IDENTITY, log=log),
    ),
    Part("recognised", drawn.LFW, recognised, needs=RECOGNISER.parent.name),
    Part(
        "transfer",
        drawn.LFW,
        lambda folder, log: evaluate_transfer(folder, settings=PAIRS, log=log),
    ),
    Part(
        "picture",
        drawn.CELEBAMASK,
        lambda folder, log: evaluate_picture(folder, settings=MASKS, log=log),
    ),
    Part(
        "groups",
        drawn.UTKFACE,
        lambda folder, log: evaluate_fairness(folder, GROUPS, log),
    ),
    Part("speed", drawn.CELEBAMASK, speed),
)


def run_benchmark(
    data: str | Path,
    logs: str | Path,
    progress: Progress | None = None,
    parts: tuple[Part, ...] = PARTS,
) -> tuple[list[Result], list[str]]:
    """Run the parts whose folders are there.

    Args:
        data: folder of the research data.
        logs: folder of the resume logs.
        progress: called with (part, items done, items in all).
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
        raise HeadshotError(
            f"{root} has none of {', '.join(missing)}: see docs/reference/data.md for its layout"
        )
    results = []
    for part in parts:
        if not lacking[part.name]:
            log = ResumeLog(Path(logs) / f"{part.name}.jsonl", _counter(part.name, progress))
            result = part.run(root / part.folder, log)
            results.append(replace(result, command=f"headshot evaluate all --data DATA --only {part.name}"))
    return results, missing


def _counter(
    name: str, progress: Callable[[str, int, int], None] | None
) -> Callable[[int, int], None] | None:
    return None if progress is None else lambda done, total: progress(name, done, total)
