"""What brows and lashes as cards do for the likeness of heads that wear the hair of their photos.

    python benchmarks/face_cards.py $HEADSHOT_DATA/celebamask-train --recogniser mobilefacenet.onnx

Photos of CelebAMask-HQ that are not held out; brows are those most like the painted ones. Of each head with
neither, lashes, brows and both: the cosine between the photo and the head turned by ±30° and ±60°, as of
`headshot evaluate hair`; and the difference that cards make, its 95 % interval over people (bootstrap), and
for how many of them it is below 0.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from rich.progress import track

from headshot import HeadshotError, Reconstructor
from headshot.arrays import Array
from headshot.datasets.parts import find
from headshot.datasets.selection import draw
from headshot.evaluate.hair import YAWS, likeness
from headshot.hair.painted import brows_like
from headshot.perception.recognition import Recogniser
from report import table

LASHES = "eyelashes01"
PAIRS = (("lashes", "neither"), ("brows", "neither"), ("both", "lashes"))
_DRAWS = 5000


def interval(differences: Array) -> str:
    """Mean of differences (N,) and its interval."""
    index = np.random.default_rng(0).integers(len(differences), size=(_DRAWS, len(differences)))
    low, high = np.percentile(differences[index].mean(axis=1), (2.5, 97.5))
    return f"{differences.mean():+.4f} [{low:+.4f}, {high:+.4f}]"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, help="CelebAMask-HQ")
    parser.add_argument("--recogniser", type=Path, required=True, help="face-recognition network, ONNX")
    parser.add_argument("--people", type=int, default=30)
    parser.add_argument("--seed", type=int, default=5)
    options = parser.parse_args()
    network = Recogniser(options.recogniser)
    samples = draw([s for s in find(options.folder) if not s.held_out], options.people, options.seed)
    reconstruct = Reconstructor()
    found: dict[str, list[Array]] = {"neither": [], "lashes": [], "brows": [], "both": []}
    for sample in track(samples):
        try:
            head = reconstruct(sample.photo)
        except HeadshotError as error:
            print(f"{sample.photo.name}: {error}")
            continue
        assert head.hair is not None and head.texture is not None
        like = brows_like(head.texture.pixels, head.bundled)
        for name, each in found.items():
            lashes = LASHES if name in ("lashes", "both") else None
            worn = replace(head.hair, lashes=lashes, brows=like if name in ("brows", "both") else None)
            each.append(likeness(head.with_hair(worn), network))
    cosine = {name: np.array(each) for name, each in found.items()}
    turns = {turn: np.abs(YAWS) == turn for turn in (30, 60)}
    means: list[list[object]] = [
        [name, *(f"{each[:, on].mean():.3f}" for on in turns.values())] for name, each in cosine.items()
    ]
    print(f"{len(cosine['neither'])} people\n")
    print(table(["cards", *(f"cosine ±{turn}°" for turn in turns)], means) + "\n")
    rows: list[list[object]] = []
    for one, other in PAIRS:
        for turn, on in turns.items():
            by_person = (cosine[one] - cosine[other])[:, on].mean(axis=1)
            rows.append([f"{one} − {other}", f"±{turn}°", interval(by_person), int((by_person < 0).sum())])
    print(table(["difference", "turned", "cosine", "people below 0"], rows))


if __name__ == "__main__":
    main()
