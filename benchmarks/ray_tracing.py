"""How fast rays are traced, and whether Intel's Embree finds the same: `headshot.geometry.rays` by numbers.

    pip install embreex
    python benchmarks/ray_tracing.py --publish

The mean head of 33,000 triangles and that of 8,000. *Sky*: from every vertex towards those of 128 evenly
spread directions that are above its horizon, as transfer does; *picture*: a camera's rays through 512 x 512
pixels; *any*: from a sphere around the head towards points in it, in no order. Each is timed in pieces of
16,384 rays that take turns over the ways, and the fastest third of the turns counts, so that what else the
machine does weighs little. Embree's rays are traced by its single-ray functions with one thread, as the
wrapper offers them. Without embreex its columns are left out.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headshot.geometry.raster import vertex_normals
from headshot.geometry.rays import build, closest, occluded
from headshot.geometry.rays.bvh import BoundingVolumes
from headshot.geometry.rays.directions import even_directions
from headshot.models.head_model import HeadModel, load_head_model
from report import publish, table

PIECE, TURNS = 16_384, 9
ABOVE = 0.05
"""mm over the surface from which rays start."""
Rays = tuple[NDArray[np.float32], NDArray[np.float32]]


def kinds(model: HeadModel) -> dict[str, Rays]:
    rng = np.random.default_rng(0)
    normals = vertex_normals(model.mean, model.triangles)
    directions = even_directions(128)
    vertex, way = np.nonzero(normals @ directions.T > 0)
    sky = (model.mean + ABOVE * normals)[vertex], directions[way]
    across = (np.arange(512) - 255.5) / 512
    x, y = np.meshgrid(across, -across)
    view = np.stack([x, y, np.full_like(x, -1.9)], axis=-1).reshape(-1, 3)
    origins = rng.normal(size=(200_000, 3))
    origins *= 400 / np.linalg.norm(origins, axis=1, keepdims=True)
    any_way = rng.uniform(-80, 80, origins.shape) - origins
    found = {
        "sky": sky,
        "picture": (np.tile([[0.0, 0.0, 550.0]], (len(view), 1)), view),
        "any": (origins, any_way),
    }
    return {name: (o.astype(np.float32), d.astype(np.float32)) for name, (o, d) in found.items()}


def rate(work: Callable[[slice], object], count: int, rng: np.random.Generator) -> float:
    """Million rays a second: the fastest third of pieces that are picked over all rays."""
    times = []
    work(slice(0, PIECE))
    for first in rng.integers(0, max(count - PIECE, 1), 3 * TURNS):
        begun = perf_counter()
        work(slice(first, first + PIECE))
        times.append((perf_counter() - begun) / min(PIECE, count))
    return float(1e-6 / np.mean(np.sort(times)[:TURNS]))


def embree_scene(model: HeadModel) -> Any:
    """The mesh in Embree, or None without the package."""
    try:
        from embreex.mesh_construction import TriangleMesh
        from embreex.rtcore_scene import EmbreeScene
    except ImportError:
        return None
    scene = EmbreeScene()
    TriangleMesh(scene, model.mean[model.triangles].astype(np.float32))
    return scene


def measure(model: HeadModel, volumes: BoundingVolumes, scene: Any, name: str, rays: Rays) -> list[object]:
    origins, directions = rays
    rng = np.random.default_rng(1)
    count = len(origins)
    any_hit = rate(lambda p: occluded(volumes, origins[p], directions[p]), count, rng)
    first = rate(lambda p: closest(volumes, origins[p], directions[p]), count, rng)
    row: list[object] = [f"{len(model.triangles):,}", name, f"{count:,}", any_hit, first]
    if scene is not None:
        theirs = rate(lambda p: scene.run(origins[p], directions[p], query="OCCLUDED"), count, rng)
        ours, other = (
            closest(volumes, origins, directions).triangle,
            np.asarray(scene.run(origins, directions)),
        )
        row += [theirs, f"{(ours != other).sum():,}", f"{((ours < 0) != (other < 0)).sum():,}"]
    return row


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--publish", action="store_true", help="write docs/explanation/results")
    options = parser.parse_args()
    rows, built = [], []
    for resolution in ("high", "low"):
        model = load_head_model(resolution)
        build(model.mean, model.triangles)
        times = []
        for _ in range(TURNS):
            begun = perf_counter()
            volumes = build(model.mean, model.triangles)
            times.append(1000 * (perf_counter() - begun))
        built.append(f"{len(model.triangles):,} triangles in {min(times):.0f} ms")
        scene = embree_scene(model)
        rows += [measure(model, volumes, scene, name, rays) for name, rays in kinds(model).items()]
    header = ["triangles", "rays", "number", "any hit, M/s", "first hit, M/s"]
    header += ["Embree any hit, M/s", "other triangle", "hit or not"][: len(rows[0]) - 5]
    text = table(header, rows), "One thread. The tree is built over " + " and ".join(built) + "."
    if options.publish:
        publish("ray-tracing", "Ray tracing", "python benchmarks/ray_tracing.py --publish", *text)
    else:
        print("\n\n".join(text))


if __name__ == "__main__":
    main()
