"""What somebody's head is like, by their looks.

Who somebody is says much about the shape of their head, from any side, in any light: more than a second
photo would (docs/identity.md). A network that was taught by a recogniser of faces says it.

Dimension letters: I identity modes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from onnxruntime import InferenceSession

from headshot.arrays import U8, Array
from headshot.image.resample import warp
from headshot.perception.landmarks.in_house import CROP_MARGIN, Crop, sides
from headshot.perception.networks import session

SIDE, WIDTH = 112, 1.15
"""Side of the network's input in pixels, and in sizes of the face: the longer side of its points' box."""
SHIFTS = (0.0, 0.06, -0.06)
"""Crops that are looked at: as it is, lower, higher, in their sides. The mean is steadier than any."""


@dataclass(frozen=True, eq=False)
class IdentityGuess:
    """What the looks say of a shape.

    Attributes:
        mean: (I,) coefficients, in standard deviations of the prior.
        sigma: (I,) how far people who look like this differ from it.
    """

    mean: Array
    sigma: Array

    def largest(self, modes: int) -> IdentityGuess:
        """The same of the largest modes; of all others, what people are like."""
        told = np.arange(len(self.mean)) < modes
        return IdentityGuess(np.where(told, self.mean, 0.0), np.where(told, self.sigma, 1.0))


def guess_identity(pixels: U8, crop: Crop, network: InferenceSession | None = None) -> IdentityGuess:
    """The identity of the face in a crop.

    Args:
        pixels: (H, W, 3) uint8 RGB, the photo.
        crop: `Crop.of_points` of the face, upright.
        network: another one of the same form; the one that ships by default.
    """
    network = network or session("identity")
    tight = replace(crop, side=crop.side * WIDTH / CROP_MARGIN)
    maps = np.stack([tight.map @ [[1 / SIDE, 0, 0], [0, 1 / SIDE, d], [0, 0, 1]] for d in SHIFTS])
    pictures = warp(pixels, maps, (SIDE, SIDE), clamp=True)
    both = np.ascontiguousarray(np.concatenate([pictures, pictures[:, :, ::-1]]))
    identity, sigma = network.run(["identity", "identity_sigma"], {"pixels": both})
    one, other = identity.reshape(2, len(SHIFTS), -1).mean(axis=1)
    mean = (one + other * sides().identity) / 2
    return IdentityGuess(mean.astype(np.float64), sigma.mean(axis=0).astype(np.float64))
