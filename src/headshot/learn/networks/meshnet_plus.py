"""MeshNet+: MeshNet with what the conclusion of Jeon, Millman and Kapron proposes, and more.

A residual encoder, graph convolutions, and coarse-to-fine deformation with features sampled in the picture
(Wang et al., "Pixel2Mesh", ECCV 2018; equations P2M), on a head-shaped template instead of a hemisphere. The
camera is known, as there. Colours are not baked: each vertex has an albedo, and light is nine spherical
harmonics a colour (`headshot.geometry.light`).

What is coarsest is not a mesh but the coefficients of the head model: first those that explain the landmarks
(`networks.solve`), then what the picture adds to them. Graph convolutions move vertices from there.

The template may be any hierarchy in which each level has the vertices of the one before it and the middles of
its edges; `headshot.learn.template` makes the face's. Dimension letters: B batch, V vertices, C features,
I identity modes, E expressions, L landmarks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from headshot.learn.connectivity import connectivity
from headshot.learn.networks.solve import Coarse, LandmarkModel, LandmarkSolve, LightSolve
from headshot.learn.render import Meshes, PerspectiveCameras, RendererSettings, Topology, to_linear
from headshot.learn.render.functions import rasterise
from headshot.learn.render.lights import sh_basis

WIDTHS = (24, 48, 96, 128)  # channels of the encoder at 1/2, 1/4, 1/8 and 1/16 of the picture
HIDDEN = 64  # features of a vertex
STAGES = (3, 4, 5)  # levels of the template at which its shape is changed: 145, 545, 2,113 vertices
SQUEEZED = 8  # features of a coarse vertex from which coefficients are corrected
_DARKEST = 0.003  # linear light; darker pixels are noise
_BEHIND = 4.0  # mm behind what is seen at its pixel from which a vertex is hidden
_NEAR = 8.0  # mm: extent of a landmark's residual on the surface


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
        light_precision: (27, 27) inverse covariance of light.
        identity: (I, V, 3) mm per standard deviation.
        expression: (E, V, 3) mm at weight 1.
        landmarks: the same at the landmarks.
    """

    vertices: Tensor
    triangles: Sequence[Tensor]
    counts: Sequence[int]
    edges: Sequence[Tensor]
    albedo: Tensor
    light: Tensor
    light_precision: Tensor
    identity: Tensor
    expression: Tensor
    landmarks: LandmarkModel


