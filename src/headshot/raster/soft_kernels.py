"""The Soft Rasterizer's two kernels; `headshot.raster.soft` says what they compute.

Most of the time goes into pairs of a pixel and a triangle near it, so a triangle's pairs are worked on in
blocks of `LANES`, without branches and with an exponential of our own: compilers turn that into vector
instructions, six times as fast. What depends on the pixel follows, pair by pair.

Dimension letters: V vertices, F triangles, H x W image, C channels, P pixels (H W).
"""

from __future__ import annotations

from math import sqrt
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[Any]
I32 = NDArray[np.int32]
Triple = tuple[float, float, float]
Parameters = tuple[float, float, float, float, float, float]

LANES = 8
# A block of pairs: fields of `LANES` numbers one after the other, at these places. First what is given:
_X, _Y, _HIGHEST = 0, LANES, 2 * LANES
# then what is found; see `_pairs`.
_EDGE, _B0, _B1, _B2, _Z, _D, _NOT_D = (n * LANES for n in range(3, 10))
_EXPONENT, _SHARE, _FOOT_X, _FOOT_Y, _FOOT_T = (n * LANES for n in range(10, 15))
_BLOCK = 15 * LANES

# exp of less is less than 1e-21: with D_j of at least 1e-4, too little to change a sum of weights in float64.
_NOTHING = -50.0
_LOWEST = -60.0


@njit(cache=True, nogil=True, error_model="numpy")
def _exp(x: float) -> float:
    """exp(x) for x in [-60, 0], to 1e-13: a power series of x / 256, squared eight times."""
    y = x * (1.0 / 256)
    p = 1.0 + y * (1.0 / 11)
    p = 1.0 + y * (1.0 / 10) * p
    p = 1.0 + y * (1.0 / 9) * p
    p = 1.0 + y * (1.0 / 8) * p
    p = 1.0 + y * (1.0 / 7) * p
    p = 1.0 + y * (1.0 / 6) * p
    p = 1.0 + y * (1.0 / 5) * p
    p = 1.0 + y * (1.0 / 4) * p
    p = 1.0 + y * (1.0 / 3) * p
    p = 1.0 + y * (1.0 / 2) * p
    p = 1.0 + y * p
    for _ in range(8):
        p *= p
    return p


@njit(cache=True, nogil=True, error_model="numpy")
def _span(low: float, high: float, reach: float, size: int) -> tuple[int, int]:
    """First and last pixel whose centre is within reach of the interval; first > last if there is none."""
    first = max(0.0, min(np.ceil(low - reach - 0.5), float(size)))
    last = min(float(size - 1), max(np.floor(high + reach - 0.5), -1.0))
    return int(first), int(last)


@njit(cache=True, nogil=True, error_model="numpy")
def _corners(
    xy: Floats, depth: Floats, triangles: I32, f: int, cull: bool
) -> tuple[int, int, int, int, tuple[float, float, float, float, float, float], Triple, float]:
    """One triangle, ready to draw.

    Returns:
        Its corners' indices, in an order that makes the area in pixels positive; 1, or 2 if that swapped the
        last two; x and y of each corner; 1 / depths; twice the area, 0 if the triangle is not to be drawn.
    """
    i, j, k = triangles[f, 0], triangles[f, 1], triangles[f, 2]
    x0, y0 = np.float64(xy[i, 0]), np.float64(xy[i, 1])
    x1, y1 = np.float64(xy[j, 0]), np.float64(xy[j, 1])
    x2, y2 = np.float64(xy[k, 0]), np.float64(xy[k, 1])
    z0, z1, z2 = np.float64(depth[i]), np.float64(depth[j]), np.float64(depth[k])
    # y points down: counter-clockwise in the world is a negative cross product in pixels.
    area = (x2 - x0) * (y1 - y0) - (x1 - x0) * (y2 - y0)
    flip = 1
    if area < 0.0 and not cull:
        j, k, flip, area = k, j, 2, -area
        x1, y1, z1, x2, y2, z2 = x2, y2, z2, x1, y1, z1
    if not (area > 0.0 and area < np.inf and z0 > 0.0 and z1 > 0.0 and z2 > 0.0):  # also drops NaN
        area = np.float64(0.0)
    return i, j, k, flip, (x0, y0, x1, y1, x2, y2), (1.0 / z0, 1.0 / z1, 1.0 / z2), area


