"""What teaches the regressor who somebody is? Its identity head, learned anew from four kinds of teaching.

    python benchmarks/regressor_identity.py RUN STORE --data $HEADSHOT_DATA [--out DIR]

The network of a run is kept but for the layers that answer who it is; these begin alike and are trained on
its features of the same 8,000 crops (a few minutes of one core, so that the ways can be compared at all):

- exact: synthetic heads alone;
- + fit: and what today's fit says of photos;
- + agreement: and photos of one person shall have one face, others another (ratio of distances);
- + embedding: the fit, and the features shall also hold a recogniser's embedding (`regressor-data --embed`).

Shape, correlation and size: held-out synthetic heads, as `headshot.learn.regressor.Validation` has them. AUC
and shrinkage: neutral faces of held-out people of LFW, as in benchmarks/regressor.py, from the crop that a
first look at the middle of the photo finds. ``--out`` keeps the weights of each way as NAME.safetensors.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from rich.progress import track
from safetensors.torch import save_file
from torch import Tensor, nn

from headshot import load_head_model, read_photo
from headshot.evaluate.identity import aligned, auc, distances, pairs
from headshot.learn.data.regressor_stream import RegressorStream
from headshot.learn.data.windows import KINDS, held_out, measured_names, read_windows
from headshot.learn.engine import best_weights
from headshot.learn.losses.regressor import RegressorLoss, Weights
from headshot.learn.networks.lite_regressor import IDENTITY, IdentityHead, LiteRegressor, make_regressor
from headshot.learn.regressor import Validation, exact_look, to_network
from headshot.regress import CROP, Crop, regress
from headshot.resample import warp

CROPS, STEPS, BATCH = 4000, 1500, 128
PEOPLE, PHOTOS = 80, 4
WAYS = {
    "exact": (0.0, 0.0, 0.0),
    "+ fit": (1.0, 0.0, 0.0),
    "+ agreement": (1.0, 3.0, 0.0),
    "+ embedding": (1.0, 0.0, 3.0),
}
"""How far the fit's identity is believed, and weights of agreement and embedding."""


def features(network: LiteRegressor, pixels: Tensor) -> Tensor:
    """What the identity head gets (N, 896) of crops (N, 3, CROP, CROP) uint8."""
    out = []
    with torch.no_grad():
        for part in pixels.split(32):
            out.append(network.features(network.encode(to_network(part))))
    return torch.cat(out)


