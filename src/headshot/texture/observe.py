"""What the photo shows of the head: for every texel its colour and how far it can be believed."""

from __future__ import annotations

import numpy as np
from numba import njit

from headshot.arrays import F32, I32, U8, Mask
from headshot.image.colour import TO_LINEAR
from headshot.models.head_model import HeadModel
from headshot.ramps import smoothstep_kernel
from headshot.robust import weighted_median
from headshot.texture.atlas import Atlas, Surface
from headshot.texture.belief import belief, likelihood
from headshot.texture.expect import Expectation, expect_skin, likeness
from headshot.texture.fetch import at, between, fetch
from headshot.texture.masks import BARE, BRIDGE, FREE, OWN, UNRIMMED
from headshot.texture.rows import in_rows
from headshot.texture.settle import settle
from headshot.texture.skin import SkinColour, fit_skin, likelihood_table
from headshot.texture.view import View

_CELLS = 128  # along the texture's side, on which colour outliers are cleaned up
_SURE = np.float32(0.75)  # how much less strictly colours are judged where the segmentation is sure
_PLAIN = 0.45  # tolerated deviation of log brightness of single vertices
_TINTED = 0.8  # logarithm of the darkness of skin from which on the lenses before it are dark,
_SHADED = 0.4  # and from which on they change the colours of eyes


