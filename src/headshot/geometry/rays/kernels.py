"""Rays through a bounding volume hierarchy: the Numba kernels.

One ray at a time meets the sixteen boxes of a node at once, or the sixteen triangles of a leaf, so that a
processor's vector units are busy whatever the next ray does (Wald, Benthin and Boulos, "Getting Rid of
Packets", IEEE Symposium on Interactive Ray Tracing 2008).

Triangles are hit by the signs of three edge functions in the plane across the ray, onto which each corner is
projected first. A corner's two coordinates there are the same numbers for all triangles that share it, and
rounding does not turn the order of two products, so that neighbours never both miss a ray between them (Woop
et al., "Watertight Ray/Triangle Intersection", JCGT 2013, who project by a shear). Rays on an edge hit both
neighbours. No kernel here may use ``fastmath``, which would let compilers round the same number differently.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from headshot.arrays import F32, I32, Mask, single
from headshot.geometry.rays.bvh import STACK, WIDTH
from headshot.kernels import njit

_ZERO, _ONE = np.float32(0), np.float32(1)
_LEAST = np.float32(1e-30)  # in the place of 0 in directions, whose reciprocal is then finite
_INFINITE = np.float32(np.inf)
_WIDER = np.float32(1 + 4e-7)  # what a few roundings may make of where a ray leaves a box


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _frame(x: float, y: float, z: float, out: F32) -> None:
    """Two vectors across a direction, and the direction over its squared length, out (9,).

    Duff et al., "Building an Orthonormal Basis, Revisited", JCGT 2017.
    """
    largest = max(max(abs(x), abs(y)), abs(z))  # squares of small numbers are 0
    x, y, z = x / largest, y / largest, z / largest
    scale = _ONE / np.sqrt(x * x + y * y + z * z)
    x, y, z = x * scale, y * scale, z * scale
    sign = _ONE if z >= _ZERO else -_ONE
    a = -_ONE / (sign + z)
    b = x * y * a
    out[0], out[1], out[2] = _ONE + sign * x * x * a, sign * b, -sign * x
    out[3], out[4], out[5] = b, sign + y * y * a, -y
    scale = scale / largest
    out[6], out[7], out[8] = x * scale, y * scale, z * scale


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _reciprocal(value: float) -> float:
    return single(1) / (value if abs(value) >= _LEAST else single(1e-30))


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _meet_boxes(
    boxes: F32, ox: float, oy: float, oz: float, ix: float, iy: float, iz: float, near: float, far: float,
    enter: F32,
) -> None:  # fmt: skip
    """Where a ray enters a node's boxes, or infinite (Kay and Kajiya, "Ray Tracing Complex Scenes", 1986)."""
    # The sides of a box that a ray enters by follow from the signs of its direction.
    x0, y0, z0 = 0 if ix > _ZERO else 3, 1 if iy > _ZERO else 4, 2 if iz > _ZERO else 5
    x1, y1, z1 = 3 - x0, 5 - y0, 7 - z0
    for k in range(WIDTH):
        first = max(
            max((boxes[x0, k] - ox) * ix, (boxes[y0, k] - oy) * iy), max((boxes[z0, k] - oz) * iz, near)
        )
        last = min(
            min((boxes[x1, k] - ox) * ix, (boxes[y1, k] - oy) * iy), min((boxes[z1, k] - oz) * iz, far)
        )
        enter[k] = first if first <= last * _WIDER else _INFINITE


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _meet_triangles(
    corners: F32, ox: float, oy: float, oz: float, f: Any, near: float, far: float, at: F32
) -> bool:
    """At what multiples of its direction a ray hits a leaf's triangles; infinite where it does not."""
    f0, f1, f2, f3, f4, f5, f6, f7, f8 = f[0], f[1], f[2], f[3], f[4], f[5], f[6], f[7], f[8]
    some = np.int32(0)
    for k in range(WIDTH):
        ax, ay, az = corners[0, k] - ox, corners[1, k] - oy, corners[2, k] - oz
        bx, by, bz = corners[3, k] - ox, corners[4, k] - oy, corners[5, k] - oz
        cx, cy, cz = corners[6, k] - ox, corners[7, k] - oy, corners[8, k] - oz
        ap, aq = ax * f0 + ay * f1 + az * f2, ax * f3 + ay * f4 + az * f5
        bp, bq = bx * f0 + by * f1 + bz * f2, bx * f3 + by * f4 + bz * f5
        cp, cq = cx * f0 + cy * f1 + cz * f2, cx * f3 + cy * f4 + cz * f5
        u, v, w = bp * cq - bq * cp, cp * aq - cq * ap, ap * bq - aq * bp
        total = u + v + w
        low, high = min(min(u, v), w), max(max(u, v), w)
        along = (
            u * (ax * f6 + ay * f7 + az * f8)
            + v * (bx * f6 + by * f7 + bz * f8)
            + w * (cx * f6 + cy * f7 + cz * f8)
        )
        t = along / total
        hit = ((low >= _ZERO) | (high <= _ZERO)) & (total != _ZERO) & (t >= near) & (t <= far)
        at[k] = t if hit else _INFINITE
        some |= np.int32(hit)
    return some != 0


