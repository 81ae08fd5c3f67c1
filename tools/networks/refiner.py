"""Train ``refiner.onnx``: refinement of the points that the in-house landmark network predicts.

    headshot learn regressor-data STORE ...          (docs/explanation/regressor.md)
    python tools/networks/refiner.py STORE --data $HEADSHOT_DATA --regressor regressor.onnx

Around each of 96 points (iBUG's 68, the irises, half of the face's outline) as the regressor places them,
17 samples are taken of the features of a network that was trained on ImageNet (EfficientNet-Lite0's stem and
first three blocks, as they are). Each point has a linear layer of its own, one hidden layer combines all of
them, and its output moves all 546 points along the principal components of the regressor's errors, and
predicts their standard deviations. A step of a cascade, in other words (Xiong and De la Torre, "Supervised
Descent Method and its Applications to Face Alignment", CVPR 2013), with learned features.

In training the regressor's errors are made 0.4 to 1.3 times as large, so that the network serves regressors
that are better than the one it was trained behind. Crops that are held out, and what the
benchmark measures, are left out, as in the training of the regressor.

    pixels (N, 128, 128, 3) uint8, points (N, 546, 2) in shares of the side, sigma (N, 546)
        -> refined (N, 546, 2), refined_sigma (N, 546)
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime as ort
import torch
from numpy.typing import NDArray
from rich.progress import track
from torch import Tensor, nn
from torch.nn import functional

from headshot.arrays import Index
from headshot.image.crop import FaceCrop
from headshot.learn.data.regressor_stream import RegressorStream, covered, degraded, labels_in_crop
from headshot.learn.data.training_crops import KINDS, TrainingCrops, input_crop, learned_from
from headshot.learn.networks.lite_regressor import make_regressor
from headshot.learn.weights import compress
from headshot.models.topologies.mediapipe478 import OVAL
from headshot.perception.landmarks.in_house import MARGIN, SIZE
from headshot.perception.networks import open_network

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import manifest

POINTS, CHANNELS, BLOCKS = 546, 24, 3
LOOKED_AT = (*range(478, POINTS), *range(468, 478), *OVAL[::2])
_RING = 2.5 * np.stack([f(np.arange(8) * np.pi / 4) for f in (np.cos, np.sin)], axis=1)
# Samples around a point, in shares of the side: a square of neighbours, and a ring farther out.
AROUND = np.concatenate([[(x, y) for x in (-1, 0, 1) for y in (-1, 0, 1)], _RING]) / 32
MODES, NARROW, WIDE = 90, 12, 256
# Crops: so many of each training crop of photos marked by hand, and so many others.
MARKED, OTHERS = 4, {"photo": 3600, "profile": 500, "synthetic": 400}
# Shares of a batch.
SHARES = {"photo": 0.45, "marked": 0.25, "profile": 0.15, "synthetic": 0.15}


class Features(nn.Module):
    """ImageNet's features (B, CHANNELS, S / 4, S / 4) of crops (B, 3, S, S) in [0, 1]."""

    def __init__(self) -> None:
        super().__init__()
        network = make_regressor()
        self.stem, self.blocks = network.stem, network.blocks[:BLOCKS]
        self.eval()

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x * (255 / 128) - (127 / 128))
        for block in self.blocks:
            x = block(x)
        return x


class Refiner(nn.Module):
    """Features, points (B, P, 2) to better points and the logarithm (B, P) of how much surer they are.

    Args:
        modes: (MODES, P, 2) principal components of the errors, one standard deviation each.
        mean, spread: (CHANNELS,) of the features.
    """

    modes: Tensor
    mean: Tensor
    spread: Tensor
    around: Tensor
    looked_at: Tensor

    def __init__(self, modes: Tensor, mean: Tensor, spread: Tensor) -> None:
        super().__init__()
        self.register_buffer("modes", modes.flatten(1))
        self.register_buffer("mean", mean[None, :, None, None])
        self.register_buffer("spread", spread[None, :, None, None])
        self.register_buffer("around", torch.tensor(AROUND, dtype=torch.float32))
        self.register_buffer("looked_at", torch.tensor(LOOKED_AT))
        count, size = len(LOOKED_AT), CHANNELS * len(AROUND)
        self.weight = nn.Parameter(torch.randn(count, size, NARROW) / size**0.5)
        self.bias = nn.Parameter(torch.zeros(count, 1, NARROW))
        self.all = nn.Linear(count * NARROW, WIDE)
        self.drop = nn.Dropout(0.2)
        self.out = nn.Linear(WIDE, len(modes) + POINTS)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, features: Tensor, points: Tensor) -> tuple[Tensor, Tensor]:
        places = points[:, self.looked_at][:, :, None] + self.around
        x = functional.grid_sample(features, 2 * places - 1, padding_mode="border", align_corners=False)
        x = ((x - self.mean) / self.spread).permute(2, 0, 1, 3).flatten(2)  # points, crops, samples
        x = torch.relu(torch.bmm(x, self.weight) + self.bias).permute(1, 0, 2).flatten(1)
        out = self.out(self.drop(torch.relu(self.all(x))))
        moved, surer = out.split([len(self.modes), POINTS], dim=1)
        return points + (moved @ self.modes).unflatten(1, (POINTS, 2)), surer


