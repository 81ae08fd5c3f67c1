"""Skinning: blendshapes, pose correctives, and linear-blend skinning on a few joints.

    T(alpha, psi, theta) = mean + sum_i alpha_i identity_i + sum_e psi_e expression_e + sum_n P_n vec(R_n - 1)
    v' = sum_j w_vj (W_j T_v + t_j)

as SMPL has it (Loper et al. 2015, equations 2 to 9) and, of heads, FLAME (Li et al., "Learning a model of
facial shape and expression from 4D scans", 2017, equations 1 to 5) and Google's GNM. R_j is the rotation of
joint j about its place J_j, which depends on shape and expression linearly, W_j = W_parent R_j, and

    t_j = t_parent + (W_parent - W_j) J_j        (t = 0 and W = 1 above the root).

An expression is psi followed by the axis-angles, radians, of the joints that are ``free``: a fit moves
the jaw, and leaves the turn of the head to the camera.

Dimension letters: N vertices, I identity modes, C expression modes, J joints, M free joints, E = C + 3 M,
L points of the surface.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from headshot.arrays import F32, Array, Index, ReadOnly
from headshot.errors import ModelFormatError
from headshot.geometry.camera import rotation_from_vector


def combined(coefficients: ArrayLike, modes: F32) -> F32:
    """(N, 3) the sum of modes (K, N, 3) times coefficients (K,)."""
    return np.tensordot(np.asarray(coefficients, modes.dtype), modes, 1)


@dataclass(frozen=True, eq=False, repr=False)
class Skin(ReadOnly):
    """What moves N vertices.

    Attributes:
        mean: (N, 3) mm.
        identity: (I, N, 3) mm per standard deviation.
        expression: (C, N, 3) likewise.
        weight: (N, J) of the joints, rows sum to 1.
        corrective: (9 J, N, 3) mm per entry of R - 1, row by row; None without.
    """

    mean: F32
    identity: F32
    expression: F32
    weight: F32
    corrective: F32 | None

    def of(self, identity: ArrayLike) -> Skin:
        """That of the head with an identity (I,), without modes."""
        mean = (self.mean + combined(identity, self.identity)).astype(np.float32)
        return Skin(mean, self.identity[:0], self.expression[:0], self.weight, self.corrective)

    def restricted(self, vertices: Index) -> Skin:
        """That of some vertices."""
        return Skin(
            self.mean[vertices],
            self.identity[:, vertices],
            self.expression[:, vertices],
            self.weight[vertices],
            None if self.corrective is None else self.corrective[:, vertices],
        )


@dataclass(frozen=True, eq=False, repr=False)
class Skeleton(ReadOnly):
    """Joints, the root first and each after its parent.

    Attributes:
        names: J names.
        parents: (J,) number of the joint above; -1 for the root.
        mean: (J, 3) places on the mean head, mm.
        identity: (I, J, 3) mm per standard deviation.
        expression: (C, J, 3) likewise.
    """

    names: tuple[str, ...]
    parents: tuple[int, ...]
    mean: F32
    identity: F32
    expression: F32

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.names) != len(self.parents) or not all(
            -1 <= parent < number for number, parent in enumerate(self.parents)
        ):
            raise ModelFormatError(f"joints must come after their parents, got the parents {self.parents}")

    def places(self, identity: ArrayLike, coefficients: ArrayLike) -> Array:
        """(J, 3) where the joints are, mm."""
        moved = combined(identity, self.identity) + combined(coefficients, self.expression)
        return np.asarray(self.mean + moved, np.float64)

    def of(self, identity: ArrayLike, coefficients: ArrayLike) -> Skeleton:
        """That of one head, without modes."""
        places = self.places(identity, coefficients).astype(np.float32)
        return Skeleton(self.names, self.parents, places, self.identity[:0], self.expression[:0])

    def chain(self) -> Array:
        """(J, J) 1 where the second joint is the first or above it."""
        out = np.eye(len(self.parents))
        for number, parent in enumerate(self.parents):
            if parent >= 0:
                out[number] += out[parent]
        return out


class _Pose:
    """Joints turned by axis-angles (J, 3)."""

    def __init__(self, skeleton: Skeleton, turns: Array) -> None:
        self.skeleton = skeleton
        self.turns = turns
        self.rotation = np.stack([rotation_from_vector(turn) for turn in turns])
        self.world = np.empty_like(self.rotation)
        for number, parent in enumerate(skeleton.parents):
            above = np.eye(3) if parent < 0 else self.world[parent]
            self.world[number] = above @ self.rotation[number]
        self.above = np.stack([np.eye(3) if p < 0 else self.world[p] for p in skeleton.parents])

    def shifts(self, places: Array, above: Array, world: Array) -> Array:
        """t (..., J, 3) of joints at places (..., J, 3): linear in them, and in above and world (J, 3, 3)."""
        own = np.einsum("jab,...jb->...ja", above - world, places)
        return np.asarray(np.einsum("jk,...ka->...ja", self.skeleton.chain(), own))

    def changed(self, joint: int, axis: int) -> tuple[Array, Array, Array]:
        """Derivatives of R of the joint (3, 3), and of all joints' ``above`` and ``world`` (J, 3, 3)."""
        own = rotation_derivative(self.turns[joint], axis)
        turned = self.above[joint] @ own @ self.world[joint].T
        below = self.skeleton.chain()[:, joint] > 0
        world = np.where(below[:, None, None], turned @ self.world, 0.0)
        above = np.stack([np.zeros((3, 3)) if p < 0 else world[p] for p in self.skeleton.parents])
        return own, above, world


