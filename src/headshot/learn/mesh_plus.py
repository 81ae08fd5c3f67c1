"""Training MeshNet+ (see `networks.meshnet_plus`): photos teach it looks, rendered heads teach it depth.

Every other item is a photo, compared with its rendering where the segmentation sees the face; the rest are
heads with known shape (`data.rendered`). Both have landmarks. Colours are split into albedo and light by what
is likely: a face is as good as symmetric, and light is like light in photos (`headshot.albedo`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import Dataset

from headshot.albedo import load_albedo
from headshot.head_model import Correspondence, load_head_model
from headshot.learn.data.faces import Faces
from headshot.learn.data.rendered import Rendered
from headshot.learn.engine import Metrics, Plan, Task, train
from headshot.learn.losses.connectivity import connectivity
from headshot.learn.losses.mesh import laplacian_change
from headshot.learn.losses.perceptual import VGGLoss
from headshot.learn.mesh import masked_error
from headshot.learn.networks.meshnet_plus import STAGES, MeshNetPlus, Prediction, Surface
from headshot.learn.render import (
    Meshes,
    MeshRenderer,
    PerspectiveCameras,
    RendererSettings,
    SphericalHarmonics,
    VertexColours,
    to_srgb,
)
from headshot.learn.template import Template, face_template


@dataclass(frozen=True)
class PlusWeights:
    """Weights of the loss.

    Attributes:
        photometric: mean absolute sRGB difference in the mask.
        vgg: of the rendered and the true picture, both masked.
        landmarks: mean distance of 478 landmarks over the size of the crop, for each stage.
        shape: mean distance from the true shape, mm, for each stage; rendered heads only.
        laplacian: mean square change of the Laplacian coordinates (equation 3), mm^2, for each stage.
        symmetry: mean absolute difference of the logarithms of a vertex's albedo and its mirror's.
        seam: mean absolute step of the albedo's logarithm along edges that leave what was seen.
        light: half the squared deviation from the mean light, in its prior's own unit, over 27.
    """

    photometric: float = 4.0
    vgg: float = 0.2
    landmarks: float = 20.0
    shape: float = 0.15
    laplacian: float = 0.05
    symmetry: float = 0.4
    seam: float = 0.5
    light: float = 0.05


def surface_of(template: Template) -> Surface:
    """The template as the network takes it, with the mean albedo and light of the albedo model."""
    model, albedo = load_head_model("low"), load_albedo("low")
    return Surface(
        torch.from_numpy(template.vertices),
        [torch.from_numpy(t) for t in template.triangles],
        template.counts,
        [torch.from_numpy(e) for e in template.edges],
        torch.from_numpy(template.carried(albedo.mean, model)),
        torch.tensor(albedo.light_mean.reshape(9, 3), dtype=torch.float32),
    )


class Mixed(Dataset[Any]):
    """Item k: a photo for even k, a rendered head for odd ones, each in its own shuffled, endless order."""

    def __init__(self, photos: Faces, rendered: Rendered | None, seed: int = 0) -> None:
        self.photos, self.rendered, self.seed = photos, rendered, seed

    def __getitem__(self, k: int) -> dict[str, Any]:
        if self.rendered is None:
            return item(self.photos, self._draw(k, len(self.photos)), None)
        faces = self.rendered.faces if k % 2 else self.photos
        return item(faces, self._draw(k // 2, len(faces)), self.rendered.truth if k % 2 else self.blank)

    @property
    def blank(self) -> NDArray[np.float32]:
        """Stands for the unknown shapes of photos."""
        assert self.rendered is not None
        shape = (len(self.photos), *self.rendered.truth.shape[1:])
        return np.broadcast_to(np.float32(0), shape)

    def _draw(self, k: int, count: int) -> int:
        return int(np.random.default_rng([self.seed, k // count]).permutation(count)[k % count])


def item(faces: Faces, n: int, truth: NDArray[np.float32] | None) -> dict[str, Any]:
    """Face n as tensors."""
    out = {
        "picture": torch.from_numpy(faces.pixels[n]).permute(2, 0, 1).float() / 255,
        "mask": torch.from_numpy(faces.select(slice(n, n + 1)).mask()).float(),
        "landmarks": torch.from_numpy(faces.landmarks[n]),
        "focal": torch.tensor(faces.focal[n]),
        "rotation": torch.from_numpy(faces.rotation[n]),
        "translation": torch.from_numpy(faces.translation[n]),
    }
    if truth is not None:
        out["truth"] = torch.from_numpy(np.array(truth[n]))
    return out


def cameras_of(batch: dict[str, Tensor]) -> PerspectiveCameras:
    """The cameras of a batch of items."""
    size = batch["picture"].shape[2]
    centre = torch.full((len(batch["focal"]), 2), size / 2)
    return PerspectiveCameras(batch["focal"], centre, batch["rotation"], batch["translation"])


def draw(network: MeshNetPlus, found: Prediction, cameras: PerspectiveCameras, size: int) -> Tensor:
    """Pictures (B, 4, size, size): sRGB and coverage, black behind the face."""
    renderer = MeshRenderer(
        cameras, SphericalHarmonics(found.light), RendererSettings(size=size, background=0.0)
    )
    meshes = Meshes(found.vertices, network.topologies[-1], VertexColours(found.albedo))
    out = renderer(meshes)
    rgb = to_srgb(out.rgb.clamp(0, 1)).permute(0, 3, 1, 2)
    return torch.cat([rgb, out.silhouette[:, None]], dim=1)


class Loss:
    """The loss and what it needs of the template."""

    def __init__(self, template: Template, vgg: VGGLoss | None, weights: PlusWeights | None = None) -> None:
        """``vgg`` may be None: then its weight does not count."""
        albedo = load_albedo("low")
        self.vgg, self.weights = vgg, weights or PlusWeights()
        self.levels = [connectivity(template.triangles[n], template.counts[n]) for n in STAGES]
        self.finest = connectivity(template.triangles[-1], template.counts[-1])
        self.corners = [_corners(template.landmarks[n], template.triangles[n]) for n in STAGES]
        self.mirror = torch.from_numpy(template.mirror).long()
        self.light_mean = torch.tensor(albedo.light_mean, dtype=torch.float32)
        self.light_precision = torch.tensor(albedo.light_precision, dtype=torch.float32)

    def landmarks(self, vertices: Tensor, stage: int) -> Tensor:
        """MediaPipe's 478 points (B, 478, 3) on the mesh after a stage."""
        corners, weights = self.corners[stage]
        return (vertices[:, corners] * weights[..., None]).sum(dim=2)

    def __call__(self, network: MeshNetPlus, batch: dict[str, Tensor]) -> tuple[Tensor, Metrics]:
        """Loss and terms of a batch whose even rows are photos and odd ones rendered heads."""
        cameras = cameras_of(batch)
        size = batch["picture"].shape[2]
        found: Prediction = network(batch["picture"], batch["mask"], cameras)
        terms = self._shape_terms(network, batch, found, cameras, size)
        log = found.albedo.log()
        both = found.trust * found.trust[:, self.mirror]
        uneven = (log - log[:, self.mirror]).abs().mean(dim=2)
        terms["symmetry"] = (both * uneven).sum() / both.sum().clamp(min=1)
        p, k = self.finest.edges[:, 0], self.finest.edges[:, 1]
        unseen = 1 - torch.minimum(found.trust[:, p], found.trust[:, k])
        change = log - network.mean_log_albedo
        step = (change[:, p] - change[:, k]).abs().mean(dim=2)
        terms["seam"] = (unseen * step).sum() / unseen.sum().clamp(min=1)
        off = found.light.flatten(1) - self.light_mean
        terms["light"] = 0.5 * torch.einsum("bi,ij,bj->b", off, self.light_precision, off).mean() / 27
        photos = slice(0, None, 2)
        seen = Prediction([], found.vertices[photos], found.albedo[photos], found.light[photos],
                          found.trust[photos])  # fmt: skip
        views = PerspectiveCameras(
            cameras.focal[photos], cameras.centre[photos], cameras.rotation[photos],
            cameras.translation[photos],
        )  # fmt: skip
        drawn = draw(network, seen, views, size)
        mask, wanted = batch["mask"][photos], batch["picture"][photos]
        terms["photometric"] = masked_error(drawn[:, :3], wanted, mask).mean()
        if self.vgg is not None:
            terms["vgg"] = self.vgg((drawn[:, :3] * mask)[:1], (wanted * mask)[:1])
        total = found.light.new_zeros(())
        for name, value in terms.items():
            total = total + getattr(self.weights, name) * value
        return total, {name: float(value.detach()) for name, value in terms.items()}

    def _shape_terms(
        self, network: MeshNetPlus, batch: dict[str, Tensor], found: Prediction,
        cameras: PerspectiveCameras, size: int,
    ) -> dict[str, Tensor]:  # fmt: skip
        """Landmarks, true shape and smoothness, over the stages."""
        zero = found.light.new_zeros(())
        terms = {"landmarks": zero, "shape": zero, "laplacian": zero}
        for stage, vertices in enumerate(found.stages):
            points, _ = cameras.project(self.landmarks(vertices, stage))
            terms["landmarks"] = terms["landmarks"] + (points - batch["landmarks"]).norm(dim=2).mean() / size
            if "truth" in batch:
                true = batch["truth"][1::2, : vertices.shape[1]]
                terms["shape"] = terms["shape"] + (vertices[1::2] - true).norm(dim=2).mean()
            change = laplacian_change(
                vertices, network.template[: vertices.shape[1]][None], self.levels[stage]
            )
            terms["laplacian"] = terms["laplacian"] + change / vertices.shape[1]
        return terms


