"""From which layer should the shape be predicted? Linear regressions from the layers of the identity network.

    python benchmarks/identity_readouts.py RUN STORE --data $HEADSHOT_DATA

RUN is one of `headshot learn identity`. Ridge regressions are made from the photos and profiles of the store
that the run learned from, to the identity that the fit found (the mean over a person's photos), from

- recogniser: its embedding, which saw the photos at their best (of profiles the person's frontal ones);
- feature: what the network says in its place;
- places: the 256 numbers before it, which hold whatever else the network sees.

Held-out people: share of the variance of fits explained, photos, profiles and synthetic heads (where faces
mislead); AUC by cosine of two photos of one person, and of a photo and a profile. Beside them what
`headshot learn identity --anew` exports, read from the feature of all photos in the store, and the network's
own answer, which is exported without it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

from headshot.arrays import F32, Index
from headshot.learn.data.windows import KINDS, Windows, learned_from
from headshot.learn.engine import best_weights
from headshot.learn.identity import explained, looks, read_shapes, unit
from headshot.learn.losses.regressor import Geometry
from headshot.learn.networks.identity import IdentityNetwork, make_identity_network
from headshot.learn.regressor import told_apart

TRAINED, HELD_OUT = 3000, 300  # windows of each kind
RIDGE = 1.0


def seen(network: IdentityNetwork, windows: Windows, chosen: Index) -> dict[str, F32]:
    """Places (N, 256), feature and answer of windows."""
    kept: list[torch.Tensor] = []
    handle = network.places.register_forward_hook(lambda _m, _i, out: kept.append(out))
    feature, answer, _ = looks(network, windows, chosen)
    handle.remove()
    return {"feature": feature, "answer": answer, "places": torch.cat(kept).numpy()}


def ridge(x: F32, y: F32, at: F32) -> F32:
    """Values at ``at`` (M, K) of the ridge regression of y (N, I) on x (N, K), standardised as a whole."""
    middle, scale = x.mean(axis=0), x.std() * np.sqrt(x.shape[1])
    u = (x - middle) / scale
    slope = np.linalg.solve(u.T @ u + RIDGE * np.eye(x.shape[1]), u.T @ (y - y.mean(axis=0)))
    found: F32 = (at - middle) / scale @ slope + y.mean(axis=0)
    return found


def choose(windows: Windows, held_out: bool, count: int) -> Index:
    """Windows with a known identity: photos of people, profiles, and (held out) synthetic heads."""
    known = (windows.labels["known"][:, 0] > 0) & (windows.held_out == held_out)
    people = known & (windows.person != "") & (windows.labels["embedding"] != 0).any(axis=1)
    parts = [np.flatnonzero(people & (windows.kind == KINDS.index(kind))) for kind in ("photo", "profile")]
    if held_out:
        parts.append(np.flatnonzero(known & (windows.kind == KINDS.index("synthetic"))))
    random = np.random.default_rng(0)
    return np.concatenate([random.permutation(part)[:count] for part in parts])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path)
    parser.add_argument("store", type=Path)
    parser.add_argument("--data", type=Path, help="whose photos in the bench were not learned from")
    given = parser.parse_args()
    torch.set_num_threads(1)
    windows = learned_from(given.store, given.data)
    network = make_identity_network(imagenet=False).eval()
    network.load_state_dict(best_weights(given.run))
    learned, asked = choose(windows, False, TRAINED), choose(windows, True, HELD_OUT)
    before, after = seen(network, windows, learned), seen(network, windows, asked)
    read_shapes(network, windows)
    anew = seen(network, windows, asked)["answer"]
    embedding, identity = windows.labels["embedding"], windows.labels["identity"]
    space = Geometry().shape.numpy()
    true = identity[asked] @ space
    answers = {
        "recogniser": ridge(embedding[learned], identity[learned], embedding[asked]),
        "feature": ridge(before["feature"], identity[learned], after["feature"]),
        "places": ridge(before["places"], identity[learned], after["places"]),
        "feature, all photos in the store": anew,
        "the network's answer, as learned": after["answer"],
    }
    person, kind = windows.person[asked], windows.kind[asked]
    photo, profile, synthetic = (kind == KINDS.index(k) for k in ("photo", "profile", "synthetic"))
    print("| read from | photos | profiles | synthetic | AUC, photos | AUC, photo and profile |")
    print("|" + "---|" * 6)
    for name, values in answers.items():
        shapes = values @ space
        shares = [explained(shapes[some], true[some]) for some in (photo, profile, synthetic)]
        near = unit(shapes - shapes[photo].mean(axis=0))
        found = told_apart("auc", near @ near.T, person, (photo, profile))
        cells = [f"{share:.3f}" for share in shares] + [f"{found[k]:.3f}" for k in ("auc_photo", "auc_mixed")]
        print(f"| {name} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
