"""One texture atlas for all parts, exactly mirror-symmetric about u = 0.5.

The skin with the sock behind the lips is one chart, cut along the back of the head from crown to neck. It is
embedded by positive weights inside a convex outline, so that it cannot fold (Tutte 1963; Floater 2003),
and the weights are iterated until every area has the density that it deserves, which is Yoshizawa, Belyaev &
Seidel 2004, "A fast and simple stretch-minimizing mesh parameterization", with a density in place of 1. The
face gets most of the texture. Eyeballs, teeth and tongue have their charts in the strip below it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from scipy.sparse.linalg import spsolve

from grids import openings
from makehuman import MakeHuman
from quadmesh import boundary_loops, edges_of, triangles_of
from topology import Topology

SKIN_BOX = (0.012, 0.012, 0.988, 0.815)  # u0, v0, u1, v1 of the big chart
ROUNDNESS = 5.0  # exponent of the superellipse that is its outline
SEAM_SHARE = 0.70  # of each half of the outline; the rest is the edge of the neck
ROUNDS = 100
STRIPS = {
    "teeth_upper": (0.27, 0.828, 0.73, 0.870),
    "teeth_lower": (0.27, 0.882, 0.73, 0.924),
    "tongue": (0.35, 0.936, 0.65, 0.988),
}


@dataclass(frozen=True)
class Atlas:
    """Texture coordinates of the low mesh.

    Attributes:
        uv: (T, 2), origin at the top left.
        quads: (Q, 4) indices into ``uv``, corner by corner those of the mesh.
        mirror: (T,) the coordinate mirrored about u = 0.5.
    """

    uv: np.ndarray
    quads: np.ndarray
    mirror: np.ndarray


def density(topology: Topology, mean: np.ndarray) -> np.ndarray:
    """(V,) wanted texels per mm, relative."""
    _, y, z = mean.T
    step = lambda value, low, high: np.clip((value - low) / (high - low), 0, 1)  # noqa: E731
    face = step(z, -25, 15) * step(y, -125, -105) * step(-y, -95, -65)
    out = 0.9 + 0.9 * face
    for centre, radius in (((32, 0, 15), 22), ((-32, 0, 15), 22), ((0, -71, 25), 28), ((0, -40, 35), 20)):
        out += 0.6 * np.exp(-0.5 * (((mean - centre) / radius) ** 2).sum(1))
    sock = np.setdiff1d(topology.part("mouth"), topology.part("skin"))
    out[sock] = 0.3
    return out


def make_atlas(topology: Topology, mean: np.ndarray, source: MakeHuman) -> Atlas:
    """The atlas for the registered mean head (V, 3) in the head frame: skin, sock and tongue.

    Eyeballs and teeth bring their own charts (`parts.exchanged`).
    """
    quads = np.full((len(topology.quads), 4), -1)
    skin_uv, skin_quads, skin_mirror = _skin_chart(topology, mean)
    first = topology.parts["mouth"][1]
    quads[:first] = skin_quads
    uv, mirror = [skin_uv], [skin_mirror]
    count = len(skin_uv)

    def add(part: str, part_uv: np.ndarray, part_quads: np.ndarray, part_mirror: np.ndarray) -> None:
        nonlocal count
        quads[slice(*topology.parts[part])] = part_quads + count
        uv.append(part_uv)
        mirror.append(part_mirror + count)
        count += len(part_uv)

    add("tongue", *_strip(topology, source, "tongue", STRIPS["tongue"]))
    return Atlas(np.concatenate(uv), quads, np.concatenate(mirror))


def _mirrored_corners(
    quads: np.ndarray, quads_uv: np.ndarray, other: np.ndarray, mirror: np.ndarray
) -> np.ndarray:
    """Texture indices of the quads on the other side, from those of their counterparts."""
    where = {
        tuple(sorted(mirror[q].tolist())): dict(zip(mirror[q].tolist(), t.tolist(), strict=True))
        for q, t in zip(quads, quads_uv, strict=True)
    }
    return np.array([[where[tuple(sorted(q))][v] for v in q] for q in other.tolist()])


def _skin_chart(topology: Topology, mean: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    quads = topology.quads[: topology.parts["mouth"][1]]
    n = len(topology.part("skin", "mouth"))
    seam = _back_seam(topology, mean, quads)
    # The seam's vertices but its tip are doubled: the copy belongs to the subject's right side.
    copy = np.arange(n)
    copy[seam[1:]] = n + np.arange(len(seam) - 1)
    right = mean[quads, 0].mean(1) < 0
    cut = np.where(right[:, None], copy[quads], quads)
    position = np.concatenate([mean[:n], mean[seam[1:]]])
    wanted = density(topology, mean)
    wanted = np.concatenate([wanted[:n], wanted[seam[1:]]])
    mirror = np.concatenate([topology.mirror[:n], seam[1:]])
    mirror[seam[1:]] = copy[seam[1:]]

    triangles = triangles_of(cut)
    loops = openings(topology, mean)
    for side in ("eye_left", "eye_right"):  # the holes of the eyes are closed by fans
        loop = loops[side]
        hub = len(position)
        position = np.concatenate([position, mean[loop].mean(0)[None]])
        wanted = np.append(wanted, 1.0)
        triangles = np.concatenate(
            [triangles, [[a, hub, b] for a, b in zip(loop, np.roll(loop, -1), strict=True)]]
        )
    mirror = np.concatenate([mirror, [len(mirror) + 1, len(mirror)]])

    border = max(boundary_loops(cut), key=len)
    border = np.roll(border, -int(np.flatnonzero(border == seam[0])[0]))
    outline = _outline(position, border, seam, copy)
    uv = _stretch_embedding(position, triangles, wanted, border, outline, mirror)
    return uv[: len(uv) - 2], cut, mirror[:-2]


def _back_seam(topology: Topology, mean: np.ndarray, quads: np.ndarray) -> np.ndarray:
    """Vertices of the mid line from the crown down the back to the edge of the neck."""
    middle = np.flatnonzero(
        topology.mirror[: len(topology.part("skin"))] == np.arange(len(topology.part("skin")))
    )
    inside = set(middle.tolist())
    neighbours: dict[int, list[int]] = {v: [] for v in inside}
    for a, b in edges_of(quads).tolist():
        if a in inside and b in inside:
            neighbours[a].append(b)
            neighbours[b].append(a)
    neck = openings(topology, mean)["neck"]
    ends = [v for v in neck.tolist() if v in inside]
    path = [min(ends, key=lambda v: mean[v, 2])]
    crown = max(inside, key=lambda v: mean[v, 1])
    while path[-1] != crown:
        path.append(next(v for v in neighbours[path[-1]] if v not in path))
    return np.array(path[::-1])


def _outline(position: np.ndarray, border: np.ndarray, seam: np.ndarray, copy: np.ndarray) -> np.ndarray:
    """(B, 2) places of the border on a superellipse: the crown at the top, the throat at the bottom."""
    length = np.linalg.norm(position[border] - position[np.roll(border, -1)], axis=1)
    along = np.r_[0, np.cumsum(length)]
    first = int(np.flatnonzero((border == seam[-1]) | (border == copy[seam[-1]]))[0])
    second = int(np.flatnonzero((border == seam[-1]) | (border == copy[seam[-1]]))[-1])
    knots = [0, along[first], along[second], along[-1]]
    share = np.interp(along[:-1], knots, [0, SEAM_SHARE / 2, 1 - SEAM_SHARE / 2, 1])
    angle = np.linspace(0, 2 * np.pi, 20001)
    curve = np.stack([np.sin(angle), -np.cos(angle)], 1)
    curve = np.sign(curve) * np.abs(curve) ** (2 / ROUNDNESS)
    u0, v0, u1, v1 = SKIN_BOX
    curve = curve / 2 * [u1 - u0, v1 - v0]
    walked = np.r_[0, np.cumsum(np.linalg.norm(np.diff(curve, axis=0), axis=1))]
    places = np.stack([np.interp(share, walked / walked[-1], curve[:, k]) for k in range(2)], 1)
    if border[1] != seam[1]:  # the loop walks down the right side first: the outline starts towards the left
        places[:, 0] *= -1
    return places + [(u0 + u1) / 2, (v0 + v1) / 2]


def _stretch_embedding(
    position: np.ndarray,
    triangles: np.ndarray,
    wanted: np.ndarray,
    border: np.ndarray,
    outline: np.ndarray,
    mirror: np.ndarray,
) -> np.ndarray:
    """Convex-combination map whose local scale follows ``wanted``, (n, 2)."""
    n = len(position)
    rows, columns, weights = _mean_value_weights(position, triangles)
    fixed = np.zeros(n, bool)
    fixed[border] = True
    free = np.flatnonzero(~fixed)
    uv = np.zeros((n, 2))
    uv[border] = outline
    a, b, c = (position[triangles[:, k]] for k in range(3))
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2 * wanted[triangles].mean(1) ** 2
    best, least = uv, np.inf
    for _ in range(ROUNDS):
        matrix = sp.csr_matrix((weights, (rows, columns)), (n, n))
        matrix = sp.diags(1 / np.asarray(matrix.sum(1)).ravel()) @ matrix
        system = (sp.eye(n) - matrix).tocsr()
        uv[free] = spsolve(system[free][:, free].tocsc(), -(system[free][:, border] @ outline))
        p, q, r = (uv[triangles[:, k]] for k in range(3))
        flat = np.abs((q - p)[:, 0] * (r - p)[:, 1] - (q - p)[:, 1] * (r - p)[:, 0]) / 2
        stretch = np.sqrt(area / area.sum() * flat.sum() / np.maximum(flat, 1e-12))
        energy = (area * stretch**2).sum() / area.sum()
        if energy < least:
            best, least = uv.copy(), energy
        around = np.zeros(n)
        total = np.zeros(n)
        for k in range(3):
            np.add.at(around, triangles[:, k], area * stretch)
            np.add.at(total, triangles[:, k], area)
        weights = weights / np.sqrt(around / total)[columns]
    uv = best
    return (uv + (uv[mirror] * [-1, 1] + [1, 0])) / 2


def _mean_value_weights(
    position: np.ndarray, triangles: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean value coordinates (Floater 2003) as sparse entries: positive on every mesh."""
    rows, columns, weights = [], [], []
    for k in range(3):
        i, j, l = triangles[:, k], triangles[:, (k + 1) % 3], triangles[:, (k + 2) % 3]
        to_j, to_l = position[j] - position[i], position[l] - position[i]
        nj, nl = np.linalg.norm(to_j, axis=1), np.linalg.norm(to_l, axis=1)
        cosine = np.clip((to_j * to_l).sum(1) / np.maximum(nj * nl, 1e-12), -1, 1)
        half = np.tan(np.arccos(cosine) / 2)
        rows += [i, i]
        columns += [j, l]
        weights += [half / np.maximum(nj, 1e-6), half / np.maximum(nl, 1e-6)]
    return np.concatenate(rows), np.concatenate(columns), np.maximum(np.concatenate(weights), 1e-6)


