"""What somebody's head is like, by their looks.

Who somebody is says much about the shape of their head, from any side, in any light: more than a second
photo would (docs/identity.md). A network that was taught by a recogniser of faces says it.

Dimension letters: I identity modes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from onnxruntime import InferenceSession

from headshot.networks import session
from headshot.regress import CROP_MARGIN, Crop, sides
from headshot.resample import warp

Array = NDArray[np.float64]
U8 = NDArray[np.uint8]

SIDE, WIDTH = 112, 1.15
"""Side of the network's input in pixels, and in sizes of the face: the longer side of its points' box."""


@dataclass(frozen=True, eq=False)
class IdentityGuess:
    """What the looks say of a shape.

    Attributes:
        mean: (I,) coefficients, in standard deviations of the prior.
        sigma: (I,) how far people who look like this differ from it.
    """

    mean: Array
    sigma: Array


def guess_identity(pixels: U8, crop: Crop, network: InferenceSession | None = None) -> IdentityGuess:
    """The identity of the face in a crop.

    Args:
        pixels: (H, W, 3) uint8 RGB, the photo.
        crop: `Crop.of_points` of the face, upright.
        network: another one of the same form; the one that ships by default.
    """
    network = network or session("identity")
    tight = replace(crop, side=crop.side * WIDTH / CROP_MARGIN)
    picture = warp(pixels, (tight.map @ np.diag([1 / SIDE, 1 / SIDE, 1]))[None], (SIDE, SIDE), clamp=True)
    both = np.ascontiguousarray(np.concatenate([picture, picture[:, :, ::-1]]))
    identity, sigma = network.run(["identity", "identity_sigma"], {"pixels": both})
    mean = (identity[0] + identity[1] * sides().identity) / 2
    return IdentityGuess(mean.astype(np.float64), sigma.mean(axis=0).astype(np.float64))