@njit(cache=True, nogil=True, error_model="numpy")
def fill_occluded(
    boxes: F32, children: I32, corners: F32, origins: F32, directions: F32, near: F32, far: F32, out: Mask
) -> None:
    """Whether something lies in the way of each ray (R,)."""
    waiting, frame = np.empty(STACK, np.int32), np.empty(9, np.float32)
    enter, at = np.empty(WIDTH, np.float32), np.empty(WIDTH, np.float32)
    for ray in range(len(directions)):
        ox, oy, oz = origins[ray, 0], origins[ray, 1], origins[ray, 2]
        x, y, z = directions[ray, 0], directions[ray, 1], directions[ray, 2]
        ix, iy, iz = _reciprocal(x), _reciprocal(y), _reciprocal(z)
        _frame(x, y, z, frame)
        start, end = near[ray], far[ray]
        depth, waiting[0], found = 1, 0, False
        while depth and not found:
            depth -= 1
            node = waiting[depth]
            if node < 0:
                found = _meet_triangles(corners[-1 - node], ox, oy, oz, frame, start, end, at)
                continue
            _meet_boxes(boxes[node], ox, oy, oz, ix, iy, iz, start, end, enter)
            for k in range(WIDTH):  # each child is written, and the next one over it if it is not met
                waiting[depth] = children[node, k]
                depth += int(enter[k] < _INFINITE)
        out[ray] = found


@njit(cache=True, nogil=True, error_model="numpy")
def fill_closest(
    boxes: F32, children: I32, corners: F32, triangle: I32,
    origins: F32, directions: F32, near: F32, far: F32, hit: I32, distance: F32,
) -> None:  # fmt: skip
    """The nearest triangle of each ray (R,), of several at one distance the first; or -1 and infinite."""
    waiting, waiting_at = np.empty(STACK, np.int32), np.empty(STACK, np.float32)
    enter, at = np.empty(WIDTH, np.float32), np.empty(WIDTH, np.float32)
    frame = np.empty(9, np.float32)
    for ray in range(len(directions)):
        ox, oy, oz = origins[ray, 0], origins[ray, 1], origins[ray, 2]
        x, y, z = directions[ray, 0], directions[ray, 1], directions[ray, 2]
        ix, iy, iz = _reciprocal(x), _reciprocal(y), _reciprocal(z)
        _frame(x, y, z, frame)
        start, end, best = near[ray], far[ray], np.int32(-1)
        depth, waiting[0], waiting_at[0] = 1, 0, start
        while depth:
            depth -= 1
            node = waiting[depth]
            if waiting_at[depth] > end * _WIDER:
                continue
            if node < 0:
                if _meet_triangles(corners[-1 - node], ox, oy, oz, frame, start, end, at):
                    for k in range(WIDTH):
                        number = triangle[-1 - node, k]
                        if at[k] < end or (
                            at[k] == end and at[k] < _INFINITE and (best < 0 or number < best)
                        ):
                            end, best = at[k], number
                continue
            _meet_boxes(boxes[node], ox, oy, oz, ix, iy, iz, start, end, enter)
            bottom = depth
            for k in range(WIDTH):  # the nearest comes to the top
                if enter[k] < _INFINITE:
                    place = depth
                    while place > bottom and waiting_at[place - 1] < enter[k]:
                        waiting[place], waiting_at[place] = waiting[place - 1], waiting_at[place - 1]
                        place -= 1
                    waiting[place], waiting_at[place] = children[node, k], enter[k]
                    depth += 1
        hit[ray] = best
        distance[ray] = end if best >= 0 else _INFINITE
