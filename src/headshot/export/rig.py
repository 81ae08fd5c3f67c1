"""What settings make of a head: fewer triangles, bones, and the mouths of speech as morph targets."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from headshot.arrays import F32
from headshot.errors import HeadshotError
from headshot.export.asset import HeadAsset, MorphTarget, asset_of
from headshot.export.levels import reduced
from headshot.export.settings import ExportSettings
from headshot.export.surface import skin_surface
from headshot.models.bones import bones_of
from headshot.models.head_model import load_head_model
from headshot.models.protocol import BUNDLED
from headshot.models.visemes import VISEMES

if TYPE_CHECKING:
    from headshot.head_data import HeadData

FINE = "high"
"""Resolution of the model that levels are made of."""


def rigged_asset(head: HeadData, settings: ExportSettings) -> HeadAsset:
    """A reconstructed head as an asset with what the settings ask for.

    Raises:
        HeadshotError: they ask for what a head of this model does not have.
    """
    if settings.level and head.bundled.resolution != FINE:
        # Coefficients are the same at both resolutions, and so is the layout of the texture.
        estimate = replace(head.estimate, resolution=FINE)
        head = replace(head, model=load_head_model(FINE), estimate=estimate)
    asset = asset_of(head, settings)
    # What is measured of the bundled model's skin holds for its own triangles alone.
    if head.model.id == BUNDLED and head.model is load_head_model(head.bundled.resolution):
        asset = replace(asset, surface=skin_surface(head.bundled))
    if settings.bones:
        model = head.bundled
        (jaw_open,) = (morph.offsets for morph in asset.morphs if morph.name == "jawOpen")
        asset = replace(asset, bones=bones_of(model, asset.neutral, jaw_open, head.scale))
    if settings.level:
        asset = reduced(asset, head.bundled, settings.level)
    return with_visemes(asset) if settings.visemes else asset


def with_visemes(asset: HeadAsset) -> HeadAsset:
    """An asset with the 15 visemes after its own morph targets, of which they are sums.

    Raises:
        HeadshotError: it lacks expressions of ARKit that they are made of.
    """
    offsets = {morph.name: morph.offsets for morph in asset.morphs}
    missing = sorted({name for weights in VISEMES.values() for name in weights} - set(offsets))
    if missing:
        raise HeadshotError(
            f"visemes are made of ARKit's expressions, and this head has no {', '.join(missing)}: "
            "reconstruct the photo without another model"
        )
    names = list(offsets)
    mixed = np.zeros((len(VISEMES), len(names)), np.float32)
    for row, weights in zip(mixed, VISEMES.values(), strict=True):
        for expression, weight in weights.items():
            row[names.index(expression)] = weight
    added = [
        MorphTarget(name, sum_of(row, list(offsets.values())))
        for name, row in zip(VISEMES, mixed, strict=True)
    ]
    hung = tuple(
        replace(one, offsets=np.concatenate([one.offsets, np.tensordot(mixed, one.offsets, 1)]))
        for one in asset.attachments
    )
    return replace(asset, morphs=(*asset.morphs, *added), attachments=hung)


def sum_of(weights: F32, fields: list[F32]) -> F32:
    """(V, 3) the sum of weights (K,) times fields (V, 3)."""
    total = np.zeros_like(fields[0])
    for number in np.flatnonzero(weights):
        total += weights[number] * fields[number]
    return total
