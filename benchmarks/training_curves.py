"""Draw the curves of a training run (headshot.learn.engine): losses, and every validation metric.

    python benchmarks/training_curves.py RUN -o docs/images/NAME-curves.png

Needs the extra "tools" (Matplotlib).
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Sequence
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

Points = dict[str, list[tuple[int, float]]]


def read(run: Path) -> tuple[Points, Points]:
    """Training and validation metrics of a run: name -> (step, value)."""
    found: tuple[Points, Points] = ({}, {})
    with (run / "curves.csv").open(newline="", encoding="utf-8") as handle:
        for row in csv.DictReader(handle):
            target = found[row["kind"] == "validation"]
            target.setdefault(row["name"], []).append((int(row["step"]), float(row["value"])))
    return found


def draw(run: Path, out: Path) -> None:
    """Write the picture."""
    training, validation = read(run)
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.2), dpi=110, layout="constrained")
    for name in ("loss", "entropy", "dice"):
        if name in training:
            left.plot(*zip(*training[name], strict=True), label=name, linewidth=1)
    left.set(title="training", xlabel="step", ylim=(0, None))
    left.legend(frameon=False)
    for name, points in validation.items():
        right.plot(*zip(*points, strict=True), label=name, marker=".", linewidth=1)
    right.set(title="validation", xlabel="step")
    right.legend(frameon=False, fontsize=7)
    for axes in (left, right):
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(out)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    options = parser.parse_args(arguments)
    draw(options.run, options.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
