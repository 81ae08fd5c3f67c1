"""GLB: the head as glTF 2.0 with its expressions as morph targets.

The file holds one scene with a node for the whole and a mesh child per part, one that closes the neck where
the head has one, and one for each kind of hair that it wears (`headshot.export.glb_cards`).
All meshes carry the same morph targets in the same order, named in
``extras.targetNames``, so that a viewer can drive them together.
Positions are metres in the head frame, whose axes are those of glTF: y up, +z out of the face.

Section numbers refer to the glTF 2.0 specification (Khronos, ISO/IEC 12113).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from headshot.arrays import F32, U8, Index, Mask
from headshot.export.asset import HeadAsset, Material, Part
from headshot.export.glb_cards import add_cards
from headshot.export.gltf_bones import bone_attributes, bone_nodes, bone_skin
from headshot.export.gltf_buffer import INDICES, METRES, VERTICES, GltfBuffer
from headshot.export.gltf_numbers import Floats, Integers, Numbers, Stored
from headshot.export.neck import neck_lid
from headshot.export.settings import ExportSettings, Target
from headshot.export.texture import encode_texture
from headshot.geometry.raster import vertex_normals
from headshot.image.colour import TO_LINEAR
from headshot.version import __version__

VARIANTS = ("Lit", "Photo")
"""Names of the variants of a GLB with both textures."""

# An attribute of all morph targets: its name, what is stored of each target (V, 3), and where (V,) it counts.
_Change = tuple[str, list[Stored], list[Mask]]


def write(asset: HeadAsset, target: Target) -> dict[str, bytes]:
    """The GLB, content by file name."""
    return {f"{target.stem}.glb": glb(asset, target.settings)}


def glb(asset: HeadAsset, settings: ExportSettings | None = None) -> bytes:
    """The GLB file of an asset.

    The base mesh is the neutral one. The asset's extras are those of the root node.
    """
    document, buffer = document_of(asset, settings or ExportSettings())
    return buffer.container(document)


def document_of(asset: HeadAsset, options: ExportSettings) -> tuple[dict[str, Any], GltfBuffer]:
    """The JSON and the binary side of a GLB; those of bones are the last of its nodes."""
    buffer = GltfBuffer()
    materials = asset.materials
    numbers = Integers.of(asset.neutral * METRES) if options.quantised else Floats()
    meshes = _meshes(asset, buffer, numbers, options)
    if asset.neck is not None:  # its lid has the first material, as its first part has
        meshes += _meshes(neck_lid(asset, asset.neck), buffer, numbers, options)
    nodes = [{"name": mesh["name"], "mesh": i} | numbers.node for i, mesh in enumerate(meshes)]
    root: dict[str, Any] = {"name": asset.name, "children": list(range(1, len(meshes) + 1))}
    if asset.extras:
        root["extras"] = asset.extras
    scene = [0]
    if asset.bones is not None:
        # Nodes of skinned meshes are best at the top: what is above does not move them (section 3.7.3.3).
        first = len(nodes) + 1
        root["children"] = [first + j for j, parent in enumerate(asset.bones.parents) if parent < 0]
        nodes = [{"name": mesh["name"], "mesh": i, "skin": 0} for i, mesh in enumerate(meshes)]
        nodes += bone_nodes(asset.bones, first)
        scene += range(1, first)
    about: dict[str, Any] = {
        "version": "2.0",
        "generator": f"Headshot {__version__}",
        "extras": {"unit": "metre", "axes": "x to the subject's left, y up, z out of the face"},
    }
    if asset.comment:
        about["copyright"] = asset.comment
    plain = asset.texture is None and asset.colours is None
    document: dict[str, Any] = {
        "asset": about,
        "scene": 0,
        "scenes": [{"name": "Scene", "nodes": scene}],
        "nodes": [root, *nodes],
        "meshes": meshes,
        "materials": [
            _material(material, textured=asset.texture is not None, plain=plain) for material in materials
        ],
    }
    if asset.bones is not None:
        document["skins"] = [bone_skin(asset.bones, buffer, first, numbers.matrix)]
    if numbers.extension is not None:
        _use_extension(document, numbers.extension, required=True)
    if asset.texture is not None:
        # Linear with mipmaps; clamped, since nothing repeats.
        document["samplers"] = [{"magFilter": 9729, "minFilter": 9987, "wrapS": 33071, "wrapT": 33071}]
        _add_texture(document, buffer, "Texture", asset.texture, options)
    if asset.photographed is not None and options.photo_variant:
        _add_photo_variant(document, buffer, asset.photographed, options)
    add_cards(document, buffer, asset)
    return document, buffer


def _use_extension(document: dict[str, Any], name: str, *, required: bool = False) -> None:
    for field in ("extensionsUsed", "extensionsRequired")[: 2 if required else 1]:
        if name not in document.setdefault(field, []):
            document[field].append(name)


def _add_texture(
    document: dict[str, Any], buffer: GltfBuffer, name: str, pixels: U8, options: ExportSettings
) -> None:
    """A picture, and a texture of it."""
    encoding = options.texture_encoding
    view = buffer.view(encode_texture(pixels, encoding, options.jpeg_quality))
    images = document.setdefault("images", [])
    images.append({"name": name, "bufferView": view, "mimeType": f"image/{encoding}"})
    source: dict[str, Any] = {"source": len(images) - 1}
    if encoding == "webp":
        source = {"extensions": {"EXT_texture_webp": source}}
        _use_extension(document, "EXT_texture_webp", required=True)
    document.setdefault("textures", []).append(source | {"sampler": 0})


def _add_photo_variant(
    document: dict[str, Any], buffer: GltfBuffer, pixels: U8, options: ExportSettings
) -> None:
    """A second material of each surface: the photo's light is in its colours, so that no other falls on it.

    By KHR_materials_variants and KHR_materials_unlit; who does not know them sees the first materials.
    """
    _add_texture(document, buffer, "TexturePhoto", pixels, options)
    lit = document["materials"]
    unlit = []
    for material in lit:
        surface = material["pbrMetallicRoughness"] | {"baseColorTexture": {"index": 1}}
        unlit.append(
            material
            | {
                "name": f"{material['name']}Photo",
                "pbrMetallicRoughness": surface,
                "extensions": {"KHR_materials_unlit": {}},
            }
        )
    document["materials"] = lit + unlit
    for mesh in document["meshes"]:
        for primitive in mesh["primitives"]:
            used = primitive["material"]
            mappings = [
                {"material": used, "variants": [0]},
                {"material": used + len(lit), "variants": [1]},
            ]
            primitive["extensions"] = {"KHR_materials_variants": {"mappings": mappings}}
    document["extensions"] = {"KHR_materials_variants": {"variants": [{"name": name} for name in VARIANTS]}}
    for extension in ("KHR_materials_unlit", "KHR_materials_variants"):
        _use_extension(document, extension)


def _meshes(
    asset: HeadAsset, buffer: GltfBuffer, numbers: Numbers, options: ExportSettings
) -> list[dict[str, Any]]:
    """A mesh for each part; the arrays go to the buffer."""
    neutral = (asset.neutral * METRES).astype(np.float32, copy=False)
    normals = _unit(vertex_normals(neutral, asset.triangles))
    changes = _changes(asset, neutral, normals, numbers, turning=options.morph_normals)
    materials = asset.materials
    meshes = []
    for part in asset.parts:
        piece = _Piece(buffer, asset, part)
        primitive = piece.base(neutral, normals, numbers) | {"material": materials.index(part.material)}
        mesh: dict[str, Any] = {"name": part.name, "primitives": [primitive]}
        if asset.morphs:
            primitive["targets"] = piece.targets(changes, sparsely=options.sparse)
            mesh["weights"] = [morph.weight for morph in asset.morphs]
            mesh["extras"] = {"targetNames": [morph.name for morph in asset.morphs]}
        meshes.append(mesh)
    return meshes


class _Piece:
    """One mesh: a part of the asset, its vertices split where the texture has a seam."""

    def __init__(self, buffer: GltfBuffer, asset: HeadAsset, part: Part) -> None:
        self.buffer = buffer
        rows = np.concatenate([np.arange(first, last) for first, last in part.ranges])
        corner = asset.triangles[rows].astype(np.int64)
        self.uv: F32 | None = None
        self.vertex: Index
        if asset.uv is not None and asset.triangles_uv is not None:
            # glTF has one index for all attributes.
            key, index = np.unique(corner * len(asset.uv) + asset.triangles_uv[rows], return_inverse=True)
            self.vertex = key // len(asset.uv)
            self.uv = np.clip(asset.uv[key % len(asset.uv)], 0, 1).astype(np.float32)
        else:
            self.vertex, index = np.unique(corner, return_inverse=True)
        self.bones = None if asset.bones is None else asset.bones.restricted(self.vertex)
        self.linear: F32 | None = None
        if asset.texture is None and asset.colours is not None:
            # Colours of vertices are linear in glTF (section 3.9.2), those of textures sRGB.
            self.linear = TO_LINEAR[asset.colours[self.vertex]]
        self.index_type = _index_type(len(self.vertex))
        self.triangles = index.reshape(-1).astype(self.index_type)

    def base(self, positions: F32, normals: F32, numbers: Numbers) -> dict[str, Any]:
        """The primitive without its targets."""
        b, small = self.buffer, isinstance(numbers, Integers)
        positions, normals = numbers.positions(positions[self.vertex]), numbers.normals(normals[self.vertex])
        attributes = {
            "POSITION": b.dense(positions, "VEC3", VERTICES, bounds=True),
            "NORMAL": b.dense(normals, "VEC3", VERTICES, unit=small),
        }
        if self.uv is not None:
            attributes["TEXCOORD_0"] = b.dense(numbers.layout(self.uv), "VEC2", VERTICES, unit=small)
        if self.linear is not None:
            attributes["COLOR_0"] = b.dense(self.linear, "VEC3", VERTICES)
        if self.bones is not None:
            attributes |= bone_attributes(self.bones, b)
        return {"attributes": attributes, "indices": b.dense(self.triangles, "SCALAR", INDICES)}

    def targets(self, changes: list[_Change], *, sparsely: bool) -> list[dict[str, int]]:
        """Morph targets.

        A target is stored sparsely (section 3.6.2.3) where that is smaller and allowed. Sparse accessors must
        not be empty, so all targets that leave this part alone share one accessor of zeros.
        """
        buffer, count = self.buffer, len(self.vertex)
        targets: list[dict[str, int]] = [{} for _ in changes[0][1]]
        sparse: list[tuple[NDArray[Any], Stored]] = []
        users: list[tuple[dict[str, int], str]] = []  # of the sparse ones
        for name, offsets, moves in changes:
            still: int | None = None
            for target, offset, moved in zip(targets, offsets, moves, strict=True):
                at = np.flatnonzero(moved[self.vertex]).astype(self.index_type)
                values = offset[self.vertex[at]]
                if not len(at):
                    still = buffer.zeros(count, offset.dtype.type) if still is None else still
                    target[name] = still
                elif sparsely and values.nbytes + at.nbytes < values.itemsize * 3 * count:
                    sparse.append((at, values))
                    users.append((target, name))
                else:
                    unit = offset.dtype == np.int8
                    target[name] = buffer.dense(offset[self.vertex], "VEC3", VERTICES, bounds=True, unit=unit)
        for (target, name), accessor in zip(users, buffer.sparse(count, sparse), strict=True):
            target[name] = accessor
        return targets


def _index_type(count: int) -> type[np.uint16] | type[np.uint32]:
    # 65535 itself restarts primitives and is not allowed as an index (section 3.7.2.1).
    return np.uint16 if count <= 65535 else np.uint32


def _unit(normals: F32) -> F32:
    """Unit normals; where the surface has none, z, since glTF allows no zero normals."""
    length = np.sqrt(np.einsum("vc,vc->v", normals, normals))[:, None]
    degenerate = length < 1e-6
    return np.where(degenerate, np.array([0, 0, 1], np.float32), normals / np.where(degenerate, 1, length))


def _changes(
    asset: HeadAsset, neutral: F32, normals: F32, numbers: Numbers, *, turning: bool
) -> list[_Change]:
    """What the morph targets change: positions, and with ``turning`` the unit normals."""
    offsets = [(morph.offsets * METRES).astype(np.float32, copy=False) for morph in asset.morphs]
    moves = [_above(offset, numbers.still) for offset in offsets]
    changes: list[_Change] = [("POSITION", [numbers.changes("POSITION", o) for o in offsets], moves)]
    if turning:
        turns = [_unit(vertex_normals(neutral + o, asset.triangles)) - normals for o in offsets]
        moves = [_above(turn, numbers.still_normal) for turn in turns]
        changes.append(("NORMAL", [numbers.changes("NORMAL", turn) for turn in turns], moves))
    return changes


def _above(offsets: F32, threshold: float) -> Mask:
    """Where (V,) offsets (V, 3) are longer than a threshold."""
    return np.einsum("vc,vc->v", offsets, offsets) > threshold**2


def _material(material: Material, *, textured: bool, plain: bool) -> dict[str, Any]:
    surface: dict[str, Any] = {"metallicFactor": 0.0, "roughnessFactor": material.roughness}
    if textured:
        surface["baseColorTexture"] = {"index": 0}
    elif plain:
        surface["baseColorFactor"] = [*material.colour, 1.0]
    entry = {"name": material.name, "pbrMetallicRoughness": surface}
    return entry | {"doubleSided": True} if material.double_sided else entry