def _corners(points: Correspondence, triangles: NDArray[np.int32]) -> tuple[Tensor, Tensor]:
    """Vertices (L, 3) and weights (L, 3) of points on a surface."""
    return (
        torch.from_numpy(triangles[points.triangle]).long(),
        torch.from_numpy(np.asarray(points.barycentric, np.float32)),
    )


def batch_of(items: list[dict[str, Any]]) -> dict[str, Tensor]:
    """Items as a batch."""
    return {key: torch.stack([x[key] for x in items]) for key in items[0]}


def validate(loss: Loss, photos: Faces, rendered: Rendered, network: MeshNetPlus, limit: int = 12) -> Metrics:
    """Held-out photos: photometric and landmark errors; held-out heads: distance from the true shape, mm.

    The landmark error is over the distance of the outer corners of the eyes (points 33 and 263).
    """
    photometric, landmarks, shape, none = [], [], [], []
    for n in range(min(limit, len(photos))):
        batch = batch_of([item(photos, n, None)])
        cameras = cameras_of(batch)
        found = network(batch["picture"], batch["mask"], cameras)
        drawn = draw(network, found, cameras, batch["picture"].shape[2])
        photometric.append(float(masked_error(drawn[:, :3], batch["picture"], batch["mask"])))
        points, _ = cameras.project(loss.landmarks(found.stages[-1], len(STAGES) - 1))
        true = batch["landmarks"]
        eyes = (true[0, 33] - true[0, 263]).norm()
        landmarks.append(float((points - true).norm(dim=2).mean() / eyes))
    for n in range(min(limit, len(rendered.faces))):
        batch = batch_of([item(rendered.faces, n, rendered.truth)])
        found = network(batch["picture"], batch["mask"], cameras_of(batch))
        shape.append(float((found.vertices - batch["truth"]).norm(dim=2).mean()))
        none.append(float((network.template - batch["truth"]).norm(dim=2).mean()))
    out = {
        "photometric": float(np.mean(photometric)),
        "landmarks": float(np.mean(landmarks)),
        "shape_mm": float(np.mean(shape)),
        "template_mm": float(np.mean(none)),
    }
    return {**out, "score": -10 * out["photometric"] - 10 * out["landmarks"] - 0.2 * out["shape_mm"]}


