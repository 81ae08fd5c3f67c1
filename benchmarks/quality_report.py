"""The calibration of the quality score, and the page of its results; see quality_score.py."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from headshot.evaluate.degraded import UNSEEN
from headshot.quality import LOW, assess
from report import table

COMMAND = "python benchmarks/quality_score.py DATA"
USUAL = 0.9
"""Share of the heads from good photos that are *fine*: of no more than a certain loss, `FINE`."""
FINE = 0.947
"""That loss, of the photos of the calibration."""
NETWORK_ERROR = 1.5
"""What hand-made points of good photos differ more from heads than the network's do, percent: added to the
errors of photos with the network's points, as independent errors add up."""
LEAST = 0.03
"""Change of the logarithm of the loss by one of a hundred photos that a measure must make to count."""
ORDINARY, EVERY = 0.8, 0.95
"""Share of good photos that a measure costs nothing; and of every group of them, of measures of the photo."""

# Which measures may cost something, whether by their logarithm, and whether more is worse (1) or less (-1).
CANDIDATES: dict[str, tuple[bool, int]] = {
    "face_pixels": (True, -1),
    "sharpness": (True, -1),
    "noise": (True, 1),
    "brightness": (True, -1),
    "clipped": (False, 1),
    "flat": (False, 1),
    "blocks": (True, 1),
    "hidden": (False, 1),
    "hair": (False, 1),
    "hidden_mouth": (False, 1),
    "glasses": (False, 1),
    "yaw": (False, 1),
    "pitch": (False, 1),
    "residual": (True, 1),
    "disagreement": (True, 1),
    "spread": (True, 1),
    "expected_error": (True, 1),
    "recognition": (True, -1),
}
OF_PHOTO = ("brightness", "clipped", "flat", "blocks", "noise")

# Not fitted: here mostly profiles of CFP are cut off by the border, whose errors are not for that.
BY_HAND = '    "inside": Scale(1.0, 0.9),'

# The score before this calibration: where each factor is 1, and where it is a half, falling as a bell.
BEFORE = {
    "presence": (0.99, 0.6),
    "face_pixels": (200.0, 50.0),
    "yaw": (20.0, 70.0),
    "pitch": (20.0, 50.0),
    "residual": (1.2, 3.5),
    "inside": (1.0, 0.75),
    "coverage": (0.7, 0.3),
}

Row = dict[str, object]


