"""What is known about the surface: the 68 iBUG points, the contour lines, anatomical regions."""

from __future__ import annotations

import numpy as np
from PIL import Image

from eyes import MARGIN
from geometry import Head
from grids import Grid
from headshot.models.topologies.ibug68 import MIRROR
from headshot.ramps import smoothstep
from quadmesh import closest_points, normals_of, triangles_of
from register import FLIP

LIP_LINE = 4  # ring of the mouth's grid on which the inner lip points lie
# Candidates of a contour line lie on both sides of its jaw point, the last at this distance along the fan's
# axis (mm, see `contour`). In front there is less room under the chin than on the cheeks.
BEFORE, AFTER = 7, 7
FRONT_CHEEK, FRONT_CHIN, BEHIND = -28.0, -9.0, 32.0
# The contour lines are cut out of the surface by a fan of half-planes around this axis, from between nose and
# mouth to the nape, one through each jaw point.
FAN_FROM, FAN_TO = np.array([0.0, -35.0, 60.0]), np.array([0.0, -45.0, -60.0])

Points = tuple[np.ndarray, np.ndarray]  # triangles (L,), barycentric (L, 3)


def _mirrored(points: Points, triangles: np.ndarray, mirror: np.ndarray) -> Points:
    """The same points on the other side of the head."""
    where = {tuple(sorted(t)): i for i, t in enumerate(triangles.tolist())}
    index, weights = [], []
    for t, w in zip(*points, strict=True):
        corners = mirror[triangles[t]].tolist()
        other = where[tuple(sorted(corners))]
        share = dict(zip(corners, w, strict=True))
        index.append(other)
        weights.append([share[v] for v in triangles[other].tolist()])
    return np.array(index), np.array(weights)


def ibug68(head: Head, marks: np.ndarray) -> Points:
    """The iBUG points from their positions (68, 3) on ICT's mean head.

    Lids and inner lips are taken on the rings that are their edges; the closest point there is ambiguous.
    """
    marks = (marks + marks[MIRROR] * FLIP) / 2
    triangles = triangles_of(head.topology.quads)
    skin = triangles[: 2 * head.topology.parts["skin"][1]]
    normals = normals_of(head.mean, triangles)
    reachable = normals[skin].mean(1) @ [0, 0, 1] > -0.6
    usable = np.flatnonzero(reachable)
    found = closest_points(marks, head.mean, skin[usable])
    triangle, barycentric = usable[found[0]], found[1]

    def on_ring(k: int, grid: Grid, ring: int, side: np.ndarray) -> None:
        chain = head.mean[grid.vertices[ring, side]]
        order = np.argsort(chain[:, 0])
        x = np.clip(marks[k, 0], chain[:, 0].min(), chain[:, 0].max())
        place = np.array([np.interp(x, chain[order, 0], chain[order, d]) for d in range(3)])
        between = np.isin(skin, grid.vertices[ring : ring + 2]).all(1)
        hit = closest_points(place[None], head.mean, skin[between])
        triangle[k], barycentric[k] = np.flatnonzero(between)[hit[0][0]], hit[1][0]

    for k in (42, 43, 44, 45, 46, 47):
        grid = head.grids["eye_left"]
        on_ring(k, grid, MARGIN, grid.upper if k < 46 else grid.lower)
    for k in (62, 63, 64, 65, 66):
        grid = head.grids["mouth"]
        on_ring(k, grid, LIP_LINE, grid.upper if k < 65 else grid.lower)
    left = marks[:, 0] > 0.5  # mirror the subject's left side over the right one; the middle stays
    other = _mirrored((triangle[left], barycentric[left]), triangles, head.topology.mirror)
    triangle[MIRROR[left]], barycentric[MIRROR[left]] = other
    return triangle, barycentric


