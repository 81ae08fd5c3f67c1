"""OBJ: positions, texture coordinates and polygons; groups and materials are left out.

"Object Files (.obj)", Wavefront, Advanced Visualizer, appendix B1.
"""

from __future__ import annotations

import re
from array import array
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from headshot.arrays import Array, Index, ReadOnly
from headshot.reading.bounds import MESH_FILE, MESH_TRIANGLES, MESH_VERTICES, read_bytes
from headshot.reading.polygons import fan

_LONGEST = 100_000  # bytes of a line
_LINE = re.compile(rb"^(v|vt|f)[ \t]+([^\r\n]*)", re.M)


@dataclass(frozen=True, eq=False, repr=False)
class ObjMesh(ReadOnly):
    """What an OBJ file holds.

    Attributes:
        vertices: (V, 3) in the file's unit.
        uv: (T, 2) origin at the bottom left.
        corners: (C,) vertices of all polygons, from 0.
        corners_uv: (C,) their texture coordinates, or None where a corner has none.
        sizes: (P,) corners of each polygon.
    """

    vertices: Array
    uv: Array
    corners: Index
    corners_uv: Index | None
    sizes: Index

    def triangles(self) -> tuple[Index, Index | None]:
        """Corners (F, 3) in vertices and in texture coordinates, polygons cut around their first corner."""
        own = None if self.corners_uv is None else fan(self.corners_uv, self.sizes)
        return fan(self.corners, self.sizes), own


def read_obj(file: str | Path) -> ObjMesh:
    """Read a file; see `parse_obj`."""
    return parse_obj(read_bytes(file, MESH_FILE))


def parse_obj(content: bytes) -> ObjMesh:
    """The mesh of an OBJ file.

    Raises:
        ValueError: a line holds no numbers, or there is more than the limits allow; the message says where.
    """
    numbers = {b"v": array("d"), b"vt": array("d")}
    corners, textured, sizes = array("q"), array("q"), array("q")
    most_numbers, most_corners = 6 * MESH_VERTICES, 3 * MESH_TRIANGLES
    for found in _LINE.finditer(content):
        kind = found[1]
        try:
            if found.end() - found.start() > _LONGEST:
                raise ValueError(f"it has more than {_LONGEST:,} characters")
            words = found[2].split()
            if kind == b"f":
                sizes.append(len(words))
                for word in words:
                    vertex, _, rest = word.partition(b"/")
                    corners.append(_counted(int(vertex), len(numbers[b"v"]) // 3))
                    if rest and rest[0] != 47:  # a slash: no texture coordinate, but a normal
                        textured.append(_counted(int(rest.partition(b"/")[0]), len(numbers[b"vt"]) // 2))
            else:
                width = 3 if kind == b"v" else 2
                values = [float(word) for word in words[:width]]
                if len(values) != width:
                    raise ValueError(f"{len(values)} numbers, expected {width}")
                numbers[kind].extend(values)
        except (ValueError, OverflowError) as error:
            line = content.count(b"\n", 0, found.start()) + 1
            raise ValueError(f"line {line}: {error}") from error
        if len(corners) > most_corners or len(numbers[b"v"]) + len(numbers[b"vt"]) > most_numbers:
            raise ValueError(
                f"it has more than {MESH_VERTICES:,} vertices or {MESH_TRIANGLES:,} triangles, the limits"
            )
    return ObjMesh(
        np.frombuffer(numbers[b"v"], np.float64).reshape(-1, 3),
        np.frombuffer(numbers[b"vt"], np.float64).reshape(-1, 2),
        np.frombuffer(corners, np.int64),
        np.frombuffer(textured, np.int64) if len(textured) == len(corners) else None,
        np.frombuffer(sizes, np.int64),
    )


def _counted(number: int, there: int) -> int:
    """A number from 1, or backwards from the last one, as a number from 0."""
    return number - 1 if number > 0 else there + number
