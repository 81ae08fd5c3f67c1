"""Skinned head models: FLAME, GNM and others of their kind (`headshot.models.skinning` has the equations).

Dimension letters: V vertices, F triangles, T texture coordinates, I identity modes, C expression modes,
J joints, M free joints, E = C + 3 M.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from headshot.arrays import F32, I32, Array, ReadOnly, all_finite
from headshot.errors import ModelFormatError
from headshot.models.correspondence import Correspondence
from headshot.models.protocol import ExpressionPrior, LandmarkSet
from headshot.models.skinning import Skeleton, Skin, SkinnedPoints, derivatives, posed, split

JOINT_DEVIATION = 0.15
"""Standard deviation of a free joint's axis-angle, radians: a jaw opens by up to about 0.4."""


@dataclass(frozen=True, eq=False, repr=False)
class SkinnedModel(ReadOnly):
    """A skinned head model; see `headshot.models.protocol.FaceModel`.

    Attributes:
        name: what it is, for messages and files.
        skin: of all V vertices.
        skeleton: the joints.
        free: names of the joints that a fit and an expression turn.
        modes: C names of the expression modes.
        triangles: (F, 3).
        landmarks: the iBUG points on the surface.
        contours: lines along the jaw, as `headshot.models.linear.LinearModel` has them.
        uv, triangles_uv: (T, 2) and (F, 3) a layout for textures, or None.
        origin: (3,) where the frame's origin lies in the frame of the file, mm.
        terms: what the source says about its use.
        file: name of the file that it was read from, without folders.
    """

    name: str
    skin: Skin
    skeleton: Skeleton
    free: tuple[str, ...]
    modes: tuple[str, ...]
    triangles: I32
    landmarks: LandmarkSet
    contours: dict[str, Correspondence]
    uv: F32 | None = None
    triangles_uv: I32 | None = None
    origin: Array = field(default_factory=lambda: np.zeros(3))
    terms: str = ""
    file: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        v, i, c, j = len(self.skin.mean), len(self.skin.identity), len(self.modes), len(self.skeleton.names)
        shapes: dict[str, tuple[NDArray[np.float32], tuple[int, ...]]] = {
            "mean": (self.skin.mean, (v, 3)),
            "identity": (self.skin.identity, (i, v, 3)),
            "expression": (self.skin.expression, (c, v, 3)),
            "weights": (self.skin.weight, (v, j)),
            "joints": (self.skeleton.mean, (j, 3)),
            "joints' identity": (self.skeleton.identity, (i, j, 3)),
            "joints' expression": (self.skeleton.expression, (c, j, 3)),
        }
        if self.skin.corrective is not None:
            shapes["pose correctives"] = (self.skin.corrective, (9 * j, v, 3))
        for key, (values, expected) in shapes.items():
            if values.shape != expected:
                raise ModelFormatError(f"{self.name}: {key} has shape {values.shape}, expected {expected}")
            if not all_finite(values):
                raise ModelFormatError(f"{self.name}: {key} has numbers that are not finite")
        if not v or np.abs(self.skin.weight.sum(axis=1) - 1).max() > 1e-3:
            raise ModelFormatError(f"{self.name}: the weights of a vertex must sum to 1")
        if self.uv is not None and self.triangles_uv is not None:
            t, index = len(self.uv), self.triangles_uv
            if self.uv.shape != (t, 2) or not all_finite(self.uv):
                raise ModelFormatError(f"{self.name}: uv {self.uv.shape} must be (T, 2) finite numbers")
            if index.shape != self.triangles.shape or not 0 <= index.min() <= index.max() < t:
                raise ModelFormatError(
                    f"{self.name}: texture triangles {index.shape} must be {self.triangles.shape} and point "
                    f"to the {t} texture coordinates"
                )
        if not len(self.triangles) or not 0 <= self.triangles.min() <= self.triangles.max() < v:
            raise ModelFormatError(f"{self.name}: a triangle has a vertex that is not there")
        unknown = sorted(set(self.free) - set(self.skeleton.names))
        if unknown:
            raise ValueError(f"{self.name} has no joint {unknown}: it has {', '.join(self.skeleton.names)}")

    @property
    def id(self) -> str:
        """The model's name: whose coefficients they are."""
        return self.name

    @property
    def resolution(self) -> str:
        """The only one that there is."""
        return "full"

    @property
    def parts(self) -> dict[str, tuple[int, int]]:
        """None are named."""
        return {}

    @property
    def mean(self) -> F32:
        """(V, 3) mm."""
        return self.skin.mean

    @property
    def identity(self) -> F32:
        """(I, V, 3) mm per standard deviation."""
        return self.skin.identity

    @property
    def expression_names(self) -> tuple[str, ...]:
        """The expression modes, then three axes of each free joint."""
        return (*self.modes, *(f"{joint}_{axis}" for joint in self.free for axis in "xyz"))

    @property
    def expression_prior(self) -> ExpressionPrior:
        """Modes in standard deviations; axis-angles in radians."""
        e = len(self.expression_names)
        deviation = np.where(np.arange(e) < len(self.modes), 1.0, JOINT_DEVIATION)
        return ExpressionPrior(np.full(e, -np.inf), np.full(e, np.inf), deviation, np.full(e, -1))

    @property
    def _free(self) -> tuple[int, ...]:
        return tuple(self.skeleton.names.index(name) for name in self.free)

    def vertices(self, identity: ArrayLike, coefficients: ArrayLike, rotations: ArrayLike) -> F32:
        """Vertices (V, 3) for identity (I,), expression (C,) and all joints' axis-angles (J, 3), radians."""
        turns = np.asarray(rotations, np.float64)
        if turns.shape != (len(self.skeleton.names), 3):
            raise ValueError(f"expected axis-angles ({len(self.skeleton.names)}, 3), got {turns.shape}")
        return posed(self.skin, self.skeleton, identity, coefficients, turns).astype(np.float32)

    def neutral(self, identity: ArrayLike | None = None) -> F32:
        """Vertices (V, 3) without expression, joints at rest, mm."""
        return self.shape(identity)

    def shape(self, identity: ArrayLike | None = None, expression: ArrayLike | None = None) -> F32:
        """Vertices (V, 3), mm, for identity (I,) and expression (E,)."""
        a = np.zeros(len(self.identity)) if identity is None else np.asarray(identity, np.float64)
        b = np.zeros(len(self.expression_names)) if expression is None else expression
        if a.shape != (len(self.identity),):
            raise ValueError(f"identity must have shape ({len(self.identity)},), got {a.shape}")
        coefficients, turns = split(b, len(self.modes), self.skeleton, self._free)
        return posed(self.skin, self.skeleton, a, coefficients, turns).astype(np.float32)

    def expressions(self, identity: ArrayLike | None = None) -> F32:
        """Offsets (E, V, 3) of each mode at 1, and the derivatives by joints' axis-angles at rest, mm."""
        rest = np.zeros((len(self.skeleton.names), 3))
        a = np.zeros(len(self.identity)) if identity is None else np.asarray(identity, np.float64)
        none = np.zeros(len(self.modes))
        # The joints of this head, on whose shape no coefficient remains to be derived by.
        skin, skeleton = self.skin.of(a), self.skeleton.of(a, none)
        turned = derivatives(skin, skeleton, [], [], rest, self._free)
        return np.concatenate([self.skin.expression, turned]).astype(np.float32)

    def at(self, points: Correspondence) -> SkinnedPoints:
        """The model restricted to points of its surface."""
        used, corners = np.unique(self.triangles[points.triangle], return_inverse=True)
        shape = (len(points), 3)
        return SkinnedPoints(
            self.skin.restricted(used.astype(np.int64)), self.skeleton, self._free, corners.reshape(shape),
            points.barycentric,
        )  # fmt: skip

    def landmark_set(self, name: str) -> LandmarkSet | None:
        """Its points of "ibug68"; None of another set."""
        return self.landmarks if name == "ibug68" else None

    def jaw_lines(self) -> dict[str, Correspondence]:
        """The lines along the jaw."""
        return self.contours
