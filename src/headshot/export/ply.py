"""Binary little-endian PLY in millimetres, with normals and a colour per vertex.

For point-based tools such as MeshLab, CloudCompare and Open3D. Vertices are in the order of the head model.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from headshot import __version__
from headshot.arrays import I32, U8
from headshot.export.settings import ExportSettings
from headshot.geometry.raster import sample, vertex_normals

if TYPE_CHECKING:
    from headshot.models.head_model import HeadModel
    from headshot.pipeline import Reconstruction


def ply(head: Reconstruction, settings: ExportSettings | None = None) -> bytes:
    """The PLY file of a reconstruction; without a texture it has no colours."""
    options = settings or ExportSettings()
    vertices, texture = options.mesh_vertices(head), options.texture_pixels(head)
    normals = vertex_normals(vertices, head.triangles)
    columns = dict(zip(("x", "y", "z", "nx", "ny", "nz"), [*vertices.T, *normals.T], strict=True))
    if texture is not None:
        columns |= zip(("red", "green", "blue"), vertex_colours(texture, head.model).T, strict=True)
    return binary_ply(columns, head.triangles)


def binary_ply(columns: dict[str, NDArray[Any]], triangles: I32, comment: str = "") -> bytes:
    """A PLY file.

    Args:
        columns: property -> (V,) values of the vertices in the file's order: uint8, or written as float32.
        triangles: (F, 3).
        comment: a line of the header beside the one about units.
    """
    kinds = {name: "u1" if values.dtype == np.uint8 else "<f4" for name, values in columns.items()}
    points = np.empty(len(next(iter(columns.values()))), dtype=list(kinds.items()))
    for name, values in columns.items():
        points[name] = values
    faces = np.empty(len(triangles), dtype=[("count", "u1"), ("corners", "<i4", (3,))])
    faces["count"], faces["corners"] = 3, triangles
    header = [
        "ply",
        "format binary_little_endian 1.0",
        f"comment Headshot {__version__}: millimetres, x to the subject's left, y up, z out of the face",
        *([f"comment {comment}"] if comment else []),
        f"element vertex {len(points)}",
        *(f"property {'float' if kind == '<f4' else 'uchar'} {name}" for name, kind in kinds.items()),
        f"element face {len(faces)}",
        "property list uchar int vertex_indices",
        "end_header",
    ]
    return ("\n".join(header) + "\n").encode() + points.tobytes() + faces.tobytes()


def vertex_colours(texture: U8, model: HeadModel) -> U8:
    """Colours (V, 3) uint8 sRGB of the vertices; at a seam of the texture, from one of its sides."""
    corner = np.zeros(len(model.mean), np.int64)
    corner[model.triangles.ravel()] = model.triangles_uv.ravel()
    height, width = texture.shape[:2]
    colours = sample(texture, model.uv[corner] * np.array([width, height], np.float32))
    return np.round(colours * 255).astype(np.uint8)
