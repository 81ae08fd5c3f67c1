"""Several photos of one head as if one camera had taken them in one even light.

Dimension letters: N views, T x T texels, V vertices, S vertices of the skin.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from headshot.arrays import F32, U8, single
from headshot.geometry.raster import vertex_normals
from headshot.image.colour import LINEAR_STEPS, TO_LINEAR, TO_SRGB, linear_to_srgb, srgb_to_linear
from headshot.kernels import njit
from headshot.ramps import smoothstep
from headshot.texture.atlas import TexelMesh
from headshot.texture.exposure import align_colours, relighting
from headshot.texture.layer import Layer
from headshot.texture.layout import Layout
from headshot.texture.rows import in_rows
from headshot.texture.skin_tone import LIFT, colourful
from headshot.texture.surface import Surface

# sRGB from which on colours count less, and from which on they hardly count.
_BRIGHT, _DARK = (0.94, 0.995), (0.02, 0.14)
_CLIPPED, _GREY = np.float32(0.15), np.float32(0.2)  # how much clipped colours, and greyscale photos, count
_CHANGED = 1.5  # largest logarithm of a gain
_PLAUSIBLE = (-0.7, 0.3)  # logarithms of the even light against that on the core of the face
_USUAL = np.float32(0.5)  # how much what is expected of the skin counts beside a photo


def exposed(colours: F32) -> F32:
    """How much of the light and shade colours (..., 3), sRGB in [0, 1], have kept: little where a channel is
    saturated, or all are nearly black."""
    most = colours.max(axis=-1)
    bright = 1 - (1 - _CLIPPED) * smoothstep(most, *_BRIGHT)
    return np.asarray(bright * smoothstep(most, *_DARK), np.float32)


def coloured(layers: Sequence[Layer]) -> F32:
    """Factors (N,) of views: little for a greyscale photo among coloured ones."""
    colour = np.array([colourful(layer.tone.tone) for layer in layers], np.float32)
    return _GREY + (1 - _GREY) * colour / max(float(colour.max()), 1e-3)


def usual_tone(skin: Surface, layers: Sequence[Layer], quality: F32) -> F32:
    """The exposure and white balance that all get, as the tone (3,) of the skin, sRGB: the geometric mean of
    those of the views.

    Args:
        skin: the surface.
        layers: of the photos.
        quality: (N, S) how well each shows each vertex.
    """
    tones = log_colour(np.stack([layer.tone.tone for layer in layers]))
    share = quality @ skin.frontal + np.float32(1e-6)
    return log_to_srgb(share @ tones / share.sum())


def even_light(skin: Surface, layers: Sequence[Layer]) -> F32 | None:
    """The light (S,) that all views get: the geometric mean of theirs and of its mirror image, without
    colour, so that it is the same on both halves; None where the light of a view is not known."""
    known = [layer.shading.mean(axis=1) for layer in layers if layer.shading is not None]
    if len(known) < len(layers):
        return None
    log = np.mean([np.log(np.maximum(shading, np.float32(0.1))) for shading in known], axis=0)
    return np.asarray(np.exp((log + log[skin.mirror]) / 2), np.float32)


def bare_skin(skin: Surface, tone: F32, light: F32 | None) -> F32:
    """sRGB (S, 3) of bare skin, in [0, 1].

    Args:
        skin: the surface.
        tone: (3,) sRGB of the skin in the middle of the face.
        light: (S,) linear; even without.
    """
    log = np.zeros(len(skin.vertices), np.float32)
    if light is not None:
        core = skin.core * skin.area
        log = np.clip(np.log(light) - core @ np.log(light) / core.sum(), *_PLAUSIBLE)
    return log_to_srgb(log_colour(tone) + log[:, None])


def gains_of(
    layout: Layout, layers: Sequence[Layer], colours: F32, quality: F32, expected: F32, light: F32 | None
) -> F32:
    """Logarithms (N, S, 3) of the gains that bring the colours (N, S, 3) of all layers to the person's skin,
    which counts as one more view.

    Args:
        layout: of the texture.
        layers: of the photos.
        colours: (N, S, 3) sRGB in [0, 1] of the layers at the vertices.
        quality: (N, S) how well each shows each vertex.
        expected: (S, 3) logarithms of the colours that are expected of the skin.
        light: (S,) linear, which all get; None where theirs is not known, or taken out.
    """
    skin = layout.skin
    relit = np.zeros_like(colours)
    for k, layer in enumerate(layers):
        if light is not None and layer.shading is not None:
            relit[k] = relighting(layer.shading, light[:, None])
    core = skin.core * skin.area / (skin.core @ skin.area)
    tones = log_colour(np.stack([layer.tone.tone for layer in layers])) + core @ relit
    normals = vertex_normals(layout.model.mean, layout.model.triangles)[skin.vertices]
    every = np.concatenate([log_colour(colours) + relit, expected[None]])
    usual = _USUAL * skin.growth * quality.max(axis=0, keepdims=True)
    weight = np.concatenate([quality, usual]) * skin.area
    gains = align_colours(every, weight, normals, np.vstack([tones, core @ expected]), len(layers))[:-1]
    return np.clip(relit + gains, -_CHANGED, _CHANGED).astype(np.float32)


def amplified(gains: F32) -> F32:
    """Factors (N, S) of the quality of views whose colours got gains with the logarithms (N, S, 3): noise and
    errors of what was dark are made brighter with it."""
    return np.asarray(np.exp(-2 * np.maximum(gains.mean(axis=2), 0)), np.float32)


def apply_gains(layout: Layout, layer: Layer, field: F32) -> None:
    """Change the colours of a layer in place by gains of which the logarithms (S, 3) are given."""
    skin = layout.skin
    core = skin.core * skin.area
    gain = np.empty((len(layout.model.mean), 3), np.float32)
    gain[:] = np.exp(core @ field / core.sum())  # eyes and mouth
    gain[skin.vertices] = np.exp(field)
    mesh = layout.texels.mesh
    in_rows(lambda rows: _change_rows(rows, mesh, gain, TO_LINEAR, TO_SRGB, layer.colour), layout.size)


@njit(cache=True, nogil=True, error_model="numpy")
def _change_rows(
    rows: tuple[int, int], mesh: TexelMesh, gain: F32, to_linear: F32, to_srgb: U8, colour: U8
) -> None:
    """Multiply the linear light of rows of colours (T, T, 3), sRGB, by gains (V, 3)."""
    zero, one, half, lift = single(0), single(1), single(0.5), single(LIFT)
    for y in range(rows[0], rows[1]):
        for x in range(mesh.triangle.shape[1]):
            t = mesh.triangle[y, x]
            if t < 0:
                continue
            a, b, c = mesh.barycentric[y, x, 0], mesh.barycentric[y, x, 1], mesh.barycentric[y, x, 2]
            i, j, k = mesh.triangles[t, 0], mesh.triangles[t, 1], mesh.triangles[t, 2]
            for d in range(3):
                factor = a * gain[i, d] + b * gain[j, d] + c * gain[k, d]
                light = (to_linear[colour[y, x, d]] + lift) * factor - lift
                place = min(max(light, zero), one) * single(LINEAR_STEPS - 1) + half
                colour[y, x, d] = to_srgb[int(place)]


def log_colour(srgb: F32) -> F32:
    """Logarithms (...) of lifted linear light of sRGB in [0, 1]."""
    return np.asarray(np.log(srgb_to_linear(np.clip(srgb, 0, 1)) + np.float32(LIFT)), np.float32)


def log_to_srgb(log: F32) -> F32:
    """The inverse of `log_colour`."""
    return np.asarray(linear_to_srgb(np.clip(np.exp(log) - np.float32(LIFT), 0, 1)), np.float32)
