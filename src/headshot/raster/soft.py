"""Soft Rasterizer: every triangle reaches a little beyond its edges, so that pictures change smoothly.

Liu, Li, Chen and Li, "Soft Rasterizer: A Differentiable Renderer for Image-Based 3D Reasoning", ICCV 2019
(arXiv:1904.01786). Symbols and equation numbers are the paper's: i is a pixel, j a triangle.

    D_j = sigmoid(+-d^2 / sigma)                                   (1) probability map; + inside, - outside
    I   = sum_j w_j C_j + w_b C_b                                  (2) colour
    w_j = D_j exp(z_j / gamma) / (sum_k D_k exp(z_k / gamma) + exp(epsilon / gamma))     (3)
    S   = 1 - prod_j (1 - D_j)                                     (4) silhouette

d is the distance of the pixel's centre to the triangle's edge, in units where the shorter side of the
picture is 2; z is depth, 1 at the near plane and 0 at the far one. Where the pixel lies outside of the
triangle, colour and depth are those of the triangle's nearest point. A triangle counts for nothing where
D_j < dist_eps, as in the authors' program, so each visits only the pixels of its box enlarged by that
distance: the work is the number of such pairs instead of pixels times triangles, and no pair is left out.

Both kernels go through the triangles in order and keep running sums for each pixel, so that neither lists of
pairs nor a limit on triangles for a pixel are needed. The gradients are the exact derivatives of the
functions above; the step at D_j = dist_eps has none.

Dimension letters: V vertices, F triangles, H x W image, C channels.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log, sqrt
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
I32 = NDArray[np.int32]
Triple = tuple[float, float, float]

_NOTHING = -104.0  # exp of less is 0 in float32, and too little to change a float64 sum of weights


@dataclass(frozen=True)
class SoftSettings:
    """Parameters of the Soft Rasterizer; the defaults are those of the authors' program.

    Attributes:
        sigma: blur of the edges, a squared length in units of half the picture's shorter side.
        gamma: blur in depth: how much nearer a surface has to be to hide another, as a share of far - near.
        dist_eps: smallest D_j that counts.
        background: epsilon, the depth of the background as z_j counts it.
        near, far: the depths where z_j is 1 and 0, in units of the mesh; what lies outside is not drawn.
            gamma is a share of this range, so a head in millimetres wants (100, 10000) where the same head
            in units of 100 mm wants (1, 100).
    """

    sigma: float = 1e-5
    gamma: float = 1e-4
    dist_eps: float = 1e-4
    background: float = 1e-3
    near: float = 1.0
    far: float = 100.0

    def __post_init__(self) -> None:
        if not (self.sigma > 0 and self.gamma > 0 and 0 < self.dist_eps < 0.5):
            raise ValueError(f"sigma and gamma must be positive and dist_eps in (0, 0.5), got {self}")
        if not 0 < self.near < self.far:
            raise ValueError(f"near and far must be positive and near < far, got {self.near} and {self.far}")

    def kernel(self, height: int, width: int) -> tuple[float, ...]:
        """1 / sigma and the squared reach in pixels, 1 / gamma, epsilon, near and far."""
        sigma = self.sigma * (min(height, width) / 2) ** 2
        reach = sigma * log(1 / self.dist_eps - 1)
        return 1 / sigma, reach, 1 / self.gamma, self.background, self.near, self.far


class SoftMesh(NamedTuple):
    """A projected mesh; all floats of one type, float32 or float64.

    Attributes:
        xy: (V, 2) pixels, origin top left, centres at +0.5.
        depth: (V,) distance along the viewing axis.
        triangles: (F, 3) indices, counter-clockwise seen from outside.
        values: (V, C) colours. With a texture (V, 2 C): factors of the texture's colours, then what is added.
        uv: (N, 2) texture coordinates, origin top left; (0, 2) without a texture.
        triangles_uv: (F, 3) indices of ``uv``; (0, 3) without a texture.
        texture: (T, U, C), looked up bilinearly; (0, 0, C) without.
    """

    xy: Floats
    depth: Floats
    triangles: I32
    values: Floats
    uv: Floats
    triangles_uv: I32
    texture: Floats


class SoftPicture(NamedTuple):
    """What `soft_rasterise` gives; the last two are the softmax's state, for the gradients.

    Attributes:
        colour: (H, W, C) sum_j w_j C_j: without the background.
        depth: (H, W) sum_j w_j of the triangles' depths in units of the mesh.
        background: (H, W) w_b.
        transparency: (H, W) prod_j (1 - D_j), that is 1 - silhouette.
        highest: (H, W) greatest z_j.
        total: (H, W) sum of the weights before normalisation, relative to exp(highest / gamma).
    """

    colour: Floats
    depth: Floats
    background: Floats
    transparency: Floats
    highest: Floats
    total: Floats


@njit(cache=True, nogil=True, error_model="numpy")
def _corners(
    xy: Floats, depth: Floats, triangles: I32, f: int, cull: bool
) -> tuple[int, int, int, int, float, tuple[float, float, float, float, float, float], Triple]:
    """One triangle, ready to draw.

    Returns:
        Its corners' indices, in an order that makes the area in pixels positive; 1, or 2 if that swapped the
        last two; twice the area, 0 if the triangle is not to be drawn; x and y of each corner; 1 / depths.
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
    return i, j, k, flip, area, (x0, y0, x1, y1, x2, y2), (1.0 / z0, 1.0 / z1, 1.0 / z2)


