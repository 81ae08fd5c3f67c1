"""Hair that is cut close, and roots of long hair: the scalp takes their colour, with a soft, uneven hairline.

Dimension letters: T x T texels, V vertices.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from headshot.arrays import F32, U8, ReadOnly, single
from headshot.image.colour import LINEAR_STEPS, TO_LINEAR, TO_SRGB
from headshot.kernels import njit
from headshot.texture.atlas import TexelMesh
from headshot.texture.complete import grain_tile
from headshot.texture.layout import Layout
from headshot.texture.make import Texture
from headshot.texture.rows import in_rows

_UNEVEN = single(0.35)  # how far a hairline is drawn out into strands
_STRANDS = single(0.5)  # by which share strands differ in brightness


@dataclass(frozen=True, eq=False, repr=False)
class PaintedScalp(ReadOnly):
    """Hair as a colour of the scalp.

    Attributes:
        growth: (V,) in [0, 1], how densely it grows.
        colour: (3,) linear, in the light that the texture has.
        strength: in [0, 1], how much of the skin it hides where it grows densely.
    """

    growth: F32
    colour: F32
    strength: float


def with_scalp(texture: Texture, layout: Layout, scalp: PaintedScalp) -> Texture:
    """The texture with hair on the scalp."""
    out = texture.pixels.copy()
    noise = (grain_tile(layout.size, 0.4) - 1).astype(np.float32)
    mesh = layout.texels.mesh
    colour = scalp.colour.astype(np.float32)
    in_rows(
        lambda rows: _paint(rows, mesh, scalp.growth, colour, scalp.strength, noise, TO_LINEAR, TO_SRGB, out),
        layout.size,
    )
    flat = out.reshape(-1, 3)
    flat[layout.texels.gutter] = flat[layout.texels.source]
    return replace(texture, pixels=out)


@njit(cache=True, nogil=True, error_model="numpy")
def _paint(
    rows: tuple[int, int],
    mesh: TexelMesh,
    growth: F32,
    colour: F32,
    strength: float,
    noise: F32,
    to_linear: F32,
    to_srgb: U8,
    out: U8,
) -> None:
    """Mix hair's colour into rows of a texture (T, T, 3)."""
    zero, one, half, steps = single(0), single(1), single(0.5), single(LINEAR_STEPS - 1)
    tile = noise.shape[0]
    for y in range(rows[0], rows[1]):
        for x in range(mesh.triangle.shape[1]):
            t = mesh.triangle[y, x]
            if t < 0:
                continue
            grown = zero
            for corner in range(3):
                grown += mesh.barycentric[y, x, corner] * growth[mesh.triangles[t, corner]]
            if not grown > single(0.01):
                continue
            rough = noise[y % tile, x % tile]
            dense = grown + _UNEVEN * rough * single(4) * grown * (one - grown)
            share = single(strength) * min(max(dense, zero), one)
            bright = one + _STRANDS * rough
            for c in range(3):
                here = to_linear[out[y, x, c]]
                mixed = here + share * (colour[c] * bright - here)
                out[y, x, c] = to_srgb[int(min(max(mixed, zero), one) * steps + half)]
