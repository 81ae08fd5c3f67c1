"""Which view gives the fine detail of which part of the skin: the best one, in coherent regions.

Averaging views that are misaligned by millimetres would show brows and lips twice. So the detail of each part
of the skin is taken from one view, as in mosaics by labelling (Lempitsky and Ivanov, "Seamless Mosaicing of
Image-Based Texture Maps", CVPR 2007), here by the greatest of smoothed scores, and features are not divided.

Dimension letters: N views, S vertices of the skin, K features.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from headshot.arrays import F32
from headshot.models.head_model import HeadModel
from headshot.models.topologies import ibug68
from headshot.ramps import smoothstep
from headshot.texture.bands import smoothed
from headshot.texture.surface import surface_of

_COHERENCE = 8.0  # mm over which scores are smoothed
_FAVOUR = 1.25  # factor of one view's score: fewer, shorter borders between views
_LEAST = 1e-3  # score that counts in the mean over a feature for what is not seen of it
_VISIBLE = np.float32(0.3)  # from which on more visibility makes no better choice, within a feature


@lru_cache(maxsize=2)
def undivided(model: HeadModel) -> F32:
    """Regions (K, S) in [0, 1] of the skin that shall come from one view: eyes and brows, nose, and mouth."""
    skin = surface_of(model)
    points = model.mean[skin.vertices]
    marks = model.landmarks["ibug68"].on(model.mean, model.triangles)
    unit = float(np.linalg.norm(np.subtract(*marks[list(ibug68.OUTER_EYE_CORNERS)]))) / 90.0
    groups = (np.r_[ibug68.BROWS, ibug68.EYES], ibug68.NOSE, ibug68.MOUTH)
    out = []
    for group in groups:
        away = np.sqrt(((points[:, None] - marks[group]) ** 2).sum(axis=2).min(axis=1)) / unit
        out.append(1 - smoothstep(away, 9, 18))
    total = np.maximum(np.sum(out, axis=0), 1)
    return np.asarray(out / total, np.float32)


def choose_views(scores: F32, valid: F32, model: HeadModel, favoured: int) -> F32:
    """The share (N, S) of each view in each vertex, 0 or 1.

    Args:
        scores: (N, S) at least 0, how well each view shows each vertex.
        valid: (N, S) in [0, 1], whether it does at all, and whether other views agree.
        model: the head model.
        favoured: the view that is taken where others are hardly better.
    """
    skin = surface_of(model)
    log = np.log(np.maximum(scores, _LEAST))
    for region in undivided(model):
        area = region * skin.area
        log += region * ((log @ area / area.sum())[:, None] - log)
    usable = np.minimum(valid / _VISIBLE, 1)
    even = smoothed(skin, (np.exp(log) * usable).T, _COHERENCE) * usable.T
    even[:, favoured] *= _FAVOUR
    best = even.argmax(axis=1)
    return (np.arange(len(scores))[:, None] == best).astype(np.float32)
