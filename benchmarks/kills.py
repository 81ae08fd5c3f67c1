"""Kill the command while it writes, over and over, and see whether --resume completes what is left.

    python benchmarks/kills.py PHOTOS [--kills 200]

The photos are reconstructed once without a kill, then again into other folders by processes that are killed,
each going on with --resume where the one before was killed, until all is done, and then from the start. After
each kill every visible file must be whole. At the end of each round the files must be those of the first run,
but for their timings. Prints counts.
"""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from headshot.export.mark import read_mark

OPTIONS = ["--formats", "all", "--detail", "low", "--texture-size", "512", "--resume"]


def main() -> None:
    """See above."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("photos", type=Path, help="a folder")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    random = np.random.default_rng(options.seed)
    kills = rounds = mixed = hidden = 0
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder) / "whole"
        assert command(options.photos, whole).wait() == 0, "not all photos have a face"
        wanted = contents(whole)
        print(f"{len(wanted)} files without a kill", flush=True)
        while kills < options.kills:
            out = Path(folder) / f"round-{rounds}"
            while True:
                process = command(options.photos, out)
                if killed(process, out, changes=int(random.integers(1, 12)), delay=random.uniform(0, 0.02)):
                    kills += 1
                    seen = contents(out)
                    assert all(read_mark(out / name) is not None for name in seen), "a file is not whole"
                    assert all(wanted[name] == content for name, content in seen.items()), "another's file"
                    stems = [name.split(".")[0].removesuffix("_texture") for name in seen]
                    mixed += any(stems.count(stem) != 7 for stem in set(stems))
                    continue
                break
            assert contents(out) == wanted, "files differ from those without a kill"
            hidden += len(list(out.glob(".headshot-*")))
            rounds += 1
            print(
                f"{kills} kills, {rounds} rounds, {mixed} sets in pieces, {hidden} hidden files", flush=True
            )


def command(photos: Path, out: Path) -> subprocess.Popen[bytes]:
    """The command, started."""
    arguments = [sys.executable, "-m", "headshot", "reconstruct", str(photos), "-o", str(out), *OPTIONS]
    return subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def killed(process: subprocess.Popen[bytes], out: Path, *, changes: int, delay: float) -> bool:
    """Kill it after so many changes of the folder and a delay, seconds; whether it was still running."""
    before = names(out)
    while changes and process.poll() is None:
        time.sleep(5e-4)
        present = names(out)
        changes -= present != before
        before = present
    time.sleep(delay)
    process.kill()
    return process.wait() == -signal.SIGKILL


def names(folder: Path) -> frozenset[str]:
    """What is in a folder, hidden files included."""
    return frozenset(file.name for file in folder.iterdir()) if folder.exists() else frozenset()


def contents(folder: Path) -> dict[str, Any]:
    """Visible files by name, JSON without what differs from run to run."""
    seen: dict[str, Any] = {}
    for file in folder.glob("[!.]*"):
        seen[file.name] = file.read_bytes()
        if file.suffix == ".json":
            seen[file.name] = {
                k: v for k, v in json.loads(seen[file.name]).items() if k not in ("timings", "mark")
            }
    return seen


if __name__ == "__main__":
    main()
