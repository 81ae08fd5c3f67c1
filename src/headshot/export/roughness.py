"""How rough skin is where: lips, nose and forehead are smoother and more oily than cheeks.

The same for all people, from the regions of the head model; the sizes were chosen by eye in three.js, with a
lamp from the side.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from headshot.arrays import U8, read_only
from headshot.models.head_model import HeadModel
from headshot.texture.atlas import atlas_of

SIZE = 128
"""Width and height, texels: regions are smooth."""
SMOOTHER = {"lips": 0.4, "nose": 0.2, "forehead": 0.15}
"""Region of the head model, and by which share it is less rough than the rest of the skin."""


@lru_cache(maxsize=2)
def skin_roughness(model: HeadModel) -> U8:
    """(128, 128) roughness of the bundled model's skin, as shares of 255 of that of its material."""
    texels = atlas_of(model, SIZE)
    relative = np.ones(len(model.mean), np.float32)
    for region, share in SMOOTHER.items():
        relative -= np.float32(share) * model.regions.get(region, np.float32(0))
    inside = texels.triangle >= 0
    corners = model.triangles[texels.triangle[inside]]
    out = np.ones((SIZE, SIZE), np.float32)
    out[inside] = np.einsum("tc,tc->t", relative[corners], texels.barycentric[inside])
    flat = out.ravel()
    flat[texels.gutter] = flat[texels.source]
    return read_only(np.round(255 * np.clip(out, 0, 1)).astype(np.uint8))
