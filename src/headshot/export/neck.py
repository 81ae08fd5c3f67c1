"""A lid for the open neck of a head.

Renderers draw both sides of a surface only at a price: along the outlines of a lit head, pixels of the far
side shine through. A head that is closed at the neck needs no second side.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from headshot.arrays import AnyArray, Index
from headshot.export.asset import HeadAsset, MorphTarget, Part


def neck_lid(asset: HeadAsset, rim: Index) -> HeadAsset:
    """A fan of triangles that closes a neck, with vertices of its own, so that the edge stays sharp.

    It moves with the rim, and has the colour of the nape, the material of the asset's first part, and morph
    targets of the same names.

    Args:
        asset: the head.
        rim: (K,) vertices of the neck's border, in the order in which the skin's triangles pass them.
    """
    count = len(rim)

    def closed(values: AnyArray) -> AnyArray:
        """Values (V, 3) of the vertices at the rim, and their mean for the middle."""
        around = values[rim]
        middle = around.mean(axis=0, keepdims=True, dtype=np.float64)
        return np.concatenate([around, middle]).astype(values.dtype)

    corner = np.arange(count, dtype=np.int32)
    # Passed in the other direction than by the skin's triangles, so that it faces outwards.
    fan = np.stack([np.roll(corner, -1), corner, np.full(count, count, np.int32)], axis=1)
    uv = triangles_uv = None
    if asset.uv is not None and asset.triangles_uv is not None:
        nape = rim[np.argmin(asset.neutral[rim, 2])]
        uv = asset.uv[asset.triangles_uv[asset.triangles == nape][:1]]
        triangles_uv = np.zeros_like(fan)
    return replace(
        asset,
        neutral=closed(asset.neutral),
        vertices=closed(asset.vertices),
        triangles=fan,
        parts=(Part("Neck", ((0, count),), asset.parts[0].material),),
        morphs=tuple(MorphTarget(m.name, closed(m.offsets), m.weight) for m in asset.morphs),
        uv=uv,
        triangles_uv=triangles_uv,
        colours=None if asset.colours is None else closed(asset.colours),
        bones=None if asset.bones is None else replace(asset.bones, weights=closed(asset.bones.weights)),
        neck=None,
        attachments=(),
    )