@njit(cache=True, nogil=True, error_model="numpy")
def _span(low: float, high: float, reach: float, size: int) -> tuple[int, int]:
    """First and last pixel whose centre is within reach of the interval; first > last if there is none."""
    first = max(0.0, min(np.ceil(low - reach - 0.5), float(size)))
    last = min(float(size - 1), max(np.floor(high + reach - 0.5), -1.0))
    return int(first), int(last)


@njit(cache=True, nogil=True, error_model="numpy")
def _segment(ax: float, ay: float, bx: float, by: float, inverse: float) -> tuple[float, float]:
    """Where the point of the segment a b nearest to the origin lies, in [0, 1], and its squared distance."""
    ex, ey = bx - ax, by - ay
    t = min(max(-(ax * ex + ay * ey) * inverse, 0.0), 1.0)
    qx, qy = ax + t * ex, ay + t * ey
    return t, qx * qx + qy * qy


@njit(cache=True, nogil=True, error_model="numpy")
def _nearest(
    x0: float,
    y0: float,
    x1: float,
    y1: float,
    x2: float,
    y2: float,
    inverse: tuple[float, float, float, float],
    reach: float,
) -> tuple[int, float, float, float, float]:
    """The nearest point of a triangle to the origin.

    Args:
        x0, y0, x1, y1, x2, y2: corners relative to the pixel's centre, of positive area.
        inverse: 1 / squared lengths of the edges opposite to each corner, and 1 / (twice the area).
        reach: squared distance from which on a triangle counts for nothing.

    Returns:
        Edge nearest to the pixel (the corner opposite to it: 0, 1, 2), plus 4 if the pixel lies inside, or -1
        if it is out of reach; the squared distance to that edge; affine weights of the three corners at the
        triangle's point nearest to the pixel.
    """
    w0 = x2 * y1 - x1 * y2
    w1 = x0 * y2 - x2 * y0
    w2 = x1 * y0 - x0 * y1
    h0, h1, h2 = w0 * w0 * inverse[0], w1 * w1 * inverse[1], w2 * w2 * inverse[2]
    if w0 >= 0.0 and w1 >= 0.0 and w2 >= 0.0:
        edge, square = 4, h0
        if h1 < square:
            edge, square = 5, h1
        if h2 < square:
            edge, square = 6, h2
        return edge, square, w0 * inverse[3], w1 * inverse[3], w2 * inverse[3]
    # The distance to an edge's line bounds the distance to the triangle from below. The nearest point is on
    # an edge whose outer side the pixel lies on.
    edge, square, t = -1, reach, 0.0
    if (w0 < 0.0 and h0 >= reach) or (w1 < 0.0 and h1 >= reach) or (w2 < 0.0 and h2 >= reach):
        return -1, 0.0, 0.0, 0.0, 0.0
    if w0 < 0.0:
        t0, s0 = _segment(x1, y1, x2, y2, inverse[0])
        if s0 < square:
            edge, square, t = 0, s0, t0
    if w1 < 0.0:
        t1, s1 = _segment(x2, y2, x0, y0, inverse[1])
        if s1 < square:
            edge, square, t = 1, s1, t1
    if w2 < 0.0:
        t2, s2 = _segment(x0, y0, x1, y1, inverse[2])
        if s2 < square:
            edge, square, t = 2, s2, t2
    if edge == 0:
        return 0, square, 0.0, 1.0 - t, t
    if edge == 1:
        return 1, square, t, 0.0, 1.0 - t
    if edge == 2:
        return 2, square, 1.0 - t, t, 0.0
    return -1, 0.0, 0.0, 0.0, 0.0


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
def _forward(
    xy: Floats,
    depth: Floats,
    triangles: I32,
    values: Floats,
    uv: Floats,
    triangles_uv: I32,
    texture: Floats,
    parameters: tuple[float, float, float, float, float, float],
    cull: bool,
    colour: Floats,
    out_depth: Floats,
    background: Floats,
    clear: Floats,
    highest: Floats,
    total: Floats,
) -> None:
    """Fill the fields of a `SoftPicture`; ``clear`` is its transparency."""
    inverse_sigma, reach, inverse_gamma, epsilon, near, far = parameters
    height, width, channels = colour.shape
    textured = texture.shape[0] > 0
    radius = sqrt(reach)
    # The background is in the sums from the start: highest = epsilon, total = exp(0).
    colour[:] = 0.0
    out_depth[:] = 0.0
    clear[:] = 1.0
    highest[:] = epsilon
    total[:] = 1.0
    for f in range(triangles.shape[0]):
        i, j, k, flip, area, (x0, y0, x1, y1, x2, y2), (r0, r1, r2) = _corners(xy, depth, triangles, f, cull)
        if area == 0.0:
            continue
        top, bottom = _span(min(y0, y1, y2), max(y0, y1, y2), radius, height)
        left, right = _span(min(x0, x1, x2), max(x0, x1, x2), radius, width)
        if left > right or top > bottom:
            continue
        inverse = (
            1.0 / ((x2 - x1) ** 2 + (y2 - y1) ** 2),
            1.0 / ((x0 - x2) ** 2 + (y0 - y2) ** 2),
            1.0 / ((x1 - x0) ** 2 + (y1 - y0) ** 2),
            1.0 / area,
        )
        for row in range(top, bottom + 1):
            py = row + 0.5
            for column in range(left, right + 1):
                px = column + 0.5
                edge, square, b0, b1, b2 = _nearest(
                    x0 - px, y0 - py, x1 - px, y1 - py, x2 - px, y2 - py, inverse, reach
                )
                if edge < 0:
                    continue
                b0, b1, b2 = b0 * r0, b1 * r1, b2 * r2
                z = 1.0 / (b0 + b1 + b2)
                if not (z >= near and z <= far):
                    continue
                b0, b1, b2 = b0 * z, b1 * z, b2 * z
                # Eq. 1 and 4; `odds` is exp(-|x|), so that neither sign overflows.
                odds = np.exp(-square * inverse_sigma)
                outside = 1.0 / (1.0 + odds) if edge < 4 else odds / (1.0 + odds)
                clear[row, column] *= outside
                # Eq. 2 and 3, with the running maximum taken out of the exponentials.
                nearness = (far - z) / (far - near)
                exponent = (nearness - highest[row, column]) * inverse_gamma
                if exponent < _NOTHING:
                    continue
                weight = odds / (1.0 + odds) if edge < 4 else 1.0 / (1.0 + odds)
                if exponent > 0.0:
                    shrink = np.exp(-exponent)
                    highest[row, column] = nearness
                    total[row, column] *= shrink
                    out_depth[row, column] *= shrink
                    for c in range(channels):
                        colour[row, column, c] *= shrink
                else:
                    weight *= np.exp(exponent)
                total[row, column] += weight
                out_depth[row, column] += weight * z
                if not textured:
                    for c in range(channels):
                        value = b0 * values[i, c] + b1 * values[j, c] + b2 * values[k, c]
                        colour[row, column, c] += weight * value
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
                    colour[row, column, c] += weight * (factor * texel + extra)
    for row in range(height):
        for column in range(width):
            scale = 1.0 / total[row, column]
            background[row, column] = scale * np.exp((epsilon - highest[row, column]) * inverse_gamma)
            out_depth[row, column] *= scale
            for c in range(channels):
                colour[row, column, c] *= scale


