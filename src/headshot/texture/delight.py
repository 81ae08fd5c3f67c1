"""Taking the light out of what a photo shows: colours become the skin's own.

What spherical harmonics explain is divided out exactly. The rest of the shading (cast shadows, the glow of
lamps close by) differs from skin by its extent: it changes over centimetres, and unlike skin it is seldom the
same on both halves of the face. So the smooth part of what the albedo model leaves unexplained is taken for
shading: all of it where the halves differ, most of it where they agree, little where beards and brows are.
Its sharp part (moles, freckles, wrinkles, stubble) stays with the contrast of skin (`headshot.texture.fine`).
Highlights are what is much brighter than the skin may be; they are drawn towards its colour.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from headshot.arrays import F32, U8, Array, single
from headshot.geometry.light import sh_basis
from headshot.geometry.raster import Raster, interpolate, vertex_normals
from headshot.image.colour import LINEAR_STEPS, TO_LINEAR, TO_SRGB, linear_to_srgb, luma, srgb_to_linear
from headshot.kernels import njit
from headshot.models.head_model import HeadModel
from headshot.robust import geman_mcclure_weight
from headshot.texture.appearance import PersonAlbedo
from headshot.texture.atlas import TexelMesh
from headshot.texture.complete import vertex_colours
from headshot.texture.fine import FLOOR, shares_of_detail
from headshot.texture.layout import Layout
from headshot.texture.poisson import System, solve
from headshot.texture.rows import in_rows
from headshot.texture.sample import TexelSamples
from headshot.texture.skin_tone import colourful
from headshot.texture.surface import Surface
from headshot.texture.view import TextureView

_DARKEST = 0.12  # of shading: what is darker carries more noise than colour,
_DIM = 0.35  # and from here on it gets less and less weight
_EXTENT = 9.0  # mm over which shading is smooth
_SHADOW = 3.0  # mm, the same of hair's shadow
_LITTLE = 0.1  # of hair's shadow, how little has to be seen
_AGREE = 0.7  # how much of the smooth rest on which both halves agree is shading
_DRAWN = 0.2  # the same on beards, brows, lids and lips
_PLAIN = 0.04  # logarithm by which single vertices stand out where all that is smooth is hair's shadow
_MOST = 1.2  # largest logarithm of shading that is corrected
_SHINE = 1.2  # how much brighter than the expected skin is a highlight
_DULL = 0.25  # which share of a highlight's logarithm stays
# Logarithms of red / green and blue / green of bare skin: mean and covariance over 190 photos of LFW,
# CelebAMask, HELEN, UTKFace and CFP that are not held out, as fits estimate them.
_TINTS = np.array([0.696, -0.479])
_TINT_PRECISION = np.linalg.inv(np.array([[0.0376, -0.0292], [-0.0292, 0.0834]]))
_OWN, _FAR = 0.5, 2.0  # share of the deviation that stays, and how far, in standard deviations, it counts
_GAIN = 0.6  # largest logarithm of a gain: a channel that is nearly black is noise
_TINT, _CONTRAST = 0.15, (0.45, 1.2)  # of features of hidden skin in sRGB: more is not certain,
_LEAST = 0.2  # in linear light, of the typical colour
_CREASE = 0.6  # creases whose share of light is less are not brightened further


def shading_of(light: Array, vertices: F32, model: HeadModel) -> F32:
    """Linear light (V, 3) that falls on the vertices (V, 3); may be negative where nothing is known of it.

    ``light`` is (9, 3), head frame.
    """
    normals = vertex_normals(vertices, model.triangles)
    return np.asarray(sh_basis(normals) @ light.astype(np.float32), np.float32)


def features_of(albedo: PersonAlbedo | None, skin: Surface, tone: F32) -> F32:
    """The person's own colours (S, 3) against the core of the face, as a factor of sRGB.

    Without an albedo only creases are darker. ``tone`` (3,) is the skin as photographed: a greyscale photo
    stays grey.
    """
    if albedo is None:
        return np.repeat(np.sqrt(skin.crease)[:, None], 3, axis=1)
    own = linear_to_srgb(np.clip(albedo.colours[skin.vertices], 0.005, 1))
    ratio = own / ((skin.core * skin.area) @ own / (skin.core @ skin.area))
    bright = ratio.mean(axis=1, keepdims=True)
    tint = np.clip(ratio / bright, 1 - _TINT, 1 + _TINT) ** colourful(tone)
    return np.asarray(np.clip(bright, *_CONTRAST) * tint, np.float32)


def remove_light(layout: Layout, view: TextureView, albedo: PersonAlbedo, lit: TexelSamples) -> TexelSamples:
    """What the photo would show without light and shadow: colours are reflectances, encoded as sRGB.

    What is seen in hardly any light has lost its colour: it gets less weight.

    Args:
        layout: of the texture.
        view: the photo; its light must be known.
        albedo: the person's.
        lit: what the photo shows.
    """
    assert view.light is not None
    model, skin, texels = layout.model, layout.skin, layout.texels
    colour, weight = lit.colour, lit.weight
    crease = np.maximum(albedo.occlusion, np.float32(_CREASE))[:, None]
    shading = np.maximum(shading_of(view.light, view.vertices, model), _DARKEST) * crease
    own = (np.maximum(albedo.colours, 0.005) / crease).astype(np.float32)

    found, seen = vertex_colours(texels, skin, colour, weight)
    # Towards hairline, ears and neck the albedo model knows little, and some of that is hair.
    beard = skin.beard * np.float32(lit.skin.beard)
    unsure = np.maximum(skin.selectivity, skin.flank) * (1 - beard)
    drawn = np.maximum(skin.growth <= 0, beard)
    at = skin.vertices
    plain = skin.bare * skin.area
    gain = tint_gain(plain @ own[at] / plain.sum(), lit.tone.tone)
    own *= gain
    shading /= gain
    typical = plain @ own[at] / plain.sum()
    bare = np.maximum(own[at] + unsure[:, None] * (typical - own[at]), _LEAST * typical)
    own[at] = bare
    reflect = srgb_to_linear(found) / shading[at]
    shares = _Shares(unsure, drawn)
    rest = _unexplained(skin, reflect, bare, seen, shares)
    shading[at] *= np.exp(rest)

    strided = Raster(texels.triangle[::4, ::4], texels.barycentric[::4, ::4], weight[::4, ::4])
    level = interpolate(strided, shading, model.triangles)
    usual_level = single(np.average(level.mean(axis=2), weights=weight[::4, ::4] + 1e-6))
    smooth = np.ones((len(own), 5), np.float32)  # of eyes and mouth all detail stays
    smooth[at, :3] = reflect * np.exp(-rest)
    smooth[at, 3:] = _detail(layout, lit, shading, smooth, shares)
    out = colour.copy(), weight.copy()
    mesh = texels.mesh
    in_rows(
        lambda rows: _divide_rows(rows, mesh, _Fields(shading, own, smooth, usual_level), *out),
        layout.size,
    )
    return TexelSamples(
        *out,
        replace(lit.tone, tone=np.asarray(linear_to_srgb(np.clip(typical, 0, 1)), np.float32)),
        replace(lit.skin, tone=np.asarray(linear_to_srgb(np.clip(bare, 0, 1)), np.float32)),
        lit.iris,
    )


def tint_gain(typical: F32, photographed: F32) -> F32:
    """Gains (3,) of linear light that bring a person's tint closer to that of most people.

    The colour of skin and that of light come as their product. Of the variance of one photo's
    estimate a tenth (red) and a quarter (blue) is the person's, as two photos of one person agree; the rest
    is the light's and the camera's (`benchmarks/skin.py --tints`).

    Args:
        typical: (3,) linear, estimated for bare skin.
        photographed: (3,) sRGB of the skin in the photo: a greyscale photo stays grey.
    """
    red, green, blue = np.log(typical)
    off = np.array([red - green, blue - green]) - _TINTS
    far = float(np.sqrt(off @ _TINT_PRECISION @ off))
    change = colourful(photographed) * (min(1.0, _FAR / max(far, 1e-6)) * _OWN - 1) * off
    change = np.clip(change, -_GAIN, _GAIN)
    gain = np.exp([change[0], 0.0, change[1]])
    return np.asarray(gain * luma(typical) / luma(typical * gain), np.float32)


class _Shares(NamedTuple):
    """Where differences from the person's colours are whose.

    Attributes:
        unsure: (S,) in [0, 1], where smooth ones are hair's shadow rather than skin.
        drawn: (S,) in [0, 1], where most are the skin's: beards, brows, lids and lips.
    """

    unsure: F32
    drawn: F32


def _unexplained(skin: Surface, reflect: F32, own: F32, seen: F32, shares: _Shares) -> F32:
    """Logarithm (S, 3) of the shading that is left in reflectances (S, 3), given the person's colours (S, 3).

    ``seen`` (S,) in [0, 1] says how well the photo shows each vertex.
    """
    off = np.log(reflect + FLOOR) - np.log(own + FLOOR)
    # Neither hair nor highlights are shading: little weight to what is far off.
    robust = seen * geman_mcclure_weight((off.mean(axis=1) / 1.2) ** 2)
    robust += shares.unsure * (np.minimum(seen / _LITTLE, 1) - robust)
    extent = _EXTENT + shares.unsure * (_SHADOW - _EXTENT)
    data = (robust * skin.area / extent**2).astype(np.float32)
    diagonal = np.diff(skin.start) + data + skin.area / np.float32(100.0**2)
    smooth = np.zeros((len(off), 3), np.float32)
    ones = np.ones(len(off), np.float32)
    right = (data[:, None] * off).astype(np.float32)
    solve(System(skin.start, skin.neighbour, ones, diagonal.astype(np.float32)), right, smooth, 40)
    known = (np.minimum(seen, 1) * np.minimum(seen[skin.mirror], 1))[:, None]
    differ = known * (smooth - smooth[skin.mirror]) / 2
    agree = smooth - differ
    share = _AGREE + shares.drawn * (_DRAWN - _AGREE)
    share = (share + shares.unsure * (1 - share))[:, None]
    most = (_PLAIN / np.maximum(shares.unsure, 0.01) ** 2)[:, None]
    left = np.clip(off - differ - share * agree, -most, most)
    return np.clip(off - left, -_MOST, _MOST).astype(np.float32)


def _detail(layout: Layout, seen: TexelSamples, shading: F32, smooth: F32, shares: _Shares) -> F32:
    """Factors (S, 2) of what is fine in brightness and in tint, from one texel in sixteen.

    Args:
        layout: of the texture.
        seen: what the photo shows.
        shading: (V, 3) linear light.
        smooth: (V, 5) linear means of the colours without light, and more.
        shares: see there.
    """
    skin, mesh = layout.skin, layout.texels.mesh
    every = slice(None, None, 4), slice(None, None, 4)
    triangle, weight = mesh.triangle[every], seen.weight[every]
    first, last = layout.model.parts.get("skin", (0, len(mesh.triangles)))
    use = (triangle >= first) & (triangle < last) & (weight > 0.3)
    corners, where = mesh.triangles[triangle[use]], mesh.barycentric[every][use]
    light, means = (np.einsum("nkc,nk->nc", values[corners], where) for values in (shading, smooth[:, :3]))
    ratio = (TO_LINEAR[seen.colour[every][use]] / light + FLOOR) / (means + FLOOR)
    number = skin.number[corners]
    plain = (shares.drawn[number].max(axis=1) < 0.1) & (shares.unsure[number].max(axis=1) < 0.1)
    return shares_of_detail(skin, number, where, ratio, plain, shares.drawn, shares.unsure)


class _Fields(NamedTuple):
    """What colours are divided by and compared with, at all vertices.

    Attributes:
        shading: (V, 3) linear light.
        own: (V, 3) linear, the person's colours.
        smooth: (V, 5) linear means of the colours without light, and factors of what is finer in brightness
            and in tint.
        usual_level: mean light.
        to_linear, to_srgb: tables.
    """

    shading: F32
    own: F32
    smooth: F32
    usual_level: float
    to_linear: F32 = TO_LINEAR
    to_srgb: U8 = TO_SRGB


@njit(cache=True, nogil=True, error_model="numpy")
def _divide_rows(rows: tuple[int, int], mesh: TexelMesh, fields: _Fields, colour: U8, weight: F32) -> None:
    """Divide rows of colours (T, T, 3), sRGB, by the shading, and give dim ones less weight (T, T).

    What is brighter than skin of the person's own colours may be is compressed, and gets more of the skin's
    tint.
    """
    shading, own, around, usual_level, to_linear, to_srgb = fields
    zero, one, half, steps = single(0), single(1), single(0.5), single(LINEAR_STEPS - 1)
    level, usual, reflect = np.empty(3, np.float32), np.empty(3, np.float32), np.empty(3, np.float32)
    smooth, ratio = np.empty(5, np.float32), np.empty(3, np.float32)
    third, floor = single(1 / 3), single(FLOOR)
    for y in range(rows[0], rows[1]):
        for x in range(mesh.triangle.shape[1]):
            t = mesh.triangle[y, x]
            if t < 0 or not weight[y, x] > 0:
                continue
            a, b, c = mesh.barycentric[y, x, 0], mesh.barycentric[y, x, 1], mesh.barycentric[y, x, 2]
            i, j, k = mesh.triangles[t, 0], mesh.triangles[t, 1], mesh.triangles[t, 2]
            for d in range(5):
                smooth[d] = a * around[i, d] + b * around[j, d] + c * around[k, d]
            for d in range(3):
                level[d] = a * shading[i, d] + b * shading[j, d] + c * shading[k, d]
                usual[d] = a * own[i, d] + b * own[j, d] + c * own[k, d]
                reflect[d] = to_linear[colour[y, x, d]] / level[d]
            if smooth[3] < one or smooth[4] < one:
                for d in range(3):
                    ratio[d] = (reflect[d] + floor) / (smooth[d] + floor)
                bright = (ratio[0] + ratio[1] + ratio[2]) * third
                less = one + smooth[3] * (bright - one)
                for d in range(3):
                    tint = one + smooth[4] * (ratio[d] / bright - one)
                    reflect[d] = less * tint * (smooth[d] + floor) - floor
            normal = max((usual[0] + usual[1] + usual[2]) * third, single(0.01))
            shine = (reflect[0] + reflect[1] + reflect[2]) * third / (single(_SHINE) * normal)
            if shine > one:
                share = single(0.6) * min(single(4) * (shine - one), one)
                target, less = single(_SHINE) * shine ** single(_DULL), shine ** single(_DULL - 1)
                for d in range(3):
                    here = reflect[d] * less
                    reflect[d] = here + share * (target * usual[d] - here)
            for d in range(3):
                colour[y, x, d] = to_srgb[int(min(max(reflect[d], zero), one) * steps + half)]
            bright = (level[0] + level[1] + level[2]) * third / usual_level
            enough = (bright - single(_DARKEST)) / single(_DIM - _DARKEST)
            weight[y, x] *= min(max(enough, zero), one)
