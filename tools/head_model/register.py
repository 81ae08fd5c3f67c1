"""Fitting MakeHuman's head onto ICT-FaceKit's mean head: one registration, mean to mean.

Similarity, thin-plate warp on the constraints, then Gauss-Newton on point-to-plane distances with a
Laplacian on the displacement whose weight falls: non-rigid ICP (Amberg, Romdhani & Vetter 2007, "Optimal step
nonrigid ICP") with the stiffness of Botsch & Sorkine 2008, section 2. Both heads are symmetric, so every
constraint is used on both sides and the result is symmetric.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import scipy.sparse as sp
from scipy.interpolate import RBFInterpolator
from scipy.sparse.linalg import spsolve

from ict import FACE, HEAD, LINED, Ict
from quadmesh import (
    boundary_loops,
    closest_points,
    laplacian,
    normals_of,
    rings,
    triangles_of,
    vertex_areas,
)
from topology import Topology

TABLE = Path(__file__).with_name("correspondences.json")
FLIP = np.array([-1.0, 1.0, 1.0])

# (stiffness, weight of the constraints) of each Gauss-Newton step
SCHEDULE = (
    [(50, 20)] * 3 + [(15, 10)] * 4 + [(4, 5)] * 5 + [(1, 2.5)] * 6 + [(0.3, 1.2)] * 6 + [(0.1, 0.6)] * 6
)


@dataclass
class Constraints:
    """Points of our mesh (weighted vertices) and where they belong on the target, mm."""

    points: list[tuple[np.ndarray, np.ndarray]] = field(default_factory=list)
    targets: list[np.ndarray] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)

    def add(self, vertices: object, shares: object, target: np.ndarray, weight: float) -> None:
        self.points.append((np.atleast_1d(vertices), np.atleast_1d(shares)))
        self.targets.append(np.asarray(target, float))
        self.weights.append(weight)

    def symmetric(self, mirror: np.ndarray, n: int) -> tuple[sp.csr_matrix, np.ndarray, np.ndarray]:
        """Matrix (C, n), targets (C, 3) and weights (C,) of the constraints and their mirror images."""
        both = self.points + [(mirror[v], s) for v, s in self.points]
        matrix = sp.lil_matrix((len(both), n))
        for row, (vertices, shares) in enumerate(both):
            for vertex, share in zip(vertices, shares, strict=True):
                matrix[row, vertex] += share
        targets = np.array(self.targets)
        return matrix.tocsr(), np.r_[targets, targets * FLIP], np.tile(self.weights, 2) * 0.5


@dataclass(frozen=True)
class Registration:
    """Our skin on the ICT mean head.

    Attributes:
        scale, rotation, translation: similarity from MakeHuman's frame to ICT's.
        skin: (S, 3) registered skin vertices, ICT frame, mm.
    """

    scale: float
    rotation: np.ndarray
    translation: np.ndarray
    skin: np.ndarray

    def similarity(self, points: np.ndarray) -> np.ndarray:
        return self.scale * points @ self.rotation.T + self.translation

    def turned(self, offsets: np.ndarray) -> np.ndarray:
        return self.scale * offsets @ self.rotation.T


def split_loop(points: np.ndarray, loop: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Upper and lower chain of a closed loop, both from its least to its greatest x, ends included."""
    x = points[loop, 0]
    rolled = np.roll(loop, -x.argmin())
    end = points[rolled, 0].argmax()
    first, second = rolled[: end + 1], np.r_[rolled[end:], rolled[0]][::-1]
    if points[first, 1].mean() < points[second, 1].mean():
        first, second = second, first
    return first, second


def _along(points: np.ndarray, chain: np.ndarray) -> np.ndarray:
    """Arc length of the chain's vertices over its whole length."""
    s = np.r_[0, np.cumsum(np.linalg.norm(np.diff(points[chain], axis=0), axis=1))]
    return s / s[-1]


def _at_x(points: np.ndarray, chain: np.ndarray, share: float) -> tuple[list[int], list[float]]:
    """Point of a chain whose x is ``share`` (-1..1) of the way between its ends."""
    x = points[chain, 0]
    wanted = np.interp(share, [-1, 1], [x[0], x[-1]])
    k = int(np.clip(np.searchsorted(x, wanted) - 1, 0, len(chain) - 2))
    t = float(np.clip((wanted - x[k]) / (x[k + 1] - x[k]), 0, 1))
    return [chain[k], chain[k + 1]], [1 - t, t]


