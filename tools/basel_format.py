"""A model in exactly the layout of `basel_front.npz`, made of the built-in head and albedo models.

    python tools/basel_format.py -o basel_front.npz
    headshot learn face lfw.faces runs/paper --model basel_front.npz

The frontal Basel model needs a licence; this one does not (MIT, as the models that it is made of). It has the
same 35,709 vertices, 80 identity, 64 expression and 80 texture modes, units, frame and fields
(`headshot.models.readers.basel_front`), so that everything that the paper does with Basel's 257 coefficients
can be done as published. Its numbers are not Basel's: faces of either have other coefficients.

- *Surface*: the front of the head from the forehead to below the chin, without ears, scalp and inner mouth,
  as Basel's, and the front of the eyeballs, which its scans have too. The longest edge is halved until there
  are 35,709 vertices, each new one lifted onto the curved surface (Boubekeur and Alexa, "Phong Tessellation",
  SIGGRAPH Asia 2008, with their alpha = 3/4). Edges are turned where a vertex has more than the eight
  triangles that the layout has room for.
- *Identity*: the 80 strongest principal components of the head's modes on this surface.
- *Expression*: the 64 strongest of what `WEIGHT` of each ARKit expression does to random heads, around the
  neutral face; beyond 52 they are how blinks differ between heads.
- *Texture*: sRGB of random colours of the albedo model, of which the 80 strongest; irises are painted.

The same seed makes the same model, bit by bit.
"""

from __future__ import annotations

import argparse
import heapq
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from headshot.arrays import F32, I32, Array, Index
from headshot.geometry.raster.normals import vertex_normals
from headshot.image.colour import linear_to_srgb
from headshot.learn.data.align import CENTRE
from headshot.models.albedo import AlbedoModel, load_albedo
from headshot.models.head_model import HeadModel, load_head_model
from headshot.models.readers.basel_front import EXPRESSION, IDENTITY, TEXTURE, BaselFront, save_front

VERTICES = 35_709
AROUND = 8
"""Columns of ``vertex_triangles``, as in Basel's ``point_buf``."""
BACK, TOP = -48.0, 72.0
"""Where the surface is cut, mm of the head frame: behind the last jaw point, and at the hair line."""
ALPHA = 0.75
WEIGHT, ALIKE = 0.22, 0.9
"""Root mean square of ARKit's weights, and correlation of left and right ones, as the network scores 121
photos of Labeled Faces in the Wild (every 110th)."""
SAMPLES = 400
IRIS, PUPIL = 5.85, 2.3
"""Radii, mm (`headshot.texture.eyes`: irises are 11.7 mm wide, and pupils indoors two fifths of them)."""
IRIS_COLOUR, PUPIL_COLOUR = (0.062, 0.031, 0.016), (0.004, 0.004, 0.004)  # linear, brown
MM_PER_DM = 100.0


