"""Binary little-endian PLY in millimetres or centimetres, with normals and a colour per vertex.

For point-based tools such as MeshLab, CloudCompare and Open3D. Vertices are in the order of the model.
"""

from __future__ import annotations

import numpy as np

from headshot.export.asset import HeadAsset
from headshot.export.settings import UNITS, Target
from headshot.export.texture import vertex_colours
from headshot.geometry.raster import vertex_normals
from headshot.version import __version__


def write(asset: HeadAsset, target: Target) -> dict[str, bytes]:
    """The PLY, content by file name."""
    return {f"{target.stem}.ply": ply(asset, target.settings.unit)}


def ply(asset: HeadAsset, unit: str = "millimetre") -> bytes:
    """The PLY file of an asset; without texture and colours it has no colours either."""
    vertices, triangles = asset.vertices * np.float32(UNITS[unit]), asset.triangles
    normals = vertex_normals(vertices, triangles)
    columns = dict(zip(("x", "y", "z", "nx", "ny", "nz"), [*vertices.T, *normals.T], strict=True))
    colours = vertex_colours(asset)
    if colours is not None:
        columns |= zip(("red", "green", "blue"), colours.T, strict=True)
    kinds = {name: "u1" if values.dtype == np.uint8 else "<f4" for name, values in columns.items()}
    points = np.empty(len(vertices), dtype=list(kinds.items()))
    for name, values in columns.items():
        points[name] = values
    faces = np.empty(len(triangles), dtype=[("count", "u1"), ("corners", "<i4", (3,))])
    faces["count"], faces["corners"] = 3, triangles
    header = [
        "ply",
        "format binary_little_endian 1.0",
        f"comment Headshot {__version__}: {unit}s, x to the subject's left, y up, z out of the face",
        *([f"comment {asset.comment}"] if asset.comment else []),
        f"element vertex {len(points)}",
        *(f"property {'float' if kind == '<f4' else 'uchar'} {name}" for name, kind in kinds.items()),
        f"element face {len(faces)}",
        "property list uchar int vertex_indices",
        "end_header",
    ]
    return ("\n".join(header) + "\n").encode() + points.tobytes() + faces.tobytes()
