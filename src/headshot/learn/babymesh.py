"""Training BabyMeshNet: shapes from pictures alone, by rendering (Jeon et al., section IV-C, Figures 6-7).

The paper deforms a sphere into one teapot, seen in one picture, by the mean squared error of the rendered
picture. `run` does the same with one object and one view; with more of both, it learns several objects at
once and is measured on views that it has never seen, against the true shapes, which the paper could not do.

Pictures are made by `headshot.learn.render`; the light stands above the camera.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from headshot.arrays import U8
from headshot.errors import HeadshotError
from headshot.learn.connectivity import connectivity
from headshot.learn.curves import Metrics
from headshot.learn.engine import Plan, Task, train
from headshot.learn.losses.mesh import (
    chamfer,
    edge_length_mean,
    laplacian_smoothing,
    normal_consistency,
    sample_surface,
)
from headshot.learn.networks.babymesh import BabyMeshNet
from headshot.learn.render import (
    DirectionalLights,
    Meshes,
    MeshRenderer,
    PerspectiveCameras,
    RendererSettings,
    Rendering,
    Topology,
    VertexColours,
    look_at_view_transform,
)
from headshot.learn.shapes import ico_sphere, objects

GREY = 0.7
DISTANCE, FIELD = 2.7, 50.0  # camera: units from the middle, degrees
_SAMPLES = 2000  # surface points for measured chamfer distances


@dataclass(frozen=True)
class Weights:
    """Of the terms beside the mean squared error of the picture, which has weight 1.

    The paper trained BabyMeshNet with all of them 0.
    """

    silhouette: float = 0.0
    edge: float = 0.0
    normal: float = 0.0
    laplacian: float = 0.0


REGULARISED = Weights(silhouette=1.0, edge=0.1, normal=0.05, laplacian=0.2)


@dataclass(frozen=True)
class BabySettings:
    """What to learn.

    Attributes:
        names: of the objects, see `headshot.learn.shapes.objects`.
        views: training pictures around each object; 1 is the paper's single picture.
        size: of the network's pictures, pixels: 256 is the paper's table.
        render: of the rendered pictures that are compared, pixels.
        weights: of the loss.
    """

    names: tuple[str, ...] = ("teapot",)
    views: int = 1
    size: int = 256
    render: int = 128
    weights: Weights = Weights()


class Scene:
    """Objects, their pictures from all views, and the sphere that is to become them.

    Attributes:
        truth: (objects, views, 4, render, render) RGBA from training views.
        unseen: the same from views halfway between them and higher up, none of which is trained on.
    """

    def __init__(self, settings: BabySettings) -> None:
        """Render everything once."""
        known = objects()
        unknown = set(settings.names) - set(known)
        if unknown or settings.views < 1:
            raise HeadshotError(
                f"no objects {sorted(unknown)}: there are {', '.join(known)}, and views from 1"
            )
        self.settings = settings
        self.shapes = [known[name] for name in settings.names]
        step = 360 / settings.views
        self.angles = [(10.0 if i % 2 else 30.0, 40 + i * step) for i in range(settings.views)]
        self.unseen_angles = [(20.0, 40 + (i + 0.5) * step) for i in range(min(settings.views, 8))]
        sphere = ico_sphere(4)
        self.sphere = torch.from_numpy(sphere.vertices) * 0.7
        self.topology = Topology(sphere.triangles, len(sphere.vertices))
        self.connectivity = connectivity(sphere.triangles, len(sphere.vertices))
        self.inputs, self.truth = self._pictures(self.angles)
        self.unseen_inputs, self.unseen_truth = self._pictures(self.unseen_angles)
        generator = torch.Generator().manual_seed(0)
        self.points = torch.cat(
            [
                sample_surface(
                    torch.from_numpy(s.vertices)[None],
                    connectivity(s.triangles, len(s.vertices)),
                    _SAMPLES,
                    generator,
                )[0]
                for s in self.shapes
            ]
        )

    def _pictures(self, angles: Sequence[tuple[float, float]]) -> tuple[Tensor, Tensor]:
        """Network inputs (O, N, 3, size, size) and truths (O, N, 4, render, render)."""
        settings = self.settings
        inputs, truth = [], []
        for shape in self.shapes:
            vertices = torch.from_numpy(shape.vertices).expand(len(angles), -1, -1)
            topology = Topology(shape.triangles, len(shape.vertices))
            with torch.no_grad():
                inputs.append(_draw(vertices, topology, angles, settings.size).rgb.permute(0, 3, 1, 2))
                truth.append(_draw(vertices, topology, angles, settings.render).rgba.permute(0, 3, 1, 2))
        return torch.stack(inputs), torch.stack(truth)

    def deform(self, network: nn.Module, pictures: Tensor) -> Tensor:
        """Vertices (B, V, 3) that the network makes of pictures (B, 3, size, size)."""
        vertices: Tensor = self.sphere + network(pictures)
        return vertices

    def draw(self, vertices: Tensor, angles: Sequence[tuple[float, float]]) -> Tensor:
        """Pictures (B, 4, render, render), each mesh from its own side."""
        picture = _draw(vertices, self.topology, angles, self.settings.render)
        return picture.rgba.permute(0, 3, 1, 2)


def _draw(
    vertices: Tensor, topology: Topology, angles: Sequence[tuple[float, float]], size: int
) -> Rendering:
    """Grey meshes (B, V, 3) from B sides (elevation, azimuth)."""
    elevation, azimuth = zip(*angles, strict=True)
    cameras = PerspectiveCameras.from_fov(
        size, FIELD, *look_at_view_transform(DISTANCE, list(elevation), list(azimuth))
    )
    above = cameras.positions() + torch.tensor([0.0, 2.0, 0.0])
    lights = DirectionalLights(above, ambient=(0.35,) * 3, diffuse=(0.6,) * 3, specular=(0.0,) * 3)
    colours = VertexColours(torch.full((1, vertices.shape[1], 3), GREY))
    renderer = MeshRenderer(cameras, lights, RendererSettings(size=size))
    return renderer(Meshes(vertices, topology, colours))


class Items(Dataset[Any]):
    """Item k: a random object, the side that the network sees and the side that is compared."""

    def __init__(self, scene: Scene, seed: int = 0) -> None:
        self.scene, self.seed = scene, seed

    def __getitem__(self, k: int) -> tuple[Tensor, int, int, int]:
        random = np.random.default_rng([self.seed, k])
        name = k % len(self.scene.shapes)
        shown, compared = random.integers(0, len(self.scene.angles), 2).tolist()
        return self.scene.inputs[name, shown], name, shown, compared


def loss(scene: Scene, network: nn.Module, batch: Any) -> tuple[Tensor, Metrics]:
    """Mean squared error of the rendered pictures from the side shown and from another, and regularisers."""
    pictures, names, shown, compared = batch
    vertices = scene.deform(network, pictures)
    sides = [shown] if len(scene.angles) == 1 else [shown, compared]
    w = scene.settings.weights
    mse = silhouette = vertices.new_zeros(())
    for side in sides:
        drawn = scene.draw(vertices, [scene.angles[i] for i in side.tolist()])
        wanted = scene.truth[names, side]
        mse = mse + (drawn[:, :3] - wanted[:, :3]).square().mean() / len(sides)
        silhouette = silhouette + (drawn[:, 3] - wanted[:, 3]).square().mean() / len(sides)
    total = mse + w.silhouette * silhouette
    if w.edge:
        total = total + w.edge * edge_length_mean(vertices, scene.connectivity)
    if w.normal:
        total = total + w.normal * normal_consistency(vertices, scene.connectivity)
    if w.laplacian:
        total = total + w.laplacian * laplacian_smoothing(vertices, scene.connectivity)
    return total, {"mse": float(mse.detach()), "silhouette": float(silhouette.detach())}


def validate(scene: Scene, network: nn.Module) -> Metrics:
    """Errors of pictures, silhouettes and shapes from trained and unseen views.

    "unseen": the network sees an object from a new side, and its mesh is compared from all the new sides.
    Chamfer distances are of 2,000 surface points each, squared, in units of the object's radius, times 1,000.
    Of several objects, each is also measured alone, from new sides.
    """
    metrics: Metrics = {}
    generator = torch.Generator().manual_seed(1)
    for kind, inputs, truth, angles in (
        ("trained", scene.inputs, scene.truth, scene.angles),
        ("unseen", scene.unseen_inputs, scene.unseen_truth, scene.unseen_angles),
    ):
        if kind == "unseen" and len(scene.angles) == 1:
            # a single picture says nothing about other sides as inputs: measure its mesh from there
            inputs = scene.inputs
        values: dict[str, list[float]] = {"mse": [], "iou": [], "chamfer": []}
        for name in range(len(scene.shapes)):
            for i in range(0, inputs.shape[1], max(1, inputs.shape[1] // 4)):
                vertices = scene.deform(network, inputs[name, i : i + 1])
                drawn = scene.draw(vertices.expand(len(angles), -1, -1), angles)
                wanted = truth[name]
                values["mse"].append(float((drawn[:, :3] - wanted[:, :3]).square().mean()))
                a, b = drawn[:, 3] > 0.5, wanted[:, 3] > 0.5
                values["iou"].append(float((a & b).sum() / (a | b).sum()))
                points, _ = sample_surface(vertices, scene.connectivity, _SAMPLES, generator)
                values["chamfer"].append(1000 * float(chamfer(points, scene.points[name : name + 1])))
            if kind == "unseen" and len(scene.shapes) > 1:
                tried = len(values["iou"]) // (name + 1)  # as often for each object
                for key in ("iou", "chamfer"):
                    metrics[f"{scene.settings.names[name]}_{key}"] = float(np.mean(values[key][-tried:]))
        metrics.update({f"{kind}_{key}": float(np.mean(v)) for key, v in values.items()})
    metrics["score"] = -metrics["trained_mse"] if len(scene.angles) == 1 else -metrics["unseen_mse"]
    return metrics


def sheet(scene: Scene, network: nn.Module, rows: int = 8) -> U8:
    """A picture: for each object the input, the mesh from that side, and truth and mesh from two other sides.

    With several views, inputs are sides that were not trained on.
    """
    single = len(scene.angles) == 1
    inputs = scene.inputs if single else scene.unseen_inputs
    angles = scene.angles if single else scene.unseen_angles
    lines = []
    for name in range(min(rows, len(scene.shapes))):
        vertices = scene.deform(network, inputs[name, :1])
        first = nn.functional.interpolate(inputs[name, :1], scene.settings.render, mode="area")[0]
        tiles = [first, scene.draw(vertices, angles[:1])[0, :3]]
        for turn in (90.0, 180.0):
            side = (angles[0][0], angles[0][1] + turn)
            shape = scene.shapes[name]
            topology = Topology(shape.triangles, len(shape.vertices))
            true = _draw(torch.from_numpy(shape.vertices)[None], topology, [side], scene.settings.render)
            tiles += [true.rgb[0].permute(2, 0, 1), scene.draw(vertices, [side])[0, :3]]
        lines.append(torch.cat(tiles, dim=2))
    picture = torch.cat(lines, dim=1).clamp(0, 1).permute(1, 2, 0)
    return (picture.numpy() * 255 + 0.5).astype(np.uint8)


def task(settings: BabySettings, seed: int = 0) -> Task:
    """What the engine trains."""
    torch.manual_seed(seed)
    scene = Scene(settings)
    network = BabyMeshNet(settings.size, len(scene.sphere))
    return Task(
        network,
        Items(scene, seed),
        lambda net, batch: loss(scene, net, batch),
        lambda net: validate(scene, net),
        "score",
        lambda net: sheet(scene, net),
    )


def run(folder: Path, settings: BabySettings, plan: Plan, *, say: Callable[[str], None] = print) -> None:
    """Train BabyMeshNet, or go on training, in the folder of a run (see `headshot.learn.engine`)."""
    train(task(settings, plan.seed), plan, folder, say=say)
