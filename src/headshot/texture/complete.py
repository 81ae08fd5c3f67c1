"""Completing what the photo does not show: low frequencies on the surface, detail in the texture.

The low frequencies live on the mesh's vertices, where the two sides of a UV seam are one, so the result has
no seams. They solve a screened Poisson equation (Perez, Gangnet and Blake, "Poisson Image Editing", SIGGRAPH
2003, eq. 3, on a graph and with soft constraints) for the logarithm of the ratio to what is expected there:
seen vertices keep their colour, hidden ones take the differences of their mirror image where that is seen,
and both fade to what is expected. So the mirror side's features adapt to the light of the side they are
copied to. Detail is the ratio of the texture to these low frequencies, the photo's own or its mirror image.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numba import njit

from headshot.arrays import F32, I32, U8
from headshot.ramps import smoothstep_kernel
from headshot.texture.atlas import Atlas, Surface

FLOOR = np.float32(0.06)  # added to sRGB before the logarithm: dark pixels carry noise, not ratios
_FADE = 35.0  # mm over which hidden skin fades to the typical tone
_HOLD = 1.2  # mm; seen vertices keep their colour against smoothing over this length
_DAMP = 0.93  # how much of dark colours' influence on hidden skin is taken away
_ITERATIONS = 30
_GLOW = 0.10  # how much brighter than expected hidden skin may be, in the logarithm
_SHINE = 1.4  # how much brighter than its surroundings mirrored detail may be


@njit(cache=True, nogil=True, error_model="numpy")
def _splat(
    triangle: I32, barycentric: F32, triangles: I32, number: I32, colour: U8, weight: F32, out: F32
) -> None:
    """Sums over texels at skin vertices: out (S, 4) = weighted sRGB colour in [0, 255], weight."""
    size = triangle.shape[0]
    for y in range(size):
        for x in range(size):
            w = weight[y, x]
            if not w > 0:
                continue
            for corner in range(3):
                s = number[triangles[triangle[y, x], corner]]
                if s >= 0:
                    b = w * barycentric[y, x, corner]
                    out[s, 0] += b * colour[y, x, 0]
                    out[s, 1] += b * colour[y, x, 1]
                    out[s, 2] += b * colour[y, x, 2]
                    out[s, 3] += b


@njit(cache=True, nogil=True, error_model="numpy")
def _apply(start: I32, neighbour: I32, give: F32, diagonal: F32, x: F32, out: F32) -> None:
    """out = (diag(diagonal) - A) x for x (S, 3), where A_ij = give_i * give_j along edges."""
    for s in range(x.shape[0]):
        red, green, blue = diagonal[s] * x[s, 0], diagonal[s] * x[s, 1], diagonal[s] * x[s, 2]
        for e in range(start[s], start[s + 1]):
            m = neighbour[e]
            link = give[s] * give[m]
            red -= link * x[m, 0]
            green -= link * x[m, 1]
            blue -= link * x[m, 2]
        out[s, 0], out[s, 1], out[s, 2] = red, green, blue


@njit(cache=True, nogil=True, error_model="numpy")
def solve(start: I32, neighbour: I32, give: F32, diagonal: F32, right: F32, x: F32, iterations: int) -> None:
    """Solve `_apply`(x) = right for x (S, 3), from x, by preconditioned conjugate gradients.

    The three channels share one step length: their systems have the same matrix.
    """
    n = x.shape[0]
    r, p, q = np.empty_like(x), np.empty_like(x), np.empty_like(x)
    _apply(start, neighbour, give, diagonal, x, r)
    rho = 0.0
    for s in range(n):
        inverse = 1 / diagonal[s]
        for c in range(3):
            r[s, c] = right[s, c] - r[s, c]
            p[s, c] = r[s, c] * inverse
            rho += r[s, c] * p[s, c]
    for _ in range(iterations):
        _apply(start, neighbour, give, diagonal, p, q)
        sigma = 1e-30
        for s in range(n):
            sigma += p[s, 0] * q[s, 0] + p[s, 1] * q[s, 1] + p[s, 2] * q[s, 2]
        step = np.float32(rho / sigma)
        before, rho = max(rho, 1e-30), 0.0
        for s in range(n):
            inverse = 1 / diagonal[s]
            for c in range(3):
                x[s, c] += step * p[s, c]
                r[s, c] -= step * q[s, c]
                rho += r[s, c] * r[s, c] * inverse
        turn = np.float32(rho / before)
        for s in range(n):
            inverse = 1 / diagonal[s]
            for c in range(3):
                p[s, c] = r[s, c] * inverse + turn * p[s, c]


@njit(cache=True, nogil=True, error_model="numpy")
def _differences(
    start: I32, neighbour: I32, give: F32, mirror: I32, belief: F32, off: F32, diagonal: F32, right: F32
) -> None:
    """Add the equations of all edges: differences (S, 3) as on the mirror side, as far as that is seen."""
    for s in range(right.shape[0]):
        m = mirror[s]
        for e in range(start[s], start[s + 1]):
            link = give[s] * give[neighbour[e]]
            diagonal[s] += link
            k = mirror[neighbour[e]]
            share = link * min(belief[m], belief[k])
            if share > 0:
                for c in range(3):
                    right[s, c] += share * (off[m, c] - off[k, c])


def seen_colours(texels: Atlas, skin: Surface, triangles: I32, colour: U8, weight: F32) -> tuple[F32, F32]:
    """What the photo shows around each skin vertex: sRGB (S, 3) in [0, 1], and how well (S,) in [0, 1]."""
    sums = np.zeros((len(skin.vertices), 4), np.float32)
    _splat(texels.triangle, texels.barycentric, triangles, skin.number, colour, weight, sums)
    belief = sums[:, 3] / np.maximum(texels.share[skin.vertices], np.float32(1e-6))
    return sums[:, :3] / np.maximum(sums[:, 3:] * 255, np.float32(1e-6)), belief


def spread_colours(skin: Surface, seen: F32, belief: F32, tone: F32) -> F32:
    """Low frequencies of the whole skin: logarithms (S, 3) of sRGB + `FLOOR`.

    Args:
        skin: the surface.
        seen, belief: see `seen_colours`.
        tone: (S, 3) sRGB, what is expected of skin, and what hidden skin fades to.
    """
    base = np.log(tone + FLOOR)
    off = np.where(belief[:, None] > 0.01, np.log(seen + FLOOR) - base, 0).astype(np.float32)
    # Beard, brows and shadow end where the photo ends: they do not seep into skin that nobody has seen.
    dark = -off.mean(axis=1)
    give = (1 - _DAMP * np.clip((dark - 0.15) / 0.45, 0, 1) * np.minimum(4 * belief, 1)).astype(np.float32)
    sure = np.clip(belief / 0.5, 0, 1)
    hold = belief * sure * sure * skin.area / np.float32(_HOLD**2)
    fade = (1 - belief) * skin.area / np.float32(_FADE**2)
    diagonal = np.maximum(hold + fade, 1e-3).astype(np.float32)
    right = (hold[:, None] * off).astype(np.float32)
    known = np.where(belief > 0.3, belief, 0).astype(np.float32)  # others have no reliable differences
    _differences(skin.start, skin.neighbour, give, skin.mirror, known, off, diagonal, right)
    other = belief[skin.mirror] * (1 - belief)
    x = (belief[:, None] * off + other[:, None] * off[skin.mirror]).astype(np.float32)
    solve(skin.start, skin.neighbour, give, diagonal, right, x, _ITERATIONS)
    # Differences across a brow that is darker on the other side would make hidden skin glow.
    bright = (_GLOW + skin.lips)[:, None] + belief[:, None] / 0.3 * np.maximum(off, 0)
    return (base + np.minimum(x, bright)).astype(np.float32)


@njit(cache=True, nogil=True, error_model="numpy")
def _blend(base: F32, triangles: I32, t: int, barycentric: F32, y: int, x: int, out: F32) -> None:
    """Values (4,) of the vertices' ``base`` (V, 4) at one texel."""
    a, b, c = barycentric[y, x, 0], barycentric[y, x, 1], barycentric[y, x, 2]
    i, j, k = triangles[t, 0], triangles[t, 1], triangles[t, 2]
    for d in range(4):
        out[d] = a * base[i, d] + b * base[j, d] + c * base[k, d]


