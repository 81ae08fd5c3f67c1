from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from headshot.runtime import prepare

CHECK = """
import numpy as np
from headshot.geometry import raster
from headshot.runtime import kernels_are_cold
print(kernels_are_cold())
raster.vertex_normals(np.eye(3), [[0, 1, 2]])
xy = np.array([[0, 0], [9, 0], [0, 9]], np.float32)
found = raster.rasterise(xy, np.ones(3, np.float32), np.array([[0, 1, 2]], np.int32), 8, 8, cull=False)
raster.interpolate(found, np.ones((3, 1), np.float32), np.array([[0, 1, 2]], np.int32))
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


@pytest.fixture
def sealed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A system on which only the directory for temporary files can be written; it is returned."""
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setattr("headshot.runtime.os.access", lambda *_: False)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def cache(monkeypatch: pytest.MonkeyPatch) -> Path:
    prepare()
    folder = Path(os.environ["NUMBA_CACHE_DIR"])
    monkeypatch.delenv("NUMBA_CACHE_DIR")
    return folder


def test_a_private_cache_where_nothing_can_be_written(sealed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = cache(monkeypatch)
    assert folder.parent == sealed
    assert cache(monkeypatch) == folder
    if os.name == "posix":
        assert folder.stat().st_mode & 0o777 == 0o700


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_a_folder_that_others_can_write_is_not_used(sealed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = cache(monkeypatch)
    folder.chmod(0o777)
    other = cache(monkeypatch)
    assert other != folder
    assert other.stat().st_mode & 0o777 == 0o700


def test_usual_places_are_left_to_numba(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    prepare()
    assert "NUMBA_CACHE_DIR" not in os.environ
