"""How long one head from several photos takes beside the photos one by one, and how much memory.

    python benchmarks/several_photos_speed.py $HEADSHOT_DATA/lfw-deepfunneled/George_W_Bush \\
        --counts 1,2,3,8,50

Each count has a process of its own: two photos first, to load the models, then medians of `--runs` runs that
take turns. Peak memory is the whole process's. Linux and macOS only, for the peak.
"""

from __future__ import annotations

import argparse
import resource
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from time import perf_counter

from headshot import reconstruct
from report import table


def measure(files: list[Path], warm_up: list[Path], runs: int) -> tuple[float, float, float]:
    """Seconds together, seconds one by one, and the peak in megabytes before the photos one by one."""
    reconstruct(warm_up)
    reconstruct(files)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    together, alone = [], []
    for _ in range(runs):
        start = perf_counter()
        reconstruct(files)
        together.append(perf_counter() - start)
        start = perf_counter()
        for file in files:
            reconstruct(file)
        alone.append(perf_counter() - start)
    return median(together), median(alone), peak


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, help="a folder with photos of one person")
    parser.add_argument("--counts", default="1,2,3,8", help="numbers of photos [%(default)s]")
    parser.add_argument("--runs", type=int, default=3, help="runs a count [%(default)s]")
    arguments = parser.parse_args()
    photos = sorted(arguments.folder.glob("*.jpg"))
    rows: list[list[object]] = []
    for count in map(int, arguments.counts.split(",")):
        if count > len(photos):
            parser.error(f"{arguments.folder} has {len(photos)} photos, not {count}; change --counts")
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            job = pool.submit(measure, photos[:count], photos[:2], arguments.runs)
            together, alone, peak = job.result()
        rows.append([count, f"{together:.2f}", f"{alone:.2f}", f"{together / alone:.2f}", f"{peak:.0f}"])
        print(f"{count} photos: {together:.2f} s together, {alone:.2f} s one by one", flush=True)
    print(table(["photos", "together, s", "one by one, s", "ratio", "peak, MB"], rows))


if __name__ == "__main__":
    main()
