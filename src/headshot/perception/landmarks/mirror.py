"""What mirroring a picture does to the description of the head in it.

Dimension letters: P = 546 points (478 of MediaPipe's mesh and the 68 of iBUG), I identity modes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from headshot.arrays import F32, Index, ReadOnly
from headshot.models.arkit import MIRROR as ARKIT_MIRROR
from headshot.models.head_model import load_head_model
from headshot.models.topologies import ibug68, mediapipe478


@dataclass(frozen=True, eq=False, repr=False)
class HeadMirror(ReadOnly):
    """The description of a mirrored head from that of the head.

    Attributes:
        points: (P,) index of the point of a mirrored face that lies where each point was.
        identity: (I,) 1 for symmetric modes, -1 for antisymmetric ones; the built-in head has no others.
        expression: (52,) ARKit index of each expression's counterpart.
        light: (27,) signs of spherical harmonics (9, 3), flattened.
    """

    points: Index
    identity: F32
    expression: Index
    light: F32


@lru_cache(maxsize=1)
def head_mirror() -> HeadMirror:
    """`HeadMirror` of the built-in head."""
    model = load_head_model("low")
    flipped = model.identity[:, model.mirror] * np.array([-1, 1, 1], np.float32)
    signs = np.sign((flipped * model.identity).sum(axis=(1, 2)))
    light = np.ones((9, 3))
    light[[3, 4, 7]] = -1  # x, xy and xz of `headshot.geometry.light`
    return HeadMirror(
        np.concatenate([mediapipe478.MIRROR, mediapipe478.POINTS + ibug68.MIRROR]),
        signs.astype(np.float32),
        ARKIT_MIRROR,
        light.ravel().astype(np.float32),
    )
