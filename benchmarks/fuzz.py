"""Damaged and malicious files for every reader: does any other error come out than the package's own?

    python benchmarks/fuzz.py [--cases 400] [--seed 1] [--readers NAME ...] [--publish]

``tests/fuzzing`` makes the files. Each reader runs in a process of its own, which is watched: a case is over
the limit when the process has taken more than 600 MB by its end (all of it counted, Python and libraries
too), or the case more than ten seconds of the processor; a process that dies or hangs is an error of the
other kind. Files at the limits, and those that claim to be larger, are read by a process each. Needs Linux or
macOS, SciPy and h5py. The exit code is 1 where there are other errors or cases over the limit.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from time import process_time

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from fuzzing import extremes, images  # noqa: E402
from fuzzing.readers import READERS  # noqa: E402
from fuzzing.subject import Cases  # noqa: E402
from headshot.errors import HeadshotError  # noqa: E402
from report import publish, table  # noqa: E402

MEMORY, SECONDS, HANGS = 600.0, 10.0, 120.0
"""MB and seconds within which a case must end, and seconds after which its process is ended."""
OUTCOMES = ("read", "own error", "other error", "over limit")
SOURCES: Mapping[str, Cases] = {**READERS, "photos": images.cases}
"""By name: an iterator of labels and functions for a seed."""


@dataclass
class Tally:
    """What became of the cases of a reader."""

    outcomes: Counter[str] = field(default_factory=Counter)
    memory: float = 0.0
    seconds: float = 0.0
    faults: list[str] = field(default_factory=list)

    def add(self, label: str, outcome: str, seconds: float, memory: float, error: str) -> None:
        """Count a case."""
        if outcome in OUTCOMES[:2] and (seconds > SECONDS or memory > MEMORY):
            outcome, error = "over limit", f"{memory:.0f} MB, {seconds:.1f} s"
        self.outcomes[outcome] += 1
        self.memory, self.seconds = max(self.memory, memory), max(self.seconds, seconds)
        if outcome in OUTCOMES[2:]:
            self.faults.append(f"{label}: {error}")


def peak() -> float:
    """The most memory that this process has had, MB."""
    status = Path("/proc/self/status")
    if status.exists():  # Linux, whose ru_maxrss begins with that of the process which started this one
        lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
        return float(lines["VmHWM"].split()[0]) / 1e3
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def attempt(run: object) -> tuple[str, float, str]:
    """Outcome, seconds and error of one case."""
    start = process_time()  # not of a clock: other work on the machine would enter
    try:
        run()  # type: ignore[operator]
        outcome, error = "read", ""
    except HeadshotError as found:
        outcome, error = "own error", str(found)
    except Exception as found:
        place = traceback.extract_tb(found.__traceback__)[-1]
        outcome = "other error"
        error = f"{type(found).__name__}: {found} ({Path(place.filename).name}, line {place.lineno})"
    return outcome, process_time() - start, error


def say(line: object) -> None:
    """Print a line of JSON for the process that watches."""
    print(json.dumps(line), file=_WATCHED, flush=True)


_WATCHED = sys.stdout
"""What libraries print of their own goes elsewhere, see `main`."""


def work(name: str, seed: int, first: int, count: int) -> None:
    """Run cases in this process, and print a line of JSON before and after each."""
    for label, run in islice(SOURCES[name](seed), first, first + count):
        say({"begin": label})
        outcome, seconds, error = attempt(run)
        say([label, outcome, seconds, peak(), error[:500]])


def work_large(name: str, file: Path) -> None:
    """Read one of the large files."""
    _, read = {**extremes.CLAIMS, **extremes.LARGE}[name]
    outcome, seconds, error = attempt(lambda: read(file))
    say([name, outcome, seconds, peak(), error[:500]])


def lines_of(command: list[str]) -> Iterator[object]:
    """What a process prints, line by line; ends where it dies, or is ended because it hangs."""
    child = subprocess.Popen(
        [sys.executable, __file__, *command], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    queue: Queue[str | None] = Queue()

    def listen() -> None:
        for line in child.stdout or ():
            queue.put(line)
        queue.put(None)

    Thread(target=listen, daemon=True).start()
    try:
        while (line := queue.get(timeout=HANGS)) is not None:
            yield json.loads(line)
    except Empty:
        return
    finally:
        child.kill()
        child.wait()


def tried(name: str, seed: int, count: int) -> Tally:
    """The cases of a reader, in as many processes as are needed."""
    tally, done = Tally(), 0
    while done < count:
        label, before = "", done
        for line in lines_of(
            ["--worker", name, "--seed", str(seed), "--first", str(done), "--cases", str(count - done)]
        ):
            if isinstance(line, dict):
                label = line["begin"]
                continue
            tally.add(*line)  # type: ignore[misc]
            done, label = done + 1, ""
            if line[3] > MEMORY:  # type: ignore[index]
                break  # the next process begins anew
        if label:
            tally.add(label, "other error", 0.0, 0.0, "the process died, or hung for two minutes")
            done += 1
        elif done == before:
            break  # there are no more cases
    return tally


def large() -> dict[str, Tally]:
    """Files at the limits."""
    found = {}
    for name, (maker, _) in {**extremes.CLAIMS, **extremes.LARGE}.items():
        with tempfile.TemporaryDirectory() as folder:
            file, tally = maker(Path(folder)), Tally()
            rows = list(lines_of(["--large", name, "--file", str(file)]))
        for row in rows or [(name, "other error", 0.0, 0.0, "the process died, or hung for two minutes")]:
            tally.add(*row)  # type: ignore[misc]
        found[name] = tally
        print(name, dict(tally.outcomes), f"{tally.memory:.0f} MB {tally.seconds:.1f} s", file=sys.stderr)
    return found


def rows_of(found: Mapping[str, Tally]) -> list[list[object]]:
    """Lines of the table."""
    out: list[list[object]] = []
    for name, tally in found.items():
        counts = [tally.outcomes[outcome] for outcome in OUTCOMES]
        out.append([name, sum(counts), *counts, round(tally.memory), tally.seconds])
    return out


def main() -> int:
    """Run all; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=400, help="of each reader")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--readers", nargs="*", help="only these")
    parser.add_argument("--publish", action="store_true", help="write docs/explanation/results/fuzzing.md")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    parser.add_argument("--large", help=argparse.SUPPRESS)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--first", type=int, default=0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker or options.large:
        sys.stdout = sys.stderr
    if options.worker:
        work(options.worker, options.seed, options.first, options.cases)
        return 0
    if options.large:
        work_large(options.large, options.file)
        return 0
    found: dict[str, Tally] = {}
    for name in options.readers if options.readers is not None else SOURCES:
        found[name] = tried(name, options.seed, options.cases)
        print(name, dict(found[name].outcomes), *found[name].faults[:5], sep="\n    ", file=sys.stderr)
    limits = large() if options.readers is None else {}
    header = ["", "cases", *OUTCOMES, "most memory, MB", "longest, s"]
    total = Counter[str]()
    for tally in (*found.values(), *limits.values()):
        total += tally.outcomes
    faults = [f"- {name}, {fault}" for name, t in {**found, **limits}.items() for fault in t.faults]
    parts = [
        f"{total.total():,} files: {', '.join(f'{total[outcome]:,} {outcome}' for outcome in OUTCOMES)}.",
        table(header, rows_of(found)),
        *([table(header, rows_of(limits))] if limits else []),
        *(["\n".join(faults)] if faults else []),
    ]
    if options.publish:
        publish(
            "fuzzing",
            "Damaged and malicious files",
            f"python benchmarks/fuzz.py --cases {options.cases} --seed {options.seed} --publish",
            ABOUT,
            *parts,
        )
    else:
        print("\n\n".join(parts))
    return int(bool(total["other error"] or total["over limit"]))


ABOUT = (
    "Every reader of files gets valid files with changes of bytes, of headers, of arrays and of JSON "
    "(`tests/fuzzing`), the same for the same seed. *Read*: the reader takes it, and what it gives is finite "
    "and points nowhere outside. *Own error*: refused with an error of `headshot.errors`, which names the "
    "file. *Over limit*: more than 600 MB for the whole process (about 100 MB of it Python and libraries), "
    "or more than ten seconds of the processor. The second table has the largest models that exist, the "
    "largest files that the [limits](../../reference/model-formats.md#limits) allow, and small files that "
    "claim to be large."
)

if __name__ == "__main__":
    sys.exit(main())
