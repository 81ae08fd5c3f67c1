"""GLB: the head as glTF 2.0 with the 52 ARKit expressions as morph targets.

The file holds one scene with a node "Head" and a mesh child per part (`NODES`). All meshes carry the same 52
morph targets in the same order, named in ``extras.targetNames``, so that a viewer can drive them together.
Positions are metres in the head frame, which has the axes that glTF asks for: y up, +z out of the face.

Section numbers refer to the glTF 2.0 specification (Khronos, ISO/IEC 12113).
"""

from __future__ import annotations

import io
import json
import struct
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from headshot import __version__
from headshot.arrays import F32, U8
from headshot.export.settings import ExportSettings
from headshot.geometry.raster import vertex_normals

if TYPE_CHECKING:
    from headshot.models.head_model import HeadModel
    from headshot.pipeline import Reconstruction

METRES = np.float32(1e-3)  # per millimetre

# Node name -> parts of the head model.
NODES = {
    "Face": ("skin",),
    "Mouth": ("mouth",),
    "Teeth": ("teeth_upper", "teeth_lower"),
    "Tongue": ("tongue",),
    "EyeLeft": ("eye_left",),
    "EyeRight": ("eye_right",),
}
# Material name -> roughness, colour without a texture (linear), double-sided. One looks into the open neck.
MATERIALS: dict[str, tuple[float, tuple[float, float, float], bool]] = {
    "Skin": (0.65, (0.56, 0.42, 0.36), True),
    "Mouth": (0.45, (0.35, 0.12, 0.11), False),
    "Teeth": (0.3, (0.75, 0.70, 0.62), False),
    "Eye": (0.15, (0.66, 0.65, 0.64), False),
}
NODE_MATERIAL = {
    "Face": "Skin",
    "Mouth": "Mouth",
    "Teeth": "Teeth",
    "Tongue": "Mouth",
    "EyeLeft": "Eye",
    "EyeRight": "Eye",
}

# Changes below these are not stored.
_STILL = 5e-6  # metres
_STILL_NORMAL = 0.02  # of a unit normal: about one degree

_FLOAT = 5126
_COMPONENT = {np.float32: _FLOAT, np.uint16: 5123, np.uint32: 5125}
_VERTICES, _INDICES = 34962, 34963  # bufferView targets


def glb(head: Reconstruction, settings: ExportSettings | None = None) -> bytes:
    """The GLB file of a reconstruction.

    The base mesh is the person without expression. The photo's own ARKit weights are in the extras of the
    node "Head", and are the meshes' start weights if ``settings.expression`` is "photo".
    """
    options = settings or ExportSettings()
    model, pixels = head.model, options.texture_pixels(head)
    buffer = _Buffer()
    neutral = head.neutral_vertices * METRES
    shapes = model.expressions(head.identity) * (np.float32(head.scale) * METRES)
    normals = _unit(vertex_normals(neutral, model.triangles))
    morphs = [_Morphs("POSITION", shapes, _STILL)]
    if options.morph_normals:
        turns = _normal_changes(neutral, normals, shapes, model)
        morphs.append(_Morphs("NORMAL", turns, _STILL_NORMAL))

    weights = [round(float(w), 6) for w in head.expression]
    start = weights if options.expression == "photo" else [0.0] * len(weights)
    names = list(model.expression_names)
    meshes = []
    for node, parts in NODES.items():
        present = [part for part in parts if part in model.parts]
        if not present:
            continue
        piece = _Piece(buffer, model, present)
        primitive = piece.base(neutral, normals) | {"material": list(MATERIALS).index(NODE_MATERIAL[node])}
        primitive["targets"] = piece.targets(morphs)
        meshes.append(
            {"name": node, "primitives": [primitive], "weights": start, "extras": {"targetNames": names}}
        )
    extras: dict[str, Any] = {
        "expression": dict(zip(names, weights, strict=True)),
        "scaleUncertainty": round(float(head.scale_uncertainty), 4),
    }
    if pixels is not None:
        extras["texture"] = options.texture
    if head.light is not None:
        extras["light"] = np.round(head.light, 5).tolist()
    root = {"name": "Head", "children": list(range(1, len(meshes) + 1)), "extras": extras}
    document: dict[str, Any] = {
        "asset": {
            "version": "2.0",
            "generator": f"Headshot {__version__}",
            "extras": {"unit": "metre", "axes": "x to the subject's left, y up, z out of the face"},
        },
        "scene": 0,
        "scenes": [{"name": "Scene", "nodes": [0]}],
        "nodes": [root] + [{"name": mesh["name"], "mesh": i} for i, mesh in enumerate(meshes)],
        "meshes": meshes,
        "materials": [_material(name, pixels is not None) for name in MATERIALS],
    }
    if pixels is not None:
        image = encode_texture(pixels, options.texture_encoding, options.jpeg_quality)
        view = buffer.view(image)
        document["images"] = [
            {"name": "Texture", "bufferView": view, "mimeType": f"image/{options.texture_encoding}"}
        ]
        # Linear with mipmaps; clamped, since nothing repeats.
        document["samplers"] = [{"magFilter": 9729, "minFilter": 9987, "wrapS": 33071, "wrapT": 33071}]
        document["textures"] = [{"source": 0, "sampler": 0}]
    document["accessors"] = buffer.accessors
    document["bufferViews"] = buffer.views
    document["buffers"] = [{"byteLength": len(buffer.data)}]
    return _container(document, bytes(buffer.data))


