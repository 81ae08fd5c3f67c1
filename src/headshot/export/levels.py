"""Levels of detail: the bundled head with fewer triangles.

The asset ``levels.npz`` (tools/head_model/levels.py) says which corners of the fine model's triangles make
the triangles of a level. No vertex is moved, so that all that is known of the vertices that stay holds: their
places, expressions, colours, texture coordinates and weights of bones.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from hashlib import sha256

import numpy as np

from headshot import assets
from headshot.arrays import Index
from headshot.errors import AssetError
from headshot.export.asset import HeadAsset, MorphTarget, Part
from headshot.models.head_model import HeadModel
from headshot.reading.arrays import open_arrays
from headshot.reading.complaint import reading

ASSET = "levels.npz"
Spans = dict[str, tuple[int, int]]


def fingerprint(model: HeadModel) -> str:
    """SHA-256 of the triangles that levels are made of."""
    digest = sha256(repr(model.parts).encode())
    for values in (model.triangles, model.triangles_uv):
        digest.update(np.ascontiguousarray(values, np.int32).tobytes())
    return digest.hexdigest()


@lru_cache(maxsize=3)
def level_of(model: HeadModel, level: int) -> tuple[Index, Spans]:
    """Corners (F, 3) of a level, counted through the model's triangles, and the triangles of each part.

    Raises:
        AssetError: the levels are those of another version of the model.
    """
    file = assets.path(ASSET)
    with reading(file, "levels of detail", AssetError, "reinstall headshot"), open_arrays(file) as data:
        if str(data["fingerprint"]) != fingerprint(model):
            raise ValueError("they are of another head model: run tools/head_model/levels.py")
        corners = data[f"corners/{level}"].astype(np.int64)
        spans = data[f"parts/{level}"]
        if not (len(corners) and corners.max() < model.triangles.size and len(spans) == len(model.parts)):
            raise ValueError("they do not fit the head model")
    return corners, {name: (int(a), int(b)) for name, (a, b) in zip(model.parts, spans, strict=True)}


def reduced(asset: HeadAsset, model: HeadModel, level: int) -> HeadAsset:
    """An asset of a head of the fine model with the triangles of a level.

    Args:
        asset: all of whose vertices and triangles are those of the model.
        model: the bundled model at high resolution.
        level: 1, 2 or 3: about 16,000, 5,000 or 1,500 triangles of skin.
    """
    corners, spans = level_of(model, level)
    used, triangles = np.unique(model.triangles.ravel()[corners].astype(np.int64), return_inverse=True)
    uv = triangles_uv = None
    if asset.uv is not None and asset.triangles_uv is not None:
        places, at = np.unique(asset.triangles_uv.ravel()[corners], return_inverse=True)
        uv, triangles_uv = asset.uv[places], at.reshape(corners.shape).astype(np.int32)

    neck = asset.neck
    if neck is not None:
        neck = np.searchsorted(used, neck[np.isin(neck, used)])
    return replace(
        asset,
        neutral=asset.neutral[used],
        vertices=asset.vertices[used],
        triangles=triangles.reshape(corners.shape).astype(np.int32),
        parts=tuple(_reduced_part(part, model.parts, spans) for part in asset.parts),
        morphs=tuple(MorphTarget(morph.name, morph.offsets[used], morph.weight) for morph in asset.morphs),
        colours=None if asset.colours is None else asset.colours[used],
        bones=None if asset.bones is None else asset.bones.restricted(used),
        neck=neck,
        uv=uv,
        triangles_uv=triangles_uv,
    )


def _reduced_part(part: Part, before: Spans, after: Spans) -> Part:
    """The part with the triangles that a level has in the place of the model's."""
    names = {span: name for name, span in before.items()}
    return replace(part, ranges=tuple(after[names[span]] for span in part.ranges))
