"""The head model's head that is nearest to a true one of another topology: so both are measured alike."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headshot.arrays import Array
from headshot.datasets.synthetic import Truth
from headshot.evaluate.synthetic import places
from headshot.geometry.align import similarity
from headshot.measurements import distances
from headshot.models.head_model import HeadModel

RIDGE = 0.3  # mm: accuracy with which modes are asked to describe a true head
_STEPS = 5


@dataclass(frozen=True, eq=False)
class NearestHead:
    """A head of the model's that was laid on a true one.

    Attributes:
        identity: (I,) coefficients.
        scale: true millimetres per millimetre of the model's head.
    """

    identity: Array
    scale: float

    def distances(self, model: HeadModel) -> dict[str, float]:
        """The true head's named distances (`headshot.measurements`), mm."""
        found = distances(model, model.neutral(self.identity))
        return {name: self.scale * value for name, value in found.items()}


def nearest_head(truth: Truth, model: HeadModel) -> NearestHead:
    """Fit the model to the face of a true neutral head."""
    corners, weights = places(model, truth.mesh)
    modes = np.einsum("mpcd,pc->mpd", model.identity[:, corners].astype(float), weights)
    mean = np.einsum("pcd,pc->pd", model.mean[corners].astype(float), weights)
    true, found = truth.neutral[truth.mesh.face], np.zeros(len(modes))
    design = modes.reshape(len(modes), -1)
    normal = design @ design.T + RIDGE**2 * np.eye(len(modes))
    for _ in range(_STEPS):
        shape = mean + np.tensordot(found, modes, 1)
        found = np.linalg.solve(normal, design @ (similarity(true, shape)(true) - mean).ravel())
    return NearestHead(found, similarity(mean + np.tensordot(found, modes, 1), true).scale)