def encode_texture(pixels: U8, encoding: str, quality: int) -> bytes:
    """A texture (T, T, 3) as a JPEG or PNG file."""
    file = io.BytesIO()
    if encoding == "jpeg":
        # Full colour resolution: halved, colours would bleed across the borders of the texture's islands.
        Image.fromarray(pixels).save(file, "JPEG", quality=quality, subsampling=0, optimize=True)
    else:
        Image.fromarray(pixels).save(file, "PNG", compress_level=3)
    return file.getvalue()


class _Morphs:
    """Offsets (E, V, 3) of an attribute, and where (E, V) they are more than a threshold."""

    def __init__(self, attribute: str, offsets: F32, threshold: float) -> None:
        self.attribute = attribute
        self.offsets = offsets
        self.moves = np.einsum("evc,evc->ev", offsets, offsets) > threshold**2


class _Buffer:
    """The binary chunk under construction, and the views and accessors into it."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.views: list[dict[str, Any]] = []
        self.accessors: list[dict[str, Any]] = []

    def view(self, content: bytes, target: int | None = None) -> int:
        self.data += bytes(-len(self.data) % 4)  # section 3.6.2.4: aligned to the component
        view: dict[str, Any] = {"buffer": 0, "byteOffset": len(self.data), "byteLength": len(content)}
        if target is not None:
            view["target"] = target
        self.views.append(view)
        self.data += content
        return len(self.views) - 1

    def accessor(self, count: int, kind: str, *, component: int = _FLOAT, **extra: Any) -> int:
        """Describe an array; zeros, unless ``extra`` says where it is stored."""
        self.accessors.append({"componentType": component, "count": count, "type": kind, **extra})
        return len(self.accessors) - 1

    def dense(self, values: NDArray[Any], kind: str, target: int, *, bounds: bool = False) -> int:
        """Store an array."""
        extra = _bounds(values) if bounds else {}
        view = self.view(values.tobytes(), target)
        component = _COMPONENT[values.dtype.type]
        return self.accessor(len(values), kind, component=component, bufferView=view, **extra)


class _Piece:
    """One mesh: some parts of the head model, its vertices split where the texture has a seam."""

    def __init__(self, buffer: _Buffer, model: HeadModel, parts: list[str]) -> None:
        self.buffer = buffer
        rows = np.concatenate([np.arange(*model.parts[part]) for part in parts])
        corner = model.triangles[rows].astype(np.int64) * len(model.uv) + model.triangles_uv[rows]
        key, index = np.unique(corner, return_inverse=True)
        self.vertex = key // len(model.uv)
        self.uv = np.clip(model.uv[key % len(model.uv)], 0, 1).astype(np.float32)
        self.index_type = _index_type(len(key))
        self.triangles = index.reshape(-1).astype(self.index_type)

    def base(self, positions: F32, normals: F32) -> dict[str, Any]:
        """The primitive without its targets."""
        b = self.buffer
        return {
            "attributes": {
                "POSITION": b.dense(positions[self.vertex], "VEC3", _VERTICES, bounds=True),
                "NORMAL": b.dense(normals[self.vertex], "VEC3", _VERTICES),
                "TEXCOORD_0": b.dense(self.uv, "VEC2", _VERTICES),
            },
            "indices": b.dense(self.triangles, "SCALAR", _INDICES),
        }

    def targets(self, morphs: list[_Morphs]) -> list[dict[str, int]]:
        """Morph targets.

        A target is stored sparsely (section 3.6.2.3) where that is smaller. Sparse accessors must not be
        empty, so all targets that leave this part alone share one accessor without data, which is zero.
        """
        buffer, count = self.buffer, len(self.vertex)
        targets: list[dict[str, int]] = [{} for _ in morphs[0].offsets]
        still: int | None = None
        sparse: list[tuple[int, NDArray[Any], F32]] = []
        for morph in morphs:
            for target, offset, moves in zip(targets, morph.offsets, morph.moves, strict=True):
                at = np.flatnonzero(moves[self.vertex]).astype(self.index_type)
                values = offset[self.vertex[at]]
                if not len(at):
                    if still is None:
                        still = buffer.accessor(count, "VEC3", min=[0.0] * 3, max=[0.0] * 3)
                    accessor = still
                elif values.nbytes + at.nbytes < values.itemsize * 3 * count:
                    accessor = buffer.accessor(count, "VEC3", **_bounds(np.pad(values, ((0, 1), (0, 0)))))
                    sparse.append((accessor, at, values))
                else:
                    accessor = buffer.dense(offset[self.vertex], "VEC3", _VERTICES, bounds=True)
                target[morph.attribute] = accessor
        self._store(sparse)
        return targets

    def _store(self, sparse: list[tuple[int, NDArray[Any], F32]]) -> None:
        """Put the sparse accessors' indices into one view and their values into another."""
        if not sparse:
            return
        indices = self.buffer.view(b"".join(index.tobytes() for _, index, _ in sparse))
        values = self.buffer.view(b"".join(value.tobytes() for _, _, value in sparse))
        at_index = at_value = 0
        for accessor, index, value in sparse:
            entry = self.buffer.accessors[accessor]
            entry["sparse"] = {
                "count": len(index),
                "indices": {
                    "bufferView": indices,
                    "byteOffset": at_index,
                    "componentType": _COMPONENT[index.dtype.type],
                },
                "values": {"bufferView": values, "byteOffset": at_value},
            }
            at_index += index.nbytes
            at_value += value.nbytes


