"""Pairs of a pixel and a triangle near it, for the Soft Rasterizer (`headshot.geometry.raster.soft_kernels`).

Most of the time goes into these pairs, so they are worked on in blocks of `LANES`, without branches and with
an exponential of our own: compilers turn that into vector instructions, several times as fast.

Dimension letters: V vertices, F triangles.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from headshot.arrays import I32
from headshot.kernels import njit

Floats = NDArray[Any]
Triple = tuple[float, float, float]
Parameters = tuple[float, float, float, float, float, float]

LANES = 8
# A block of pairs: fields of `LANES` numbers one after the other, at these places. First what is given:
X, Y, HIGHEST = 0, LANES, 2 * LANES
# then what is found; see `work_out_pairs`.
EDGE, B0, B1, B2, Z, D, NOT_D = (n * LANES for n in range(3, 10))
EXPONENT, SHARE, FOOT_X, FOOT_Y, FOOT_T = (n * LANES for n in range(10, 15))
BLOCK = 15 * LANES

# exp of less is less than 1e-21: with D_j of at least 1e-4, too little to change a sum of weights in float64.
NOTHING = -50.0
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
def span(low: float, high: float, reach: float, size: int) -> tuple[int, int]:
    """First and last pixel whose centre is within reach of the interval; first > last if there is none."""
    first = max(0.0, min(np.ceil(low - reach - 0.5), float(size)))
    last = min(float(size - 1), max(np.floor(high + reach - 0.5), -1.0))
    return int(first), int(last)


@njit(cache=True, nogil=True, error_model="numpy")
def corners_of(
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
def work_out_pairs(
    block: Floats,
    corners: tuple[float, float, float, float, float, float],
    inverse_depth: Triple,
    area: float,
    parameters: Parameters,
) -> None:
    """Work out a block of pairs: where the pixels are relative to the triangle, and eq. 1.

    Args:
        block: (BLOCK,) of which are given
            X, Y: the pixel's centre,
            HIGHEST: the greatest nearness z_j that the pixel has met,
            and are filled in
            EDGE: the edge nearest to the pixel, by the corner opposite to it: 0, 1 or 2; plus 4 where the
                pixel lies inside; -1 where the pair counts for nothing,
            B0, B1, B2: perspective-correct weights of the corners at the triangle's point nearest to the
                pixel,
            Z: that point's depth,
            D, NOT_D: D_j and 1 - D_j,
            EXPONENT: (z_j - highest) / gamma,
            SHARE: exp(-abs(EXPONENT)),
            FOOT_X, FOOT_Y, FOOT_T: the nearest edge's point nearest to the pixel, relative to it, and how
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
        px, py, highest = block[X + q], block[Y + q], block[HIGHEST + q]
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
        block[EDGE + q] = (edge + 4.0 if inside else edge) if counts else -1.0
        block[B0 + q], block[B1 + q], block[B2 + q] = u0 * z, u1 * z, u2 * z
        block[Z + q] = z
        block[D + q] = great if inside else small
        block[NOT_D + q] = small if inside else great
        block[EXPONENT + q] = exponent
        block[SHARE + q] = _exp(down if down > _LOWEST else _LOWEST)
        block[FOOT_X + q], block[FOOT_Y + q], block[FOOT_T + q] = x, y, t


@njit(cache=True, nogil=True, error_model="numpy")
def texel_at(texture: Floats, u: float, v: float) -> tuple[int, int, int, int, float, float, float, float]:
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