def contour(head: Head, jaw: np.ndarray, ears: np.ndarray) -> Points:
    """17 lines of candidates, from the cheek over the jaw point (jaw (17, 3)) to behind or under the jaw.

    Ears are left out of the surface: behind an ear the line runs on over the skull.
    """
    triangles = triangles_of(head.topology.quads)
    outside = np.flatnonzero(
        (ears[triangles].max(1) < 0.3) & (np.arange(len(triangles)) < 2 * head.topology.parts["skin"][1])
    )
    surface = triangles[outside]
    axis = (FAN_TO - FAN_FROM) / np.linalg.norm(FAN_TO - FAN_FROM)
    lines = []
    for k in range(8, 17):
        outward = jaw[k] - FAN_FROM
        along = outward @ axis
        outward = outward - along * axis
        outward /= np.linalg.norm(outward)
        front = FRONT_CHIN + (FRONT_CHEEK - FRONT_CHIN) * min((k - 8) / 4, 1)
        steps = np.r_[np.linspace(front, 0, BEFORE + 1), np.linspace(0, BEHIND, AFTER + 1)[1:]]
        hits = [_farthest(head.mean, surface, FAN_FROM + (along + step) * axis, outward) for step in steps]
        hits[BEFORE] = jaw[k]
        known = [i for i, hit in enumerate(hits) if hit is not None]
        place = [np.interp(range(len(hits)), known, [hits[i][d] for i in known]) for d in range(3)]
        lines.append(np.stack(place, axis=1))
    points = np.concatenate(lines)
    n = BEFORE + 1 + AFTER
    points[:n, 0] = 0
    near, barycentric, _ = closest_points(points, head.mean, surface)
    left = (outside[near], barycentric)
    right = _mirrored((left[0][n:], left[1][n:]), triangles, head.topology.mirror)
    right = (right[0].reshape(8, n)[::-1].ravel(), right[1].reshape(8, n, 3)[::-1].reshape(-1, 3))
    return np.concatenate([right[0], left[0]]), np.concatenate([right[1], left[1]])


def _farthest(
    vertices: np.ndarray, triangles: np.ndarray, origin: np.ndarray, direction: np.ndarray
) -> np.ndarray | None:
    """Last intersection of a ray with a mesh (Moller & Trumbore 1997)."""
    a, b, c = (vertices[triangles[:, k]] for k in range(3))
    e1, e2, s = b - a, c - a, origin - a
    h = np.cross(direction, e2)
    det = (e1 * h).sum(1)
    det[np.abs(det) < 1e-12] = np.inf
    u = (s * h).sum(1) / det
    q = np.cross(s, e1)
    v, t = (q @ direction) / det, (e2 * q).sum(1) / det
    hit = (u >= -1e-9) & (v >= -1e-9) & (u + v <= 1 + 1e-9) & (t > 0)
    return origin + t[hit].max() * direction if hit.any() else None


def _distance(points: np.ndarray, line: np.ndarray) -> np.ndarray:
    """(P,) distances of points to the segments (S, 2, 3) of lines."""
    a, d = line[:, 0], line[:, 1] - line[:, 0]
    t = np.clip(((points[:, None] - a) * d).sum(2) / (d * d).sum(1), 0, 1)
    return np.linalg.norm(a + t[..., None] * d - points[:, None], axis=2).min(1)