@njit(cache=True, nogil=True, error_model="numpy")
def _rows(
    rows: tuple[int, int],
    texels: tuple[I32, F32],
    mesh: tuple[I32, Mask, F32, F32, F32, F32],
    buffers: tuple[F32, F32, F32, F32],
    pixels: U8,
    how: tuple[bool, int],
    skin: tuple[F32, F32],
    colour: U8,
    weight: F32,
    fit: F32,
    cells: F32,
) -> None:
    """Observe some rows of texels.

    mesh: triangles (F, 3), which of them (F,) may be seen, points and normals (V, 3) in the camera frame,
    guide (V, 7) strictness, shade, reach, the logarithm of the expected colour, and what glasses before
    it do: 0 nothing, 1 their rims hide it, or all of them when dark, 2 all of them do; lens as in `belief`.
    Fills colour (T, T, 3), weight (T, T) by geometry, fit (T, T) by colour, and cells (t, t, 2): the sums of
    weights by geometry alone and with colour.
    """
    triangle, barycentric = texels
    triangles, facing, points, normals, guide, lens = mesh
    depth, margin, outline, shown = buffers
    table, model = skin
    cubic, glass = how
    block = -(-triangle.shape[1] // cells.shape[1])
    for y in range(rows[0], rows[1]):
        for x in range(triangle.shape[1]):
            t = triangle[y, x]
            if t < 0 or not facing[t]:
                continue
            i, j, k = triangles[t, 0], triangles[t, 1], triangles[t, 2]
            a, b, c = barycentric[y, x, 0], barycentric[y, x, 1], barycentric[y, x, 2]
            reach = a * guide[i, 2] + b * guide[j, 2] + c * guide[k, 2]
            p = (
                a * points[i, 0] + b * points[j, 0] + c * points[k, 0],
                a * points[i, 1] + b * points[j, 1] + c * points[k, 1],
                a * points[i, 2] + b * points[j, 2] + c * points[k, 2],
            )
            n = (
                a * normals[i, 0] + b * normals[j, 0] + c * normals[k, 0],
                a * normals[i, 1] + b * normals[j, 1] + c * normals[k, 1],
                a * normals[i, 2] + b * normals[j, 2] + c * normals[k, 2],
            )
            px, py, w = belief(p, n, lens, (depth, margin, shown))
            w *= reach
            if not w > 0:
                continue
            w *= between(shown, px, py, lens, FREE)
            glasses = a * guide[i, 6] + b * guide[j, 6] + c * guide[k, 6]
            if glasses > 0.5:
                w *= between(shown, px, py, lens, BARE if glasses > 1.5 else glass)
            if not w > 0.01:
                continue
            cells[y // block, x // block, 0] += w
            value = fetch(pixels, px, py, cubic)
            strictness = a * guide[i, 0] + b * guide[j, 0] + c * guide[k, 0]
            # Next to an outline a small error of the fit shows what lies behind.
            far = smoothstep_kernel(at(outline, px, py, lens), np.float32(4), np.float32(13))
            strictness = max(strictness, np.float32(0.75) * (np.float32(1) - far))
            strictness *= np.float32(1) - _SURE * between(shown, px, py, lens, OWN)
            if glasses > 0.5:
                strictness = max(strictness, between(shown, px, py, lens, BRIDGE))
            shade = a * guide[i, 1] + b * guide[j, 1] + c * guide[k, 1]
            like = np.float32(1)
            if strictness > 0.01:
                expected = (
                    a * guide[i, 3] + b * guide[j, 3] + c * guide[k, 3],
                    a * guide[i, 4] + b * guide[j, 4] + c * guide[k, 4],
                    a * guide[i, 5] + b * guide[j, 5] + c * guide[k, 5],
                )
                like = likelihood(value, expected, strictness, shade, table, model)
            cells[y // block, x // block, 1] += w * like
            weight[y, x] = min(w, np.float32(1))
            fit[y, x] = like
            colour[y, x, 0] = int(value[0] + np.float32(0.5))
            colour[y, x, 1] = int(value[1] + np.float32(0.5))
            colour[y, x, 2] = int(value[2] + np.float32(0.5))


def observe_texels(
    texels: Atlas, skin: Surface, model: HeadModel, view: View, shading: F32 | None = None
) -> tuple[U8, F32, SkinColour, Expectation]:
    """Colour (T, T, 3) uint8 sRGB and weight (T, T) in [0, 1] of every texel, and the person's skin.

    ``shading`` (S, 3) is the linear light on the skin's vertices, if it is known.
    The colour is undefined where the weight is 0. Eyes and mouth are weighted by geometry alone.
    """
    size = texels.triangle.shape[0]
    lens = _lens(view, skin)
    table = likelihood_table(TO_LINEAR)
    samples, tone, expected = _skin(view, skin, lens, table, shading)
    guide = np.zeros((len(model.mean), 7), np.float32)
    guide[:, 2] = 1
    shade = skin.shade * np.float32(expected.beard)
    strictness = np.maximum(skin.strictness * (1 - np.float32(0.85) * shade), expected.covered)
    lids = model.regions["eyelids"][skin.vertices]
    around = skin.area * (lids < 0.5) * (np.abs(skin.brow) < 0.5)
    tint = _tint(samples, around, table, expected)
    guide[:, 6] = 2 * (tint > _SHADED)
    glasses = np.ones(len(strictness), np.float32)
    guide[skin.vertices] = np.column_stack([strictness, shade, skin.reach, expected.log, glasses])
    colour = np.empty((size, size, 3), np.uint8)
    weight = np.zeros((size, size), np.float32)
    fit = np.ones((size, size), np.float32)
    block = size // _CELLS
    cells = np.zeros((-(-size // block),) * 2 + (2,), np.float32)
    facing = ((view.points * view.normals).sum(axis=1) < 0) & (guide[:, 2] > 0)
    mesh = (model.triangles, facing[model.triangles].any(axis=1), view.points, view.normals, guide, lens)
    colours = (table, tone.packed())

    def work(rows: tuple[int, int]) -> None:
        _rows(
            rows,
            (texels.triangle, texels.barycentric),
            mesh,
            (view.depth, view.margin, view.outline, view.shown),
            view.pixels,
            (view.enlarged, UNRIMMED if tint < _TINTED else BARE),
            colours,
            colour,
            weight,
            fit,
            cells,
        )

    in_rows(work, size, block)
    settle(cells, fit, weight)
    return colour, weight, tone, expected


@njit(cache=True, nogil=True, error_model="numpy")
def _at_vertices(
    chosen: I32,
    points: F32,
    normals: F32,
    lens: F32,
    buffers: tuple[F32, F32, F32],
    pixels: U8,
    cubic: bool,
    out: F32,
) -> None:
    """Colour in [0, 255], weight, how far lenses are before them, and how surely they are skin (N, 6), of
    single vertices."""
    depth, margin, shown = buffers
    for k in range(chosen.shape[0]):
        v = chosen[k]
        p = (points[v, 0], points[v, 1], points[v, 2])
        n = (normals[v, 0], normals[v, 1], normals[v, 2])
        x, y, w = belief(p, n, lens, (depth, margin, shown))
        if w > 0:
            value = fetch(pixels, x, y, cubic)
            out[k, 0], out[k, 1], out[k, 2] = value[0], value[1], value[2]
            clear = between(shown, x, y, lens, BARE)
            w *= between(shown, x, y, lens, FREE)
            out[k, 4] = w * max(between(shown, x, y, lens, UNRIMMED) - clear, np.float32(0))
            w *= clear
            out[k, 5] = between(shown, x, y, lens, OWN)
        out[k, 3] = w


def observe_vertices(skin: Surface, view: View) -> tuple[F32, F32]:
    """Colour (S, 3) sRGB in [0, 255] and weight (S,) in [0, 1] of the skin's vertices, without a texture.

    Coarser than `observe_texels`: hair is told from skin vertex by vertex.
    """
    table = likelihood_table(TO_LINEAR)
    samples, tone, expected = _skin(view, skin, _lens(view, skin), table)
    like = likeness(table[samples[:, :3].astype(np.uint8)] - expected.log, tone, _PLAIN)
    strict = np.maximum(skin.strictness * (1 - skin.shade * np.float32(expected.beard)), expected.covered)
    return samples[:, :3], samples[:, 3] * skin.reach * (1 - strict * (1 - like))


def _tint(samples: F32, around: F32, table: F32, expected: Expectation) -> float:
    """How much darker skin behind the lenses of glasses is than it should be, as a logarithm; 0 without.

    Args:
        samples: (S, 6) as of `_at_vertices`.
        around: (S,) areas of skin around the eyes and elsewhere, without lids and brows, mm^2.
        table: `likelihood_table`.
        expected: what bare skin should look like.
    """
    behind = samples[:, 4] * around
    if behind.sum() < 20:
        return 0.0
    off = table[samples[:, :3].astype(np.uint8)] - expected.log
    return weighted_median(-off.mean(axis=1), behind)


def _lens(view: View, skin: Surface) -> F32:
    """Focal length, principal point, 1 / step, width, height, and width of the border, see `belief`."""
    depth = float(-np.median(view.points[:, 2]))
    face = float(np.ptp(view.points[skin.vertices, 0])) * view.camera.focal / depth
    camera = view.camera
    border = max(2.0, 0.02 * face)
    values = [camera.focal, *camera.centre, 1 / view.step, camera.width, camera.height, border]
    return np.array(values, dtype=np.float32)


def _skin(
    view: View, skin: Surface, lens: F32, table: F32, shading: F32 | None = None
) -> tuple[F32, SkinColour, Expectation]:
    """What the photo shows at the vertices (S, 6), and from it the colour of bare skin, where neither hair,
    beard nor lids cover the face, and what follows from it."""
    samples = np.zeros((len(skin.vertices), 6), np.float32)
    buffers = (view.depth, view.margin, view.shown)
    _at_vertices(skin.vertices, view.points, view.normals, lens, buffers, view.pixels, False, samples)
    normals = view.normals[skin.vertices]
    bare = np.flatnonzero(skin.bare > 0.5)
    bare = bare[:: max(1, len(bare) // 600)]
    measured = fit_skin(samples[bare, :3], normals[bare], samples[bare, 3], table)
    return samples, measured, expect_skin(skin, samples, normals, measured, table, shading)
