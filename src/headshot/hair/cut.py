"""Cutting hair away where photos show that there is none.

Dimension letters: G x G cells of a window, N points, P vertices of a style, F its triangles.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from headshot.arrays import F32, I32, Array, Index, Mask
from headshot.geometry.camera import project_for_raster
from headshot.hair.window import GRID, HairWindow
from headshot.kernels import njit

_BEHIND = 6.0  # mm behind the skin up to where hair counts as seen
_HAIR = 0.35  # share of hair in and beside a cell from which some is there
_LOOSE = 12.0  # mm by which what is left of a strip may begin farther from the skin than the whole strip did
_BARE = 0.5  # share of a cell on the head that has to show skin (a hat, clothes) for hair to be cut there
_CHIN, _THROAT = -105.0, 34.0  # mm: the throat, below the one and within the other
_HAT = 0.3  # share of the scalp that is seen from which a hat covers all of its top
_NECK = -70.0  # mm: clothes hide what hangs farther back


def kept(points: F32, triangles: I32, height: F32, windows: Sequence[HairWindow]) -> Mask:
    """Which triangles (F,) of hair (P, 3) mm no photo shows to be absent.

    What no photo shows goes with its mirror image, and what hangs on nothing any more goes as well.

    Args:
        points: (P, 3) mm.
        triangles: (F, 3) indices into them.
        height: (P,) mm over the skin that they have in the style.
        windows: what the photos show.
    """
    corners = points[triangles]
    samples = np.concatenate([corners, corners.mean(axis=1, keepdims=True)], axis=1)
    flat = samples.reshape(-1, 3)
    absent, seen = _absent(flat, windows)
    other, other_seen = _absent(flat * np.array([-1, 1, 1], np.float32), windows)
    gone = np.where(seen, absent, np.where(other_seen, other, _before_throat(flat)))
    gone |= flat[:, 1] > _hat_edge(windows)
    gone = gone.reshape(len(triangles), 4)
    there = gone.mean(axis=1) < 0.5
    return there & ~_loose(triangles, there, height)


def _loose(triangles: I32, there: Mask, height: F32) -> Mask:
    """Triangles (F,) of pieces that begin much farther from the skin than what they were cut of."""
    whole, left = np.empty(len(height), np.int32), np.empty(len(height), np.int32)
    lowest = []
    for pieces, some in ((whole, triangles), (left, triangles[there])):
        _pieces(some, pieces)
        least = np.full(len(height), np.inf, np.float32)
        np.minimum.at(least, pieces, height)
        lowest.append(least[pieces])
    return np.asarray((lowest[1] > lowest[0] + _LOOSE)[triangles[:, 0]])


@njit(cache=True, nogil=True)
def _pieces(triangles: I32, out: I32) -> None:
    """One of the vertices of each vertex' (P,) connected piece of a mesh, the same for all of it."""
    for k in range(out.shape[0]):
        out[k] = k
    for t in range(triangles.shape[0]):
        for c in range(1, 3):
            a, b = triangles[t, 0], triangles[t, c]
            while out[a] != a:
                out[a] = out[out[a]]
                a = out[a]
            while out[b] != b:
                out[b] = out[out[b]]
                b = out[b]
            if a != b:
                out[max(a, b)] = min(a, b)
    for k in range(out.shape[0]):
        while out[k] != out[out[k]]:
            out[k] = out[out[k]]


def _before_throat(points: F32) -> Mask:
    """Whether points (N, 3) lie where hair leaves the throat free: in the middle, before the neck."""
    return (points[:, 1] < _CHIN) & (points[:, 2] > _NECK) & (np.abs(points[:, 0]) < _THROAT)


def _hat_edge(windows: Sequence[HairWindow]) -> float:
    """Height, mm, over which a hat covers the head; above all where there is none."""
    edge = np.inf
    for window in windows:
        covered = (window.hat > 0.5) & np.isfinite(window.depth)
        if (window.scalp * covered).sum() < _HAT * window.scalp.sum():
            continue
        y, x = np.nonzero(covered)
        edge = min(edge, float(np.percentile(_heights(window, x, y), 20)))
    return edge


def _heights(window: HairWindow, x: Index, y: Index) -> Array:
    """Heights (N,), mm, of the head's surface in some cells."""
    camera = window.camera
    depth = window.depth[y, x]
    gain = depth / camera.focal
    right, up = (x + 0.5 - camera.centre[0]) * gain, -(y + 0.5 - camera.centre[1]) * gain
    points = np.stack([right, up, -depth], axis=1)
    return np.asarray(((points - camera.translation) @ camera.rotation)[:, 1])


def _absent(points: F32, windows: Sequence[HairWindow]) -> tuple[Mask, Mask]:
    """Whether photos show no hair at points (N, 3), and whether they show the place at all."""
    absent, seen = np.zeros(len(points), bool), np.zeros(len(points), bool)
    for window in windows:
        xy, depth = project_for_raster(points, window.camera)
        i, j = (np.clip(np.floor(xy[:, k]), 0, GRID - 1).astype(int) for k in (0, 1))
        before = np.isfinite(xy).all(axis=1) & (depth < window.depth[j, i] + _BEHIND)
        told = np.maximum(window.known, window.hat)[j, i]
        told = np.where(points[:, 2] > _NECK, np.maximum(told, window.cloth[j, i]), told)
        shown = before & (told > 0.5)
        # Outlines are a few millimetres off: on the head, skin has to be seen, and beside it hair to be far.
        head = _spread(np.isfinite(window.depth).astype(np.float32))
        bare = np.maximum(np.maximum(window.skin, window.hat), window.cloth) > _BARE
        near = _spread(window.hair)
        wide = _spread(_spread(near))
        absent |= shown & np.where(head < 0.5, wide < _HAIR, (near < _HAIR) & bare)[j, i]
        seen |= shown
    return absent, seen


def _spread(share: F32) -> F32:
    """The largest of each cell (G, G) and the four beside it."""
    padded = np.pad(share, 1)
    beside = [padded[1:-1, 1:-1], padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:]]
    return np.asarray(np.maximum.reduce(beside), np.float32)