def learned(network: LiteRegressor, rows: dict[str, Tensor], way: tuple[float, float, float]) -> IdentityHead:
    """A head trained one way."""
    torch.manual_seed(0)
    head, loss = IdentityHead(network), RegressorLoss(Weights())
    fit, agreement, embedding = way
    optimiser = torch.optim.AdamW(head.parameters(), lr=1e-3, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 1e-3, STEPS)
    exact = torch.nonzero(rows["exact"] > 0)[:, 0]
    photos = torch.nonzero(rows["exact"] == 0)[:, 0]
    people = rows["person"][photos]
    several = [photos[people == k] for k in torch.unique(people[people >= 0]) if (people == k).sum() > 1]
    for _ in range(STEPS):
        some = torch.randint(len(several), (BATCH // 8,))
        pair = torch.cat([several[k][torch.randperm(len(several[k]))[:2]] for k in some.tolist()])
        chosen = torch.cat(
            [
                exact[torch.randint(len(exact), (BATCH // 2,))],
                photos[torch.randint(len(photos), (BATCH // 4,))],
                pair,
            ]
        )
        batch = {key: value[chosen] for key, value in rows.items()}
        identity, feature = head(batch["features"])
        belief = batch["exact"] + fit * (1 - batch["exact"]) * batch["known"][:, 0]
        off = ((identity - batch["identity"]) @ loss.geometry.shape).square().sum(dim=1)
        total = (belief * (off + (identity - batch["identity"]).square().mean(dim=1))).sum() / belief.sum()
        if agreement:
            total = total + agreement * loss.agreement(identity, batch["person"], batch["face"])
        if embedding:
            known = batch["embedding"].abs().sum(dim=1) > 0
            cosine = nn.functional.cosine_similarity(feature, batch["embedding"], dim=1)
            total = total + embedding * (1 - cosine)[known].mean()
        optimiser.zero_grad()
        total.backward()
        optimiser.step()
        schedule.step()
    return head.eval()


def people_of(data: Path, network: LiteRegressor) -> tuple[Tensor, list[str]]:
    """Features of held-out people's photos, and who each is."""
    root = data / "lfw-deepfunneled"
    people = sorted(p for p in root.iterdir() if p.is_dir() and held_out(p.name, "lfw"))
    people = [p for p in people if len(list(p.glob("*.jpg"))) >= PHOTOS][:PEOPLE]
    crops, owners = [], []
    for person in track(people, "photos of held-out people"):
        for file in sorted(person.glob("*.jpg"))[:PHOTOS]:
            pixels = read_photo(file).pixels
            found = regress(pixels, Crop(125.0, 130.0, 150.0))
            affine = Crop.of_points(found.points, found.angles[2]).map @ np.diag([1 / CROP, 1 / CROP, 1])
            crops.append(warp(pixels, affine[None], (CROP, CROP), clamp=True)[0])
            owners.append(person.name)
    return features(network, torch.from_numpy(np.stack(crops).transpose(0, 3, 1, 2).copy())), owners


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path)
    parser.add_argument("store", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    network = make_regressor(imagenet=False)
    network.load_state_dict(best_weights(options.run))
    network.eval()
    windows = read_windows(options.store, measured_names(options.data))
    stream, random = RegressorStream(windows), np.random.default_rng(0)
    training = ~windows.held_out & (windows.labels["known"][:, 0] > 0)
    items = []
    for kind in ("synthetic", "photo"):
        own = np.flatnonzero(training & (windows.kind == KINDS.index(kind)))
        own = own[random.permutation(len(own))[:CROPS]]
        repeats = np.resize(own, CROPS) if kind == "photo" else own
        items += [stream.item(int(k), random) for k in track(repeats, kind)]
    rows = {key: torch.stack([item[key] for item in items]) for key in items[0] if key != "pixels"}
    rows["features"] = features(network, torch.stack([item["pixels"] for item in items]))
    validation = Validation(windows)
    chosen = validation.chosen["synthetic"]
    maps = (exact_look() @ np.diag([1 / CROP, 1 / CROP, 1]))[None]
    crops = [warp(windows.picture(k), maps, (CROP, CROP), clamp=True)[0] for k in chosen.tolist()]
    held = features(network, torch.from_numpy(np.stack(crops).transpose(0, 3, 1, 2).copy()))
    photos, owners = people_of(options.data, network)
    model = load_head_model("low")
    face = np.flatnonzero(model.regions["face"] > 0.5)[::8]
    print("| | shape, mm | correlation | size | AUC | shrinkage |\n|---|---|---|---|---|---|")
    heads = {"as it is": IdentityHead(network).eval()}
    for name, head in [*heads.items(), *((n, learned(network, rows, w)) for n, w in WAYS.items())]:
        with torch.no_grad():
            found, seen = head(held)[0].numpy(), head(photos)[0].numpy()
        error = validation.shapes(found, windows.labels["identity"][chosen])
        shapes = np.stack([model.neutral(identity)[face] for identity in seen])
        area = auc(*pairs(-distances(aligned(shapes)).round(6), owners))
        size = float(np.linalg.norm(seen, axis=1).mean() / np.sqrt(IDENTITY))
        shape = f"{error['shape']:.3f} (mean face {error['mean_face']:.3f})"
        values = " | ".join(f"{v:.3f}" for v in (error["correlation"], error["size"], area, size))
        print(f"| {name} | {shape} | {values} |", flush=True)
        if options.out is not None:
            options.out.mkdir(parents=True, exist_ok=True)
            weights = {key: value.contiguous() for key, value in head.state_dict().items()}
            save_file(weights, options.out / f"{name.removeprefix('+ ').replace(' ', '-')}.safetensors")


if __name__ == "__main__":
    main()