def constraints(topology: Topology, start: np.ndarray, ict: Ict) -> Constraints:
    """What is known to correspond: lid loops, lips, 68 landmarks, ears, skull.

    Args:
        topology: our mesh.
        start: (S, 3) skin vertices in MakeHuman's frame, mm.
        ict: the target.
    """
    table = json.loads(TABLE.read_text())
    found = Constraints()
    skin = topology.quads[slice(*topology.parts["skin"])]
    points68 = ict.mean[ict.landmarks]

    def left_loop(faces: np.ndarray, positions: np.ndarray, length: int) -> np.ndarray:
        return next(l for l in boundary_loops(faces) if len(l) == length and positions[l, 0].mean() > 0)

    ours, theirs = left_loop(skin, start, 28), left_loop(ict.surface(FACE), ict.mean, 42)
    for chain, other in zip(split_loop(start, ours), split_loop(ict.mean, theirs), strict=True):
        s, s_other = _along(start, chain), _along(ict.mean, other)
        for k, vertex in enumerate(chain):
            target = [np.interp(s[k], s_other, ict.mean[other, d]) for d in range(3)]
            found.add(vertex, 1.0, np.array(target), 3.0)

    depth = rings(skin, len(start), next(l for l in boundary_loops(skin) if len(l) == 38))
    corner, outer, inner = (_ring(skin, depth, table["lip_rings"][k]) for k in ("corner", "outer", "inner"))
    found.add(split_loop(start, corner)[0][0], 1.0, points68[48], 2.0)
    upper, lower = split_loop(start, outer)
    width = abs(points68[48, 0])
    for k in range(49, 54):
        found.add(*_at_x(start, upper, points68[k, 0] / width), points68[k], 2.0)
    for k in range(55, 60):
        found.add(*_at_x(start, lower, points68[k, 0] / width), points68[k], 2.0)
    upper, lower = split_loop(start, inner)
    width = abs(points68[60, 0])
    behind = np.array([0, 0, -1.2])  # the inner ring lies where the lips touch, behind the marked line
    for k in (61, 62, 63):
        found.add(*_at_x(start, upper, points68[k, 0] / width), points68[k] + behind, 0.6)
    for k in (65, 66, 67):
        found.add(*_at_x(start, lower, points68[k, 0] / width), points68[k] + behind, 0.6)
    found.add(upper[0], 1.0, points68[60], 1.0)

    number = {int(v): i for i, v in enumerate(topology.makehuman[: len(start)])}
    for name, weight in table["landmark_weights"].items():
        for k in range(*table["landmark_groups"][name]):
            vertices = [number[v] for v in table["ibug68"][k]["makehuman"]]
            found.add(vertices, table["ibug68"][k]["barycentric"], points68[k], weight)

    head = ict.mean[:HEAD]
    for pick in table["ear"]:
        y, z = pick["ict_yz_mm"]
        near = np.flatnonzero((head[:, 0] > 60) & (np.hypot(head[:, 1] - y, head[:, 2] - z) < 3.5))
        found.add(number[pick["makehuman"]], 1.0, head[near[head[near, 0].argmax()]], pick["weight"])
    ours_mid, theirs_mid = np.flatnonzero(abs(start[:, 0]) < 3), np.flatnonzero(abs(head[:, 0]) < 3)
    for direction in ([0, 1, 0], [0, 0.2, -1]):  # crown and back of the skull
        target = head[theirs_mid[(head[theirs_mid] @ np.array(direction)).argmax()]]
        found.add(ours_mid[(start[ours_mid] @ np.array(direction)).argmax()], 1.0, target, 0.5)
    return found


def _ring(quads: np.ndarray, depth: np.ndarray, k: int) -> np.ndarray:
    """The closed loop of vertices ``k`` edges away from the border that ``depth`` counts from."""
    outside = quads[(depth[quads] >= k).all(1)]
    return max((l for l in boundary_loops(outside) if (depth[l] == k).all()), key=len)


