"""Reading scans and other methods' meshes (OBJ, PLY, GLB) and the 3D landmarks beside them.

Small readers of what scans need: positions and triangles. Files may be damaged or malicious: sizes are
checked, nothing is evaluated or unpickled.
"""

from __future__ import annotations

import json
import re
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headshot.arrays import Array, Index
from headshot.errors import HeadshotError
from headshot.models.topologies import ibug68

ENDINGS = (".obj", ".ply", ".glb")
LANDMARK_ENDINGS = (".txt", ".json", ".lm3")
# NoW's seven points in the iBUG order: corners of the eyes, below the nose, corners of the mouth.
SEVEN = (*ibug68.EYE_CORNERS, ibug68.SUBNASALE, *ibug68.MOUTH_CORNERS)
UNITS = {"mm": 1.0, "cm": 10.0, "m": 1000.0}
OUTER_EYES = (65.0, 125.0)  # mm between the outer corners of the eyes, from small children to large adults


@dataclass(frozen=True, eq=False)
class Shape:
    """A mesh with NoW's seven points.

    Attributes:
        vertices: (V, 3) mm.
        triangles: (F, 3).
        seven: (7, 3) mm: outer and inner corner of the right eye, inner and outer corner of the left eye,
            below the nose, right and left corner of the mouth. Right and left are the person's.
    """

    vertices: Array
    triangles: Index
    seven: Array


def read_shape(mesh: str | Path, landmarks: str | Path, unit: str | None = None) -> Shape:
    """Read a mesh and its landmarks, both in the same unit.

    Args:
        mesh: OBJ, PLY or GLB.
        landmarks: see `read_landmarks`.
        unit: "mm", "cm" or "m"; found from the distance of the eyes when None.

    Raises:
        HeadshotError: a file cannot be read, or the unit is not clear.
    """
    vertices, triangles = read_mesh(mesh)
    seven = read_landmarks(landmarks)
    factor = UNITS[unit] if unit else UNITS[find_unit(seven, str(landmarks))]
    return Shape(vertices * factor, triangles, seven * factor)


def find_unit(seven: Array, name: str = "the landmarks") -> str:
    """The unit in which the outer corners of the eyes are as far apart as a person's.

    Raises:
        HeadshotError: there is none.
    """
    distance = float(np.linalg.norm(seven[0] - seven[3]))
    for unit, factor in UNITS.items():
        if OUTER_EYES[0] <= distance * factor <= OUTER_EYES[1]:
            return unit
    raise HeadshotError(
        f"{name}: the eyes are {distance:.3g} apart, which is a person's in neither mm, cm nor m: "
        "check the order of the points, or say which with --unit"
    )


def read_landmarks(file: str | Path) -> Array:
    """NoW's seven points (7, 3) from a text (.txt, .lm3) or JSON file with 7, 51 or 68 of them.

    Text: lines with three numbers are points, others are ignored. JSON: a list of points, or an object with
    such a list under "landmarks68", "landmarks" or "points", or as Headshot writes it, with "landmarks68" in
    the first of its "views". 51 points are iBUG 17-67.
    """
    path = Path(file)
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
        if path.suffix.lower() == ".json":
            content = json.loads(text)
            if isinstance(content, dict):
                content = content.get("views", [content])[0]
                content = next(content[k] for k in ("landmarks68", "landmarks", "points") if k in content)
            points = np.array(content, np.float64)
        else:
            rows = [re.split(r"[\s,;]+", line.strip(" \t,;")) for line in text.splitlines()]
            points = np.array([[float(v) for v in row] for row in rows if _three_numbers(row)], np.float64)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, StopIteration) as error:
        raise HeadshotError(f"cannot read landmarks from {path}: {error!r}") from error
    index: dict[int, list[int]] = {7: list(range(7)), 51: [i - 17 for i in SEVEN], 68: list(SEVEN)}
    if points.ndim != 2 or points.shape[1] != 3 or len(points) not in index or not np.isfinite(points).all():
        raise HeadshotError(f"{path} must hold 7, 51 or 68 points with 3 numbers each, got {points.shape}")
    return points[index[len(points)]]


def _three_numbers(row: list[str]) -> bool:
    if len(row) != 3:
        return False
    try:
        return all(np.isfinite(float(value)) for value in row)
    except ValueError:
        return False


