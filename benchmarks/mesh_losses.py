"""How long the mesh losses take, forward and backward, against brute force and PyTorch3D.

    python benchmarks/mesh_losses.py

Chamfer distance of two clouds of 10,000 points on a sphere and on a deformed one, then the other losses on
ico_sphere(4), batch 4. One thread, medians of 15 runs after 2, in processor time, on which other work on the
machine has little influence. Brute force is ``torch.cdist``, with the squares of all pairs in memory.
PyTorch3D is timed where it can be imported.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from statistics import median
from time import process_time

import torch
from torch import Tensor

from headshot.learn.connectivity import connectivity
from headshot.learn.losses import mesh
from headshot.learn.shapes import ico_sphere
from report import publish, table

POINTS, RUNS = 10_000, 15


def milliseconds(loss: Callable[[], Tensor], leaf: Tensor) -> tuple[float, float]:
    """Median forward and backward time."""
    forward, backward = [], []
    for run in range(RUNS + 2):
        leaf.grad = None
        start = process_time()
        value = loss()
        middle = process_time()
        value.backward()
        if run >= 2:
            forward.append(1000 * (middle - start))
            backward.append(1000 * (process_time() - middle))
    return median(forward), median(backward)


def brute_force(x: Tensor, y: Tensor) -> Tensor:
    """Chamfer distance through all squared distances."""
    squares = torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist").square()
    return squares.amin(dim=2).mean() + squares.amin(dim=1).mean()


def clouds() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    x, y = torch.nn.functional.normalize(torch.randn(2, 1, POINTS, 3, generator=generator), dim=3)
    return x.clone().requires_grad_(), y * (1 + 0.1 * torch.sin(5 * y[..., :1]))


def chamfer_rows() -> list[list[object]]:
    x, y = clouds()
    ways: list[tuple[str, Callable[[], Tensor]]] = [
        ("Headshot, k-d tree", lambda: mesh.chamfer(x, y)),
        ("torch.cdist, all pairs", lambda: brute_force(x, y)),
    ]
    if importlib.util.find_spec("pytorch3d"):
        from pytorch3d.loss import chamfer_distance

        ways.insert(1, ("PyTorch3D", lambda: chamfer_distance(x, y)[0]))
    rows: list[list[object]] = []
    first = 0.0
    for name, way in ways:
        forward, backward = milliseconds(way, x)
        first = first or forward + backward
        ratio = (forward + backward) / first
        rows.append([name, f"{way().item():.7f}", f"{forward:.1f}", f"{backward:.1f}", f"{ratio:.0f} x"])
    return rows


def other_rows() -> list[list[object]]:
    sphere = ico_sphere(4)
    known = connectivity(sphere.triangles, len(sphere.vertices))
    generator = torch.Generator().manual_seed(0)
    noise = 0.02 * torch.randn(4, len(sphere.vertices), 3, generator=generator)
    leaf = (torch.from_numpy(sphere.vertices) + noise).requires_grad_()
    ours: dict[str, Callable[[], Tensor]] = {
        "normal consistency": lambda: mesh.normal_consistency(leaf, known),
        "Laplacian, uniform": lambda: mesh.laplacian_smoothing(leaf, known),
        "Laplacian, cotangent": lambda: mesh.laplacian_smoothing(leaf, known, "cotangent", frozen=True),
        "edge length": lambda: mesh.edge_length_mean(leaf, known),
    }
    theirs: dict[str, Callable[[], Tensor]] = {}
    if importlib.util.find_spec("pytorch3d"):
        from pytorch3d import loss
        from pytorch3d.structures import Meshes

        def meshes() -> Meshes:
            return Meshes(leaf, known.triangles.expand(len(leaf), -1, -1))

        theirs = {
            "normal consistency": lambda: loss.mesh_normal_consistency(meshes()),
            "Laplacian, uniform": lambda: loss.mesh_laplacian_smoothing(meshes()),
            "Laplacian, cotangent": lambda: loss.mesh_laplacian_smoothing(meshes(), "cot"),
            "edge length": lambda: loss.mesh_edge_loss(meshes()),
        }
    rows: list[list[object]] = []
    for name, way in ours.items():
        row: list[object] = [name, *(f"{t:.1f}" for t in milliseconds(way, leaf))]
        if name in theirs:
            row += [f"{t:.1f}" for t in milliseconds(theirs[name], leaf)]
            row += [f"{abs(way().item() - theirs[name]().item()):.0e}"]
        rows.append(row + ["–"] * (6 - len(row)))
    return rows


def main() -> None:
    torch.set_num_threads(1)
    first = table(
        ["chamfer of 2 x 10,000 points", "value", "forward, ms", "backward, ms", "time"], chamfer_rows()
    )
    second = table(
        ["loss on 4 x 2,562 vertices", "forward, ms", "backward, ms", "PyTorch3D forward, ms",
         "PyTorch3D backward, ms", "difference"],
        other_rows(),
    )  # fmt: skip
    publish("mesh-losses", "Mesh losses", "python benchmarks/mesh_losses.py", first, second)


if __name__ == "__main__":
    main()
