"""The binary side of a GLB: arrays in one buffer, and what glTF says about them.

Section numbers refer to the glTF 2.0 specification (Khronos, ISO/IEC 12113).
"""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

METRES = np.float32(1e-3)  # per millimetre
VERTICES, INDICES = 34962, 34963  # targets of buffer views (section 5.11.5)
_FLOAT = 5126
_ROW = 12  # bytes of three floats
_ROW_ALIGNMENT = 4  # bytes that rows of vertices start at a multiple of
_COMPONENT = {
    np.int8: 5120, np.uint8: 5121, np.int16: 5122, np.uint16: 5123, np.uint32: 5125, np.float32: _FLOAT,
}  # fmt: skip
_UNIT = (np.int8, np.uint8)  # as values of vertices, shares of their largest number


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
        """Store an array (N, ...) of one of the component types; the number of its accessor.

        Args:
            values: to store; rows of vertices are filled up to four bytes (section 3.6.2.4).
            kind: "SCALAR", "VEC3" and so on.
            target: of the view.
            bounds: with smallest and largest values.
            unit: integers are shares of their largest value.
        """
        extra = _bounds(values) if bounds else {}
        if unit:
            extra["normalized"] = True
        stride = None
        if target == VERTICES:
            short = -(values.itemsize * values.shape[1]) % _ROW_ALIGNMENT // values.itemsize
            if short:
                values = np.pad(values, ((0, 0), (0, short)))
                stride = values.itemsize * values.shape[1]
        view = self.view(values.tobytes(), target)
        if stride is not None:
            self.views[view]["byteStride"] = stride
        component = _COMPONENT[values.dtype.type]
        return self._accessor(len(values), kind, component=component, bufferView=view, **extra)

    def zeros(self, count: int, dtype: type[np.generic] = np.float32) -> int:
        """An array (count, 3) of zeros; the number of its accessor."""
        none = [0.0] * 3 if dtype is np.float32 else [0] * 3
        extra = {"normalized": True} if dtype in _UNIT else {}
        return self._accessor(
            count,
            "VEC3",
            component=_COMPONENT[dtype],
            bufferView=self._zero_view(count),
            min=none,
            max=none,
            **extra,
        )

    def sparse(self, count: int, entries: list[tuple[NDArray[Any], NDArray[Any]]]) -> list[int]:
        """Arrays (count, 3) that are mostly zero; the numbers of their accessors.

        Args:
            count: their length.
            entries: for each array the rows (K,) that are not zero, ascending, uint16 or uint32, and their
                values (K, 3), float32, int16 or int8. K is at least 1 (section 3.6.2.3).
        """
        if not entries:
            return []
        base = self._zero_view(count)
        values_at, values_of = _packed([value for _, value in entries])
        indices = self.view(b"".join(rows.tobytes() for rows, _ in entries))
        values = self.view(values_of)
        accessors = []
        at_row = 0
        for (rows, value), at_value in zip(entries, values_at, strict=True):
            component = _COMPONENT[value.dtype.type]
            sparse = {
                "count": len(rows),
                "indices": {
                    "bufferView": indices,
                    "byteOffset": at_row,
                    "componentType": _COMPONENT[rows.dtype.type],
                },
                "values": {"bufferView": values, "byteOffset": at_value},
            }
            extra = _bounds(np.pad(value, ((0, 1), (0, 0))))
            if value.dtype.type in _UNIT:
                extra["normalized"] = True
            accessors.append(
                self._accessor(count, "VEC3", component=component, bufferView=base, **extra, sparse=sparse)
            )
            at_row += rows.nbytes
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


def _packed(arrays: list[NDArray[Any]]) -> tuple[list[int], bytes]:
    """Arrays one after the other, each aligned to its components, and where they start."""
    starts, content = [], bytearray()
    for values in arrays:
        content += bytes(-len(content) % values.itemsize)
        starts.append(len(content))
        content += values.tobytes()
    return starts, bytes(content)
