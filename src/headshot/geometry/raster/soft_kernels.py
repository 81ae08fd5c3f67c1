"""The Soft Rasterizer's two kernels; `headshot.geometry.raster.soft` says what they compute.

Both go through the triangles, work out the pairs with the pixels near each
(`headshot.geometry.raster.soft_pairs`), and then do pair by pair what depends on the pixel.

Dimension letters: V vertices, F triangles, H x W image, C channels.
"""

from __future__ import annotations

from math import sqrt

import numpy as np

from headshot.arrays import I32
from headshot.geometry.raster.soft_pairs import (
    B0,
    B1,
    B2,
    BLOCK,
    EDGE,
    EXPONENT,
    FOOT_T,
    FOOT_X,
    FOOT_Y,
    HIGHEST,
    LANES,
    NOT_D,
    NOTHING,
    SHARE,
    D,
    Floats,
    Parameters,
    X,
    Y,
    Z,
    corners_of,
    span,
    texel_at,
    work_out_pairs,
)
from headshot.kernels import njit


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
    # Sums of a pixel, side by side in memory: highest, total, transparency, depth, colours. The background is
    # in them from the start: highest = epsilon, total = exp(0).
    sums = np.zeros((height * width, 4 + channels))
    sums[:, 0] = epsilon
    sums[:, 1:3] = 1.0
    block = np.zeros(BLOCK)
    places = np.zeros(LANES, np.uint64)
    for f in range(triangles.shape[0]):
        i, j, k, flip, corners, inverse_depth, area = corners_of(xy, depth, triangles, f, cull)
        if area == 0.0:
            continue
        x0, y0, x1, y1, x2, y2 = corners
        top, bottom = span(min(y0, y1, y2), max(y0, y1, y2), radius, height)
        left, right = span(min(x0, x1, x2), max(x0, x1, x2), radius, width)
        if left > right:
            continue
        row, column = top, left
        while row <= bottom:
            used = 0
            while used < LANES and row <= bottom:
                place = np.uint64(row * width + column)
                places[used] = place
                block[X + used], block[Y + used] = column + 0.5, row + 0.5
                block[HIGHEST + used] = sums[place, 0]
                used += 1
                column += 1
                if column > right:
                    row, column = row + 1, left
            work_out_pairs(block, corners, inverse_depth, area, parameters)
            for q in range(used):
                if block[EDGE + q] < 0.0:
                    continue
                pixel = sums[places[q]]
                pixel[2] *= block[NOT_D + q]  # eq. 4
                exponent = block[EXPONENT + q]
                if exponent < NOTHING:
                    continue
                # Eq. 2 and 3, with the running maximum taken out of the exponentials.
                weight, share, z = block[D + q], block[SHARE + q], block[Z + q]
                if exponent > 0.0:
                    pixel[0] = (far - z) / (far - near)
                    pixel[1] *= share
                    for c in range(3, 4 + channels):
                        pixel[c] *= share
                else:
                    weight *= share
                pixel[1] += weight
                pixel[3] += weight * z
                b0, b1, b2 = block[B0 + q], block[B1 + q], block[B2 + q]
                if not textured:
                    for c in range(channels):
                        value = b0 * values[i, c] + b1 * values[j, c] + b2 * values[k, c]
                        pixel[4 + c] += weight * value
                    continue
                ui, uj, uk = triangles_uv[f, 0], triangles_uv[f, flip], triangles_uv[f, 3 - flip]
                u = b0 * uv[ui, 0] + b1 * uv[uj, 0] + b2 * uv[uk, 0]
                v = b0 * uv[ui, 1] + b1 * uv[uj, 1] + b2 * uv[uk, 1]
                ya, yb, xa, xb, fy, fx, _, _ = texel_at(texture, u, v)
                for c in range(channels):
                    upper = texture[ya, xa, c] + fx * (texture[ya, xb, c] - texture[ya, xa, c])
                    lower = texture[yb, xa, c] + fx * (texture[yb, xb, c] - texture[yb, xa, c])
                    texel = upper + fy * (lower - upper)
                    d = c + channels
                    factor = b0 * values[i, c] + b1 * values[j, c] + b2 * values[k, c]
                    extra = b0 * values[i, d] + b1 * values[j, d] + b2 * values[k, d]
                    pixel[4 + c] += weight * (factor * texel + extra)
    for row in range(height):
        for column in range(width):
            pixel = sums[row * width + column]
            scale = 1.0 / pixel[1]
            background[row, column] = scale * np.exp((epsilon - pixel[0]) * inverse_gamma)
            highest[row, column], total[row, column], clear[row, column] = pixel[0], pixel[1], pixel[2]
            out_depth[row, column] = pixel[3] * scale
            for c in range(channels):
                colour[row, column, c] = pixel[4 + c] * scale


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
    # What a pixel brings along, side by side in memory: highest, 1 / total, the transparency's gradient along
    # log(1 - D_j), mean, gradients of depth and colours.
    given = np.empty((height * width, 5 + channels))
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
            wanted[row, column] = used
            pixel = given[row * width + column]
            pixel[0], pixel[1] = highest[row, column], 1.0 / total[row, column]
            pixel[2] = grad_clear[row, column] * clear[row, column]
            pixel[3], pixel[4] = level, grad_depth[row, column]
            for c in range(channels):
                pixel[5 + c] = grad_colour[row, column, c]
    block = np.zeros(BLOCK)
    places = np.zeros(LANES, np.uint64)
    corner = np.zeros((3, 3))  # gradients of x, y, z of the triangle's three corners
    paint = np.zeros((3, wide))  # and of their values
    worth = np.zeros((3, wide))  # the values themselves
    for f in range(triangles.shape[0]):
        i, j, k, flip, corners, inverse_depth, area = corners_of(xy, depth, triangles, f, cull)
        if area == 0.0:
            continue
        x0, y0, x1, y1, x2, y2 = corners
        r0, r1, r2 = inverse_depth
        top, bottom = span(min(y0, y1, y2), max(y0, y1, y2), radius, height)
        left, right = span(min(x0, x1, x2), max(x0, x1, x2), radius, width)
        if left > right:
            continue
        z0, z1, z2, inverse_area = 1.0 / r0, 1.0 / r1, 1.0 / r2, 1.0 / area
        ex0, ey0, ex1, ey1, ex2, ey2 = x2 - x1, y2 - y1, x0 - x2, y0 - y2, x1 - x0, y1 - y0
        inverse0 = 1.0 / (ex0 * ex0 + ey0 * ey0)
        inverse1 = 1.0 / (ex1 * ex1 + ey1 * ey1)
        inverse2 = 1.0 / (ex2 * ex2 + ey2 * ey2)
        for c in range(wide):
            worth[0, c], worth[1, c], worth[2, c] = values[i, c], values[j, c], values[k, c]
        corner[:] = 0.0
        paint[:] = 0.0
        row, column = top, left
        while row <= bottom:
            used = 0
            while used < LANES and row <= bottom:
                if wanted[row, column]:
                    place = np.uint64(row * width + column)
                    places[used] = place
                    block[X + used], block[Y + used] = column + 0.5, row + 0.5
                    block[HIGHEST + used] = given[place, 0]
                    used += 1
                column += 1
                if column > right:
                    row, column = row + 1, left
            if used == 0:
                continue
            work_out_pairs(block, corners, inverse_depth, area, parameters)
            for q in range(used):
                if block[EDGE + q] < 0.0:
                    continue
                pixel = given[places[q]]
                edge, d = int(block[EDGE + q]), block[D + q]
                inside = edge >= 4
                # d transparency / dx = -(prod of the others) D (1 - D) = -transparency D, with D = sigmoid(x)
                g_x = -pixel[2] * d
                g0 = g1 = g2 = 0.0  # of the perspective weights b0, b1, b2
                if block[EXPONENT + q] >= NOTHING:
                    weight = d * block[SHARE + q] * pixel[1]
                    b0, b1, b2, z = block[B0 + q], block[B1 + q], block[B2 + q], block[Z + q]
                    along = pixel[4] * z
                    if not textured:
                        for c in range(channels):
                            g = pixel[5 + c]
                            v0, v1, v2 = worth[0, c], worth[1, c], worth[2, c]
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
                        ya, yb, xa, xb, fy, fx, sy, sx = texel_at(texture, u, v)
                        gu = gv = 0.0
                        for c in range(channels):
                            g = pixel[5 + c]
                            upper = texture[ya, xa, c] + fx * (texture[ya, xb, c] - texture[ya, xa, c])
                            lower = texture[yb, xa, c] + fx * (texture[yb, xb, c] - texture[yb, xa, c])
                            texel = upper + fy * (lower - upper)
                            e = c + channels
                            v0, v1, v2 = worth[0, c], worth[1, c], worth[2, c]
                            e0, e1, e2 = worth[0, e], worth[1, e], worth[2, e]
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
                    g_log = weight * (along - pixel[3])
                    g_x += g_log * block[NOT_D + q]  # d log(D) / dx = 1 - D
                    g_depth = weight * pixel[4] - g_log * slope
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
                    start, end, ex, ey, step, rate = 1, 2, ex0, ey0, g2 - g1, inverse0
                elif side == 1:
                    start, end, ex, ey, step, rate = 2, 0, ex1, ey1, g0 - g2, inverse1
                else:
                    start, end, ex, ey, step, rate = 0, 1, ex2, ey2, g1 - g0, inverse2
                qx, qy, t = block[FOOT_X + q], block[FOOT_Y + q], block[FOOT_T + q]
                # d(squared distance) = 2 q ((1 - t) da + t db): the foot's own motion does not change it.
                g_square = (g_x if inside else -g_x) * inverse_sigma * 2.0
                # Weights outside move with t = -a e / e^2, unless the foot is a corner.
                g_foot = step * rate if not inside and 0.0 < t < 1.0 else 0.0
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