def _index_type(count: int) -> type[np.uint16] | type[np.uint32]:
    # 65535 itself restarts primitives and is not allowed as an index (section 3.7.2.1).
    return np.uint16 if count <= 65535 else np.uint32


def _bounds(values: NDArray[Any]) -> dict[str, Any]:
    return {"min": values.min(axis=0).tolist(), "max": values.max(axis=0).tolist()}


def _unit(normals: F32) -> F32:
    """Unit normals; where the surface has none, z, since glTF allows no zero normals."""
    length = np.sqrt(np.einsum("vc,vc->v", normals, normals))[:, None]
    degenerate = length < 1e-6
    return np.where(degenerate, np.array([0, 0, 1], np.float32), normals / np.where(degenerate, 1, length))


def _normal_changes(neutral: F32, normals: F32, shapes: F32, model: HeadModel) -> F32:
    """Change (E, V, 3) of the unit normals at weight 1 of each expression."""
    changes = np.empty_like(shapes)
    for shape, change in zip(shapes, changes, strict=True):
        change[:] = _unit(vertex_normals(neutral + shape, model.triangles)) - normals
    return changes


def _material(name: str, textured: bool) -> dict[str, Any]:
    roughness, colour, double = MATERIALS[name]
    surface: dict[str, Any] = {"metallicFactor": 0.0, "roughnessFactor": roughness}
    if textured:
        surface["baseColorTexture"] = {"index": 0}
    else:
        surface["baseColorFactor"] = [*colour, 1.0]
    material = {"name": name, "pbrMetallicRoughness": surface}
    return material | {"doubleSided": True} if double else material


def _container(document: dict[str, Any], binary: bytes) -> bytes:
    """Wrap the JSON and the binary chunk (section 4.4)."""
    text = json.dumps(document, separators=(",", ":"), allow_nan=False).encode()
    text += b" " * (-len(text) % 4)
    binary += bytes(-len(binary) % 4)
    size = 12 + 8 + len(text) + 8 + len(binary)
    return b"".join(
        [
            struct.pack("<4sII", b"glTF", 2, size),
            struct.pack("<I4s", len(text), b"JSON"),
            text,
            struct.pack("<I4s", len(binary), b"BIN\0"),
            binary,
        ]
    )
