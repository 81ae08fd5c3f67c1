"""The model on the whole head: what photos do not show goes on smoothly from what they do."""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_matrix, diags
from scipy.sparse.linalg import splu

from headshot.models.head_model import HeadModel
from headshot.texture.surface import surface_of
from robust_pca import Components

SEEN = 60.0  # photos that must show a point
RARE = 0.2  # of how often points in the middle are shown: what is seen less is seen obliquely, and is dark
FADE = 60.0  # mm over which hidden skin takes the core's colour
# Linear reflectance of what is not skin; one for everybody.
OTHERS = {
    "mouth": (0.16, 0.09, 0.08),
    "eye_left": (0.50, 0.48, 0.47),
    "eye_right": (0.50, 0.48, 0.47),
    "teeth_upper": (0.60, 0.57, 0.52),
    "teeth_lower": (0.60, 0.57, 0.52),
    "tongue": (0.36, 0.22, 0.20),
}


def completed(
    model: HeadModel, chosen: np.ndarray, half: np.ndarray, parts: Components, counts: np.ndarray
) -> np.ndarray:
    """Mean and modes (K + 1, V, 3) of every vertex.

    Args:
        model: the head model, at the resolution of ``parts``.
        chosen: (S',) places in the skin's surface that photos can show.
        half: (S',) which point of ``parts`` each is.
        parts: the model there.
        counts: (H,) how many photos show each.
    """
    skin = surface_of(model)
    s = len(skin.vertices)
    values = np.concatenate([parts.mean[None], parts.modes])  # (K + 1, H, 3)
    field = np.zeros((len(values), s, 3))
    field[:, chosen] = values[:, half]
    known = np.zeros(s, bool)
    often = np.maximum(SEEN, RARE * counts.max())
    known[chosen] = (counts[half] > often) & (skin.skin_prior[chosen] > 0.5) & (skin.crease[chosen] > 0.85)
    weight = skin.area * skin.core * known
    core = (field * weight[:, None]).sum(axis=1) / weight.sum()

    degree = np.diff(skin.start)
    row = np.repeat(np.arange(s), degree)
    edges = coo_matrix((np.ones(len(row)), (row, skin.neighbour)), shape=(s, s)).tocsr()
    fade = skin.area / FADE**2
    system = (diags(degree + fade) - edges).tocsr()
    hidden = np.flatnonzero(~known)
    seen = np.flatnonzero(known)
    right = fade[hidden, None, None] * core[None] - (
        system[hidden][:, seen] @ field[:, seen].transpose(1, 0, 2).reshape(len(seen), -1)
    ).reshape(len(hidden), *core.shape)
    solved = splu(system[hidden][:, hidden].tocsc()).solve(right.reshape(len(hidden), -1))
    field[:, hidden] = solved.reshape(len(hidden), *core.shape).transpose(1, 0, 2)

    out = np.zeros((len(values), len(model.mean), 3), np.float32)
    for name, (first, last) in model.parts.items():
        if name in OTHERS:
            out[0, np.unique(model.triangles[first:last])] = OTHERS[name]
    out[:, skin.vertices] = field
    out[0] = np.maximum(out[0], 0.004)
    return out
