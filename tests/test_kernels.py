"""Kernels are compiled everywhere, and kept where that is possible."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from numba.core import caching

import headshot
from headshot import kernels
from headshot.errors import HeadshotWarning

CHECK = """
import numpy as np
from headshot.geometry import raster
from headshot.kernels import kernels_are_cold
print(kernels_are_cold())
raster.vertex_normals(np.eye(3), [[0, 1, 2]])
xy = np.array([[0, 0], [9, 0], [0, 9]], np.float32)
found = raster.rasterise(xy, np.ones(3, np.float32), np.array([[0, 1, 2]], np.int32), 8, 8, cull=False)
raster.interpolate(found, np.ones((3, 1), np.float32), np.array([[0, 1, 2]], np.int32))
"""
# A system on which nothing can be written, on any platform and for root too.
READ_ONLY = """
from numba.core import caching
def refuse(self): raise OSError(30, "Read-only file system")
caching._CacheLocator.ensure_cache_path = refuse
"""


def test_cold_once(tmp_path: Path) -> None:
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}

    def run() -> str:
        done = subprocess.run(
            [sys.executable, "-c", CHECK], env=environment, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    assert run() == "True"
    assert run() == "False"


def test_where_nothing_can_be_written_a_warning_says_so_once() -> None:
    done = subprocess.run(
        [sys.executable, "-c", READ_ONLY + CHECK], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "True"
    assert done.stderr.count("cannot be kept") == 1
    assert "NUMBA_CACHE_DIR" in done.stderr


def test_the_command_says_it_too_and_not_that_it_is_slow_only_once(photos: Path, tmp_path: Path) -> None:
    blank = tmp_path / "blank.png"
    from PIL import Image

    Image.new("RGB", (64, 64), (90, 120, 200)).save(blank)
    script = READ_ONLY + "from headshot.apps.cli.main import main; main()"
    command = [sys.executable, "-c", script, "reconstruct", str(blank), "-o", str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = done.stderr.splitlines()
    assert [line[:60] for line in lines] == [
        "headshot: warning: compiled kernels cannot be kept, so that ",
        "headshot: no face found in blank.png: use a photo in which t",
    ]


@pytest.fixture
def warned(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[warnings.WarningMessage]]:
    """Warnings of the test, the first of this process as far as kernels know."""
    monkeypatch.setattr(kernels, "_warned", False)
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        yield found


@pytest.fixture
def sealed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A system on which only the directory for temporary files can be written; it is returned."""
    usual = caching._CacheLocator.ensure_cache_path

    def ensure(self: Any) -> None:
        if not Path(self.get_cache_path()).is_relative_to(tmp_path):
            raise OSError(errno.EROFS, "Read-only file system")
        usual(self)

    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setattr(caching._CacheLocator, "ensure_cache_path", ensure)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    kernels.private_folder.cache_clear()
    yield tmp_path
    kernels.private_folder.cache_clear()


def doubled() -> Any:
    """A kernel."""

    @kernels.njit(cache=True)
    def double(x: float) -> float:
        return 2 * x

    return double


@pytest.fixture(autouse=True)
def forget(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernels of these tests are none of the package's."""
    monkeypatch.setattr(kernels, "_kernels", [])


def test_a_private_folder_among_temporary_files(sealed: Path, warned: list[warnings.WarningMessage]) -> None:
    assert doubled()(4.0) == 8
    folder = kernels.private_folder()
    assert folder.parent == sealed and list(folder.rglob("*.nbi"))
    if os.name == "posix":
        assert folder.stat().st_mode & 0o777 == 0o700
    again = doubled()
    assert again(4.0) == 8 and again.stats.cache_hits
    assert not kernels.kernels_are_cold() and kernels.kernels_are_kept() and not warned


def test_programs_made_by_pyinstaller_keep_kernels_wherever_they_are_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("numba.config.CACHE_DIR", str(tmp_path / "given"))
    places = []
    for unpacked in (tmp_path / "_MEI1", tmp_path / "_MEI2"):
        monkeypatch.setattr(sys, "_MEIPASS", str(unpacked), raising=False)
        there = [str(unpacked / "headshot" / part / "crop.py") for part in ("image", "texture")]
        places.append([kernels._GivenLocator.from_function(doubled, file).get_cache_path() for file in there])
    assert places[0] == places[1] and places[0][0] != places[0][1]
    assert all(Path(place).is_relative_to(tmp_path / "given") for place in places[0])


def no_directory() -> str:
    raise FileNotFoundError("No usable temporary directory found")


@pytest.mark.parametrize("current", [False, True])
def test_without_temporary_files(
    sealed: Path, warned: list[warnings.WarningMessage], monkeypatch: pytest.MonkeyPatch, current: bool
) -> None:
    monkeypatch.setattr(tempfile, "gettempdir", (lambda: os.getcwd()) if current else no_directory)
    for name in kernels._VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(sealed)  # where Python looks last: among the user's files
    assert doubled()(4.0) == doubled()(4.0) == 8
    assert kernels.kernels_are_cold() and not kernels.kernels_are_kept()
    assert [w.category for w in warned] == [HeadshotWarning]
    assert not list(sealed.iterdir())


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_a_folder_that_others_can_write_is_not_used(
    sealed: Path, warned: list[warnings.WarningMessage]
) -> None:
    kernels.private_folder().chmod(0o777)
    kernels.private_folder.cache_clear()
    assert doubled()(4.0) == 8
    assert not list(sealed.rglob("*.nb*")) and len(warned) == 1


def test_a_full_disk(
    sealed: Path, warned: list[warnings.WarningMessage], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(caching.IndexDataCacheFile, "save", full)
    double = doubled()
    assert double(4.0) == 8 and double(4) == 8
    assert not kernels.kernels_are_kept()
    assert len(warned) == 1 and "No space left" in str(warned[0].message)


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-9])


@pytest.mark.parametrize("damage", [cut, lambda file: file.write_bytes(b"")])
@pytest.mark.parametrize("ending", ["nbi", "nbc"])
def test_a_damaged_cache_is_made_anew(
    sealed: Path, warned: list[warnings.WarningMessage], ending: str, damage: Callable[[Path], None]
) -> None:
    assert doubled()(4.0) == 8
    (file,) = sealed.rglob(f"*.{ending}")
    damage(file)
    assert doubled()(4.0) == 8
    again = doubled()
    assert again(4.0) == 8 and again.stats.cache_hits
    assert not warned


def test_no_kernel_goes_without() -> None:
    """Numba's own decorator refuses to compile where it cannot keep the code."""
    package = Path(headshot.__file__).parent
    wrong = [
        file.relative_to(package)
        for file in package.rglob("*.py")
        if "from numba import" in file.read_text(encoding="utf-8")
    ]
    assert not wrong
