"""The silhouette of the face: the outline of the head against what is behind it, by the segmentation.

Where the head ends before the background, the picture shows the outline of forehead, nose, lips, chin and of
the far cheek, sharply and wherever networks put their points. On the head it is where the surface turns away
from the camera (the occluding contour) with nothing of the face farther out. There the segmentation is
searched across the outline for the change from face to background, as in Keller, Knothe and Vetter, "3D
reconstruction of human faces from occluding contours" (MIRAGE 2007), and in Bas, Smith, Bolkart and Wuhrer,
"Fitting a 3D morphable model to edges" (ACCV 2016), who search among edges; a point counts only by its
distance across the outline. Hair, ears, necks and hands beside the face leave no such change, or none to the
background, and such points are left out.

Dimension letters: V vertices of the face, E edges, S side of the segmentation's crop, C points on the
outline, I identity modes, P = 7 + I + expressions.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from headshot.arrays import F32, I32, Array, Index, Mask
from headshot.fitting.parameters import PersonState, ViewState
from headshot.fitting.terms.across import AcrossTerm
from headshot.geometry.camera import Camera, project_for_raster
from headshot.geometry.raster import rasterise, sample, vertex_normals
from headshot.models.head_model import HeadModel, PointModel
from headshot.models.linear import at_vertices
from headshot.perception.segmentation import Segmentation

FACE = ("skin", "nose", "brows", "eyes", "glasses", "mouth", "upper_lip", "lower_lip")
DEVIATION = 0.007
"""Standard deviation of the change from face to background across the outline, in extents of the landmarks.

On synthetic heads half of the changes are within 0.003 to 0.005 of the true outline, in the mean within 0.001
(``python benchmarks/silhouettes.py``); hair and what is behind a head make real photos worse."""
OUTLIER = 8.0
"""Standard deviations beyond which a point loses its influence: shapes start as far as that from the
truth."""
TURNED = 30.0
"""Degrees of yaw from which it is used: nearer the front, ears, hair and neck surround the face."""
REACH = 0.06
"""How far from the head's outline the change is searched, in extents of the landmarks."""
LENGTH = 0.027
"""Length of the outline along which errors are alike, in extents: four pixels of the segmentation."""

_STEPS = 20  # places on either side of the outline that are looked at
_SURE, _ENDS = 0.3, 5  # mean of so many places at the ends of a line from which they are face or background
_CLEAR = 0.012  # extents from the outline from which nothing of the face may be seen farther out
_CELL = 0.006  # extents, of the picture in which that is decided
_FACE, _EARS = 0.2, 0.3  # of the regions: what belongs to the face, and may not belong to the ears
_SOLID = 0.3  # of the face's region: triangles before which the background is not


@dataclass(frozen=True, eq=False)
class SilhouetteModel:
    """The part of a head model whose outline is compared.

    Attributes:
        model: the head model.
        points: it at the V vertices.
        basis: (I + expressions, 3 V) modes of these.
        edges: (E, 2) of the vertices.
        triangles: (F, 3) of the vertices.
        solid: (F',) which of the head model's triangles are of the face, or of its eyes and mouth.
    """

    model: HeadModel
    points: PointModel
    basis: F32
    edges: I32
    triangles: I32
    solid: Mask

    def on_outline(self, identity: Array, expression: Array, camera: Camera) -> OnOutline:
        """Where the face turns away from a camera."""
        coefficients = np.concatenate([identity, expression]).astype(np.float32)
        places = self.points.mean + (coefficients @ self.basis).reshape(-1, 3)
        normals = vertex_normals(places, self.triangles)
        towards = camera.position - places
        facing = (towards * normals).sum(axis=1) / np.linalg.norm(towards, axis=1)
        start, end = self.edges.T
        crossing = np.flatnonzero(facing[start] * facing[end] < 0)
        start, end = start[crossing], end[crossing]
        share = (facing[start] / (facing[start] - facing[end])).astype(np.float32)
        mix = share[:, None]
        projected = camera.project(places[start] * (1 - mix) + places[end] * mix)
        normal = normals[start] * (1 - mix) + normals[end] * mix
        across = (normal @ camera.rotation.T)[:, :2] * [1, -1]
        across /= np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-9)
        return OnOutline(crossing, share, projected, across)

    def at(self, edge: Index, share: F32) -> PointModel:
        """The head model at points on edges (C,), ``share`` (C,) of the way from their starts."""
        start, end = (self.points.restricted(self.edges[edge, side]) for side in (0, 1))
        mix = share[:, None]

        def mixed(one: F32, other: F32) -> F32:
            return one * (1 - mix) + other * mix

        return PointModel(
            mixed(start.mean, end.mean),
            mixed(start.identity, end.identity),
            mixed(start.expression, end.expression),
            start.corrected,
            mixed(start.correction, end.correction),
        )


@dataclass(frozen=True, eq=False)
class OnOutline:
    """Points at which the face turns away from a camera.

    Attributes:
        edge: (C,) numbers of edges of the `SilhouetteModel`.
        share: (C,) how far from the start of its edge each lies.
        projected: (C, 2) pixels.
        across: (C, 2) unit vectors across the outline in the picture, out of the face.
    """

    edge: Index
    share: F32
    projected: Array
    across: Array


