"""Morph targets in a glTF file.

Section numbers refer to the glTF 2.0 specification (Khronos, ISO/IEC 12113).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headshot.arrays import F32, Index, Mask
from headshot.export.gltf_buffer import VERTICES, GltfBuffer
from headshot.export.gltf_numbers import Stored


@dataclass(frozen=True)
class Change:
    """What all morph targets do to an attribute.

    Attributes:
        attribute: "POSITION" or "NORMAL".
        offsets: of each target (V, 3), as they are stored.
        moved: of each, where (V,) it counts.
    """

    attribute: str
    offsets: list[Stored]
    moved: list[Mask]


def store_targets(
    buffer: GltfBuffer, vertex: Index, changes: list[Change], *, sparsely: bool
) -> list[dict[str, int]]:
    """Accessors of the morph targets of a mesh by attribute.

    A target is stored sparsely (section 3.6.2.3) where that is smaller and allowed. Sparse accessors must not
    be empty, so all targets that leave the mesh alone share one accessor of zeros.

    Args:
        buffer: to store them in.
        vertex: (P,) for each vertex of the mesh its number among those of the changes.
        changes: of positions and others.
        sparsely: whether sparse accessors may be used.
    """
    count, kind = len(vertex), index_type(len(vertex))
    targets: list[dict[str, int]] = [{} for _ in changes[0].offsets]
    sparse: list[tuple[NDArray[Any], Stored]] = []
    users: list[tuple[dict[str, int], str]] = []  # of the sparse ones
    for change in changes:
        still: int | None = None
        for target, offset, moved in zip(targets, change.offsets, change.moved, strict=True):
            at = np.flatnonzero(moved[vertex]).astype(kind)
            values = offset[vertex[at]]
            if not len(at):
                still = buffer.zeros(count, offset.dtype.type) if still is None else still
                target[change.attribute] = still
            elif sparsely and values.nbytes + at.nbytes < values.itemsize * 3 * count:
                sparse.append((at, values))
                users.append((target, change.attribute))
            else:
                unit = offset.dtype == np.int8
                target[change.attribute] = buffer.dense(
                    offset[vertex], "VEC3", VERTICES, bounds=True, unit=unit
                )
    for (target, attribute), accessor in zip(users, buffer.sparse(count, sparse), strict=True):
        target[attribute] = accessor
    return targets


def index_type(count: int) -> type[np.uint16] | type[np.uint32]:
    """For indices of so many vertices: 65535 restarts primitives and is no index (section 3.7.2.1)."""
    return np.uint16 if count <= 65535 else np.uint32


def above(offsets: F32, threshold: float) -> Mask:
    """Where (V,) offsets (V, 3) are longer than a threshold."""
    return np.einsum("vc,vc->v", offsets, offsets) > threshold**2
