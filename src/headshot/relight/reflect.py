"""How much of each lamp's light surface points reflect: cosines, a microfacet model, and shadow rays.

Dimension letters: N points, L lamps, P pairs of a point and a lamp above its horizon.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headshot.arrays import F32, I32, Mask, ReadOnly, single
from headshot.geometry.environment import Environment
from headshot.geometry.raster.batch import for_each
from headshot.geometry.rays import BoundingVolumes, occluded
from headshot.kernels import njit

_PIECE = 16_384  # points that a thread takes at once
LIFT = 0.05
"""mm that rays start above the surface."""


@dataclass(frozen=True, eq=False, repr=False)
class Points(ReadOnly):
    """Where light is gathered.

    Attributes:
        position: (N, 3) mm, head frame, from where shadow rays start.
        normal: (N, 3) unit.
        view: (N, 3) unit, towards the viewer.
        roughness: (N,) alpha of the microfacet model, in (0, 1].
        reflectance: (N,) F0, the share that is reflected at normal incidence; 0 without highlights.
        turn: (N,) which of ``turns`` equal sets of lamps lights each point, see `gather`.
    """

    position: F32
    normal: F32
    view: F32
    roughness: F32
    reflectance: F32
    turn: I32


def gather(
    points: Points, light: Environment, volumes: BoundingVolumes, turns: int, threads: int
) -> tuple[F32, F32]:
    """Irradiance (N, 3) of surface points, and what their highlights send to the viewer (N, 3).

    Args:
        points: see `Points`.
        light: lamps around the head.
        volumes: of what casts shadows.
        turns: point n is lit by every ``turns``-th lamp alone, from ``points.turn[n]`` on, as if these were
            all: for points that lie side by side and are averaged, that is as good and takes less time.
        threads: among which points are shared.
    """
    count = len(points.position)
    diffuse, gleam = np.zeros((count, 3), np.float32), np.zeros((count, 3), np.float32)
    lamps, power = light.directions, light.irradiance
    share = np.array([len(lamps) / max(len(lamps[k::turns]), 1) for k in range(turns)], np.float32)

    def piece(n: int) -> None:
        part = slice(n * _PIECE, min((n + 1) * _PIECE, count))
        position, normal, turn = points.position[part], points.normal[part], points.turn[part]
        total = _pairs(normal, turn, lamps, turns, np.empty((0, 2), np.int32))
        pairs = np.empty((total, 2), np.int32)
        _pairs(normal, turn, lamps, turns, pairs)
        hidden = occluded(volumes, position[pairs[:, 0]], lamps[pairs[:, 1]])
        _add(
            pairs, hidden, normal, points.view[part], points.roughness[part], points.reflectance[part], turn,
            lamps, power, share, diffuse[part], gleam[part],
        )  # fmt: skip

    for_each(piece, -(-count // _PIECE), threads)
    return diffuse, gleam


@njit(cache=True, nogil=True, error_model="numpy")
def _pairs(normal: F32, turn: I32, lamps: F32, turns: int, out: I32) -> int:
    """Points and the lamps above their horizon (P, 2); how many, which alone an empty ``out`` gives."""
    count = 0
    for n in range(len(normal)):
        for k in range(turn[n], len(lamps), turns):
            cosine = normal[n, 0] * lamps[k, 0] + normal[n, 1] * lamps[k, 1] + normal[n, 2] * lamps[k, 2]
            if cosine > 0:
                if len(out):
                    out[count, 0], out[count, 1] = n, k
                count += 1
    return count


@njit(cache=True, nogil=True, error_model="numpy")
def microfacet(nl: float, nv: float, nh: float, vh: float, roughness: float, f0: float) -> float:
    """The Cook-Torrance BRDF times n . l, of n . l, n . v, n . h, v . h.

    GGX's distribution and Smith's height-correlated masking (Walter et al., "Microfacet Models for Refraction
    through Rough Surfaces", EGSR 2007, eqs. 20, 33, 34; Heitz 2014, eq. 99), Schlick's Fresnel term (1994).
    """
    a2 = roughness * roughness
    base = nh * nh * (a2 - single(1)) + single(1)
    distribution = a2 / (single(np.pi) * base * base)
    masking = nv * np.sqrt(nl * nl * (single(1) - a2) + a2) + nl * np.sqrt(nv * nv * (single(1) - a2) + a2)
    fresnel = f0 + (single(1) - f0) * (single(1) - vh) ** 5
    return single(0.5) * distribution * fresnel * nl / max(masking, single(1e-6))


@njit(cache=True, nogil=True, error_model="numpy")
def _add(
    pairs: I32, hidden: Mask, normal: F32, view: F32, roughness: F32, reflectance: F32, turn: I32,
    lamps: F32, power: F32, share: F32, diffuse: F32, gleam: F32,
) -> None:  # fmt: skip
    for p in range(len(pairs)):
        if hidden[p]:
            continue
        n, k = pairs[p, 0], pairs[p, 1]
        lx, ly, lz = lamps[k, 0], lamps[k, 1], lamps[k, 2]
        nx, ny, nz = normal[n, 0], normal[n, 1], normal[n, 2]
        nl = nx * lx + ny * ly + nz * lz
        weight = share[turn[n]]
        for c in range(3):
            diffuse[n, c] += weight * nl * power[k, c]
        if reflectance[n] > 0:
            vx, vy, vz = view[n, 0], view[n, 1], view[n, 2]
            hx, hy, hz = lx + vx, ly + vy, lz + vz
            scale = single(1) / max(np.sqrt(hx * hx + hy * hy + hz * hz), single(1e-6))
            nv = max(nx * vx + ny * vy + nz * vz, single(1e-3))
            nh = max((nx * hx + ny * hy + nz * hz) * scale, single(0))
            vh = max((vx * hx + vy * hy + vz * hz) * scale, single(0))
            # Irradiance is in units of pi, see `headshot.geometry.environment`.
            found = single(np.pi) * weight * microfacet(nl, nv, nh, vh, roughness[n], reflectance[n])
            for c in range(3):
                gleam[n, c] += found * power[k, c]