def regions(head: Head) -> dict[str, np.ndarray]:
    """Weights (V,) in [0, 1] of anatomical regions, soft at the edges, on the skin only."""
    brows = np.concatenate(
        [np.stack([head.marks[i : i + 4], head.marks[i + 1 : i + 5]], 1) for i in (17, 22)]
    )
    x, y, z = head.mean.T
    n = len(head.mean)
    skin = np.isin(np.arange(n), head.topology.part("skin")).astype(float)
    normal = normals_of(head.mean, triangles_of(head.topology.quads))

    def rings(grid: Grid, shares: list[float]) -> np.ndarray:
        weight = np.zeros(n)
        for ring, share in enumerate(shares):
            weight[grid.vertices[ring]] = share
        return weight

    across = np.abs(x)
    ears = skin * _painted(head, "ears")
    inner_mouth = rings(head.grids["mouth"], [1, 1, 1, 0.6])
    lids = {
        side: rings(head.grids[f"eye_{side}"], [1, 1, 1, 1, 1, 0.9, 0.7, 0.4]) for side in ("left", "right")
    }
    lips = rings(head.grids["mouth"], [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0.6, 0.2])
    nostrils = (
        skin
        * smoothstep(-normal[:, 2], 0.2, 0.5)
        * smoothstep(z, 18, 22)
        * smoothstep(20 - across, 0, 3)
        * smoothstep(-y, 25, 30)
    )
    face = (
        skin * smoothstep(z, -8, 10) * smoothstep(-y, -74, -58)
        * smoothstep(y, -124, -112) * smoothstep(74 - across, 0, 8)
        * smoothstep(normal[:, 2], -0.3, 0.0) * (1 - ears) * (1 - inner_mouth) * (1 - nostrils)
    )  # fmt: skip
    narrow = (
        face
        * smoothstep(z, -6, 4)
        * smoothstep(-y, -36, -26)
        * smoothstep(y, -118, -108)
        * smoothstep(60 - across, 0, 10)
    )
    above_ears = smoothstep(y, -10, 25)
    scalp = skin * np.clip(
        smoothstep(y + 0.35 * z, 62, 84) + smoothstep(-z, 22, 45) * smoothstep(y, -75, -52)
        + smoothstep(-z, 5, 22) * above_ears,
        0, 1,
    ) * (1 - ears)  # fmt: skip
    neck = skin * (1 - smoothstep(y + 0.45 * z, -115, -100)) * (1 - ears) * (1 - smoothstep(z, 12, 30))
    made = {
        "face": face,
        "narrow_face": narrow,
        "nose": face
        * smoothstep(z, 22, 30)
        * smoothstep(21 - across, 0, 4)
        * smoothstep(-y, -10, 0)
        * smoothstep(y, -54, -46),
        "lips": lips,
        "mouth": face * smoothstep(38 - across, 0, 8) * smoothstep(-y, 46, 54) * smoothstep(y, -96, -86),
        "eyelids": lids["left"] + lids["right"],
        "eyelid_left": lids["left"],
        "eyelid_right": lids["right"],
        "brows": face * (1 - smoothstep(_distance(head.mean, brows), 5, 9)),
        "forehead": face * smoothstep(y, 20, 28),
        "cheeks": face * smoothstep(across, 22, 30) * smoothstep(-y, 6, 14) * smoothstep(y, -76, -66),
        "jaw": skin
        * smoothstep(-y, 78, 88)
        * smoothstep(y, -126, -116)
        * smoothstep(z, -32, -16)
        * (1 - ears),
        "ears": ears,
        "scalp": scalp,
        "neck": neck,
    }
    mirror = head.topology.mirror
    for name, weight in made.items():
        if not name.endswith(("_left", "_right")):
            made[name] = (weight + weight[mirror]) / 2
    return {name: np.clip(weight, 0, 1) for name, weight in made.items()}


def _painted(head: Head, name: str) -> np.ndarray:
    """(V,) a mask that MakeHuman paints in its texture space."""
    topology, source = head.topology, head.makehuman
    file = source.folder / "mpfb2" / "textures" / f"mpfb_{name}.jpg"
    image = np.asarray(Image.open(file).convert("L")) / 255.0
    height, width = image.shape
    uv = source.uv[source.quads_uv[topology.makehuman_quads]]
    corners = source.quads[topology.makehuman_quads]
    rows = np.clip(((1 - uv[..., 1]) * height).astype(int), 0, height - 1)
    columns = np.clip((uv[..., 0] * width).astype(int), 0, width - 1)
    total = np.bincount(corners.ravel(), image[rows, columns].ravel(), len(source.vertices))
    count = np.bincount(corners.ravel(), minlength=len(source.vertices))
    value = (total / np.maximum(count, 1))[topology.makehuman]
    return (value + value[topology.mirror]) / 2
