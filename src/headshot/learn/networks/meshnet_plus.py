"""MeshNet+: what the second paper's conclusion asks for, so that a face comes out.

A residual encoder, graph convolutions, and coarse-to-fine deformation with features looked up in the picture
(Wang et al., "Pixel2Mesh", ECCV 2018; equations P2M), on a head-shaped template instead of a hemisphere. The
camera is known, as there. Colours are not baked: each vertex has an albedo, and light is nine spherical
harmonics a colour (`headshot.light`).

The template may be any hierarchy in which each level has the vertices of the one before it and the middles of
its edges; `headshot.learn.template` makes the face's. Dimension letters: B batch, V vertices, C features.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from headshot.learn.losses.connectivity import connectivity
from headshot.learn.render import Meshes, PerspectiveCameras, Topology, to_linear
from headshot.learn.render.lights import sh_basis

WIDTHS = (24, 48, 96, 128)  # channels of the encoder at 1/2, 1/4, 1/8 and 1/16 of the picture
HIDDEN = 64  # features of a vertex
STAGES = (3, 4, 5)  # levels of the template at which its shape is changed: 145, 545, 2,113 vertices
_DARKEST = 0.003  # linear light; darker pixels are noise


@dataclass(frozen=True, eq=False)
class Surface:
    """The template as the network needs it.

    Attributes:
        vertices: (V, 3) mm, all levels: the first ``counts[n]`` are level n's.
        triangles: (F, 3) of each level.
        counts: vertices of each level.
        edges: (E, 2) for each level but the finest: the ends of the edges that unpooling halves.
        albedo: (V, 3) mean linear reflectance.
        light: (9, 3) mean light.
    """

    vertices: Tensor
    triangles: Sequence[Tensor]
    counts: Sequence[int]
    edges: Sequence[Tensor]
    albedo: Tensor
    light: Tensor


@dataclass(frozen=True, eq=False)
class Prediction:
    """What the network says about B pictures.

    Attributes:
        stages: (B, V_n, 3) vertices after each stage, mm, head frame.
        vertices: (B, V, 3) of the finest level: the last stage's, with the middles of its edges.
        albedo: (B, V, 3) linear reflectance.
        light: (B, 9, 3).
        trust: (B, V) in [0, 1], how far the albedo of a vertex was taken from its pixel.
    """

    stages: list[Tensor]
    vertices: Tensor
    albedo: Tensor
    light: Tensor
    trust: Tensor


class Residual(nn.Module):
    """Two 3 x 3 convolutions beside a shortcut (He et al. 2016), the first with a stride of 2."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(before, after, 3, stride=2, padding=1, bias=False)
        self.second = nn.Conv2d(after, after, 3, padding=1, bias=False)
        self.shortcut = nn.Conv2d(before, after, 1, stride=2, bias=False)
        self.norms = nn.ModuleList(nn.GroupNorm(8, after) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        first, second, third = self.norms
        inner = second(self.second(torch.relu(first(self.first(x)))))
        return torch.relu(inner + third(self.shortcut(x)))


class GraphConvolution(nn.Module):
    """A vertex's features and the mean of its neighbours', each times a matrix (P2M, eq. 1)."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.own = nn.Linear(before, after)
        self.others = nn.Linear(before, after, bias=False)

    def forward(self, x: Tensor, neighbours: Tensor) -> Tensor:
        """Features (B, V, C') of features (B, V, C); ``neighbours`` is a sparse (V, V) with rows of sum 1."""
        batch, vertices, channels = x.shape
        flat = x.transpose(0, 1).reshape(vertices, batch * channels)
        mean = torch.sparse.mm(neighbours, flat).view(vertices, batch, channels).transpose(0, 1)
        out: Tensor = self.own(x) + self.others(mean)
        return out


class Stage(nn.Module):
    """Moves the vertices of one level."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.enter = nn.Linear(features, HIDDEN)
        self.graph = nn.ModuleList(GraphConvolution(HIDDEN, HIDDEN) for _ in range(4))
        self.norms = nn.ModuleList(nn.LayerNorm(HIDDEN) for _ in range(2))
        self.move = nn.Linear(HIDDEN, 3)
        with torch.no_grad():
            self.move.weight.mul_(0.1)
            self.move.bias.zero_()

    def forward(self, features: Tensor, neighbours: Tensor) -> tuple[Tensor, Tensor]:
        """Hidden features (B, V, HIDDEN) and motions (B, V, 3) in cm."""
        x = torch.relu(self.enter(features))
        for block, norm in enumerate(self.norms):
            inner = torch.relu(self.graph[2 * block](norm(x), neighbours))
            x = x + self.graph[2 * block + 1](inner, neighbours)
        return x, self.move(x)


class MeshNetPlus(nn.Module):
    """Photo, face mask and camera in; a face's shape, albedo and light out."""

    template: Tensor
    mean_log_albedo: Tensor
    mean_light: Tensor
    normals: Tensor

    def __init__(self, surface: Surface) -> None:
        """Random weights; before training the shape is nearly the template and the light the mean light."""
        super().__init__()
        self.counts, self.finest = list(surface.counts), len(surface.counts) - 1
        self.topologies = [
            Topology(t.numpy(), n) for t, n in zip(surface.triangles, surface.counts, strict=True)
        ]
        self.register_buffer("template", surface.vertices.clone())
        self.register_buffer("mean_log_albedo", surface.albedo.clamp(min=_DARKEST).log())
        self.register_buffer("mean_light", surface.light.clone())
        normals = Meshes(surface.vertices[None], self.topologies[-1]).normals()[0]
        self.register_buffer("normals", normals)
        for level, (faces, count) in enumerate(zip(surface.triangles, surface.counts, strict=True)):
            self.register_buffer(f"neighbours{level}", _mean_of_neighbours(faces, count), persistent=False)
        for level, ends in enumerate(surface.edges):
            self.register_buffer(f"edges{level}", ends.long(), persistent=False)
        widths = (4, *WIDTHS)
        self.encoder = nn.ModuleList(Residual(a, b) for a, b in pairwise(widths))
        self.whole = nn.Sequential(nn.Linear(WIDTHS[-1], HIDDEN), nn.ReLU())
        # Looked up in the picture: three levels of features, the colour, the mask; of the vertex: its place,
        # how far it was moved, whether it faces the camera.
        seen = sum(WIDTHS[:3]) + 4 + 3 + 3 + 1
        self.stages = nn.ModuleList(Stage(seen + HIDDEN) for _ in STAGES)
        self.to_light = nn.Linear(HIDDEN, 27)
        self.paint = nn.Linear(HIDDEN + WIDTHS[0] + 8, 48)
        self.spread = GraphConvolution(48, 32)
        self.colour = nn.Linear(32, 4)
        with torch.no_grad():
            for layer in (self.to_light, self.colour):
                layer.weight.mul_(0.1)
                layer.bias.zero_()

    def forward(self, pictures: Tensor, masks: Tensor, cameras: PerspectiveCameras) -> Prediction:
        """Deform and paint the template.

        Args:
            pictures: (B, 3, S, S) sRGB in [0, 1].
            masks: (B, 1, S, S) in [0, 1], where the face is.
            cameras: head frame (mm) to the pictures' pixels.
        """
        both = torch.cat([pictures, masks], dim=1)
        maps = [both]
        x = 2 * both - 1
        for block in self.encoder:
            x = block(x)
            maps.append(x)
        whole = self.whole(x.mean(dim=(2, 3)))
        batch, size = len(pictures), pictures.shape[2]
        hidden = whole[:, None].expand(-1, self.counts[STAGES[0]], -1)
        moved = torch.zeros(batch, self.counts[STAGES[0]], 3)
        done: list[Tensor] = []
        for stage, level in zip(self.stages, STAGES, strict=True):
            place = self.template[: self.counts[level]]
            points = place + 10 * moved
            facing = self._facing(points, level, cameras)
            seen = _look_up(maps[:4], points, cameras, size)
            fixed = place.expand(batch, -1, -1) / 100
            features = torch.cat([seen, fixed, moved, facing, hidden], dim=2)
            hidden, step = stage(features, self.get_buffer(f"neighbours{level}"))
            moved = moved + step
            done.append(place + 10 * moved)
            if level < self.finest:
                hidden, moved = self._unpool(hidden, level), self._unpool(moved, level)
        vertices = self.template + 10 * moved
        light = self.mean_light + 0.3 * self.to_light(whole).view(-1, 9, 3)
        albedo, trust = self._paint(maps[:2], vertices, hidden, light, cameras, size)
        return Prediction(done, vertices, albedo, light, trust)

    def _unpool(self, values: Tensor, level: int) -> Tensor:
        """Values (B, V_n, C) at the vertices of the next level, with the middles of the edges (P2M, 3.3)."""
        ends = self.get_buffer(f"edges{level}")
        return torch.cat([values, 0.5 * (values[:, ends[:, 0]] + values[:, ends[:, 1]])], dim=1)

    def _facing(self, points: Tensor, level: int, cameras: PerspectiveCameras) -> Tensor:
        """Cosine (B, V, 1) between the template's normals and the directions to the camera."""
        towards = nn.functional.normalize(cameras.positions()[:, None] - points.detach(), dim=2)
        return (self.normals[: self.counts[level]] * towards).sum(dim=2, keepdim=True)

    def _paint(
        self, maps: list[Tensor], vertices: Tensor, hidden: Tensor, light: Tensor,
        cameras: PerspectiveCameras, size: int,
    ) -> tuple[Tensor, Tensor]:  # fmt: skip
        """Albedo (B, V, 3) and trust (B, V).

        A vertex's own pixel, freed from light, is the best guess of its albedo where it is seen; the network
        says how far that can be trusted and what to take instead.
        """
        normals = Meshes(vertices, self.topologies[-1]).normals()
        shading = (sh_basis(normals) @ light).clamp(min=0.05)
        # Where a pixel is looked up is no matter for colours to pull at: shape has its own losses.
        seen = _look_up(maps, vertices.detach(), cameras, size)
        pixel = to_linear(seen[..., :3].clamp(0, 1)).clamp(min=_DARKEST).log() - shading.log()
        facing = self._facing(vertices, self.finest, cameras)
        off = pixel - self.mean_log_albedo
        features = torch.cat([hidden, seen[..., 4:], off, seen[..., 3:4], facing, normals], dim=2)
        x = torch.relu(self.paint(features))
        x = torch.relu(self.spread(x, self.get_buffer(f"neighbours{self.finest}")))
        out = self.colour(x)
        # Only what faces the camera and lies in the mask can have been seen.
        visible = (4 * facing[..., 0]).clamp(0, 1) * seen[..., 3].clamp(0, 1)
        trust = torch.sigmoid(out[..., 3] + 2) * visible
        # What is hidden has the tone of what is seen, and what the network adds.
        share = visible[..., None]
        tone = (share * off).sum(dim=1, keepdim=True) / share.sum(dim=1, keepdim=True).clamp(min=1)
        change = trust[..., None] * off + (1 - trust[..., None]) * (tone + out[..., :3])
        return (self.mean_log_albedo + change.clamp(-4, 3)).exp(), trust


def _look_up(maps: list[Tensor], points: Tensor, cameras: PerspectiveCameras, size: int) -> Tensor:
    """Features (B, V, C) of all maps where points (B, V, 3) are seen, bilinear (P2M, perceptual pooling)."""
    xy, _ = cameras.project(points)
    grid = (2 * xy / size - 1)[:, :, None]
    found = [
        nn.functional.grid_sample(m, grid, padding_mode="border", align_corners=False)[..., 0] for m in maps
    ]
    return torch.cat(found, dim=1).transpose(1, 2)


def _mean_of_neighbours(triangles: Tensor, count: int) -> Tensor:
    """Sparse (V, V) matrix that takes the mean over neighbours."""
    mesh = connectivity(triangles, count)
    both = torch.cat([mesh.edges, mesh.edges.flip(1)])
    values = 1 / mesh.degree[both[:, 0]].float()
    return torch.sparse_coo_tensor(both.T, values, (count, count), check_invariants=True).coalesce()
