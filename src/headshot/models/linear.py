"""A linear morphable model in plain arrays: what every reader in `headshot.models.readers` returns.

    S(alpha, beta) = mean + sum_i alpha_i * identity_i + sum_e beta_e * expression_e
    T(gamma) = albedo_mean + sum_a gamma_a * albedo_a

Readers convert to this project's frame and units: millimetres, x to the subject's left, y up, z out of the
face, triangles counter-clockwise seen from outside. Dimension letters: V vertices, F triangles, I identity
modes, E expressions, A albedo modes, L landmarks, C points of a contour.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from headshot.arrays import F32, I32, Array, ReadOnly, all_finite
from headshot.errors import ModelFormatError
from headshot.geometry.align import Surface
from headshot.models.correspondence import Correspondence
from headshot.models.head_model import PointModel, combine
from headshot.models.protocol import ARKIT_DEVIATION, ExpressionPrior, LandmarkSet, arkit_numbers
from headshot.models.topologies import ibug68

ExpressionKind = Literal["blendshapes", "arkit", "pca"]

DEVIATION: dict[ExpressionKind, float] = {"blendshapes": 0.5, "arkit": ARKIT_DEVIATION, "pca": 1.0}
"""Standard deviation of an expression's coefficient. That of blendshapes is the keypoint method's, where it
was chosen (docs/explanation/keypoint.md)."""
UPPER_WEIGHT: dict[ExpressionKind, float] = {"blendshapes": np.inf, "arkit": 1.0, "pca": np.inf}
LOWER_WEIGHT: dict[ExpressionKind, float] = {"blendshapes": 0.0, "arkit": 0.0, "pca": -np.inf}


@dataclass(frozen=True, eq=False, repr=False)
class LinearModel(ReadOnly):
    """A linear morphable model of a face or head.

    Attributes:
        name: what it is, for messages and files.
        mean: (V, 3) mm.
        identity: (I, V, 3) mm per standard deviation.
        expression: (E, V, 3) mm at weight 1 ("blendshapes", "arkit") or per standard deviation ("pca").
        expression_names: E names.
        expression_kind: "blendshapes" have weights of 0 and more, "arkit" between 0 and 1, "pca" of any sign.
        triangles: (F, 3).
        landmarks: the iBUG points on the surface; 0-16, the jaw, may be missing: see ``contours``.
        dense: MediaPipe's points on the surface, or None.
        parts: name -> (first, last + 1) triangle, named like those of `headshot.models.head_model.HeadModel`;
            empty for models of one surface.
        file: name of the file that it was read from, without folders.
        contours: "right" and "left" (the subject's) -> the line of C points from ear to chin on which the
            landmarks of the jaw lie when that side of the face is turned to the camera; may be empty.
        albedo_mean: (V, 3) sRGB in [0, 1], or None.
        albedo: (A, V, 3) sRGB per standard deviation; A = 0 without.
        uv: (T, 2) texture coordinates in [0, 1], origin at the top left, or None.
        triangles_uv: (F, 3) indices into ``uv``, or None.
        origin: (3,) where the frame's origin lies in the frame of the file, mm: add it to go back.
        regions: name -> (V,) weights in [0, 1].
        terms: what the source says about its use.
    """

    name: str
    mean: F32
    identity: F32
    expression: F32
    expression_names: tuple[str, ...]
    expression_kind: ExpressionKind
    triangles: I32
    landmarks: LandmarkSet
    contours: dict[str, Correspondence]
    albedo_mean: F32 | None = None
    albedo: F32 = field(default_factory=lambda: np.zeros((0, 0, 3), np.float32))
    uv: F32 | None = None
    triangles_uv: I32 | None = None
    origin: Array = field(default_factory=lambda: np.zeros(3))
    regions: dict[str, F32] = field(default_factory=dict)
    terms: str = ""
    dense: LandmarkSet | None = None
    parts: dict[str, tuple[int, int]] = field(default_factory=dict)
    file: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        v, f = len(self.mean), len(self.triangles)
        wanted = {
            "mean": (self.mean.shape, (v, 3)),
            "identity": (self.identity.shape, (len(self.identity), v, 3)),
            "expression": (self.expression.shape, (len(self.expression_names), v, 3)),
            "triangles": (self.triangles.shape, (f, 3)),
        }
        if self.albedo_mean is not None:
            wanted["albedo_mean"] = (self.albedo_mean.shape, (v, 3))
            wanted["albedo"] = (self.albedo.shape[1:], (v, 3) if len(self.albedo) else self.albedo.shape[1:])
        indices = [("triangles", self.triangles, v)]
        if self.uv is not None and self.triangles_uv is not None:
            wanted["uv"] = (self.uv.shape, (len(self.uv), 2))
            wanted["triangles_uv"] = (self.triangles_uv.shape, (f, 3))
            indices.append(("texture triangles", self.triangles_uv, len(self.uv)))
        for key, (actual, expected) in wanted.items():
            if actual != expected:
                raise ModelFormatError(f"{self.name}: {key} has shape {actual}, expected {expected}")
        for key, values, limit in (
            *indices,
            ("landmark triangles", self.landmarks.points.triangle, f),
            ("right contour", self.contours["right"].triangle, f),
            ("left contour", self.contours["left"].triangle, f),
        ):
            if values.size and not 0 <= values.min() <= values.max() < limit:
                raise ModelFormatError(
                    f"{self.name}: {key} index {values.min()}..{values.max()}, but there are {limit}: do the "
                    "files belong to the same resolution of the model?"
                )
        fields = {
            "mean": self.mean, "identity": self.identity, "expression": self.expression,
            "albedo": self.albedo, "albedo_mean": self.albedo_mean, "uv": self.uv,
            "landmarks": self.landmarks.points.barycentric,
        }  # fmt: skip
        for key, numbers in fields.items():
            if numbers is not None and not all_finite(numbers):
                raise ModelFormatError(
                    f"{self.name}: {key} has numbers that are not finite; is the file damaged?"
                )

    @property
    def id(self) -> str:
        """The model's name: whose coefficients they are."""
        return self.name

    @property
    def resolution(self) -> str:
        """The only one that there is."""
        return "full"

    @property
    def expression_prior(self) -> ExpressionPrior:
        """By the kind of the expressions."""
        e, kind = len(self.expression), self.expression_kind
        low, high, deviation = (np.full(e, x[kind]) for x in (LOWER_WEIGHT, UPPER_WEIGHT, DEVIATION))
        arkit = arkit_numbers(self.expression_names) if kind == "arkit" else np.full(e, -1)
        return ExpressionPrior(low, high, deviation, arkit)

    def landmark_set(self, name: str) -> LandmarkSet | None:
        """Its points of "ibug68" or "mediapipe478"; None where it has none."""
        return {"ibug68": self.landmarks, "mediapipe478": self.dense}.get(name)

    def jaw_lines(self) -> dict[str, Correspondence]:
        """The lines along the jaw."""
        return self.contours

    def at(self, points: Correspondence) -> PointModel:
        """The model restricted to points of its surface."""
        corners, weights = self.triangles[points.triangle], points.barycentric

        def pick(field: F32) -> F32:
            return np.einsum("...lcd,lc->...ld", field[..., corners, :], weights, optimize=True)

        none = np.zeros((0, len(self.identity), len(points), 3), np.float32)
        return PointModel(
            pick(self.mean), pick(self.identity), pick(self.expression), np.zeros(0, np.int32), none
        )

    def neutral(self, identity: ArrayLike | None = None) -> F32:
        """Vertices (V, 3) without expression, mm."""
        return combine(self.mean, self.identity, identity, "identity")

    def expressions(self, identity: ArrayLike | None = None) -> F32:
        """Offsets (E, V, 3) of each expression at 1, mm: the same on every head."""
        return self.expression

    def shape(self, identity: ArrayLike | None = None, expression: ArrayLike | None = None) -> F32:
        """Vertices (V, 3), mm, for identity (up to I,) and expression (up to E,) coefficients."""
        a = np.asarray([] if identity is None else identity, np.float32)
        b = np.asarray([] if expression is None else expression, np.float32)
        if a.ndim != 1 or b.ndim != 1 or len(a) > len(self.identity) or len(b) > len(self.expression):
            raise ValueError(
                f"expected at most {len(self.identity)} identity and {len(self.expression)} expression "
                f"coefficients, got shapes {a.shape} and {b.shape}"
            )
        moved = self.mean + np.tensordot(a, self.identity[: len(a)], 1)
        return moved + np.tensordot(b, self.expression[: len(b)], 1)

    def colours(self, albedo: ArrayLike) -> F32:
        """Albedo (V, 3), sRGB, for coefficients (up to A,).

        Raises:
            ValueError: the model has no albedo.
        """
        if self.albedo_mean is None:
            raise ValueError(f"{self.name} has no albedo")
        c = np.asarray(albedo, np.float32)
        return self.albedo_mean + np.tensordot(c, self.albedo[: len(c)], 1)


def at_vertices(vertices: ArrayLike, triangles: I32) -> Correspondence:
    """Places on the surface that are vertices (L,): each in the first triangle that has it as a corner.

    Raises:
        ModelFormatError: a vertex belongs to no triangle.
    """
    wanted = np.asarray(vertices, dtype=np.int64)
    if not len(triangles):
        raise ModelFormatError("the model has no triangles")
    used, first = np.unique(triangles, return_index=True)
    row = np.minimum(np.searchsorted(used, wanted), len(used) - 1)
    missing = wanted[used[row] != wanted]
    if len(missing):
        raise ModelFormatError(f"landmark vertex {missing[0]} belongs to no triangle of the model")
    triangle, corner = np.divmod(first[row], 3)
    return Correspondence(triangle.astype(np.int32), np.eye(3, dtype=np.float32)[corner])


def on_surface(
    points: ArrayLike, vertices: ArrayLike, triangles: I32, among: ArrayLike | None = None
) -> tuple[Correspondence, Array]:
    """The nearest places (L,) on a surface, and how far points (L, 3) are from them.

    Args:
        points: (L, 3).
        vertices: (V, 3).
        triangles: (F, 3).
        among: numbers of the triangles that count; all when None.
    """
    rows = np.arange(len(triangles)) if among is None else np.asarray(among)
    a, b, c = (np.asarray(vertices, np.float64)[triangles[rows, k]] for k in range(3))
    rows = rows[(np.cross(b - a, c - a) != 0).any(axis=1)]  # `Surface` leaves out those without an area
    triangle, weights, distance = Surface(vertices, triangles[rows]).closest(points)
    return Correspondence(rows[triangle].astype(np.int32), weights.astype(np.float32)), distance


def facing_out(triangles: I32, mean: F32) -> I32:
    """The triangles, turned if most of the surface faces -z: face scans are open at the back."""
    a, b, c = (mean[triangles[:, k], :2].astype(np.float64) for k in range(3))
    area = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
    return triangles if area.sum() > 0 else np.ascontiguousarray(triangles[:, ::-1])


def eye_origin(mean: F32, landmarks: LandmarkSet, triangles: I32) -> Array:
    """(3,) middle of the eye corners that are defined; the frame's origin."""
    rows = np.isin(landmarks.index, ibug68.EYE_CORNERS)
    if not rows.any():
        return np.asarray(mean.mean(axis=0), np.float64)
    return np.asarray(landmarks.points.on(mean, triangles)[rows].mean(axis=0), np.float64)
