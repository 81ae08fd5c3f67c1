"""OBJ + MTL + PNG: the head as a static mesh in millimetres.

Vertices are written in the order of the head model, none split and none left out, so that indices, landmarks
and region masks of the model hold for the file. There is one material, since readers like to take a file
with several apart. OBJ counts from 1 and has its texture origin at the bottom left, so v is flipped here and
nowhere else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from headshot import __version__
from headshot.export.gltf import MATERIALS, NODES, encode_texture
from headshot.export.settings import ExportSettings
from headshot.geometry.raster import vertex_normals

if TYPE_CHECKING:
    from headshot.pipeline import Reconstruction


def obj(head: Reconstruction, stem: str, settings: ExportSettings | None = None) -> dict[str, bytes]:
    """The OBJ, its MTL, and the texture (where there is one), content by file name."""
    options = settings or ExportSettings()
    vertices, pixels = options.mesh_vertices(head), options.texture_pixels(head)
    model = head.model
    lines = [
        f"# Headshot {__version__}: millimetres, x to the subject's left, y up, z out of the face",
        f"mtllib {stem}.mtl",
        "o Head",
        "usemtl Head",
        _lines("v %.4f %.4f %.4f", vertices),
        _lines("vt %.6f %.6f", np.stack([model.uv[:, 0], 1 - model.uv[:, 1]], axis=1)),
        _lines("vn %.4f %.4f %.4f", vertex_normals(vertices, model.triangles)),
    ]
    position, texture = model.triangles + 1, model.triangles_uv + 1
    corners = np.stack([position, texture, position], axis=-1).reshape(-1, 9)
    for node, parts in NODES.items():
        for part in parts:
            if part in model.parts:
                lines.append(f"g {node}")
                lines.append(_lines("f %d/%d/%d %d/%d/%d %d/%d/%d", corners[slice(*model.parts[part])]))
    files = {
        f"{stem}.obj": ("\n".join(lines) + "\n").encode(),
        f"{stem}.mtl": _material(stem, pixels is not None),
    }
    if pixels is not None:
        files[f"{stem}_texture.png"] = encode_texture(pixels, "png", 0)
    return files


def _lines(row: str, values: NDArray[Any]) -> str:
    """One line of text per row of an array."""
    return "\n".join([row] * len(values)) % tuple(values.ravel().tolist())


def _material(stem: str, textured: bool) -> bytes:
    colour = (1.0, 1.0, 1.0) if textured else MATERIALS["Skin"][1]
    lines = [
        f"# Headshot {__version__}",
        "newmtl Head",
        "Kd {:.3f} {:.3f} {:.3f}".format(*colour),
        "Ks 0.040 0.040 0.040",
        "Ns 10.0",
        "illum 2",
    ]
    if textured:
        lines.append(f"map_Kd {stem}_texture.png")
    return ("\n".join(lines) + "\n").encode()
