"""Detail that is finer than the mesh: how much of it is skin.

Where a photo is dark, dividing by its light amplifies noise and JPEG's blocks together with pores; and where
hair, beards and shadows end, what is fine is hair and the edge of shadow. The contrast of skin without light
does not vary much from person to person, nor over one face. So fine detail of more contrast than skins have
is scaled down to that, and towards the hairline to the contrast of the middle of the face.

Dimension letters: N x M texels, S vertices of the skin.
"""

from __future__ import annotations

import numpy as np

from headshot.arrays import F32, I32, Mask
from headshot.texture.bands import smoothed
from headshot.texture.surface import Surface

FLOOR = 0.01  # linear; added to both sides of ratios
# Standard deviations of brightness and tint of skin without light around the means of its vertices. Of 70
# photos of CelebAMask, HELEN, UTKFace, LFW and CFP that are not held out, nine in ten have less than 0.055
# and 0.018 on the cheeks; more have those that are noisy or dark.
_BRIGHT, _TINT = 0.045, 0.012
_AROUND = 4.0  # mm over which contrast is measured


def shares_of_detail(
    skin: Surface, corners: I32, shares: F32, ratio: F32, plain: Mask, drawn: F32, unsure: F32
) -> F32:
    """Factors (S, 2) of what is fine in brightness and in tint.

    Args:
        skin: the surface.
        corners: (N, 3) vertices of the skin around some texels that are seen.
        shares: (N, 3) barycentric.
        ratio: (N, 3) linear colours without light over the means around them.
        plain: (N,) texels of nothing but skin.
        drawn: (S,) in [0, 1], where detail is not that of skin: beards, brows, lids and lips.
        unsure: (S,) in [0, 1], where what is not skin should have as little contrast as what is.
    """
    mean = ratio.mean(axis=1)
    off = np.stack([np.abs(mean - 1), np.abs(ratio / mean[:, None] - 1).mean(axis=1)], axis=1)
    usual = np.array([1.4826, 1.2533])  # mean and median absolute deviation to standard deviation
    core = usual[0] * np.median(off[plain], axis=0) if plain.any() else np.array([_BRIGHT, _TINT])
    most = np.array([_BRIGHT, _TINT])
    flat, weights = corners.ravel(), shares.ravel()
    count = np.bincount(flat, weights, len(skin.vertices))
    sums = [np.bincount(flat, weights * np.repeat(off[:, k], 3), len(skin.vertices)) for k in range(2)]
    local = np.stack(sums, axis=1) / np.maximum(count, 1e-6)[:, None]
    local = usual[1] * smoothed(
        skin, local.astype(np.float32), _AROUND, np.minimum(count, 1).astype(np.float32)
    )
    everywhere = np.minimum(1, most / np.maximum(core, 1e-6))
    here = np.minimum(1, np.minimum(core, most) / np.maximum(local, 1e-6))
    out = 1 - (1 - drawn[:, None]) * (1 - everywhere)
    return np.asarray(out + unsure[:, None] * (here - out), np.float32)
