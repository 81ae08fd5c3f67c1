"""Arrays by name: npz files (a zip of NumPy's npy files) and safetensors.

npy: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html; safetensors: eight bytes of
length, a JSON header, and the numbers, https://github.com/huggingface/safetensors.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tokenize import TokenError
from typing import Any
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from headshot.reading.bounds import ARRAYS, ENTRIES, MB, PIECE, Span, open_regular, size_of
from headshot.reading.documents import parse_json
from headshot.reading.inflate import RATIO

FILE = 1000 * MB
_SMALLEST = 4  # bytes that an element counts at least: what follows computes in float32
_HEADER = 10_000  # bytes of an npy header
_NAMES = 1 * MB  # of a safetensors header
_TENSORS = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "U32": "<u4", "U8": "|u1"}


class ArrayFile(Mapping[str, NDArray[Any]]):
    """The arrays of an open file, each read when it is first asked for.

    Looking one up raises KeyError where there is none, and ValueError where it is larger than its bytes or
    all together are larger than the limit.
    """

    def __init__(self, readers: Mapping[str, Callable[[int], NDArray[Any]]], limit: int) -> None:
        """Readers take the bytes that are left of the limit."""
        self._readers, self._left = readers, limit
        self._found: dict[str, NDArray[Any]] = {}

    def __getitem__(self, name: str) -> NDArray[Any]:
        if name not in self._readers:
            raise KeyError(f"no array {name!r}")
        if name not in self._found:
            values = self._readers[name](self._left)
            self._left -= values.size * max(values.itemsize, _SMALLEST)
            self._found[name] = values
        return self._found[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._readers)

    def __len__(self) -> int:
        return len(self._readers)

    def __contains__(self, name: object) -> bool:
        return name in self._readers


@contextmanager
def open_arrays(file: str | Path, limit: int | None = ARRAYS) -> Iterator[ArrayFile]:
    """Open a file of arrays, safetensors by its name, otherwise npz.

    Args:
        file: where.
        limit: of all arrays that are looked up, bytes; None: no more than the file itself, for the caches of
            training, which are stored without compression.

    Raises:
        OSError, ValueError, BadZipFile: it is missing or something else.
    """
    path = Path(file)
    with open_regular(path, FILE if limit is not None else 1 << 62) as stream:
        if limit is None:
            limit = path.stat().st_size * _SMALLEST
        if path.suffix.lower() == ".safetensors":
            yield ArrayFile(_tensors(stream, path.stat().st_size), limit)
            return
        with ZipFile(_Pieces(io.FileIO(path))) as archive:
            yield ArrayFile(_members(archive, path.stat().st_size), limit)


class _Pieces(io.BufferedReader):
    """A file whose reads are a piece long at most, so that no header makes `zipfile` ask for more."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or size < 0:
            at = self.tell()
            size = self.seek(0, io.SEEK_END) - at
            self.seek(at)
        if size > PIECE:
            raise ValueError(f"its table of contents is said to take {size:,} bytes")
        return super().read(size)


def _members(archive: ZipFile, there: int) -> dict[str, Callable[[int], NDArray[Any]]]:
    entries = archive.infolist()
    if len(entries) > ENTRIES:
        raise ValueError(f"it holds {len(entries):,} arrays; the limit is {ENTRIES:,}")

    def reader(entry: ZipInfo) -> Callable[[int], NDArray[Any]]:
        return lambda limit: _member(archive, entry, there, limit)

    return {entry.filename.removesuffix(".npy"): reader(entry) for entry in entries}


def _member(archive: ZipFile, entry: ZipInfo, there: int, limit: int) -> NDArray[Any]:
    """The array of an entry."""
    name = entry.filename.removesuffix(".npy")[:200]
    ratio = {ZIP_STORED: 1, ZIP_DEFLATED: RATIO}.get(entry.compress_type)
    if ratio is None or entry.flag_bits & 1:
        raise ValueError(f"{name} is encrypted, or packed in a way that NumPy does not use")
    with archive.open(entry) as stream:
        try:
            shape, by_columns, kind = _header(stream)
        except (ValueError, EOFError, SyntaxError, TokenError) as error:  # NumPy reads headers as Python
            raise ValueError(f"{name}: {error}") from error
        most = ratio * min(entry.compress_size, there)
        size_of(name, shape, max(kind.itemsize, _SMALLEST), there=math.inf, limit=limit)
        size = size_of(name, shape, kind.itemsize, there=most, limit=limit)
        raw = np.empty(size, np.uint8)
        Span(stream, size).fill(raw)
        if stream.read(1):  # at the end the checksum is compared
            raise ValueError(f"{name} has more bytes than its shape {shape}")
    if not kind.itemsize:
        return np.zeros(shape, kind)
    return raw.view(kind).reshape(shape[::-1]).T if by_columns else raw.view(kind).reshape(shape)


def _header(stream: Any) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, whether by columns, and type of an npy file."""
    begin = stream.read(8)
    version = tuple(begin[6:])
    if begin[:6] != npy.MAGIC_PREFIX or version not in ((1, 0), (2, 0)):
        raise ValueError("it is no npy array of version 1 or 2")
    length = stream.read(2 if version == (1, 0) else 4)
    if int.from_bytes(length, "little") > _HEADER:
        raise ValueError("its header is too long for an array")
    text = io.BytesIO(length + stream.read(int.from_bytes(length, "little")))
    read: Any = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, by_columns, kind = read(text, max_header_size=_HEADER)
    if kind.names or kind.subdtype or kind.kind not in "biufSU":
        raise ValueError(f"arrays of {str(kind)[:100]} are not read")
    return shape, by_columns, kind


def _tensors(stream: Any, size: int) -> dict[str, Callable[[int], NDArray[Any]]]:
    length = int.from_bytes(stream.read(8), "little")
    if not 2 <= length <= min(_NAMES, size - 8):
        raise ValueError(f"its header is said to take {length:,} bytes")
    header = parse_json(stream.read(length))
    if not isinstance(header, dict) or len(header) > ENTRIES:
        raise ValueError(f"its header must name up to {ENTRIES:,} arrays")
    start = 8 + length

    def reader(name: str) -> Callable[[int], NDArray[Any]]:
        return lambda limit: _tensor(stream, name, header[name], start, size, limit)

    return {name: reader(name) for name in header if name != "__metadata__"}


def _tensor(stream: Any, name: str, entry: Any, start: int, end: int, limit: int) -> NDArray[Any]:
    if entry["dtype"] not in _TENSORS:
        raise ValueError(f"{name} has type {entry['dtype']}, expected one of {', '.join(_TENSORS)}")
    (first, last), shape, kind = entry["data_offsets"], entry["shape"], np.dtype(_TENSORS[entry["dtype"]])
    if not isinstance(first, int) or not isinstance(last, int) or not 0 <= first <= last <= end - start:
        raise ValueError(f"{name} does not fit into the file")
    size_of(name, shape, max(kind.itemsize, _SMALLEST), there=math.inf, limit=limit)
    if size_of(name, shape, kind.itemsize, there=last - first, limit=limit) != last - first:
        raise ValueError(f"{name} does not fit into the file: {last - first} bytes for the shape {shape}")
    stream.seek(start + first)
    return Span(stream, last - first).array(name, shape, _TENSORS[entry["dtype"]], limit)