class Photos:
    """Rows of photos that gave a head, as arrays (N,)."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self.rows = [row for row in rows if "measures" in row]
        self.kind = np.array([row["kind"] for row in self.rows])
        self.data = np.array([row["data"] for row in self.rows])
        error = np.array([row["error_points"] for row in self.rows], np.float64)
        self.error = np.where(self.data == "utkface", np.hypot(error, NETWORK_ERROR), error)
        self.distance = np.array([row["distance"] for row in self.rows], np.float64)
        self.loss = np.sqrt(self.error * self.distance)
        self.fine = self.loss <= FINE
        found = [assess(row["measures"]) for row in self.rows]
        self.score = np.array([quality.score for quality in found])
        self.warned = np.array([bool(quality.warnings) for quality in found])

    def measure(self, name: str) -> np.ndarray:
        """A measure (N,)."""
        return np.array([row["measures"][name] for row in self.rows], np.float64)

    def group(self, name: str) -> np.ndarray:
        """Labels (N,) of UTKFace; empty where there are none."""
        return np.array([row["groups"].get(name, "") for row in self.rows])

    @property
    def before(self) -> np.ndarray:
        """The score before this calibration (N,)."""
        score = np.ones(len(self.rows))
        for name, (full, half) in BEFORE.items():
            short = np.maximum(0, (np.abs(self.measure(name)) - full) / (half - full))
            score *= 2.0 ** -(short**2)
        return score


# --- calibration


def calibrated(rows: Sequence[Row]) -> str:
    """Scales for `headshot.quality`: code."""
    photos = Photos(rows)
    good = photos.kind == "as it is"
    target = np.log(photos.loss)
    groups = [good & (photos.group("race") == race) for race in set(photos.group("race")[good])]
    full, columns = {}, {}
    for name, (log, sign) in CANDIDATES.items():
        values = _transformed(np.abs(photos.measure(name)), log) * sign
        parts = [(EVERY, group) for group in groups if group.sum() >= 20] if name in OF_PHOTO else []
        full[name] = max(np.quantile(values[part], share) for share, part in [(ORDINARY, good), *parts])
        columns[name] = np.maximum(values - full[name], 0)
    design = np.array(list(columns.values())).T
    weight = _non_negative(design, target)
    # Measures that hardly ever cost anything are left out.
    matters = np.quantile(design * weight, 0.99, axis=0) > LEAST
    weight[matters] = _non_negative(design[:, matters], target)
    weight[~matters] = 0
    worse = design @ weight
    # The score is 0.5 where one head in two is fine.
    limit = float(np.quantile(photos.loss[good], USUAL))
    centre, slope = _logistic(worse, photos.loss <= limit)
    half = centre / slope
    lines = []
    for (name, (log, sign)), w in zip(CANDIDATES.items(), weight, strict=True):
        if w == 0:
            continue
        start, end = (sign * v for v in (full[name], full[name] + half / w))
        values = [float(np.exp(v)) if log else float(v) for v in (start, end)]
        lines.append(f'    "{name}": Scale({values[0]:.3g}, {values[1]:.3g}{", log=True" if log else ""}),')
    rank = spearman(worse, target)
    found = [f"# FINE = {limit:.3f}", f"# Spearman's rank correlation, {len(target)} photos: {rank:.3f}"]
    return "\n".join(["SCALES = {", *lines, BY_HAND, "}", *found])


WEAR = 0.05
"""Share of eyewear and hats that costs nothing: what the segmentation sees by mistake."""


def worn_scales(rows: Sequence[Row]) -> str:
    """Scales of ``eyewear`` and ``hat``, code, and what was found: a Markdown table.

    Least squares of the logarithm of the loss on the halvings by all else and on both measures; what a unit
    of them costs beside a halving by others is the halvings of a unit.
    """
    photos = Photos(rows)
    names = ("eyewear", "hat")
    without = [
        assess({k: v for k, v in row["measures"].items() if k not in names}).score for row in photos.rows
    ]
    extra = [np.maximum(photos.measure(name) - WEAR, 0) for name in names]
    design = np.column_stack([-np.log2(np.maximum(without, _LEAST_SCORE)), *extra])
    weight = _non_negative(design, np.log(photos.loss))
    lines = [
        f'    "{name}": Scale({WEAR}, {WEAR + weight[0] / w:.3g}),'
        if w > 0
        else f"    # {name} costs nothing"
        for name, w in zip(names, weight[1:], strict=True)
    ]
    cells = []
    for kind in ("neither", "glasses", "hat", "both"):
        of = photos.kind == kind
        fine, before, now = photos.fine[of].mean(), np.array(without)[of].mean(), photos.score[of].mean()
        cells.append([kind, int(of.sum()), 100 * fine, before, now, 100 * photos.warned[of].mean()])
    columns = ["worn", "n", "fine, %", "score without both measures", "score", "warned, %"]
    return "\n".join([*lines, "", table(columns, cells)])


_LEAST_SCORE = 1e-3


def _transformed(values: np.ndarray, log: bool) -> np.ndarray:
    return np.log(np.maximum(values, 1e-3)) if log else values


def _non_negative(design: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Weights (M,) of at least 0 of the columns (N, M) for the best least-squares fit with an intercept.

    By coordinate descent, which ends at the optimum, since the problem is convex.
    """
    centred, wanted = design - design.mean(axis=0), target - target.mean()
    gram, pull = centred.T @ centred, centred.T @ wanted
    weight = np.zeros(design.shape[1])
    for _ in range(2000):
        for k in np.flatnonzero(gram.diagonal() > 1e-9):
            weight[k] = max(0.0, weight[k] + (pull[k] - gram[k] @ weight) / gram[k, k])
    return weight


