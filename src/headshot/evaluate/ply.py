"""PLY, as text or binary: positions and polygons.

G. Turk, "The PLY Polygon File Format", 1994. Files keep to the rule of `headshot.reading`.
"""

from __future__ import annotations

import io
from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from headshot.arrays import Array, Index
from headshot.reading.bounds import MESH_TRIANGLES, MESH_VERTICES, require_at_most
from headshot.reading.polygons import fan

_TYPES = {
    "char": "i1", "int8": "i1", "uchar": "u1", "uint8": "u1", "short": "i2", "int16": "i2", "ushort": "u2",
    "uint16": "u2", "int": "i4", "int32": "i4", "uint": "u4", "uint32": "u4", "float": "f4", "float32": "f4",
    "double": "f8", "float64": "f8",
}  # fmt: skip
_FORMATS = {"ascii": "", "binary_little_endian": "<", "binary_big_endian": ">"}
_HEADER, _ELEMENTS, _PROPERTIES = 100_000, 100, 1000
_MOST = {"vertex": MESH_VERTICES, "face": MESH_TRIANGLES}


@dataclass(frozen=True)
class _Element:
    """A table: its name, number of rows, and the words of each property's line."""

    name: str
    count: int
    properties: list[list[str]]

    def row(self, order: str) -> np.dtype[np.void]:
        """The type of its rows, of properties without lists."""
        if not self.properties:
            raise ValueError(f"the element {self.name!r} has no properties")
        return np.dtype([(p[-1], order + _TYPES[p[0]]) for p in self.properties])


def parse_ply(content: bytes) -> tuple[Array, Index]:
    """Vertices (V, 3) in the file's unit and triangles (F, 3).

    Raises:
        ValueError, LookupError: it is no PLY, or it is damaged or too large.
    """
    end = content.find(b"end_header", 0, _HEADER)
    start = content.find(b"\n", end) + 1
    if not content.startswith(b"ply") or end < 0 or not start:
        raise ValueError("it has no PLY header")
    form, elements = _header(content[:end].decode("ascii"))
    body = memoryview(content)[start:]
    vertices: Array = np.zeros((0, 3))
    triangles: Index = np.zeros((0, 3), np.int64)
    # A row has at least a byte, and in text a line break.
    require_at_most(len(body) + 1, **{"rows": sum(element.count for element in elements)})
    lines = io.BytesIO(content)
    lines.seek(start)
    for element in elements:
        require_at_most(_MOST.get(element.name, len(body)), **{element.name: element.count})
        if form == "ascii":
            rows = islice(lines, element.count)
            if element.name == "vertex":
                vertices = _vertex_lines(rows, element)
            elif element.name == "face":
                triangles = _face_lines(rows, element)
            else:
                for _ in rows:
                    pass
            continue
        lists = [p for p in element.properties if p[0] == "list"]
        if not lists:
            kind = element.row(_FORMATS[form])
            table = np.frombuffer(body, kind, element.count)
            body = body[table.nbytes :]
            if element.name == "vertex":
                vertices = np.stack([table[axis].astype(np.float64) for axis in "xyz"], axis=1)
        elif element.name == "face" and len(element.properties) == 1:
            size, index = (np.dtype(_FORMATS[form] + _TYPES[p]) for p in lists[0][1:3])
            if "f" in size.kind + index.kind:
                raise ValueError("its faces must be integers")
            triangles, body = _faces(body, element.count, size, index)
        else:
            raise ValueError(f"lists in the element {element.name!r} are not read; save without more of them")
    return vertices, triangles


def _header(text: str) -> tuple[str, list[_Element]]:
    """Format and elements."""
    elements: list[_Element] = []
    form = ""
    for words in (line.split() for line in text.splitlines()):
        if words[:1] == ["format"]:
            form = words[1]
        elif words[:1] == ["element"]:
            count = int(words[2])
            if count < 0:
                raise ValueError(f"the element {words[1]!r} has {count} rows")
            elements.append(_Element(words[1], count, []))
        elif words[:1] == ["property"]:
            elements[-1].properties.append(words[1:])
            require_at_most(_PROPERTIES, properties=len(elements[-1].properties))
    require_at_most(_ELEMENTS, elements=len(elements))
    if form not in _FORMATS:
        raise ValueError(f"its format {form!r} is none of {', '.join(_FORMATS)}")
    return form, elements


