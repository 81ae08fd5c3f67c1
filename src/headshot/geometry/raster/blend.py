"""Drawing of cards over a picture: opaque ones where alpha is high, then those that blend, in their order."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from headshot.arrays import F32, I32, U8, read_only
from headshot.geometry.cards import CUTOFF, Cards
from headshot.image.colour import TO_LINEAR
from headshot.kernels import njit

_LEVELS = 6  # textures of half, a quarter, ... of the width


@njit(cache=True, nogil=True, error_model="numpy")
def _draw(
    xy: F32, depth: F32, triangles: I32, inner: int, cutoff: float, uv: F32, light: F32,
    levels: F32, nearest: F32, colour: F32, coverage: F32,
) -> None:  # fmt: skip
    height, width = nearest.shape
    rows, columns = levels.shape[1], levels.shape[2]
    for t in range(triangles.shape[0]):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        if not (depth[a] > 0 and depth[b] > 0 and depth[c] > 0):
            continue
        ax, ay, bx, by, cx, cy = xy[a, 0], xy[a, 1], xy[b, 0], xy[b, 1], xy[c, 0], xy[c, 1]
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if area == 0 or area != area:
            continue
        x0 = int(max(np.floor(min(ax, bx, cx)), np.float32(0)))
        x1 = int(min(np.ceil(max(ax, bx, cx)), np.float32(width)))
        y0 = int(max(np.floor(min(ay, by, cy)), np.float32(0)))
        y1 = int(min(np.ceil(max(ay, by, cy)), np.float32(height)))
        # Level by how many texels of u one pixel takes.
        du, dv = uv[b, 0] - uv[a, 0], uv[c, 0] - uv[a, 0]
        gx = (du * (cy - ay) - dv * (by - ay)) / area
        gy = (dv * (bx - ax) - du * (cx - ax)) / area
        wide = np.sqrt(gx * gx + gy * gy) * columns
        if not wide < np.float32(1e6):  # hardly any area, or NaN
            continue
        level = int(min(max(np.floor(np.log2(max(wide, np.float32(1)))), 0), levels.shape[0] - 1))
        size = columns >> level
        za, zb, zc = 1 / depth[a], 1 / depth[b], 1 / depth[c]
        for y in range(y0, y1):
            py = np.float32(y + 0.5)
            for x in range(x0, x1):
                px = np.float32(x + 0.5)
                wa = ((bx - px) * (cy - py) - (by - py) * (cx - px)) / area
                wb = ((cx - px) * (ay - py) - (cy - py) * (ax - px)) / area
                wc = 1 - wa - wb
                if wa < 0 or wb < 0 or wc < 0:
                    continue
                inverse = wa * za + wb * zb + wc * zc
                z = 1 / inverse
                if z >= nearest[y, x]:
                    continue
                wa, wb, wc = wa * za * z, wb * zb * z, wc * zc * z
                u = (wa * uv[a, 0] + wb * uv[b, 0] + wc * uv[c, 0]) * size - np.float32(0.5)
                v = (wa * uv[a, 1] + wb * uv[b, 1] + wc * uv[c, 1]) * rows - np.float32(0.5)
                v = min(max(v, np.float32(0)), np.float32(rows - 1))
                u0, v0 = int(np.floor(u)), int(v)
                fu, fv = u - u0, v - v0
                v1 = min(v0 + 1, rows - 1)
                u1 = (u0 + 1) % size
                u0 = u0 % size
                wnn, wnf = (1 - fu) * (1 - fv), fu * (1 - fv)
                wfn, wff = (1 - fu) * fv, fu * fv
                alpha = (
                    wnn * levels[level, v0, u0, 1] + wnf * levels[level, v0, u1, 1]
                    + wfn * levels[level, v1, u0, 1] + wff * levels[level, v1, u1, 1]
                )  # fmt: skip
                if t < inner:
                    if alpha < cutoff:
                        continue
                    alpha = np.float32(1)
                    nearest[y, x] = z
                grey = (
                    wnn * levels[level, v0, u0, 0] + wnf * levels[level, v0, u1, 0]
                    + wfn * levels[level, v1, u0, 0] + wff * levels[level, v1, u1, 0]
                )  # fmt: skip
                for k in range(3):
                    shade = grey * (wa * light[a, k] + wb * light[b, k] + wc * light[c, k])
                    colour[y, x, k] = alpha * shade + (1 - alpha) * colour[y, x, k]
                coverage[y, x] = alpha + (1 - alpha) * coverage[y, x]


def draw_cards(
    cards: Cards, xy: F32, depth: F32, light: F32, nearest: F32, colour: F32, coverage: F32
) -> None:
    """Draw cards into a picture, in place.

    Args:
        cards: what to draw; their vertices are as projected.
        xy: (P, 2) vertices in pixels, origin top left, centres at +0.5.
        depth: (P,) distances along the viewing axis.
        light: (P, 3) colours of the vertices in the light, linear, without the texture.
        nearest: (H, W) depth of what is drawn, inf where nothing is; opaque triangles write theirs.
        colour: (H, W, 3) linear, times coverage.
        coverage: (H, W) share of each pixel that is covered.
    """
    _draw(
        xy, depth, np.ascontiguousarray(cards.triangles), cards.inner, np.float32(CUTOFF),
        np.ascontiguousarray(cards.uv), np.ascontiguousarray(light, np.float32), _levels(_Key(cards.texture)),
        nearest, colour, coverage,
    )  # fmt: skip


class _Key:
    """An array that does not change, by itself."""

    def __init__(self, pixels: U8) -> None:
        self.pixels = pixels
        self._place = (pixels.__array_interface__["data"][0], pixels.shape)

    def __hash__(self) -> int:
        return hash(self._place)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and self._place == other._place


@lru_cache(maxsize=4)
def _levels(key: _Key) -> F32:
    """(levels, H, W, 2) linear grey and alpha, of which level l is W >> l wide: strands are much longer than
    wide, so only their width needs smaller textures."""
    alpha = key.pixels[..., 1].astype(np.float32) / 255
    grey = TO_LINEAR[key.pixels[..., 0]]
    out = np.zeros((_LEVELS, *alpha.shape, 2), np.float32)
    for level in range(_LEVELS):
        wide = alpha.shape[1]
        out[level, :, :wide, 0], out[level, :, :wide, 1] = grey, alpha
        pairs = alpha.reshape(len(alpha), wide // 2, 2)
        total = np.maximum(pairs.sum(2), 1e-6)
        grey = np.where(
            pairs.sum(2) > 1e-6,
            (grey.reshape(pairs.shape) * pairs).sum(2) / total,
            grey.reshape(pairs.shape).mean(2),
        )
        alpha = pairs.mean(2)
    return read_only(out)
