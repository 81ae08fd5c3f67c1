"""The face template of MeshNet+: our head model's face with the connectivity of a subdivided hemisphere.

Rays from a point inside the mean head through the vertices of `shapes.hemisphere`, bent into a cone around
the face, meet the head's surface where the template's vertices lie. Level n + 1 has the vertices of level n
and the middles of its edges, which gives Pixel2Mesh's unpooling (Wang et al., ECCV 2018) from 145 to 8,321
vertices; and each vertex is a known point of the head model, so that landmarks, albedo and any head of the
model can be carried over. Millimetres, head frame.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike

from headshot.arrays import F32, I32, Array, Index, Mask
from headshot.kernels import njit
from headshot.learn.shapes import Shape, hemisphere, subdivide
from headshot.models.correspondence import Correspondence
from headshot.models.head_model import HeadModel, load_head_model

FINEST = 6  # level of the finest mesh: 8,321 vertices
CENTRE = np.array([0.0, -15.0, -85.0])  # of the rays, mm: inside the mean head, behind the nose
OPENING = np.radians(70.0)  # between the middle of the face and the template's border
SURFACES = ("skin", "eye_left", "eye_right")  # what rays can meet


@dataclass(frozen=True, eq=False)
class Template:
    """The mean face at all levels.

    Attributes:
        vertices: (V, 3) of the finest level, mm; the first ``counts[n]`` are level n's.
        triangles: (F, 3) of each level.
        counts: vertices of each level.
        edges: for each level but the finest (E, 2) the ends of the edges that unpooling halves.
        on_head: (V,) points of the low head model.
        landmarks: (478,) on the triangles of each level: where MediaPipe's landmarks lie.
        landmarks68: (51,) the same for iBUG's points 17 to 67.
        mirror: (V,) index of each vertex's counterpart on the other side.
    """

    vertices: F32
    triangles: tuple[I32, ...]
    counts: tuple[int, ...]
    edges: tuple[I32, ...]
    on_head: Correspondence
    landmarks: tuple[Correspondence, ...]
    landmarks68: tuple[Correspondence, ...]
    mirror: I32

    def carried(self, values: ArrayLike, model: HeadModel) -> F32:
        """Values (V, D) at the template's vertices, of values at the low head's vertices."""
        return self.on_head.on(values, model.triangles)


def rays(hemisphere_points: Array) -> Array:
    """Unit directions (N, 3) of the rays through points of the hemisphere: its rim at `OPENING`."""
    angle = np.arccos(np.clip(hemisphere_points[:, 2], -1, 1)) * (OPENING / (np.pi / 2))
    flat = hemisphere_points[:, :2]
    length = np.linalg.norm(flat, axis=1, keepdims=True)
    flat = np.divide(flat, length, out=np.zeros_like(flat), where=length > 0)
    return np.column_stack([np.sin(angle)[:, None] * flat, np.cos(angle)])


def cast(directions: Array, vertices: Array, triangles: I32) -> tuple[Correspondence, Mask]:
    """Where rays from `CENTRE` leave a surface: the farthest hits, and which rays hit at all."""
    corners = np.ascontiguousarray(vertices[triangles] - CENTRE)
    face = np.full(len(directions), -1, np.int64)
    weights = np.full((len(directions), 3), 1 / 3)
    _farthest(np.ascontiguousarray(directions), corners, face, weights)
    hit = face >= 0
    return Correspondence(np.maximum(face, 0).astype(np.int32), weights.astype(np.float32)), hit


@njit(cache=True, nogil=True, error_model="numpy")
def _farthest(directions: Array, corners: Array, face: Index, weights: Array) -> None:
    """Triangle (N,) that each ray from the origin crosses last, and its weights (N, 3); corners (F, 3, 3)."""
    for n in range(directions.shape[0]):
        x, y, z = directions[n, 0], directions[n, 1], directions[n, 2]
        farthest = 0.0
        for t in range(corners.shape[0]):
            ax, ay, az = corners[t, 0, 0], corners[t, 0, 1], corners[t, 0, 2]
            bx, by, bz = corners[t, 1, 0], corners[t, 1, 1], corners[t, 1, 2]
            cx, cy, cz = corners[t, 2, 0], corners[t, 2, 1], corners[t, 2, 2]
            # Volumes spanned by the direction and two corners: the weights, up to a common factor.
            u = x * (by * cz - bz * cy) + y * (bz * cx - bx * cz) + z * (bx * cy - by * cx)
            v = x * (cy * az - cz * ay) + y * (cz * ax - cx * az) + z * (cx * ay - cy * ax)
            if u * v < 0:
                continue
            w = x * (ay * bz - az * by) + y * (az * bx - ax * bz) + z * (ax * by - ay * bx)
            total = u + v + w
            if total == 0 or u * total < 0 or v * total < 0 or w * total < 0:
                continue
            # The point on the ray, in units of its direction.
            at = (u * (ax * x + ay * y + az * z) + v * (bx * x + by * y + bz * z)
                  + w * (cx * x + cy * y + cz * z)) / total  # fmt: skip
            if at > farthest:
                farthest = at
                face[n] = t
                weights[n, 0], weights[n, 1], weights[n, 2] = u / total, v / total, w / total


@lru_cache(maxsize=1)
def face_template() -> Template:
    """The template on the built-in head model."""
    model = load_head_model("low")
    surface = np.concatenate([np.arange(*model.parts[name]) for name in SURFACES])
    finest = hemisphere(FINEST)
    found, hit = cast(
        rays(finest.vertices.astype(np.float64)), model.mean.astype(np.float64), model.triangles[surface]
    )
    if not hit.all():
        raise ValueError(f"{(~hit).sum()} rays of the face template miss the head model")
    on_head = Correspondence(surface[found.triangle].astype(np.int32), found.barycentric)
    vertices = on_head.on(model.mean, model.triangles)
    triangles, edges = hierarchy()
    counts = tuple(1 + 2 * 2**n * (2**n + 1) for n in range(FINEST + 1))

    def landmarks(name: str) -> tuple[Correspondence, ...]:
        points = model.landmarks[name]
        if name == "ibug68":  # points 0 to 16 are the outline, which is not fixed on the surface
            points = Correspondence(points.triangle[-51:], points.barycentric[-51:])
        at = points.on(model.mean, model.triangles) - CENTRE
        at /= np.linalg.norm(at, axis=1, keepdims=True)
        return tuple(
            cast(at.astype(np.float64), vertices[:count].astype(np.float64), faces)[0]
            for count, faces in zip(counts, triangles, strict=True)
        )

    return Template(
        vertices, triangles, counts, edges, on_head, landmarks("mediapipe478"), landmarks("ibug68"),
        _mirror(finest),
    )  # fmt: skip


def hierarchy() -> tuple[tuple[I32, ...], tuple[I32, ...]]:
    """Triangles of each level of the hemisphere, and the edges halved between them."""
    triangles, edges = [hemisphere(0).triangles], []
    for level in range(FINEST):
        faces, ends = subdivide(triangles[-1], 1 + 2 * 2**level * (2**level + 1))
        triangles.append(faces)
        edges.append(ends)
    return tuple(triangles), tuple(edges)


def _mirror(shape: Shape) -> I32:
    """Index of each vertex's image under x -> -x, on the symmetric hemisphere."""
    here = np.round(shape.vertices, 5) + 0.0  # no negative zeros
    there = np.round(shape.vertices * np.array([-1, 1, 1], np.float32), 5) + 0.0
    first, second = np.lexsort(here.T), np.lexsort(there.T)
    out = np.empty(len(here), np.int32)
    out[second] = first
    return out
