"""Sizes, places and errors of files, in one rule for all readers."""

from __future__ import annotations

import os
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest

from headshot.errors import HeadshotError, ModelFormatError, RecordError
from headshot.reading.bounds import Span, index_of, inside, open_regular, read_bytes, size_of
from headshot.reading.complaint import reading
from headshot.reading.documents import parse_json, read_table
from headshot.reading.inflate import RATIO, Inflated


@pytest.mark.parametrize(
    ("shape", "itemsize", "message"),
    [
        ((10**9, 3), 4, "of which 1000 are there"),
        ((-1,), 4, "impossible"),
        ((2**63, 2**63), 0, "are there"),
        ((20, 10), 4, "limit"),
    ],
)
def test_sizes_are_those_of_the_bytes_that_are_there(
    shape: tuple[int, ...], itemsize: int, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        size_of("x", shape, itemsize, there=1000, limit=500)
    assert size_of("x", (10, 10), 4, there=1000, limit=500) == 400


@pytest.mark.parametrize(
    "name",
    [
        "../a.jpg",
        "../../../../etc/passwd",
        "/etc/passwd",
        "a/../../b",
        "..",
        "",
        "a\0b",
        "C:\\a.jpg",
        "..\\a.jpg",
        "\\\\host\\a",
    ],
)
def test_names_lead_nowhere_else(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="does not lie in"):
        inside(tmp_path, name)


@pytest.mark.parametrize("name", ["a.jpg", "1/profile_01.jpg", "a/../b.jpg", "..a.jpg", "x..y/z"])
def test_names_below_the_folder_are_taken(name: str, tmp_path: Path) -> None:
    assert inside(tmp_path, name) == tmp_path / name


def test_indices_point_to_what_is_there() -> None:
    assert index_of("x", np.array([0, 2]), 3).dtype == np.int32
    for wrong in ([3], [-1], [np.nan], [2.0**40]):
        with pytest.raises(ValueError, match="there are 3"):
            index_of("x", np.array(wrong), 3)
    with pytest.raises(ValueError, match="shape"):
        index_of("x", np.zeros((2, 2), int), 3, (2, 3))
    with pytest.raises(ValueError, match="expected integers"):
        index_of("x", np.array(["a"]), 3)


def test_only_files_are_opened(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"12345")
    assert read_bytes(tmp_path / "a", 5) == b"12345"
    with pytest.raises(ValueError, match="limit"):
        open_regular(tmp_path / "a", 4)
    if sys.platform != "win32":
        os.mkfifo(tmp_path / "pipe")  # reading one would wait for ever
        with pytest.raises(ValueError, match="no regular file"):
            open_regular(tmp_path / "pipe", 4)


def test_a_stream_is_inflated_as_far_as_is_asked_for(tmp_path: Path) -> None:
    packed = zlib.compress(bytes(50_000_000))
    (tmp_path / "a").write_bytes(packed)
    with open_regular(tmp_path / "a", 1_000_000) as stream:
        source = Inflated(Span(stream, len(packed)))
        assert source.left <= RATIO * len(packed)
        assert source.read(10) == bytes(10)
        assert stream.tell() < len(packed) or len(packed) < 1 << 20
        with pytest.raises(ValueError, match="at most"):
            source.read(10**12)
        with pytest.raises(ValueError, match="too early"):
            source.skip(50_000_000)


@pytest.mark.parametrize(
    "raised",
    [
        IndexError("x"), KeyError("mean"), zlib.error("x"), UnicodeDecodeError("utf-8", b"\xff", 0, 1, "x"),
        FileNotFoundError(2, "no such file"), OverflowError("x"), MemoryError(), RecursionError(),
        RuntimeError("x"), TypeError("x"), AttributeError("x"), StopIteration(), ZeroDivisionError("x"),
    ],
    ids=lambda e: type(e).__name__,
)  # fmt: skip
def test_what_parsers_raise_becomes_an_error_of_the_package(raised: Exception) -> None:
    with (
        pytest.raises(ModelFormatError, match=r"a\.bin") as caught,
        reading("a.bin", "a model", ModelFormatError),
    ):
        raise raised
    assert caught.value.__cause__ is raised


def test_errors_of_the_package_go_through_and_name_the_file() -> None:
    with pytest.raises(RecordError), reading("a.bin", "a model", ModelFormatError):
        raise RecordError("another")
    with pytest.raises(ModelFormatError, match=r"^a\.bin: no mean$"), reading("a.bin", "x", ModelFormatError):
        raise ModelFormatError("no mean")
    with pytest.raises(HeadshotError, match=r"^b is a\.bin's$"), reading("a.bin", "x", HeadshotError):
        raise HeadshotError("b is a.bin's")
    with pytest.raises(KeyboardInterrupt), reading("a.bin", "x", HeadshotError):
        raise KeyboardInterrupt


def test_json_is_bounded_in_values_and_digits() -> None:
    assert parse_json('{"a": [1, 2.5, 999999999999999999999999999999]}') == {"a": [1, 2.5, 1e30]}
    with pytest.raises(ValueError, match="values"):
        parse_json(b"[" + b"[]," * 1_500_001 + b"0]")
    with pytest.raises(RecursionError):
        parse_json("[" * 100_000)
    with pytest.raises(UnicodeDecodeError):
        parse_json(b'"\xff"')


def test_tables_say_the_line(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(b"\xef\xbb\xbfimage,x\na.jpg,1\n\nb.jpg\n")
    assert list(read_table(file)) == [(2, {"image": "a.jpg", "x": "1"}), (4, {"image": "b.jpg"})]
    for content, message in (
        (b"image,x\na,1\nb,1,2\n", "line 3 has 3 cells"),
        (b"image,x\na,1\n\xff\xfe,2\n", "not UTF-8"),
        (b"image,x\na," + b"1" * 200_000, "line 2: field larger"),
        (b"x," * 3000, "3001 columns"),
        (b"", None),
    ):
        file.write_bytes(content)
        if message is None:
            assert not list(read_table(file))
            continue
        with pytest.raises(ValueError, match=message):
            list(read_table(file))
