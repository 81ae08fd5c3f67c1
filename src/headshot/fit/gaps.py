"""How far points are apart that the landmark network sees better than the points themselves.

Lips that touch are seen to touch, wherever the network puts both of them. Each point of closed lips is
believed to a millimetre or two only, so that a fit to the points alone leaves the mouth ajar, and teeth show
in it. The distance between the lips is off by a few tenths of a millimetre where they touch, and by a sixth
of it or so where they do not (60 photos of HELEN that the results do not measure).

Dimension letters: I identity modes, E expressions, P parameters as in `headshot.fit.projected`, K pairs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from headshot.camera import Camera
from headshot.fit.normal import normal_equations
from headshot.fit.projected import linearised
from headshot.head_model import PointModel

Array = NDArray[np.float64]

# Points of MediaPipe on the inner edges of the upper and of the lower lip, between the corners.
UPPER = (80, 81, 82, 13, 312, 311, 310)
LOWER = (88, 178, 87, 14, 317, 402, 318)
TOUCHING = 0.003  # standard deviation where lips touch, in extents of the face (about 0.4 mm)
APART = 0.3  # and as a share of the distance


@dataclass(frozen=True, eq=False)
class Gaps:
    """Vectors between pairs of points in the photo.

    Attributes:
        between: (K, 2) pixels, from the first point of a pair to the second.
        deviation: (K,) standard deviation along each axis, pixels.
        model: the head model at the K first points and then the K second ones.
    """

    between: Array
    deviation: Array
    model: PointModel

    def equations(self, identity: Array, expression: Array, camera: Camera) -> tuple[Array, Array]:
        """Hessian (P, P) and downhill gradient (P,) at an identity (I,) and expression (E,)."""
        seen, slopes = linearised(self.model, identity, expression, camera)
        k, root = len(self.between), (1 / self.deviation)[:, None]
        flat = ((slopes[:, k:] - slopes[:, :k]) * root).reshape(len(slopes), -1)
        return normal_equations(flat, (self._residual(seen) * root).ravel())

    def cost(self, identity: Array, expression: Array, camera: Camera) -> float:
        """Squared residuals in standard deviations: half of it is what `equations` descends."""
        residual = self._residual(camera.project(self.model.positions(identity, expression)))
        return float((residual**2).sum(axis=1) @ self.deviation**-2)

    def _residual(self, projected: Array) -> Array:
        """Vectors in the photo minus those between projected points (2 K, 2)."""
        k = len(self.between)
        return np.asarray(self.between - (projected[k:] - projected[:k]))


def lip_gaps(points: ArrayLike, model: PointModel, extent: float) -> Gaps:
    """The distances between the lips in a photo.

    Args:
        points: (478, 2) pixels, where the landmark network puts them.
        model: the head model at these 478 points.
        extent: of the face, pixels (`headshot.landmarks.Landmarks.extent`).
    """
    p = np.asarray(points, np.float64)
    pairs = [*UPPER, *LOWER]
    between = p[list(LOWER)] - p[list(UPPER)]
    deviation = np.hypot(TOUCHING * extent, APART * np.linalg.norm(between, axis=1))
    lips = PointModel(
        model.mean[pairs],
        model.identity[:, pairs],
        model.expression[:, pairs],
        model.corrected,
        model.correction[:, :, pairs],
    )
    return Gaps(between, deviation, lips)
