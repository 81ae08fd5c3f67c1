"""The texture of an asset in files: encoded as a picture, or as a colour of each vertex."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from headshot.arrays import U8
from headshot.export.asset import HeadAsset
from headshot.geometry.raster import sample


def encode_texture(pixels: U8, encoding: str, quality: int = 92) -> bytes:
    """A texture (H, W, 3) as a picture file.

    Args:
        pixels: sRGB.
        encoding: "jpeg", "png" or "webp".
        quality: of JPEG and WebP.
    """
    file = io.BytesIO()
    if encoding == "jpeg":
        # Full colour resolution: halved, colours would bleed across the borders of the texture's islands.
        Image.fromarray(pixels).save(file, "JPEG", quality=quality, subsampling=0, optimize=True)
    elif encoding == "webp":
        Image.fromarray(pixels).save(file, "WEBP", quality=quality, method=4)
    else:
        Image.fromarray(pixels).save(file, "PNG", compress_level=3)
    return file.getvalue()


def vertex_colours(asset: HeadAsset) -> U8 | None:
    """Colours (V, 3) uint8 sRGB of an asset's vertices, sampled from its texture if it has no others.

    At a seam of the texture the colour is from one of its sides. None without colours and texture.
    """
    if asset.colours is not None:
        return asset.colours
    if asset.texture is None or asset.uv is None or asset.triangles_uv is None:
        return None
    corner = np.zeros(len(asset.vertices), np.int64)
    corner[asset.triangles.ravel()] = asset.triangles_uv.ravel()
    height, width = asset.texture.shape[:2]
    colours = sample(asset.texture, asset.uv[corner] * np.array([width, height], np.float32))
    return np.round(colours * 255).astype(np.uint8)
