"""One set of texels from several photos of one head.

    sample each photo ─► bring colours together ─► leave out what is no skin ─► average what is coarse
                         (harmonise, exposure)     (agreement, mismatch)         (bands, even)
                      ─► choose a view for what is fine ─► join
                         (choose)                          (join)

Dimension letters: N views, T x T texels, S vertices of the skin.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from headshot.arrays import F32, U8
from headshot.texture.agreement import agreement, consensus_of
from headshot.texture.appearance import PersonAlbedo
from headshot.texture.bands import FINEST, SCALES, blend_bands, smoothed
from headshot.texture.choose import choose_views, undivided
from headshot.texture.complete import vertex_colours
from headshot.texture.delight import features_of
from headshot.texture.even import border_of, evened
from headshot.texture.harmonise import (
    amplified,
    apply_gains,
    bare_skin,
    coloured,
    even_light,
    exposed,
    gains_of,
    log_colour,
    log_to_srgb,
    usual_tone,
)
from headshot.texture.join import Shown, join
from headshot.texture.layer import Layer, unit_weight
from headshot.texture.layout import Layout
from headshot.texture.mismatch import mismatch_of, reliability_of
from headshot.texture.sample import TexelSamples

# Share of views that were not chosen, for where the chosen one shows nothing.
_SPARE = np.float32(0.02)


@dataclass(frozen=True, eq=False)
class Merged:
    """What several photos show of a texture.

    Attributes:
        samples: the texels, in their mean exposure and one even light.
        source: (T, T) uint8, the view that each texel mainly comes from; undefined where none shows it.
        gains: (N, 3) factors of linear light by which the colours of each view were changed on the middle of
            the face.
    """

    samples: TexelSamples
    source: U8
    gains: F32


def merge(
    layout: Layout, layers: Sequence[Layer], albedo: PersonAlbedo | None = None, delit: bool = False
) -> Merged:
    """Merge the layers of several photos; their colours are changed in place.

    Args:
        layout: of the texture.
        layers: of the photos.
        albedo: the person's colours; without, the skin is expected to have one.
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
    tone, light = usual_tone(skin, layers, quality), None
    if delit:
        bare = expected = layers[0].skin.tone
    else:
        light = even_light(skin, layers)
        bare = bare_skin(skin, tone, light)
        expected = bare * features_of(albedo, skin, tone)
    expected = log_colour(expected)

    gains = gains_of(layout, layers, colours, quality, expected, light)
    for k, layer in enumerate(layers):
        apply_gains(layout, layer, gains[k])
        colours[k], _ = vertex_colours(layout.texels, skin, layer.colour, unit_weight(layer.weight))
    off = log_colour(colours) - expected
    quality *= amplified(gains)
    quality *= reliability_of(off, quality, skin)[:, None]
    sure = 1 - mismatch_of(off, seen, np.array([layer.skin.beard for layer in layers], np.float32), skin)
    consensus = consensus_of(colours, seen, skin)
    agreed = agreement(colours, consensus, skin) * sure
    scores = quality * agreed

    favoured = int((quality @ skin.frontal).argmax())
    chosen = choose_views(scores, seen * agreed, layout.model, favoured)
    masks = [_shares(smoothed(skin, scores.T, scale)) for scale in SCALES]
    # Of brows, lids and lips that are misaligned by millimetres the average is blurred.
    one = _shares(smoothed(skin, (chosen * seen).T, SCALES[0]))
    masks[0] += undivided(layout.model).sum(axis=0) * (one - masks[0])
    blend = blend_bands(skin, colours, seen * agreed, [*masks, masks[-1]])
    known = np.minimum((seen * agreed).sum(axis=0), 1)
    border = border_of(skin, known, max(layer.skin.beard for layer in layers))
    blend = log_to_srgb(expected + evened(skin, log_colour(blend) - expected, known, border))
    finest = _shares(smoothed(skin, chosen.T, FINEST)) + _SPARE * _shares(scores.T)
    texels = join(layout, layers, Shown(colours, finest * agreed, sure * (1 - border**2)), blend, consensus)
    core = skin.core * skin.area
    return Merged(
        TexelSamples(
            texels.colour,
            texels.weight,
            replace(layers[favoured].tone, tone=tone),
            replace(layers[favoured].skin, tone=bare),
        ),
        texels.source,
        np.exp((core / core.sum()) @ gains),
    )


def _shares(values: F32) -> F32:
    """Shares (N, S), which sum to 1 at each vertex, in proportion to values (S, N)."""
    positive = np.maximum(values.T, 0) + np.float32(1e-6)
    return np.asarray(positive / positive.sum(axis=0), np.float32)
