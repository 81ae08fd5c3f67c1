"""Identity prior from face-recognition features: what the shape of a person's head is probably like.

The identity of a person determines much of the shape of their head, from any side, in any light: more than
a second photo would (docs/explanation/identity.md). As in MICA (Zielonka et al., "Towards Metrical
Reconstruction of Human Faces", ECCV 2022) a network trained on the features of a face-recognition
network predicts it.

Dimension letters: I identity modes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from onnxruntime import InferenceSession

from headshot.arrays import U8, Array, ReadOnly
from headshot.image.crop import FaceCrop, cut_crops
from headshot.perception.landmarks.mirror import head_mirror
from headshot.perception.networks import run_network, session

SIZE, MARGIN = 112, 1.15
"""Side of the network's input in pixels, and in sizes of the face: the longer side of its points' box."""
SHIFTS = (0.0, 0.06, -0.06)
"""Vertical shifts of the crops whose predictions are averaged, in their sides."""


@dataclass(frozen=True, eq=False, repr=False)
class IdentityPrediction(ReadOnly):
    """Normal distribution of a person's identity coefficients, without covariances.

    Attributes:
        mean: (I,) coefficients, in standard deviations of the prior.
        sigma: (I,) their standard deviations.
        embedding: (256,) what the network knows of the person before it predicts a shape, by which
            `headshot.perception.same_person` compares people; None in predictions made otherwise.
    """

    mean: Array
    sigma: Array
    embedding: Array | None = None

    def largest(self, modes: int) -> IdentityPrediction:
        """The prediction for so many first modes, the largest; the standard normal prior for all others."""
        predicted = np.arange(len(self.mean)) < modes
        mean, sigma = np.where(predicted, self.mean, 0.0), np.where(predicted, self.sigma, 1.0)
        return IdentityPrediction(mean, sigma, self.embedding)


def predict_identity(
    pixels: U8, crop: FaceCrop, network: InferenceSession | None = None
) -> IdentityPrediction:
    """The identity of the face in a crop: the mean over three shifted crops and their mirror images.

    Args:
        pixels: (H, W, 3) uint8 RGB, the photo.
        crop: `FaceCrop.of_points` of the face with `MARGIN`, upright.
        network: another one of the same form; the one that ships by default.

    Raises:
        ValueError: another network lacks the output "embedding" (tools/networks/identity_embedding.py adds
            it).
    """
    network = network or session("identity")
    if "embedding" not in [output.name for output in network.get_outputs()]:
        raise ValueError(
            'the network has no output "embedding": export it again by `headshot learn identity RUN '
            "--export FILE`, or add it by `python tools/networks/identity_embedding.py FILE`"
        )
    pictures = cut_crops(pixels, [crop.varied(down=shift) for shift in SHIFTS], SIZE)
    both = np.ascontiguousarray(np.concatenate([pictures, pictures[:, :, ::-1]]))
    names = ["identity", "identity_sigma", "embedding"]
    found = run_network("identity", names, {"pixels": both}, network)
    identity, sigma, embedding = (x.astype(np.float64) for x in found)
    one, other = identity.reshape(2, len(SHIFTS), -1).mean(axis=1)
    mean = (one + other * head_mirror().identity) / 2
    return IdentityPrediction(mean, sigma.mean(axis=0), embedding.mean(axis=0))
