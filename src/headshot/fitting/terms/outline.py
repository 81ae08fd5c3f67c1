"""The outline of the face on any head model: the jaw's landmarks, each across the line on which it lies.

Models without candidates across their cheeks (`headshot.fitting.terms.contour` has those of the bundled one)
have a line along the jaw, which is seen on the side turned to the camera, and a mesh, which turns away from
the viewer on the other (`headshot.models.outline`). Where on the skin each landmark belongs is found anew at
every step; how far along the line it lies is taken to carry no information.

Dimension letters: I identity modes, E expressions, N places, K = 6 vertices of each, P = 7 + I + E.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from headshot.arrays import F32, Array, Index
from headshot.fitting.normal import normal_equations
from headshot.fitting.parameters import PersonState, ViewState
from headshot.fitting.projection import geometry_columns, linearised
from headshot.fitting.terms import TermEquations
from headshot.models.linear import at_vertices
from headshot.models.outline import Outline, Places, turned_away
from headshot.models.protocol import FaceModel, SurfacePoints
from headshot.models.topologies.ibug68 import JAW, POINTS


@dataclass(frozen=True, eq=False)
class OutlineModel:
    """Where on the skin of a model the outline may be; made once a model.

    Attributes:
        outline: the lines.
        points: the model at `Outline.vertices`.
        place: (V,) number of each vertex among these; -1 for others.
    """

    outline: Outline
    points: SurfacePoints
    place: Index

    @staticmethod
    def of(model: FaceModel) -> OutlineModel | None:
        """That of a model; None where it has no lines along its jaw."""
        outline = Outline(model)
        used = outline.vertices
        if not len(used):
            return None
        place = np.full(len(model.mean), -1, np.int64)
        place[used] = np.arange(len(used))
        return OutlineModel(outline, model.at(at_vertices(used, model.triangles)), place)

    def vertices(self, identity: Array, expression: Array) -> F32:
        """(V, 3) with the vertices near the jaw where they are, and the others at the origin."""
        out = np.zeros((len(self.place), 3), np.float32)
        out[self.outline.vertices] = self.points.positions(identity, expression)
        return out

    def at(self, places: Places) -> SurfacePoints:
        """The model at places."""
        return _Means(self.points.restricted(self.place[places.vertex].ravel()), places.weight)


@dataclass(frozen=True, eq=False)
class _Means:
    """A model at weighted means of points.

    Attributes:
        points: the model at N K points.
        weight: (N, K), rows sum to 1.
    """

    points: SurfacePoints
    weight: Array

    def _of(self, field: F32) -> F32:
        """Values (..., N, 3) of those of the points (..., N K, 3)."""
        parts = field.reshape(*field.shape[:-2], *self.weight.shape, 3)
        return np.asarray(np.einsum("...nkc,nk->...nc", parts, self.weight), np.float32)

    @property
    def mean(self) -> F32:
        return self._of(self.points.mean)

    @property
    def identity(self) -> F32:
        return self._of(self.points.identity)

    @property
    def expression(self) -> F32:
        return self._of(self.points.expression)

    def positions(self, identity: ArrayLike, expression: ArrayLike) -> F32:
        return self._of(self.points.positions(identity, expression))

    def linearised(self, identity: F32, expression: F32) -> tuple[F32, F32]:
        shape, basis = self.points.linearised(identity, expression)
        return self._of(shape), self._of(basis)

    def restricted(self, points: Index | slice) -> SurfacePoints:
        rows = np.arange(self.weight.size).reshape(self.weight.shape)[points]
        return _Means(self.points.restricted(rows.ravel()), self.weight[points])


@dataclass(frozen=True, eq=False)
class FaceOutline:
    """Landmarks of the jaw in a photo.

    Attributes:
        points: (17, 2) iBUG's points 0-16, pixels; what is not finite is left out.
        deviation: (17,) standard deviation across the line, pixels; infinite leaves a point out.
        candidates: where on the head they may be.
        outlier: residuals beyond about this many standard deviations lose their influence.
    """

    points: Array
    deviation: Array
    candidates: OutlineModel
    outlier: float = 3.0

    def at(self, person: PersonState, view: ViewState) -> OutlineTerm:
        """The term whose places on the head are those of the landmarks in this state."""
        known = np.zeros(POINTS, bool)
        known[JAW] = np.isfinite(self.points).all(axis=1) & np.isfinite(self.deviation)
        points = np.full((POINTS, 2), np.nan)
        points[JAW] = self.points
        vertices = self.candidates.vertices(person.identity, view.expression)
        places = self.candidates.outline.places(
            view.camera, vertices, points, known, turned_away(view.camera)
        )
        return OutlineTerm(self, places, self.candidates.at(places))


@dataclass(frozen=True, eq=False)
class OutlineTerm:
    """Distances between landmarks of the jaw and places on the head, those of some state.

    The places stay until `located` finds them anew.

    Attributes:
        seen: the landmarks.
        places: where on the head each of N that count belongs, and across which direction it counts.
        model: the head model at the N places.
    """

    seen: FaceOutline
    places: Places
    model: SurfacePoints

    def located(self, person: PersonState, view: ViewState) -> OutlineTerm:
        """The term with the places in this state."""
        return self.seen.at(person, view)

    def equations(self, person: PersonState, view: ViewState) -> TermEquations:
        """Normal equations of pose, identity and expression."""
        projected, slopes = linearised(self.model, person.identity, view.expression, view.camera)
        residual = self._across(projected)
        root = 1 / (self._deviation() * (1 + self._squared(residual)))
        flat = np.einsum("nij,pnj->pni", self.places.seen, slopes) * root[:, None]
        hessian, gradient = normal_equations(
            flat.reshape(len(slopes), -1), (residual * root[:, None]).ravel()
        )
        return TermEquations(geometry_columns(person, view), hessian, gradient)

    def cost(self, person: PersonState, view: ViewState) -> float:
        """Robust squared residuals across the lines."""
        shape = self.model.positions(person.identity, view.expression)
        t2 = self._squared(self._across(view.camera.project(shape)))
        return self.seen.outlier**2 * float((t2 / (1 + t2)).sum())

    def _deviation(self) -> Array:
        """(N,) pixels."""
        return self.seen.deviation[self.places.landmark]

    def _across(self, projected: Array) -> Array:
        """(N, 2) what counts of landmarks minus projected places (N, 2), pixels."""
        away = self.seen.points[self.places.landmark] - projected
        return np.asarray((self.places.seen @ away[:, :, None])[..., 0])

    def _squared(self, residual: Array) -> Array:
        """(N,) squared residuals in units of the outlier threshold."""
        return np.asarray((residual**2).sum(axis=1) / (self._deviation() * self.seen.outlier) ** 2)
