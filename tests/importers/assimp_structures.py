"""Morph targets and colours of vertices from the structures of Assimp 5.4: assimp_py leaves them out."""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import Any

import numpy as np

_Vector = ctypes.POINTER(ctypes.c_float)


class _String(ctypes.Structure):
    _fields_ = [("length", ctypes.c_uint32), ("data", ctypes.c_char * 1024)]


class _AnimMesh(ctypes.Structure):
    _fields_ = [
        ("name", _String),
        ("vertices", _Vector),
        ("normals", _Vector),
        ("tangents", _Vector),
        ("bitangents", _Vector),
        ("colours", _Vector * 8),
        ("uv", _Vector * 8),
        ("num_vertices", ctypes.c_uint),
        ("weight", ctypes.c_float),
    ]


class _Mesh(ctypes.Structure):
    _fields_ = [
        ("primitive_types", ctypes.c_uint),
        ("num_vertices", ctypes.c_uint),
        ("num_faces", ctypes.c_uint),
        ("vertices", _Vector),
        ("normals", _Vector),
        ("tangents", _Vector),
        ("bitangents", _Vector),
        ("colours", _Vector * 8),
        ("uv", _Vector * 8),
        ("uv_components", ctypes.c_uint * 8),
        ("faces", ctypes.c_void_p),
        ("num_bones", ctypes.c_uint),
        ("bones", ctypes.c_void_p),
        ("material_index", ctypes.c_uint),
        ("name", _String),
        ("num_anim_meshes", ctypes.c_uint),
        ("anim_meshes", ctypes.POINTER(ctypes.POINTER(_AnimMesh))),
    ]


class _Scene(ctypes.Structure):
    _fields_ = [
        ("flags", ctypes.c_uint),
        ("root", ctypes.c_void_p),
        ("num_meshes", ctypes.c_uint),
        ("meshes", ctypes.POINTER(ctypes.POINTER(_Mesh))),
    ]


_Named = dict[str, np.ndarray]


def read_structures(
    file: Path, library: str
) -> list[tuple[np.ndarray | None, _Named, _Named, list[float], int]]:
    """Of each mesh: colours (V, 3); offsets and changes of normals (V, 3) by target; weights; bones."""
    assimp = ctypes.CDLL(library)
    assimp.aiImportFile.restype = ctypes.POINTER(_Scene)
    assimp.aiImportFile.argtypes = [ctypes.c_char_p, ctypes.c_uint]
    assimp.aiReleaseImport.argtypes = [ctypes.POINTER(_Scene)]
    assert (assimp.aiGetVersionMajor(), assimp.aiGetVersionMinor()) == (5, 4), "structures are those of 5.4"
    triangulate = 8
    scene = assimp.aiImportFile(str(file).encode(), triangulate)
    assert scene, f"Assimp did not open {file}"

    def vectors(pointer: Any, count: int, width: int = 3) -> np.ndarray:
        return np.ctypeslib.as_array(pointer, (count, width)).astype(np.float64)

    found = []
    for m in range(scene.contents.num_meshes):
        mesh = scene.contents.meshes[m].contents
        base = vectors(mesh.vertices, mesh.num_vertices)
        normals = vectors(mesh.normals, mesh.num_vertices) if mesh.normals else None
        targets, turned, weights = {}, {}, []
        for k in range(mesh.num_anim_meshes):
            morph = mesh.anim_meshes[k].contents
            assert morph.num_vertices == mesh.num_vertices
            name = morph.name.data.decode()
            targets[name] = vectors(morph.vertices, mesh.num_vertices) - base
            if normals is not None and morph.normals:
                turned[name] = vectors(morph.normals, mesh.num_vertices) - normals
            weights.append(morph.weight)
        colours = vectors(mesh.colours[0], mesh.num_vertices, 4)[:, :3] if mesh.colours[0] else None
        found.append((colours, targets, turned, weights, mesh.num_bones))
    assimp.aiReleaseImport(scene)
    return found
