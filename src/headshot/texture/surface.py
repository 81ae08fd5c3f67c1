"""The skin of a head model as a graph of its vertices, with what is known of it whoever is on the photo.

Computed once for a model and cached.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from headshot.arrays import F32, I32
from headshot.geometry.raster import vertex_normals
from headshot.models.head_model import HeadModel
from headshot.models.topologies import ibug68
from headshot.ramps import smoothstep

# Lower and upper edges of the brows among the 478 landmarks, from the outside in.
BROWS = (
    ([46, 53, 52, 65, 55], [70, 63, 105, 66, 107]),
    ([276, 283, 282, 295, 285], [300, 293, 334, 296, 336]),
)


@dataclass(frozen=True, eq=False)
class Surface:
    """The skin as a graph of its vertices, with what is known about them beforehand.

    Attributes:
        vertices: (S,) vertices of the skin; everything below is per skin vertex, edges index into it.
        number: (V,) place of a vertex in ``vertices``, -1 for other parts.
        start, neighbour: (S + 1,), (E,) compressed rows of the symmetric adjacency.
        area: (S,) mm^2.
        frontal: (S,) mm^2 of face that a frontal photo would show here.
        mirror: (S,) counterpart on the other side.
        selectivity: (S,) weight of the skin-colour likelihood in [0, 1]: 0 on brows, eyes, nose and lips,
            which have colours of their own, to 1 at hairline, temples, ears and neck, where what is not skin
            is seen most often.
        beard: (S,) in [0, 1], where beards grow.
        flank: (S,) in [0, 1], the sides of the face, from before the ears on.
        skin_prior: (S,) prior probability that a photo shows bare skin here; 0 on scalp and nape.
        bare: (S,) 1 where everybody's skin is bare: cheeks, nose, lower forehead.
        core: (S,) 1 where hair hardly ever hides it, either: cheeks and nose, between the brows.
        growth: (S,) how readily region growing from the core takes what is seen for skin: 0 on brows, eyes
            and lips, little where hair or clothes may be.
        chin: (S,) 1 on chin and upper lip, where most beards are.
        brow: (S,) 1 on the brow on the subject's left, -1 on the other.
        fringe: (S,) 1 above the left brow, -1 above the other, where a fringe ends.
        lips: (S,) 1 on lips, their insides included.
        crease: (S,) share of light that reaches creases like those of the ear, 1 elsewhere.
    """

    vertices: I32
    number: I32
    start: I32
    neighbour: I32
    area: F32
    frontal: F32
    mirror: I32
    selectivity: F32
    beard: F32
    flank: F32
    skin_prior: F32
    bare: F32
    core: F32
    growth: F32
    chin: F32
    brow: F32
    fringe: F32
    lips: F32
    crease: F32


@lru_cache(maxsize=2)
def surface_of(model: HeadModel) -> Surface:
    """The model's skin as a graph."""
    triangles = model.triangles[slice(*model.parts.get("skin", (0, len(model.triangles))))]
    vertices, local = np.unique(triangles, return_inverse=True)
    local = local.reshape(-1, 3).astype(np.int32)
    number = np.full(len(model.mean), -1, np.int32)
    number[vertices] = np.arange(len(vertices))
    edges = np.concatenate([local[:, [0, 1]], local[:, [1, 2]], local[:, [2, 0]]])
    code = np.unique(np.concatenate([edges, edges[:, ::-1]]) @ np.array([len(vertices), 1], np.int64))
    row, neighbour = np.divmod(code, len(vertices))
    start = np.searchsorted(row, np.arange(len(vertices) + 1)).astype(np.int32)

    points = model.mean[vertices]
    normals = vertex_normals(points, local)
    corners = points[local]
    areas = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1) / 6
    area = np.bincount(local.ravel(), np.repeat(areas, 3), minlength=len(vertices))

    degree = np.maximum(np.diff(start), 1)
    rise = ((points[neighbour] - points[row]) * normals[row]).sum(axis=1)
    length = np.linalg.norm(points[neighbour] - points[row], axis=1)
    hollow = np.bincount(row, rise, len(vertices)) / np.maximum(np.bincount(row, length, len(vertices)), 1e-6)
    for _ in range(2):  # creases are wider than one edge
        hollow = 0.5 * hollow + 0.5 * np.bincount(row, hollow[neighbour], len(vertices)) / degree

    priors = _priors(model, points)
    return Surface(
        vertices=vertices.astype(np.int32),
        number=number,
        start=start,
        neighbour=neighbour.astype(np.int32),
        area=area.astype(np.float32),
        frontal=(area * (1 - priors["selectivity"]) * np.clip(normals[:, 2], 0, 1)).astype(np.float32),
        mirror=np.maximum(number[model.mirror[vertices]], 0).astype(np.int32),
        **priors,
        lips=model.regions.get("lips", np.zeros(len(model.mean), np.float32))[vertices],
        crease=np.clip(1 - 1.6 * np.maximum(hollow - 0.05, 0), 0.6, 1).astype(np.float32),
    )


