"""Setting up Numba and ONNX Runtime: to run anywhere, offline, and to say when kernels must be compiled."""

from __future__ import annotations

import os
import stat
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def prepare() -> None:
    """What must happen before Numba or ONNX Runtime is first imported; again does no harm.

    Unless this variable is set, ONNX Runtime (seen in 1.31) keeps a device ID and reports of its use, meant
    for Microsoft, in the user's cache folder; its function ``disable_telemetry_events`` comes too late for
    that. Headshot works with people's photos and promises to stay offline.
    """
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    _ensure_cache()


def _ensure_cache() -> None:
    """Give Numba a folder for its cache where it would find none and refuse to import the kernels.

    Numba caches beside the source or in the user's home. Where neither can be written (a container with a
    system user, say), a folder in the directory for temporary files serves. The cache holds machine code, so
    that folder must be the user's alone.
    """
    places = (Path(__file__).parent, Path(os.path.expanduser("~")))
    if "NUMBA_CACHE_DIR" in os.environ or any(os.access(place, os.W_OK) for place in places):
        return
    user = os.getuid() if hasattr(os, "getuid") else "user"
    folder = Path(tempfile.gettempdir()) / f"headshot-kernels-{user}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    private = stat.S_ISDIR(found.st_mode) and (os.name != "posix" or not found.st_mode & 0o077)
    if not private or (hasattr(os, "getuid") and found.st_uid != os.getuid()):
        folder = Path(tempfile.mkdtemp(prefix="headshot-kernels-"))
    os.environ["NUMBA_CACHE_DIR"] = str(folder)


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