def clay(found: Prediction) -> Prediction:
    """The shape in plain grey under a lamp from above and the front."""
    light = torch.zeros_like(found.light)
    light[:, 0], light[:, 1], light[:, 2] = 0.7, 0.35, 0.35
    return replace(found, albedo=torch.full_like(found.albedo, 0.4), light=light)


def turned(cameras: PerspectiveCameras) -> PerspectiveCameras:
    """The same cameras, before faces that look 40 degrees to the side."""
    turn = torch.tensor([[0.766, 0.0, 0.643], [0.0, 1.0, 0.0], [-0.643, 0.0, 0.766]])
    return replace(cameras, rotation=turn.expand_as(cameras.rotation))


def sheet(photos: Faces, network: MeshNetPlus, columns: int = 8) -> NDArray[np.uint8]:
    """Held-out photos, the result, its albedo, its shape, and shape and result turned, in rows."""
    batch = batch_of([item(photos, n, None) for n in range(min(columns, len(photos)))])
    cameras = cameras_of(batch)
    size = batch["picture"].shape[2]
    found: Prediction = network(batch["picture"], batch["mask"], cameras)
    plain = torch.zeros_like(found.light)
    plain[:, 0] = 1
    rows = [batch["picture"]]
    for view, kinds in (
        (cameras, (found, replace(found, light=plain), clay(found))),
        (turned(cameras), (clay(found), found)),
    ):
        rows += [draw(network, kind, view, size)[:, :3] for kind in kinds]
    out = torch.cat([torch.cat(list(row.clamp(0, 1)), dim=2) for row in rows], dim=1).permute(1, 2, 0)
    return (out.numpy() * 255 + 0.5).astype(np.uint8)


def run(
    folder: Path, photos: Faces, rendered: Rendered, vgg: VGGLoss | None, plan: Plan, *,
    weights: PlusWeights | None = None, say: Callable[[str], None] = print,
) -> None:  # fmt: skip
    """Train MeshNet+, or go on training, in the folder of a run (see `headshot.learn.engine`).

    Args:
        folder: of the run.
        photos: segmented photos; those held out are for validation.
        rendered: heads with known shape, of the same size.
        vgg: perceptual loss, or None for none.
        plan: how to train; the batch must be even.
        weights: of the loss.
        say: is told how far it is.

    Raises:
        ValueError: the batch is odd.
    """
    if plan.batch % 2:
        raise ValueError(f"half of each batch are photos and half rendered: {plan.batch} is odd")
    torch.manual_seed(plan.seed)
    template = face_template()
    network = MeshNetPlus(surface_of(template))
    loss = Loss(template, vgg, weights)
    held, known = photos.select(photos.held_out), rendered.faces.held_out
    unseen = Rendered(rendered.faces.select(known), rendered.truth[known])
    training = Rendered(rendered.faces.select(~known), rendered.truth[~known])

    def net(module: nn.Module) -> MeshNetPlus:
        assert isinstance(module, MeshNetPlus)
        return module

    task = Task(
        network,
        Mixed(photos.select(~photos.held_out), training, plan.seed),
        lambda module, batch: loss(net(module), batch),
        lambda module: validate(loss, held, unseen, net(module)),
        "score",
        lambda module: sheet(held, net(module)),
    )
    train(task, plan, folder, say=say)
