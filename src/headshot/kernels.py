"""Kernels: functions that Numba compiles, kept on disk where there is a place for them.

Numba keeps machine code beside the source, or in the user's cache folder, and refuses to compile at all where
neither can be written (a container with a read-only file system, a system user without a home). Then a folder
among temporary files serves, and where there is none either, or the disk is full, kernels are compiled at
every start, and a warning says why. A damaged cache is made anew.
"""

from __future__ import annotations

import os
import stat
import sys
import tempfile
import warnings
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numba
from numba.core import caching

from headshot.errors import HeadshotWarning

# Where Python's tempfile looks before it takes the current directory, which may be the user's photos.
_VARIABLES = ("TMPDIR", "TEMP", "TMP")
_PLACES = ("/tmp", "/var/tmp", "/usr/tmp")

_kernels: list[Any] = []
_warned = False


def njit(*, cache: bool = True, **options: Any) -> Callable[[Callable[..., Any]], Any]:
    """`numba.njit`, with a cache that may be missing.

    Args:
        cache: keep the machine code.
        options: of `numba.njit`.
    """

    def compiled(function: Callable[..., Any]) -> Any:
        kernel = numba.njit(**options)(function)
        if cache:
            kernel._cache = _cache_of(function)
            _kernels.append(kernel)
        return kernel

    return compiled


def kernels_are_cold() -> bool:
    """Whether most kernels of the modules imported so far will be compiled when they are first called.

    Most, not any: a kernel that the usual way of a photo does not call stays out of the cache.
    """
    cached = [isinstance(kernel._cache, _Cache) and kernel._cache.holds_some() for kernel in _kernels]
    return 2 * sum(cached) < len(cached)


def kernels_are_kept() -> bool:
    """Whether what is compiled now will be there at the next start."""
    return all(isinstance(kernel._cache, _Cache) and kernel._cache.enabled for kernel in _kernels)


class _Locator(caching._UserWideCacheLocator):  # type: ignore[misc]
    """Numba's place in the user's cache folder, unless the user has no home."""

    @classmethod
    def from_function(cls, py_func: Any, py_file: str) -> Any:
        try:
            found = cls(py_func, py_file)
            if not os.path.isabs(found.get_cache_path()):
                return None
            found.ensure_cache_path()
        except OSError:
            return None
        return found

    @classmethod
    def get_suitable_cache_subpath(cls, py_file: str) -> str:
        """A folder for the file's. PyInstaller unpacks a program of one file elsewhere at every start."""
        unpacked = getattr(sys, "_MEIPASS", None)
        if unpacked is not None:
            py_file = os.path.join(sys.executable, os.path.relpath(py_file, unpacked))
        return str(super().get_suitable_cache_subpath(py_file))


class _GivenLocator(_Locator):
    """A folder in ``NUMBA_CACHE_DIR``; in programs made by PyInstaller too, which have no source."""

    def __init__(self, py_func: Any, py_file: str) -> None:
        super().__init__(py_func, py_file)
        given = numba.config.CACHE_DIR
        if not given:
            raise OSError("NUMBA_CACHE_DIR is not set")
        self._cache_path = os.path.abspath(os.path.join(given, self.get_suitable_cache_subpath(py_file)))


class _TemporaryLocator(_Locator):
    """A folder of the user's own among temporary files."""

    def __init__(self, py_func: Any, py_file: str) -> None:
        super().__init__(py_func, py_file)
        self._cache_path = str(private_folder() / self.get_suitable_cache_subpath(py_file))


class _Place(caching.CompileResultCacheImpl):  # type: ignore[misc]
    """Where the code of a kernel is kept; the first that can be written."""

    _locator_classes = (_GivenLocator, caching._InTreeCacheLocator, _Locator, _TemporaryLocator)


class _Cache(caching.FunctionCache):  # type: ignore[misc]
    """Numba's cache, which costs time and not results where it fails."""

    _impl_class = _Place

    @property
    def enabled(self) -> bool:
        """Whether it is still written to."""
        return bool(self._enabled)

    def holds_some(self) -> bool:
        """Whether there is code of this version of the kernel."""
        try:
            return bool(self._cache_file._load_index())
        except Exception:  # damaged: whatever pickle raises
            return False

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            return super().load_overload(sig, target_context)
        except Exception:
            self._try(self.flush)
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        self._try(lambda: caching.FunctionCache.save_overload(self, sig, data))

    def _try(self, write: Callable[[], None]) -> None:
        """Write, and never again when that fails."""
        try:
            write()
        except OSError as error:
            self.disable()
            _warn(f"{self.cache_path} cannot be written ({error.strerror or error})")


def _cache_of(function: Callable[..., Any]) -> Any:
    try:
        return _Cache(function)
    except RuntimeError:  # Numba's "no locator available"
        _warn("neither the package, nor the user's cache folder, nor a temporary folder can be written")
        return caching.NullCache()


@lru_cache(maxsize=1)
def private_folder() -> Path:
    """A folder among temporary files that is the user's alone, since the machine code in it is run.

    Raises:
        OSError: there is no directory for temporary files, or somebody else has taken the name.
    """
    place = tempfile.gettempdir()
    if place == os.getcwd() and place not in _PLACES and place not in map(os.environ.get, _VARIABLES):
        raise OSError("there is no directory for temporary files but the current one")
    user = os.getuid() if hasattr(os, "getuid") else "user"
    folder = Path(place) / f"headshot-kernels-{user}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    private = stat.S_ISDIR(found.st_mode) and (os.name != "posix" or not found.st_mode & 0o077)
    if not private or (hasattr(os, "getuid") and found.st_uid != os.getuid()):
        raise OSError(f"{folder} is not this user's alone")
    return folder


def _warn(reason: str) -> None:
    """Once: what keeps one kernel from being kept mostly keeps all."""
    global _warned
    if not _warned:
        _warned = True
        warnings.warn(
            f"compiled kernels cannot be kept, so that every start compiles them again: {reason}; "
            "set NUMBA_CACHE_DIR to a folder that can be written",
            HeadshotWarning,
            stacklevel=2,
        )
