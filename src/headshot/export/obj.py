"""OBJ + MTL + PNG: the head as a static mesh in millimetres or centimetres.

Vertices are written in the order of the model, none split and none left out, so that indices, landmarks and
region masks of the model hold for the file. There is one material, since readers like to take a file with
several apart. OBJ counts from 1 and has its texture origin at the bottom left, so v is flipped here and
nowhere else.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from headshot.export.asset import HeadAsset
from headshot.export.settings import UNITS, Target
from headshot.export.texture import encode_texture
from headshot.geometry.raster import vertex_normals
from headshot.version import __version__


def write(asset: HeadAsset, target: Target) -> dict[str, bytes]:
    """The files of `obj`, content by file name."""
    return obj(asset, target.stem, target.settings.unit)


def obj(asset: HeadAsset, stem: str, unit: str = "millimetre") -> dict[str, bytes]:
    """The OBJ and, where there is a texture, its MTL and the texture, content by file name.

    Without a texture, colours of the vertices follow their coordinates, as MeshLab and Blender read them.
    There is no material then, since programs that find one (trimesh, three.js) leave such colours out.
    """
    vertices, textured = asset.vertices * np.float32(UNITS[unit]), asset.texture is not None
    lines = [
        f"# Headshot {__version__}: {unit}s, x to the subject's left, y up, z out of the face",
        *([f"# {asset.comment}"] if asset.comment else []),
        *([f"mtllib {stem}.mtl"] if textured else []),
        f"o {asset.name}",
        *([f"usemtl {asset.name}"] if textured else []),
    ]
    if asset.colours is not None and not textured:
        coloured = np.hstack([vertices, asset.colours / 255.0])
        lines.append(_lines("v %.4f %.4f %.4f %.4f %.4f %.4f", coloured))
    else:
        lines.append(_lines("v %.4f %.4f %.4f", vertices))
    position = asset.triangles + 1
    columns, corner = [position, position], "%d//%d"
    if asset.uv is not None and asset.triangles_uv is not None:
        lines.append(_lines("vt %.6f %.6f", np.stack([asset.uv[:, 0], 1 - asset.uv[:, 1]], axis=1)))
        columns, corner = [position, asset.triangles_uv + 1, position], "%d/%d/%d"
    lines.append(_lines("vn %.4f %.4f %.4f", vertex_normals(vertices, asset.triangles)))
    corners = np.stack(columns, axis=-1).reshape(len(position), -1)
    for part in asset.parts:
        # One group a part: three.js makes a mesh of each.
        lines.append(f"g {part.name}")
        for first, last in part.ranges:
            lines.append(_lines(f"f {corner} {corner} {corner}", corners[first:last]))
    files = {f"{stem}.obj": ("\n".join(lines) + "\n").encode()}
    if asset.texture is not None:
        files[f"{stem}.mtl"] = _material(asset.name, stem)
        files[f"{stem}_texture.png"] = encode_texture(asset.texture, "png")
    return files


def _lines(row: str, values: NDArray[Any]) -> str:
    """One line of text per row of an array."""
    return "\n".join([row] * len(values)) % tuple(values.ravel().tolist())


def _material(name: str, stem: str) -> bytes:
    """The MTL: white, times the texture."""
    lines = [
        f"# Headshot {__version__}",
        f"newmtl {name}",
        "Kd 1.000 1.000 1.000",
        "Ks 0.040 0.040 0.040",
        "Ns 10.0",
        "illum 2",
        f"map_Kd {stem}_texture.png",
    ]
    return ("\n".join(lines) + "\n").encode()
