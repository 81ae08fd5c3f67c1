"""What photos show that is not like the skin that is expected: hair and its shadow, light of another colour.

Voting (`headshot.texture.agreement`) needs three views of a point. Temples and the skin before the ears are
often seen by one or two, with hair close by that a photo's own skin-colour model has followed. Here every
view is compared with the person's skin in one even light (`headshot.texture.harmonise.bare_skin`), to
which all have been brought.

Dimension letters: N views, S vertices of the skin.
"""

from __future__ import annotations

import numpy as np

from headshot.arrays import F32
from headshot.ramps import smoothstep
from headshot.texture.bands import smoothed
from headshot.texture.surface import Surface

# Deviations of log brightness and of log tints from the expected skin at which mismatch begins and is full;
# chosen on people that benchmarks/held_out_views.py does not measure.
_DARK, _BRIGHT, _TINTED = (0.22, 0.50), (0.35, 0.70), (0.17, 0.34)
_BEARD = 1.5  # how much more a beard may differ in its tint
_AROUND = 5.0  # mm by which mismatch spreads: next to hair there is its shadow
_VISIBLE = np.float32(0.25)  # from which on what a view shows counts in full
_NOISE = 0.12  # deviation of log brightness at which a view counts half
_MOST = 1.0  # deviation that counts at most: single hairs are not the light


def reliability_of(off: F32, quality: F32, skin: Surface) -> F32:
    """How far each view (N,) is like the expected skin, in [0, 1]: views in hard light are not.

    The weight of a measurement is its inverse variance: that of the noise of all plus the view's own.

    Args:
        off: (N, S, 3) deviations of log colours from the expected skin.
        quality: (N, S) how well each view shows each vertex.
        skin: the surface.
    """
    squares = np.minimum(off.mean(axis=2) ** 2, _MOST**2)
    weight = quality * skin.growth * skin.area
    own = (weight * squares).sum(axis=1) / np.maximum(weight.sum(axis=1), 1e-6)
    return np.asarray(1 / (1 + own / _NOISE**2), np.float32)


def mismatch_of(off: F32, seen: F32, beards: F32, skin: Surface) -> F32:
    """How far what each view shows at each vertex (N, S) is not the person's skin, in [0, 1].

    Brows, eyes, nose, lips and the middle of the cheeks have colours of their own, and beards are dark.

    Args:
        off: (N, S, 3) deviations of log colours from the expected skin.
        seen: (N, S) in [0, 1], how well each view shows each vertex.
        beards: (N,) in [0, 1], whether each view shows a beard.
        skin: the surface.
    """
    tint = np.hypot(off[..., 0] - off[..., 1], off[..., 2] - off[..., 1])
    bright = off.mean(axis=2)
    beard = beards[:, None] * skin.beard
    dark = (1 - beard) * smoothstep(-bright, *_DARK)
    strange = smoothstep(tint / (1 + _BEARD * beard), *_TINTED)
    unlike = np.maximum(np.maximum(dark, smoothstep(bright, *_BRIGHT)), strange)
    here = skin.selectivity * (1 - skin.core) * unlike
    visible = np.minimum(seen / _VISIBLE, 1)
    around = smoothed(skin, (here * visible).T.astype(np.float32), _AROUND).T
    near = np.clip(2 * around, 0, 1) * skin.selectivity * (1 - skin.core)
    return np.asarray(np.maximum(here, near), np.float32)
