"""What the photo shows of the head: for every texel its colour and how far it can be believed."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from headshot.head_model import HeadModel
from headshot.render import TO_LINEAR
from headshot.texture.atlas import Atlas, Surface
from headshot.texture.expect import Expectation, expect_skin, likeness
from headshot.texture.rows import in_rows
from headshot.texture.skin import SkinColour, fit_skin, likelihood_table, weighted_median
from headshot.texture.view import View

F32 = NDArray[np.float32]
I32 = NDArray[np.int32]
U8 = NDArray[np.uint8]

_CELLS = 128  # along the texture's side, on which colour outliers are cleaned up
_PLAIN = 0.45  # tolerated deviation of log brightness of single vertices
_TINTED = 0.7  # logarithm of the darkness of lids from which on the glasses before them are dark
_AROUND = 3  # cells around each that are looked at


@njit(cache=True, nogil=True, error_model="numpy")
def _step(x: float, low: float, high: float) -> float:
    """Smooth step; all float32, so that it is compiled once."""
    t = min(max((x - low) / (high - low), np.float32(0)), np.float32(1))
    return t * t * (np.float32(3) - t - t)


@njit(cache=True, nogil=True, error_model="numpy")
def _at(grid: F32, x: float, y: float, lens: F32) -> float:
    """Value of a grid over the crop at a pixel within the crop."""
    return grid[min(int(y * lens[3]), grid.shape[0] - 1), min(int(x * lens[3]), grid.shape[1] - 1)]


@njit(cache=True, nogil=True, error_model="numpy")
def _between(grid: F32, x: float, y: float, lens: F32, channel: int) -> float:
    """Value of a channel of a grid over the crop at a pixel within the crop, bilinear."""
    u = min(max(x * lens[3] - np.float32(0.5), np.float32(0)), np.float32(grid.shape[1] - 1))
    v = min(max(y * lens[3] - np.float32(0.5), np.float32(0)), np.float32(grid.shape[0] - 1))
    c0, r0 = int(u), int(v)
    c1, r1 = min(c0 + 1, grid.shape[1] - 1), min(r0 + 1, grid.shape[0] - 1)
    fx, fy = u - np.float32(c0), v - np.float32(r0)
    above = grid[r0, c0, channel] + fx * (grid[r0, c1, channel] - grid[r0, c0, channel])
    below = grid[r1, c0, channel] + fx * (grid[r1, c1, channel] - grid[r1, c0, channel])
    return above + fy * (below - above)


@njit(cache=True, nogil=True, error_model="numpy")
def _belief(
    p: tuple[float, float, float], n: tuple[float, float, float], lens: F32, depth: F32, margin: F32
) -> tuple[float, float, float]:
    """Where a point p with normal n is in the crop and how well it is seen, by geometry alone: x, y, weight.

    ``lens`` is focal length, principal point (2), 1 / step, width, height, and the width of the border.
    """
    x, y = np.float32(0), np.float32(0)
    distance = -p[2]
    if not distance > 1:
        return x, y, np.float32(0)
    scale = lens[0] / distance
    x, y = lens[1] + scale * p[0], lens[2] - scale * p[1]
    border = min(min(x, lens[4] - x), min(y, lens[5] - y))
    if not border > 0.5:
        return x, y, np.float32(0)
    squares = (p[0] * p[0] + p[1] * p[1] + p[2] * p[2]) * (n[0] * n[0] + n[1] * n[1] + n[2] * n[2])
    cosine = -(p[0] * n[0] + p[1] * n[1] + p[2] * n[2]) / np.sqrt(squares)
    if not cosine > 0.12:
        return x, y, np.float32(0)
    # One cell of the grid spans a range of depths on a slope.
    cell = distance / (lens[0] * lens[3])
    slope = np.sqrt(max(np.float32(0), np.float32(1) - cosine * cosine)) / cosine
    if not distance < _at(depth, x, y, lens) + np.float32(1.5) + cell * slope:
        return x, y, np.float32(0)
    away = _step(_at(margin, x, y, lens), np.float32(0.5) * cell, np.float32(3.5))
    return (
        x,
        y,
        _step(cosine, np.float32(0.12), np.float32(0.5)) * away * _step(border, np.float32(0.5), lens[6]),
    )


@njit(cache=True, nogil=True, error_model="numpy")
def _fetch(pixels: U8, x: float, y: float, cubic: bool) -> tuple[float, float, float]:
    """One colour in [0, 255], bilinear or cubic (Catmull-Rom), clamped to the edge."""
    height, width = pixels.shape[0], pixels.shape[1]
    x, y = x - np.float32(0.5), y - np.float32(0.5)
    c0, r0 = int(np.floor(x)), int(np.floor(y))
    fx, fy = np.float32(x - c0), np.float32(y - r0)
    red, green, blue = np.float32(0), np.float32(0), np.float32(0)
    around = 1 if cubic else 0
    for j in range(-around, 2 + around):
        wy = _tap(fy, j, cubic)
        r = min(max(r0 + j, 0), height - 1)
        for i in range(-around, 2 + around):
            w = wy * _tap(fx, i, cubic)
            c = min(max(c0 + i, 0), width - 1)
            red += w * np.float32(pixels[r, c, 0])
            green += w * np.float32(pixels[r, c, 1])
            blue += w * np.float32(pixels[r, c, 2])
    zero, full = np.float32(0), np.float32(255)
    return min(max(red, zero), full), min(max(green, zero), full), min(max(blue, zero), full)


@njit(cache=True, nogil=True, error_model="numpy")
def _tap(t: float, i: int, cubic: bool) -> float:
    """Weight of the pixel i places right of the one left of a sample at fraction t (Keys 1981, a = -1/2)."""
    one, half, three = np.float32(1), np.float32(0.5), np.float32(3)
    if not cubic:
        return t if i == 1 else one - t
    if i == 0:
        return one + half * t * t * (three * t - np.float32(5))
    if i == 1:
        return half * t * (one + t * (np.float32(4) - three * t))
    if i == -1:
        return half * t * (t * (one + one - t) - one)
    return half * t * t * (t - one)


@njit(cache=True, nogil=True, error_model="numpy")
def _rows(
    rows: tuple[int, int],
    texels: tuple[I32, F32],
    mesh: tuple[I32, NDArray[np.bool_], F32, F32, F32, F32],
    buffers: tuple[F32, F32, F32, F32],
    pixels: U8,
    cubic: bool,
    skin: tuple[F32, F32],
    colour: U8,
    weight: F32,
    fit: F32,
    cells: F32,
) -> None:
    """Observe some rows of texels.

    mesh: triangles (F, 3), which of them (F,) may be seen, points and normals (V, 3) in the camera frame,
    guide (V, 7) strictness, shade, reach, the logarithm of the expected colour, and whether glasses before
    it count, lens as in `_belief`.
    Fills colour (T, T, 3), weight (T, T) by geometry, fit (T, T) by colour, and cells (t, t, 2): the sums of
    weights by geometry alone and with colour.
    """
    triangle, barycentric = texels
    triangles, facing, points, normals, guide, lens = mesh
    depth, margin, outline, shown = buffers
    table, model = skin
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
            px, py, w = _belief(p, n, lens, depth, margin)
            w *= reach
            if not w > 0:
                continue
            cells[y // block, x // block, 0] += w
            w *= _between(shown, px, py, lens, 0)
            if a * guide[i, 6] + b * guide[j, 6] + c * guide[k, 6] > 0.5:
                w *= _between(shown, px, py, lens, 1)
            if not w > 0.01:
                continue
            value = _fetch(pixels, px, py, cubic)
            strictness = a * guide[i, 0] + b * guide[j, 0] + c * guide[k, 0]
            # Next to an outline a small error of the fit shows what lies behind.
            close = np.float32(1) - _step(_at(outline, px, py, lens), np.float32(4), np.float32(13))
            strictness = max(strictness, np.float32(0.75) * close)
            shade = a * guide[i, 1] + b * guide[j, 1] + c * guide[k, 1]
            like = np.float32(1)
            if strictness > 0.01:
                expected = (
                    a * guide[i, 3] + b * guide[j, 3] + c * guide[k, 3],
                    a * guide[i, 4] + b * guide[j, 4] + c * guide[k, 4],
                    a * guide[i, 5] + b * guide[j, 5] + c * guide[k, 5],
                )
                like = _likelihood(value, expected, strictness, shade, table, model)
            cells[y // block, x // block, 1] += w * like
            weight[y, x] = min(w, np.float32(1))
            fit[y, x] = like
            colour[y, x, 0] = int(value[0] + np.float32(0.5))
            colour[y, x, 1] = int(value[1] + np.float32(0.5))
            colour[y, x, 2] = int(value[2] + np.float32(0.5))


@njit(cache=True, nogil=True, error_model="numpy")
def _likelihood(
    value: tuple[float, float, float],
    expected: tuple[float, float, float],
    strictness: float,
    shade: float,
    table: F32,
    model: F32,
) -> float:
    """How well a colour in [0, 255] fits the person's skin, 1 where no doubt is allowed (strictness 0).

    ``expected`` and ``table`` (256,) are logarithms of linear light, the latter by sRGB value; ``model`` as
    `SkinColour.packed`.
    """
    one = np.float32(1)
    if max(value[0], value[1], value[2]) < 9:
        return np.float32(0)  # black bars and the corners of rotated photos
    red, green, blue = (
        table[int(value[0])] - expected[0],
        table[int(value[1])] - expected[1],
        table[int(value[2])] - expected[2],
    )
    p, q = red - green, blue - green
    chroma = model[0] * p * p + (model[1] + model[1]) * p * q + model[2] * q * q
    bright = (red + green + blue) * np.float32(1 / 3) * model[3]
    if bright < 0:
        bright *= one - np.float32(0.75) * shade
    else:
        bright *= np.float32(0.6)  # highlights are skin too
    allowed = np.float32(1.7) + np.float32(5) * (one - strictness) * (one - strictness)
    fit = one - _step(np.sqrt(chroma + bright * bright), allowed, np.float32(1.5) * allowed)
    doubt = min(one, np.float32(4) * strictness)
    return one - doubt + doubt * fit


@njit(cache=True, nogil=True, error_model="numpy")
def _agreement(cells: F32, out: F32) -> None:
    """Share (t, t) of what is seen around each cell that looks like skin, -1 in cells that saw nothing."""
    n = cells.shape[0]
    for y in range(n):
        for x in range(n):
            seen, kept = np.float32(1e-6), np.float32(0)
            for j in range(max(y - _AROUND, 0), min(y + _AROUND + 1, n)):
                for i in range(max(x - _AROUND, 0), min(x + _AROUND + 1, n)):
                    seen += cells[j, i, 0]
                    kept += cells[j, i, 1]
            out[y, x] = kept / seen if cells[y, x, 0] > 0 else np.float32(-1)


@njit(cache=True, nogil=True, error_model="numpy")
def _settle(share: F32, first: int, last: int, fit: F32, weight: F32) -> None:
    """Let rows of the weights (T, T) follow the colours' fit (T, T) and the ``share`` (t, t) of their
    surroundings that fits.

    Where many neighbours are rejected (a strand of hair, the rim of glasses) weights fade out softly;
    where hardly any, what does not fit is the person's: a mole, a wrinkle.
    """
    n = share.shape[0]
    block = np.float32(-(-weight.shape[1] // n))
    for y in range(first, last):
        v = min(max((y + np.float32(0.5)) / block - np.float32(0.5), np.float32(0)), np.float32(n - 1))
        r0 = int(v)
        r1 = min(r0 + 1, n - 1)
        fy = np.float32(v - r0)
        for x in range(weight.shape[1]):
            if not weight[y, x] > 0:
                continue
            u = min(max((x + np.float32(0.5)) / block - np.float32(0.5), np.float32(0)), np.float32(n - 1))
            c0 = int(u)
            c1 = min(c0 + 1, n - 1)
            fx = np.float32(u - c0)
            if min(min(share[r0, c0], share[r0, c1]), min(share[r1, c0], share[r1, c1])) > np.float32(0.97):
                continue  # the same as below, sooner
            total, local = np.float32(1e-6), np.float32(0)
            for k in range(4):
                w = (fy if k > 1 else 1 - fy) * (fx if k % 2 else 1 - fx)
                f = share[r1 if k > 1 else r0, c1 if k % 2 else c0]
                if f >= 0:
                    total += w
                    local += w * f
            local /= total
            alone = _step(local, np.float32(0.90), np.float32(0.97))
            like = fit[y, x] + (np.float32(1) - fit[y, x]) * alone
            like *= _step(local, np.float32(0.55), np.float32(0.95))
            weight[y, x] *= min(like, np.float32(1))


def observe_texels(
    texels: Atlas, skin: Surface, model: HeadModel, view: View
) -> tuple[U8, F32, SkinColour, Expectation]:
    """Colour (T, T, 3) uint8 sRGB and weight (T, T) in [0, 1] of every texel, and the person's skin.

    The colour is undefined where the weight is 0. Eyes and mouth are weighted by geometry alone.
    """
    size = texels.triangle.shape[0]
    lens = _lens(view, skin)
    table = likelihood_table(TO_LINEAR)
    samples, tone, expected = _skin(view, skin, lens, table)
    guide = np.zeros((len(model.mean), 7), np.float32)
    guide[:, 2] = 1
    shade = skin.shade * np.float32(expected.beard)
    strictness = np.maximum(skin.strictness * (1 - np.float32(0.85) * shade), expected.covered)
    glasses = np.ones(len(strictness), np.float32)
    lids = model.regions["eyelids"][skin.vertices]
    if _see_through(samples, lids * skin.area, table, expected):
        glasses -= np.minimum(2 * lids, 1)  # the eyes themselves always count
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
            view.enlarged,
            colours,
            colour,
            weight,
            fit,
            cells,
        )

    in_rows(work, size, block)
    share = np.empty(cells.shape[:2], np.float32)
    _agreement(cells, share)
    in_rows(lambda rows: _settle(share, *rows, fit, weight), size)
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
    """Colour in [0, 255], weight, and how far glasses are before them (N, 5), of single vertices."""
    depth, margin, shown = buffers
    for k in range(chosen.shape[0]):
        v = chosen[k]
        p = (points[v, 0], points[v, 1], points[v, 2])
        n = (normals[v, 0], normals[v, 1], normals[v, 2])
        x, y, w = _belief(p, n, lens, depth, margin)
        if w > 0:
            value = _fetch(pixels, x, y, cubic)
            out[k, 0], out[k, 1], out[k, 2] = value[0], value[1], value[2]
            clear = _between(shown, x, y, lens, 1)
            w *= _between(shown, x, y, lens, 0)
            out[k, 4] = w * (np.float32(1) - clear)
            w *= clear
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


def _see_through(samples: F32, lids: F32, table: F32, expected: Expectation) -> bool:
    """Whether glasses, if any, are clear: lids behind them are hardly darker than skin should be.

    Args:
        samples: (S, 5) as of `_at_vertices`.
        lids: (S,) areas of the lids, mm^2.
        table: `likelihood_table`.
        expected: what bare skin should look like.
    """
    behind = samples[:, 4] * lids
    if behind.sum() < 20:
        return True
    off = table[samples[:, :3].astype(np.uint8)] - expected.log
    return weighted_median(-off.mean(axis=1), behind) < _TINTED


def _lens(view: View, skin: Surface) -> F32:
    """Focal length, principal point, 1 / step, width, height, and width of the border, see `_belief`."""
    depth = float(-np.median(view.points[:, 2]))
    face = float(np.ptp(view.points[skin.vertices, 0])) * view.camera.focal / depth
    camera = view.camera
    border = max(2.0, 0.02 * face)
    values = [camera.focal, *camera.centre, 1 / view.step, camera.width, camera.height, border]
    return np.array(values, dtype=np.float32)


def _skin(view: View, skin: Surface, lens: F32, table: F32) -> tuple[F32, SkinColour, Expectation]:
    """What the photo shows at the vertices (S, 5), and from it the colour of bare skin, where neither hair,
    beard nor lids cover the face, and what follows from it."""
    samples = np.zeros((len(skin.vertices), 5), np.float32)
    buffers = (view.depth, view.margin, view.shown)
    _at_vertices(skin.vertices, view.points, view.normals, lens, buffers, view.pixels, False, samples)
    normals = view.normals[skin.vertices]
    bare = np.flatnonzero(skin.bare > 0.5)
    bare = bare[:: max(1, len(bare) // 600)]
    measured = fit_skin(samples[bare, :3], normals[bare], samples[bare, 3], table)
    return samples, measured, expect_skin(skin, samples, normals, measured, table)
