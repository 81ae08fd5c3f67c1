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
from headshot.fitting.parameters import PersonState, ViewState
from headshot.fitting.terms.across import AcrossTerm
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

    def at(self, person: PersonState, view: ViewState) -> AcrossTerm:
        """The term whose outline of the head is the one that is seen in this state."""
        model = self.candidates.seen(person.identity, view.expression, view.camera)
        seen = view.camera.project(model.positions(person.identity, view.expression))
        across, alone = _normals(seen), np.ones(JAW)
        return AcrossTerm(self, model, self.points, across, self.deviation, alone, self.outlier)


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
