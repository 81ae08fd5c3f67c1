"""Training of the regressor that ships, and its export; see docs/explanation/regressor.md."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from torch import Tensor, nn

from headshot.arrays import F32, U8, Array, Index, Mask
from headshot.geometry.camera import extent_of
from headshot.image.crop import FaceCrop
from headshot.learn.checkpoints import best_weights
from headshot.learn.curves import Metrics
from headshot.learn.data.regressor_stream import RegressorStream, StreamSettings, labels_in_crop
from headshot.learn.data.training_crops import (
    KINDS,
    TrainingCrops,
    input_crop,
    learned_from,
    light_factor,
)
from headshot.learn.engine import Plan, Task, train
from headshot.learn.losses.regressor import RegressorLoss, Weights
from headshot.learn.networks.lite_regressor import (
    MODES,
    LiteRegressor,
    Predicted,
    make_regressor,
)
from headshot.learn.networks.unet import to_network
from headshot.learn.weights import compress, write_onnx
from headshot.metrics.shape import aligned_distance, shrinkage
from headshot.metrics.verification import auc
from headshot.models.albedo import AlbedoModel, load_albedo
from headshot.models.head_model import load_head_model
from headshot.models.topologies.ibug68 import JAW_POINTS
from headshot.models.topologies.mediapipe478 import POINTS
from headshot.perception.landmarks.in_house import MARGIN, SIZE

FAILED = 7.0  # per cent of the face: an error beyond it is a failure
VALIDATED = {"synthetic": 160, "photo": 120, "profile": 96}
PEOPLE_VALIDATED = 200  # photos of people, and as many profiles


@dataclass(frozen=True)
class RegressorSettings:
    """What to train.

    Attributes:
        frozen: first blocks that keep ImageNet's weights.
        weights: of the loss.
        people: photos of one person follow each other.
        begin: a run whose best weights to begin with, instead of ImageNet's.
        imagenet: begin with ImageNet's weights, not with random ones.
        benchmark: folder of the research data, whose photos in the default benchmark are left out of
        training.
    """

    frozen: int = 3
    weights: Weights = field(default_factory=Weights)
    people: bool = True
    begin: Path | None = None
    imagenet: bool = True
    benchmark: Path | None = None


def run(folder: Path, store: Path, plan: Plan, settings: RegressorSettings) -> nn.Module:
    """Train in a folder, or go on; see `headshot.learn.engine`."""
    crops = learned_from(store, settings.benchmark)
    torch.manual_seed(plan.seed)
    stream = RegressorStream(crops, StreamSettings(settings.people, plan.seed))
    network = make_regressor(imagenet=settings.imagenet and settings.begin is None, frozen=settings.frozen)
    if settings.begin is None:
        network.mean[:], network.basis[:] = point_modes(stream)
    else:
        network.load_state_dict(network.state_dict() | best_weights(settings.begin))
    loss = RegressorLoss(settings.weights).to(plan.device)
    validation = Validation(crops)

    def whole(net: nn.Module, batch: Any) -> tuple[Tensor, Metrics]:
        return loss(net(to_network(batch["pixels"])), batch)

    task = Task(network, stream, whole, validation, "score", validation.picture)
    return train(task, plan, folder)


def point_modes(stream: RegressorStream, samples: int = 6000) -> tuple[Tensor, Tensor]:
    """Mean (P, 2) and principal components (MODES, P, 2) of points in crops, as the stream has them."""
    random = np.random.default_rng(0)
    crops = stream.crops
    known = np.flatnonzero(~crops.held_out & (crops.labels["weight"] > 0).all(axis=1))
    rows = []
    for k in random.choice(known, samples):
        labels = {key: values[k].copy() for key, values in crops.labels.items()}
        labels_in_crop(labels, _jitter(random))
        if random.random() < 0.5:
            stream.mirrored(labels)
        rows.append(labels["points"].ravel())
    points = np.array(rows, np.float64)
    mean = points.mean(axis=0)
    values, vectors = np.linalg.eigh((points - mean).T @ (points - mean) / len(points))
    modes = vectors[:, ::-1][:, :MODES] * np.sqrt(values[::-1][:MODES])
    shape = (-1, 2)
    return (
        torch.tensor(mean.reshape(shape), dtype=torch.float32),
        torch.tensor(modes.T.reshape(MODES, *shape), dtype=torch.float32),
    )


def _jitter(random: np.random.Generator) -> FaceCrop:
    roll = float(random.normal(0, 15))
    scale = float(np.exp(random.normal(0, 0.15)))
    return input_crop(MARGIN, scale, random.normal(0, 0.1, 2) / scale, roll)


def exact_crop() -> FaceCrop:
    """The crop of a training crop that a second pass takes."""
    return input_crop(MARGIN)


class Validation:
    """Metrics on held-out crops, with inputs that are exactly placed; each error is a median.

    ``nme`` and ``profile``: mean distance of points (inner iBUG points for profiles) in per cent of the root
    of the area of the box of the known points; ``failed``: profiles beyond 7 %. ``shape``: mm of synthetic
    neutral faces after similarity alignment, beside ``mean_face``, that of the mean face; ``correlation`` and
    ``size``: cosine to the true offset and length over its. ``pose`` degrees. ``auc_photo``, ``auc_mixed``:
    whether neutral faces of one person are nearer to each other than to other people's, from two photos, and
    from a photo and a profile. ``score``: what is best.
    """

    def __init__(self, crops: TrainingCrops) -> None:
        self.crops = crops
        self.chosen: dict[str, Index] = {}
        for name, count in VALIDATED.items():
            own = np.flatnonzero(crops.held_out & (crops.kind == KINDS.index(name)))
            full = (crops.labels["known"][own].sum(axis=1) > 0) | (name == "profile")
            self.chosen[name] = own[full][:: max(1, int(full.sum()) // count)][:count]
        kinds = [crops.held_out & (crops.person != "") & (crops.kind == KINDS.index(kind))
                 for kind in ("photo", "profile")]  # fmt: skip
        self.people = np.concatenate([np.flatnonzero(own)[:PEOPLE_VALIDATED] for own in kinds])
        self.geometry = RegressorLoss().geometry
        model = load_head_model("low")
        face = np.flatnonzero(model.regions["face"] > 0.5)[::4]
        self.mean, self.modes = model.mean[face].astype(float), model.identity[:, face].astype(float)

    def __call__(self, network: nn.Module) -> Metrics:
        out: Metrics = {}
        for name, chosen in self.chosen.items():
            if not len(chosen):
                continue
            p, labels = predict(network, self.crops, chosen)
            errors, _ = point_errors(p, labels, inner=name == "profile")
            out[f"nme_{name}"] = float(np.median(errors))
            if name == "profile":
                out["failed_profile"] = float(100 * np.mean(errors > FAILED))
                continue
            turns = [np.degrees(np.arccos(np.clip((np.trace(a @ b.T) - 1) / 2, -1, 1)))
                     for a, b in zip(p.rotation.numpy(), labels["rotation"], strict=True)]  # fmt: skip
            out[f"pose_{name}"] = float(np.median(turns))
            if name == "synthetic":
                out |= self.shapes(p.identity.numpy(), labels["identity"])
                out["nme_synthetic_mean"] = float(np.mean(errors))
        if len(self.people):
            p, _ = predict(network, self.crops, self.people)
            shapes = (p.identity @ self.geometry.shape).numpy()
            near = -np.linalg.norm(shapes[:, None] - shapes[None], axis=2)
            kind = self.crops.kind[self.people]
            photo, profile = (kind == KINDS.index(k) for k in ("photo", "profile"))
            out |= verification_auc("auc", near, self.crops.person[self.people], (photo, profile))
        parts = [out.get("nme_photo", 0), out.get("nme_synthetic", 0), out.get("nme_profile", 0)]
        out["score"] = -sum(parts) / 3 - out.get("shape", 0)
        return out

    def shapes(self, found: F32, true: F32) -> Metrics:
        """Errors of neutral faces."""
        rows = []
        for a, b in zip(found.astype(float), true.astype(float), strict=True):
            p, t = (self.mean + np.tensordot(c, self.modes, 1) for c in (a, b))
            plain, error = aligned_distance(self.mean, t), aligned_distance(p, t)
            size, cosine = shrinkage(p, t, self.mean)
            rows.append([error, plain, cosine, size])
        error, plain, cosine, size = np.median(np.array(rows), axis=0)
        return {"shape": error, "mean_face": plain, "correlation": cosine, "size": size}

    def picture(self, network: nn.Module) -> U8:
        """Held-out crops with the points found, and with those of the regressed head."""
        rows = []
        for chosen in self.chosen.values():
            if not len(chosen):
                continue
            some = chosen[:: max(1, len(chosen) // 10)][:10]
            p, _ = predict(network, self.crops, some)
            projected = self.geometry.project(p)
            for points in (p.points, projected):
                tiles = [drawn(self.crops.picture(k), points[n].numpy()) for n, k in enumerate(some)]
                tiles += [np.zeros_like(tiles[0])] * (10 - len(tiles))
                rows.append(np.concatenate(tiles, axis=1))
        return np.concatenate(rows)


def verification_auc(
    name: str,
    near: F32,
    person: NDArray[np.str_],
    parts: tuple[Mask, Mask],
) -> Metrics:
    """Areas under the curve of similarities (N, N): two photos of one person, and a photo and a profile."""
    photo, profile = parts
    same, once = person[:, None] == person, np.triu(np.ones_like(near, bool), 1)
    out: Metrics = {}
    for kind, other in (("photo", photo), ("mixed", profile)):
        pair = photo[:, None] & other & (once | (kind == "mixed"))
        if (pair & same).any() and (pair & ~same).any():
            out[f"{name}_{kind}"] = auc(near[pair & same], near[pair & ~same])
    return out


def predict(network: nn.Module, crops: TrainingCrops, chosen: Index) -> tuple[Predicted, dict[str, Any]]:
    """Predictions for training crops with exactly placed inputs, and the labels of these inputs."""
    exact = exact_crop()
    rows, inputs = [], []
    for k in chosen.tolist():
        labels = {key: values[k].copy() for key, values in crops.labels.items()}
        labels_in_crop(labels, exact)
        rows.append(labels)
        inputs.append(exact.cut(crops.picture(k), SIZE))
    pixels = torch.from_numpy(np.stack(inputs).transpose(0, 3, 1, 2).copy())
    device = next(network.parameters()).device
    with torch.no_grad():
        parts = [network(to_network(part.to(device))) for part in pixels.split(16)]
    names = Predicted.__dataclass_fields__
    p = Predicted(**{name: torch.cat([getattr(part, name) for part in parts]).cpu() for name in names})
    return p, {key: np.stack([row[key] for row in rows]) for key in rows[0]}


def point_errors(p: Predicted, labels: dict[str, Any], *, inner: bool) -> tuple[Array, Array]:
    """Mean distances (B,) of the known points in per cent of the root of their box, and the boxes (B,)."""
    known = labels["weight"] > 0
    box = np.array([extent_of(x[k]) for x, k in zip(labels["points"], known, strict=True)])
    if inner:
        known = known.copy()
        known[:, POINTS : POINTS + JAW_POINTS] = False
    gap = np.linalg.norm(p.points.numpy() - labels["points"], axis=2)
    return 100 * (gap * known).sum(axis=1) / known.sum(axis=1) / box, box


def drawn(pixels: U8, points: F32) -> U8:
    """The exact input (SIZE, SIZE, 3) of a training crop with points (P, 2) in shares of its side."""
    image = Image.fromarray(exact_crop().cut(pixels, SIZE))
    pen = ImageDraw.Draw(image)
    for n, (x, y) in enumerate((points * SIZE).tolist()):
        pen.point((x, y), fill=(0, 255, 0) if n < 478 else (255, 60, 60))
    return np.asarray(image)


class Exported(nn.Module):
    """The network from pixels to plain arrays, as `headshot.perception.landmarks.in_house` reads them."""

    light_mean: Tensor
    light_factor: Tensor

    def __init__(self, network: LiteRegressor, albedo: AlbedoModel) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("light_mean", torch.tensor(albedo.light_mean, dtype=torch.float32))
        self.register_buffer("light_factor", torch.tensor(light_factor(albedo), dtype=torch.float32))

    def forward(self, pixels: Tensor) -> tuple[Tensor, ...]:
        p = self.network(pixels.permute(0, 3, 1, 2).float() / 255)
        return (
            p.points, p.sigma.exp(), p.identity, p.identity_sigma.exp(), p.expression, p.rotation, p.place,
            self.light_mean + p.light @ self.light_factor.T, p.albedo, p.presence.sigmoid(),
        )  # fmt: skip


OUTPUTS = (
    "points", "sigma", "identity", "identity_sigma", "expression", "rotation", "place", "light", "albedo",
    "presence",
)  # fmt: skip


def export_best(folder: Path, file: Path) -> None:
    """Write the best weights of a run as ONNX: ``pixels`` (N, 128, 128, 3) uint8 sRGB to `OUTPUTS`.

    Weights are stored with 16 bits, the largest with 8; ONNX Runtime computes with 32. Light is in the units
    of `headshot.geometry.light`.
    """
    network = make_regressor(imagenet=False)
    network.load_state_dict(best_weights(folder))
    write_onnx(Exported(network, load_albedo("low")), SIZE, OUTPUTS, file)
    compress(file, eight_bits_from=100_000)
