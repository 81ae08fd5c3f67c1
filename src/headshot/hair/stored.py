"""Reading of the file of hair styles, brows and lashes that ships (tools/hair/build.py)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from headshot import assets
from headshot.arrays import F32, I32
from headshot.errors import AssetError
from headshot.models.correspondence import Correspondence
from headshot.reading.arrays import open_arrays
from headshot.reading.bounds import index_of, require_mesh
from headshot.reading.complaint import reading

ASSET = "hair.npz"
FORMAT_VERSION = 3


@contextmanager
def stored() -> Iterator[Mapping[str, Any]]:
    """The arrays of the file by name.

    Raises:
        AssetError: the file is missing, altered, or of another version.
    """
    file = assets.path(ASSET)
    with reading(file, "hair styles", AssetError), open_arrays(file) as data:
        version = int(data["format_version"])
        if version != FORMAT_VERSION:
            raise AssetError(f"{file} has format version {version}; this version reads {FORMAT_VERSION}")
        yield data


def mesh_of(data: Mapping[str, Any], name: str) -> tuple[F32, I32, F32, Correspondence]:
    """Vertices (P, 3), triangles (F, 3), texture coordinates (P, 2) and roots (P,) of a style or a piece.

    Raises:
        ValueError: they do not fit together.
    """

    def values(kind: str) -> F32:
        low, high = data[f"{name}/{kind}_bounds"]
        scaled: F32 = low + data[f"{name}/{kind}"].astype(np.float32) * ((high - low) / np.float32(65535))
        return scaled

    vertices, uv = values("vertices"), values("uv")
    triangles = index_of("triangles", data[f"{name}/triangles"], len(vertices))
    require_mesh(len(vertices), len(triangles))
    barycentric = data[f"{name}/root_barycentric"].astype(np.float32)
    barycentric /= barycentric.sum(axis=1, keepdims=True)
    root = Correspondence(data[f"{name}/root_triangle"].astype(np.int32), barycentric)
    if not len(root) == len(barycentric) == len(vertices) == len(uv):
        raise ValueError(f"{name} has {len(vertices)} vertices and {len(root)} roots")
    return vertices, triangles, uv, root
