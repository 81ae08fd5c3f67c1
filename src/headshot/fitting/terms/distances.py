"""Lip and eyelid distances, which the landmark network sees better than the points themselves.

Lips that touch are seen to touch, wherever the network puts both of them. Each point of closed lips is
known to a millimetre or two only, so that a fit to the points alone leaves the mouth ajar, and teeth show
in it. The distance between the lips is off by a few tenths of a millimetre where they touch, and by a sixth
of it or so where they do not (60 photos of HELEN that the results do not measure).

So it is with eyelids, but for two things. The network hardly ever sees them touch: below a share of the
eye's width, eyes were shut (chosen on 670 photos of HELEN, with eyes outlined by hand, that the results do
not measure). And its points lie on the skin beside the edge of the lid: on the head, shut, they are still a
millimetre apart, and that is what is expected of eyes that the photo shows to be shut.

Dimension letters: I identity modes, E expressions, P parameters as in `headshot.fitting.projection`, K pairs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from headshot.arrays import Array
from headshot.fitting.normal import normal_equations
from headshot.fitting.parameters import PersonState, ViewState
from headshot.fitting.projection import geometry_columns, linearised
from headshot.fitting.terms import TermEquations
from headshot.geometry.camera import extent_of
from headshot.models.arkit import ARKIT52
from headshot.models.protocol import SurfacePoints

# Points of MediaPipe on the inner edges of the upper and of the lower lip, between the corners.
UPPER = (80, 81, 82, 13, 312, 311, 310)
LOWER = (88, 178, 87, 14, 317, 402, 318)
# On the upper and on the lower lid, and the corners of the eye: of the eye on the left of the picture, and of
# that on the right.
UPPER_LIDS = ((161, 160, 159, 158, 157), (384, 385, 386, 387, 388))
LOWER_LIDS = ((163, 144, 145, 153, 154), (381, 380, 374, 373, 390))
EYE_CORNERS = ((33, 133), (362, 263))
BLINKS = (ARKIT52.index("eyeBlinkRight"), ARKIT52.index("eyeBlinkLeft"))
SHUT, OPEN = 0.085, 0.13  # shares of the eye's width that the network reports of shut and of narrow eyes
SEAM = 0.6  # of what the points on the head's shut lids are apart: so that what pulls at them leaves no slit
EDGE = 0.0045  # extents of the face by which open lids are farther apart than the network reports
NARROWEST = 0.16  # width of an eye, in extents, if it were not turned away
TOUCHING = 0.003  # standard deviation where lips touch, in extents of the face (about 0.4 mm)
APART = 0.3  # and as a share of the distance


@dataclass(frozen=True, eq=False)
class DistanceTerm:
    """Vectors between pairs of points in the photo.

    Attributes:
        between: (K, 2) pixels, from the first point of a pair to the second.
        deviation: (K,) standard deviation along each axis, pixels.
        model: the head model at the K first points and then the K second ones.
    """

    between: Array
    deviation: Array
    model: SurfacePoints

    def equations(self, person: PersonState, view: ViewState) -> TermEquations:
        """Normal equations of pose, identity and expression."""
        seen, slopes = linearised(self.model, person.identity, view.expression, view.camera)
        k, root = len(self.between), (1 / self.deviation)[:, None]
        flat = ((slopes[:, k:] - slopes[:, :k]) * root).reshape(len(slopes), -1)
        hessian, gradient = normal_equations(flat, (self._residual(seen) * root).ravel())
        return TermEquations(geometry_columns(person, view), hessian, gradient)

    def cost(self, person: PersonState, view: ViewState) -> float:
        """Squared residuals in standard deviations."""
        residual = self._residual(view.camera.project(self.model.positions(person.identity, view.expression)))
        return float((residual**2).sum(axis=1) @ self.deviation**-2)

    def _residual(self, projected: Array) -> Array:
        """Vectors in the photo minus those between projected points (2 K, 2)."""
        k = len(self.between)
        return np.asarray(self.between - (projected[k:] - projected[:k]))


def lip_and_lid_distances(
    points: ArrayLike, model: SurfacePoints, extent: float, blinks: tuple[int, int] = BLINKS
) -> DistanceTerm:
    """The distances between the lips, and between the lids, in a photo.

    Args:
        points: (478, 2) pixels, where the landmark network puts them.
        model: the head model at these 478 points.
        extent: of the face, pixels (`headshot.perception.landmarks.mediapipe.Landmarks.extent`).
        blinks: numbers of the model's expressions that shut the right and the left eye.
    """
    p = np.asarray(points, np.float64)
    upper, lower = [list(UPPER)], [list(LOWER)]
    between = [p[lower[0]] - p[upper[0]]]
    for above, below, corners, blink in zip(UPPER_LIDS, LOWER_LIDS, EYE_CORNERS, blinks, strict=True):
        shut = model.mean + model.expression[blink]
        seam = (shut[list(below)] - shut[list(above)])[:, :2] * [1, -1] / extent_of(model.mean[:, :2])
        upper.append(list(above))
        lower.append(list(below))
        eye = _Eye(p[list(above)], p[list(below)], p[list(corners)], SEAM * seam)
        between.append(eye.expected(extent))
    vectors = np.concatenate(between)
    deviation = np.hypot(TOUCHING * extent, APART * np.linalg.norm(vectors, axis=1))
    return DistanceTerm(vectors, deviation, model.restricted(np.concatenate([*upper, *lower])))


@dataclass(frozen=True, eq=False)
class _Eye:
    """What is reported of an eye, and what is expected of it when it is shut.

    Attributes:
        upper, lower: (n, 2) points on its lids, pixels.
        corners: (2, 2) left and right one, pixels.
        seam: (n, 2) from upper to lower points when it is shut, along and down from the line of the corners,
            in extents of the face.
    """

    upper: Array
    lower: Array
    corners: Array
    seam: Array

    def expected(self, extent: float) -> Array:
        """What the points of the head are apart (n, 2), pixels."""
        between = self.lower - self.upper
        seen = max(float(np.linalg.norm(between, axis=1).mean()), 1e-6 * extent)
        along = self.corners[1] - self.corners[0]
        width = max(float(np.linalg.norm(along)), 1e-6 * extent)
        along = along / width
        share = seen / max(width, NARROWEST * extent)
        opened = float(np.clip((share - SHUT) / (OPEN - SHUT), 0, 1))
        shut = extent * self.seam @ np.array([along, [-along[1], along[0]]])
        return np.asarray(opened * (1 + EDGE * extent / seen) * between + (1 - opened) * shut)
