"""How long a photo takes, stage by stage, with how many threads, and how much memory.

Warm: `headshot.reconstruct` in this process, after three runs that do not count. Process: the command as a
new process, from its start to files on disk, with the peak of its resident memory.

Known weaknesses: other work on the machine and its clock speed enter; compare only numbers of one machine
made one after the other. The minimum is the most repeatable, the median what a user feels.
"""

from __future__ import annotations

import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import numpy as np

from headshot import reconstruct
from headshot.errors import HeadshotError
from headshot.evaluate.machine import machine
from headshot.evaluate.processes import Program
from headshot.evaluate.result import Column, Item, Result
from headshot.image.photo import read_photo

STAGES = ("detect", "landmarks", "networks", "fit", "hair", "texture")
WARM_UP = 3


@dataclass(frozen=True)
class SpeedSettings:
    """What is measured.

    Attributes:
        runs: warm runs for each photo.
        processes: cold runs for each photo and number of threads; 0 for none.
        threads: numbers of threads for Numba, BLAS and OpenMP in the cold runs.
    """

    runs: int = 20
    processes: int = 3
    threads: tuple[int, ...] = (1, 2)


def warm(photo: Path, runs: int) -> list[dict[str, float]]:
    """Milliseconds of each run, in all and by stage, reading the file included."""
    out = []
    for run in range(WARM_UP + runs):
        start = perf_counter()
        head = reconstruct(photo)
        seconds = perf_counter() - start
        if run >= WARM_UP:
            out.append({"total": 1e3 * seconds} | {s: 1e3 * head.timings[s] for s in STAGES})
    return out


def process(photo: Path, out: Path, threads: int) -> dict[str, float]:
    """Milliseconds and peak memory, MB (not on Windows), of the command as a process of its own.

    Raises:
        HeadshotError: the command failed.
    """
    names = ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    environment = {**os.environ, **dict.fromkeys(names, str(threads))}
    command = [sys.executable, "-m", "headshot", "reconstruct", str(photo), "-o", str(out)]
    usage = Program(command, environment).finish()
    if usage.code:
        raise HeadshotError(f"the command failed on {photo} with exit code {usage.code}")
    known = {} if np.isnan(usage.peak) else {"memory": usage.peak}
    return {"total": 1e3 * usage.seconds} | known


def evaluate_speed(photos: tuple[Path, ...], settings: SpeedSettings | None = None) -> Result:
    """Time and memory of `reconstruct` on some photos; an item is a run.

    Raises:
        HeadshotError: a photo cannot be read or has no face.
    """
    chosen = settings or SpeedSettings()
    cold = {threads: f"new process, {threads} thread{'s' * (threads > 1)}" for threads in chosen.threads}
    items = []
    for photo in photos:
        seen = read_photo(photo)
        group: dict[str, str | float] = {"photo": f"{photo.name}, {seen.width} x {seen.height}"}
        for n, values in enumerate(warm(photo, chosen.runs)):
            items.append(Item(f"{photo.name}, warm {n}", group, {"warm": values}))
        with tempfile.TemporaryDirectory() as out:
            for threads, label in cold.items():
                for n in range(chosen.processes):
                    values = process(photo, Path(out), threads)
                    items.append(Item(f"{photo.name}, {label} {n}", group, {label: values}))
    return Result(
        measure="speed",
        title="Speed and memory",
        protocol=_PROTOCOL,
        columns=(
            Column("total", "total", "ms", decimals=0),
            *(Column(stage, stage, "ms", decimals=0) for stage in STAGES),
            Column("memory", "peak memory", "MB", statistic="worst", decimals=0),
        ),
        methods=("warm", *cold.values()),
        items=items,
        command="headshot evaluate speed",
        machine=machine(),
    )


_PROTOCOL = (
    "Warm: `headshot.reconstruct` with default settings in one process, after three runs that do not count. "
    "New process: `headshot reconstruct` from its start to GLB, JSON and preview on disk, kernels already "
    "compiled, with so many threads for Numba and BLAS, and the peak of its memory. Weak in: other work on "
    "the machine enters; compare only what one machine measured one after the other."
)