class Surface:
    """A piece of the head's surface, whose vertices are weighted sums of the head's.

    Attributes:
        triangles: (F, 3) indices of the piece's vertices.
        parents: (V, 2) for each vertex the two that it is the middle of; the piece's first vertices are the
            head's own, twice themselves.
        kept: (V0,) which vertices of the head those are.
    """

    def __init__(self, triangles: I32) -> None:
        kept, local = np.unique(triangles, return_inverse=True)
        self.kept: Index = kept
        self.triangles: I32 = local.reshape(-1, 3).astype(np.int32)
        self.parents = np.repeat(np.arange(len(kept))[:, None], 2, axis=1)

    def refine(self, points: Array, normals: Array, count: int) -> tuple[Array, Array]:
        """Halve the longest edge until there are ``count`` vertices.

        Args:
            points, normals: (V0, 3) of the piece's vertices.
            count: V.

        Returns:
            Points and normals (V, 3).
        """
        p, n = list(points), list(normals)
        faces = [list(t) for t in self.triangles.tolist()]
        owners: dict[tuple[int, int], list[int]] = {}
        for f, face in enumerate(faces):
            for edge in _edges(face):
                owners.setdefault(edge, []).append(f)
        queue = [(-float(np.sum((p[a] - p[b]) ** 2)), a, b) for a, b in owners]
        heapq.heapify(queue)
        parents = self.parents.tolist()
        while len(p) < count:
            _, a, b = heapq.heappop(queue)
            if (a, b) not in owners:
                continue
            middle, new = (p[a] + p[b]) / 2, len(p)
            # The mean of the middle's projections onto the two tangent planes.
            lifted = middle - (n[a] * ((middle - p[a]) @ n[a]) + n[b] * ((middle - p[b]) @ n[b])) / 2
            p.append((1 - ALPHA) * middle + ALPHA * lifted)
            n.append((n[a] + n[b]) / max(float(np.linalg.norm(n[a] + n[b])), 1e-9))
            parents.append([a, b])
            for f in owners.pop((a, b)):
                c = next(v for v in faces[f] if v not in (a, b))
                twin = [new if v == a else v for v in faces[f]]
                faces[f] = [new if v == b else v for v in faces[f]]
                g = len(faces)
                faces.append(twin)
                there = owners[_key(b, c)]
                there[there.index(f)] = g
                for edge, new_owners in ((_key(a, new), [f]), (_key(b, new), [g]), (_key(c, new), [f, g])):
                    if edge not in owners:
                        owners[edge] = []
                        heapq.heappush(queue, (-float(np.sum((p[edge[0]] - p[edge[1]]) ** 2)), *edge))
                    owners[edge] += new_owners
        self.triangles = np.array(faces, np.int32)
        self.parents = np.array(parents)
        return np.array(p), np.array(n)

    def turn_edges(self, points: Array) -> None:
        """Turn edges of vertices (V, 3) with more than `AROUND` triangles, where both new triangles are good.

        Raises:
            ValueError: some keep more.
        """
        faces = self.triangles.tolist()
        valence = np.bincount(self.triangles.ravel(), minlength=len(points))
        fans: list[set[int]] = [set() for _ in points]
        for f, face in enumerate(faces):
            for v in face:
                fans[v].add(f)
        for _ in range(AROUND):
            for v in np.flatnonzero(valence > AROUND).tolist():
                self._thin(v, faces, fans, valence, points)
        if valence.max() > AROUND:
            raise ValueError(f"a vertex keeps {valence.max()} triangles; there is room for {AROUND}")
        self.triangles = np.array(faces, np.int32)

    @staticmethod
    def _thin(
        v: int, faces: list[list[int]], fans: list[set[int]], valence: NDArray[np.intp], points: Array
    ) -> None:
        """Turn the edges of a vertex, the best first, until it has few enough triangles."""
        while valence[v] > AROUND:
            best: tuple[float, int, int, int, int, int] | None = None
            for f in fans[v]:
                a, b, c = faces[f]
                other, left = {a: (b, c), b: (c, a), c: (a, b)}[v]  # the triangle is v, other, left
                beside = (fans[v] & fans[other]) - {f}
                if len(beside) != 1:
                    continue
                g = beside.pop()
                right = next(u for u in faces[g] if u not in (v, other))
                if valence[left] >= AROUND or valence[right] >= AROUND or fans[left] & fans[right]:
                    continue
                # v, other, left and v, right, other become v, right, left and right, other, left.
                quality = min(_quality(points[[v, right, left]]), _quality(points[[right, other, left]]))
                old = np.cross(points[other] - points[v], points[left] - points[v])
                old += np.cross(points[right] - points[v], points[other] - points[v])
                for x, y, z in ((v, right, left), (right, other, left)):
                    if np.cross(points[y] - points[x], points[z] - points[x]) @ old <= 0:
                        quality = 0.0
                if quality > 0.1 and (best is None or quality > best[0]):
                    best = quality, f, g, other, left, right
            if best is None:
                return
            _, f, g, other, left, right = best
            faces[f], faces[g] = [v, right, left], [right, other, left]
            fans[v].discard(g)
            fans[other].discard(f)
            fans[right].add(f)
            fans[left].add(g)
            valence[[v, other]] -= 1
            valence[[left, right]] += 1

    def spread(self, values: NDArray[np.floating]) -> F32:
        """Values (N, V, C) of the piece's vertices, given the head's (N, H, C): means of their parents'."""
        out = np.empty((len(values), len(self.parents), values.shape[2]), np.float32)
        first = len(self.kept)
        out[:, :first] = values[:, self.kept]
        for v in range(first, len(self.parents)):
            a, b = self.parents[v]
            out[:, v] = (out[:, a] + out[:, b]) / 2
        return out


