"""Rows of a texture on several threads: the kernels release the interpreter lock."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from os import cpu_count


def in_rows(work: Callable[[tuple[int, int]], None], size: int, multiple: int = 1) -> None:
    """Call ``work((first, last + 1))`` for slices of ``size`` rows that start at multiples of ``multiple``.

    More slices than threads, because rows differ in what there is to do.
    """
    workers = min(4, cpu_count() or 1)
    blocks = -(-size // multiple)
    slices = min(blocks, 6 * workers)
    cuts = [min(size, multiple * (blocks * k // slices)) for k in range(slices + 1)]
    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(work, pairwise(cuts)))