def _logistic(worse: np.ndarray, fine: np.ndarray) -> tuple[float, float]:
    """(a, b) of the probability 1 / (1 + exp(b x - a)) that a head is fine, by Newton's method."""
    x = np.column_stack([np.ones(len(worse)), -worse])
    coefficients = np.zeros(2)
    for _ in range(30):
        p = 1 / (1 + np.exp(-x @ coefficients))
        hessian = x.T @ (x * (p * (1 - p))[:, None])
        coefficients += np.linalg.solve(hessian, x.T @ (fine - p))
    return float(coefficients[0]), float(coefficients[1])


def spearman(a: np.ndarray, b: np.ndarray) -> float:
    """Rank correlation; equal values share their rank."""
    return float(np.corrcoef(_ranks(a), _ranks(b))[0, 1])


def _ranks(values: np.ndarray) -> np.ndarray:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[inverse]


def _interval(a: np.ndarray, b: np.ndarray, draws: int = 1000) -> str:
    """Spearman's rank correlation with its 95 % bootstrap interval."""
    random = np.random.default_rng(0)
    found = [spearman(a[i], b[i]) for i in random.integers(0, len(a), (draws, len(a)))]
    low, high = np.quantile(found, [0.025, 0.975])
    return f"{spearman(a, b):.2f} [{low:.2f}, {high:.2f}]"


# --- the page


def pages(rows: Sequence[Row]) -> list[str]:
    """The page of results: Markdown."""
    photos = Photos(rows)
    hand = photos.data != "utkface"
    return [
        _counts(rows, photos),
        "## Against errors and recognition",
        _against(photos, hand),
        "## What a score means",
        _meaning(photos),
        "## By kind",
        _by_kind(rows, photos),
        "## By group",
        _by_group(photos),
    ]


def _counts(rows: Sequence[Row], photos: Photos) -> str:
    lost = [row for row in rows if "error" in row]
    low = photos.score < LOW
    return (
        f"{len(rows)} photos held out of training and calibration, {len(photos.rows)} of which gave a head "
        f"({len(lost)} without a face that was found: {', '.join(sorted({str(r['kind']) for r in lost}))}). "
        f"Of {int(low.sum())} scores below {LOW}, {int(photos.warned[low].sum())} have a reason."
    )


def _against(photos: Photos, hand: np.ndarray) -> str:
    scores = {
        "score": photos.score,
        "score before": photos.before,
        "sharpness alone": photos.measure("sharpness"),
        "size of the face alone": photos.measure("face_pixels"),
    }
    body: list[list[object]] = []
    parts = {"hand-made points (HELEN, CFP)": hand, "UTKFace": ~hand, "all": np.ones(len(hand), bool)}
    for label, part in parts.items():
        for name, values in scores.items():
            both = [-photos.error, -photos.distance]
            row = [spearman(values[part], other[part]) for other in both]
            body.append([label, int(part.sum()), name, _interval(values[part], -photos.loss[part]), *row])
    head = ["photos", "n", "", "loss (Spearman, 95 %)", "landmark error", "recognition"]
    return table(head, body)


def _meaning(photos: Photos) -> str:
    edges = (0.0, 0.1, 0.2, 0.3, 0.4, 0.6, 0.8, 0.9, 1.01)
    body: list[list[object]] = []
    for low, high in pairwise(edges):
        part = (photos.score >= low) & (photos.score < high)
        if not part.any():
            continue
        values = [
            100 * photos.fine[part].mean(),
            np.median(photos.error[part]),
            np.median(photos.distance[part]),
        ]
        warned = 100 * photos.warned[part].mean()
        body.append(
            [f"{low:.1f} to {min(high, 1.0):.1f}", int(part.sum()), *map(float, values), float(warned)]
        )
    text = (
        f"*Fine*: the square root of error times distance is at most {FINE:g}, as of "
        f"{100 * USUAL:.0f} % of the heads from good photos of the calibration."
    )
    return text + "\n\n" + table(["score", "n", "fine, %", "error, %", "distance", "with a warning, %"], body)


