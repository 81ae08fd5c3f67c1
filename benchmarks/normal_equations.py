"""How long normal equations take: the kernel of `headshot.fitting.normal` beside NumPy's BLAS.

    python benchmarks/normal_equations.py

J J' and J r for the sizes that a fit of one photo has, all in single precision: landmarks (191 parameters,
956 equations), points of another network (159, 102), and colours (286, 30 blocks of 237, which are summed as
they are made). NumPy's BLAS with one thread, and with as many as it takes by itself. *Alone*: nothing else
runs here. *Two at once*: two threads of Python compute the same, as heads of two photos do at a time. *Busy*:
beside one other process for each core, which only counts. The ways take turns of a fifth of a second, twelve
each, so that what else the machine does meets all of them.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from threading import Barrier, Thread
from time import perf_counter

import numpy as np
from threadpoolctl import ThreadpoolController

from headshot.arrays import F32
from headshot.fitting.normal import NormalEquations
from report import publish, table

SECONDS, TURNS, LEAST = 0.2, 12, 3
SIZES = {
    "landmarks (191 × 956)": (191, [956]),
    "points (159 × 102)": (159, [102]),
    "colours (286 × 7,110)": (286, 30 * [237]),
}
WHY = (
    "With one thread BLAS is about as fast as the kernel, but a library cannot count on one: the limit "
    "holds for all of the program, threadpoolctl (3.8) ignores it without a word unless the thread of Python "
    "that sets it did so first, and it does not know Accelerate, the BLAS of macOS. Hence the "
    "kernel."
)
COUNT = "while True: pass"
BLAS = ThreadpoolController()

Equations = Sequence[tuple[F32, F32]]


def own(size: int, blocks: Equations) -> object:
    """With the kernel of this package."""
    sums = NormalEquations(size)
    for jacobian, residual in blocks:
        sums.add(jacobian, residual)
    return sums.result()


def blas(size: int, blocks: Equations) -> object:
    """With NumPy: products of a matrix with its own transpose, which it hands to SYRK."""
    hessian, gradient = np.zeros((size, size)), np.zeros(size)
    for jacobian, residual in blocks:
        hessian += jacobian @ jacobian.T
        gradient += jacobian @ residual
    return hessian, gradient


def times(work: Callable[[], object], threads: int) -> list[float]:
    """Milliseconds of each call, by so many threads at once."""
    found: list[float] = []
    start = Barrier(threads)

    def run() -> None:
        work()
        start.wait()
        calls: list[float] = []
        end = perf_counter() + SECONDS
        while perf_counter() < end or len(calls) < LEAST:
            begun = perf_counter()
            work()
            calls.append(1000 * (perf_counter() - begun))
        found.extend(calls)

    running = [Thread(target=run) for _ in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    return found


def set_threads(count: int) -> None:
    """Give BLAS so many threads from now on, in all of the program."""
    for library in BLAS.lib_controllers:
        if library.user_api == "blas":
            library.set_num_threads(count)


@contextmanager
def busy(processes: int) -> Iterator[None]:
    """Beside so many processes that never rest."""
    with ExitStack() as stack:
        for _ in range(processes):
            process = stack.enter_context(subprocess.Popen([sys.executable, "-c", COUNT]))
            stack.callback(process.kill)
        yield


def main() -> None:
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    rng = np.random.default_rng(1)
    cores = os.cpu_count() or 1
    conditions = (("alone", 1, 0), ("two at once", 2, 0), ("busy", 1, cores))
    ways = (
        ("own kernel", own, cores),
        ("BLAS, 1 thread", blas, 1),
        ("BLAS, its own threads", blas, cores),
    )
    rows: list[list[object]] = []
    for name, (size, lengths) in SIZES.items():
        # As the colours make them: the parameters of an equation are neighbours in memory.
        blocks = [
            (rng.normal(size=(n, size)).astype(np.float32).T, rng.normal(size=n).astype(np.float32))
            for n in lengths
        ]
        expected, _ = blas(size, blocks)
        np.testing.assert_allclose(own(size, blocks)[0], expected, atol=1e-3 * np.sqrt(expected.max()))
        found: dict[tuple[str, str], list[float]] = defaultdict(list)
        for condition, threads, others in conditions:
            with busy(others):
                for _ in range(TURNS):
                    for way, function, wide in ways:
                        set_threads(wide)
                        found[way, condition] += times(partial(function, size, blocks), threads)
        for way, _, _ in ways:
            shown: list[object] = [name, way, f"{min(found[way, 'alone']):.2f}"]
            for condition, _, _ in conditions:
                middle, high = np.percentile(found[way, condition], [50, 90])
                shown.append(f"{middle:.2f} ({high:.2f})")
            rows.append(shown)
    set_threads(cores)
    libraries = ", ".join(f"{lib.internal_api} {lib.version}" for lib in BLAS.lib_controllers)
    publish(
        "normal-equations",
        "How long normal equations take",
        "python benchmarks/normal_equations.py",
        __doc__.split("\n\n", 2)[2].strip(),
        WHY,
        f"Milliseconds: the shortest, then medians (and upper deciles). {libraries}.",
        table(["equations", "way", "shortest", *(name for name, _, _ in conditions)], rows),
    )


if __name__ == "__main__":
    main()
