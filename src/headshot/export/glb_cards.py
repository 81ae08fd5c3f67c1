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

from headshot.arrays import F32, U8
from headshot.export.asset import Attachment, HeadAsset
from headshot.export.gltf_buffer import INDICES, VERTICES, GltfBuffer
from headshot.geometry.cards import CUTOFF, Cards

STRANDS = "Strands"
"""Name of the texture of hair."""
ROUGHNESS = 0.8
_METRES = np.float32(1e-3)  # per millimetre
_STILL = 5e-6  # metres: changes below are not stored


def add_cards(document: dict[str, Any], buffer: GltfBuffer, asset: HeadAsset) -> None:
    """Add nodes, meshes, materials and textures of what hangs on the head; none where nothing does."""
    for attachment in asset.attachments:
        cards = attachment.cards
        texture = _texture(document, buffer, cards)
        materials = document["materials"]
        inner = len(materials)
        materials += [
            _material(cards, f"{cards.name}Inner", texture, {"alphaMode": "MASK", "alphaCutoff": CUTOFF}),
            _material(cards, f"{cards.name}Outer", texture, {"alphaMode": "BLEND"}),
        ]
        document["meshes"].append(_mesh(buffer, attachment, asset, inner))
        nodes = document["nodes"]
        nodes.append({"name": cards.name, "mesh": len(document["meshes"]) - 1})
        nodes[0]["children"].append(len(nodes) - 1)


def png_of(pixels: U8) -> bytes:
    """A texture (H, W, 2) of grey and alpha as a PNG of four channels, which all programs read."""
    return _png(pixels.tobytes(), pixels.shape[:2])


@lru_cache(maxsize=4)
def _png(content: bytes, shape: tuple[int, int]) -> bytes:
    file = io.BytesIO()
    Image.frombytes("LA", shape[::-1], content).convert("RGBA").save(file, "PNG", optimize=True)
    return file.getvalue()


def _texture(document: dict[str, Any], buffer: GltfBuffer, cards: Cards) -> int:
    """The number of the cards' texture; the same for all that have the same."""
    content = png_of(cards.texture)
    images, samplers, textures = (
        document.setdefault(name, []) for name in ("images", "samplers", "textures")
    )
    for number, texture in enumerate(textures):
        image = images[texture["source"]]
        view = buffer.views[image["bufferView"]]
        if image["mimeType"] == "image/png" and _content(buffer, view) == content:
            return number
    images.append({"name": STRANDS, "bufferView": buffer.view(content), "mimeType": "image/png"})
    samplers.append({"magFilter": 9729, "minFilter": 9987, "wrapS": 10497, "wrapT": 33071})  # repeats across
    textures.append({"source": len(images) - 1, "sampler": len(samplers) - 1})
    return len(textures) - 1


def _content(buffer: GltfBuffer, view: dict[str, Any]) -> bytes:
    return bytes(buffer.data[view["byteOffset"] : view["byteOffset"] + view["byteLength"]])


def _material(cards: Cards, name: str, texture: int, alpha: dict[str, Any]) -> dict[str, Any]:
    surface = {
        "metallicFactor": 0.0,
        "roughnessFactor": ROUGHNESS,
        "baseColorFactor": [*(round(c, 5) for c in cards.colour), 1.0],
        "baseColorTexture": {"index": texture},
    }
    return {"name": name, "pbrMetallicRoughness": surface, "doubleSided": True} | alpha


def _mesh(buffer: GltfBuffer, attachment: Attachment, asset: HeadAsset, inner: int) -> dict[str, Any]:
    cards = attachment.cards
    count = len(cards.vertices)
    attributes = {
        "POSITION": buffer.dense(cards.vertices * _METRES, "VEC3", VERTICES, bounds=True),
        "NORMAL": buffer.dense(cards.normals, "VEC3", VERTICES),
        "TEXCOORD_0": buffer.dense(cards.uv, "VEC2", VERTICES),
        "COLOR_0": buffer.dense(cards.tint, "VEC3", VERTICES),
    }
    mesh: dict[str, Any] = {"name": cards.name, "primitives": []}
    targets = _targets(buffer, attachment.offsets, count)
    index = np.uint16 if count <= 65535 else np.uint32
    pieces = (cards.triangles[: cards.inner], cards.triangles[cards.inner :])
    for number, triangles in enumerate(pieces):
        if not len(triangles):
            continue
        indices = buffer.dense(triangles.astype(index).reshape(-1), "SCALAR", INDICES)
        primitive = {"attributes": attributes, "indices": indices, "material": inner + number}
        mesh["primitives"].append(primitive | ({"targets": targets} if targets else {}))
    if targets:
        mesh["weights"] = [morph.weight for morph in asset.morphs]
        mesh["extras"] = {"targetNames": [morph.name for morph in asset.morphs]}
    return mesh


def _targets(buffer: GltfBuffer, offsets: F32, count: int) -> list[dict[str, int]]:
    """Morph targets in the order of the head's; sparse, and one accessor of zeros for all that do nothing."""
    index = np.uint16 if count <= 65535 else np.uint32
    rows, still, moving = [], [], []
    for number, offset in enumerate(offsets * _METRES):
        at = np.flatnonzero(np.einsum("vc,vc->v", offset, offset) > _STILL**2).astype(index)
        if len(at):
            moving.append(number)
            rows.append((at, offset[at].astype(np.float32)))
        else:
            still.append(number)
    found = dict(zip(moving, buffer.sparse(count, rows), strict=True))
    if still:
        found |= dict.fromkeys(still, buffer.zeros(count))
    return [{"POSITION": found[number]} for number in range(len(offsets))]
