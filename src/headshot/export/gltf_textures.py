"""Pictures and extensions in the JSON of a glTF file."""

from __future__ import annotations

from typing import Any

from headshot.export.gltf_buffer import GltfBuffer


def add_texture(
    document: dict[str, Any], buffer: GltfBuffer, name: str, content: bytes, kind: str, sampler: int = 0
) -> int:
    """Add a picture, and a texture of it; the number of the texture.

    Args:
        document: of the file.
        buffer: its binary side.
        name: of the picture.
        content: a picture file.
        kind: its media type; one that glTF 2.0 itself does not know needs an extension.
        sampler: number of how it is sampled.
    """
    images, textures = document.setdefault("images", []), document.setdefault("textures", [])
    images.append({"name": name, "bufferView": buffer.view(content), "mimeType": kind})
    source: dict[str, Any] = {"source": len(images) - 1}
    if kind == "image/webp":
        source = {"extensions": {"EXT_texture_webp": source}}
        use_extension(document, "EXT_texture_webp", required=True)
    textures.append(source | {"sampler": sampler})
    return len(textures) - 1


def use_extension(document: dict[str, Any], name: str, *, required: bool = False) -> None:
    """Say that a file uses an extension, and whether it cannot be read without."""
    for field in ("extensionsUsed", "extensionsRequired")[: 2 if required else 1]:
        if name not in document.setdefault(field, []):
            document[field].append(name)