def rotation_derivative(turn: ArrayLike, axis: int) -> Array:
    """(3, 3) derivative of the rotation by an axis-angle (3,) with respect to one of its components.

    Gallego and Yezzi, "A compact formula for the derivative of a 3-D rotation in exponential coordinates"
    (2015), equation 9.
    """
    v = np.asarray(turn, np.float64)
    unit = np.eye(3)[axis]
    square = float(v @ v)
    if square < 1e-16:
        return _cross(unit)
    rotation = rotation_from_vector(v)
    return (v[axis] * _cross(v) + _cross(np.cross(v, (np.eye(3) - rotation) @ unit))) @ rotation / square


def _cross(v: Array) -> Array:
    x, y, z = v
    return np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]], np.float64)


@dataclass(frozen=True, eq=False, repr=False)
class SkinnedPoints(ReadOnly):
    """A skinned model at L points of its surface; see `headshot.models.protocol.SurfacePoints`.

    Attributes:
        skin: of N vertices.
        skeleton: the joints.
        free: numbers of those that an expression turns.
        corners: (L, 3) numbers among the vertices, and their weights (L, 3).
        barycentric: see corners.
    """

    skin: Skin
    skeleton: Skeleton
    free: tuple[int, ...]
    corners: Index
    barycentric: F32

    @cached_property
    def mean(self) -> F32:
        """(L, 3) mm."""
        return self._rest[0]

    @cached_property
    def identity(self) -> F32:
        """(I, L, 3) mm per standard deviation, at the mean head."""
        return self._rest[1][: len(self.skin.identity)]

    @cached_property
    def expression(self) -> F32:
        """(E, L, 3) mm per unit, at the mean head."""
        return self._rest[1][len(self.skin.identity) :]

    @cached_property
    def _rest(self) -> tuple[F32, F32]:
        count = len(self.skin.expression) + 3 * len(self.free)
        return self.linearised(np.zeros(len(self.skin.identity), np.float32), np.zeros(count, np.float32))

    def positions(self, identity: ArrayLike, expression: ArrayLike) -> F32:
        """Positions (L, 3) for coefficients (I,) and (E,), mm."""
        coefficients, turns = split(expression, len(self.skin.expression), self.skeleton, self.free)
        return self._of(posed(self.skin, self.skeleton, identity, coefficients, turns))

    def linearised(self, identity: F32, expression: F32) -> tuple[F32, F32]:
        """Positions (L, 3), and their derivatives (I + E, L, 3) by identity and expression."""
        coefficients, turns = split(expression, len(self.skin.expression), self.skeleton, self.free)
        return self._of(posed(self.skin, self.skeleton, identity, coefficients, turns)), self._of(
            derivatives(self.skin, self.skeleton, identity, coefficients, turns, self.free)
        )

    def restricted(self, points: Index | slice | list[int]) -> SkinnedPoints:
        """The model at some of these points."""
        used, corners = np.unique(self.corners[points], return_inverse=True)
        shape = self.corners[points].shape
        return SkinnedPoints(
            self.skin.restricted(used), self.skeleton, self.free, corners.reshape(shape),
            self.barycentric[points],
        )  # fmt: skip

    def _of(self, values: Array) -> F32:
        return np.einsum("...lkc,lk->...lc", values[..., self.corners, :], self.barycentric).astype(
            np.float32
        )