@dataclass(frozen=True, eq=False)
class Prediction:
    """Predictions of the network for B pictures.

    Attributes:
        stages: (B, V_n, 3) vertices after each stage, mm, head frame; the first without graph convolutions.
        vertices: (B, V, 3) of the finest level: the last stage's, with the middles of its edges.
        albedo: (B, V, 3) linear reflectance.
        light: (B, 9, 3).
        trust: (B, V) in [0, 1], how far the albedo of a vertex was taken from its pixel.
        coarse: from landmarks alone.
        identity: (B, I) coefficients, with what the picture adds.
        expression: (B, E) the same.
        neutral: (B, V, 3) the shape without expression, unmoved.
    """

    stages: list[Tensor]
    vertices: Tensor
    albedo: Tensor
    light: Tensor
    trust: Tensor
    coarse: Coarse
    identity: Tensor
    expression: Tensor
    neutral: Tensor


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
    """Photo, face mask, landmarks and camera in; a face's shape, albedo and light out."""

    template: Tensor
    mean_log_albedo: Tensor
    normals: Tensor
    modes: Tensor
    spreading: Tensor

    def __init__(self, surface: Surface) -> None:
        """Random weights; before training shape and light are nearly those of the landmark solve."""
        super().__init__()
        self.counts, self.finest = list(surface.counts), len(surface.counts) - 1
        self.topologies = [
            Topology(t.numpy(), n) for t, n in zip(surface.triangles, surface.counts, strict=True)
        ]
        self.register_buffer("template", surface.vertices.clone())
        self.register_buffer("mean_log_albedo", surface.albedo.clamp(min=_DARKEST).log())
        normals = Meshes(surface.vertices[None], self.topologies[-1]).normals()[0]
        self.register_buffer("normals", normals)
        modes = torch.cat([surface.identity, surface.expression]).flatten(1)
        self.register_buffer("modes", modes, persistent=False)
        self.identities = len(surface.identity)
        for level, (faces, count) in enumerate(zip(surface.triangles, surface.counts, strict=True)):
            self.register_buffer(f"neighbours{level}", _mean_of_neighbours(faces, count), persistent=False)
        for level, ends in enumerate(surface.edges):
            self.register_buffer(f"edges{level}", ends.long(), persistent=False)
        coarsest = self.counts[STAGES[0]]
        spreading = _spreading(surface.vertices[: self.counts[STAGES[-1]]], surface.landmarks.mean)
        self.register_buffer("spreading", spreading, persistent=False)
        self.solve = LandmarkSolve(surface.landmarks)
        widths = (4, *WIDTHS)
        self.encoder = nn.ModuleList(Residual(a, b) for a, b in pairwise(widths))
        self.whole = nn.Sequential(nn.Linear(WIDTHS[-1], HIDDEN), nn.ReLU())
        self.squeeze = nn.Linear(WIDTHS[2] + WIDTHS[3], SQUEEZED)
        self.correct = nn.Sequential(
            nn.Linear(coarsest * SQUEEZED + len(modes), 128), nn.ReLU(), nn.Linear(128, len(modes))
        )
        # Sampled in the picture: three levels of features, the colour, the mask; of the vertex: its place,
        # how far it was moved, whether it faces the camera, and the residuals of landmarks near it.
        seen = sum(WIDTHS[:3]) + 4 + 3 + 3 + 1 + 3
        self.stages = nn.ModuleList(Stage(seen + HIDDEN) for _ in STAGES)
        self.light = LightSolve(surface.light, surface.light_precision)
        self.tone = nn.Linear(HIDDEN, 3)
        self.relight = nn.Linear(HIDDEN, 27)
        self.paint = nn.Linear(HIDDEN + WIDTHS[0] + 8, 48)
        self.spread = GraphConvolution(48, 32)
        self.colour = nn.Linear(32, 4)
        with torch.no_grad():
            for layer in (self.tone, self.relight, self.colour, self.correct[-1]):
                assert isinstance(layer, nn.Linear)
                layer.weight.mul_(0.1)
                layer.bias.zero_()

    def forward(
        self, pictures: Tensor, masks: Tensor, landmarks: Tensor, cameras: PerspectiveCameras
    ) -> Prediction:
        """Deform and paint the template.

        Args:
            pictures: (B, 3, S, S) sRGB in [0, 1].
            masks: (B, 1, S, S) in [0, 1], where the face is.
            landmarks: (B, L, 2) pixels of the pictures.
            cameras: head frame (mm) to the pictures' pixels.
        """
        both = torch.cat([pictures, masks], dim=1)
        maps = [both]
        x = 2 * both - 1
        for block in self.encoder:
            x = block(x)
            maps.append(x)
        # Millimetres do not fit into bfloat16, and what is solved would have no solution in it.
        with torch.autocast(pictures.device.type, enabled=False):
            return self._deformed([m.float() for m in maps], landmarks, cameras)

    def _deformed(self, maps: list[Tensor], landmarks: Tensor, cameras: PerspectiveCameras) -> Prediction:
        """The template deformed and painted, of the picture with its mask and the encoder's maps."""
        whole = self.whole(maps[-1].mean(dim=(2, 3)))
        coarse = self.solve(landmarks, cameras)
        coefficients = self._coefficients(coarse, maps, cameras, maps[0].shape[2])
        base = self._place(self.template + (coefficients @ self.modes).view(len(whole), -1, 3), coarse)
        done = [base[:, : self.counts[STAGES[-1]]]]
        moved, hidden = self._deform(base, whole, coarse, maps, cameras, done)
        vertices = base + 10 * moved
        own = coefficients[:, : self.identities] @ self.modes[: self.identities]
        back = 10 * moved @ coarse.rotation  # the offsets before the head was turned
        neutral = self.template + own.view(len(whole), -1, 3) + back
        albedo, light, trust = self._paint(maps[:2], vertices, hidden, whole, cameras)
        return Prediction(
            done, vertices, albedo, light, trust, coarse, coefficients[:, : self.identities],
            coefficients[:, self.identities :], neutral,
        )  # fmt: skip

    def _coefficients(
        self, coarse: Coarse, maps: list[Tensor], cameras: PerspectiveCameras, size: int
    ) -> Tensor:
        """Identity and expression (B, I + E): the landmark solve and what the picture adds."""
        known = torch.cat([coarse.identity, coarse.expression], dim=1)
        points = self.template[: self.counts[STAGES[0]]].expand(len(known), -1, -1)
        seen = torch.relu(self.squeeze(_look_up(maps[3:], points, cameras, size)))
        change: Tensor = self.correct(torch.cat([seen.flatten(1), known], dim=1))
        return known + change

    def _place(self, shape: Tensor, coarse: Coarse) -> Tensor:
        """Shapes (B, V, 3) in the pose of the landmark solve."""
        return shape @ coarse.rotation.transpose(1, 2) + coarse.translation[:, None]

    def _deform(
        self, base: Tensor, whole: Tensor, coarse: Coarse, maps: list[Tensor],
        cameras: PerspectiveCameras, done: list[Tensor],
    ) -> tuple[Tensor, Tensor]:  # fmt: skip
        """Offsets (B, V, 3), cm, and features (B, V, HIDDEN) of the finest level; stages go to ``done``."""
        batch, size = len(base), maps[0].shape[2]
        coarsest = self.counts[STAGES[0]]
        hidden = whole[:, None].expand(-1, coarsest, -1)
        moved = base.new_zeros(batch, coarsest, 3)
        # Residuals along the picture's axes, as vectors of the head frame.
        right, down = cameras.rotation[:, 0], -cameras.rotation[:, 1]
        pulls = coarse.residual[..., :1] * right[:, None] + coarse.residual[..., 1:] * down[:, None]
        pulled = self.spreading @ pulls / 10
        for stage, level in zip(self.stages, STAGES, strict=True):
            count = self.counts[level]
            points = base[:, :count] + 10 * moved
            facing = self._facing(points, level, cameras)
            seen = _look_up(maps[:4], points, cameras, size)
            fixed = self.template[:count].expand(batch, -1, -1) / 100
            far = (points - self.template[:count]) / 10
            near = pulled[:, :count]
            hidden, step = stage(
                torch.cat([seen, fixed, far, facing, near, hidden], dim=2),
                self.get_buffer(f"neighbours{level}"),
            )
            moved = moved + step
            done.append(base[:, :count] + 10 * moved)
            if level < self.finest:
                hidden, moved = self._unpool(hidden, level), self._unpool(moved, level)
        return moved, hidden

    def _unpool(self, values: Tensor, level: int) -> Tensor:
        """Values (B, V_n, C) at the vertices of the next level, with the middles of the edges (P2M, 3.3)."""
        ends = self.get_buffer(f"edges{level}")
        return torch.cat([values, 0.5 * (values[:, ends[:, 0]] + values[:, ends[:, 1]])], dim=1)

    def _facing(self, points: Tensor, level: int, cameras: PerspectiveCameras) -> Tensor:
        """Cosine (B, V, 1) between the template's normals and the directions to the camera."""
        towards = nn.functional.normalize(cameras.positions()[:, None] - points.detach(), dim=2)
        return (self.normals[: self.counts[level]] * towards).sum(dim=2, keepdim=True)

    def visible(self, masks: Tensor, vertices: Tensor, cameras: PerspectiveCameras) -> Tensor:
        """How far (B, V) vertices are seen: they face the camera, nothing is before them, and the mask's
        border, where a pixel is partly something else, is at least two pixels away."""  # fmt: skip
        with torch.no_grad():
            size = masks.shape[2]
            xy, depth = cameras.project(vertices)
            seen = rasterise(xy, depth, self.topologies[-1], RendererSettings(size=size).raster())
            front = torch.from_numpy(seen.raster.depth).to(depth).nan_to_num(posinf=1e9)
            grid = (2 * xy / size - 1)[:, :, None]
            nearest = nn.functional.grid_sample(
                front.view(len(xy), 1, size, size), grid, mode="nearest", align_corners=False
            )[:, 0, :, 0]
            inside = -torch.max_pool2d(-masks, 5, 1, 2)
            kept = nn.functional.grid_sample(inside, grid, align_corners=False)[:, 0, :, 0]
            facing = (4 * self._facing(vertices, self.finest, cameras)[..., 0] - 0.4).clamp(0, 1)
            return facing * kept.clamp(0, 1) * (depth < nearest + _BEHIND)

    def _paint(
        self, maps: list[Tensor], vertices: Tensor, hidden: Tensor, whole: Tensor, cameras: PerspectiveCameras
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Albedo (B, V, 3), light (B, 9, 3) and trust (B, V).

        A vertex's own pixel, divided by the light, estimates its albedo where it is seen; the network
        predicts a weight and what to take instead. The light is the one under which the mean face is nearest
        to the picture, for another tone of skin and with what the network adds.
        """
        # Colours have no gradient to where a pixel is sampled: shape has its own losses.
        still, size = vertices.detach(), maps[0].shape[2]
        normals = Meshes(still, self.topologies[-1]).normals()
        seen = _look_up(maps, still, cameras, size)
        visible = self.visible(maps[0][:, 3:], still, cameras)
        linear = to_linear(seen[..., :3].clamp(0, 1))
        tone = 0.5 * self.tone(whole)
        light = self.light(linear, self.mean_log_albedo.exp(), normals, visible)
        light = light * (-tone).exp()[:, None] + 0.1 * self.relight(whole).view(-1, 9, 3)
        shading = (sh_basis(normals) @ light).clamp(min=0.05)
        pixel = linear.clamp(min=_DARKEST).log() - shading.log()
        facing = self._facing(still, self.finest, cameras)
        off = pixel - self.mean_log_albedo
        features = torch.cat([hidden, seen[..., 4:], off, seen[..., 3:4], facing, normals], dim=2)
        x = torch.relu(self.paint(features))
        x = torch.relu(self.spread(x, self.get_buffer(f"neighbours{self.finest}")))
        out = self.colour(x)
        trust = torch.sigmoid(out[..., 3] + 3) * visible
        # What is hidden has the tone of what is seen, and what the network adds.
        share = visible[..., None]
        mean = (share * off).sum(dim=1, keepdim=True) / share.sum(dim=1, keepdim=True).clamp(min=1)
        change = trust[..., None] * off + (1 - trust[..., None]) * (mean + out[..., :3])
        return (self.mean_log_albedo + change.clamp(-4, 3)).exp(), light, trust


def _look_up(maps: list[Tensor], points: Tensor, cameras: PerspectiveCameras, size: int) -> Tensor:
    """Features (B, V, C) of all maps where points (B, V, 3) are seen, bilinear (P2M, perceptual pooling)."""
    xy, _ = cameras.project(points)
    grid = (2 * xy / size - 1)[:, :, None]
    found = [
        nn.functional.grid_sample(m, grid, padding_mode="border", align_corners=False)[..., 0] for m in maps
    ]
    return torch.cat(found, dim=1).transpose(1, 2)


def _spreading(vertices: Tensor, landmarks: Tensor) -> Tensor:
    """(V, L) weights by which residuals of landmarks (L, 3) are felt at vertices (V, 3)."""
    near = torch.exp(-0.5 * (torch.cdist(vertices, landmarks) / _NEAR).square())
    return near / near.sum(dim=1, keepdim=True).clamp(min=1)


def _mean_of_neighbours(triangles: Tensor, count: int) -> Tensor:
    """Sparse (V, V) matrix that takes the mean over neighbours."""
    mesh = connectivity(triangles, count)
    both = torch.cat([mesh.edges, mesh.edges.flip(1)])
    values = 1 / mesh.degree[both[:, 0]].float()
    return torch.sparse_coo_tensor(both.T, values, (count, count), check_invariants=True).coalesce()
