"""Bones in a glTF file: nodes, a skin, and for each vertex the bones that move it.

Section numbers refer to the glTF 2.0 specification (Khronos, ISO/IEC 12113).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from headshot.arrays import Array
from headshot.export.gltf_buffer import METRES, VERTICES, GltfBuffer
from headshot.models.bones import Bones

_PER_VERTEX = 4  # bones of a vertex in one set of attributes (section 3.7.3.3)
_WHOLE = 255  # of a weight


def add_bones(document: dict[str, Any], buffer: GltfBuffer, bones: Bones, stored: Array) -> None:
    """Add bones below the first node; all meshes, which have `bone_attributes`, are moved by them.

    Nodes of skinned meshes are best at the top: what is above does not move them (section 3.7.3.3).

    Args:
        document: with its meshes.
        buffer: its binary side.
        bones: of the head.
        stored: (4, 4) turns positions as they are in the file into metres; skinned meshes heed no node.
    """
    nodes = document["nodes"]
    first = len(nodes)
    meshes = [number for number, node in enumerate(nodes) if "mesh" in node]
    for number in meshes:
        nodes[number] = {"name": nodes[number]["name"], "mesh": nodes[number]["mesh"], "skin": 0}
    nodes[0]["children"] = [first + j for j, parent in enumerate(bones.parents) if parent < 0]
    nodes += bone_nodes(bones, first)
    document["scenes"][0]["nodes"] = [0, *meshes]
    document["skins"] = [bone_skin(bones, buffer, first, stored)]


def bone_nodes(bones: Bones, first: int) -> list[dict[str, Any]]:
    """A node for each bone, at its place; they are numbered from ``first`` in the file."""
    places = bones.places.astype(np.float64) * float(METRES)
    nodes: list[dict[str, Any]] = []
    for name, parent, place in zip(bones.names, bones.parents, places, strict=True):
        moved = place if parent < 0 else place - places[parent]
        nodes.append({"name": name, "translation": moved.tolist()})
    for number, parent in enumerate(bones.parents):
        if parent >= 0:
            nodes[parent].setdefault("children", []).append(first + number)
    return nodes


def bone_skin(bones: Bones, buffer: GltfBuffer, first: int, stored: Array) -> dict[str, Any]:
    """The skin: which nodes are bones, and where they are when the head is at rest; see `add_bones`."""
    inverse = np.tile(np.eye(4), (len(bones.names), 1, 1))
    inverse[:, :3, 3] = -bones.places * METRES
    # Column by column (section 3.6.2.4).
    inverse = (inverse @ stored).transpose(0, 2, 1).astype(np.float32)
    return {
        "name": "Bones",
        "joints": [first + number for number in range(len(bones.names))],
        "skeleton": first + bones.parents.index(-1),
        "inverseBindMatrices": buffer.dense(inverse.reshape(-1, 16), "MAT4", None),
    }


def bone_attributes(bones: Bones, buffer: GltfBuffer) -> dict[str, int]:
    """JOINTS_0 and WEIGHTS_0: the four bones that move a vertex most, by shares of 255 that sum to it."""
    joints = np.argsort(-bones.weights, axis=1, kind="stable")[:, :_PER_VERTEX]
    shares = np.take_along_axis(bones.weights, joints, axis=1).astype(np.float64)
    shares *= _WHOLE / shares.sum(axis=1, keepdims=True)
    whole = np.floor(shares)
    # What rounding down leaves goes to the largest remainders (Hamilton's method).
    order = np.argsort(np.argsort(whole - shares, axis=1, kind="stable"), axis=1, kind="stable")
    whole += order < (_WHOLE - whole.sum(axis=1, keepdims=True)).round()
    joints[whole == 0] = 0  # section 3.7.3.3: unused joints are 0
    if joints.shape[1] < _PER_VERTEX:
        missing = ((0, 0), (0, _PER_VERTEX - joints.shape[1]))
        joints, whole = np.pad(joints, missing), np.pad(whole, missing)
    return {
        "JOINTS_0": buffer.dense(joints.astype(np.uint8), "VEC4", VERTICES),
        "WEIGHTS_0": buffer.dense(whole.astype(np.uint8), "VEC4", VERTICES, unit=True),
    }
