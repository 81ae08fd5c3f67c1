"""Joining the texels of several views: each view's own detail on the blend of their colours at the vertices.

Dimension letters: N views, T x T texels, V vertices, S vertices of the skin.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np

from headshot.arrays import F32, U8, single
from headshot.kernels import njit
from headshot.texture.agreement import TOLERANCE, Consensus
from headshot.texture.atlas import TexelMesh
from headshot.texture.layer import Layer, unit_weight
from headshot.texture.layout import Layout
from headshot.texture.rows import in_rows


class View(NamedTuple):
    """One view, as the kernel takes it.

    Attributes:
        number: of the view.
        colour, weight: (T, T, 3), (T, T) uint8 as in `Layer`.
        share: (V,) of the view in what is finer than the mesh; 0 at vertices of other parts than skin.
        trust: (V,) in [0, 1], how far what it shows is skin.
        base: (V, 3) its colours at the vertices, sRGB in [0, 255].
        low, high: (V, 3) range of the consensus, and
        votes: (V,) how far it counts (`headshot.texture.agreement.Consensus`).
    """

    number: int
    colour: U8
    weight: U8
    share: F32
    trust: F32
    base: F32
    low: F32
    high: F32
    votes: F32


class Shown(NamedTuple):
    """What views show at the vertices of the skin.

    Attributes:
        colours: (N, S, 3) sRGB in [0, 1].
        shares: (N, S) of the views in what is finer than the mesh.
        trust: (N, S) in [0, 1], how far what they show is skin.
    """

    colours: F32
    shares: F32
    trust: F32


class Sums(NamedTuple):
    """What views are added to.

    Attributes:
        detail: (T, T, 3) sums of weighted differences from the colours at the vertices, sRGB in [0, 255].
        total: (T, T) sums of the weights.
        best: (T, T) the greatest of them, and
        source: (T, T) uint8, the view that has it.
        weight: (T, T) uint8, how well the view that sees it best shows each texel.
    """

    detail: F32
    total: F32
    best: F32
    source: U8
    weight: U8


@dataclass(frozen=True, eq=False)
class Joined:
    """What several photos show of a texture.

    Attributes:
        colour: (T, T, 3) uint8 sRGB.
        weight: (T, T) in [0, 1], how well the photo that sees it best shows each texel.
        source: (T, T) uint8, the view that each texel mainly comes from; undefined where the weight is 0.
    """

    colour: U8
    weight: F32
    source: U8


def join(
    layout: Layout,
    layers: Sequence[Layer],
    at: Shown,
    blend: F32,
    consensus: Consensus,
) -> Joined:
    """All texels, from the details of the views and the blend of their colours.

    Args:
        layout: of the texture.
        layers: of the photos.
        at: what the layers show at the vertices.
        blend: (S, 3) the blend of the layers at the vertices.
        consensus: of the views; single texels that contradict it count less.
    """
    size, mesh, vertices = layout.size, layout.texels.mesh, layout.skin.vertices
    sums = Sums(
        np.zeros((size, size, 3), np.float32),
        np.zeros((size, size), np.float32),
        np.zeros((size, size), np.float32),
        np.zeros((size, size), np.uint8),
        np.zeros((size, size), np.uint8),
    )
    base, low, high = (np.zeros((len(layout.model.mean), 3), np.float32) for _ in range(3))
    share, trust, votes = (np.zeros(len(base), np.float32) for _ in range(3))
    low[vertices], high[vertices] = 255 * consensus.low, 255 * consensus.high
    for k, layer in enumerate(layers):
        base[vertices], share[vertices], trust[vertices] = 255 * at.colours[k], at.shares[k], at.trust[k]
        votes[vertices] = consensus.votes[k]
        view = View(k, layer.colour, layer.weight, share, trust, base, low, high, votes)
        in_rows(partial(_add_rows, mesh=mesh, view=view, sums=sums), size)
    base[vertices] = 255 * blend
    out = np.zeros((size, size, 3), np.uint8)
    in_rows(lambda rows: _finish_rows(rows, mesh, base, sums, out), size)
    weight = np.where(sums.total > 0, unit_weight(sums.weight), 0).astype(np.float32)
    return Joined(out, weight, sums.source)


@njit(cache=True, nogil=True, error_model="numpy")
def _add_rows(rows: tuple[int, int], mesh: TexelMesh, view: View, sums: Sums) -> None:
    """Add rows of a view's texels."""
    zero, one = single(0), single(1)
    for y in range(rows[0], rows[1]):
        for x in range(mesh.triangle.shape[1]):
            t = mesh.triangle[y, x]
            if t < 0 or view.weight[y, x] == 0:
                continue
            a, b, c = mesh.barycentric[y, x, 0], mesh.barycentric[y, x, 1], mesh.barycentric[y, x, 2]
            i, j, k = mesh.triangles[t, 0], mesh.triangles[t, 1], mesh.triangles[t, 2]
            w = a * view.share[i] + b * view.share[j] + c * view.share[k]
            w *= single(view.weight[y, x])
            if not w > 0:
                continue
            votes = a * view.votes[i] + b * view.votes[j] + c * view.votes[k]
            if votes > 0:
                off = zero
                for d in range(3):
                    low = a * view.low[i, d] + b * view.low[j, d] + c * view.low[k, d]
                    high = a * view.high[i, d] + b * view.high[j, d] + c * view.high[k, d]
                    value = single(view.colour[y, x, d])
                    off += max(max(low - value, value - high), zero)
                off *= off * single(1 / (3 * 255 * TOLERANCE) ** 2)
                w *= one - votes * (one - one / ((one + off) * (one + off)))  # Geman and McClure's weight
            for d in range(3):
                base = a * view.base[i, d] + b * view.base[j, d] + c * view.base[k, d]
                sums.detail[y, x, d] += w * (single(view.colour[y, x, d]) - base)
            sums.total[y, x] += w
            trust = a * view.trust[i] + b * view.trust[j] + c * view.trust[k]
            sure = np.uint8(trust * single(view.weight[y, x]) + single(0.5))
            sums.weight[y, x] = max(sums.weight[y, x], sure)
            if w > sums.best[y, x]:
                sums.best[y, x] = w
                sums.source[y, x] = view.number


@njit(cache=True, nogil=True, error_model="numpy")
def _finish_rows(rows: tuple[int, int], mesh: TexelMesh, low: F32, sums: Sums, out: U8) -> None:
    """Rows of colours (T, T, 3): the blend (V, 3) at the vertices and the mean of the details."""
    zero, full, half = single(0), single(255), single(0.5)
    for y in range(rows[0], rows[1]):
        for x in range(mesh.triangle.shape[1]):
            t = mesh.triangle[y, x]
            if t < 0 or not sums.total[y, x] > 0:
                continue
            a, b, c = mesh.barycentric[y, x, 0], mesh.barycentric[y, x, 1], mesh.barycentric[y, x, 2]
            i, j, k = mesh.triangles[t, 0], mesh.triangles[t, 1], mesh.triangles[t, 2]
            for d in range(3):
                value = a * low[i, d] + b * low[j, d] + c * low[k, d]
                value += sums.detail[y, x, d] / sums.total[y, x]
                out[y, x, d] = int(min(max(value + half, zero), full))