@njit(cache=True, nogil=True, error_model="numpy")
def _pairs(
    block: Floats,
    corners: tuple[float, float, float, float, float, float],
    inverse_depth: Triple,
    area: float,
    parameters: Parameters,
) -> None:
    """Work out a block of pairs: where the pixels are relative to the triangle, and eq. 1.

    Args:
        block: (_BLOCK,) of which are given
            _X, _Y: the pixel's centre,
            _HIGHEST: the greatest nearness z_j that the pixel has met,
            and are filled in
            _EDGE: the edge nearest to the pixel, by the corner opposite to it: 0, 1 or 2; plus 4 where the
                pixel lies inside; -1 where the pair counts for nothing,
            _B0, _B1, _B2: perspective-correct weights of the corners at the triangle's point nearest to the
                pixel,
            _Z: that point's depth,
            _D, _NOT_D: D_j and 1 - D_j,
            _EXPONENT: (z_j - highest) / gamma,
            _SHARE: exp(-abs(_EXPONENT)),
            _FOOT_X, _FOOT_Y, _FOOT_T: the nearest edge's point nearest to the pixel, relative to it, and how
                far that is along the edge, from 0 to 1.
        corners: x and y of each corner.
        inverse_depth: 1 / depth of each corner.
        area: twice the triangle's area in square pixels.
        parameters: as `SoftSettings.kernel` gives them.
    """
    x0, y0, x1, y1, x2, y2 = corners
    r0, r1, r2 = inverse_depth
    inverse_sigma, reach, inverse_gamma, _, near, far = parameters
    # Edge n is opposite to corner n and runs in the triangle's sense.
    ex0, ey0, ex1, ey1, ex2, ey2 = x2 - x1, y2 - y1, x0 - x2, y0 - y2, x1 - x0, y1 - y0
    inverse0 = 1.0 / (ex0 * ex0 + ey0 * ey0)
    inverse1 = 1.0 / (ex1 * ex1 + ey1 * ey1)
    inverse2 = 1.0 / (ex2 * ex2 + ey2 * ey2)
    inverse_area = 1.0 / area
    for q in range(LANES):
        px, py, highest = block[_X + q], block[_Y + q], block[_HIGHEST + q]
        ax, ay, bx, by, cx, cy = x0 - px, y0 - py, x1 - px, y1 - py, x2 - px, y2 - py
        w0, w1, w2 = cx * by - bx * cy, ax * cy - cx * ay, bx * ay - ax * by
        inside = (w0 >= 0.0) & (w1 >= 0.0) & (w2 >= 0.0)
        # The nearest points of the three edges.
        t0 = -(bx * ex0 + by * ey0) * inverse0
        t0 = t0 if t0 > 0.0 else 0.0
        t0 = t0 if t0 < 1.0 else 1.0
        t1 = -(cx * ex1 + cy * ey1) * inverse1
        t1 = t1 if t1 > 0.0 else 0.0
        t1 = t1 if t1 < 1.0 else 1.0
        t2 = -(ax * ex2 + ay * ey2) * inverse2
        t2 = t2 if t2 > 0.0 else 0.0
        t2 = t2 if t2 < 1.0 else 1.0
        x, y, t, edge = bx + t0 * ex0, by + t0 * ey0, t0, 0.0
        square, l0, l1, l2 = x * x + y * y, 0.0, 1.0 - t0, t0
        u, v = cx + t1 * ex1, cy + t1 * ey1
        other = u * u + v * v
        nearer = other < square
        square, edge, t = (other, 1.0, t1) if nearer else (square, edge, t)
        x, y = (u, v) if nearer else (x, y)
        l0, l1, l2 = (t1, 0.0, 1.0 - t1) if nearer else (l0, l1, l2)
        u, v = ax + t2 * ex2, ay + t2 * ey2
        other = u * u + v * v
        nearer = other < square
        square, edge, t = (other, 2.0, t2) if nearer else (square, edge, t)
        x, y = (u, v) if nearer else (x, y)
        l0, l1, l2 = (1.0 - t2, t2, 0.0) if nearer else (l0, l1, l2)
        l0 = w0 * inverse_area if inside else l0
        l1 = w1 * inverse_area if inside else l1
        l2 = w2 * inverse_area if inside else l2
        u0, u1, u2 = l0 * r0, l1 * r1, l2 * r2
        z = 1.0 / (u0 + u1 + u2)
        exponent = -square * inverse_sigma
        odds = _exp(exponent if exponent > _LOWEST else _LOWEST)
        great = 1.0 / (1.0 + odds)
        small = odds * great
        counts = (inside | (square < reach)) & (z >= near) & (z <= far)
        exponent = ((far - z) / (far - near) - highest) * inverse_gamma
        down = -exponent if exponent > 0.0 else exponent
        block[_EDGE + q] = (edge + 4.0 if inside else edge) if counts else -1.0
        block[_B0 + q], block[_B1 + q], block[_B2 + q] = u0 * z, u1 * z, u2 * z
        block[_Z + q] = z
        block[_D + q] = great if inside else small
        block[_NOT_D + q] = small if inside else great
        block[_EXPONENT + q] = exponent
        block[_SHARE + q] = _exp(down if down > _LOWEST else _LOWEST)
        block[_FOOT_X + q], block[_FOOT_Y + q], block[_FOOT_T + q] = x, y, t