def _vertex_lines(rows: Iterable[bytes], element: _Element) -> Array:
    names = [p[-1] for p in element.properties]
    columns = [names.index(axis) for axis in "xyz"]
    out = array("d")
    for number, row in enumerate(rows, start=1):
        words = row.split()
        try:
            out.extend([float(words[c]) for c in columns])
        except (ValueError, IndexError) as error:
            raise ValueError(f"vertex {number}: {error}") from error
    if len(out) != 3 * element.count:
        raise ValueError(f"it has {len(out) // 3} lines of {element.count} vertices")
    return np.frombuffer(out, np.float64).reshape(-1, 3)


def _face_lines(rows: Iterable[bytes], element: _Element) -> Index:
    corners, sizes = array("q"), array("q")
    for number, row in enumerate(rows, start=1):
        words = row.split()
        try:
            size = int(words[0])
            found = [int(word) for word in words[1 : 1 + size]]
            corners.extend(found)
        except (ValueError, IndexError, OverflowError) as error:
            raise ValueError(f"face {number}: {error}") from error
        if size != len(found) or size < 3:
            raise ValueError(f"face {number} has {len(found)} corners and says {size}")
        sizes.append(size)
        if len(corners) > 3 * MESH_TRIANGLES:
            raise ValueError(f"it has more than {MESH_TRIANGLES:,} triangles, the limit")
    if len(sizes) != element.count:
        raise ValueError(f"it has {len(sizes)} lines of {element.count} faces")
    return fan(np.frombuffer(corners, np.int64), np.frombuffer(sizes, np.int64))


def _faces(
    body: memoryview, count: int, size: np.dtype[np.integer], index: np.dtype[np.integer]
) -> tuple[Index, memoryview]:
    """Triangles of binary lists of corners, and what follows them."""
    if not count:
        return np.zeros((0, 3), np.int64), body
    first = int(np.frombuffer(body, size, 1)[0])
    if 3 <= first <= 3 * MESH_TRIANGLES:
        equal = np.dtype([("n", size), ("v", index, (first,))])
        if count * equal.itemsize <= len(body):
            table = np.frombuffer(body, equal, count)
            if (table["n"] == first).all():
                corners = table["v"].reshape(-1)
                return fan(corners, np.full(count, first)), body[table.nbytes :]
    return _mixed_faces(body, count, size, index)


def _mixed_faces(
    body: memoryview, count: int, size: np.dtype[np.integer], index: np.dtype[np.integer]
) -> tuple[Index, memoryview]:
    """The same of polygons with different numbers of corners."""
    at, total, sizes, starts = 0, 0, array("q"), array("q")
    signed, order = size.kind == "i", "big" if size.byteorder == ">" else "little"
    for number in range(1, count + 1):
        corners = int.from_bytes(body[at : at + size.itemsize], order, signed=signed)  # type: ignore[arg-type]
        at += size.itemsize
        starts.append(at)
        at += corners * index.itemsize
        if corners < 3 or at > len(body):
            raise ValueError(f"face {number} has {corners} corners, and {len(body)} bytes are there for all")
        total += corners
        sizes.append(corners)
    require_at_most(3 * MESH_TRIANGLES, corners=total)
    raw = np.frombuffer(body, np.uint8)
    length = np.frombuffer(sizes, np.int64)
    begin = np.repeat(np.frombuffer(starts, np.int64), length)
    begin += index.itemsize * (np.arange(total) - np.repeat(np.cumsum(length) - length, length))
    corner_bytes = np.stack([raw[begin + k] for k in range(index.itemsize)], axis=1)
    found: NDArray[np.integer] = corner_bytes.reshape(-1).view(index)
    return fan(found.astype(np.int64), length), body[at:]
