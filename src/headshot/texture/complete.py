"""Completing what the photo does not show: low frequencies on the surface, detail in the texture.

The low frequencies live on the mesh's vertices, where the two sides of a UV seam are one, so the result has
no seams. They solve a screened Poisson equation (`headshot.texture.poisson`) for the logarithm of the ratio
to what is expected there: seen vertices keep their colour, hidden ones take the differences of their mirror
image where that is seen, and both fade to what is expected. So the mirror side's features adapt to the light
of the side they are copied to. Detail is the ratio of the texture to these low frequencies, the photo's own
or its mirror image.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from headshot.arrays import F32, I32, U8, single
from headshot.kernels import njit
from headshot.ramps import smoothstep_kernel
from headshot.texture.atlas import Atlas, TexelMesh
from headshot.texture.poisson import System, solve
from headshot.texture.surface import Surface

FLOOR = np.float32(0.06)  # added to sRGB before the logarithm: dark pixels carry noise, not ratios
_FADE = 35.0  # mm over which hidden skin fades to the expected colour
_SEEN = 1.2  # mm; seen vertices keep their colour against smoothing over this length
_DAMP = 0.93  # how much of dark colours' influence on hidden skin is taken away
_ITERATIONS = 30
_GLOW = 0.10  # how much brighter than expected hidden skin may be, in the logarithm
_SHINE = 1.4  # how much brighter than its surroundings mirrored detail may be


@njit(cache=True, nogil=True, error_model="numpy")
def _splat(mesh: TexelMesh, number: I32, colour: U8, weight: F32, out: F32) -> None:
    """Sums over texels at skin vertices: out (S, 4) = weighted sRGB colour in [0, 255], weight."""
    size = mesh.triangle.shape[0]
    for y in range(size):
        for x in range(size):
            w = weight[y, x]
            if not w > 0:
                continue
            for corner in range(3):
                s = number[mesh.triangles[mesh.triangle[y, x], corner]]
                if s >= 0:
                    b = w * mesh.barycentric[y, x, corner]
                    out[s, 0] += b * colour[y, x, 0]
                    out[s, 1] += b * colour[y, x, 1]
                    out[s, 2] += b * colour[y, x, 2]
                    out[s, 3] += b


def vertex_colours(texels: Atlas, skin: Surface, colour: U8, weight: F32) -> tuple[F32, F32]:
    """Colour and weight of each skin vertex: the means of the texels around it.

    Args:
        texels, skin: the texture and the surface.
        colour: (T, T, 3) sRGB.
        weight: (T, T) in [0, 1], how well each is seen.

    Returns:
        sRGB (S, 3) in [0, 1], and how well it is seen (S,) in [0, 1].
    """
    sums = np.zeros((len(skin.vertices), 4), np.float32)
    _splat(texels.mesh, skin.number, colour, weight, sums)
    seen = sums[:, 3] / np.maximum(texels.count[skin.vertices], np.float32(1e-6))
    return sums[:, :3] / np.maximum(sums[:, 3:] * 255, np.float32(1e-6)), seen


@njit(cache=True, nogil=True, error_model="numpy")
def _mirror_gradients(system: System, mirror: I32, weight: F32, off: F32, right: F32) -> None:
    """Add the equations of all edges: differences (S, 3) as on the mirror side, as far as that is seen.

    Args:
        system: its diagonal is added to.
        mirror: (S,) counterpart on the other side.
        weight: (S,) how well ``off`` (S, 3) is seen.
        right: (S, 3) of the equations, added to.
    """
    start, neighbour, links, diagonal = system
    for s in range(right.shape[0]):
        m = mirror[s]
        for e in range(start[s], start[s + 1]):
            link = links[s] * links[neighbour[e]]
            diagonal[s] += link
            k = mirror[neighbour[e]]
            share = link * min(weight[m], weight[k])
            if share > 0:
                for c in range(3):
                    right[s, c] += share * (off[m, c] - off[k, c])


def complete_colours(skin: Surface, colour: F32, weight: F32, expected: F32) -> F32:
    """Low frequencies of the whole skin: logarithms (S, 3) of sRGB + `FLOOR`.

    Args:
        skin: the surface.
        colour: (S, 3) sRGB of what is seen.
        weight: (S,) in [0, 1], how well.
        expected: (S, 3) sRGB of bare skin, and what hidden skin fades to.
    """
    base = np.log(expected + FLOOR)
    off = np.where(weight[:, None] > 0.01, np.log(colour + FLOOR) - base, 0).astype(np.float32)
    # Beard, brows and shadow end where the photo ends: they do not seep into skin that nobody has seen.
    dark = -off.mean(axis=1)
    links = (1 - _DAMP * np.clip((dark - 0.15) / 0.45, 0, 1) * np.minimum(4 * weight, 1)).astype(np.float32)
    sure = np.clip(weight / 0.5, 0, 1)
    data = weight * sure * sure * skin.area / np.float32(_SEEN**2)
    fade = (1 - weight) * skin.area / np.float32(_FADE**2)
    diagonal = np.maximum(data + fade, 1e-3).astype(np.float32)
    right = (data[:, None] * off).astype(np.float32)
    known = np.where(weight > 0.3, weight, 0).astype(np.float32)  # others have no reliable differences
    system = System(skin.start, skin.neighbour, links, diagonal)
    _mirror_gradients(system, skin.mirror, known, off, right)
    other = weight[skin.mirror] * (1 - weight)
    x = (weight[:, None] * off + other[:, None] * off[skin.mirror]).astype(np.float32)
    solve(system, right, x, _ITERATIONS)
    # Differences across a brow that is darker on the other side would make hidden skin glow.
    bright = (_GLOW + skin.lips)[:, None] + weight[:, None] / 0.3 * np.maximum(off, 0)
    return (base + np.minimum(x, bright)).astype(np.float32)


class Composition(NamedTuple):
    """What a texture is composed of.

    Attributes:
        base: (V, 4) low frequencies of every vertex, sRGB + `FLOOR`, and 1 where they belong to the skin.
        grain: (N, N) tile of noise around 1 (`grain_tile`).
        colour: (T, T, 3) uint8 sRGB that is seen.
        weight: (T, T) how well; 0 for what is not skin.
    """

    base: F32
    grain: F32
    colour: U8
    weight: F32


@njit(cache=True, nogil=True, error_model="numpy")
def _interpolate(base: F32, mesh: TexelMesh, t: int, y: int, x: int, out: F32) -> None:
    """Values (4,) of the vertices' ``base`` (V, 4) at one texel, which lies on triangle t."""
    a, b, c = mesh.barycentric[y, x, 0], mesh.barycentric[y, x, 1], mesh.barycentric[y, x, 2]
    i, j, k = mesh.triangles[t, 0], mesh.triangles[t, 1], mesh.triangles[t, 2]
    for d in range(4):
        out[d] = a * base[i, d] + b * base[j, d] + c * base[k, d]


