"""Telling whether the compiled kernels are in Numba's cache, or have to be compiled first."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def kernels_are_cold() -> bool:
    """Whether most kernels of the modules imported so far will be compiled when they are first called.

    Most, not any: a kernel that the usual way of a photo does not call stays out of the cache. Numba keeps
    the machine code of a function beside an index file that is called after it and dates from after its
    source. There is no public way to ask, so the index files are looked for.
    """
    cached = [_is_cached(kernel) for kernel in _kernels()]
    return 2 * sum(cached) < len(cached)


def _kernels() -> Iterator[Any]:
    """Functions compiled by Numba in Headshot's modules."""
    for name, module in list(sys.modules.items()):
        if name.startswith("headshot."):
            for thing in vars(module).values():
                if getattr(thing, "__module__", None) == name and hasattr(thing, "nopython_signatures"):
                    yield thing


def _is_cached(kernel: Any) -> bool:
    folder, function = kernel.stats.cache_path, kernel.py_func
    if folder is None:  # compiled at every start
        return False
    code = function.__code__
    source = Path(code.co_filename)
    version = "{}{}".format(*sys.version_info)
    pattern = f"{source.stem}.{function.__qualname__}-{code.co_firstlineno}.py{version}*.nbi"
    written = [index.stat().st_mtime for index in Path(folder).glob(pattern)]
    return bool(written) and max(written) >= source.stat().st_mtime