def split(
    expression: ArrayLike, modes: int, skeleton: Skeleton, free: tuple[int, ...]
) -> tuple[Array, Array]:
    """Expression coefficients (C,) and axis-angles (J, 3) of an expression (E,)."""
    values = np.asarray(expression, np.float64)
    if values.shape != (modes + 3 * len(free),):
        raise ValueError(f"expression must have shape ({modes + 3 * len(free)},), got {values.shape}")
    turns = np.zeros((len(skeleton.names), 3))
    turns[list(free)] = values[modes:].reshape(-1, 3)
    return values[:modes], turns


def unposed(skin: Skin, pose: _Pose, identity: ArrayLike, coefficients: ArrayLike) -> Array:
    """T (N, 3), before joints turn it."""
    shape = skin.mean + combined(identity, skin.identity) + combined(coefficients, skin.expression)
    if skin.corrective is not None:
        shape = shape + combined((pose.rotation - np.eye(3)).ravel(), skin.corrective)
    return np.asarray(shape, np.float64)


def posed(
    skin: Skin, skeleton: Skeleton, identity: ArrayLike, coefficients: ArrayLike, turns: ArrayLike
) -> Array:
    """Positions (N, 3) for identity (I,), expression (C,) and axis-angles (J, 3)."""
    pose = _Pose(skeleton, np.asarray(turns, np.float64))
    shape = unposed(skin, pose, identity, coefficients)
    shifts = pose.shifts(skeleton.places(identity, coefficients), pose.above, pose.world)
    return _skinned(skin.weight, pose.world, shape) + skin.weight @ shifts


def derivatives(
    skin: Skin,
    skeleton: Skeleton,
    identity: ArrayLike,
    coefficients: ArrayLike,
    turns: ArrayLike,
    free: tuple[int, ...],
) -> Array:
    """(I + C + 3 M, N, 3) derivatives of `posed` by identity, expression and free joints' axis-angles."""
    pose = _Pose(skeleton, np.asarray(turns, np.float64))
    shape = unposed(skin, pose, identity, coefficients)
    joints = skeleton.places(identity, coefficients)
    basis = np.concatenate([skin.identity, skin.expression])
    places = np.concatenate([skeleton.identity, skeleton.expression])
    out = np.empty((len(basis) + 3 * len(free), *shape.shape))
    turn = np.einsum("nj,jab->nab", skin.weight, pose.world)
    shifts = pose.shifts(places.astype(np.float64), pose.above, pose.world)
    out[: len(basis)] = np.einsum("nab,knb->kna", turn, basis) + np.einsum("nj,kja->kna", skin.weight, shifts)
    for row, (joint, axis) in enumerate([(j, axis) for j in free for axis in range(3)], start=len(basis)):
        own, above, world = pose.changed(joint, axis)
        out[row] = _skinned(skin.weight, world, shape) + skin.weight @ pose.shifts(joints, above, world)
        if skin.corrective is not None:
            moved = combined(own.ravel(), skin.corrective[9 * joint : 9 * joint + 9])
            out[row] += np.einsum("nab,nb->na", turn, moved)
    return out


def _skinned(weight: F32, world: Array, shape: Array) -> Array:
    """sum_j w_nj W_j x_n of points (N, 3)."""
    return np.asarray(np.einsum("nj,jab,nb->na", weight, world, shape, optimize=True))
