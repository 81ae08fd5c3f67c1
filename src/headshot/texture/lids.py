"""The skin of lids that an open eye folds away: photos show too little of it to stretch over a shut eye.

When an eye opens, the skin above the lashes goes into a crease, and a photo shows a line of it, dark with
lashes, shadow and paint. Stretched over the whole lid that line is a smear.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from headshot.arrays import F32, I32, Array
from headshot.models.head_model import HeadModel
from headshot.ramps import smoothstep
from headshot.texture.atlas import atlas_of
from headshot.texture.layout import Layout
from headshot.texture.view import TextureView

_LIDS = 0.3  # weight of their region in all corners of a triangle
_FOLDED = (0.22, 0.5)  # share of its area on a shut lid that a triangle shows: less says nothing, more counts


@lru_cache(maxsize=2)
def lid_texels(model: HeadModel, size: int) -> tuple[I32, I32, F32]:
    """Triangles (K,) of the lids, the place among them of each texel of the texture on one, and their areas.

    Returns:
        (K,) triangles; (2, N) flat indices of the texels and places of their triangles; (K,) areas on the
        mean head with its eyes shut, mm^2.
    """
    first, last = model.parts["skin"]
    on_lid = model.regions["eyelids"][model.triangles[first:last]].min(axis=1) > _LIDS
    chosen = (first + np.flatnonzero(on_lid)).astype(np.int32)
    weights = np.array([name.startswith("eyeBlink") for name in model.expression_names], np.float32)
    place = np.full(len(model.triangles), -1, np.int32)
    place[chosen] = np.arange(len(chosen))
    of_texel = place[atlas_of(model, size).triangle.ravel()]
    index = np.flatnonzero(of_texel >= 0)
    texels = np.stack([index, of_texel[index]]).astype(np.int32)
    corners = model.shape(None, weights)[model.triangles[chosen]]
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1) / 2
    return chosen, texels, area.astype(np.float32)


def without_folded(layout: Layout, views: Sequence[TextureView], weight: F32) -> F32:
    """Weights (T, T) without those of texels of lids of which no photo shows more than a sliver."""
    model = layout.model
    if not {"eyeBlinkLeft", "eyeBlinkRight"} <= set(model.expression_names):
        return weight
    triangles, (index, place), shut = lid_texels(model, layout.size)
    corners = model.triangles[triangles]
    share: Array = np.zeros(len(triangles))
    for view in views:
        # The triangle as the camera sees it, on a plane across its line of sight.
        pixels = view.camera.project(view.vertices[corners])
        depth = -view.camera.to_camera(view.vertices[corners])[..., 2].mean(axis=1)
        one, two = pixels[:, 1] - pixels[:, 0], pixels[:, 2] - pixels[:, 0]
        area = np.abs(one[:, 0] * two[:, 1] - one[:, 1] * two[:, 0]) / 2 * (depth / view.camera.focal) ** 2
        size = np.ptp(view.vertices[:, 1]) / np.ptp(model.mean[:, 1])  # of the head beside the mean one
        share = np.maximum(share, smoothstep(area / np.maximum(shut * size**2, 1e-6), *_FOLDED))
    out = weight.copy()
    out.ravel()[index] *= share[place].astype(np.float32)
    return out