@njit(cache=True, nogil=True, error_model="numpy")
def compose(
    rows: tuple[int, int],
    texels: tuple[I32, F32],
    triangles: I32,
    base: F32,
    grain: F32,
    colour: U8,
    weight: F32,
    out: U8,
) -> None:
    """Join low frequencies and detail for some rows of the texture.

    Args:
        rows: first and last + 1.
        texels: triangle (T, T) and barycentric (T, T, 3).
        triangles: (F, 3).
        base: (V, 4) low frequencies of every vertex, sRGB + `FLOOR`, and 1 where they belong to the skin.
        grain: (N, N) tile of noise around 1.
        colour, weight: (T, T, 3), (T, T) what the photo shows; weight 0 for what is not skin.
        out: (T, T, 3), filled.
    """
    triangle, barycentric = texels
    size, tile = triangle.shape[1], grain.shape[0]
    here, there = np.empty(4, np.float32), np.empty(4, np.float32)
    zero, one, full = np.float32(0), np.float32(1), np.float32(255)
    for y in range(rows[0], rows[1]):
        for x in range(size):
            t = triangle[y, x]
            if t < 0:
                continue
            _blend(base, triangles, t, barycentric, y, x, here)
            w = weight[y, x]
            w = smoothstep_kernel(w, zero, one)
            m = size - 1 - x
            other, mt = np.float32(0), triangle[y, m]
            if w < 1 and mt >= 0:
                other = weight[y, m]
                other = (one - w) * smoothstep_kernel(other, zero, one)
                if other > 0:
                    _blend(base, triangles, mt, barycentric, y, m, there)
            if w + other <= 0:
                noise = one + here[3] * (grain[y % tile, x % tile] - one)
                for c in range(3):
                    value = here[c] * noise - FLOOR
                    out[y, x, c] = int(min(max(value, zero), one) * full + np.float32(0.5))
                continue
            noise = one + (one - w - other) * here[3] * (grain[y % tile, x % tile] - one)
            for c in range(3):
                value = here[c] * (one - w - other) * noise
                value += w * (colour[y, x, c] * np.float32(1 / 255) + FLOOR)
                if other > 0:
                    ratio = (colour[y, m, c] * np.float32(1 / 255) + FLOOR) / there[c]
                    ratio = min(max(ratio, np.float32(0.3)), np.float32(_SHINE))
                    value += other * here[c] * ratio
                out[y, x, c] = int(min(max(value - FLOOR, zero), one) * full + np.float32(0.5))


@lru_cache(maxsize=4)
def grain_tile(size: int, amplitude: float) -> F32:
    """A tile (256, 256) of multiplicative noise around 1 that looks like pores rather than like pixels.

    Noise of a few scales, coarser in larger textures; the same for every photo.
    """
    rng = np.random.default_rng(20)
    frequency = np.fft.fftfreq(256)
    radius = np.hypot(*np.meshgrid(frequency, frequency)) * size / 1024
    band = np.exp(-((radius / 0.28) ** 2)) - np.exp(-((radius / 0.05) ** 2))
    total = np.fft.ifft2(np.fft.fft2(rng.normal(size=(256, 256))) * band).real
    return (1 + amplitude * np.clip(total / total.std(), -2.5, 2.5)).astype(np.float32)
