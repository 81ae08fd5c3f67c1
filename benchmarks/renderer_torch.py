"""How long whole pictures take in torch, hard and soft, and PyTorch3D beside it where it is installed.

    python benchmarks/renderer_torch.py [--runs 20] [--only-pytorch3d] [--publish]

The meshes are those of benchmarks/renderer.py, with a colour for every vertex; pictures of 224 x 224 on one
thread. A run is all that a training step does: vertices to the camera, projection, rasterisation, colours,
blending with the background and, for gradients, back from the picture to vertices and colours. Soft pictures
have the Soft Rasterizer's gamma 1e-4 and dist_eps 1e-4, and all triangles seen from either side.

PyTorch3D draws the same meshes by the same camera in the same run, without the cost of its lights: in hard
mode with 1 face for each pixel and no blur, in soft mode with blur_radius = log(1 / 1e-4 - 1) sigma and, as
in its tutorials, 50 faces for each pixel; ours has no such limit. How far the pictures differ is printed too.

Medians of processor time, which other programs on the machine disturb least; PyTorch3D runs once, as its
times are seconds. ``--publish`` writes docs/explanation/results/renderer-torch.md, with ``--only-pytorch3d``
docs/explanation/results/renderer-pytorch3d.md.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
from dataclasses import dataclass
from math import log
from time import perf_counter, process_time

import torch
from torch import Tensor

from headshot.learn.render import (
    Meshes,
    MeshRenderer,
    PerspectiveCameras,
    RendererSettings,
    SoftSettings,
    Topology,
    VertexColours,
)
from renderer import SIZE, Mesh, meshes, milliseconds
from report import RESULTS, publish, table

FOCAL = 4.0 * SIZE
GOAL_SOFT = 60.0  # milliseconds with gradients, fine meshes, that the project set itself
BATCH = 8


@dataclass(frozen=True)
class Mode:
    """A way to draw; ``sigma`` is None in hard mode."""

    name: str
    sigma: float | None
    cull: bool = False

    def settings(self, threads: int = 1) -> RendererSettings:
        soft = None if self.sigma is None else SoftSettings(sigma=self.sigma)
        return RendererSettings(SIZE, soft=soft, cull=self.cull, threads=threads)


HARD = Mode("hard", None)
MODES = (
    HARD,
    Mode("hard, culled", None, cull=True),
    Mode("soft, sigma 1e-5", 1e-5),
    Mode("soft, sigma 1e-5, culled", 1e-5, cull=True),
    Mode("soft, sigma 1e-4", 1e-4),
)


class Ours:
    """A batch of one mesh and what a training step does with it."""

    def __init__(self, mesh: Mesh, mode: Mode, batch: int = 1, threads: int = 1) -> None:
        generator = torch.Generator().manual_seed(0)
        self.vertices = torch.tensor(mesh.points).repeat(batch, 1, 1).requires_grad_()
        self.colours = torch.rand((batch, len(mesh.points), 3), generator=generator).requires_grad_()
        self.topology = Topology(mesh.triangles, len(mesh.points))
        self.weights = torch.randn((batch, SIZE, SIZE, 4), generator=generator)
        pose = torch.eye(3), torch.zeros(3)
        centre = torch.tensor([SIZE / 2, SIZE / 2])
        camera = PerspectiveCameras(torch.tensor(FOCAL), centre, *pose)
        self.renderer = MeshRenderer(camera, settings=mode.settings(threads))

    def picture(self) -> Tensor:
        return self.renderer(Meshes(self.vertices, self.topology, VertexColours(self.colours))).rgba

    def forward(self) -> None:
        with torch.no_grad():
            self.picture()

    def both(self) -> None:
        self.vertices.grad = self.colours.grad = None
        (self.picture() * self.weights).sum().backward()


class Theirs:
    """The same by PyTorch3D."""

    def __init__(self, ours: Ours, mode: Mode) -> None:
        from pytorch3d.renderer import (
            BlendParams,
            MeshRasterizer,
            RasterizationSettings,
            softmax_rgb_blend,
        )
        from pytorch3d.renderer import PerspectiveCameras as Cameras

        blur = 0.0 if mode.sigma is None else log(1 / 1e-4 - 1) * mode.sigma
        settings = RasterizationSettings(
            image_size=SIZE,
            blur_radius=blur,
            faces_per_pixel=1 if mode.sigma is None else 50,
            cull_backfaces=mode.cull,
        )
        # x to the left and z ahead.
        cameras = Cameras(
            focal_length=FOCAL,
            principal_point=((SIZE / 2, SIZE / 2),),
            R=torch.diag(torch.tensor([-1.0, 1.0, -1.0]))[None],
            in_ndc=False,
            image_size=((SIZE, SIZE),),
        )
        self.ours, self.blend = ours, softmax_rgb_blend
        self.rasterizer = MeshRasterizer(cameras, settings)
        self.parameters = BlendParams(sigma=mode.sigma or 1e-8, gamma=1e-4, background_color=(1.0, 1.0, 1.0))
        self.faces = torch.tensor(ours.topology.triangles.astype("int64"))[None]

    def picture(self) -> Tensor:
        from pytorch3d.renderer import TexturesVertex
        from pytorch3d.structures import Meshes as TheirMeshes

        mesh = TheirMeshes(self.ours.vertices, self.faces, TexturesVertex(self.ours.colours))
        fragments = self.rasterizer(mesh)
        return self.blend(mesh.sample_textures(fragments), fragments, self.parameters)

    def timed(self) -> tuple[Tensor, tuple[float, float]]:
        """Its picture, and milliseconds of processor time forward and with gradients, of one run."""
        start = process_time()
        picture = self.picture()
        drawn = process_time()
        (picture * self.ours.weights).sum().backward()
        return picture.detach(), (1000 * (drawn - start), 1000 * (process_time() - start))


def one_thread(runs: int) -> list[str]:
    """Table of our own times."""
    rows: list[list[object]] = []
    for mesh in meshes():
        for mode in MODES:
            scene = Ours(mesh, mode)
            count = runs if mode.sigma is None else max(runs // 2, 3)
            times = (milliseconds(job, count, process_time) for job in (scene.forward, scene.both))
            forward, both = (f"{middle:.1f} ({shortest:.1f})" for middle, shortest in times)
            goal = f", goal {GOAL_SOFT:g}" if mode.sigma == 1e-5 and mesh.detail == "fine" else ""
            size = f"{len(mesh.points):,} / {len(mesh.triangles):,}"
            rows.append([mesh.name, size, mode.name, forward, both + goal])
    return [
        "One picture on one thread, ms of processor time: median (shortest).",
        table(["mesh", "vertices / triangles", "mode", "forward", "with gradients"], rows),
    ]


def over_threads(runs: int) -> list[str]:
    """Table of times a picture of a batch, on more and more threads."""
    rows: list[list[object]] = []
    mesh, cores = meshes()[0], os.cpu_count() or 1
    for mode in (HARD, MODES[2]):
        single = 0.0
        for threads in sorted({1, *(n for n in (2, 4, 8) if n <= cores)}):
            scene = Ours(mesh, mode, BATCH, threads)
            time = milliseconds(scene.both, max(runs // 5, 3), perf_counter)[0] / BATCH
            single = single or time
            rows.append([mode.name, threads, f"{time:.1f} (x {single / time:.2f})"])
    return [
        f"A batch of {BATCH} pictures of the subdivided face with gradients: ms of the wall clock a picture,"
        " and how many times as fast as on one thread.",
        table(["mode", "threads", "with gradients"], rows),
    ]


def beside_pytorch3d(runs: int) -> list[str]:
    """Table of PyTorch3D's times, the ratio, and how far the pictures differ."""
    if importlib.util.find_spec("pytorch3d") is None:
        return ["PyTorch3D is not installed here, so nothing is compared with it."]
    import pytorch3d

    rows: list[list[object]] = []
    fine, _, coarse, _ = meshes()
    for mesh, mode in ((coarse, HARD), (coarse, MODES[2]), (fine, HARD)):  # fine and soft: minutes
        ours = Ours(mesh, mode)
        picture, times = Theirs(ours, mode).timed()
        mine = [milliseconds(job, runs, process_time)[0] for job in (ours.forward, ours.both)]
        with torch.no_grad():
            difference = (ours.picture() - picture).abs()
        colour, silhouette = difference[..., :3], difference[..., 3]
        rows.append(
            [
                mesh.name,
                mode.name,
                *(f"{a:.1f} : {b:,.0f} (x {b / a:,.0f})" for a, b in zip(mine, times, strict=True)),
                f"{float(colour.median()):.4f}, {float((colour > 0.02).float().mean()):.1%}",
                f"{float(silhouette.median()):.4f}, {float((silhouette > 0.02).float().mean()):.1%}",
            ]
        )
    return [
        f"Ours : PyTorch3D {pytorch3d.__version__}, ms of processor time for a picture on one thread, and how"
        " many times as long PyTorch3D takes. Differences of the pictures: the median, and the share of"
        " values that differ by more than 0.02.",
        table(["mesh", "mode", "forward", "with gradients", "RGB differs", "silhouette differs"], rows),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=20, help="pictures that count for a median")
    parser.add_argument("--publish", action="store_true", help=f"write the tables to {RESULTS}")
    parser.add_argument("--only-pytorch3d", action="store_true", help="leave out what needs no PyTorch3D")
    options = parser.parse_args()
    torch.set_num_threads(1)
    command = "python benchmarks/renderer_torch.py --publish"
    name, title = "renderer-torch", "Speed of the renderer in torch"
    parts = [] if options.only_pytorch3d else [*one_thread(options.runs), *over_threads(options.runs)]
    if options.only_pytorch3d:
        command, name, title = f"{command} --only-pytorch3d", "renderer-pytorch3d", "Beside PyTorch3D"
    parts += beside_pytorch3d(options.runs)
    if options.publish:
        publish(name, title, command, *parts)
    else:
        print("\n\n".join(parts))


if __name__ == "__main__":
    main()
