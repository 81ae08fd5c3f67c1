"""How long a photo takes, stage by stage, warm and cold, and how much memory.

    python benchmarks/speed.py

Warm: `reconstruct` in this process, default settings, median of 20 runs after 3. Cold: the command as a new
process, from start to files on disk, median of 5. First: the same with an empty cache of compiled kernels.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np
from PIL import Image

from headshot import reconstruct
from headshot.evaluate.processes import Program
from report import publish, table

PHOTOS = Path(__file__).resolve().parent.parent / "photos"
STAGES = ("read", "detect", "landmarks", "networks", "fit", "hair", "texture")


def large_photo(file: Path) -> None:
    """Write a 12-megapixel JPEG with the astronaut's portrait scaled to fill its height."""
    portrait = Image.open(PHOTOS / "astronaut.jpg").resize((3000, 3000), Image.Resampling.BICUBIC)
    canvas = Image.new("RGB", (4000, 3000), (120, 130, 140))
    canvas.paste(portrait, (500, 0))
    canvas.save(file, quality=92)


def warm(photo: Path, runs: int = 20) -> list[object]:
    """Medians in milliseconds: the whole, then its stages."""
    totals, stages = [], []
    for run in range(runs + 3):
        start = perf_counter()
        head = reconstruct(photo)
        seconds = perf_counter() - start
        if run >= 3:
            totals.append(1000 * seconds)
            stages.append([1000 * head.timings[stage] for stage in STAGES])
    spread = f"{median(totals):.0f} ({min(totals):.0f}-{max(totals):.0f})"
    return [spread, *(float(np.median(column)) for column in zip(*stages, strict=True))]


def command(photo: Path, out: Path, cache: Path | None = None) -> tuple[float, float]:
    """Seconds and peak megabytes of the command as a process of its own."""
    environment = dict(os.environ)
    if cache is not None:
        environment["NUMBA_CACHE_DIR"] = str(cache)
    code = "from headshot.apps.cli.main import main; main()"
    usage = Program(
        [sys.executable, "-c", code, "reconstruct", str(photo), "-o", str(out)], environment
    ).finish()
    if usage.code:
        raise SystemExit(f"the command failed on {photo}")
    return usage.seconds, usage.peak


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        large = folder / "large.jpg"
        large_photo(large)
        small = PHOTOS / "astronaut.jpg"
        rows = [["512 x 512 portrait", *warm(small)], ["12-megapixel photo", *warm(large, 8)]]
        command(small, folder / "warm-up")
        cold = [command(small, folder / "cold") for _ in range(5)]
        cold_large = [command(large, folder / "cold-large") for _ in range(3)]
        first = command(small, folder / "first", folder / "cache")
    processes = [
        ["command, 512 x 512 portrait", median(s for s, _ in cold), max(m for _, m in cold)],
        ["command, 12-megapixel photo", median(s for s, _ in cold_large), max(m for _, m in cold_large)],
        ["very first command (compiles)", *first],
    ]
    threads = os.environ.get("NUMBA_NUM_THREADS", "default"), os.environ.get("OMP_NUM_THREADS", "default")
    publish(
        "speed",
        "Speed and memory",
        "python benchmarks/speed.py",
        f"Threads: Numba {threads[0]}, BLAS {threads[1]}, ONNX Runtime 1 per network.",
        "Warm, in one process; milliseconds, median (and range of the total).",
        table(["photo", "total", *STAGES], rows),
        "Whole processes, from the start to files on disk (GLB, JSON, preview).",
        table(["process", "seconds", "peak MB"], processes),
    )


if __name__ == "__main__":
    main()