@njit(cache=True, nogil=True, error_model="numpy")
def compose(rows: tuple[int, int], mesh: TexelMesh, parts: Composition, out: U8) -> None:
    """Join low frequencies and detail in rows of the texture (T, T, 3), from the first to before the last."""
    grain, colour, weight = parts.grain, parts.colour, parts.weight
    size, tile = mesh.triangle.shape[1], grain.shape[0]
    here, there = np.empty(4, np.float32), np.empty(4, np.float32)
    zero, one, full, half = single(0), single(1), single(255), single(0.5)
    for y in range(rows[0], rows[1]):
        for x in range(size):
            t = mesh.triangle[y, x]
            if t < 0:
                continue
            _interpolate(parts.base, mesh, t, y, x, here)
            w = smoothstep_kernel(weight[y, x], zero, one)
            m = size - 1 - x
            other, mt = zero, mesh.triangle[y, m]
            if w < 1 and mt >= 0:
                other = (one - w) * smoothstep_kernel(weight[y, m], zero, one)
                if other > 0:
                    _interpolate(parts.base, mesh, mt, y, m, there)
            if w + other <= 0:
                noise = one + here[3] * (grain[y % tile, x % tile] - one)
                for c in range(3):
                    value = here[c] * noise - FLOOR
                    out[y, x, c] = int(min(max(value, zero), one) * full + half)
                continue
            noise = one + (one - w - other) * here[3] * (grain[y % tile, x % tile] - one)
            for c in range(3):
                value = here[c] * (one - w - other) * noise
                value += w * (colour[y, x, c] * single(1 / 255) + FLOOR)
                if other > 0:
                    ratio = (colour[y, m, c] * single(1 / 255) + FLOOR) / there[c]
                    ratio = min(max(ratio, single(0.3)), single(_SHINE))
                    value += other * here[c] * ratio
                out[y, x, c] = int(min(max(value - FLOOR, zero), one) * full + half)


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
