"""Numeric arrays of MATLAB files (MAT-file levels 5 and 7), without SciPy.

"MAT-File Format", MathWorks, chapter 1: after a 128-byte header come data elements, each a type, a length
and a payload padded to 8 bytes; in level 7 every variable is one zlib stream around such an element. Only
what is asked for is read, real numeric and logical arrays; of everything else the first bytes. Files keep to
the rule of `headshot.reading`.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headshot.errors import HeadshotError, ModelFormatError
from headshot.reading.bounds import ENTRIES, MODEL_ARRAYS, MODEL_FILE, Span, open_regular, size_of
from headshot.reading.complaint import reading
from headshot.reading.inflate import Inflated

_NUMBERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
_CLASSES = {6: "f8", 7: "f4", 8: "i1", 9: "u1", 10: "i2", 11: "u2", 12: "i4", 13: "u4", 14: "i8", 15: "u8"}
_MATRIX, _COMPRESSED = 14, 15
_COMPLEX = 0x0800
_HEADER = 10_000  # bytes of the flags, the shape and the name of a variable


def read_mat(
    file: str | Path, wanted: tuple[str, ...], kind: type[HeadshotError] = ModelFormatError
) -> dict[str, NDArray[Any]]:
    """The named numeric variables of a MATLAB file; others are skipped, missing ones too.

    Args:
        file: level 5 or 7 (``save -v6`` or ``-v7``).
        wanted: names of variables.
        kind: of the error.

    Raises:
        ModelFormatError: the file cannot be read or is not such a file.
    """
    with reading(file, "a MATLAB file (level 5 or 7)", kind), open_regular(file, MODEL_FILE) as stream:
        begin = stream.read(128)
        if begin[:8] == b"\x89HDF\r\n\x1a\n" or begin[:10] == b"MATLAB 7.3":
            raise kind(f"{file} is a MATLAB 7.3 file: save it with `save('-v7', ...)` in MATLAB")
        if len(begin) < 128 or begin[126:] not in (b"IM", b"MI"):
            raise ValueError("it has no header of one")
        order = "<" if begin[126:] == b"IM" else ">"
        return _variables(Span(stream, Path(file).stat().st_size - 128), order, wanted)


def _variables(content: Span, order: str, wanted: tuple[str, ...]) -> dict[str, NDArray[Any]]:
    found: dict[str, NDArray[Any]] = {}
    room = MODEL_ARRAYS
    for _ in range(ENTRIES):
        if content.left < 8 or len(found) == len(wanted):
            return found
        kind, size = struct.unpack(order + "II", content.read(8))
        if size > content.left:
            raise ValueError(f"an element of {size} bytes has {content.left}")
        after = content.left - min(size if kind == _COMPRESSED else -(-size // 8) * 8, content.left)
        element: Span = content
        if kind == _COMPRESSED:
            element = Inflated(_Part(content, size))
            kind, size = struct.unpack(order + "II", element.read(8))
        if kind == _MATRIX:
            variable = _matrix(element, size, order, {name for name in wanted if name not in found}, room)
            if variable is not None:
                found[variable[0]] = variable[1]
                room -= variable[1].nbytes
        content.skip(content.left - after)
    raise ValueError(f"it has more than {ENTRIES:,} variables")


class _Part(Span):
    """The next bytes of a span, which are taken from it as they are read."""

    def __init__(self, whole: Span, length: int) -> None:
        self._whole, self.left = whole, length

    def read(self, count: int) -> bytes:
        """Exactly so many bytes; see `Span.read`."""
        if count > self.left:
            raise ValueError(f"{count} bytes are announced where {self.left} are left")
        self.left -= count
        return self._whole.read(count)


def _matrix(
    source: Span, size: int, order: str, wanted: set[str], room: int
) -> tuple[str, NDArray[Any]] | None:
    """Name and values of a matrix element, or None if it is not wanted or not a real numeric array.

    Args:
        source: what follows the element's tag.
        size: of the element, bytes.
        order: of bytes.
        wanted: names.
        room: bytes that an array may have.
    """
    if size > source.left:
        raise ValueError(f"a variable of {size} bytes has {source.left}")
    flags = struct.unpack(order + "I", _small(source, order)[1][:4])[0]
    shape = np.frombuffer(_small(source, order)[1], order + "i4").tolist()
    name = _small(source, order)[1].decode("latin-1")
    if name not in wanted or flags & 0xFF not in _CLASSES or flags & _COMPLEX:
        return None
    # MATLAB stores values in the smallest type that holds them, whatever the class of the array.
    stored, length, begin = _tag(source, order)
    if stored not in _NUMBERS:
        raise ValueError(f"{name} has the unknown number type {stored}")
    number, final = order + _NUMBERS[stored], _CLASSES[flags & 0xFF]
    size_of(name, shape, np.dtype(final).itemsize, there=np.inf, limit=room)
    if size_of(name, shape, np.dtype(number).itemsize, there=length, limit=room) != length:
        raise ValueError(f"{name} has {length} bytes for the shape {shape}")
    if begin is not None:
        values = np.frombuffer(begin, number)
    else:
        values = source.array(name, (length // np.dtype(number).itemsize,), number, room)
    if isinstance(source, Inflated):
        source.some(-length % 8 + 8)  # at the end of the stream the checksum is compared
    return name, values.astype(final, copy=not values.flags.writeable).reshape(shape, order="F")


def _tag(source: Span, order: str) -> tuple[int, int, bytes | None]:
    """Type and length of a part, and its content where that is in the tag itself."""
    tag = source.read(8)
    kind, size = struct.unpack(order + "II", tag)
    if kind >> 16:  # the length is in the upper half, up to 4 bytes follow at once
        return kind & 0xFFFF, min(kind >> 16, 4), tag[4 : 4 + min(kind >> 16, 4)]
    return kind, size, None


def _small(source: Span, order: str) -> tuple[int, bytes]:
    """Type and content of a part of the header."""
    kind, size, content = _tag(source, order)
    if content is not None:
        return kind, content
    if size > _HEADER:
        raise ValueError(f"a name or shape is said to take {size} bytes")
    return kind, source.read(-(-size // 8) * 8)[:size]
