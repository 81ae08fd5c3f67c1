"""How a glTF file stores coordinates: as 32-bit floats, or as small integers (KHR_mesh_quantization).

`Floats` and `Integers` have the same methods, each of which turns an attribute of vertices, in metres or unit
normals, into the array to store.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from headshot.arrays import F32, Array, ReadOnly

Stored = NDArray[Any]

_LARGEST = {np.int8: 127, np.uint8: 255, np.int16: 32767, np.uint16: 65535}


class Numbers(Protocol):
    """How coordinates are stored.

    ``still`` and ``still_normal`` are the changes, metres and shares of a unit normal, below which morph
    targets store nothing; ``extension`` is needed to read the file, if any is; ``matrix`` (4, 4) turns stored
    positions into metres, and ``node`` says the same of a node.
    """

    @property
    def still(self) -> float: ...

    @property
    def still_normal(self) -> float: ...

    @property
    def extension(self) -> str | None: ...

    @property
    def matrix(self) -> Array: ...

    @property
    def node(self) -> dict[str, Any]: ...

    def positions(self, metres: F32) -> Stored: ...

    def normals(self, unit: F32) -> Stored: ...

    def layout(self, uv: F32) -> Stored: ...

    def colours(self, linear: F32) -> Stored: ...

    def changes(self, attribute: str, changes: F32) -> Stored: ...


@dataclass(frozen=True)
class Floats:
    """Exact: changes of less than 5 µm, and turns of a normal by less than a degree, are left out."""

    still: float = 5e-6
    still_normal: float = 0.02
    extension: str | None = None

    @property
    def matrix(self) -> Array:
        return np.eye(4)

    @property
    def node(self) -> dict[str, Any]:
        return {}

    def positions(self, metres: F32) -> Stored:
        return metres

    def normals(self, unit: F32) -> Stored:
        return unit

    def layout(self, uv: F32) -> Stored:
        return uv

    def colours(self, linear: F32) -> Stored:
        return linear

    def changes(self, attribute: str, changes: F32) -> Stored:
        return changes


@dataclass(frozen=True, eq=False, repr=False)
class Integers(ReadOnly):
    """Positions as 16-bit steps of one length, normals as bytes, texture coordinates as 1/65535.

    Attributes:
        centre: (3,) metres, where positions are zero.
        step: metres.
    """

    centre: Array
    step: float
    still: float = 3e-5
    still_normal: float = 0.05
    extension: str | None = "KHR_mesh_quantization"

    @classmethod
    def of(cls, metres: F32) -> Integers:
        """With the smallest step that reaches positions (V, 3)."""
        low, high = metres.min(axis=0).astype(np.float64), metres.max(axis=0).astype(np.float64)
        step = float((high - low).max()) / 2 / _LARGEST[np.int16]
        return cls((low + high) / 2, step or 1.0)

    @property
    def matrix(self) -> Array:
        out = np.diag([self.step, self.step, self.step, 1.0])
        out[:3, 3] = self.centre
        return out

    @property
    def node(self) -> dict[str, Any]:
        return {"translation": self.centre.tolist(), "scale": [self.step] * 3}

    def positions(self, metres: F32) -> Stored:
        return np.round((metres - self.centre) / self.step).astype(np.int16)

    def normals(self, unit: F32) -> Stored:
        return np.round(unit * _LARGEST[np.int8]).astype(np.int8)

    def layout(self, uv: F32) -> Stored:
        return np.round(uv * _LARGEST[np.uint16]).astype(np.uint16)

    def colours(self, linear: F32) -> Stored:
        return np.round(linear * _LARGEST[np.uint8]).astype(np.uint8)

    def changes(self, attribute: str, changes: F32) -> Stored:
        kind, unit = (np.int16, self.step) if attribute == "POSITION" else (np.int8, 1 / _LARGEST[np.int8])
        largest = _LARGEST[kind]
        return np.clip(np.round(changes / unit), -largest, largest).astype(kind)