def _by_kind(rows: Sequence[Row], photos: Photos) -> str:
    lost: dict[str, int] = defaultdict(int)
    for row in rows:
        lost[str(row["kind"])] += "error" in row
    body: list[list[object]] = []
    kinds = sorted(set(photos.kind), key=lambda k: (k in UNSEEN, k != "as it is", k))
    for kind in kinds:
        part = photos.kind == kind
        body.append([
            f"{kind} (unseen)" if kind in UNSEEN else kind,
            int(part.sum()),
            lost[kind],
            float(np.median(photos.score[part])),
            float(np.median(photos.error[part])),
            float(np.median(photos.distance[part])),
            float(100 * photos.fine[part].mean()),
            float(100 * photos.warned[part].mean()),
            f"{spearman(photos.score[part], -photos.loss[part]):.2f}",
        ])  # fmt: skip
    for label, part in {
        "all unseen kinds, and as it is": np.isin(photos.kind, ["as it is", *UNSEEN]),
        "all seen kinds, and as it is": ~np.isin(photos.kind, list(UNSEEN)),
    }.items():
        body.append([label, int(part.sum()), *[""] * 6, _interval(photos.score[part], -photos.loss[part])])
    head = ["kind", "n", "no face", "score", "error, %", "distance", "fine, %", "warned, %", "Spearman"]
    return table(head, body)


def _by_group(photos: Photos) -> str:
    yaw = np.abs(photos.measure("yaw"))
    good = photos.kind == "as it is"
    parts: dict[str, np.ndarray] = {}
    for name in ("race", "sex", "age"):
        labels = photos.group(name)
        parts |= {f"{name}: {label}": labels == label for label in sorted(set(labels) - {""})}
    for low, high in ((0, 15), (15, 30), (30, 60), (60, 180)):
        parts[f"yaw {low} to {high}°"] = (yaw >= low) & (yaw < high)
    body: list[list[object]] = []
    for label, part in parts.items():
        clean = part & good
        row: list[object] = [
            label,
            int(part.sum()),
            f"{spearman(photos.score[part], -photos.loss[part]):.2f}",
        ]
        row.append(int(clean.sum()))
        if clean.any():
            shares = [
                photos.warned[clean].mean(),
                (photos.score[clean] < LOW).mean(),
                photos.fine[clean].mean(),
            ]
            row += [float(np.median(photos.score[clean])), *(float(100 * s) for s in shares)]
        else:
            row += [""] * 4
        body.append(row)
    head = ["group", "n", "Spearman", "as they are", "score", "warned, %", f"below {LOW}, %", "fine, %"]
    return table(head, body)


def warned_of(rows: Sequence[Row]) -> str:
    """How many good photos have warnings, and which, by group: Markdown."""
    parts: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        parts[f"all of {row['data']}"].append(row)
        for name, label in row["groups"].items():
            parts[f"{name}: {label}"].append(row)
    body: list[list[object]] = []
    for label in sorted(parts):
        found = [assess(row["measures"]) for row in parts[label] if "measures" in row]
        score = np.array([quality.score for quality in found])
        said = Counter(reason_of(text) for quality in found for text in quality.warnings)
        warned = np.mean([bool(quality.warnings) for quality in found])
        body.append([
            label,
            len(found),
            len(parts[label]) - len(found),
            float(np.median(score)),
            float(100 * (score < LOW).mean()),
            float(100 * warned),
            ", ".join(f"{name} {n}" for name, n in said.most_common()),
        ])  # fmt: skip
    head = ["photos", "n", "no face", "score", f"below {LOW}, %", "warned, %", "of what"]
    note = "Photos held out of training as they are, whatever is wrong with them (`--good`)."
    return note + "\n\n" + table(head, body)


def reason_of(text: str) -> str:
    """A word for a sentence of `headshot.quality`."""
    words = ("small", "blurred", "noisy", "very dark", "overexposed", "compressed", "flat colours", "glasses")
    more = ("hidden", "turned", "tilted", "cut off", "uncertain", "follows")
    return next(word for word in (*words, *more) if word in text)
