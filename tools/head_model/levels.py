"""Simpler versions of the head model's surface: which of its triangles' corners stay, for three levels.

    python tools/head_model/levels.py            # writes src/headshot/assets/levels.npz, in about a minute

Vertices are only left out, never moved (half-edge collapses), so that whatever the model knows of a vertex
holds for the levels: place, expressions, texture coordinates, weights. The order is that of quadric error
metrics (Garland and Heckbert, "Surface simplification using quadric error metrics", 1997, sections 3 to 6),
summed over the mean head and the expressions that bend the face most: what is flat at rest and folds in a
smile keeps its vertices. Borders, seams of the texture and borders of parts stay where they are. Mirrored
edges collapse together, so that levels are as symmetric as the head.

Run it again whenever the triangles of the model change.
"""

from __future__ import annotations

import heapq
import subprocess
import sys
from itertools import count
from pathlib import Path

import numpy as np

from headshot import assets
from headshot.export.levels import ASSET, fingerprint
from headshot.models.head_model import HeadModel, load_head_model

SKIN = (16000, 5000, 1500)  # triangles of skin of each level
# Expressions that bend the surface most, at weight 1; left and right together.
POSES = (
    ("jawOpen",),
    ("eyeBlinkLeft", "eyeBlinkRight"),
    ("mouthSmileLeft", "mouthSmileRight"),
    ("mouthPucker",),
    ("mouthFunnel",),
    ("browInnerUp",),
    ("browDownLeft", "browDownRight"),
    ("mouthUpperUpLeft", "mouthUpperUpRight", "mouthLowerDownLeft", "mouthLowerDownRight"),
    ("tongueOut",),
)
POSE = 0.35  # weight of an expression's error beside that of the mean head
EDGE = 4.0  # weight of borders and seams
INNER = 0.3  # weight of parts behind lips and lids
LONG = 2e-3  # error of an edge per square of its length, so that flat regions get even triangles
TURN = 0.3  # least cosine between a triangle's normal before and after


class Surface:
    """A triangle mesh that gets simpler."""

    def __init__(self, model: HeadModel) -> None:
        moved = [sum(model.expression[model.expression_names.index(n)] for n in names) for names in POSES]
        self.places = np.stack([model.mean, *(model.mean + m for m in moved)], axis=1).astype(np.float64)
        self.weight = np.array([1.0, *[POSE] * len(POSES)])
        self.skin = model.parts["skin"][1]
        self.mirror = model.mirror
        part = np.zeros(len(model.triangles), np.int64)
        for number, (first, last) in enumerate(model.parts.values()):
            part[first:last] = number
        self.key = (part[:, None] * len(model.uv) + model.triangles_uv).ravel()
        self.vertex = model.triangles.ravel()
        self.corners = {f: [3 * f, 3 * f + 1, 3 * f + 2] for f in range(len(model.triangles))}
        self.of_vertex: list[set[int]] = [set() for _ in model.mean]
        for f, corners in self.corners.items():
            for c in corners:
                self.of_vertex[self.vertex[c]].add(f)
        self.left = self.skin - model.parts["skin"][0]
        self.alive = np.array([bool(faces) for faces in self.of_vertex])
        self.quadric = np.zeros((len(model.mean), len(self.weight), 4, 4))
        self._add_planes(model, part)

    def _add_planes(self, model: HeadModel, part: np.ndarray) -> None:
        triangles = model.triangles
        a, b, c = (self.places[triangles[:, k]] for k in range(3))
        normal = np.cross(b - a, c - a)
        length = np.linalg.norm(normal, axis=-1, keepdims=True)
        unit = normal / np.maximum(length, 1e-12)
        plane = np.concatenate([unit, -np.einsum("fpc,fpc->fp", unit, a)[..., None]], axis=-1)
        shown = np.where(part == 0, 1.0, INNER)
        area = 0.5 * length[..., 0] * self.weight * shown[:, None]
        quadric = np.einsum("fp,fpi,fpj->fpij", area, plane, plane)
        for k in range(3):
            np.add.at(self.quadric, triangles[:, k], quadric)
        # Edges at which the texture or the part changes, or the surface ends, get a wall.
        owners: dict[tuple[int, int], list[tuple[int, int, int]]] = {}
        for f in range(len(triangles)):
            for k in range(3):
                i, j = 3 * f + k, 3 * f + (k + 1) % 3
                p, q = self.vertex[i], self.vertex[j]
                if p > q:
                    i, j, p, q = j, i, q, p
                owners.setdefault((p, q), []).append((f, self.key[i], self.key[j]))
        for (p, q), found in owners.items():
            if len({(i, j) for _, i, j in found}) == 1 and len(found) == 2:
                continue
            along = self.places[q] - self.places[p]
            for f, _, _ in found:
                wall = np.cross(along, unit[f])
                size = np.linalg.norm(wall, axis=-1, keepdims=True)
                wall /= np.maximum(size, 1e-12)
                flat = np.concatenate([wall, -np.einsum("pc,pc->p", wall, self.places[p])[:, None]], axis=-1)
                strength = EDGE * (along**2).sum(axis=-1) * self.weight * shown[f]
                outer = np.einsum("p,pi,pj->pij", strength, flat, flat)
                self.quadric[p] += outer
                self.quadric[q] += outer

    def neighbours(self, vertex: int) -> set[int]:
        """Vertices at the other ends of its edges."""
        around = {int(self.vertex[c]) for f in self.of_vertex[vertex] for c in self.corners[f]}
        return around - {vertex}

    def cost(self, vertex: int, towards: np.ndarray) -> np.ndarray:
        """Error of moving a vertex to each of others (N,)."""
        places = self.places[towards]
        there = np.concatenate([places, np.ones((*places.shape[:2], 1))], axis=-1)
        both = self.quadric[vertex] + self.quadric[towards]
        error = np.einsum("npi,npij,npj->n", there, both, there)
        apart = ((places[:, 0] - self.places[vertex, 0]) ** 2).sum(axis=-1)
        return np.maximum(error, 0) + LONG * apart

    def collapse(self, u: int, v: int) -> bool:
        """Move a vertex to another one, if the surface stays one; whether it did."""
        if not (self.alive[u] and self.alive[v]):
            return False
        shared = self.of_vertex[u] & self.of_vertex[v]
        if not shared:
            return False
        if len(self.neighbours(u) & self.neighbours(v)) != len(shared):
            return False  # it would pinch the surface
        if len(shared) == 1 and self._inside(u):
            return False
        if len(shared) == 2 and not self._inside(u):
            return False  # a border may only shorten along itself
        becomes = {}
        for f in shared:
            mine, other = self._corner(f, u), self._corner(f, v)
            if self.key[becomes.setdefault(self.key[mine], other)] != self.key[other]:
                return False
        staying = self.of_vertex[u] - shared
        if any(self.key[self._corner(f, u)] not in becomes for f in staying) or self._flips(u, v, staying):
            return False
        for f in staying:
            at = self.corners[f].index(self._corner(f, u))
            self.corners[f][at] = becomes[self.key[self.corners[f][at]]]
            self.of_vertex[v].add(f)
        for f in shared:
            self.left -= f < self.skin
            for c in self.corners.pop(f):
                self.of_vertex[self.vertex[c]].discard(f)
        self.of_vertex[u] = set()
        self.alive[u] = False
        self.quadric[v] += self.quadric[u]
        return True

    def _inside(self, vertex: int) -> bool:
        return len(self.neighbours(vertex)) == len(self.of_vertex[vertex])

    def _corner(self, face: int, vertex: int) -> int:
        return next(c for c in self.corners[face] if self.vertex[c] == vertex)

    def _flips(self, u: int, v: int, faces: set[int]) -> bool:
        if not faces:
            return True
        before = np.array([[self.vertex[c] for c in self.corners[f]] for f in faces])
        after = np.where(before == u, v, before)

        def normals(triangles: np.ndarray) -> np.ndarray:
            a, b, c = (self.places[triangles[:, k]][:, 0] for k in range(3))
            return np.cross(b - a, c - a)

        old, new = normals(before), normals(after)
        size = np.linalg.norm(old, axis=-1) * np.linalg.norm(new, axis=-1)
        return bool(((old * new).sum(axis=-1) <= TURN * size).any())


