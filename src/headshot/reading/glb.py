"""The container of binary glTF 2.0: its section 4.4."""

from __future__ import annotations

import struct
from typing import Any

from headshot.reading.documents import parse_json

_HEADER, _CHUNK = struct.Struct("<4sII"), struct.Struct("<I4s")


def open_glb(content: bytes) -> tuple[dict[str, Any], memoryview]:
    """The JSON of a GLB, and its binary chunk; empty where there is none.

    Raises:
        ValueError, struct.error: it is no GLB of version 2, or shorter than it says.
    """
    magic, version, _ = _HEADER.unpack_from(content)
    length, kind = _CHUNK.unpack_from(content, 12)
    end = 20 + length
    if magic != b"glTF" or version != 2 or kind != b"JSON" or end > len(content):
        raise ValueError("it is no GLB of version 2")
    document = parse_json(content[20:end])
    if not isinstance(document, dict):
        raise ValueError("its JSON is no object")
    if end + 8 > len(content):
        return document, memoryview(b"")
    length, _ = _CHUNK.unpack_from(content, end)
    if end + 8 + length > len(content):
        raise ValueError(f"{length} bytes are announced where {len(content) - end - 8} are left")
    return document, memoryview(content)[end + 8 : end + 8 + length]


def view_of(document: dict[str, Any], binary: memoryview, number: int) -> memoryview:
    """The bytes of a buffer view."""
    view = item(document["bufferViews"], number)
    start, length = view.get("byteOffset", 0), view["byteLength"]
    numbers = isinstance(start, int) and isinstance(length, int)
    if not numbers or view.get("buffer", 0) != 0 or not 0 <= start <= start + length <= len(binary):
        raise ValueError(f"buffer view {number} lies outside of the file")
    return binary[start : start + length]


def item(items: Any, number: Any) -> Any:
    """An item of a list by its number, which must not count backwards."""
    if not isinstance(items, list) or isinstance(number, bool) or not isinstance(number, int):
        raise ValueError(f"{str(number)[:60]!r} is no number of a list")
    if not 0 <= number < len(items):
        raise ValueError(f"there is no number {number}: there are {len(items)}")
    return items[number]
