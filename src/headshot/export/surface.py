"""How rough skin is where, and how much light from all around reaches it.

Lips, nose and forehead are smoother and more oily than cheeks. The same for all people, from the regions of
the head model; the sizes were chosen by eye in three.js, with a lamp from the side. Nostrils, ears, eye
sockets and the neck below the chin get less light (`headshot.models.albedo.AlbedoModel.occlusion`).
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from headshot.arrays import U8, read_only
from headshot.models.albedo import load_albedo
from headshot.models.head_model import HeadModel
from headshot.texture.atlas import atlas_of

SIZE = 256
"""Width and height, texels: enough for nostrils and the folds of ears."""
SMOOTHER = {"lips": 0.4, "nose": 0.2, "forehead": 0.15}
"""Region of the head model, and by which share it is less rough than the rest of the skin."""


@lru_cache(maxsize=2)
def skin_surface(model: HeadModel) -> U8:
    """(256, 256, 3) of the bundled model's skin, as glTF packs them (sections 3.9.2 and 3.9.3).

    Red is the light from all around that reaches it, of 255; green its roughness, as a share of that of its
    material, of 255; blue, how much of a metal it is, 0.
    """
    texels = atlas_of(model, SIZE)
    relative = np.ones((len(model.mean), 2), np.float32)
    relative[:, 0] = load_albedo(model.resolution).occlusion
    for region, share in SMOOTHER.items():
        relative[:, 1] -= np.float32(share) * model.regions[region]
    first, last = model.parts["skin"]
    skin = (texels.triangle >= first) & (texels.triangle < last)
    corners = model.triangles[texels.triangle[skin]]
    out = np.ones((SIZE, SIZE, 3), np.float32)
    out[skin, :2] = np.einsum("tcv,tc->tv", relative[corners], texels.barycentric[skin])
    flat = out.reshape(-1, 3)
    flat[texels.gutter] = flat[texels.source]
    out[..., 2] = 0
    return read_only(np.round(255 * np.clip(out, 0, 1)).astype(np.uint8))