def simplify(surface: Surface, targets: tuple[int, ...]) -> list[dict[int, list[int]]]:
    """The corners of each triangle that is left, by its number, at each of so many triangles of skin."""
    heap: list[tuple[float, int, int, int, int, int]] = []
    number = count()
    version = np.zeros(len(surface.alive), np.int64)

    def push(vertex: int) -> None:
        around = np.array(sorted(surface.neighbours(vertex)))
        if not len(around):
            return
        for other, cost in zip(around.tolist(), surface.cost(vertex, around).tolist(), strict=True):
            entry = (cost, next(number), vertex, other, int(version[vertex]), int(version[other]))
            heapq.heappush(heap, entry)

    for vertex in np.flatnonzero(surface.alive).tolist():
        push(vertex)
    levels = []
    for target in targets:
        while surface.left > target:
            _, _, u, v, of_u, of_v = heapq.heappop(heap)
            if (version[u], version[v]) != (of_u, of_v):
                continue
            mu, mv = int(surface.mirror[u]), int(surface.mirror[v])
            if (mu == u) != (mu == u and mv == v) or mu == v:
                continue  # off the middle of the head
            for a, b in {(u, v): 0, (mu, mv): 0}:
                if not surface.collapse(a, b):
                    break
                around = surface.neighbours(b)
                version[b] += 1
                push(b)
                for other in around:
                    cost = float(surface.cost(other, np.array([b]))[0])
                    entry = (cost, next(number), other, b, int(version[other]), int(version[b]))
                    heapq.heappush(heap, entry)
        levels.append({f: list(surface.corners[f]) for f in sorted(surface.corners)})
    return levels


def main() -> None:
    model = load_head_model("high")
    arrays = {"fingerprint": np.array(fingerprint(model))}
    surface = Surface(model)
    for number, left in enumerate(simplify(surface, SKIN), start=1):
        arrays[f"corners/{number}"] = np.array(list(left.values()), np.uint32)
        faces = np.array(list(left))
        spans = [[int(np.searchsorted(faces, edge)) for edge in span] for span in model.parts.values()]
        arrays[f"parts/{number}"] = np.array(spans, np.int32)
        print(f"level {number}:", {n: b - a for n, (a, b) in zip(model.parts, spans, strict=True)})
    file = Path(assets.DIRECTORY) / ASSET
    np.savez_compressed(file, **arrays)
    texts = {
        "licence": "CC0-1.0 AND MIT",
        "source": "triangles of head_model.npz",
        "made-by": "python tools/head_model/levels.py",
    }
    options = [word for name, text in texts.items() for word in (f"--{name}", text)]
    manifest = Path(__file__).resolve().parent.parent / "manifest.py"
    subprocess.run([sys.executable, manifest, "add", file, *options], check=True)


if __name__ == "__main__":
    main()
