"""Brows and lashes: MakeHuman's pieces, tied to the skin, with texture coordinates along their hairs."""

from __future__ import annotations

import numpy as np

from clothes import Clothes
from headshot.hair.strands import PERIOD
from headshot.models.head_model import HeadModel
from quadmesh import closest_points, normals_of
from strips import pieces_of

FINER = {"brows": 3.5, "lashes": 2.2}  # hairs a millimetre, of those of the scalp
LEAN = (1.0, 9.0)  # mm by which hairs of a brow lean outwards over its height, at its inner and outer end
HEIGHT = (0.3, 1.2)  # mm of brows over the skin


def laid(
    kind: str, model: HeadModel, clothes: Clothes, vertices: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Lay brows or lashes on the mean head.

    Args:
        kind: "brows" or "lashes".
        model: at low resolution.
        clothes: the piece; both sides, lashes of upper and lower lids.
        vertices: (P, 3) mm, around the mean head.

    Returns:
        (P, 3) vertices, mm; (P, 2) across in periods of the texture, along from root (0) to tip (1);
        (P,) triangles of the low mesh that they hang on, and (P, 3) barycentric coordinates there.
    """
    first, last = model.parts["skin"]
    triangles = model.triangles[first:last]
    piece = pieces_of(clothes.triangles, len(vertices))
    uv, anchor = np.empty((len(vertices), 2)), np.arange(len(vertices))
    for k in range(piece.max() + 1):
        mine = np.flatnonzero(piece == k)
        points = vertices[mine]
        loop = _loop(clothes.triangles, mine)
        rising = kind == "brows" or points[:, 1].mean() > -3  # hairs of the lower lid hang down
        # Lashes at the outer corner reach farther out than their roots, which are the end of the lid.
        lid = 0.0 if kind == "brows" else 1.0 if rising else -1.0
        low, high = _chains(vertices, loop, np.array([1, -lid]))
        root, tip = (low, high) if rising else (high, low)
        across, from_root = _beside(points, vertices[root])
        _, from_tip = _beside(points, vertices[tip])
        along = from_root / np.maximum(from_root + from_tip, 1e-6)
        if kind == "brows":
            across = across - along * np.interp(across, [0, across.max()], LEAN)
        else:
            anchor[mine] = root[np.linalg.norm(points[:, None] - vertices[root], axis=2).argmin(1)]
        uv[mine] = np.stack([across * FINER[kind] / PERIOD + 0.31 * k, along], axis=1)
    found, barycentric, _ = closest_points(vertices[anchor], model.mean, triangles)
    if kind == "brows":
        corners = triangles[found]
        below, normal = (
            np.einsum("pcd,pc->pd", values[corners], barycentric)
            for values in (model.mean, normals_of(model.mean, triangles))
        )
        normal /= np.linalg.norm(normal, axis=1, keepdims=True)
        height = ((vertices - below) * normal).sum(1)
        vertices = vertices + (np.clip(height, *HEIGHT) - height)[:, None] * normal
    return vertices, uv, first + found, barycentric


def _loop(triangles: np.ndarray, mine: np.ndarray) -> np.ndarray:
    """The vertices around a piece in their order."""
    own = triangles[np.isin(triangles[:, 0], mine)]
    edges = np.concatenate([own[:, [0, 1]], own[:, [1, 2]], own[:, [2, 0]]])
    twins = {(int(b), int(a)) for a, b in edges}
    following = {int(a): int(b) for a, b in edges if (int(a), int(b)) not in twins}
    loop = [next(iter(following))]
    while following[loop[-1]] != loop[0]:
        loop.append(following[loop[-1]])
    return np.array(loop)


def _chains(vertices: np.ndarray, loop: np.ndarray, outwards: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The lower and the upper half of a loop, both from the middle of the face outwards.

    They end where the distance from the middle and the height (2,), so weighted, are largest.
    """
    loop = np.roll(loop, -int(np.abs(vertices[loop, 0]).argmin()))
    end = int((np.abs(vertices[loop, 0]) * outwards[0] + vertices[loop, 1] * outwards[1]).argmax())
    one, other = loop[: end + 1], np.append(loop[end:], loop[0])[::-1]
    if vertices[one, 1].mean() > vertices[other, 1].mean():
        one, other = other, one
    return one, other


def _beside(points: np.ndarray, line: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where along a line (C, 3) it is nearest to points (P, 3), and how far away, mm."""
    start, step = line[:-1], np.diff(line, axis=0)
    long = np.linalg.norm(step, axis=1)
    share = ((points[:, None] - start) * step).sum(2) / np.maximum(long**2, 1e-9)
    share = np.clip(share, 0, 1)
    apart = np.linalg.norm(points[:, None] - start - share[..., None] * step, axis=2)
    nearest = apart.argmin(1)
    rows = np.arange(len(points))
    before = np.concatenate([[0], np.cumsum(long)])
    return before[nearest] + share[rows, nearest] * long[nearest], apart[rows, nearest]
