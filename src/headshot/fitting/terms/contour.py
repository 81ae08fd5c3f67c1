"""The outline of the face, by a network that predicts the standard deviation of each point.

iBUG's points 0-16 lie where the face ends in the picture, on no fixed points of the skin. So each counts only
by its distance across the outline of the head, whose place on the skin is found anew at every step, as in
`headshot.models.contour`; how far along it a point lies is taken to carry no information.

Dimension letters: J = 17 points of the jaw, C candidates of each, I identity modes, E expressions, P
parameters as in `headshot.fitting.projection`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from headshot.arrays import F32, Array
from headshot.fitting.normal import normal_equations
from headshot.fitting.parameters import PersonState, ViewState
from headshot.fitting.projection import geometry_columns, linearised
from headshot.fitting.terms import TermEquations
from headshot.geometry.camera import Camera
from headshot.models.contour import on_outline
from headshot.models.head_model import HeadModel, PointModel
from headshot.models.topologies.ibug68 import JAW_POINTS as JAW

CHIN = JAW // 2
TURNED = 20.0
"""Degrees of yaw beyond which the side turned to the camera shows its jaw before the neck, and no outline."""
SIDEWAYS = 45.0
"""Degrees beyond which nose and mouth stand before that of the other side, or beside it."""


@dataclass(frozen=True, eq=False)
class ContourModel:
    """Where on the skin the outline may be.

    Attributes:
        model: the head model at the J points of the jaw, then at J * C points, each one's from front to back.
        basis: (I + E, J (1 + C) 3) its identity modes and expressions, those of the mean head.
    """

    model: PointModel
    basis: F32

    @classmethod
    def of(cls, model: HeadModel) -> ContourModel:
        """Those of a head model."""
        both = [model.at(model.landmarks[name]) for name in ("ibug68", "contour")]
        both[0] = both[0].restricted(slice(JAW))
        points = PointModel(
            np.concatenate([m.mean for m in both]),
            np.concatenate([m.identity for m in both], axis=1),
            np.concatenate([m.expression for m in both], axis=1),
            both[0].corrected,
            np.concatenate([m.correction for m in both], axis=2),
        )
        basis = np.concatenate([points.identity, points.expression])
        return cls(points, np.ascontiguousarray(basis.reshape(len(basis), -1)))

    def seen(self, identity: Array, expression: Array, camera: Camera) -> PointModel:
        """The head model at the J points of the outline that a camera sees."""
        # Which candidate it is hangs on the pose, not on how a person's expressions differ from others'.
        shape = np.concatenate([identity, expression]).astype(np.float32) @ self.basis
        places = self.model.mean + shape.reshape(-1, 3)
        lines = places[JAW:].reshape(JAW, -1, 3)
        chosen = on_outline(places[:JAW], lines, camera)
        own = np.arange(JAW)
        return self.model.restricted(np.where(chosen < 0, own, JAW + own * lines.shape[1] + chosen))


@dataclass(frozen=True, eq=False)
class FaceContour:
    """The outline of a face in a photo.

    Attributes:
        points: (J, 2) pixels.
        deviation: (J,) standard deviation across the outline, pixels; infinite leaves a point out.
        candidates: where on the head they may be.
        outlier: residuals beyond about this many standard deviations lose their influence.
    """

    points: Array
    deviation: Array
    candidates: ContourModel
    outlier: float = 3.0

    def at(self, person: PersonState, view: ViewState) -> ContourTerm:
        """The term whose outline of the head is the one that is seen in this state."""
        model = self.candidates.seen(person.identity, view.expression, view.camera)
        seen = view.camera.project(model.positions(person.identity, view.expression))
        return ContourTerm(self, model, _normals(seen))


@dataclass(frozen=True, eq=False)
class ContourTerm:
    """Distances between the outline in a photo and a line on the head, the head's outline in some state.

    Attributes:
        seen: the outline in the photo.
        model: the head model at the J points of the line.
        across: (J, 2) unit vectors across the line, in the picture.
    """

    seen: FaceContour
    model: PointModel
    across: Array

    def located(self, person: PersonState, view: ViewState) -> ContourTerm:
        """The term with the head's outline in this state."""
        return self.seen.at(person, view)

    def equations(self, person: PersonState, view: ViewState) -> TermEquations:
        """Normal equations of pose, identity and expression."""
        projected, slopes = linearised(self.model, person.identity, view.expression, view.camera)
        residual = self._residual(projected)
        root = 1 / (self.seen.deviation * (1 + self._squared(residual)))
        across = np.einsum("pjc,jc->pj", slopes, self.across)
        hessian, gradient = normal_equations(across * root, residual * root)
        return TermEquations(geometry_columns(person, view), hessian, gradient)

    def cost(self, person: PersonState, view: ViewState) -> float:
        """Robust squared residuals across the line."""
        shape = self.model.positions(person.identity, view.expression)
        t2 = self._squared(self._residual(view.camera.project(shape)))
        return self.seen.outlier**2 * float((t2 / (1 + t2)).sum())

    def _residual(self, projected: Array) -> Array:
        """(J,) pixels across the line, photo minus projection (J, 2)."""
        return np.asarray(((self.seen.points - projected) * self.across).sum(axis=1))

    def _squared(self, residual: Array) -> Array:
        return np.asarray((residual / (self.seen.deviation * self.seen.outlier)) ** 2)


def face_contour(
    points: ArrayLike, deviation: ArrayLike, yaw: float, candidates: ContourModel
) -> FaceContour:
    """The outline of a face in a photo, as far as it is one.

    Args:
        points: (J, 2) pixels, iBUG's points 0-16 as a network sees them.
        deviation: (J,) their standard deviation, pixels.
        yaw: of the head, degrees: positive towards the subject's left.
        candidates: of the head model.
    """
    number = np.arange(JAW)
    near = number < CHIN if yaw > 0 else number > CHIN
    lost = (near & (abs(yaw) > TURNED)) | (abs(yaw) > SIDEWAYS)
    return FaceContour(np.asarray(points, np.float64), np.where(lost, np.inf, deviation), candidates)


def _normals(outline: Array) -> Array:
    """Unit vectors (J, 2) across a line through points (J, 2)."""
    neighbours = outline[[0, *range(JAW), JAW - 1]]
    along = neighbours[2:] - neighbours[:-2]
    length = np.maximum(np.hypot(along[:, 0], along[:, 1]), 1e-9)
    return np.stack([along[:, 1], -along[:, 0]], axis=1) / length[:, None]
