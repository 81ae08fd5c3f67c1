"""Training MeshNet (Jeon, Millman and Kapron) on segmented photos, with its final loss (equation 5, section
IV-C-2).

    l_all = 0.5 l_mse + 0.6 l_VGG + 15 l_c + l_e + 0.01 l_n + 0.1 l_lap

l_mse and l_VGG compare the rendered mesh with the photo where the segmentation sees the face ("a mask which
got rid of the background in the original image and got rid of those same pixels in the rendered output").
l_c is the chamfer distance to the undeformed mesh, l_e, l_n and l_lap PyTorch3D's edge, normal consistency
and Laplacian losses. The paper's camera and light are not known: its hemisphere faces a camera that sees it
fill the crop's face, and colours are shown as they are.

That is the paper's own variant. `MeshSettings` has what goes beyond it: the mean face in its pose instead of
the hemisphere (`mesh_reference`), light, landmarks, and heads of which shape, albedo or light are known.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from headshot.arrays import U8, Array
from headshot.errors import HeadshotError
from headshot.learn.curves import Metrics
from headshot.learn.data.faces import Faces
from headshot.learn.data.mesh_items import Known, Mixed, batch_of, item, resized
from headshot.learn.data.rendered import Rendered
from headshot.learn.engine import Plan, Task, train
from headshot.learn.losses.perceptual import VGGLoss
from headshot.learn.mesh_reference import UNIT, Reference, Shown
from headshot.learn.networks.meshnet import Deformation, MeshNet
from headshot.learn.render import PerspectiveCameras
from headshot.learn.template import face_template
from headshot.metrics.shape import aligned_distance
from headshot.models.albedo import load_albedo


@dataclass(frozen=True)
class FinalLoss:
    """Weights of equation 5, and of what is added to it.

    Attributes:
        mse, vgg, chamfer, edge, normal, laplacian: the paper's.
        landmarks: mean distance of 478 landmarks over the size of the crop.
        shape: mean distance from the true vertices where these are known, after the best similarity, in units
            of the template.
        photometric: mean absolute sRGB difference in the mask, which l_mse shares with the empty background.
        light: half the squared deviation from the mean light, in its prior's own unit, over 27.
        albedo: mean absolute difference of the logarithms of true and found albedo, where it is known.
        known_light: mean absolute difference of true and found light, where it is known.
    """

    mse: float = 0.5
    vgg: float = 0.6
    chamfer: float = 15.0
    edge: float = 1.0
    normal: float = 0.01
    laplacian: float = 0.1
    landmarks: float = 0.0
    shape: float = 0.0
    photometric: float = 0.0
    light: float = 0.0
    albedo: float = 0.0
    known_light: float = 0.0


FACE = FinalLoss(landmarks=10.0, shape=10.0, laplacian=1.0)
"""For the mean face; found on the held-out training heads."""
LIT = {"photometric": 2.0, "light": 0.02, "albedo": 0.05, "known_light": 0.05}
"""What light adds."""


@dataclass(frozen=True)
class MeshSettings:
    """What MeshNet deforms and how it paints.

    Attributes:
        size: pixels that it sees: 128 is the paper's table, 64 its text.
        template: "hemisphere", the paper's, or "face".
        lit: albedo in light instead of baked colours.
        threads: pictures that are drawn at the same time.
    """

    size: int = 128
    template: str = "hemisphere"
    lit: bool = False
    threads: int = 1

    def weights(self) -> FinalLoss:
        """Of the loss."""
        base = FACE if self.template == "face" else FinalLoss()
        return replace(base, **LIT) if self.lit else base


class Loss:
    """The loss of a batch, and what it needs."""

    def __init__(
        self, reference: Reference, vgg: VGGLoss | None, settings: MeshSettings, weights: FinalLoss
    ) -> None:
        """``vgg`` may be None only where its weight is 0.

        Raises:
            HeadshotError: it is missing, or the hemisphere should have landmarks.
        """
        if weights.vgg and vgg is None:
            raise HeadshotError("the paper's loss has a VGG term: give --vgg")
        if not reference.is_face and (weights.landmarks or weights.shape):
            raise HeadshotError("the hemisphere has no landmarks and no true shape: give --template face")
        albedo = load_albedo("low")
        self.reference, self.vgg, self.settings, self.weights = reference, vgg, settings, weights
        self.light_mean = torch.tensor(albedo.light_mean, dtype=torch.float32)
        self.light_precision = torch.tensor(albedo.light_precision, dtype=torch.float32)

    def __call__(self, network: nn.Module, batch: Mapping[str, Tensor]) -> tuple[Tensor, Metrics]:
        """Loss of a batch of `data.mesh_items.item`, and its terms."""
        found: Deformation = network(batch["picture"], batch["painted"])
        mask, w = batch["mask"], self.weights
        with torch.autocast(mask.device.type, enabled=False):
            cameras = self.reference.cameras(batch)
            shown = Shown(self.settings.size, self.settings.threads)
            picture = self.reference.draw(found, cameras, shown)
            if self.reference.is_face:
                # The template ends before the ears and at the forehead. Where the mask goes on, its rim would
                # be drawn out to cover that, and nothing would hold it where the mask ends.
                mask = mask * picture[:, 3:].detach()
            drawn, wanted = picture[:, :3] * mask, batch["picture"] * mask
            terms = {"mse": (drawn - wanted).square().mean()}
            if self.reference.is_face:
                batch = {**batch, "truth": self._laid(found, batch)}
                terms |= self._face(found, cameras, batch)
            terms |= self.reference.regularisers(found.offsets, batch)
            if found.light is not None:
                terms["photometric"] = masked_error(drawn, wanted, mask).mean()
                terms |= self._light(found, batch)
        if self.vgg is not None and w.vgg:
            terms["vgg"] = self.vgg(drawn, wanted)
        total = torch.stack([getattr(w, name) * value.float() for name, value in terms.items()]).sum()
        return total, {name: float(value.detach()) for name, value in terms.items()}

    def _laid(self, found: Deformation, batch: Mapping[str, Tensor]) -> Tensor:
        """True shapes (B, V, 3), mm, laid on the found ones: pose and size are the landmarks' business."""
        ours = UNIT * (self.reference.vertices + found.offsets.detach())
        return laid_on(batch["truth"], ours, self.reference.importance)

    def _face(
        self, found: Deformation, cameras: PerspectiveCameras, batch: Mapping[str, Tensor]
    ) -> dict[str, Tensor]:
        """Landmarks of all pictures, and the shape of those of which it is known."""
        vertices = self.reference.vertices + found.offsets
        points, _ = cameras.project(self.reference.landmarks(vertices))
        missed = (points - batch["landmarks"]).norm(dim=2).mean() / self.settings.size
        weight = batch["known"][:, None] * (0.15 + 0.85 * self.reference.importance)
        off = (vertices - batch["truth"] / UNIT).norm(dim=2)
        return {"landmarks": missed, "shape": (off * weight).sum() / weight.sum().clamp(min=1)}

    def _light(self, found: Deformation, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """What light is likely, and albedo and light where they are known."""
        assert found.light is not None
        off, lit = found.light.flatten(1) - self.light_mean, batch["lit"]
        likely = 0.5 * torch.einsum("bi,ij,bj->b", off, self.light_precision, off).mean() / 27
        log, true = (x.clamp(min=0.003).log() for x in (found.colours, batch["albedo"]))
        wrong = (log - true).abs().mean(dim=(1, 2))
        other = (found.light - batch["light"]).abs().mean(dim=(1, 2))
        some = lit.sum().clamp(min=1)
        return {
            "light": likely,
            "albedo": (wrong * lit).sum() / some,
            "known_light": (other * lit).sum() / some,
        }


def masked_error(drawn: Tensor, pictures: Tensor, masks: Tensor) -> Tensor:
    """Mean absolute sRGB difference (B,) in the mask."""
    return ((drawn - pictures).abs() * masks).sum(dim=(1, 2, 3)) / (3 * masks.sum(dim=(1, 2, 3))).clamp(min=1)


def laid_on(points: Tensor, others: Tensor, weights: Tensor) -> Tensor:
    """Points (B, V, 3) after the similarity that brings them nearest to others (B, V, 3), weighted by (V,).

    Umeyama, "Least-squares estimation of transformation parameters between two point patterns", PAMI 1991.
    """
    w = (weights / weights.sum())[:, None]
    middle, other_middle = ((w * x).sum(dim=1, keepdim=True) for x in (points, others))
    p, q = points - middle, others - other_middle
    u, s, v = torch.linalg.svd((w * q).transpose(1, 2) @ p)  # eq. 38
    sign = torch.ones_like(s)
    sign[:, 2] = torch.det(u @ v).sign()
    rotation = u * sign[:, None] @ v  # eq. 40
    scale = (s * sign).sum(dim=1) / (w * p.square()).sum(dim=(1, 2)).clamp(min=1e-12)  # eq. 42
    return scale[:, None, None] * p @ rotation.transpose(1, 2) + other_middle


class Validation:
    """Errors of held-out photos and heads, and what the network makes of them."""

    def __init__(
        self, reference: Reference, held: Faces, heads: Rendered | None, size: int, limit: int = 32
    ) -> None:
        self.reference, self.held, self.heads, self.size, self.limit = reference, held, heads, size, limit

    def __call__(self, network: nn.Module) -> Metrics:
        """Photometric error of photos, sRGB in [0, 1]; on the face template also the landmark error over the
        distance of the outer corners of the eyes, and the error of the shape of heads, mm, which is the mean
        distance from the true face after the best similarity (``template_mm``: the mean face's).
        """  # fmt: skip
        photometric, landmarks = [], []
        shape: dict[str, list[float]] = {"shape_mm": [], "template_mm": []}
        for n in np.linspace(0, len(self.held) - 1, min(self.limit, len(self.held))).astype(int):
            batch, found, cameras = self._found(network, self.held, int(n))
            drawn = self.reference.draw(found, cameras, Shown(self.size))
            photometric.append(float(masked_error(drawn[:, :3], batch["picture"], batch["mask"])))
            points, _ = cameras.project(self.reference.landmarks(self.reference.vertices + found.offsets))
            true = batch["landmarks"]
            landmarks.append(float((points - true).norm(dim=2).mean() / (true[0, 33] - true[0, 263]).norm()))
        out = {"photometric": float(np.mean(photometric))}
        if not self.reference.is_face:
            return {**out, "score": -out["photometric"]}
        out["landmarks"] = float(np.mean(landmarks))
        count = 0 if self.heads is None else min(2 * self.limit, len(self.heads))
        face = torch.nonzero(self.reference.importance > 0.5)[:, 0]
        for n in np.linspace(0, len(self.heads or ()) - 1, count).astype(int):
            assert self.heads is not None
            batch, found, _ = self._found(network, self.heads, int(n))
            known = batch["truth"][0, face].double().numpy()
            for name, vertices in (
                ("shape_mm", self.reference.vertices + found.offsets[0]),
                ("template_mm", self.reference.vertices),
            ):
                ours: Array = (UNIT * vertices[face]).double().numpy()
                shape[name].append(aligned_distance(ours, known))
        out |= {name: float(np.mean(values)) for name, values in shape.items() if values}
        score = 10 * out["photometric"] + 10 * out["landmarks"] + 0.2 * out.get("shape_mm", 0.0)
        return {**out, "score": -score}

    def picture(self, network: nn.Module, columns: int = 8) -> U8:
        """Held-out photos, what the network makes of them, its albedo if it has light, and its shape."""
        tiles = []
        for n in np.linspace(0, len(self.held) - 1, min(columns, len(self.held))).astype(int):
            batch, found, cameras = self._found(network, self.held, int(n))
            kinds = [found, clay(found)]
            if found.light is not None:
                kinds.insert(1, found._replace(light=even()))
            rows = [batch["picture"][0]]
            rows += [self.reference.draw(k, cameras, Shown(self.size))[0, :3].clamp(0, 1) for k in kinds]
            tiles.append(torch.cat(rows, dim=1))
        out = torch.cat(tiles, dim=2).permute(1, 2, 0)
        return (out.numpy() * 255 + 0.5).astype(np.uint8)

    def _found(
        self, network: nn.Module, source: Faces | Rendered, n: int
    ) -> tuple[dict[str, Tensor], Deformation, PerspectiveCameras]:
        batch = batch_of([resized(item(source, n), self.size)])
        found: Deformation = network(batch["picture"], batch["painted"])
        return batch, found, self.reference.cameras(batch)


def even() -> Tensor:
    """Light (1, 9, 3) of strength one from everywhere, which shows the albedo."""
    light = torch.zeros(1, 9, 3)
    light[:, 0] = 1
    return light


def clay(found: Deformation) -> Deformation:
    """The shape in plain grey under a lamp from above and the front."""
    light = torch.zeros(len(found.offsets), 9, 3)
    light[:, 0], light[:, 1], light[:, 2] = 0.7, 0.35, 0.35
    return Deformation(found.offsets, torch.full_like(found.colours, 0.4), light)


def run(
    folder: Path, faces: Faces, vgg: VGGLoss | None, plan: Plan, settings: MeshSettings, *,
    known: Known | None = None, weights: FinalLoss | None = None, say: Callable[[str], None] = print,
) -> None:  # fmt: skip
    """Train MeshNet, or go on training, in the folder of a run (see `headshot.learn.engine`).

    Args:
        folder: of the run.
        faces: photos; those held out are for validation.
        vgg: of l_VGG.
        plan: how to train.
        settings: what is deformed, and how it is painted.
        known: heads of which shape, albedo or light are known, for the face template.
        weights: of the loss; those of the settings by default.
        say: called with lines of progress.

    Raises:
        HeadshotError: the settings do not go together.
    """
    torch.manual_seed(plan.seed)
    reference, known = Reference(settings.template), known or Known()
    if not reference.is_face and known.some() is not None:
        raise HeadshotError("only the face template learns from heads of known shape: give --template face")
    network = MeshNet(settings.size, len(reference.vertices), reference.skin if settings.lit else None)
    network.register_buffer("reference", reference.vertices.clone())
    training = known.select(held_out=False)
    held = faces.select(faces.held_out)
    validation = Validation(reference, held, known.select(held_out=True).some(), settings.size)
    task = Task(
        network,
        Mixed(faces.select(~faces.held_out), training, face_template(), plan.seed, settings.size),
        Loss(reference, vgg, settings, weights or settings.weights()),
        validation,
        "score",
        validation.picture,
        about={
            "kind": "meshnet",
            "crop": faces.pixels.shape[1],
            "size": settings.size,
            "template": settings.template,
            "lit": settings.lit,
        },
    )
    train(task, plan, folder, say=say)