@njit(cache=True, nogil=True, error_model="numpy")
def _texel(texture: Floats, u: float, v: float) -> tuple[int, int, int, int, float, float, float, float]:
    """Rows, columns, fractions and d(fraction) / d(uv) of a bilinear look-up, clamped to the edge."""
    rows, columns = texture.shape[0], texture.shape[1]
    x, y = u * columns - 0.5, v * rows - 0.5
    sx, sy = float(columns), float(rows)
    if not 0.0 <= x <= columns - 1.0:
        x, sx = (0.0 if not x > 0.0 else columns - 1.0), 0.0
    if not 0.0 <= y <= rows - 1.0:
        y, sy = (0.0 if not y > 0.0 else rows - 1.0), 0.0
    x0, y0 = int(x), int(y)
    return y0, min(y0 + 1, rows - 1), x0, min(x0 + 1, columns - 1), y - y0, x - x0, sy, sx


@njit(cache=True, nogil=True, error_model="numpy")
def soft_forward(
    xy: Floats,
    depth: Floats,
    triangles: I32,
    values: Floats,
    uv: Floats,
    triangles_uv: I32,
    texture: Floats,
    parameters: Parameters,
    cull: bool,
    colour: Floats,
    out_depth: Floats,
    background: Floats,
    clear: Floats,
    highest: Floats,
    total: Floats,
) -> None:
    """Fill the fields of a `SoftPicture`; ``clear`` is its transparency."""
    _, reach, inverse_gamma, epsilon, _, _ = parameters
    height, width, channels = colour.shape
    far, near = parameters[5], parameters[4]
    textured = texture.shape[0] > 0
    radius = sqrt(reach)
    # The background is in the sums from the start: highest = epsilon, total = exp(0).
    colour[:] = 0.0
    out_depth[:] = 0.0
    clear[:] = 1.0
    highest[:] = epsilon
    total[:] = 1.0
    block = np.zeros(_BLOCK)
    rows, columns = np.zeros(LANES, np.uint64), np.zeros(LANES, np.uint64)
    for f in range(triangles.shape[0]):
        i, j, k, flip, corners, inverse_depth, area = _corners(xy, depth, triangles, f, cull)
        if area == 0.0:
            continue
        x0, y0, x1, y1, x2, y2 = corners
        top, bottom = _span(min(y0, y1, y2), max(y0, y1, y2), radius, height)
        left, right = _span(min(x0, x1, x2), max(x0, x1, x2), radius, width)
        if left > right:
            continue
        row, column = top, left
        while row <= bottom:
            used = 0
            while used < LANES and row <= bottom:
                rows[used], columns[used] = row, column
                block[_X + used], block[_Y + used] = column + 0.5, row + 0.5
                block[_HIGHEST + used] = highest[row, column]
                used += 1
                column += 1
                if column > right:
                    row, column = row + 1, left
            _pairs(block, corners, inverse_depth, area, parameters)
            for q in range(used):
                if block[_EDGE + q] < 0.0:
                    continue
                y, x = rows[q], columns[q]
                clear[y, x] *= block[_NOT_D + q]  # eq. 4
                exponent = block[_EXPONENT + q]
                if exponent < _NOTHING:
                    continue
                # Eq. 2 and 3, with the running maximum taken out of the exponentials.
                weight, share, z = block[_D + q], block[_SHARE + q], block[_Z + q]
                if exponent > 0.0:
                    highest[y, x] = (far - z) / (far - near)
                    total[y, x] *= share
                    out_depth[y, x] *= share
                    for c in range(channels):
                        colour[y, x, c] *= share
                else:
                    weight *= share
                total[y, x] += weight
                out_depth[y, x] += weight * z
                b0, b1, b2 = block[_B0 + q], block[_B1 + q], block[_B2 + q]
                if not textured:
                    for c in range(channels):
                        value = b0 * values[i, c] + b1 * values[j, c] + b2 * values[k, c]
                        colour[y, x, c] += weight * value
                    continue
                ui, uj, uk = triangles_uv[f, 0], triangles_uv[f, flip], triangles_uv[f, 3 - flip]
                u = b0 * uv[ui, 0] + b1 * uv[uj, 0] + b2 * uv[uk, 0]
                v = b0 * uv[ui, 1] + b1 * uv[uj, 1] + b2 * uv[uk, 1]
                ya, yb, xa, xb, fy, fx, _, _ = _texel(texture, u, v)
                for c in range(channels):
                    upper = texture[ya, xa, c] + fx * (texture[ya, xb, c] - texture[ya, xa, c])
                    lower = texture[yb, xa, c] + fx * (texture[yb, xb, c] - texture[yb, xa, c])
                    texel = upper + fy * (lower - upper)
                    d = c + channels
                    factor = b0 * values[i, c] + b1 * values[j, c] + b2 * values[k, c]
                    extra = b0 * values[i, d] + b1 * values[j, d] + b2 * values[k, d]
                    colour[y, x, c] += weight * (factor * texel + extra)
    for row in range(height):
        for column in range(width):
            scale = 1.0 / total[row, column]
            background[row, column] = scale * np.exp((epsilon - highest[row, column]) * inverse_gamma)
            out_depth[row, column] *= scale
            for c in range(channels):
                colour[row, column, c] *= scale


