"""OBJ, PLY and GLB of any triangle mesh, with a texture or a colour per vertex, and morph targets.

For models of other formats than this project's own; the head's files are written by `headshot.export.obj`,
`headshot.export.ply` and `headshot.export.gltf`. Units and conventions are the same: millimetres in OBJ and
PLY, metres in GLB; x to the subject's left, y up, z out of the face.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headshot import __version__
from headshot.arrays import F32, I32, U8
from headshot.export.gltf import METRES, _Buffer, _container, encode_texture
from headshot.export.ply import binary_ply
from headshot.geometry.raster import vertex_normals
from headshot.image.colour import srgb_to_linear

_VERTICES, _INDICES = 34962, 34963


@dataclass(frozen=True, eq=False)
class PlainMesh:
    """A triangle mesh.

    Attributes:
        vertices: (V, 3) mm; triangles: (F, 3) counter-clockwise seen from outside.
        uv: (T, 2), origin at the top left; triangles_uv: (F, 3) indices into it; texture: (N, N, 3) uint8
            sRGB. All three or none.
        colours: (V, 3) uint8 sRGB, or None.
        targets: names of morph targets -> offsets (V, 3), mm; weights: their start values.
        comment: one line about source and terms, written into each file.
    """

    vertices: F32
    triangles: I32
    uv: F32 | None = None
    triangles_uv: I32 | None = None
    texture: U8 | None = None
    colours: U8 | None = None
    targets: dict[str, F32] = field(default_factory=dict)
    comment: str = ""


def plain_obj(mesh: PlainMesh, stem: str) -> dict[str, bytes]:
    """The OBJ, and with a texture its MTL and PNG, content by file name.

    Colours per vertex follow the coordinates, as MeshLab and Blender read them.
    """
    head = [f"# Headshot {__version__}: millimetres, x to the subject's left, y up, z out of the face"]
    if mesh.comment:
        head.append(f"# {mesh.comment}")
    vertices, row = mesh.vertices.astype(np.float64), "v %.4f %.4f %.4f"
    if mesh.colours is not None and mesh.texture is None:
        vertices, row = np.hstack([vertices, mesh.colours / 255.0]), row + " %.4f %.4f %.4f"
    files: dict[str, bytes] = {}
    corners = mesh.triangles + 1
    if mesh.texture is not None and mesh.uv is not None and mesh.triangles_uv is not None:
        head.append(f"mtllib {stem}.mtl")
        uv = np.stack([mesh.uv[:, 0], 1 - mesh.uv[:, 1]], axis=1)
        body = [_rows(row, vertices), _rows("vt %.6f %.6f", uv), "usemtl Face"]
        pairs = np.stack([corners, mesh.triangles_uv + 1], axis=-1).reshape(-1, 6)
        body.append(_rows("f %d/%d %d/%d %d/%d", pairs))
        files[f"{stem}.mtl"] = f"newmtl Face\nKd 1 1 1\nillum 1\nmap_Kd {stem}_texture.png\n".encode()
        files[f"{stem}_texture.png"] = encode_texture(mesh.texture, "png", 0)
    else:
        body = [_rows(row, vertices), _rows("f %d %d %d", corners)]
    return {f"{stem}.obj": ("\n".join([*head, "o Face", *body]) + "\n").encode(), **files}


def plain_ply(mesh: PlainMesh) -> bytes:
    """The binary PLY."""
    columns = dict(zip("xyz", mesh.vertices.T, strict=True))
    if mesh.colours is not None:
        columns |= zip(("red", "green", "blue"), mesh.colours.T, strict=True)
    return binary_ply(columns, mesh.triangles, mesh.comment)


def plain_glb(mesh: PlainMesh) -> bytes:
    """The GLB: one mesh, with morph targets at rest."""
    buffer = _Buffer()
    textured = mesh.texture is not None and mesh.uv is not None and mesh.triangles_uv is not None
    vertex, index, uv = np.arange(len(mesh.vertices)), mesh.triangles, None
    if textured:
        assert mesh.uv is not None and mesh.triangles_uv is not None
        # glTF has one index for all attributes: vertices are split where the texture has a seam.
        corner = mesh.triangles.astype(np.int64) * len(mesh.uv) + mesh.triangles_uv
        key, local = np.unique(corner, return_inverse=True)
        vertex, uv = key // len(mesh.uv), np.clip(mesh.uv[key % len(mesh.uv)], 0, 1).astype(np.float32)
        index = local.reshape(mesh.triangles.shape).astype(np.int32)
    positions = (mesh.vertices * METRES).astype(np.float32)
    normals = vertex_normals(positions, mesh.triangles)
    flat = np.linalg.norm(normals, axis=1) < 1e-6  # loose vertices; glTF allows no zero normals
    normals = np.where(flat[:, None], np.array([0, 0, 1], np.float32), normals)
    attributes = {
        "POSITION": buffer.dense(positions[vertex], "VEC3", _VERTICES, bounds=True),
        "NORMAL": buffer.dense(normals[vertex].astype(np.float32), "VEC3", _VERTICES),
    }
    material: dict[str, Any] = {"metallicFactor": 0.0, "roughnessFactor": 0.8}
    document: dict[str, Any] = {
        "asset": {"version": "2.0", "generator": f"Headshot {__version__}"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"name": "Face", "mesh": 0}],
    }
    if mesh.comment:
        document["asset"]["copyright"] = mesh.comment
    if textured and mesh.texture is not None and uv is not None:
        attributes["TEXCOORD_0"] = buffer.dense(uv, "VEC2", _VERTICES)
        view = buffer.view(encode_texture(mesh.texture, "jpeg", 92))
        document["images"] = [{"bufferView": view, "mimeType": "image/jpeg"}]
        document["samplers"] = [{"magFilter": 9729, "minFilter": 9987, "wrapS": 33071, "wrapT": 33071}]
        document["textures"] = [{"source": 0, "sampler": 0}]
        material["baseColorTexture"] = {"index": 0}
    elif mesh.colours is not None:
        # Vertex colours are linear in glTF (section 3.9.2), textures are sRGB.
        linear = srgb_to_linear(mesh.colours[vertex] / np.float32(255))
        attributes["COLOR_0"] = buffer.dense(linear.astype(np.float32), "VEC3", _VERTICES)
    primitive: dict[str, Any] = {
        "attributes": attributes,
        "indices": buffer.dense(index.astype(np.uint32).reshape(-1), "SCALAR", _INDICES),
        "material": 0,
    }
    entry: dict[str, Any] = {"name": "Face", "primitives": [primitive]}
    if mesh.targets:
        primitive["targets"] = [
            {
                "POSITION": buffer.dense(
                    (offset * METRES).astype(np.float32)[vertex], "VEC3", _VERTICES, bounds=True
                )
            }
            for offset in mesh.targets.values()
        ]
        entry["extras"] = {"targetNames": list(mesh.targets)}
        entry["weights"] = [0.0] * len(mesh.targets)
    document["meshes"] = [entry]
    document["materials"] = [{"name": "Face", "doubleSided": True, "pbrMetallicRoughness": material}]
    document["accessors"], document["bufferViews"] = buffer.accessors, buffer.views
    document["buffers"] = [{"byteLength": len(buffer.data)}]
    return _container(document, bytes(buffer.data))


def _rows(row: str, values: NDArray[Any]) -> str:
    """One line of text per row of an array."""
    return "\n".join([row] * len(values)) % tuple(values.ravel().tolist())