def _strip(
    topology: Topology, source: MakeHuman, part: str, box: tuple[float, float, float, float]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """MakeHuman's own chart of a self-symmetric part, made exactly symmetric, stretched over a box."""
    here = slice(*topology.parts[part])
    corners = (np.arange(4) + topology.rotation[here, None]) % 4
    quads_uv = np.take_along_axis(source.quads_uv[topology.makehuman_quads[here]], corners, 1)
    index, inverse = np.unique(quads_uv, return_inverse=True)
    quads = inverse.reshape(-1, 4)
    uv = source.uv[index] * [1, -1]
    vertices = topology.quads[here]
    twin = _mirrored_corners(vertices, quads, vertices, topology.mirror)
    mirror = np.empty(len(uv), int)
    mirror[quads.ravel()] = twin.ravel()
    uv = uv - (uv.min(0) + uv.max(0)) / 2
    uv = (uv + uv[mirror] * [-1, 1]) / 2
    side = np.zeros(len(uv))
    side[quads.ravel()] = source.vertices[topology.makehuman[vertices.ravel()], 0]
    if (uv[:, 0] * side).sum() < 0:
        uv[:, 0] *= -1
    p = uv[quads]  # seen from outside, quads turn left, which with v downwards is a negative area
    one, two = p[:, 2] - p[:, 0], p[:, 3] - p[:, 1]
    if (one[:, 0] * two[:, 1] - one[:, 1] * two[:, 0]).sum() > 0:
        uv[:, 1] *= -1
    uv = (uv - uv.min(0)) / np.ptp(uv, axis=0)
    u0, v0, u1, v1 = box
    return np.array([u0, v0]) + uv * [u1 - u0, v1 - v0], quads, mirror
