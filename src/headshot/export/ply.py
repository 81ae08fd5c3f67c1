"""Binary little-endian PLY in millimetres, with normals and a colour per vertex.

For point-based tools such as MeshLab, CloudCompare and Open3D. Vertices are in the order of the head model.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from headshot import __version__
from headshot.export.settings import ExportSettings
from headshot.raster import sample, vertex_normals

if TYPE_CHECKING:
    from headshot.head_model import HeadModel
    from headshot.reconstruction import Reconstruction


def ply(head: Reconstruction, settings: ExportSettings | None = None) -> bytes:
    """The PLY file of a reconstruction; without a texture it has no colours."""
    options = settings or ExportSettings()
    vertices, texture = options.mesh_vertices(head), options.texture_pixels(head)
    fields = [("x", "<f4"), ("y", "<f4"), ("z", "<f4"), ("nx", "<f4"), ("ny", "<f4"), ("nz", "<f4")]
    columns = [*vertices.T, *vertex_normals(vertices, head.triangles).T]
    if texture is not None:
        fields += [("red", "u1"), ("green", "u1"), ("blue", "u1")]
        columns += list(vertex_colours(texture, head.model).T)
    points = np.empty(len(vertices), dtype=fields)
    for (name, _), column in zip(fields, columns, strict=True):
        points[name] = column
    faces = np.empty(len(head.triangles), dtype=[("count", "u1"), ("corners", "<i4", (3,))])
    faces["count"], faces["corners"] = 3, head.triangles
    properties = [f"property {'float' if kind == '<f4' else 'uchar'} {name}" for name, kind in fields]
    header = [
        "ply",
        "format binary_little_endian 1.0",
        f"comment Headshot {__version__}: millimetres, x to the subject's left, y up, z out of the face",
        f"element vertex {len(points)}",
        *properties,
        f"element face {len(faces)}",
        "property list uchar int vertex_indices",
        "end_header",
    ]
    return ("\n".join(header) + "\n").encode() + points.tobytes() + faces.tobytes()


def vertex_colours(texture: NDArray[np.uint8], model: HeadModel) -> NDArray[np.uint8]:
    """Colours (V, 3) uint8 sRGB of the vertices; at a seam of the texture, from one of its sides."""
    corner = np.zeros(len(model.mean), np.int64)
    corner[model.triangles.ravel()] = model.triangles_uv.ravel()
    height, width = texture.shape[:2]
    colours = sample(texture, model.uv[corner] * np.array([width, height], np.float32))
    return np.round(colours * 255).astype(np.uint8)
