"""Meshes to start from and to learn: spheres, the hemisphere, solids of revolution, the Utah teapot.

All are triangle meshes, counter-clockwise seen from outside, y up, centred, about one unit in radius.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from headshot.arrays import F32, I32, Array


@dataclass(frozen=True, eq=False)
class Shape:
    """A triangle mesh.

    Attributes:
        vertices: (V, 3) float32.
        triangles: (F, 3) int32.
    """

    vertices: F32
    triangles: I32


def subdivide(triangles: ArrayLike, vertices: int) -> tuple[I32, I32]:
    """Split each triangle into four at the middles of its edges.

    Returns:
        The new triangles (4F, 3), and the ends (E, 2) of the edge in whose middle each new vertex lies. New
        vertices come after the old ones: edge n's has the index ``vertices + n``.
    """
    faces = np.asarray(triangles, dtype=np.int32)
    sides = np.stack([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]], axis=1).reshape(-1, 2)
    edges, inverse = np.unique(np.sort(sides, axis=1), axis=0, return_inverse=True)
    ab, bc, ca = (vertices + inverse.reshape(-1, 3).astype(np.int32)).T
    a, b, c = faces.T
    split = np.concatenate(
        [np.stack(t, axis=1) for t in ((a, ab, ca), (b, bc, ab), (c, ca, bc), (ab, bc, ca))]
    )
    return split.astype(np.int32), edges.astype(np.int32)


def _on_sphere(corners: ArrayLike, triangles: ArrayLike, level: int) -> Shape:
    points, faces = np.asarray(corners, np.float64), np.asarray(triangles, np.int32)
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    for _ in range(level):
        faces, edges = subdivide(faces, len(points))
        middle = points[edges].sum(axis=1)
        points = np.concatenate([points, middle / np.linalg.norm(middle, axis=1, keepdims=True)])
    return Shape(points.astype(np.float32), faces)


def ico_sphere(level: int = 4) -> Shape:
    """Unit sphere from an icosahedron whose triangles were split ``level`` times: 10 * 4**level + 2 vertices.

    ``ico_sphere(4)`` has the 2,562 vertices of BabyMeshNet (Jeon et al.).
    """
    g = (1 + 5**0.5) / 2
    corners = [
        (-1, g, 0), (1, g, 0), (-1, -g, 0), (1, -g, 0), (0, -1, g), (0, 1, g),
        (0, -1, -g), (0, 1, -g), (g, 0, -1), (g, 0, 1), (-g, 0, -1), (-g, 0, 1),
    ]  # fmt: skip
    faces = [
        (0, 11, 5), (0, 5, 1), (0, 1, 7), (0, 7, 10), (0, 10, 11), (1, 5, 9), (5, 11, 4),
        (11, 10, 2), (10, 7, 6), (7, 1, 8), (3, 9, 4), (3, 4, 2), (3, 2, 6), (3, 6, 8),
        (3, 8, 9), (4, 9, 5), (2, 4, 11), (6, 2, 10), (8, 6, 7), (9, 8, 1),
    ]  # fmt: skip
    return _on_sphere(corners, faces, level)


def hemisphere(level: int = 5) -> Shape:
    """The half z >= 0 of the unit sphere: half an octahedron whose triangles were split ``level`` times.

    With level 5 it has 1 + 2 * 32 * 33 = 2,113 vertices, the number of MeshNet (Jeon et al.), of
    which the paper says "a hemisphere" and no more. Level n has 1 + 2 * 2**n * (2**n + 1).
    """
    corners = [(0, 0, 1), (1, 0, 0), (0, 1, 0), (-1, 0, 0), (0, -1, 0)]
    return _on_sphere(corners, [(0, 1, 2), (0, 2, 3), (0, 3, 4), (0, 4, 1)], level)


def _weld(points: Array, triangles: NDArray[np.intp]) -> Shape:
    """Join vertices at one place, drop triangles without area, centre and scale to radius 1."""
    _, first, inverse = np.unique(np.round(points, 6), axis=0, return_index=True, return_inverse=True)
    points, faces = points[first], inverse.reshape(-1)[triangles]
    a, b, c = faces.T
    faces = faces[(a != b) & (b != c) & (c != a)]
    used, faces = np.unique(faces, return_inverse=True)
    points = points[used]
    points = points - (points.min(axis=0) + points.max(axis=0)) / 2
    points /= np.linalg.norm(points, axis=1).max()
    return Shape(points.astype(np.float32), faces.reshape(-1, 3).astype(np.int32))


def _grid(rows: int, columns: int) -> NDArray[np.intp]:
    """Triangles of a grid of points, counter-clockwise where rows run up and columns to the right."""
    i = np.arange(rows - 1)[:, None] * columns + np.arange(columns - 1)
    a, b, c, d = (i + k for k in (0, 1, columns + 1, columns))
    return np.stack([np.stack([a, b, c], -1), np.stack([a, c, d], -1)], -2).reshape(-1, 3)


def revolve(profile: ArrayLike, segments: int = 48) -> Shape:
    """Solid of revolution about the y axis.

    Args:
        profile: (N, 2) radius and height from the bottom up; a radius of 0 closes the end.
        segments: around the axis.
    """
    radius, height = np.asarray(profile, np.float64).T
    angle = np.linspace(0, 2 * np.pi, segments + 1)
    angle[-1] = 0  # the seam exactly closed
    x, z = radius[:, None] * np.sin(angle), radius[:, None] * np.cos(angle)
    points = np.stack([x, np.broadcast_to(height[:, None], x.shape), z], axis=-1).reshape(-1, 3)
    return _weld(points, _grid(len(radius), segments + 1))


def radial(distance: Callable[[Array], Array], level: int = 4) -> Shape:
    """A star-shaped solid: `ico_sphere` with each direction (V, 3) moved to a distance (V,)."""
    sphere = ico_sphere(level)
    directions = sphere.vertices.astype(np.float64)
    return _weld(directions * distance(directions)[:, None], sphere.triangles.astype(np.intp))


# Martin Newell's teapot of 1975 (public domain): control points of its 32 bicubic Bezier patches, here by
# their symmetries. Solids of revolution: (radius, height) of the four points of each curve from the outside
# of the rim over body and bottom, and from the knob over the lid.
_BODY = (
    ((1.4, 2.4), (1.3375, 2.53125), (1.4375, 2.53125), (1.5, 2.4)),
    ((1.5, 2.4), (1.75, 1.875), (2.0, 1.35), (2.0, 0.9)),
    ((2.0, 0.9), (2.0, 0.45), (1.5, 0.225), (1.5, 0.15)),
    ((1.5, 0.15), (1.5, 0.075), (1.425, 0.0), (0.0, 0.0)),
)
_LID = (
    ((0.0, 3.15), (0.8, 3.15), (0.0, 2.85), (0.2, 2.7)),
    ((0.2, 2.7), (0.4, 2.55), (1.3, 2.55), (1.3, 2.4)),
)
# Handle and spout lie in the plane of x (to the spout) and height; each curve along them has its points on
# the plane and at a half width: rows of (x, height) below and above, half widths of the inner two.
_HANDLE = (
    (((-1.6, 2.025), (-2.3, 2.025), (-2.7, 2.025), (-2.7, 1.8)),
     ((-1.5, 2.25), (-2.5, 2.25), (-3.0, 2.25), (-3.0, 1.8)), (0.3, 0.3, 0.3, 0.3)),
    (((-2.7, 1.8), (-2.7, 1.575), (-2.5, 1.125), (-2.0, 0.9)),
     ((-3.0, 1.8), (-3.0, 1.35), (-2.65, 0.9375), (-1.9, 0.6)), (0.3, 0.3, 0.3, 0.3)),
)  # fmt: skip
_SPOUT = (
    (((1.7, 1.425), (2.6, 1.425), (2.3, 2.1), (2.7, 2.4)),
     ((1.7, 0.6), (3.1, 0.825), (2.4, 2.025), (3.3, 2.4)), (0.66, 0.66, 0.25, 0.25)),
    (((2.7, 2.4), (2.8, 2.475), (2.9, 2.475), (2.8, 2.4)),
     ((3.3, 2.4), (3.525, 2.49375), (3.45, 2.5125), (3.2, 2.4)), (0.25, 0.25, 0.15, 0.15)),
)  # fmt: skip
_QUARTER = 0.56  # Newell's inner control points of a quarter circle


def _bernstein(n: int) -> Array:
    """(n + 1, 4) cubic Bernstein polynomials at even steps of [0, 1]."""
    t = np.linspace(0, 1, n + 1)[:, None]
    return np.hstack([(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3])


def _turned(curve: Sequence[tuple[float, float]], quarter: int) -> Array:
    """Control points (4, 4, 3) of a quarter of the surface of revolution of a curve of (radius, height)."""
    angle = np.pi / 2 * quarter
    turn = np.round([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    arc = np.array([(1, 0), (1, _QUARTER), (_QUARTER, 1), (0, 1)]) @ turn
    return np.array([[(r * x, h, -r * z) for x, z in arc] for r, h in curve])


def _tube(inner: Sequence[tuple[float, float]], outer: Sequence[tuple[float, float]], width: Sequence[float],
          side: int) -> Array:  # fmt: skip
    """Control points (4, 4, 3) of one half of a handle or spout."""
    rows = [
        [(*a, 0.0), (*a, side * w), (*b, side * w), (*b, 0.0)]
        for a, b, w in zip(inner, outer, width, strict=True)
    ]
    return np.array(rows)


def teapot(steps: int = 8) -> Shape:
    """The Utah teapot, 64 * steps**2 triangles less those that collapse at the poles.

    Args:
        steps: quads along each side of a patch.
    """
    patches = [_turned(c, q) for c in _BODY for q in range(4)]
    patches += [_turned(c, q) for c in _LID for q in range(4)]
    patches += [
        _tube(*part, side)[:, ::-side]  # a mirrored patch turns its other side out
        for part in (*_HANDLE, *_SPOUT)
        for side in (-1, 1)
    ]
    b = _bernstein(steps)
    points = np.concatenate([np.einsum("iu,jv,uvc->ijc", b, b, p).reshape(-1, 3) for p in patches])
    grid = _grid(steps + 1, steps + 1)
    size = (steps + 1) ** 2
    return _weld(points, np.concatenate([grid[:, ::-1] + n * size for n in range(len(patches))]))


def objects() -> dict[str, Shape]:
    """Eight objects without holes to learn several shapes at once, the teapot among them."""
    t = np.linspace(0, 1, 25)
    circle = np.pi * (t - 0.5)
    vase = np.column_stack([0.5 + 0.3 * np.sin(4.4 * t + 0.2), 2 * t])
    ends = np.array([[0.0, 0.0]]), np.array([[0.0, 2.0]])
    return {
        "teapot": teapot(),
        "vase": revolve(np.concatenate([ends[0], vase, ends[1]])),
        "cone": revolve(np.column_stack([np.r_[0, 0.9 * (1 - t)], np.r_[0, 1.8 * t]])),
        "cylinder": revolve(np.concatenate([ends[0], np.column_stack([0.6 + 0 * t, 2 * t]), ends[1]])),
        "dumb-bell": revolve(np.column_stack([np.cos(circle) * (0.3 + 0.6 * np.sin(circle) ** 2), 2 * t])),
        "cube": radial(lambda d: 1 / np.linalg.norm(d, ord=8, axis=1)),
        "star": radial(lambda d: 0.55 + 0.9 * (d**4).sum(axis=1) ** 2),
        "bean": radial(lambda d: 0.8 + 0.35 * d[:, 0] - 0.3 * d[:, 1] ** 2 + 0.35 * d[:, 0] * d[:, 2]),
    }