def _quality(corners: Array) -> float:
    """Of a triangle (3, 3): 1 if its sides are equal, 0 without area."""
    a, b, c = corners
    sides = float(np.sum((a - b) ** 2) + np.sum((b - c) ** 2) + np.sum((c - a) ** 2))
    return 2 * np.sqrt(3) * float(np.linalg.norm(np.cross(b - a, c - a))) / max(sides, 1e-12)


def _key(a: int, b: int) -> tuple[int, int]:
    return (a, b) if a < b else (b, a)


def _edges(face: list[int]) -> list[tuple[int, int]]:
    a, b, c = face
    return [_key(a, b), _key(b, c), _key(c, a)]


def cut(model: HeadModel) -> I32:
    """The triangles (F, 3) of the head that are drawn: its face and the front of its eyeballs."""
    skin, place = model.part_triangles("skin"), model.mean
    face = (place[:, 2] > BACK) & (place[:, 1] < TOP)
    face &= (model.regions["ears"] < 0.5) & (model.regions["neck"] < 0.3)
    pieces = [skin[face[skin].all(axis=1)]]
    for name in ("eye_left", "eye_right"):
        eye = model.part_triangles(name)
        pieces.append(eye[(model.mean[eye, 2] > 0).all(axis=1)])
    return np.concatenate(pieces)


def principal(samples: Array, count: int) -> F32:
    """The ``count`` strongest components (count, V, 3) of samples (N, V, 3) around 0, one deviation long.

    The sign is that with the greater cubed sum, so that it is the same on every machine.
    """
    flat = samples.reshape(len(samples), -1).astype(np.float64) / np.sqrt(len(samples))
    values, vectors = np.linalg.eigh(flat @ flat.T)
    modes = vectors[:, ::-1][:, :count].T @ flat
    modes *= np.where((modes**3).sum(axis=1) < 0, -1.0, 1.0)[:, None]
    if values[-count] <= 1e-12 * values[-1]:
        raise ValueError(f"the samples have fewer than {count} components")
    return modes.reshape(count, *samples.shape[1:]).astype(np.float32)


def expression_samples(model: HeadModel, surface: Surface, random: np.random.Generator) -> F32:
    """What expressions do to random heads, (N, V, 3) mm; left and right are nearly alike."""
    names = list(model.expression_names)
    own = random.standard_normal((SAMPLES, len(names)))
    weights = own.copy()
    for i, name in enumerate(names):
        twin = name.removesuffix("Right") + "Left"
        if name.endswith("Right") and twin in names:
            weights[:, i] = ALIKE * own[:, names.index(twin)] + np.sqrt(1 - ALIKE**2) * own[:, i]
    weights *= WEIGHT
    identities = random.standard_normal((SAMPLES, len(model.identity)))
    moved = np.tensordot(weights.astype(np.float32), model.expression, 1)
    bent = np.einsum(
        "nk,ni,kivc->nvc", weights[:, model.corrected], identities, model.correction, optimize=True
    )
    moved[:, model.correction_vertices] += bent.astype(np.float32)
    return surface.spread(moved)


def textures(
    model: HeadModel, albedo: AlbedoModel, surface: Surface, points: Array, random: np.random.Generator
) -> tuple[F32, F32]:
    """Mean (V, 3) and modes (80, V, 3), sRGB in [0, 255]."""
    delta = random.standard_normal((SAMPLES, len(albedo.modes))).astype(np.float32)
    linear = surface.spread((albedo.mean + np.tensordot(delta, albedo.modes, 1)).clip(1e-3, 1))
    for name in ("eye_left", "eye_right"):
        ball = np.unique(model.part_triangles(name))
        centre = (model.mean[ball].min(axis=0) + model.mean[ball].max(axis=0)) / 2
        radius = float(np.ptp(model.mean[ball, 2])) / 2
        away = points - centre
        on_ball = np.abs(np.linalg.norm(away, axis=1) / radius - 1) < 0.1
        across = np.linalg.norm(away[:, :2], axis=1)
        front = on_ball & (away[:, 2] > 0) & belongs(surface, ball)
        linear[:, front & (across < IRIS)] = IRIS_COLOUR
        linear[:, front & (across < PUPIL)] = PUPIL_COLOUR
    colours = linear_to_srgb(linear) * 255
    mean = colours.mean(axis=0)
    return mean.astype(np.float32), principal(colours - mean, TEXTURE)


