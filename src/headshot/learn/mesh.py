"""Training MeshNet (Jeon, Millman and Kapron) on segmented photos, with its final loss (equation 5, section
IV-C-2).

    l_all = 0.5 l_mse + 0.6 l_VGG + 15 l_c + l_e + 0.01 l_n + 0.1 l_lap

l_mse and l_VGG compare the rendered mesh with the photo where the segmentation sees the face ("a mask which
got rid of the background in the original image and got rid of those same pixels in the rendered output").
l_c is the chamfer distance to the undeformed hemisphere, l_e, l_n and l_lap PyTorch3D's edge, normal
consistency and Laplacian losses. The paper's camera and light are not known: here the hemisphere faces a
camera that sees it fill the crop's face, and colours are shown as they are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from headshot.arrays import U8
from headshot.learn.connectivity import connectivity
from headshot.learn.curves import Metrics
from headshot.learn.data.faces import Faces
from headshot.learn.engine import Plan, Task, train
from headshot.learn.losses.mesh import chamfer, edge_length_mean, laplacian_smoothing, normal_consistency
from headshot.learn.losses.perceptual import VGGLoss
from headshot.learn.networks.meshnet import MeshNet
from headshot.learn.render import (
    Meshes,
    MeshRenderer,
    PerspectiveCameras,
    RendererSettings,
    Topology,
    VertexColours,
    look_at_view_transform,
)
from headshot.learn.shapes import hemisphere
from headshot.perception.segmentation import CLASSES, PALETTE

DISTANCE, FIELD = 2.7, 68.0  # of the camera: the hemisphere's radius is 0.55 of half the crop, as a face's


@dataclass(frozen=True)
class FinalLoss:
    """Weights of equation 5."""

    mse: float = 0.5
    vgg: float = 0.6
    chamfer: float = 15.0
    edge: float = 1.0
    normal: float = 0.01
    laplacian: float = 0.1


class Photos(Dataset[Any]):
    """Item k: picture, painted segmentation and mask of face k of a shuffled, endless order."""

    def __init__(self, faces: Faces, size: int, seed: int = 0, *, shuffled: bool = True) -> None:
        self.faces, self.size, self.seed, self.shuffled = faces, size, seed, shuffled
        self.masks = faces.mask()

    def __getitem__(self, k: int) -> tuple[Tensor, Tensor, Tensor]:
        n, flip = k % len(self.faces), False
        if self.shuffled:
            random = np.random.default_rng([self.seed, k // len(self.faces)])
            n = int(random.permutation(len(self.faces))[n])
            flip = bool(np.random.default_rng([self.seed, 1, k]).random() < 0.5)
        picture = torch.from_numpy(self.faces.pixels[n]).permute(2, 0, 1).float() / 255
        table = np.concatenate([PALETTE, np.zeros((256 - len(CLASSES), 3), np.uint8)])
        painted = torch.from_numpy(table[self.faces.labels[n]]).permute(2, 0, 1).float() / 255
        mask = torch.from_numpy(self.masks[n])[None].float()
        both = torch.cat([picture, painted, mask])
        if both.shape[1] != self.size:
            both = nn.functional.interpolate(both[None], self.size, mode="area")[0]
        if flip:
            both = both.flip(2)
        return both[:3], both[3:6], both[6:]


class Hemisphere:
    """The reference mesh, its camera and its regularisers."""

    def __init__(self) -> None:
        shape = hemisphere()
        self.vertices = torch.from_numpy(shape.vertices)
        self.topology = Topology(shape.triangles, len(shape.vertices))
        self.connectivity = connectivity(shape.triangles, len(shape.vertices))

    def cameras(self, size: int) -> PerspectiveCameras:
        """The one camera of all pictures."""
        return PerspectiveCameras.from_fov(size, FIELD, *look_at_view_transform(DISTANCE))

    def draw(self, offsets: Tensor, colours: Tensor, size: int) -> Tensor:
        """Pictures (B, 4, size, size) RGBA of the deformed and painted hemisphere, black behind it."""
        renderer = MeshRenderer(self.cameras(size), None, RendererSettings(size=size, background=0.0))
        meshes = Meshes(self.vertices + offsets, self.topology, VertexColours(colours))
        return renderer(meshes).rgba.permute(0, 3, 1, 2)


def loss(
    reference: Hemisphere, vgg: VGGLoss, weights: FinalLoss, network: nn.Module, batch: Any
) -> tuple[Tensor, Metrics]:
    """Equation 5 of a batch, and its terms."""
    pictures, painted, masks = batch
    offsets, colours = network(pictures, painted)
    vertices = reference.vertices + offsets
    drawn = reference.draw(offsets, colours, pictures.shape[2])[:, :3] * masks
    wanted = pictures * masks
    terms = {
        "mse": (drawn - wanted).square().mean(),
        "vgg": vgg(drawn, wanted),
        "chamfer": chamfer(vertices, reference.vertices.expand_as(vertices)),
        "edge": edge_length_mean(vertices, reference.connectivity),
        "normal": normal_consistency(vertices, reference.connectivity),
        "laplacian": laplacian_smoothing(vertices, reference.connectivity),
    }
    total = pictures.new_zeros(())
    for name, value in terms.items():
        total = total + getattr(weights, name) * value
    return total, {name: float(value.detach()) for name, value in terms.items()}


def masked_error(drawn: Tensor, pictures: Tensor, masks: Tensor) -> Tensor:
    """Mean absolute sRGB difference (B,) in the mask."""
    return ((drawn - pictures).abs() * masks).sum(dim=(1, 2, 3)) / (3 * masks.sum(dim=(1, 2, 3)))


def validate(reference: Hemisphere, held: Photos, network: nn.Module, limit: int = 32) -> Metrics:
    """Photometric error of held-out photos, sRGB in [0, 1]."""
    errors = []
    for k in range(min(limit, len(held.faces))):
        picture, painted, mask = (x[None] for x in held[k])
        offsets, colours = network(picture, painted)
        drawn = reference.draw(offsets, colours, held.size)[:, :3]
        errors.append(float(masked_error(drawn, picture, mask)))
    error = float(np.mean(errors))
    return {"photometric": error, "score": -error}


def sheet(reference: Hemisphere, held: Photos, network: nn.Module, columns: int = 8) -> U8:
    """Held-out photos above what the network makes of them."""
    tiles = []
    for k in range(min(columns, len(held.faces))):
        picture, painted, _ = (x[None] for x in held[k])
        offsets, colours = network(picture, painted)
        drawn = reference.draw(offsets, colours, held.size)[:, :3]
        tiles.append(torch.cat([picture[0], drawn[0].clamp(0, 1)], dim=1))
    out = torch.cat(tiles, dim=2).permute(1, 2, 0)
    return (out.numpy() * 255 + 0.5).astype(np.uint8)


def run(
    folder: Path, faces: Faces, vgg: VGGLoss, plan: Plan, *, size: int, weights: FinalLoss | None = None,
    say: Callable[[str], None] = print,
) -> None:  # fmt: skip
    """Train MeshNet, or go on training, in the folder of a run (see `headshot.learn.engine`).

    Args:
        folder: of the run.
        faces: photos; those held out are for validation.
        vgg: of l_VGG.
        plan: how to train.
        size: pixels that the network sees: 128 is the paper's table, 64 its text.
        weights: of the loss; the paper's by default.
        say: called with lines of progress.
    """
    torch.manual_seed(plan.seed)
    reference = Hemisphere()
    held = Photos(faces.select(faces.held_out), size, shuffled=False)
    task = Task(
        MeshNet(size, len(reference.vertices)),
        Photos(faces.select(~faces.held_out), size, plan.seed),
        lambda net, batch: loss(reference, vgg, weights or FinalLoss(), net, batch),
        lambda net: validate(reference, held, net),
        "score",
        lambda net: sheet(reference, held, net),
        about={"kind": "meshnet", "crop": faces.pixels.shape[1], "size": size},
    )
    train(task, plan, folder, say=say)
