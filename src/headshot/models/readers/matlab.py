"""Numeric arrays of MATLAB files (MAT-file levels 5 and 7), without SciPy.

"MAT-File Format", MathWorks, chapter 1: after a 128-byte header come data elements, each a type, a length
and a payload padded to 8 bytes; in level 7 every variable is one zlib stream around such an element. Only
what face models hold is read: real numeric and logical arrays; everything else is left out. Lengths are
checked before anything is allocated.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headshot.errors import ModelFormatError

_NUMBERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
_CLASSES = {6: "f8", 7: "f4", 8: "i1", 9: "u1", 10: "i2", 11: "u2", 12: "i4", 13: "u4", 14: "i8", 15: "u8"}
_MATRIX, _COMPRESSED = 14, 15
_COMPLEX = 0x0800
_LARGEST = 4 << 30  # bytes of one variable


def read_mat(file: str | Path, wanted: tuple[str, ...]) -> dict[str, NDArray[Any]]:
    """The named numeric variables of a MATLAB file; others are skipped, missing ones too.

    Args:
        file: level 5 or 7 (``save -v6`` or ``-v7``).
        wanted: names of variables.

    Raises:
        ModelFormatError: the file cannot be read or is not such a file.
    """
    try:
        data = Path(file).read_bytes()
    except OSError as error:
        raise ModelFormatError(f"cannot read {file}: {error.strerror or error}") from error
    if data[:8] == b"\x89HDF\r\n\x1a\n" or data[:10] == b"MATLAB 7.3":
        raise ModelFormatError(f"{file} is a MATLAB 7.3 file: save it with `save('-v7', ...)` in MATLAB")
    if len(data) < 128 or data[126:128] not in (b"IM", b"MI"):
        raise ModelFormatError(f"{file} is not a MATLAB file (level 5 or 7), or it is damaged")
    order = "<" if data[126:128] == b"IM" else ">"
    found: dict[str, NDArray[Any]] = {}
    try:
        for kind, payload in _elements(memoryview(data)[128:], order):
            if kind == _COMPRESSED:
                inflated = zlib.decompressobj().decompress(payload, _LARGEST)
                kind, payload = next(_elements(memoryview(inflated), order))
            if kind == _MATRIX:
                variable = _matrix(payload, order, wanted)
                if variable is not None:
                    found[variable[0]] = variable[1]
            if len(found) == len(wanted):
                break
    except (zlib.error, struct.error, ValueError, StopIteration) as error:
        raise ModelFormatError(f"{file} is damaged: {error}") from error
    return found


def _elements(data: memoryview, order: str) -> Iterator[tuple[int, memoryview]]:
    """Types and payloads of the elements one after the other."""
    at = 0
    while at + 8 <= len(data):
        kind, size = struct.unpack(order + "II", data[at : at + 8])
        if kind >> 16:  # small element: the length is in the upper half, up to 4 bytes follow at once
            yield kind & 0xFFFF, data[at + 4 : at + 4 + min(kind >> 16, 4)]
            at += 8
            continue
        if size > len(data) - at - 8:
            raise ValueError(f"an element of {size} bytes at {at} reaches beyond the end")
        yield kind, data[at + 8 : at + 8 + size]
        at += 8 + (size if kind == _COMPRESSED else -(-size // 8) * 8)


def _matrix(data: memoryview, order: str, wanted: tuple[str, ...]) -> tuple[str, NDArray[Any]] | None:
    """Name and values of a matrix element, or None if it is not wanted or not a real numeric array."""
    parts = _elements(data, order)
    flags = struct.unpack(order + "I", next(parts)[1][:4])[0]
    shape = np.frombuffer(next(parts)[1], order + "i4").tolist()
    name = bytes(next(parts)[1]).decode("latin-1")
    if name not in wanted or flags & 0xFF not in _CLASSES or flags & _COMPLEX:
        return None
    stored, payload = next(parts)
    if stored not in _NUMBERS:
        raise ValueError(f"{name} has the unknown number type {stored}")
    # MATLAB stores values in the smallest type that holds them, whatever the class of the array.
    values = np.frombuffer(payload, order + _NUMBERS[stored])
    if any(n < 0 for n in shape) or values.size != np.prod(shape, dtype=object):
        raise ValueError(f"{name} has {values.size} values for the shape {shape}")
    return name, values.astype(_CLASSES[flags & 0xFF]).reshape(shape, order="F")