def belongs(surface: Surface, vertices: Index) -> NDArray[np.bool_]:
    """(V,) which vertices of the surface are of a part of the head, given by its vertices."""
    out = np.zeros(len(surface.parents), bool)
    first = len(surface.kept)
    out[:first] = np.isin(surface.kept, vertices)
    for v in range(first, len(out)):
        out[v] = out[surface.parents[v, 0]] and out[surface.parents[v, 1]]
    return out


def around(triangles: I32, count: int) -> I32:
    """(V, 8) the triangles around each vertex, F for none.

    Raises:
        ValueError: a vertex has more than eight.
    """
    valence = np.bincount(triangles.ravel(), minlength=count)
    if valence.max() > AROUND:
        raise ValueError(f"a vertex has {valence.max()} triangles, but the layout has room for {AROUND}")
    out = np.full((count, AROUND), len(triangles), np.int32)
    order = np.argsort(triangles.ravel(), kind="stable")
    vertex = triangles.ravel()[order]
    place = np.arange(len(order)) - np.searchsorted(vertex, vertex)
    out[vertex, place] = order // 3
    return out


def make(seed: int = 0, resolution: str = "high", vertices: int = VERTICES) -> BaselFront:
    """The model, of the head of a resolution and with so many vertices."""
    model, albedo = load_head_model(resolution), load_albedo(resolution)
    random = np.random.default_rng(seed)
    surface = Surface(cut(model))
    normals = vertex_normals(model.mean, model.triangles)[surface.kept].astype(np.float64)
    points, _ = surface.refine(model.mean[surface.kept].astype(np.float64), normals, vertices)
    identity = principal(surface.spread(model.identity) * np.sqrt(len(model.identity)), IDENTITY)
    expression = principal(expression_samples(model, surface, random), EXPRESSION)
    texture_mean, texture = textures(model, albedo, surface, points, random)
    surface.turn_edges(points)
    triangles = surface.triangles
    wanted = model.landmarks["ibug68"].on(model.mean, model.triangles)
    keypoints = [int(np.square(points - point).sum(axis=1).argmin()) for point in wanted]

    def region(*names: str) -> F32:
        weight = np.maximum.reduce([model.regions[name] for name in names])
        return surface.spread(weight[None, :, None])[0, :, 0]

    narrow = region("narrow_face") > 0.5
    front_triangles = triangles[narrow[triangles].all(axis=1)]
    front, local = np.unique(front_triangles, return_inverse=True)
    skin = (region("face", "cheeks", "jaw", "forehead") > 0.5) & (region("brows", "lips", "eyelids") < 0.5)
    return BaselFront(
        mean=((points - CENTRE) / MM_PER_DM).astype(np.float32),
        identity=identity / np.float32(MM_PER_DM),
        expression=expression / np.float32(MM_PER_DM),
        texture_mean=texture_mean,
        texture=texture,
        triangles=triangles,
        vertex_triangles=around(triangles, len(points)),
        keypoints=np.array(keypoints, np.int32),
        front=front.astype(np.int32),
        front_triangles=local.reshape(-1, 3).astype(np.int32),
        skin=skin.astype(np.float32),
        name="Headshot, front, in the layout of the Basel model",
        terms="MIT, as the head and albedo models of Headshot that it is made of",
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("-o", "--out", type=Path, default=Path("basel_front.npz"))
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    model = make(options.seed)
    save_front(model, options.out)
    print(f"{options.out}: {len(model.mean):,} vertices, {len(model.triangles):,} triangles")


if __name__ == "__main__":
    main()
