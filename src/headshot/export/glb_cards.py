"""Hair in a GLB: a node of its own for each kind of cards.

A mesh has two primitives of the same vertices: what is opaque where alpha is high (`MASK`), and what blends
(`BLEND`), its triangles from the inside out, because that is how renderers draw them that do not sort them.
"""

from __future__ import annotations

import io
from functools import lru_cache
from typing import Any

import numpy as np
from PIL import Image

from headshot.arrays import I32, U8
from headshot.export.asset import Attachment, HeadAsset
from headshot.export.gltf_bones import bone_attributes
from headshot.export.gltf_buffer import INDICES, METRES, VERTICES, GltfBuffer
from headshot.export.gltf_numbers import Integers, Numbers
from headshot.export.gltf_targets import Change, above, index_type, store_targets
from headshot.export.gltf_textures import add_texture, use_extension
from headshot.export.settings import ExportSettings
from headshot.geometry.cards import CUTOFF, Cards

STRANDS = "Strands"
"""Name of the texture of hair."""
ROUGHNESS = 0.8
GLOSS = 0.35
"""Share of a smooth surface's reflection: cards shine grey as a whole, and strands along a line."""
_SPECULAR = "KHR_materials_specular"
_QUALITY = 40  # of a WebP: strands hide what it loses
_STILL = 10  # changes this many times as large as those of skin are left out of quantised files


def add_cards(
    document: dict[str, Any],
    buffer: GltfBuffer,
    asset: HeadAsset,
    numbers: Numbers,
    options: ExportSettings,
) -> None:
    """Add nodes, meshes, materials and textures of what hangs on the head; none where nothing does."""
    known: dict[bytes, int] = {}
    if asset.attachments:
        use_extension(document, _SPECULAR)
    for attachment in asset.attachments:
        cards = attachment.cards
        webp = options.texture_encoding == "webp"
        content = webp_of(cards.texture, _QUALITY) if webp else png_of(cards.texture)
        if content not in known:
            samplers = document.setdefault("samplers", [])
            samplers.append({"magFilter": 9729, "minFilter": 9987, "wrapS": 10497, "wrapT": 33071})  # repeats
            kind = "image/webp" if webp else "image/png"
            known[content] = add_texture(document, buffer, STRANDS, content, kind, len(samplers) - 1)
        texture = known[content]
        layers = (
            ("Inner", {"alphaMode": "MASK", "alphaCutoff": CUTOFF}, cards.triangles[: cards.inner]),
            ("Outer", {"alphaMode": "BLEND"}, cards.triangles[cards.inner :]),
        )
        pieces = []
        for layer, alpha, triangles in layers:
            if len(triangles):
                document["materials"].append(_material(cards, f"{cards.name}{layer}", texture, alpha))
                pieces.append((triangles, len(document["materials"]) - 1))
        document["meshes"].append(_mesh(buffer, attachment, asset, pieces, numbers, options))
        nodes = document["nodes"]
        nodes.append({"name": cards.name, "mesh": len(document["meshes"]) - 1} | numbers.node)
        nodes[0]["children"].append(len(nodes) - 1)


def png_of(pixels: U8) -> bytes:
    """A texture (H, W, 2) of grey and alpha as a PNG of four channels, which all programs read."""
    return _png(pixels.tobytes(), pixels.shape[:2])


@lru_cache(maxsize=4)
def _png(content: bytes, shape: tuple[int, int]) -> bytes:
    file = io.BytesIO()
    Image.frombytes("LA", shape[::-1], content).convert("RGBA").save(file, "PNG", optimize=True)
    return file.getvalue()


def webp_of(pixels: U8, quality: int) -> bytes:
    """A texture (H, W, 2) of grey and alpha as a WebP."""
    file = io.BytesIO()
    picture = Image.frombytes("LA", (pixels.shape[1], pixels.shape[0]), pixels.tobytes()).convert("RGBA")
    picture.save(file, "WEBP", quality=quality, alpha_quality=quality, method=4)
    return file.getvalue()


def _material(cards: Cards, name: str, texture: int, alpha: dict[str, Any]) -> dict[str, Any]:
    surface = {
        "metallicFactor": 0.0,
        "roughnessFactor": ROUGHNESS,
        "baseColorFactor": [*(round(c, 5) for c in cards.colour), 1.0],
        "baseColorTexture": {"index": texture},
    }
    specular = {_SPECULAR: {"specularFactor": GLOSS}}
    return {
        "name": name,
        "pbrMetallicRoughness": surface,
        "doubleSided": True,
        "extensions": specular,
    } | alpha


def _mesh(
    buffer: GltfBuffer,
    attachment: Attachment,
    asset: HeadAsset,
    pieces: list[tuple[I32, int]],
    numbers: Numbers,
    options: ExportSettings,
) -> dict[str, Any]:
    """A mesh of pieces: triangles and number of the material."""
    cards = attachment.cards
    count = len(cards.vertices)
    small = isinstance(numbers, Integers)
    attributes = {
        "POSITION": buffer.dense(numbers.positions(cards.vertices * METRES), "VEC3", VERTICES, bounds=True),
        "NORMAL": buffer.dense(numbers.normals(cards.normals), "VEC3", VERTICES, unit=small),
        "TEXCOORD_0": buffer.dense(cards.uv, "VEC2", VERTICES),
        "COLOR_0": buffer.dense(numbers.colours(cards.tint), "VEC3", VERTICES, unit=small),
    }
    if asset.bones is not None:
        attributes |= bone_attributes(asset.bones.rigid("head", count), buffer)
    mesh: dict[str, Any] = {"name": cards.name, "primitives": []}
    targets = []
    if asset.morphs:
        offsets = [(offset * METRES).astype(np.float32, copy=False) for offset in attachment.offsets]
        still = _STILL * numbers.still if small else numbers.still
        moved = [above(offset, still) for offset in offsets]
        change = Change("POSITION", [numbers.changes("POSITION", offset) for offset in offsets], moved)
        targets = store_targets(buffer, np.arange(count), [change], sparsely=options.sparse)
    index = index_type(count)
    for triangles, material in pieces:
        indices = buffer.dense(triangles.astype(index).reshape(-1), "SCALAR", INDICES)
        primitive = {"attributes": attributes, "indices": indices, "material": material}
        mesh["primitives"].append(primitive | ({"targets": targets} if targets else {}))
    if targets:
        mesh["weights"] = [morph.weight for morph in asset.morphs]
        mesh["extras"] = {"targetNames": [morph.name for morph in asset.morphs]}
    return mesh
