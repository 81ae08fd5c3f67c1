"""HDF5 names no other files, and holds what it says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from headshot.errors import ModelFormatError
from headshot.models.readers import read_model
from headshot.reading.hdf5 import open_hdf5

h5py = pytest.importorskip("h5py")
SECRET = bytes(range(120))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "secret").write_bytes(SECRET)
    with h5py.File(tmp_path / "other.h5", "w") as out:
        out["secret"] = np.arange(30, dtype="f4")
    with h5py.File(tmp_path / "a.h5", "w") as out:
        out["shape/model/mean"] = np.arange(30, dtype="f4")
        out["basis"] = np.arange(12.0).reshape(4, 3)
        out.create_dataset(
            "packed", data=np.arange(40.0).reshape(8, 5), chunks=(3, 2), compression="gzip", shuffle=True
        )
        out["soft"] = h5py.SoftLink("shape/model")
        out["shape/up"] = h5py.SoftLink("../basis")
        out["circle"] = h5py.SoftLink("/circle")
        out["external"] = h5py.ExternalLink("other.h5", "secret")
        out["detour"] = h5py.SoftLink("/external")
        stored = [(str(tmp_path / "secret"), 0, len(SECRET))]
        out.create_dataset("stored", (30,), "f4", external=stored)
        layout = h5py.VirtualLayout((30,), "f4")
        layout[:] = h5py.VirtualSource("other.h5", "secret", (30,))
        out.create_virtual_dataset("virtual", layout)
        out.create_dataset("nothing", (10**9, 10), "f4", chunks=(100, 10), compression="gzip")
        out.create_dataset("unwritten", (10**6,), "f4")
        out["words"] = "Grüße"
        out.create_dataset("lzf", data=np.arange(10.0), compression="lzf")
    return tmp_path / "a.h5"


def test_numbers_text_and_links_within_the_file(file: Path) -> None:
    with open_hdf5(file) as source:
        np.testing.assert_array_equal(source.array("soft/mean"), np.arange(30))
        np.testing.assert_array_equal(source.columns("basis"), np.arange(12).reshape(4, 3).T)
        np.testing.assert_array_equal(source.columns("shape/up"), np.arange(12).reshape(4, 3).T)
        np.testing.assert_array_equal(source.columns("packed"), np.arange(40).reshape(8, 5).T)
        assert source.text("words") == "Grüße"
        assert "shape/model" in source and "shape/nobody" not in source and "basis/x" not in source


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("external", "another file"), ("detour", "another file"), ("stored", "another file"),
        ("virtual", "another file"), ("nothing", "are there"), ("unwritten", "are there"),
        ("circle", "link to link"), ("shape", "no data set"), ("words", "expected numbers"),
        ("lzf", "packed"),
    ],
)  # fmt: skip
def test_other_files_and_empty_promises_are_refused(file: Path, path: str, message: str) -> None:
    with open_hdf5(file) as source:
        for read in (source.array, source.columns):
            with pytest.raises(ValueError, match=message):
                read(path)


def test_a_model_with_its_numbers_elsewhere_is_refused(file: Path) -> None:
    with h5py.File(file, "r+") as out:
        for key in ("pcaVariance", "pcaBasis"):
            out[f"shape/model/{key}"] = h5py.ExternalLink("other.h5", "secret")
    with pytest.raises(ModelFormatError, match=r"a\.h5.*another file"):
        read_model(file)


def test_all_together_are_bounded(file: Path) -> None:
    with open_hdf5(file, limit=200) as source:
        source.array("shape/model/mean")
        with pytest.raises(ValueError, match="limit"):
            source.array("basis")