@njit(cache=True, nogil=True, error_model="numpy")
def _backward(
    xy: Floats,
    depth: Floats,
    triangles: I32,
    values: Floats,
    uv: Floats,
    triangles_uv: I32,
    texture: Floats,
    parameters: tuple[float, float, float, float, float, float],
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
            wanted[row, column] = used
    corner = np.zeros((3, 3))  # gradients of x, y, z of the triangle's three corners
    paint = np.zeros((3, wide))  # and of their values
    for f in range(triangles.shape[0]):
        i, j, k, flip, area, (x0, y0, x1, y1, x2, y2), (r0, r1, r2) = _corners(xy, depth, triangles, f, cull)
        if area == 0.0:
            continue
        top, bottom = _span(min(y0, y1, y2), max(y0, y1, y2), radius, height)
        left, right = _span(min(x0, x1, x2), max(x0, x1, x2), radius, width)
        if left > right or top > bottom:
            continue
        inverse = (
            1.0 / ((x2 - x1) ** 2 + (y2 - y1) ** 2),
            1.0 / ((x0 - x2) ** 2 + (y0 - y2) ** 2),
            1.0 / ((x1 - x0) ** 2 + (y1 - y0) ** 2),
            1.0 / area,
        )
        corner[:] = 0.0
        paint[:] = 0.0
        for row in range(top, bottom + 1):
            py = row + 0.5
            for column in range(left, right + 1):
                if not wanted[row, column]:
                    continue
                px = column + 0.5
                ax, ay, bx, by, cx, cy = x0 - px, y0 - py, x1 - px, y1 - py, x2 - px, y2 - py
                edge, square, l0, l1, l2 = _nearest(ax, ay, bx, by, cx, cy, inverse, reach)
                if edge < 0:
                    continue
                inverse_z = l0 * r0 + l1 * r1 + l2 * r2
                z = 1.0 / inverse_z
                if not (z >= near and z <= far):
                    continue
                odds = np.exp(-square * inverse_sigma)
                near_one = 1.0 / (1.0 + odds)
                d, outside = (odds * near_one, near_one) if edge < 4 else (near_one, odds * near_one)
                # d transparency / dx = -(prod of the others) D (1 - D) = -transparency D, with D = sigmoid(x)
                g_x = -grad_clear[row, column] * clear[row, column] * d
                nearness = (far - z) / (far - near)
                exponent = (nearness - highest[row, column]) * inverse_gamma
                g0 = g1 = g2 = 0.0  # of the perspective weights b0, b1, b2
                if exponent >= _NOTHING:
                    weight = d * np.exp(exponent) / total[row, column]
                    b0, b1, b2 = l0 * r0 * z, l1 * r1 * z, l2 * r2 * z
                    along = grad_depth[row, column] * z
                    if not textured:
                        for c in range(channels):
                            g = grad_colour[row, column, c]
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
                            g = grad_colour[row, column, c]
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
                    g_log = weight * (along - mean[row, column])
                    g_x += g_log * outside  # d log(D) / dx = 1 - D
                    g_depth = weight * grad_depth[row, column] - g_log * slope
                    # Perspective: b_k = u_k z with u_k = l_k / z_k and z = 1 / sum u_k.
                    middle = b0 * g0 + b1 * g1 + b2 * g2 + z * g_depth
                    g0, g1, g2 = (g0 - middle) * z * r0, (g1 - middle) * z * r1, (g2 - middle) * z * r2
                    corner[0, 2] -= g0 * l0 * r0
                    corner[1, 2] -= g1 * l1 * r1
                    corner[2, 2] -= g2 * l2 * r2
                    # From here on g0, g1, g2 belong to the affine weights l0, l1, l2.
                    if edge >= 4:
                        # Moving corner m changes the weights at a fixed pixel by -l_m times what
                        # moving the pixel would.
                        qx = (g0 * (cy - by) + g1 * (ay - cy) + g2 * (by - ay)) * inverse[3]
                        qy = (g0 * (bx - cx) + g1 * (cx - ax) + g2 * (ax - bx)) * inverse[3]
                        corner[0, 0] -= l0 * qx
                        corner[0, 1] -= l0 * qy
                        corner[1, 0] -= l1 * qx
                        corner[1, 1] -= l1 * qy
                        corner[2, 0] -= l2 * qx
                        corner[2, 1] -= l2 * qy
                elif g_x == 0.0:
                    continue
                # The nearest edge a -> b, and the place t of the pixel's foot on it.
                side = edge & 3
                if side == 0:
                    ax, ay, bx, by, step = bx, by, cx, cy, g2 - g1
                elif side == 1:
                    ax, ay, bx, by, step = cx, cy, ax, ay, g0 - g2
                else:
                    step = g1 - g0
                ex, ey = bx - ax, by - ay
                t = min(max(-(ax * ex + ay * ey) * inverse[side], 0.0), 1.0)
                qx, qy = ax + t * ex, ay + t * ey
                # d(squared distance) = 2 q ((1 - t) da + t db): the foot's own motion does not change it.
                g_square = (g_x if edge >= 4 else -g_x) * inverse_sigma * 2.0
                # Weights outside move with t = -a e / e^2, unless the foot is a corner.
                g_foot = step * inverse[side] if edge < 4 and 0.0 < t < 1.0 else 0.0
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


def soft_rasterise(
    mesh: SoftMesh, height: int, width: int, settings: SoftSettings, *, cull: bool = False
) -> SoftPicture:
    """Draw a mesh softly; see the module's description for what is computed.

    Args:
        mesh: its arrays' type, float32 or float64, is that of the picture.
        height, width: size of the picture in pixels.
        settings: blur and depth range.
        cull: leave out triangles seen from behind.

    Triangles that are degenerate, or have a NaN corner or one at or behind the camera, are left out.

    Raises:
        ValueError: the mesh's arrays do not belong together.
    """
    _check(mesh)
    if height < 1 or width < 1:
        raise ValueError(f"the picture must have at least one pixel, got {height} x {width}")
    kind = mesh.xy.dtype
    out = SoftPicture(
        np.empty((height, width, mesh.texture.shape[2]), kind),
        *(np.empty((height, width), kind) for _ in range(5)),
    )
    _forward(*mesh, settings.kernel(height, width), cull, *out)
    return out


def soft_gradients(
    mesh: SoftMesh,
    settings: SoftSettings,
    picture: SoftPicture,
    incoming: tuple[Floats, Floats, Floats, Floats],
    *,
    cull: bool = False,
) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """Gradients of a loss with respect to the mesh's xy, depth, values, uv and texture.

    Args:
        mesh, settings, cull: as given to `soft_rasterise`.
        picture: what it returned.
        incoming: the loss's gradients with respect to the picture's colour, depth, background, transparency.
    """
    out = (
        np.zeros_like(mesh.xy),
        np.zeros_like(mesh.depth),
        np.zeros_like(mesh.values),
        np.zeros_like(mesh.uv),
        np.zeros_like(mesh.texture),
    )
    height, width = picture.depth.shape
    _backward(*mesh, settings.kernel(height, width), cull, tuple(picture), incoming, *out)
    return out


def _check(mesh: SoftMesh) -> None:
    count, channels = len(mesh.xy), mesh.texture.shape[2]
    textured = mesh.texture.shape[0] > 0
    if mesh.xy.shape != (count, 2) or mesh.depth.shape != (count,):
        raise ValueError(f"expected xy (V, 2) and depth (V,), got {mesh.xy.shape} and {mesh.depth.shape}")
    if mesh.values.shape != (count, channels * (2 if textured else 1)):
        raise ValueError(
            f"expected values (V, {'2 C' if textured else 'C'}) with V = {count} and C = {channels}, "
            f"got {mesh.values.shape}"
        )
    for name, faces, size in (
        ("triangles", mesh.triangles, count),
        ("triangles_uv", mesh.triangles_uv, len(mesh.uv)),
    ):
        if (
            faces.ndim != 2
            or faces.shape[1] != 3
            or (faces.size and not 0 <= faces.min() <= faces.max() < size)
        ):
            raise ValueError(f"{name} must be (F, 3) indices below {size}")
    if textured and mesh.triangles_uv.shape != mesh.triangles.shape:
        raise ValueError(
            f"triangles_uv {mesh.triangles_uv.shape} must correspond to triangles {mesh.triangles.shape}"
        )
