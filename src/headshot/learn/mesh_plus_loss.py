"""The loss of MeshNet+ (see `headshot.learn.mesh_plus`).

Photos give appearance and landmarks; heads with known shape give depth; heads of the albedo model separate
light from skin. Every item counts in the terms of which its labels are known.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from headshot.arrays import I32
from headshot.learn.connectivity import connectivity
from headshot.learn.curves import Metrics
from headshot.learn.data.mesh_items import cameras_of
from headshot.learn.losses.mesh import laplacian_change
from headshot.learn.losses.perceptual import VGGLoss
from headshot.learn.mesh import masked_error
from headshot.learn.networks.meshnet_plus import STAGES, MeshNetPlus, Prediction
from headshot.learn.render import (
    Meshes,
    MeshRenderer,
    PerspectiveCameras,
    RendererSettings,
    SphericalHarmonics,
    VertexColours,
    to_srgb,
)
from headshot.learn.template import Template
from headshot.models.albedo import load_albedo
from headshot.models.correspondence import Correspondence
from headshot.models.head_model import load_head_model

VGG_EVERY = 4  # steps between those with the VGG loss, which counts as much more then: it costs most
_ELSEWHERE = 0.15  # weight of true shape outside of the face


@dataclass(frozen=True)
class PlusWeights:
    """Weights of the loss.

    Attributes:
        photometric: mean absolute sRGB difference in the mask.
        vgg: of the rendered and the true picture of the batch's first item, both masked.
        landmarks: mean distance of 478 landmarks over the size of the crop; photos only.
        shape: mean distance from the true shape, mm, summed over the stages; heads only.
        neutral: the same without expression.
        coefficients: half the mean square of the identity, standard deviations.
        offsets: mean length of what graph convolutions add to the head model, cm.
        laplacian: mean square change of the Laplacian coordinates (equation 3), mm^2, of the same.
        albedo: mean absolute difference of the logarithms of true and found albedo, where it is known.
        known_light: mean absolute difference of true and found light, where it is known.
        symmetry: mean absolute difference of the logarithms of a vertex's albedo and its mirror's.
        seam: mean absolute step of the albedo's logarithm along edges that leave what was seen.
        light: half the squared deviation from the mean light, in its prior's own unit, over 27.
    """

    photometric: float = 4.0
    vgg: float = 0.2
    landmarks: float = 20.0
    shape: float = 0.25
    neutral: float = 0.25
    coefficients: float = 0.02
    offsets: float = 0.1
    laplacian: float = 0.05
    albedo: float = 1.0
    known_light: float = 1.0
    symmetry: float = 0.4
    seam: float = 0.5
    light: float = 0.05


def draw(
    network: MeshNetPlus, found: Prediction, cameras: PerspectiveCameras, size: int, threads: int = 1
) -> Tensor:
    """Pictures (B, 4, size, size): sRGB and coverage, black behind the face."""
    renderer = MeshRenderer(
        cameras,
        SphericalHarmonics(found.light),
        RendererSettings(size=size, background=0.0, threads=threads),
    )
    meshes = Meshes(found.vertices, network.topologies[-1], VertexColours(found.albedo))
    out = renderer(meshes)
    rgb = to_srgb(out.rgb.clamp(0, 1)).permute(0, 3, 1, 2)
    return torch.cat([rgb, out.silhouette[:, None]], dim=1)


def predict(network: MeshNetPlus, batch: dict[str, Tensor]) -> Prediction:
    """What the network makes of a batch of items."""
    found: Prediction = network(batch["picture"], batch["mask"], batch["landmarks"], cameras_of(batch))
    return found


class Loss:
    """The loss and what it needs of the template."""

    def __init__(
        self, template: Template, vgg: VGGLoss | None, weights: PlusWeights | None = None, threads: int = 1
    ) -> None:
        """``vgg`` may be None: then its weight does not count. ``threads`` draw pictures."""
        self.threads = threads
        albedo, model = load_albedo("low"), load_head_model("low")
        self.vgg, self.weights = vgg, weights or PlusWeights()
        last = STAGES[-1]
        self.level = connectivity(template.triangles[last], template.counts[last])
        self.finest = connectivity(template.triangles[-1], template.counts[-1])
        self.corners = _corners(template.landmarks[last], template.triangles[last])
        self.mirror = torch.from_numpy(template.mirror).long()
        self.light_mean = torch.tensor(albedo.light_mean, dtype=torch.float32)
        self.light_precision = torch.tensor(albedo.light_precision, dtype=torch.float32)
        on_face = template.carried(model.regions["face"][:, None], model)[:, 0]
        self.importance = torch.from_numpy(_ELSEWHERE + (1 - _ELSEWHERE) * on_face)

    def landmarks(self, vertices: Tensor) -> Tensor:
        """MediaPipe's 478 points (B, 478, 3) on the mesh (B, V, 3) of the last stage."""
        corners, weights = self.corners
        return (vertices[:, corners] * weights[..., None]).sum(dim=2)

    def __call__(self, network: MeshNetPlus, batch: dict[str, Tensor]) -> tuple[Tensor, Metrics]:
        """Loss of a batch of `mesh_plus.item`, and its terms."""
        found = predict(network, batch)
        mask, wanted = batch["mask"], batch["picture"]
        with torch.autocast(mask.device.type, enabled=False):
            terms = {**self._shape(batch, found), **self._colours(network, batch, found)}
            drawn = draw(network, found, cameras_of(batch), batch["picture"].shape[2], self.threads)
            terms["photometric"] = masked_error(drawn[:, :3], wanted, mask).mean()
        if self.vgg is not None and int(batch["number"][0]) // len(mask) % VGG_EVERY == 0:
            terms["vgg"] = VGG_EVERY * self.vgg((drawn[:, :3] * mask)[:1], (wanted * mask)[:1])
        total = found.light.new_zeros(())
        for name, value in terms.items():
            total = total + getattr(self.weights, name) * value
        return total, {name: float(value.detach()) for name, value in terms.items()}

    def _shape(self, batch: dict[str, Tensor], found: Prediction) -> dict[str, Tensor]:
        """Landmarks of photos, true shapes of heads, and what keeps both plausible."""
        size, known = batch["picture"].shape[2], batch["known"]
        last, base = found.stages[-1], found.stages[0]
        cameras = cameras_of(batch)
        points, _ = cameras.project(self.landmarks(last))
        missed = (points - batch["landmarks"]).norm(dim=2).mean(dim=1) / size
        true = batch["truth"]
        shape = last.new_zeros(())
        for stage in found.stages:
            there = cameras.to_camera(true[:, : stage.shape[1]])
            shape = shape + self._distance(self._as_far(cameras.to_camera(stage), there), there, known)
        neutral = self._as_large(found.neutral[:, : true.shape[1]], batch["neutral"])
        return {
            "landmarks": (missed * (1 - known)).sum() / (1 - known).sum().clamp(min=1),
            "shape": shape,
            "neutral": self._distance(neutral, batch["neutral"], known),
            "coefficients": 0.5 * found.identity.square().mean(),
            "offsets": (last - base).norm(dim=2).mean() / 10,
            "laplacian": laplacian_change(last, base, self.level) / last.shape[1],
        }

    def _distance(self, vertices: Tensor, true: Tensor, known: Tensor) -> Tensor:
        """Weighted mean distance of the items whose shape is known."""
        weight = known[:, None] * self.importance[: vertices.shape[1]]
        return ((vertices - true).norm(dim=2) * weight).sum() / weight.sum().clamp(min=1)

    def _as_far(self, vertices: Tensor, true: Tensor) -> Tensor:
        """Vertices in the camera frame, scaled about the camera to the mean depth of the true ones.

        No picture shows whether a head is large or near.
        """
        weight = self.importance[: vertices.shape[1], None]
        deep, true_deep = ((x[..., 2:] * weight).sum(dim=1, keepdim=True) for x in (vertices, true))
        return vertices * (true_deep / deep)

    def _as_large(self, vertices: Tensor, true: Tensor) -> Tensor:
        """Vertices moved and scaled to the middle and the size of the true ones."""
        weight = self.importance[: vertices.shape[1], None] / self.importance[: vertices.shape[1]].sum()
        middle, true_middle = ((x * weight).sum(dim=1, keepdim=True) for x in (vertices, true))
        ours, other = vertices - middle, true - true_middle
        scale = (ours * other * weight).sum(dim=(1, 2)) / (ours * ours * weight).sum(dim=(1, 2))
        return scale[:, None, None] * ours + true_middle

    def _colours(
        self, network: MeshNetPlus, batch: dict[str, Tensor], found: Prediction
    ) -> dict[str, Tensor]:
        """What is known of albedo and light, and what is likely."""
        log, lit = found.albedo.log(), batch["lit"]
        both = found.trust * found.trust[:, self.mirror]
        uneven = (log - log[:, self.mirror]).abs().mean(dim=2)
        p, k = self.finest.edges[:, 0], self.finest.edges[:, 1]
        unseen = 1 - torch.minimum(found.trust[:, p], found.trust[:, k])
        change = log - network.mean_log_albedo
        step = (change[:, p] - change[:, k]).abs().mean(dim=2)
        off = found.light.flatten(1) - self.light_mean
        count = batch["albedo"].shape[1]
        wrong = (log[:, :count] - batch["albedo"].clamp(min=0.003).log()).abs().mean(dim=(1, 2))
        other = (found.light - batch["light"]).abs().mean(dim=(1, 2))
        return {
            "symmetry": (both * uneven).sum() / both.sum().clamp(min=1),
            "seam": (unseen * step).sum() / unseen.sum().clamp(min=1),
            "light": 0.5 * torch.einsum("bi,ij,bj->b", off, self.light_precision, off).mean() / 27,
            "albedo": (wrong * lit).sum() / lit.sum().clamp(min=1),
            "known_light": (other * lit).sum() / lit.sum().clamp(min=1),
        }


def _corners(points: Correspondence, triangles: I32) -> tuple[Tensor, Tensor]:
    """Vertices (L, 3) and weights (L, 3) of points on a surface."""
    return (
        torch.from_numpy(triangles[points.triangle]).long(),
        torch.tensor(points.barycentric, dtype=torch.float32),
    )
