"""npz and safetensors are read as NumPy and safetensors read them, and no further."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from headshot.reading.arrays import open_arrays

from ..fuzzing import containers

ARRAYS = {
    "half": np.linspace(0, 1, 7).astype(np.float16), "mask": np.array([[True], [False]]),
    "columns": np.asfortranarray(np.arange(12.0).reshape(3, 4)), "words": np.array(["a", "Grüße"]),
    "number": np.array(3), "nothing": np.zeros((0, 3)), "big": np.arange(4, dtype=">i4"),
    "large": np.arange(700_000, dtype=np.int32),
}  # fmt: skip


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_arrays_are_those_of_numpy(save: object, tmp_path: Path) -> None:
    save(tmp_path / "a.npz", **ARRAYS)  # type: ignore[operator]
    with open_arrays(tmp_path / "a.npz") as found:
        assert set(found) == set(ARRAYS) and "half" in found and "x" not in found
        for name, values in ARRAYS.items():
            np.testing.assert_array_equal(found[name], values)
            assert found[name].dtype == values.dtype and found[name] is found[name]
        with pytest.raises(KeyError, match="no array 'x'"):
            found["x"]


def test_all_arrays_together_are_bounded_at_four_bytes_a_number(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", a=np.zeros(1000, np.uint8), b=np.zeros(1000, np.uint8))
    with open_arrays(tmp_path / "a.npz", limit=7999) as found:
        found["a"]
        with pytest.raises(ValueError, match="limit"):
            found["b"]


@pytest.mark.parametrize(
    ("shape", "kind", "message"),
    [
        ((10**7,), "<f4", "are there"),
        ((3,), "<f8", "more bytes"),
        ((30,), "|O", "not read"),
        ((-1,), "<f4", "impossible"),
    ],
)
def test_headers_are_not_believed(shape: tuple[int, ...], kind: str, message: str, tmp_path: Path) -> None:
    content = containers.npz_announcing({"a": np.random.default_rng(0).random(30)}, "a", shape, kind)
    (tmp_path / "a.npz").write_bytes(content)
    with open_arrays(tmp_path / "a.npz") as found, pytest.raises(ValueError, match=message):
        found["a"]


def test_damage_shows_in_the_checksum(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", a=np.arange(1000))
    content = bytearray((tmp_path / "a.npz").read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "a.npz").write_bytes(content)
    with open_arrays(tmp_path / "a.npz") as found, pytest.raises(zipfile.BadZipFile, match="CRC"):
        found["a"]


def test_other_ways_of_packing_are_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("a.npy", b"x")
    with open_arrays(tmp_path / "a.npz") as found, pytest.raises(ValueError, match="packed"):
        found["a"]


def test_safetensors_stay_within_their_file(tmp_path: Path) -> None:
    arrays = {"a": np.arange(6.0).reshape(2, 3), "b": np.arange(4, dtype=np.int32)}
    (tmp_path / "a.safetensors").write_bytes(containers.safetensors(arrays))
    with open_arrays(tmp_path / "a.safetensors") as found:
        for name, values in arrays.items():
            np.testing.assert_array_equal(found[name], values)
    content = containers.safetensors(arrays).replace(b"[0, 48]", b"[-8,40]")
    (tmp_path / "a.safetensors").write_bytes(content)
    with open_arrays(tmp_path / "a.safetensors") as found, pytest.raises(ValueError, match="does not fit"):
        found["a"]
