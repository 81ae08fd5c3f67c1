"""OBJ + MTL + PNG: the head as a static mesh in millimetres.

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
from headshot.export.settings import Target
from headshot.export.texture import encode_texture
from headshot.geometry.raster import vertex_normals
from headshot.version import __version__


def write(asset: HeadAsset, target: Target) -> dict[str, bytes]:
    """The files of `obj`, content by file name."""
    return obj(asset, target.stem)


def obj(asset: HeadAsset, stem: str) -> dict[str, bytes]:
    """The OBJ, its MTL, and the texture (where there is one), content by file name.

    Colours of the vertices follow their coordinates, as MeshLab and Blender read them, if there is no
    texture.
    """
    vertices = asset.vertices
    lines = [
        f"# Headshot {__version__}: millimetres, x to the subject's left, y up, z out of the face",
        *([f"# {asset.comment}"] if asset.comment else []),
        f"mtllib {stem}.mtl",
        f"o {asset.name}",
        f"usemtl {asset.name}",
    ]
    if asset.colours is not None and asset.texture is None:
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
        for first, last in part.ranges:
            lines += [f"g {part.name}", _lines(f"f {corner} {corner} {corner}", corners[first:last])]
    files = {f"{stem}.obj": ("\n".join(lines) + "\n").encode(), f"{stem}.mtl": _material(asset, stem)}
    if asset.texture is not None:
        files[f"{stem}_texture.png"] = encode_texture(asset.texture, "png")
    return files


def _lines(row: str, values: NDArray[Any]) -> str:
    """One line of text per row of an array."""
    return "\n".join([row] * len(values)) % tuple(values.ravel().tolist())


def _material(asset: HeadAsset, stem: str) -> bytes:
    """The MTL: white under colours from elsewhere, else of the colour of the first part."""
    coloured = asset.texture is not None or asset.colours is not None
    colour = (1.0, 1.0, 1.0) if coloured or not asset.parts else asset.parts[0].material.colour
    lines = [
        f"# Headshot {__version__}",
        f"newmtl {asset.name}",
        "Kd {:.3f} {:.3f} {:.3f}".format(*colour),
        "Ks 0.040 0.040 0.040",
        "Ns 10.0",
        "illum 2",
    ]
    if asset.texture is not None:
        lines.append(f"map_Kd {stem}_texture.png")
    return ("\n".join(lines) + "\n").encode()