@lru_cache(maxsize=2)
def silhouette_model(model: HeadModel) -> SilhouetteModel:
    """The face of a head model; made once."""
    first, last = model.parts["skin"]
    skin = model.triangles[first:last]
    of_face = (model.regions["face"] > _FACE) & (model.regions["ears"] < _EARS)
    used = np.flatnonzero(of_face)
    place = np.full(len(model.mean), -1, np.int32)
    place[used] = np.arange(len(used), dtype=np.int32)
    triangles = place[skin[of_face[skin].all(axis=1)]]
    sides = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    edges = np.unique(np.sort(sides, axis=1), axis=0)
    points = model.at(at_vertices(used, model.triangles))
    basis = np.concatenate([points.identity, points.expression])
    solid = model.regions["face"][model.triangles].mean(axis=1) > _SOLID
    solid[last:] = True
    flat = np.ascontiguousarray(basis.reshape(len(basis), -1))
    return SilhouetteModel(model, points, flat, edges, np.ascontiguousarray(triangles), solid)


@dataclass(frozen=True, eq=False)
class Silhouette:
    """What a photo shows of the outline of a face.

    Attributes:
        parts: (S, S, 2) probabilities of the face and of the background.
        onto: (2, 3) pixels of the photo to those of ``parts``.
        extent: of the landmarks, pixels of the photo.
        candidates: the head model.
    """

    parts: F32
    onto: Array
    extent: float
    candidates: SilhouetteModel

    @classmethod
    def of(cls, seen: Segmentation, extent: float, candidates: SilhouetteModel) -> Silhouette:
        """That of a segmentation."""
        face, behind = seen.in_crop(*FACE), seen.in_crop("background")
        parts = np.ascontiguousarray(np.stack([face, behind], axis=-1), dtype=np.float32)
        onto = np.linalg.inv(np.vstack([seen.map, (0.0, 0.0, 1.0)]))[:2]
        return cls(parts, onto, extent, candidates)

    def at(self, person: PersonState, view: ViewState) -> AcrossTerm:
        """The term at the outline that the head has in this state."""
        head, identity, expression = self.candidates, person.identity, view.expression
        line = head.on_outline(identity, expression, view.camera)
        outermost = self._outermost(line, head.model.shape(identity, expression), view.camera)
        offset, found = self._changes(line)
        chosen = np.flatnonzero(outermost & found)
        across = line.across[chosen]
        place = line.projected[chosen]
        # Points that lie close together count as one.
        gap = ((place[:, None] - place[None]) ** 2).sum(axis=2)
        together = np.exp(-0.5 * gap / (LENGTH * self.extent) ** 2).sum(axis=1)
        target = place + offset[chosen, None] * across
        model = head.at(line.edge[chosen], line.share[chosen])
        deviation = np.full(len(chosen), DEVIATION * self.extent)
        return AcrossTerm(self, model, target, across, deviation, 1 / together, OUTLIER)

    def _outermost(self, line: OnOutline, vertices: F32, camera: Camera) -> Mask:
        """(C,) whether nothing of the face is seen farther out along the line across the outline."""
        xy, depth = project_for_raster(vertices, camera)
        low, step = xy.min(axis=0), np.float32(_CELL * self.extent)
        columns, rows = (np.ceil(np.ptp(xy, axis=0) / step).astype(int) + 1).tolist()
        triangle = rasterise(
            (xy - low) / step, depth, self.candidates.model.triangles, rows, columns
        ).triangle
        solid = np.append(self.candidates.solid, False)[triangle]  # -1, nothing, is the last
        out = np.linspace(_CLEAR, REACH, _STEPS // 2) * self.extent
        lines = line.projected[:, None] + line.across[:, None] * out[:, None]
        x, y = np.moveaxis(np.floor((lines - low) / step).astype(int), -1, 0)
        inside = (x >= 0) & (x < columns) & (y >= 0) & (y < rows)
        hit = solid[np.clip(y, 0, rows - 1), np.clip(x, 0, columns - 1)] & inside
        return np.asarray(~hit.any(axis=1))

    def _changes(self, line: OnOutline) -> tuple[Array, Mask]:
        """How far outwards (C,) the face becomes background, pixels; and whether it does so once."""
        steps = np.linspace(-1, 1, 2 * _STEPS + 1) * REACH * self.extent
        lines = line.projected[:, None] + line.across[:, None] * steps[:, None]
        at = lines.reshape(-1, 2) @ self.onto[:, :2].T + self.onto[:, 2]
        face, behind = np.moveaxis(sample(self.parts, at).reshape(*lines.shape[:2], 2), -1, 0)
        more = face - behind
        sure = (more[:, :_ENDS].mean(axis=1) > _SURE) & (more[:, -_ENDS:].mean(axis=1) < -_SURE)
        inside = more > 0
        leaves = inside[:, :-1] & ~inside[:, 1:]
        once = (leaves.sum(axis=1) == 1) & ~(~inside[:, :-1] & inside[:, 1:]).any(axis=1)
        last, row = leaves.argmax(axis=1), np.arange(len(more))
        before, after = more[row, last], more[row, last + 1]
        share = before / np.maximum(before - after, 1e-6)
        return steps[last] + (steps[1] - steps[0]) * share, np.asarray(sure & once)
