"""The parameters of a fit, and how they are packed into vectors: one block for the person, one for each view.

    person: identity I | albedo A
    view:   pose 7 | landmark errors K | brightness fields B | light 27 | expression E

A *local* vector is the person's block followed by a view's: what the terms of that view depend on. This is
the only place that knows the order. Pose is a small turn of the camera frame (3, radians), a translation (2,
mm) and the logarithms of the distance along the axis and of the focal length: photos hardly tell how far the
camera was, and with both logarithms a step towards another distance leaves the size of the head in the
picture, their ratio, exactly as it is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from headshot.arrays import Array, Index
from headshot.geometry.camera import Camera, rotation_from_vector

POSE = 7
LIGHT = 27
NEAREST = 150.0
"""Least distance, mm, between the camera and the head's origin."""
_LARGEST = 0.5  # most by which one step may change the logarithms of distance and focal length


@dataclass(frozen=True, eq=False)
class PersonState:
    """What all views of a person share.

    Attributes:
        identity: (I,) coefficients in standard deviations.
        albedo: (A,) coefficients in standard deviations; empty while only landmarks are fitted.
    """

    identity: Array
    albedo: Array

    def moved(self, step: Array) -> PersonState:
        """The state after a step (I + A,)."""
        first = len(self.identity)
        return PersonState(self.identity + step[:first], self.albedo + step[first:])


@dataclass(frozen=True, eq=False)
class ViewState:
    """What belongs to one view.

    Attributes:
        camera: camera and head pose, model millimetres.
        expression: (E,) coefficients, of the bundled model ARKit's weights.
        nuisance: (K,) correlated errors of the landmarks, in standard deviations (`fitting.landmark_noise`).
        fields: (B,) smooth errors of brightness, in standard deviations (`fitting.reflectance`).
        light: (27,) spherical harmonics (9, 3), flattened by rows; like ``fields`` empty while only landmarks
            are fitted.
        low, high: bounds of the expression's coefficients, of all or (E,) of each; infinite ones do not bind.
    """

    camera: Camera
    expression: Array
    nuisance: Array
    fields: Array
    light: Array
    low: float | Array = 0.0
    high: float | Array = 1.0

    def moved(self, step: Array) -> ViewState:
        """The state after a step (in the order of the module's docstring); weights stay in their bounds."""
        layout = Layout.of(None, self)
        c = self.camera
        farther, zoom = np.exp(np.clip(step[5:7], -_LARGEST, _LARGEST))
        x, y, z = c.translation
        translation = np.array([x + step[3], y + step[4], min(z * farther, -NEAREST)])
        return ViewState(
            replace(
                c,
                focal=float(c.focal * zoom),
                rotation=rotation_from_vector(step[:3]) @ c.rotation,
                translation=translation,
            ),
            np.clip(self.expression + step[layout.expression], self.low, self.high),
            self.nuisance + step[layout.nuisance],
            self.fields + step[layout.fields],
            self.light + step[layout.light],
            self.low,
            self.high,
        )


@dataclass(frozen=True, eq=False)
class State:
    """The parameters of a problem."""

    person: PersonState
    views: tuple[ViewState, ...]

    def moved(self, person: Array, views: list[Array]) -> State:
        """The state after a step of the person and one of each view."""
        return State(
            self.person.moved(person),
            tuple(v.moved(step) for v, step in zip(self.views, views, strict=True)),
        )


@dataclass(frozen=True)
class Layout:
    """Where the parts of a local vector lie."""

    identities: int
    albedos: int
    nuisances: int
    field_count: int
    lights: int
    expressions: int

    @classmethod
    def of(cls, person: PersonState | None, view: ViewState) -> Layout:
        """Of a person and a view; of the view alone when there is no person."""
        return cls(
            0 if person is None else len(person.identity),
            0 if person is None else len(person.albedo),
            len(view.nuisance),
            len(view.fields),
            len(view.light),
            len(view.expression),
        )

    @cached_property
    def _ends(self) -> list[int]:
        sizes = (
            self.identities, self.albedos, POSE, self.nuisances, self.field_count, self.lights,
            self.expressions,
        )  # fmt: skip
        return np.cumsum([0, *sizes]).tolist()

    def _part(self, number: int) -> slice:
        return slice(self._ends[number], self._ends[number + 1])

    @property
    def identity(self) -> slice:
        """Identity coefficients."""
        return self._part(0)

    @property
    def albedo(self) -> slice:
        """Albedo coefficients."""
        return self._part(1)

    @property
    def person(self) -> slice:
        """All that views share."""
        return slice(0, self._ends[2])

    @property
    def pose(self) -> slice:
        """Turn, translation and focal length."""
        return self._part(2)

    @property
    def nuisance(self) -> slice:
        """Correlated errors of the landmarks."""
        return self._part(3)

    @property
    def fields(self) -> slice:
        """Smooth errors of brightness."""
        return self._part(4)

    @property
    def light(self) -> slice:
        """Spherical harmonics."""
        return self._part(5)

    @property
    def expression(self) -> slice:
        """Expression weights, the last."""
        return self._part(6)

    @property
    def size(self) -> int:
        """Of the whole vector."""
        return self._ends[-1]

    def columns(self, *parts: slice) -> Index:
        """Numbers of the entries of some parts, in the order given."""
        return np.concatenate([np.arange(p.start, p.stop) for p in parts])
