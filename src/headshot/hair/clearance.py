"""Keeping hair off the skin: how far the skin reaches around the middle of head and neck.

Head and neck are seen from an axis that runs up through the neck and ends in the middle of the skull: rays
leave it level below that end, and in all directions at it. The skin is star-shaped from there, but for the
ears, whose reach counts only for hair that hangs over them.

Dimension letters: V vertices of the head, P of the hair, H x A the map by height and azimuth.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headshot.arrays import F32, I32, ReadOnly
from headshot.geometry.raster import rasterise
from headshot.hair.window import MIDDLE
from headshot.kernels import njit
from headshot.models.head_model import HeadModel

_AZIMUTHS, _LEVELS, _ELEVATIONS = 144, 80, 40  # cells around, down the neck, and up the skull
_STEP = 3.0  # mm of a level
_SLANT = 0.25  # how far the axis goes back as it goes down
_FAR = 1000.0  # mm: no skin reaches so far
_NECK = 20  # level of the lowest skin, at most


def _axis(points: F32) -> F32:
    """The point of the axis (N, 3) from which rays to points (N, 3) leave."""
    down = np.maximum(MIDDLE[1] - points[:, 1], 0)
    across = np.zeros(len(points), np.float32)
    return np.stack([across, MIDDLE[1] - down, MIDDLE[2] - _SLANT * down], axis=1).astype(np.float32)


def _coordinates(apart: F32, below: F32) -> tuple[F32, F32, F32]:
    """Azimuth, height (both in cells) and reach (mm), each (N,), of points.

    Args:
        apart: (N, 3) points as seen from their place on the axis.
        below: (N,) mm by which they lie below the end of the axis.
    """
    level, above = np.hypot(apart[:, 0], apart[:, 2]), apart[:, 1]
    azimuth = (np.arctan2(apart[:, 0], apart[:, 2]) / np.float32(2 * np.pi) + np.float32(0.5)) * _AZIMUTHS
    elevation = np.arctan2(above, level) * np.float32(_ELEVATIONS / (np.pi / 2))
    height = _LEVELS + np.where(below > 0, -below / _STEP, elevation)
    return azimuth.astype(np.float32), height.astype(np.float32), np.hypot(level, above).astype(np.float32)


@dataclass(frozen=True, eq=False, repr=False)
class Reach(ReadOnly):
    """How far skin reaches from the axis.

    Attributes:
        skull: (H, A) mm, without ears; far below 0 where there is no skin.
        ears: (H, A) mm, with them.
    """

    skull: F32
    ears: F32

    def over(self, points: F32) -> tuple[F32, F32, F32, F32]:
        """Of hair (P, 3): places on the axis (P, 3), reach, and the skin's without and with ears (P,)."""
        axis = _axis(points)
        azimuth, height, far = _coordinates(points - axis, np.float32(MIDDLE[1]) - points[:, 1])
        y, x = np.clip(height - 0.5, 0, len(self.skull) - 1.001), azimuth - 0.5
        j, i = y.astype(int), np.floor(x).astype(int)
        v, u = (y - j).astype(np.float32), (x - i).astype(np.float32)
        a, b = i % _AZIMUTHS, (i + 1) % _AZIMUTHS

        def at(field: F32) -> F32:
            low, high = (
                (1 - u) * field[j, a] + u * field[j, b],
                (1 - u) * field[j + 1, a] + u * field[j + 1, b],
            )
            return np.asarray((1 - v) * low + v * high, np.float32)

        return axis, far, at(self.skull), at(self.ears)


def reach_of(model: HeadModel, vertices: F32) -> Reach:
    """The reach of a head (V, 3), mm."""
    skin = model.triangles[slice(*model.parts["skin"])]
    ears = model.regions["ears"][skin].max(axis=1) > 0.3
    axis = _axis(vertices)
    azimuth, height, far = _coordinates(vertices - axis, np.float32(MIDDLE[1]) - vertices[:, 1])
    skull, with_ears = (_map(azimuth, height, far, triangles) for triangles in (skin[~ears], skin[ears]))
    _fill(skull)
    return Reach(skull, np.maximum(skull, with_ears))


def _map(azimuth: F32, height: F32, far: F32, triangles: I32) -> F32:
    """Largest reach (H, A) by height and azimuth."""
    corners = azimuth[triangles]
    wraps = np.ptp(corners, axis=1) > _AZIMUTHS / 2
    # Triangles across the back are drawn at both borders.
    turned = np.where(corners[wraps] < _AZIMUTHS / 2, corners[wraps] + _AZIMUTHS, corners[wraps]).ravel()
    flat = triangles[wraps].ravel()
    x = np.concatenate([azimuth, turned, turned - _AZIMUTHS])
    index = np.concatenate([np.arange(len(azimuth)), flat, flat])
    more = np.arange(len(azimuth), len(x), dtype=np.int32).reshape(-1, 3)
    faces = np.concatenate([triangles[~wraps], more])
    both = np.ascontiguousarray(np.concatenate([faces, faces[:, ::-1]]))
    xy = np.stack([x, height[index]], axis=1).astype(np.float32)
    depth = (np.float32(_FAR) - far[index]).astype(np.float32)
    raster = rasterise(xy, depth, both, _LEVELS + _ELEVATIONS, _AZIMUTHS)
    return np.where(raster.triangle < 0, np.float32(-_FAR), np.float32(_FAR) - raster.depth).astype(
        np.float32
    )


@njit(cache=True, nogil=True, error_model="numpy")
def _fill(reach: F32) -> None:
    """Holes (behind ears, at the very top) take the larger of what is above, below and beside them."""
    rows, columns = reach.shape
    for turn in range(2):
        for k in range(_NECK, rows):
            y = rows - 1 - (k - _NECK) if turn else k
            for step in range(2 * columns):
                x = step % columns
                if reach[y, x] < 0:
                    best = max(reach[y, x - 1], reach[y, (x + 1) % columns])
                    before = y + 1 if turn else y - 1
                    if _NECK <= before < rows:
                        best = max(best, reach[before, x])
                    reach[y, x] = best


def lifted(points: F32, reach: Reach, clearance: float, over_ears: F32) -> F32:
    """Hair (P, 3) mm, moved outwards where it lies less than ``clearance`` mm over the skin.

    ``over_ears`` (P,) in [0, 1] says what hangs over ears rather than lying behind them.
    """
    axis, far, skull, ears = reach.over(points)
    missing = np.maximum(skull + over_ears * (ears - skull) + np.float32(clearance) - far, 0)
    return np.asarray(points + (missing / np.maximum(far, 1))[:, None] * (points - axis), np.float32)


def slid(points: F32, shift: F32, reach: Reach) -> F32:
    """Hair (P, 3) mm after shifts (P, 3), which keep it as high over the skin as it was."""
    _, far, skull, _ = reach.over(points)
    moved = points + shift
    axis, now, below, _ = reach.over(moved)
    wanted = np.where((skull > 0) & (below > 0), below + far - skull, now)
    share = np.clip(wanted / np.maximum(now, 1), 0.6, 1.3)
    return np.asarray(axis + share[:, None] * (moved - axis), np.float32)
