"""The curves of a training run, as CSV and as TensorBoard events."""

from __future__ import annotations

import csv
from pathlib import Path

from headshot.errors import HeadshotError
from headshot.reading.bounds import MODEL_FILE
from headshot.reading.complaint import reading
from headshot.reading.documents import read_table

Metrics = dict[str, float]


class Curves:
    """Logged numbers, one row each in curves.csv (step, kind, name, value), and TensorBoard events."""

    def __init__(self, folder: Path, step: int) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self.file = folder / "curves.csv"
        rows: list[list[str]] = []
        # What an interrupted run logged after its checkpoint happens again, and so does all without one.
        if step and self.file.is_file():
            with reading(self.file, "curves of a training run", HeadshotError, "delete it"):
                table = [list(row.values()) for _, row in read_table(self.file, MODEL_FILE)]
                rows = [row for row in table if int(row[0]) <= step]
        with self.file.open("w", newline="", encoding="utf-8") as handle:
            csv.writer(handle).writerows([["step", "kind", "name", "value"], *rows])
        self.events = SummaryWriter(str(folder / "events"), purge_step=step + 1)

    def add(self, step: int, kind: str, metrics: Metrics) -> None:
        with self.file.open("a", newline="", encoding="utf-8") as handle:
            csv.writer(handle).writerows([step, kind, k, f"{v:.7g}"] for k, v in metrics.items())
        for name, value in metrics.items():
            self.events.add_scalar(f"{kind}/{name}", value, step)
        self.events.flush()

    def close(self) -> None:
        self.events.close()
