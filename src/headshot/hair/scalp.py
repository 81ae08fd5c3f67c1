"""Where on the head hair grows: what photos show of the scalp, and what people are like elsewhere.

Dimension letters: S vertices of the skin, V of the head, G x G cells of a window.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from headshot.arrays import F32, Index, ReadOnly
from headshot.geometry.camera import project_for_raster
from headshot.geometry.raster import vertex_normals
from headshot.hair.window import GRID, HairWindow
from headshot.models.head_model import HeadModel
from headshot.ramps import smoothstep

_BEHIND = 6.0  # mm behind what is seen up to where skin counts as seen
_FACING = (0.1, 0.4)  # cosines of the angle to the viewer between which skin begins to count as seen
_AROUND = 40  # turns of averaging around the scalp within which hair may grow on somebody
_SMOOTH = 4  # turns that soften a hairline
_SIDEBURN = (-80.0, -28.0, -8.0)  # mm: before this z, sideburns end between these heights
_SIDES = (10.0, 45.0)  # mm: the heights between which the sides of a bald head end
_BALD, _FULL = 0.25, 0.6  # share of hair on the scalp that is seen: of bald heads, and of full ones


@dataclass(frozen=True, eq=False, repr=False)
class Scalp(ReadOnly):
    """What is known of the scalp beforehand.

    Attributes:
        usual: (V,) in [0, 1], where most people's hair grows.
        possible: (V,) in [0, 1], where anybody's may grow, also around hairlines.
        start, neighbour: (V + 1,), (E,) compressed rows of the skin's edges, every vertex its own neighbour.
    """

    usual: F32
    possible: F32
    start: Index
    neighbour: Index

    def smoothed(self, values: F32, turns: int) -> F32:
        """Values (V,), averaged so many times over each vertex and its neighbours."""
        count = np.diff(self.start)
        for _ in range(turns):
            values = (np.add.reduceat(values[self.neighbour], self.start[:-1]) / count).astype(np.float32)
        return values


@lru_cache(maxsize=2)
def scalp_of(model: HeadModel) -> Scalp:
    """What is known of a model's scalp; cached."""
    triangles = model.triangles
    own = np.repeat(np.arange(len(model.mean))[:, None], 2, axis=1)
    edges = np.concatenate([own, triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    edges = np.unique(np.concatenate([edges, edges[:, ::-1]]), axis=0)
    start = np.searchsorted(edges[:, 0], np.arange(len(model.mean) + 1)).astype(np.int64)
    region, points = model.regions["scalp"], model.mean
    before = smoothstep(points[:, 2], _SIDEBURN[0] - 8, _SIDEBURN[0] + 8)
    low = 1 - smoothstep(points[:, 1], *_SIDEBURN[1:])
    usual = (region * (1 - before * low)).astype(np.float32)
    bare = Scalp(usual, usual, start, edges[:, 1])
    around = bare.smoothed(usual, _turns(_AROUND, model))
    possible = smoothstep(around, 0.03, 0.25) * (1 - model.regions["ears"])
    return Scalp(usual, possible.astype(np.float32), start, edges[:, 1])


def scalp_growth(windows: Sequence[HairWindow], heads: Sequence[F32], model: HeadModel) -> F32:
    """How densely hair grows at each vertex (V,), in [0, 1].

    Where no photo shows the scalp, the mirror image counts, and then what is usual for as much hair as is
    seen: on bald heads only low at the sides and at the back.

    Args:
        windows: what the photos show; with none, the usual growth.
        heads: (V, 3) mm, the head in each of them.
        model: the bundled head model.
    """
    scalp = scalp_of(model)
    hair, seen = np.zeros((2, len(model.mean)), np.float32)
    for window, head in zip(windows, heads, strict=True):
        xy, depth = project_for_raster(head, window.camera)
        i, j = (np.clip(np.floor(xy[:, k]), 0, GRID - 1).astype(int) for k in (0, 1))
        toward = window.camera.position.astype(np.float32) - head
        toward /= np.linalg.norm(toward, axis=1, keepdims=True)
        facing = (vertex_normals(head, model.triangles) * toward).sum(axis=1)
        weight = smoothstep(facing, *_FACING) * (depth < window.depth[j, i] + _BEHIND)
        weight = (weight * window.known[j, i] * window.weight).astype(np.float32)
        hair += weight * smoothstep(window.hair[j, i], 0.2, 0.7)
        seen += weight
    hair, seen = hair + 0.05 * hair[model.mirror], seen + 0.05 * seen[model.mirror]
    known = np.minimum(seen / 0.05, 1)
    area = known * scalp.usual
    share = float((area * hair / np.maximum(seen, 1e-6)).sum() / max(float(area.sum()), 1e-6))
    full = float(smoothstep(share, _BALD, _FULL)) if area.sum() > 20 else 1.0
    height = model.mean[:, 1]
    sides = 1 - smoothstep(height, *_SIDES)
    low = area * (height < _SIDES[1])
    rim = float((low * hair / np.maximum(seen, 1e-6)).sum() / max(float(low.sum()), 1e-6))
    usual = scalp.usual * (full + (1 - full) * sides * smoothstep(rim, 0.05, 0.3))
    growth = known * scalp.possible * hair / np.maximum(seen, 1e-6) + (1 - known) * usual
    soft = scalp.smoothed(growth.astype(np.float32), _turns(_SMOOTH, model))
    return np.asarray(np.clip(soft * (1 - model.regions["ears"]), 0, 1), np.float32)


def _turns(fine: int, model: HeadModel) -> int:
    """As many turns of averaging as spread equally far: edges of the low mesh are twice as long."""
    return fine if model.resolution == "high" else fine // 4
