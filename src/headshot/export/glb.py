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

from headshot.arrays import F32, U8, Index
from headshot.export.asset import PLAIN, HeadAsset, Material, Part
from headshot.export.glb_cards import add_cards
from headshot.export.gltf_bones import add_bones, bone_attributes
from headshot.export.gltf_buffer import INDICES, METRES, VERTICES, GltfBuffer
from headshot.export.gltf_numbers import Floats, Integers, Numbers
from headshot.export.gltf_targets import Change, above, index_type, store_targets
from headshot.export.gltf_textures import add_texture, use_extension
from headshot.export.neck import neck_lid
from headshot.export.settings import ExportSettings, Target
from headshot.export.texture import encode_texture
from headshot.geometry.raster import vertex_normals
from headshot.image.colour import TO_LINEAR
from headshot.version import __version__

SURFACE = "Surface"
"""Name of the picture of how rough skin is, and of the light that reaches it."""
VARIANTS = ("Lit", "Photo")
"""Names of the variants of a GLB with both textures."""


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
    numbers = _numbers(asset) if options.quantised else Floats()
    meshes = _meshes(asset, buffer, numbers, options)
    if asset.neck is not None:  # its lid has the first material, as its first part has
        meshes += _meshes(neck_lid(asset, asset.neck), buffer, numbers, options)
    nodes = [{"name": mesh["name"], "mesh": i} | numbers.node for i, mesh in enumerate(meshes)]
    root: dict[str, Any] = {"name": asset.name, "children": list(range(1, len(meshes) + 1))}
    if asset.extras:
        root["extras"] = asset.extras
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
        "scenes": [{"name": "Scene", "nodes": [0]}],
        "nodes": [root, *nodes],
        "meshes": meshes,
        "materials": [
            _material(material, textured=asset.texture is not None, plain=plain) for material in materials
        ],
    }
    if numbers.extension is not None:
        use_extension(document, numbers.extension, required=True)
    if asset.texture is not None:
        # Linear with mipmaps; clamped, since nothing repeats.
        document["samplers"] = [{"magFilter": 9729, "minFilter": 9987, "wrapS": 33071, "wrapT": 33071}]
        _add_texture(document, buffer, "Texture", asset.texture, options)
    if asset.photographed is not None and options.photo_variant:
        _add_photo_variant(document, buffer, asset.photographed, options)
    if asset.surface is not None and asset.texture is not None:
        number = add_texture(document, buffer, SURFACE, encode_texture(asset.surface, "png"), "image/png")
        skin = document["materials"][materials.index(asset.parts[0].material)]
        skin["pbrMetallicRoughness"]["metallicRoughnessTexture"] = {"index": number}
        skin["occlusionTexture"] = {"index": number}
    for material in document["materials"]:
        for extension in material.get("extensions", ()):
            use_extension(document, extension)
    add_cards(document, buffer, asset, numbers, options)
    if asset.bones is not None:
        add_bones(document, buffer, asset.bones, numbers.matrix)
    return document, buffer


def _numbers(asset: HeadAsset) -> Integers:
    """Small integers that reach all there is."""
    hung = [hung.cards.vertices for hung in asset.attachments]
    return Integers.of(np.concatenate([asset.neutral, *hung]) * METRES)


def _add_texture(
    document: dict[str, Any], buffer: GltfBuffer, name: str, pixels: U8, options: ExportSettings
) -> None:
    encoding = options.texture_encoding
    add_texture(
        document, buffer, name, encode_texture(pixels, encoding, options.jpeg_quality), f"image/{encoding}"
    )


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
    use_extension(document, "KHR_materials_variants")


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
            primitive["targets"] = store_targets(buffer, piece.vertex, changes, sparsely=options.sparse)
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
        self.triangles = index.reshape(-1).astype(index_type(len(self.vertex)))

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


def _unit(normals: F32) -> F32:
    """Unit normals; where the surface has none, z, since glTF allows no zero normals."""
    length = np.sqrt(np.einsum("vc,vc->v", normals, normals))[:, None]
    degenerate = length < 1e-6
    return np.where(degenerate, np.array([0, 0, 1], np.float32), normals / np.where(degenerate, 1, length))


def _changes(
    asset: HeadAsset, neutral: F32, normals: F32, numbers: Numbers, *, turning: bool
) -> list[Change]:
    """What the morph targets change: positions, and with ``turning`` the unit normals."""
    offsets = [(morph.offsets * METRES).astype(np.float32, copy=False) for morph in asset.morphs]
    moved = [above(offset, numbers.still) for offset in offsets]
    changes = [Change("POSITION", [numbers.changes("POSITION", o) for o in offsets], moved)]
    if turning:
        turns = [_unit(vertex_normals(neutral + o, asset.triangles)) - normals for o in offsets]
        moved = [above(turn, numbers.still_normal) for turn in turns]
        changes.append(Change("NORMAL", [numbers.changes("NORMAL", turn) for turn in turns], moved))
    return changes


def _material(material: Material, *, textured: bool, plain: bool) -> dict[str, Any]:
    surface: dict[str, Any] = {"metallicFactor": 0.0, "roughnessFactor": material.roughness}
    if textured:
        surface["baseColorTexture"] = {"index": 0}
    elif plain:
        surface["baseColorFactor"] = [*material.colour, 1.0]
    entry: dict[str, Any] = {"name": material.name, "pbrMetallicRoughness": surface}
    extensions = {}
    if material.ior != PLAIN.ior:
        extensions["KHR_materials_ior"] = {"ior": material.ior}
    if material.specular != PLAIN.specular:
        extensions["KHR_materials_specular"] = {"specularFactor": material.specular}
    if extensions:
        entry["extensions"] = extensions
    return entry | {"doubleSided": True} if material.double_sided else entry