def read_mesh(file: str | Path) -> tuple[Array, Index]:
    """Vertices (V, 3) in the file's unit and triangles (F, 3).

    Raises:
        HeadshotError: the file cannot be read or has no triangles.
    """
    path = Path(file)
    readers = {".obj": _obj, ".ply": _ply, ".glb": _glb}
    if path.suffix.lower() not in readers:
        raise HeadshotError(f"{path}: meshes are read from {', '.join(readers)}; convert it to one of them")
    try:
        vertices, triangles = readers[path.suffix.lower()](path.read_bytes())
    except (OSError, ValueError, KeyError, IndexError, TypeError, struct.error) as error:
        raise HeadshotError(f"cannot read the mesh {path}: {error!r}") from error
    if len(triangles) == 0 or triangles.min() < 0 or triangles.max() >= len(vertices):
        raise HeadshotError(f"{path} has no triangles, or they point outside of its {len(vertices)} vertices")
    if not np.isfinite(vertices).all():
        raise HeadshotError(f"{path} has vertices that are not finite: clean the mesh")
    return vertices, triangles


def _fan(polygons: list[list[int]]) -> Index:
    """Triangles of polygons around their first corner."""
    out = [(p[0], p[i], p[i + 1]) for p in polygons for i in range(1, len(p) - 1)]
    return np.array(out, np.int64).reshape(-1, 3)


def _obj(content: bytes) -> tuple[Array, Index]:
    vertices: list[list[float]] = []
    polygons: list[list[int]] = []
    for line in content.decode("utf-8", errors="replace").splitlines():
        if line.startswith("v "):
            vertices.append([float(v) for v in line.split()[1:4]])
        elif line.startswith("f "):
            corners = [int(corner.split("/")[0]) for corner in line.split()[1:]]
            polygons.append([c - 1 if c > 0 else len(vertices) + c for c in corners])
    return np.array(vertices, np.float64).reshape(-1, 3), _fan(polygons)


_PLY_TYPES = {
    "char": "i1", "int8": "i1", "uchar": "u1", "uint8": "u1", "short": "i2", "int16": "i2", "ushort": "u2",
    "uint16": "u2", "int": "i4", "int32": "i4", "uint": "u4", "uint32": "u4", "float": "f4", "float32": "f4",
    "double": "f8", "float64": "f8",
}  # fmt: skip


def _ply(content: bytes) -> tuple[Array, Index]:
    head, separator, body = content.partition(b"end_header")
    if not separator or not head.startswith(b"ply"):
        raise ValueError("no PLY header")
    body = body[body.index(b"\n") + 1 :]
    elements: list[tuple[str, int, list[list[str]]]] = []
    form = "ascii"
    for words in (line.split() for line in head.decode("ascii", errors="replace").splitlines()):
        if words[:1] == ["format"]:
            form = words[1]
        elif words[:1] == ["element"]:
            elements.append((words[1], int(words[2]), []))
        elif words[:1] == ["property"]:
            elements[-1][2].append(words[1:])
    data = _ply_ascii(body, elements) if form == "ascii" else _ply_binary(body, elements, form)
    return data


def _ply_ascii(body: bytes, elements: list[tuple[str, int, list[list[str]]]]) -> tuple[Array, Index]:
    lines = body.decode("ascii", errors="replace").splitlines()
    vertices: Array = np.zeros((0, 3))
    polygons: list[list[int]] = []
    at = 0
    for name, count, properties in elements:
        rows = [line.split() for line in lines[at : at + count]]
        at += count
        if name == "vertex":
            names = [p[-1] for p in properties]
            column = [names.index(axis) for axis in "xyz"]
            vertices = np.array([[float(row[c]) for c in column] for row in rows], np.float64)
        elif name == "face":
            polygons = [[int(v) for v in row[1 : 1 + int(row[0])]] for row in rows]
    return vertices, _fan(polygons)


