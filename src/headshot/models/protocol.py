"""What a head model is to everything that fits, shows, measures and writes heads.

Any model gives vertices from identity and expression coefficients, and, at points of its surface, how these
move with each coefficient. It says which landmarks it has, what expressions may be, and, by its ``id``, whose
coefficients they are: networks, albedo and landmark noise that were made for one model (`BUNDLED`) mean
nothing to another.

All lengths are millimetres in the head frame (docs/reference/conventions.md); coefficients are in standard
deviations of their prior. Dimension letters: V vertices, F triangles, T texture coordinates, I identity
modes, E expressions, L landmarks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike

from headshot.arrays import F32, I32, Array, Index, ReadOnly
from headshot.models.arkit import ARKIT52
from headshot.models.correspondence import Correspondence

BUNDLED = "headshot"
"""Id of the head model that ships with the project, and the word for it in the place of a file."""
LANDMARK_SETS = ("mediapipe478", "ibug68")


@dataclass(frozen=True, eq=False, repr=False)
class LandmarkSet(ReadOnly):
    """Those points of a named set of landmarks that a model defines.

    Attributes:
        index: (L,) which of the set's points, counted from 0, ascending.
        points: their places on the surface.
    """

    index: I32
    points: Correspondence

    def __len__(self) -> int:
        return len(self.index)


@dataclass(frozen=True, eq=False, repr=False)
class ExpressionPrior(ReadOnly):
    """What the expression coefficients of a model may be.

    Attributes:
        low, high: (E,) bounds; infinite ones do not bind.
        deviation: (E,) standard deviation around their mean, which is 0 where nothing else is known.
        arkit: (E,) which of `headshot.models.arkit.ARKIT52` each is; -1 for others. Networks tell the means
            of these.
    """

    low: Array
    high: Array
    deviation: Array
    arkit: Index

    def mean(self, scores: ArrayLike) -> Array:
        """(E,) what to expect where ARKit's weights (52,) are expected; 0 for other expressions."""
        known = np.where(self.arkit >= 0, np.asarray(scores, np.float64)[self.arkit], 0.0)
        return np.clip(known, self.low, self.high)

    @staticmethod
    def of_arkit(arkit: ArrayLike) -> ExpressionPrior:
        """Weights in [0, 1] of ARKit's expressions with these numbers (E,)."""
        numbers = np.asarray(arkit, np.int64)
        e = len(numbers)
        return ExpressionPrior(np.zeros(e), np.ones(e), np.full(e, ARKIT_DEVIATION), numbers)


ARKIT_DEVIATION = 0.2
"""Standard deviation of ARKit weights around what the network says (`headshot.fitting.settings`)."""


class SurfacePoints(Protocol):
    """A head model restricted to L points of its surface: what a fit needs.

    ``identity`` (I, L, 3) and ``expression`` (E, L, 3) are the derivatives at the mean head.
    """

    @property
    def mean(self) -> F32:
        """(L, 3) mm."""

    @property
    def identity(self) -> F32:
        """(I, L, 3) mm per standard deviation."""

    @property
    def expression(self) -> F32:
        """(E, L, 3) mm per unit."""

    def positions(self, identity: ArrayLike, expression: ArrayLike) -> F32:
        """Positions (L, 3) for coefficients (I,) and (E,), mm."""

    def linearised(self, identity: F32, expression: F32) -> tuple[F32, F32]:
        """Positions (L, 3), and their derivatives (I + E, L, 3) by identity and expression."""

    def restricted(self, points: Any) -> SurfacePoints:
        """The model at some of these points."""


class FaceModel(Protocol):
    """A head model; `headshot.models.head_model`, `headshot.models.linear`, `headshot.models.skinned`."""

    @property
    def id(self) -> str:
        """Whose coefficients: `BUNDLED`, or a name."""

    @property
    def file(self) -> str:
        """Name of the file that it was read from, without folders; empty where there is none."""

    @property
    def resolution(self) -> str:
        """ "low" or "high" for the bundled model, "full" for others."""

    @property
    def mean(self) -> F32:
        """(V, 3) mean head without expression, mm."""

    @property
    def identity(self) -> F32:
        """(I, V, 3) identity modes, mm per standard deviation."""

    @property
    def expression_names(self) -> tuple[str, ...]:
        """E names."""

    @property
    def expression_prior(self) -> ExpressionPrior:
        """What expressions may be."""

    @property
    def triangles(self) -> I32:
        """(F, 3) counter-clockwise seen from outside."""

    @property
    def uv(self) -> F32 | None:
        """(T, 2) texture coordinates in [0, 1], origin at the top left; None without a layout."""

    @property
    def triangles_uv(self) -> I32 | None:
        """(F, 3) indices into ``uv``."""

    @property
    def parts(self) -> Mapping[str, tuple[int, int]]:
        """Name -> (first, last + 1) triangle; empty where the model names none."""

    @property
    def terms(self) -> str:
        """What the source says about its use."""

    def __hash__(self) -> int:
        """Models are kept by identity, so that what is made of one is made once."""

    def neutral(self, identity: ArrayLike | None = None) -> F32:
        """Vertices (V, 3) without expression."""

    def shape(self, identity: ArrayLike | None = None, expression: ArrayLike | None = None) -> F32:
        """Vertices (V, 3)."""

    def expressions(self, identity: ArrayLike | None = None) -> F32:
        """Offsets (E, V, 3) of each expression at 1 on the head with this identity: its morph targets."""

    def at(self, points: Correspondence) -> SurfacePoints:
        """The model restricted to points of its surface."""

    def landmark_set(self, name: str) -> LandmarkSet | None:
        """Those of a set of `LANDMARK_SETS` that are fixed points of its skin; None where it has none."""

    def jaw_lines(self) -> Mapping[str, Correspondence]:
        """By side, "right" and "left" (the subject's), the line of points from ear to chin; may be empty."""


def fingerprint(model: FaceModel) -> str:
    """SHA-256 of what a model's coefficients mean: mean, modes, expressions and triangles, in hexadecimal.

    It is of the arrays and not of a file, because some models come in several files, or in none.
    """
    digest = sha256()
    for values in (model.mean, model.identity, model.expressions(None), model.triangles):
        digest.update(repr(values.shape).encode())
        digest.update(np.ascontiguousarray(values).tobytes())
    digest.update("\n".join(model.expression_names).encode())
    return digest.hexdigest()


def arkit_numbers(names: tuple[str, ...]) -> Index:
    """(E,) which of ARKit's expressions each name is, also as ``browDown_L`` or ``browInnerUp_R``; else -1.

    Expressions that ARKit has once and others for each side (browInnerUp, cheekPuff) are both that one.
    """
    found = []
    for name in names:
        whole = name
        for short, side in (("_L", "Left"), ("_R", "Right")):
            if name.endswith(short):
                stem = name.removesuffix(short)
                whole = stem + side if stem + side in ARKIT52 else stem
        found.append(ARKIT52.index(whole) if whole in ARKIT52 else -1)
    return np.array(found, np.int64)
