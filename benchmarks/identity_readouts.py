"""From which layer should the shape be predicted? Linear readouts of the identity network's layers.

    python benchmarks/identity_readouts.py RUN STORE --data $HEADSHOT_DATA

RUN is one of `headshot learn identity`. Ridge regressions are made from the photos and profiles of the store
that the run learned from, to the identity that the fit found (the mean over a person's photos), from

- recogniser: its embedding of the photos, not degraded (of profiles: of the person's frontal ones);
- feature: what the network predicts in its place;
- places: the 256 numbers before it, which hold whatever else the network sees.

Held-out people: share of the variance of fits explained, photos, profiles and synthetic heads (whose
appearance misleads); AUC by cosine of two photos of one person, and of a photo and a profile. Beside them
what `headshot learn identity --refit` exports, fitted to the feature of all photos in the store, and the
network's own prediction, which is exported without it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

from headshot.arrays import F32, Index
from headshot.learn.checkpoints import best_weights
from headshot.learn.data.training_crops import KINDS, TrainingCrops, learned_from
from headshot.learn.identity import explained, predictions, refit_readout, unit
from headshot.learn.losses.regressor import Geometry
from headshot.learn.networks.identity import IdentityNetwork, make_identity_network
from headshot.learn.regressor import verification_auc

TRAINED, HELD_OUT = 3000, 300  # training crops of each kind
RIDGE = 1.0


def values_of(network: IdentityNetwork, crops: TrainingCrops, chosen: Index) -> dict[str, F32]:
    """Places (N, 256), feature and predicted identity of training crops."""
    collected: list[torch.Tensor] = []
    handle = network.places.register_forward_hook(lambda _m, _i, out: collected.append(out))
    feature, predicted, _ = predictions(network, crops, chosen)
    handle.remove()
    return {"feature": feature, "predicted": predicted, "places": torch.cat(collected).numpy()}


def ridge(x: F32, y: F32, at: F32) -> F32:
    """Values at ``at`` (M, K) of the ridge regression of y (N, I) on x (N, K), standardised as a whole."""
    middle, scale = x.mean(axis=0), x.std() * np.sqrt(x.shape[1])
    u = (x - middle) / scale
    slope = np.linalg.solve(u.T @ u + RIDGE * np.eye(x.shape[1]), u.T @ (y - y.mean(axis=0)))
    found: F32 = (at - middle) / scale @ slope + y.mean(axis=0)
    return found


def choose(crops: TrainingCrops, held_out: bool, count: int) -> Index:
    """Training crops with a known identity: photos of people, profiles, and (held out) synthetic heads."""
    known = (crops.labels["known"][:, 0] > 0) & (crops.held_out == held_out)
    people = known & (crops.person != "") & (crops.labels["embedding"] != 0).any(axis=1)
    parts = [np.flatnonzero(people & (crops.kind == KINDS.index(kind))) for kind in ("photo", "profile")]
    if held_out:
        parts.append(np.flatnonzero(known & (crops.kind == KINDS.index("synthetic"))))
    random = np.random.default_rng(0)
    return np.concatenate([random.permutation(part)[:count] for part in parts])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path)
    parser.add_argument("store", type=Path)
    parser.add_argument("--data", type=Path, help="whose photos in the benchmark were left out of training")
    given = parser.parse_args()
    torch.set_num_threads(1)
    crops = learned_from(given.store, given.data)
    network = make_identity_network(imagenet=False).eval()
    network.load_state_dict(best_weights(given.run))
    learned, held = choose(crops, False, TRAINED), choose(crops, True, HELD_OUT)
    before, after = values_of(network, crops, learned), values_of(network, crops, held)
    refit_readout(network, crops)
    refit = values_of(network, crops, held)["predicted"]
    embedding, identity = crops.labels["embedding"], crops.labels["identity"]
    space = Geometry().shape.numpy()
    true = identity[held] @ space
    readouts = {
        "recogniser": ridge(embedding[learned], identity[learned], embedding[held]),
        "feature": ridge(before["feature"], identity[learned], after["feature"]),
        "places": ridge(before["places"], identity[learned], after["places"]),
        "feature, all photos in the store": refit,
        "the network's prediction, as learned": after["predicted"],
    }
    person, kind = crops.person[held], crops.kind[held]
    photo, profile, synthetic = (kind == KINDS.index(k) for k in ("photo", "profile", "synthetic"))
    print("| read from | photos | profiles | synthetic | AUC, photos | AUC, photo and profile |")
    print("|" + "---|" * 6)
    for name, values in readouts.items():
        shapes = values @ space
        shares = [explained(shapes[some], true[some]) for some in (photo, profile, synthetic)]
        near = unit(shapes - shapes[photo].mean(axis=0))
        found = verification_auc("auc", near @ near.T, person, (photo, profile))
        cells = [f"{share:.3f}" for share in shares] + [f"{found[k]:.3f}" for k in ("auc_photo", "auc_mixed")]
        print(f"| {name} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
