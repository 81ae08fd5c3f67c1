"""How long the differentiable renderer takes: kernels one by one, whole pictures, and over threads.

    python benchmarks/renderer.py [--runs 200] [--publish]

Pictures of 224 x 224 on one thread, which the mesh fills: the face of the head model, cut to the size of the
Basel model's face (35,709 vertices) by subdivision and left as it is (about 5,000), and spheres of about the
same sizes. Forward: rasterise, with barycentrics and depth, and interpolate three channels; projection given.
Backward, too: antialiasing at the silhouettes and the gradients with respect to the attributes and the
positions of all vertices, through barycentrics and visibility. For one thread its processor time is taken,
which other programs on the machine disturb least, over threads the wall clock. ``--publish`` writes
docs/explanation/results/renderer.md.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from time import perf_counter, thread_time

import numpy as np

from headshot import load_head_model
from headshot.geometry.raster import Topology
from headshot.geometry.raster.antialias import antialias, antialias_gradient, find_silhouettes
from headshot.geometry.raster.batch import RasterSettings, interpolate_batch, rasterise_batch
from headshot.geometry.raster.gradients import interpolate_gradient, rasterise_gradient
from headshot.geometry.raster.projection import project
from report import RESULTS, publish, table

SIZE = 224
BASEL = 70789  # triangles of the Basel model's face
BATCH = 16
# Milliseconds that the project set itself, forward and with gradients, for the fine and the coarse meshes.
GOALS = {"fine": (2.0, 8.0), "coarse": (1.0, 4.0)}


@dataclass(frozen=True)
class Mesh:
    """Points (V, 3) in camera space, float32, and triangles (F, 3); see `in_front`."""

    name: str
    detail: str
    points: np.ndarray
    triangles: np.ndarray


def in_front(vertices: np.ndarray) -> np.ndarray:
    """Vertices moved and scaled so that they fill the picture of a camera with the focal length 4 x SIZE."""
    low, high = vertices.min(axis=0), vertices.max(axis=0)
    centred = (vertices - (low + high) / 2) / (high - low)[:2].max() * 1.9
    return (centred - [0, 0, 8]).astype(np.float32)


def sphere(rows: int) -> tuple[np.ndarray, np.ndarray]:
    """A closed sphere with 2 rows meridians: vertices and outward counter-clockwise triangles."""
    columns = 2 * rows
    t, p = np.arange(1, rows) / rows * np.pi, np.arange(columns) / columns * 2 * np.pi
    x, y, z = np.outer(np.sin(t), np.sin(p)), np.outer(np.cos(t), p * 0 + 1), np.outer(np.sin(t), np.cos(p))
    vertices = np.vstack([np.stack([x, y, z], axis=-1).reshape(-1, 3), [[0, 1, 0], [0, -1, 0]]])
    i, j = (n.ravel() for n in np.mgrid[: rows - 2, :columns])
    a, b = i * columns + j, i * columns + (j + 1) % columns
    body = np.stack([a, a + columns, b + columns, a, b + columns, b], axis=1).reshape(-1, 3)
    j = np.arange(columns)
    k, top, last = (j + 1) % columns, np.full(columns, len(vertices) - 2), (rows - 2) * columns
    caps = np.vstack([np.stack([top, j, k], axis=1), np.stack([top + 1, last + k, last + j], axis=1)])
    return vertices, np.vstack([caps, body])


def face(triangles: int) -> tuple[np.ndarray, np.ndarray]:
    """The mean head's ``triangles`` nearest to the nose, with the vertices that they use."""
    model = load_head_model()
    first, last = model.parts["skin"]
    skin = model.triangles[first:last]
    distance = np.linalg.norm(model.mean[skin].mean(axis=1) - [0, -20, 50], axis=1)
    used, chosen = np.unique(skin[np.sort(np.argsort(distance)[:triangles])], return_inverse=True)
    return model.mean[used].astype(np.float64), chosen.reshape(-1, 3)