def procrustes(a: np.ndarray, b: np.ndarray, w: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """Scale, rotation, translation with least weighted squares from points a to points b (Umeyama 1991)."""
    w = w / w.sum()
    ma, mb = w @ a, w @ b
    u, s, vt = np.linalg.svd(((b - mb) * w[:, None]).T @ (a - ma))
    d = np.array([1, 1, np.sign(np.linalg.det(u @ vt))])
    rotation = u @ np.diag(d) @ vt
    scale = (s * d).sum() / (w @ ((a - ma) ** 2).sum(1))
    return scale, rotation, mb - scale * rotation @ ma


def register(topology: Topology, source: np.ndarray, ict: Ict) -> Registration:
    """Register the skin; ``source`` (V, 3) is our mesh on MakeHuman's average adult, mm."""
    start = source[topology.part("skin")]
    n = len(start)
    quads = topology.quads[slice(*topology.parts["skin"])]
    triangles, mirror = triangles_of(quads), topology.mirror[:n]
    matrix, targets, weights = constraints(topology, start, ict).symmetric(mirror, n)
    scale, rotation, translation = procrustes(matrix @ start, targets, weights)
    placed = scale * start @ rotation.T + translation

    at, offsets, smoothing = _distinct(matrix @ placed, targets - matrix @ placed, weights)
    warp = RBFInterpolator(at, offsets, smoothing=smoothing, kernel="thin_plate_spline", degree=1)
    warped = placed + warp(placed)

    stiff = laplacian(quads, n, warped)
    area = vertex_areas(warped, triangles)
    weight = np.clip(area / np.median(area), 0.3, 4.0)
    surface = ict.surface(LINED)
    target_normals = normals_of(ict.mean, surface)
    on_border = np.zeros(len(ict.mean), bool)
    on_border[np.concatenate(boundary_loops(surface))] = True
    x = warped.copy()
    for step, (stiffness, pull) in enumerate(SCHEDULE):
        triangle, barycentric, distance = closest_points(x, ict.mean, surface, normals_of(x, triangles), 0.3)
        reach = 40 if step < 3 else 15 if step < 8 else 8
        valid = (triangle >= 0) & (distance < reach)
        corners = surface[triangle]
        hit = (ict.mean[corners] * barycentric[..., None]).sum(1)
        normal = (target_normals[corners] * barycentric[..., None]).sum(1)
        normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)
        valid &= ~(on_border[corners].all(1) & (barycentric.min(1) < 1e-6))
        x = _gauss_newton(
            x, warped, (hit, normal, np.where(valid, weight, 0.0)), (matrix, targets, weights * pull),
            stiffness * (stiff.T @ sp.diags(weight) @ stiff),
        )  # fmt: skip
        x = (x + x[mirror] * FLIP) / 2
    return Registration(float(scale), rotation, translation, x)


def _distinct(
    points: np.ndarray, values: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Thin-plate data without coincident points (those on the mirror plane), and its smoothing."""
    _, keep = np.unique(np.round(points, 3), axis=0, return_index=True)
    return points[keep], values[keep], 2.0 / np.maximum(weights[keep], 0.05)


def _gauss_newton(
    x: np.ndarray,
    rest: np.ndarray,
    planes: tuple[np.ndarray, np.ndarray, np.ndarray],
    pins: tuple[sp.csr_matrix, np.ndarray, np.ndarray],
    stiffness: sp.csr_matrix,
) -> np.ndarray:
    """One step: point-to-plane (plus a tenth point-to-point), constraints, smooth displacement from rest."""
    (hit, normal, w), (matrix, targets, pull) = planes, pins
    n = len(x)
    gap = np.where(w[:, None] > 0, hit - x, 0.0)
    along = (normal * gap).sum(1)
    pinned = matrix.T @ sp.diags(pull) @ matrix
    rhs = normal * (w * along)[:, None] + 0.1 * w[:, None] * gap
    rhs += matrix.T @ (pull[:, None] * (targets - matrix @ x)) - stiffness @ (x - rest)
    shared = sp.diags(0.1 * w + 1e-4) + stiffness + pinned
    blocks = [
        [sp.diags(w * normal[:, a] * normal[:, b]) + (shared if a == b else 0 * shared) for b in range(3)]
        for a in range(3)
    ]
    return x + spsolve(sp.bmat(blocks).tocsc(), rhs.T.ravel()).reshape(3, n).T
