"""Training and export of the network of the identity prior; docs/explanation/identity.md."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from headshot.arrays import F32, Index
from headshot.errors import HeadshotError
from headshot.learn.checkpoints import best_weights
from headshot.learn.curves import Metrics
from headshot.learn.data.identity_stream import IdentityStream
from headshot.learn.data.training_crops import KINDS, TrainingCrops, input_crop, learned_from
from headshot.learn.engine import Plan, Task, train
from headshot.learn.losses.identity import IdentityLoss, Weights
from headshot.learn.losses.regressor import Geometry
from headshot.learn.losses.rendered_identity import RenderedIdentity
from headshot.learn.networks.identity import IdentityNetwork, make_identity_network
from headshot.learn.networks.lite_regressor import FEATURE
from headshot.learn.networks.unet import to_network
from headshot.learn.regressor import verification_auc
from headshot.learn.weights import compress, write_onnx
from headshot.perception.identity import MARGIN, SIZE

VALIDATED = 240  # photos of people, as many profiles, and synthetic heads


@dataclass(frozen=True)
class IdentitySettings:
    """What to train.

    Attributes:
        frozen: first blocks that keep the weights they begin with; with all 11 the shape alone is learned.
        begin: a run of the regressor, or of this network, with whose layers to begin, instead of
            ImageNet's: those that have the same names and shapes.
        imagenet: begin with ImageNet's weights, not with random ones.
        weights: of the terms of the loss.
        benchmark: folder of the research data, whose photos in the default benchmark are left out of
        training. mixer: recogniser (ONNX), for the embeddings of mixtures of two faces; None mixes none.
        recogniser: the same (safetensors), to compare renderings with photos; for ``weights.rendered``.
    """

    frozen: int = 3
    begin: Path | None = None
    imagenet: bool = True
    weights: Weights = field(default_factory=Weights)
    benchmark: Path | None = None
    mixer: Path | None = None
    recogniser: Path | None = None


def run(folder: Path, store: Path, plan: Plan, settings: IdentitySettings) -> nn.Module:
    """Train in a folder, or go on; see `headshot.learn.engine`."""
    w = settings.weights
    if w.rendered and settings.recogniser is None:
        raise HeadshotError("the weight of rendered faces needs a recogniser: give --recogniser FILE")
    crops = learned_from(store, settings.benchmark)
    torch.manual_seed(plan.seed)
    fresh = settings.imagenet and settings.begin is None
    network = make_identity_network(imagenet=fresh, frozen=settings.frozen)
    if settings.begin is not None:
        own = network.state_dict()
        begun = best_weights(settings.begin)
        network.load_state_dict(
            own | {k: v for k, v in begun.items() if k in own and own[k].shape == v.shape}
        )
    rendered = None
    if w.rendered and settings.recogniser is not None:
        rendered = RenderedIdentity(crops, settings.recogniser)
    loss = IdentityLoss(w, unexplained(crops), rendered).to(plan.device)
    stream = IdentityStream(crops, plan.seed, settings.mixer, pairs=w.agreement > 0 or w.margin > 0)

    def whole(net: nn.Module, batch: Any) -> tuple[Tensor, Metrics]:
        return loss(net(to_network(batch["pixels"])), batch)

    validation = Validation(crops)
    return train(Task(network, stream, whole, validation, "score"), plan, folder)


def unexplained(crops: TrainingCrops) -> F32:
    """Variance (I,) of people that fits to photos leave open, in units of the prior's.

    What a fit cannot see it leaves at the mean, so that fits differ less than people do.
    """
    known = (crops.kind == KINDS.index("photo")) & (crops.labels["known"][:, 0] > 0) & ~crops.held_out
    if known.sum() < 2:
        return np.ones(crops.labels["identity"].shape[1], np.float32)
    return np.clip(1 - crops.labels["identity"][known].var(axis=0), 0, 1).astype(np.float32)


class Validation:
    """Metrics on held-out training crops.

    ``cosine``: with the embedding, photos and profiles; ``explained``: share of the variance of shapes that
    fits have, of people with photos; ``auc_photo``, ``auc_mixed``: whether shapes of one person are nearer
    (by cosine) than other people's, from two photos, and from a photo and a profile; ``feature_photo`` and
    ``feature_mixed``: the same of the features; ``synthetic``: as ``explained``, of synthetic heads, whose
    appearance has nothing to do with their shape. ``score``: the sum of what counts: verification, and the
    share of the shapes of photos that is explained.
    """

    def __init__(self, crops: TrainingCrops) -> None:
        self.crops, self.space = crops, Geometry().shape
        whose = crops.held_out & (crops.person != "")
        parts = [np.flatnonzero(whose & (crops.kind == KINDS.index(k))) for k in ("photo", "profile")]
        parts.append(np.flatnonzero(crops.held_out & (crops.kind == KINDS.index("synthetic"))))
        self.chosen = np.concatenate([part[:VALIDATED] for part in parts])

    def __call__(self, network: nn.Module) -> Metrics:
        if not len(self.chosen):
            return {"score": 0.0}
        feature, identity, _ = predictions(network, self.crops, self.chosen)
        labels, kind = self.crops.labels, self.crops.kind[self.chosen]
        photo, profile, synthetic = (kind == KINDS.index(k) for k in ("photo", "profile", "synthetic"))
        space = self.space.numpy()
        shapes, true = identity @ space, labels["identity"][self.chosen] @ space
        known = labels["known"][self.chosen, 0] > 0
        embedding = labels["embedding"][self.chosen]
        embedded = (embedding != 0).any(axis=1)
        out: Metrics = {}
        for name, some in (("photo", photo), ("profile", profile)):
            if (some & embedded).any():
                out[f"cosine_{name}"] = float((unit(feature) * embedding).sum(axis=1)[some & embedded].mean())
            if (some & known).sum() > 1:
                out[f"explained_{name}"] = explained(shapes[some & known], true[some & known])
        if synthetic.sum() > 1:
            out["synthetic"] = explained(shapes[synthetic], true[synthetic])
        person = self.crops.person[self.chosen]
        for name, values in (("auc", shapes - shapes[photo].mean(axis=0)), ("feature", feature)):
            near = unit(values) @ unit(values).T
            out |= verification_auc(name, near, person, (photo, profile))
        out["score"] = sum(out.get(name, 0) for name in ("auc_photo", "auc_mixed", "explained_photo"))
        return out


def explained(found: F32, true: F32) -> float:
    """Share of the variance of true shapes (N, I) about their mean; NaN where there is none."""
    rest, whole = ((x**2).sum() for x in (found - true, true - true.mean(axis=0)))
    return float(1 - rest / whole) if whole > 0 else float("nan")


def unit(values: F32) -> F32:
    return values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-9)


class Exported(nn.Module):
    """From pixels to plain arrays, as `headshot.perception.identity` reads them."""

    def __init__(self, network: IdentityNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        embedding = self.network.embed(pixels.permute(0, 3, 1, 2).float() / 255)
        _, identity, spread = self.network.read(embedding)
        return identity, spread.exp(), embedding


OUTPUTS = ("identity", "identity_sigma", "embedding")
PROFILES, OTHERS = 0.25, 0.2  # shares of profiles and of photos without a name in the refit
RIDGE = 5.0


def export_best(folder: Path, file: Path, refit: TrainingCrops | None = None) -> None:
    """Write the best weights of a run as ONNX: ``pixels`` (N, SIZE, SIZE, 3) uint8 sRGB to `OUTPUTS`.

    Args:
        folder: of the run.
        file: to write.
        refit: crops on which to fit the readout of shapes again, see `refit_readout`; None leaves it as
        learned.
    """
    network = make_identity_network(imagenet=False)
    network.load_state_dict(best_weights(folder))
    if refit is not None:
        refit_readout(network, refit)
    write_onnx(Exported(network), SIZE, OUTPUTS, file)
    compress(file)


def predictions(network: nn.Module, crops: TrainingCrops, chosen: Index) -> tuple[F32, F32, F32]:
    """Feature, identity and logarithm of its deviations, predicted for training crops exactly placed."""
    exact, rows = input_crop(MARGIN), []
    device = next(network.parameters()).device
    for part in np.array_split(chosen, max(1, len(chosen) // 32)):
        inputs = [exact.cut(crops.picture(k), SIZE) for k in part.tolist()]
        pixels = torch.from_numpy(np.stack(inputs).transpose(0, 3, 1, 2).copy())
        with torch.no_grad():
            rows.append([value.cpu().numpy() for value in network(to_network(pixels.to(device)))])
    feature, identity, spread = (np.concatenate(columns) for columns in zip(*rows, strict=True))
    return feature, identity, spread


def refit_readout(network: IdentityNetwork, crops: TrainingCrops) -> None:
    """Fit the linear readout from feature to shape again, to people's photos.

    By ridge regression on photos as they are, not degraded as in training, which shrinks all predictions to
    the mean, and without synthetic heads, whose appearance misleads. Photos of named people, whose shapes
    are means over their photos, count most; but among them are no children and few old people, so
    other photos count as well. The standard deviations stay as they were learned.
    """
    network.eval()
    labels = crops.labels
    photo, profile = (crops.kind == KINDS.index(kind) for kind in ("photo", "profile"))
    usable = ~crops.held_out & (photo | profile) & (labels["known"][:, 0] > 0)
    named = (crops.person != "") & (labels["embedding"] != 0).any(axis=1)
    parts = (
        (1 - PROFILES - OTHERS, photo & named),
        (PROFILES, profile & named),
        (OTHERS, photo & ~named),
    )
    weight = np.zeros(len(crops))
    for share, part in parts:
        weight[part & usable] = share / max((part & usable).sum(), 1)
    chosen = np.flatnonzero(weight)
    weight = weight[chosen] / weight.sum()
    x, y = predictions(network, crops, chosen)[0].astype(np.float64), labels["identity"][chosen]
    middle, mean = weight @ x, weight @ y
    u = x - middle
    hessian = (u * weight[:, None]).T @ u
    hessian += RIDGE * np.trace(hessian) / len(chosen) * np.eye(len(hessian))
    slope = np.linalg.solve(hessian, (u * weight[:, None]).T @ (y - mean)) / FEATURE**0.5
    count = y.shape[1]
    with torch.no_grad():
        network.shape.weight[:count] = torch.tensor(slope.T, dtype=torch.float32)
        network.shape.bias[:count] = torch.tensor(mean - middle @ slope * FEATURE**0.5, dtype=torch.float32)
