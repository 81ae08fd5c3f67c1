"""Reading scans and other methods' meshes (OBJ, PLY, GLB) and the 3D landmarks beside them.

Small readers of what scans need: positions and triangles. Files keep to the rule of `headshot.reading`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headshot.arrays import Array, Index
from headshot.errors import HeadshotError
from headshot.evaluate.ply import parse_ply
from headshot.models.topologies import ibug68
from headshot.reading.bounds import (
    DOCUMENT,
    MESH_FILE,
    MESH_TRIANGLES,
    MESH_VERTICES,
    TEXT,
    read_bytes,
    require_at_most,
)
from headshot.reading.complaint import reading
from headshot.reading.documents import parse_json
from headshot.reading.glb import item, open_glb, view_of
from headshot.reading.obj import parse_obj
from headshot.reading.polygons import fan

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
    with reading(path, "landmarks", HeadshotError):
        as_json = path.suffix.lower() == ".json"
        text = read_bytes(path, DOCUMENT if as_json else TEXT).decode("utf-8", "replace")
        if as_json:
            content = parse_json(text)
            if isinstance(content, dict):
                content = content.get("views", [content])[0]
                content = next(content[k] for k in ("landmarks68", "landmarks", "points") if k in content)
            points = np.array(content, np.float64)
        else:
            rows = [re.split(r"[\s,;]+", line.strip(" \t,;")) for line in text.splitlines()]
            points = np.array([[float(v) for v in row] for row in rows if _three_numbers(row)], np.float64)
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
    readers = {".obj": _obj, ".ply": parse_ply, ".glb": _glb}
    if path.suffix.lower() not in readers:
        raise HeadshotError(f"{path}: meshes are read from {', '.join(readers)}; convert it to one of them")
    with reading(path, "a mesh", HeadshotError):
        vertices, triangles = readers[path.suffix.lower()](read_bytes(path, MESH_FILE))
    if len(triangles) == 0 or triangles.min() < 0 or triangles.max() >= len(vertices):
        raise HeadshotError(f"{path} has no triangles, or they point outside of its {len(vertices)} vertices")
    if not np.isfinite(vertices).all():
        raise HeadshotError(f"{path} has vertices that are not finite: clean the mesh")
    return vertices, triangles


def _obj(content: bytes) -> tuple[Array, Index]:
    mesh = parse_obj(content)
    return mesh.vertices, fan(mesh.corners, mesh.sizes)


_NODES, _PRIMITIVES = 10_000, 10_000
_GLTF_TYPES = {5120: "i1", 5121: "u1", 5122: "i2", 5123: "u2", 5125: "u4", 5126: "f4"}


def _glb(content: bytes) -> tuple[Array, Index]:
    scene, binary = open_glb(content)
    vertices, triangles, total, faces = [], [], 0, 0
    nodes = scene["nodes"]
    require_at_most(_NODES, nodes=len(nodes))
    stack: list[tuple[int, Array]] = []
    above: list[tuple[Any, Array]] = [(item(scene["scenes"], scene.get("scene", 0))["nodes"], np.eye(4))]
    for _ in range(len(nodes) + 1):
        children, parent = above.pop()
        if len(children) + len(stack) > len(nodes):
            raise ValueError("its nodes have several parents")
        stack += [(child, parent) for child in children]
        if not stack:
            break
        number, parent = stack.pop()
        node = item(nodes, number)
        matrix = parent @ _node_matrix(node)
        above.append((node.get("children", []), matrix))
        for primitive in item(scene["meshes"], node["mesh"])["primitives"] if "mesh" in node else []:
            if primitive.get("mode", 4) != 4:
                continue
            place = primitive["attributes"]["POSITION"]
            points = _accessor(scene, binary, place, "VEC3", MESH_VERTICES - total)
            index: Any = np.arange(len(points))[:, None]
            if "indices" in primitive:
                index = _accessor(scene, binary, primitive["indices"], "SCALAR", 3 * (MESH_TRIANGLES - faces))
            vertices.append(points @ matrix[:3, :3].T + matrix[:3, 3])
            triangles.append(index.astype(np.int64).reshape(-1, 3) + total)
            total += len(points)
            faces += len(triangles[-1])
            require_at_most(_PRIMITIVES, primitives=len(vertices))
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


def _accessor(scene: dict[str, Any], binary: memoryview, number: int, kind: str, most: int) -> NDArray[Any]:
    """The values (N, 1) or (N, 3) of an accessor: glTF 2.0, section 5.1; at most so many of them."""
    accessor = item(scene["accessors"], number)
    if "sparse" in accessor or "bufferView" not in accessor:
        raise ValueError("sparse positions and compressed meshes are not read; export without them")
    if accessor["type"] != kind:
        raise ValueError(f"accessor {number} is {accessor['type']}, expected {kind}")
    own = np.dtype("<" + _GLTF_TYPES[accessor["componentType"]])
    width = {"SCALAR": 1, "VEC3": 3}[kind]
    view = item(scene["bufferViews"], accessor["bufferView"])
    content = view_of(scene, binary, accessor["bufferView"])
    size, start, count = own.itemsize * width, accessor.get("byteOffset", 0), accessor["count"]
    stride = view.get("byteStride", size)
    if not all(isinstance(n, int) for n in (start, count, stride)) or start < 0 or count < 1 or stride < size:
        raise ValueError(f"accessor {number} has impossible numbers")
    if count > most:
        raise ValueError(f"accessor {number} has {count:,} values; the limit is {most:,}")
    if start + (count - 1) * stride + size > len(content):
        raise ValueError("the data is shorter than the file says")
    array: NDArray[Any] = np.ndarray((count, width), own, content, start, (stride, own.itemsize))
    return array.astype(np.float64) if kind == "VEC3" else array
