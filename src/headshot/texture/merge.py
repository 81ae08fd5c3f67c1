"""One set of texels from several photos of one head.

    sample each photo ─► bring colours together ─► vote outliers down ─► choose views ─► blend their bands
                         (harmonise, exposure)     (agreement)           (choose)        (bands, join)

Dimension letters: N views, T x T texels, S vertices of the skin.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from headshot.arrays import F32, U8
from headshot.texture.agreement import agreement, consensus_of
from headshot.texture.bands import FINEST, SCALES, blend_bands, smoothed
from headshot.texture.choose import choose_views
from headshot.texture.complete import vertex_colours
from headshot.texture.harmonise import (
    apply_gains,
    choose_reference,
    coloured,
    exposed,
    gains_of,
    gains_to_albedo,
)
from headshot.texture.join import Joined, join
from headshot.texture.layer import Layer, unit_weight
from headshot.texture.layout import Layout
from headshot.texture.sample import TexelSamples
from headshot.texture.skin_colour import SkinColourModel, VertexSamples, fit_skin_colour

# Share of views that were not chosen, for where the chosen one shows nothing.
_SPARE = np.float32(0.02)
# Visibility in addition to that of the reference from which on other views say what skin around is like.
_MORE = np.float32(0.25)


@dataclass(frozen=True, eq=False)
class Merged:
    """What several photos show of a texture.

    Attributes:
        samples: the texels, in the light and exposure of a reference view.
        source: (T, T) uint8, the view that each texel mainly comes from; undefined where none shows it.
        gains: (N, 3) factors of linear light by which the colours of each view were changed on the middle of
            the face.
    """

    samples: TexelSamples
    source: U8
    gains: F32


def merge(layout: Layout, layers: Sequence[Layer], delit: bool = False) -> Merged:
    """Merge the layers of several photos; their colours are changed in place.

    Args:
        layout: of the texture.
        layers: of the photos.
        delit: the light is taken out of all of them.
    """
    skin = layout.skin
    seen = np.empty((len(layers), len(skin.vertices)), np.float32)
    colours = np.empty((*seen.shape, 3), np.float32)
    for k, layer in enumerate(layers):
        colours[k], seen[k] = vertex_colours(layout.texels, skin, layer.colour, unit_weight(layer.weight))
    np.clip(seen, 0, 1, out=seen)
    quality = np.stack([layer.trust * layer.sharpness for layer in layers]) * seen
    quality *= exposed(colours) * coloured(layers)[:, None]
    reference = choose_reference(skin, layers, quality)
    if delit:
        gains = gains_to_albedo(layout, layers, colours, quality)
    else:
        gains = gains_of(layout, layers, colours, quality, reference)
    for k, layer in enumerate(layers):
        if gains[k].any():
            apply_gains(layout, layer, gains[k])
            colours[k], _ = vertex_colours(layout.texels, skin, layer.colour, unit_weight(layer.weight))
    consensus = consensus_of(colours, seen, skin)
    agreed = agreement(colours, consensus, skin)
    scores = quality * agreed
    chosen = choose_views(scores, seen * agreed, layout.model, reference)
    masks = [_shares(smoothed(skin, (chosen * seen).T, scale)) for scale in SCALES]
    masks.append(_shares(smoothed(skin, (quality * agreed).T, SCALES[-1])))
    blend = blend_bands(skin, colours, seen * agreed, masks)
    finest = _shares(smoothed(skin, chosen.T, FINEST)) + _SPARE * _shares(scores.T)
    texels = join(layout, layers, colours, finest * agreed, blend, consensus)
    main = layers[reference]
    # Where other views show more, hidden skin around that is expected to be as it is.
    more = np.maximum(seen.max(axis=0) - seen[reference], 0)
    model = main.skin if delit or not more.any() else _skin_colour(layout, main, texels, more)
    core = skin.core * skin.area
    return Merged(
        TexelSamples(texels.colour, texels.weight, main.tone, model),
        texels.source,
        np.exp((core / core.sum()) @ gains),
    )


def _shares(values: F32) -> F32:
    """Shares (N, S), which sum to 1 at each vertex, in proportion to values (S, N)."""
    positive = np.maximum(values.T, 0) + np.float32(1e-6)
    return np.asarray(positive / positive.sum(axis=0), np.float32)


def _skin_colour(layout: Layout, reference: Layer, merged: Joined, more: F32) -> SkinColourModel:
    """The skin-colour model in the light of the reference: from what all views show together, around the
    vertices (S,) of which others show more than the reference, by so much in [0, 1]."""
    colour, weight = vertex_colours(layout.texels, layout.skin, merged.colour, merged.weight)
    nothing = np.zeros(len(weight), np.float32)
    samples = VertexSamples(colour * 255, np.minimum(weight, 1), nothing, nothing)
    every = fit_skin_colour(layout.skin, samples, reference.normals, reference.tone, reference.shading)
    share = smoothed(layout.skin, more[:, None], SCALES[-1])
    share = np.clip(share / _MORE, 0, 1)
    tone = reference.skin.tone + share * (every.tone - reference.skin.tone)
    return replace(every, tone=tone.astype(np.float32))