@njit(cache=True, nogil=True, error_model="numpy")
def soft_backward(
    xy: Floats,
    depth: Floats,
    triangles: I32,
    values: Floats,
    uv: Floats,
    triangles_uv: I32,
    texture: Floats,
    parameters: Parameters,
    cull: bool,
    picture: tuple[Floats, Floats, Floats, Floats, Floats, Floats],
    incoming: tuple[Floats, Floats, Floats, Floats],
    out_xy: Floats,
    out_depth: Floats,
    out_values: Floats,
    out_uv: Floats,
    out_texture: Floats,
) -> None:
    """Add the gradients of a loss, given those with respect to the first four fields of a `SoftPicture`."""
    inverse_sigma, reach, inverse_gamma, _, near, far = parameters
    colour, mean_depth, background, clear, highest, total = picture
    grad_colour, grad_depth, grad_background, grad_clear = incoming
    height, width, channels = colour.shape
    textured = texture.shape[0] > 0
    wide = values.shape[1]
    radius = sqrt(reach)
    slope = inverse_gamma / (far - near)
    # With A_j the loss's derivative along C_j and z_j, d loss / d log(weight of j) = w_j (A_j - mean), where
    # mean = sum_j w_j A_j + w_b A_b. What does not concern a pixel is skipped with it.
    mean = np.empty((height, width))
    inverse_total = np.empty((height, width))
    wanted = np.empty((height, width), np.bool_)
    for row in range(height):
        for column in range(width):
            level = grad_depth[row, column] * mean_depth[row, column]
            level += grad_background[row, column] * background[row, column]
            used = grad_depth[row, column] != 0.0 or grad_background[row, column] != 0.0
            used = used or grad_clear[row, column] != 0.0
            for c in range(channels):
                level += grad_colour[row, column, c] * colour[row, column, c]
                used = used or grad_colour[row, column, c] != 0.0
            mean[row, column] = level
            inverse_total[row, column] = 1.0 / total[row, column]
            wanted[row, column] = used
    block = np.zeros(_BLOCK)
    rows, columns = np.zeros(LANES, np.uint64), np.zeros(LANES, np.uint64)
    corner = np.zeros((3, 3))  # gradients of x, y, z of the triangle's three corners
    paint = np.zeros((3, wide))  # and of their values
    for f in range(triangles.shape[0]):
        i, j, k, flip, corners, inverse_depth, area = _corners(xy, depth, triangles, f, cull)
        if area == 0.0:
            continue
        x0, y0, x1, y1, x2, y2 = corners
        r0, r1, r2 = inverse_depth
        top, bottom = _span(min(y0, y1, y2), max(y0, y1, y2), radius, height)
        left, right = _span(min(x0, x1, x2), max(x0, x1, x2), radius, width)
        if left > right:
            continue
        z0, z1, z2, inverse_area = 1.0 / r0, 1.0 / r1, 1.0 / r2, 1.0 / area
        ex0, ey0, ex1, ey1, ex2, ey2 = x2 - x1, y2 - y1, x0 - x2, y0 - y2, x1 - x0, y1 - y0
        inverse0 = 1.0 / (ex0 * ex0 + ey0 * ey0)
        inverse1 = 1.0 / (ex1 * ex1 + ey1 * ey1)
        inverse2 = 1.0 / (ex2 * ex2 + ey2 * ey2)
        corner[:] = 0.0
        paint[:] = 0.0
        row, column = top, left
        while row <= bottom:
            used = 0
            while used < LANES and row <= bottom:
                if wanted[row, column]:
                    rows[used], columns[used] = row, column
                    block[_X + used], block[_Y + used] = column + 0.5, row + 0.5
                    block[_HIGHEST + used] = highest[row, column]
                    used += 1
                column += 1
                if column > right:
                    row, column = row + 1, left
            if used == 0:
                continue
            _pairs(block, corners, inverse_depth, area, parameters)
            for q in range(used):
                if block[_EDGE + q] < 0.0:
                    continue
                y, x = rows[q], columns[q]
                edge, d = int(block[_EDGE + q]), block[_D + q]
                inside = edge >= 4
                # d transparency / dx = -(prod of the others) D (1 - D) = -transparency D, with D = sigmoid(x)
                g_x = -grad_clear[y, x] * clear[y, x] * d
                g0 = g1 = g2 = 0.0  # of the perspective weights b0, b1, b2
                if block[_EXPONENT + q] >= _NOTHING:
                    weight = d * block[_SHARE + q] * inverse_total[y, x]
                    b0, b1, b2, z = block[_B0 + q], block[_B1 + q], block[_B2 + q], block[_Z + q]
                    along = grad_depth[y, x] * z
                    if not textured:
                        for c in range(channels):
                            g = grad_colour[y, x, c]
                            v0, v1, v2 = values[i, c], values[j, c], values[k, c]
                            along += g * (b0 * v0 + b1 * v1 + b2 * v2)
                            g *= weight
                            paint[0, c] += g * b0
                            paint[1, c] += g * b1
                            paint[2, c] += g * b2
                            g0 += g * v0
                            g1 += g * v1
                            g2 += g * v2
                    else:
                        ui, uj, uk = triangles_uv[f, 0], triangles_uv[f, flip], triangles_uv[f, 3 - flip]
                        u = b0 * uv[ui, 0] + b1 * uv[uj, 0] + b2 * uv[uk, 0]
                        v = b0 * uv[ui, 1] + b1 * uv[uj, 1] + b2 * uv[uk, 1]
                        ya, yb, xa, xb, fy, fx, sy, sx = _texel(texture, u, v)
                        gu = gv = 0.0
                        for c in range(channels):
                            g = grad_colour[y, x, c]
                            upper = texture[ya, xa, c] + fx * (texture[ya, xb, c] - texture[ya, xa, c])
                            lower = texture[yb, xa, c] + fx * (texture[yb, xb, c] - texture[yb, xa, c])
                            texel = upper + fy * (lower - upper)
                            e = c + channels
                            v0, v1, v2 = values[i, c], values[j, c], values[k, c]
                            e0, e1, e2 = values[i, e], values[j, e], values[k, e]
                            factor = b0 * v0 + b1 * v1 + b2 * v2
                            along += g * (factor * texel + b0 * e0 + b1 * e1 + b2 * e2)
                            g *= weight
                            paint[0, c] += g * texel * b0
                            paint[1, c] += g * texel * b1
                            paint[2, c] += g * texel * b2
                            paint[0, e] += g * b0
                            paint[1, e] += g * b1
                            paint[2, e] += g * b2
                            g0 += g * (v0 * texel + e0)
                            g1 += g * (v1 * texel + e1)
                            g2 += g * (v2 * texel + e2)
                            g *= factor
                            out_texture[ya, xa, c] += g * (1.0 - fy) * (1.0 - fx)
                            out_texture[ya, xb, c] += g * (1.0 - fy) * fx
                            out_texture[yb, xa, c] += g * fy * (1.0 - fx)
                            out_texture[yb, xb, c] += g * fy * fx
                            gv += g * sy * (lower - upper)
                            left_side = texture[ya, xa, c] + fy * (texture[yb, xa, c] - texture[ya, xa, c])
                            right_side = texture[ya, xb, c] + fy * (texture[yb, xb, c] - texture[ya, xb, c])
                            gu += g * sx * (right_side - left_side)
                        g0 += gu * uv[ui, 0] + gv * uv[ui, 1]
                        g1 += gu * uv[uj, 0] + gv * uv[uj, 1]
                        g2 += gu * uv[uk, 0] + gv * uv[uk, 1]
                        out_uv[ui, 0] += b0 * gu
                        out_uv[ui, 1] += b0 * gv
                        out_uv[uj, 0] += b1 * gu
                        out_uv[uj, 1] += b1 * gv
                        out_uv[uk, 0] += b2 * gu
                        out_uv[uk, 1] += b2 * gv
                    g_log = weight * (along - mean[y, x])
                    g_x += g_log * block[_NOT_D + q]  # d log(D) / dx = 1 - D
                    g_depth = weight * grad_depth[y, x] - g_log * slope
                    # Perspective: b_k = u_k z with u_k = l_k / z_k and z = 1 / sum u_k; l_k r_k = b_k / z.
                    middle = b0 * g0 + b1 * g1 + b2 * g2 + z * g_depth
                    g0, g1, g2 = (g0 - middle) * r0, (g1 - middle) * r1, (g2 - middle) * r2
                    corner[0, 2] -= g0 * b0
                    corner[1, 2] -= g1 * b1
                    corner[2, 2] -= g2 * b2
                    # From here on g0, g1, g2 belong to the affine weights l0, l1, l2.
                    g0, g1, g2 = g0 * z, g1 * z, g2 * z
                    if inside:
                        # Moving corner m changes the weights at a fixed pixel by -l_m times what moving the
                        # pixel would.
                        scale = inverse_area / z
                        qx = (g0 * ey0 + g1 * ey1 + g2 * ey2) * scale
                        qy = -(g0 * ex0 + g1 * ex1 + g2 * ex2) * scale
                        l0, l1, l2 = b0 * z0, b1 * z1, b2 * z2  # times 1 / z, which is in scale
                        corner[0, 0] -= l0 * qx
                        corner[0, 1] -= l0 * qy
                        corner[1, 0] -= l1 * qx
                        corner[1, 1] -= l1 * qy
                        corner[2, 0] -= l2 * qx
                        corner[2, 1] -= l2 * qy
                elif g_x == 0.0:
                    continue
                # The nearest edge, and the place t of the pixel's foot q on it.
                side = edge & 3
                if side == 0:
                    ex, ey, step, rate = ex0, ey0, g2 - g1, inverse0
                elif side == 1:
                    ex, ey, step, rate = ex1, ey1, g0 - g2, inverse1
                else:
                    ex, ey, step, rate = ex2, ey2, g1 - g0, inverse2
                qx, qy, t = block[_FOOT_X + q], block[_FOOT_Y + q], block[_FOOT_T + q]
                # d(squared distance) = 2 q ((1 - t) da + t db): the foot's own motion does not change it.
                g_square = (g_x if inside else -g_x) * inverse_sigma * 2.0
                # Weights outside move with t = -a e / e^2, unless the foot is a corner.
                g_foot = step * rate if not inside and 0.0 < t < 1.0 else 0.0
                start, end = (side + 1) % 3, (side + 2) % 3
                corner[start, 0] += (1.0 - t) * (g_square * qx - g_foot * ex) + g_foot * qx
                corner[start, 1] += (1.0 - t) * (g_square * qy - g_foot * ey) + g_foot * qy
                corner[end, 0] += t * (g_square * qx - g_foot * ex) - g_foot * qx
                corner[end, 1] += t * (g_square * qy - g_foot * ey) - g_foot * qy
        for n, vertex in ((0, i), (1, j), (2, k)):
            out_xy[vertex, 0] += corner[n, 0]
            out_xy[vertex, 1] += corner[n, 1]
            out_depth[vertex] += corner[n, 2]
            for c in range(wide):
                out_values[vertex, c] += paint[n, c]
