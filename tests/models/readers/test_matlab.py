"""The reader of MATLAB files against SciPy's writer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from headshot.errors import ModelFormatError
from headshot.models.readers.matlab import read_mat

savemat = pytest.importorskip("scipy.io").savemat

CONTENT = {
    "double": np.arange(12.0).reshape(3, 4) / 7,
    "single": np.linspace(-1, 1, 30, dtype=np.float32).reshape(2, 3, 5),
    "bytes": np.arange(7, dtype=np.uint8).reshape(1, 7),
    "short": np.array([[1, -300, 32000]], np.int16),
    "long": np.array([[2**40]], np.int64),
    "mask": np.array([[True, False]]),
    "empty": np.zeros((0, 3)),
}


@pytest.mark.parametrize("compressed", [False, True])
def test_numbers(tmp_path: Path, compressed: bool) -> None:
    file = tmp_path / "a.mat"
    savemat(file, {"words": "text", "cell": np.array([1, "a"], object), **CONTENT}, do_compression=compressed)
    found = read_mat(file, (*CONTENT, "words", "cell", "absent"))
    assert set(found) == set(CONTENT)  # text and cells are left out
    for key, value in CONTENT.items():
        np.testing.assert_array_equal(found[key], value)
    assert found["single"].dtype == np.float32


def test_only_what_is_wanted(tmp_path: Path) -> None:
    savemat(tmp_path / "a.mat", CONTENT)
    assert set(read_mat(tmp_path / "a.mat", ("short",))) == {"short"}


@pytest.mark.parametrize("compressed", [False, True])
def test_damage_is_refused(tmp_path: Path, compressed: bool) -> None:
    file = tmp_path / "a.mat"
    savemat(file, CONTENT, do_compression=compressed)
    data = file.read_bytes()
    for end in (0, 100, 140, 200, len(data) // 2):
        file.write_bytes(data[:end])
        try:
            assert set(read_mat(file, tuple(CONTENT))) < set(CONTENT)  # complete variables may be read
        except ModelFormatError as error:
            assert str(file) in str(error)
    file.write_bytes(b"\x89HDF\r\n\x1a\n" + data)
    with pytest.raises(ModelFormatError, match="-v7"):
        read_mat(file, ("double",))
    with pytest.raises(ModelFormatError, match="cannot read"):
        read_mat(tmp_path / "missing.mat", ("double",))