class Exported(nn.Module):
    """What the file holds."""

    def __init__(self, refiner: Refiner) -> None:
        super().__init__()
        self.features, self.refiner = Features(), refiner

    def forward(self, pixels: Tensor, points: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
        features = self.features(pixels.permute(0, 3, 1, 2).float() / 255)
        refined, surer = twice(self.refiner, features, points)
        return refined, sigma * surer.clamp(-3, 3).exp()


def twice(net: Refiner, features: Tensor, points: Tensor) -> tuple[Tensor, Tensor]:
    """The second pass samples features at the corrected points, which gains once more."""
    moved: Tensor = net(features, points)[0]
    refined, surer = net(features, moved)
    return refined, surer


@dataclass(frozen=True, eq=False)
class Crops:
    """N crops: features, the regressor's points and sigma, true points and their weights."""

    features: NDArray[np.float16]
    found: Tensor
    sigma: Tensor
    true: Tensor
    weight: Tensor
    number: Index
    group: NDArray[np.str_]


def gather(source: TrainingCrops, regressor: ort.InferenceSession, seed: int = 1) -> Crops:
    """Crops as of a second pass, some covered or degraded, and the predictions of the regressor."""
    random, stream, features = np.random.default_rng(seed), RegressorStream(source), Features()
    kinds = np.array(KINDS)[source.kind]
    by_hand = (source.labels["weight"][:, :478].sum(axis=1) == 0) & (kinds == "photo")
    group = np.where(by_hand, "marked", kinds)
    usable = ~source.held_out
    chosen = [np.repeat(np.flatnonzero(usable & by_hand), MARKED)]
    for name, count in OTHERS.items():
        known = np.flatnonzero(usable & (group == name))
        chosen.append(random.choice(known, min(count, len(known)), replace=False))
    order = random.permutation(np.concatenate(chosen))
    rows: dict[str, list[NDArray[np.floating]]] = {k: [] for k in ("features", "found", "sigma")}
    true, weight = np.zeros((len(order), POINTS, 2), np.float32), np.zeros((len(order), POINTS), np.float32)
    for first in track(range(0, len(order), 32), "crops"):
        pictures = []
        for j, k in enumerate(order[first : first + 32].tolist(), first):
            labels = {key: values[k].copy() for key, values in source.labels.items()}
            pixels = source.picture(k)
            if random.random() < 0.15:
                pixels = covered(pixels, source.picture(int(random.integers(len(source)))), random)
            crop = _near(random)
            picture = degraded(crop.cut(pixels, SIZE), random)
            labels_in_crop(labels, crop)
            if random.random() < 0.5:
                picture = picture[:, ::-1]
                stream.mirrored(labels)
            pictures.append(np.ascontiguousarray(picture))
            true[j], weight[j] = labels["points"], labels["weight"]
        batch = np.stack(pictures)
        found, sigma = regressor.run(["points", "sigma"], {"pixels": batch})
        with torch.no_grad():
            x = features(torch.from_numpy(batch.transpose(0, 3, 1, 2).copy()).float() / 255)
        for key, value in zip(rows, (x.numpy().astype(np.float16), found, sigma), strict=True):
            rows[key].append(value)
    all_ = {key: np.concatenate(values) for key, values in rows.items()}
    return Crops(
        all_["features"], torch.from_numpy(all_["found"]), torch.from_numpy(all_["sigma"]),
        torch.from_numpy(true), torch.from_numpy(weight), order, group[order],
    )  # fmt: skip


def _near(random: np.random.Generator) -> FaceCrop:
    """A crop of the training crop, right to a few percent."""
    roll = float(random.normal(0, 4))
    scale = float(np.exp(random.normal(0, 0.05)))
    return input_crop(MARGIN, scale, random.normal(0, 0.02, 2) / scale, roll)


def losses(net: Refiner, crops: Crops, rows: Index) -> tuple[Tensor, Tensor, Tensor]:
    """Mean distance of the points (B,), per cent of the side; what the certainty costs; distance before."""
    true, weight, found = crops.true[rows], crops.weight[rows], crops.found[rows]
    error = torch.empty(len(rows), 1, 1).uniform_(0.4, 1.3) if net.training else torch.ones(1)
    found = torch.where(weight[:, :, None] > 0, true + error * (found - true), found)
    points, surer = net(torch.from_numpy(crops.features[rows].astype(np.float32)), found)
    count = weight.sum(dim=1).clamp(min=1)
    away = ((points - true).square().sum(dim=2) + 1e-10).sqrt()
    sigma = (crops.sigma[rows].log() + surer).clamp(-7, 0)
    likely = away.detach().square() / 2 * (-2 * sigma).exp() + 2 * sigma
    before = (found - true).square().sum(dim=2).sqrt()
    distance, certainty, start = ((x * weight).sum(dim=1) / count for x in (away, likely, before))
    return 100 * distance, certainty, 100 * start


def learn(crops: Crops, steps: int, seed: int = 0) -> Refiner:
    """The network, trained on all training crops but every thirteenth, which is for validation."""
    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    whole = (crops.weight > 0).all(dim=1)
    errors = (crops.true - crops.found)[whole].flatten(1)
    _, size, modes = torch.svd_lowrank(errors, MODES, niter=4)
    modes = (modes * (size / len(errors) ** 0.5)).T.reshape(MODES, POINTS, 2).contiguous()
    some = torch.from_numpy(crops.features[:300].astype(np.float32))
    net = Refiner(modes, some.mean(dim=(0, 2, 3)), some.std(dim=(0, 2, 3)))
    apart = crops.number % 13 == 0
    watched = np.flatnonzero(apart & np.isin(crops.group, ("photo", "marked")))[:256]
    rows = np.flatnonzero(~apart)
    chance = np.zeros(len(rows))
    for name, share in SHARES.items():
        own = crops.group[rows] == name
        chance[own] = share / max(own.sum(), 1)
    optimiser = torch.optim.AdamW(net.parameters(), lr=8e-4, weight_decay=5e-2)
    rate = torch.optim.lr_scheduler.OneCycleLR(optimiser, 8e-4, total_steps=steps, pct_start=0.1)
    for step in range(1, steps + 1):
        batch = np.unique(random.choice(rows, 64, p=chance / chance.sum()))
        distance, certainty, _ = losses(net.train(), crops, batch)
        optimiser.zero_grad()
        torch.autograd.backward(distance.mean() + 0.1 * certainty.mean())
        nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        optimiser.step()
        rate.step()
        if step % 200 == 0 or step == steps:
            with torch.no_grad():
                after, _, before = losses(net.eval(), crops, watched)
            print(
                f"step {step}: {before.mean():.3f} % of the side before, {after.mean():.3f} after", flush=True
            )
    with torch.no_grad():  # what is surest in training is not as sure elsewhere
        net.out.bias[MODES:] += float(overconfidence(net, crops, watched).log())
    return net


def overconfidence(net: Refiner, crops: Crops, rows: Index) -> Tensor:
    """Root mean square of the errors over the standard deviations that the network gives them."""
    features = torch.from_numpy(crops.features[rows].astype(np.float32))
    points, surer = twice(net, features, crops.found[rows])
    sigma, weight = crops.sigma[rows] * surer.exp(), crops.weight[rows]
    squares = (points - crops.true[rows]).square().sum(dim=2) / 2 / sigma.square()
    return ((squares * weight).sum() / weight.sum()).sqrt()


def export(net: Refiner, file: Path) -> None:
    """Write the network."""
    inputs, outputs = ("pixels", "points", "sigma"), ("refined", "refined_sigma")
    example = (
        torch.zeros(2, SIZE, SIZE, 3, dtype=torch.uint8),
        torch.full((2, POINTS, 2), 0.5),
        torch.ones(2, POINTS),
    )
    torch.onnx.export(
        Exported(net).eval(), example, str(file), dynamo=False, opset_version=17, input_names=list(inputs),
        output_names=list(outputs), dynamic_axes={name: {0: "faces"} for name in (*inputs, *outputs)},
    )  # fmt: skip
    compress(file, eight_bits_from=150_000, dimensions=(2, 3))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("store", type=Path, help="training crops of `headshot learn regressor-data`")
    parser.add_argument("--data", type=Path, required=True, help="whose photos in the benchmark are left out")
    parser.add_argument("--regressor", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=1600)
    parser.add_argument("--out", type=Path, default=manifest.ASSETS / "refiner.onnx")
    a = parser.parse_args()
    torch.set_num_threads(1)
    crops = gather(learned_from(a.store, a.data), open_network(a.regressor))
    export(learn(crops, a.steps), a.out)


if __name__ == "__main__":
    main()