def _ply_binary(
    body: bytes, elements: list[tuple[str, int, list[list[str]]]], form: str
) -> tuple[Array, Index]:
    order = ">" if form == "binary_big_endian" else "<"
    vertices: Array = np.zeros((0, 3))
    triangles: Index = np.zeros((0, 3), np.int64)
    at = 0
    for name, count, properties in elements:
        lists = [p for p in properties if p[0] == "list"]
        if not lists:
            kind = np.dtype([(p[-1], order + _PLY_TYPES[p[0]]) for p in properties])
            rows = np.frombuffer(body, kind, count, at)
            at += count * kind.itemsize
            if name == "vertex":
                vertices = np.stack([rows[axis].astype(np.float64) for axis in "xyz"], axis=1)
            continue
        if name != "face" or len(properties) != 1:
            raise ValueError(f"lists in the element {name!r} are not read; save without extra attributes")
        size, index = (np.dtype(order + _PLY_TYPES[p]) for p in lists[0][1:3])
        plain = np.dtype([("n", size), ("v", index, (3,))])
        if len(body) >= at + count * plain.itemsize:
            rows = np.frombuffer(body, plain, count, at)
            if (rows["n"] == 3).all():
                triangles, at = rows["v"].astype(np.int64), at + count * plain.itemsize
                continue
        polygons = []
        for _ in range(count):
            n = int(np.frombuffer(body, size, 1, at)[0])
            polygons.append(np.frombuffer(body, index, n, at + size.itemsize).astype(int).tolist())
            at += size.itemsize + n * index.itemsize
        triangles = _fan(polygons)
    return vertices, triangles


_GLTF_TYPES = {5120: "i1", 5121: "u1", 5122: "i2", 5123: "u2", 5125: "u4", 5126: "f4"}


def _glb(content: bytes) -> tuple[Array, Index]:
    magic, version, _ = struct.unpack_from("<4sII", content)
    if magic != b"glTF" or version != 2:
        raise ValueError("no GLB of version 2")
    length, _ = struct.unpack_from("<I4s", content, 12)
    scene = json.loads(content[20 : 20 + length])
    binary = content[28 + length :]
    vertices, triangles, total = [], [], 0
    roots = scene["scenes"][scene.get("scene", 0)]["nodes"]
    stack: list[tuple[int, Array]] = [(node, np.eye(4)) for node in roots]
    for _ in range(len(scene["nodes"]) + 1):  # no more: a node has one parent
        if not stack:
            break
        number, parent = stack.pop()
        node = scene["nodes"][number]
        matrix = parent @ _node_matrix(node)
        stack += [(child, matrix) for child in node.get("children", [])]
        for primitive in scene["meshes"][node["mesh"]]["primitives"] if "mesh" in node else []:
            if primitive.get("mode", 4) != 4:
                continue
            points = _accessor(scene, binary, primitive["attributes"]["POSITION"]).reshape(-1, 3)
            vertices.append(points @ matrix[:3, :3].T + matrix[:3, 3])
            index: Any = np.arange(len(points))
            if "indices" in primitive:
                index = _accessor(scene, binary, primitive["indices"])
            triangles.append(np.asarray(index, np.int64).reshape(-1, 3) + total)
            total += len(points)
    return np.concatenate(vertices), np.concatenate(triangles)


def _node_matrix(node: dict[str, Any]) -> Array:
    if "matrix" in node:
        return np.array(node["matrix"], np.float64).reshape(4, 4).T
    x, y, z, w = node.get("rotation", (0, 0, 0, 1))
    rotation = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )
    matrix = np.eye(4)
    matrix[:3, :3] = rotation * np.array(node.get("scale", (1, 1, 1)))
    matrix[:3, 3] = node.get("translation", (0, 0, 0))
    return matrix


def _accessor(scene: dict[str, Any], binary: bytes, number: int) -> Array:
    accessor = scene["accessors"][number]
    if "sparse" in accessor or "bufferView" not in accessor:
        raise ValueError("sparse positions and compressed meshes are not read; export without them")
    view = scene["bufferViews"][accessor["bufferView"]]
    kind = np.dtype("<" + _GLTF_TYPES[accessor["componentType"]])
    width = {"SCALAR": 1, "VEC3": 3}[accessor["type"]]
    stride = view.get("byteStride", kind.itemsize * width)
    start = view.get("byteOffset", 0) + accessor.get("byteOffset", 0)
    count = accessor["count"]
    if start + (count - 1) * stride + kind.itemsize * width > len(binary):
        raise ValueError("the data is shorter than the file says")
    array: NDArray[np.generic] = np.ndarray((count, width), kind, binary, start, (stride, kind.itemsize))
    return array.astype(np.float64)