def _priors(model: HeadModel, points: F32) -> dict[str, F32]:
    """Selectivity to fringe of skin vertices (S, 3), see `Surface`, from the landmarks."""
    marks = model.landmarks["ibug68"].on(model.mean, model.triangles)
    dense = model.landmarks["mediapipe478"].on(model.mean, model.triangles)
    corners = marks[list(ibug68.OUTER_EYE_CORNERS)]
    unit = float(np.linalg.norm(corners[1] - corners[0])) / 90.0  # 1 for a head of natural size

    def distance(chosen: F32) -> F32:
        squares = (points**2).sum(axis=1)[:, None] - 2 * points @ chosen.T + (chosen**2).sum(axis=1)
        return np.sqrt(np.maximum(squares.min(axis=1), 0)) / unit

    # Brows as bands of points between their lower and upper edges.
    low, high = (np.vstack([_line(dense[side[edge]]) for side in BROWS]) for edge in (0, 1))
    brow = distance(np.vstack([low + t * (high - low) for t in (0, 0.5, 1)]))
    eyes, mouth, nose = (distance(marks[group]) for group in (ibug68.EYES, ibug68.MOUTH, ibug68.NOSE))
    top = float(marks[ibug68.BROWS, 1].max())
    height = (points[:, 1] - top) / unit
    side = np.abs(points[:, 0]) / unit
    # Features are exempt with some room for the fit's errors; hair falls from above and from the sides.
    inner = np.minimum(np.minimum(brow + 4, eyes - 2), np.minimum(mouth, nose))
    selectivity = smoothstep(inner, 7, 28)
    selectivity = np.maximum(selectivity, smoothstep(brow, 3, 8) * smoothstep(height, -8, 2))
    selectivity = np.maximum(selectivity, smoothstep(side, 50, 62) * (points[:, 1] - top > -65 * unit))
    chin_line = np.minimum(mouth, distance(_line(marks[4:13])) + 6)
    beard = (1 - smoothstep(chin_line, 24, 42)) * (height < -40)
    # From the trichion up, behind the ears and on the lower neck, hair and clothes are seen more often than
    # skin.
    back = (marks[0, 2] + marks[16, 2]) / 2 - points[:, 2]
    skin_prior = (1 - smoothstep(height, 34, 66)) * (1 - smoothstep(back / unit, 12, 45))
    below = (marks[ibug68.CHIN, 1] - points[:, 1]) / unit
    skin_prior = skin_prior * (1 - smoothstep(below, 0, 28))
    bare = (distance(marks[ibug68.BROWS]) > 8) & (eyes > 10) & (mouth > 14)
    bare &= distance(marks[ibug68.INNER]) < 38
    bare &= (height < 15) & (points[:, 1] > marks[ibug68.MOUTH, 1].mean())
    core = bare & ((height < -20) | (side < 9)) & (side < 48)
    growth = ((brow > 5) & (eyes > 9) & (mouth > 6)) * (1 - 0.8 * smoothstep(height, 5, 40))
    growth = growth * (1 - 0.9 * beard) * (1 - 0.9 * smoothstep(below, -6, 6))
    chin = (mouth > 6) & (mouth < 24) & (side < 28) & (points[:, 1] < marks[ibug68.SUBNASALE, 1] - 6 * unit)
    chin &= points[:, 1] > marks[ibug68.CHIN, 1] + 8 * unit
    left = np.sign(points[:, 0]) * (side > 6)
    above = (brow > 5) & (brow < 13) & (points[:, 1] > np.interp(side * unit, *_edge(high))) & (side < 48)
    values = {
        "selectivity": selectivity,
        "beard": beard,
        "flank": smoothstep(side, 36, 52),
        "skin_prior": skin_prior,
        "bare": bare,
        "core": core,
        "growth": growth,
        "chin": chin,
        "brow": left * (1 - smoothstep(brow, 5, 9)),
        "fringe": left * above,
    }
    return {name: np.asarray(value, np.float32) for name, value in values.items()}


def _edge(points: F32) -> tuple[F32, F32]:
    """Distances from the middle, ascending, and heights of points (N, 3) of both sides."""
    order = np.argsort(np.abs(points[:, 0]))
    return np.abs(points[order, 0]), points[order, 1]


def _line(points: F32, steps: int = 8) -> F32:
    """Points (N, 3) along a polyline (L, 3)."""
    t = np.linspace(0, len(points) - 1, steps * (len(points) - 1) + 1)
    return np.stack([np.interp(t, np.arange(len(points)), column) for column in points.T], axis=1)