def subdivided(vertices: np.ndarray, triangles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Every triangle cut into four at the middles of its edges; vertices in the order of their first use."""
    ends = np.sort(np.stack([triangles, np.roll(triangles, -1, axis=1)], axis=-1).reshape(-1, 2), axis=1)
    edges, middle = np.unique(ends, axis=0, return_inverse=True)
    points = np.vstack([vertices, vertices[edges].mean(axis=1)])
    (a, b, c), (ab, bc, ca) = triangles.T, middle.reshape(-1, 3).T + len(vertices)
    quarters = np.stack([a, ab, ca, ab, b, bc, ca, bc, c, ab, bc, ca], axis=1).reshape(-1, 3)
    _, first = np.unique(quarters, return_index=True)
    order = quarters.ravel()[np.sort(first)]
    renamed = np.empty(len(points), np.int64)
    renamed[order] = np.arange(len(order))
    return points[order], renamed[quarters]


def meshes() -> list[Mesh]:
    """The meshes that all parts of this benchmark draw."""
    made = [
        ("face, subdivided", "fine", subdivided(*face(BASEL // 4))),
        ("sphere, fine", "fine", sphere(134)),
        ("face", "coarse", face(9600)),
        ("sphere, coarse", "coarse", sphere(50)),
    ]
    return [Mesh(name, detail, in_front(v), t) for name, detail, (v, t) in made]


class Scene:
    """A batch of one mesh with random colours, and what drawing it consists of."""

    def __init__(self, mesh: Mesh, batch: int = 1, threads: int = 1) -> None:
        rng = np.random.default_rng(0)
        self.threads = threads
        self.topology = Topology(mesh.triangles, len(mesh.points))
        self.settings = RasterSettings(SIZE, SIZE, threads=threads)
        lens = np.full(batch, SIZE * 4.0), np.full((batch, 2), SIZE / 2)
        self.xy, self.depth = project(np.repeat(mesh.points[None], batch, axis=0), *lens)
        self.colours = rng.uniform(size=(batch, len(mesh.points), 3)).astype(np.float32)
        self.d_picture = rng.normal(size=(batch, SIZE, SIZE, 3)).astype(np.float32)
        self.draw()
        self.differentiate()

    def rasterise(self) -> None:
        self.raster = rasterise_batch(self.xy, self.depth, self.topology, self.settings)

    def interpolate(self) -> None:
        self.surface = interpolate_batch(self.raster, self.colours, self.topology, self.threads)

    def find_silhouettes(self) -> None:
        self.silhouettes = find_silhouettes(self.xy, self.depth, self.topology, self.raster, self.settings)

    def antialias(self) -> None:
        self.picture = antialias(self.surface, self.silhouettes)

    def antialias_gradient(self) -> None:
        self.d_surface, self.moved = antialias_gradient(self.surface, self.silhouettes, self.d_picture)

    def interpolate_gradient(self) -> None:
        self.d_colours, self.d_weights = interpolate_gradient(
            self.raster, self.colours, self.topology, self.d_surface, self.threads
        )

    def rasterise_gradient(self) -> None:
        self.d_xy, self.d_depth = rasterise_gradient(
            self.xy, self.depth, self.topology, self.raster, self.d_weights, None, self.threads
        )

    def draw(self) -> None:
        self.rasterise()
        self.interpolate()

    def differentiate(self) -> None:
        self.draw()
        self.find_silhouettes()
        self.antialias()
        self.antialias_gradient()
        self.interpolate_gradient()
        self.rasterise_gradient()
        self.d_xy += self.moved

    def own_edges(self) -> float:
        """Percent of the pairs at silhouettes whose inner pixel sees the triangle that has the edge."""
        inner, ends = self.silhouettes.inner, self.silhouettes.ends
        corners = self.topology.triangles[self.raster.triangle.ravel()[inner]]
        shared = (corners[:, :, None] == ends[:, None, :] % self.topology.vertices).any(axis=1)
        return float(100 * shared.all(axis=1).mean())


STAGES = (
    "rasterise",
    "interpolate",
    "find_silhouettes",
    "antialias",
    "antialias_gradient",
    "interpolate_gradient",
    "rasterise_gradient",
)


def milliseconds(
    job: Callable[[], object], runs: int, clock: Callable[[], float] = thread_time
) -> tuple[float, float]:
    """Median and shortest time of ``runs``, after two that do not count."""
    times = []
    for _ in range(runs + 2):
        start = clock()
        job()
        times.append(1000 * (clock() - start))
    return median(times[2:]), min(times[2:])


def one_thread(runs: int) -> list[str]:
    """Tables of whole pictures and of their parts."""
    pictures, parts, outlines = [], [], []
    for mesh in meshes():
        scene = Scene(mesh)
        forward, both = milliseconds(scene.draw, runs), milliseconds(scene.differentiate, runs)
        seen = int((scene.raster.triangle >= 0).sum())
        goals = GOALS[mesh.detail]
        pictures.append(
            [
                mesh.name,
                f"{len(mesh.points):,}",
                f"{len(mesh.triangles):,}",
                f"{seen:,}",
                f"{forward[0]:.2f} ({forward[1]:.2f}; goal {goals[0]:g})",
                f"{both[0]:.2f} ({both[1]:.2f}; goal {goals[1]:g})",
                f"{both[0] / forward[0]:.1f}",
                f"{1e6 * forward[0] / len(mesh.triangles):.0f}",
            ]
        )
        parts.append([mesh.name, *(milliseconds(getattr(scene, stage), runs)[0] for stage in STAGES)])
        outlines.append([mesh.name, len(scene.silhouettes.inner), f"{scene.own_edges():.0f} %"])
    header = ["mesh", "vertices", "triangles", "pixels covered", "forward", "with gradients"]
    return [
        "One picture on one thread, ms of processor time: median (shortest).",
        table([*header, "ratio", "forward, ns a triangle"], pictures),
        "Its parts, medians in ms.",
        table(["mesh", *(stage.replace("_", " ") for stage in STAGES)], parts),
        "Pairs of pixels with a silhouette between them, and how many of them a search among the edges of "
        "the triangle that the inner pixel sees would find.",
        table(["mesh", "pairs", "found in the triangle seen"], outlines),
    ]


def over_threads(runs: int) -> list[str]:
    """Table of pictures a second for a batch on more and more threads."""
    rows: list[list[object]] = []
    single: list[float] = []
    mesh, cores = meshes()[0], os.cpu_count() or 1
    for threads in sorted({1, *(n for n in (2, 4, 8, 16) if n <= cores)}):
        scene = Scene(mesh, BATCH, threads)
        jobs = scene.draw, scene.differentiate
        times = [milliseconds(job, max(runs // 5, 3), perf_counter)[1] / BATCH for job in jobs]
        single = single or times
        faster = [f"{time:.2f} (x {one / time:.2f})" for one, time in zip(single, times, strict=True)]
        rows.append([threads, *faster])
    return [
        f"A batch of {BATCH} pictures of the subdivided face: ms of the wall clock a picture, in the "
        "shortest run, and how many times as fast as on one thread.",
        table(["threads", "forward", "with gradients"], rows),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=200, help="pictures that count for a median")
    parser.add_argument("--publish", action="store_true", help=f"write {RESULTS / 'renderer.md'}")
    options = parser.parse_args()
    parts = [*one_thread(options.runs), *over_threads(options.runs)]
    if options.publish:
        publish("renderer", "Speed of the renderer", "python benchmarks/renderer.py --publish", *parts)
    else:
        print("\n\n".join(parts))


if __name__ == "__main__":
    main()
