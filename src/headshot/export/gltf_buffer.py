"""The binary side of a GLB: arrays in one buffer, and what glTF says about them.

Section numbers refer to the glTF 2.0 specification (Khronos, ISO/IEC 12113).
"""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headshot.arrays import F32

METRES = np.float32(1e-3)  # per millimetre
VERTICES, INDICES = 34962, 34963  # targets of buffer views (section 5.11.5)
_FLOAT = 5126
_ROW = 12  # bytes of three floats
_COMPONENT = {np.float32: _FLOAT, np.uint8: 5121, np.uint16: 5123, np.uint32: 5125}


class GltfBuffer:
    """The binary chunk under construction, with its buffer views and accessors.

    Arrays that are zero, in part or everywhere, share one view of zeros. The specification allows accessors
    without a view, but Assimp (and so Open3D), gltf-rs and glTFast refuse files that have any without sparse
    values, and UnityGLTF those with sparse values on nothing, too.
    """

    def __init__(self) -> None:
        self.data = bytearray()
        self.views: list[dict[str, Any]] = []
        self.accessors: list[dict[str, Any]] = []
        self._zeros: int | None = None  # the view of zeros
        self._most = 0  # rows of three that are read from it at most

    def view(self, content: bytes, target: int | None = None) -> int:
        """Store bytes; the number of their buffer view."""
        self.data += bytes(-len(self.data) % 4)  # section 3.6.2.4: aligned to the component
        view: dict[str, Any] = {"buffer": 0, "byteOffset": len(self.data), "byteLength": len(content)}
        if target is not None:
            view["target"] = target
        self.views.append(view)
        self.data += content
        return len(self.views) - 1

    def dense(
        self, values: NDArray[Any], kind: str, target: int | None, *, bounds: bool = False, unit: bool = False
    ) -> int:
        """Store an array (N, ...) of float32, uint8, uint16 or uint32; the number of its accessor.

        ``bounds``: with smallest and largest values; ``unit``: integers are shares of their largest value.
        """
        extra = _bounds(values) if bounds else {}
        if unit:
            extra["normalized"] = True
        view = self.view(values.tobytes(), target)
        component = _COMPONENT[values.dtype.type]
        return self._accessor(len(values), kind, component=component, bufferView=view, **extra)

    def zeros(self, count: int) -> int:
        """An array (count, 3) of float32 zeros; the number of its accessor."""
        return self._accessor(count, "VEC3", bufferView=self._zero_view(count), min=[0.0] * 3, max=[0.0] * 3)

    def sparse(self, count: int, entries: list[tuple[NDArray[Any], F32]]) -> list[int]:
        """Arrays (count, 3) of float32 that are mostly zero; the numbers of their accessors.

        Args:
            count: their length.
            entries: for each array the rows (K,) that are not zero, ascending, uint16 or uint32, and their
                values (K, 3). K is at least 1 (section 3.6.2.3).
        """
        if not entries:
            return []
        base = self._zero_view(count)
        indices = self.view(b"".join(rows.tobytes() for rows, _ in entries))
        values = self.view(b"".join(value.tobytes() for _, value in entries))
        accessors = []
        at_row = at_value = 0
        for rows, value in entries:
            sparse = {
                "count": len(rows),
                "indices": {
                    "bufferView": indices,
                    "byteOffset": at_row,
                    "componentType": _COMPONENT[rows.dtype.type],
                },
                "values": {"bufferView": values, "byteOffset": at_value},
            }
            bounds = _bounds(np.pad(value, ((0, 1), (0, 0))))
            accessors.append(self._accessor(count, "VEC3", bufferView=base, **bounds, sparse=sparse))
            at_row += rows.nbytes
            at_value += value.nbytes
        return accessors

    def container(self, document: dict[str, Any]) -> bytes:
        """The GLB file (section 4.4): the document, completed by what is in the buffer, and the buffer."""
        self._store_zeros()
        document = document | {
            "accessors": self.accessors,
            "bufferViews": self.views,
            "buffers": [{"byteLength": len(self.data)}],
        }
        text = json.dumps(document, separators=(",", ":"), allow_nan=False).encode()
        text += b" " * (-len(text) % 4)
        binary = bytes(self.data) + bytes(-len(self.data) % 4)
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

    def _zero_view(self, count: int) -> int:
        """The view of zeros, for so many rows of three floats."""
        if self._zeros is None:
            # Accessors of attributes that share a view must know its stride (section 3.6.2.4).
            self.views.append({"buffer": 0, "byteStride": _ROW, "target": VERTICES})
            self._zeros = len(self.views) - 1
        self._most = max(self._most, count)
        return self._zeros

    def _store_zeros(self) -> None:
        if self._zeros is not None:
            self.data += bytes(-len(self.data) % 4)
            self.views[self._zeros] |= {"byteOffset": len(self.data), "byteLength": _ROW * self._most}
            self.data += bytes(_ROW * self._most)

    def _accessor(self, count: int, kind: str, *, component: int = _FLOAT, **extra: Any) -> int:
        self.accessors.append({"componentType": component, "count": count, "type": kind, **extra})
        return len(self.accessors) - 1


def _bounds(values: NDArray[Any]) -> dict[str, Any]:
    return {"min": values.min(axis=0).tolist(), "max": values.max(axis=0).tolist()}
