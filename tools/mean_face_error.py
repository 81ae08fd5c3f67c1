"""What no training at all is worth: the mean face on the held-out photos of a prepared set.

    python tools/mean_face_error.py lfw.faces [--model basel_front.npz] [--points 478] [--size 224]

Two rows for a table of trainings, on the people and photos that `headshot learn face` validates on:

- *mean face*: what the untrained network gives, the mean face in usual light in the middle of each crop;
- *mean face, posed*: its angles and place by the least landmark error of each photo, which only knowing the
  photo's own landmarks can give: what is better has learned more than poses.

With ``--points 68`` both are of the 68 key points of iBUG, of the built-in head too; a model in Basel's
format has no others.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from torch import Tensor, nn

from headshot.learn.data.cache import FaceCache
from headshot.learn.data.prepared import FaceStream, StreamSettings, collate, split
from headshot.learn.face import FaceLearner, FaceSettings, Validation
from headshot.learn.face_model import load_face_model
from headshot.learn.losses.face import landmark_loss

STEPS, RATE = 200, 0.03


class Still(nn.Module):
    """In the network's place: the same numbers, in order, whatever the photos show."""

    def __init__(self, numbers: Tensor) -> None:
        super().__init__()
        self.numbers, self.used = nn.Parameter(numbers), 0

    def forward(self, photos: Tensor) -> tuple[Tensor, None]:
        start, self.used = self.used, self.used + len(photos)
        return self.numbers[start : self.used], None


def posed(validation: Validation) -> Tensor:
    """Numbers (B, N) of the mean face in the pose of each photo's landmarks, by Adam."""
    model = validation.learner.model
    points = collate([validation.stream.item(face) for face in validation.faces])["points"]
    moving = [
        n in ("angles", "translation")
        for n in ("identity", "expression", "texture", "angles", "light", "translation")
    ]
    free = torch.cat(
        [torch.full((size,), float(m)) for size, m in zip(model.layout.sizes, moving, strict=True)]
    )
    numbers = torch.zeros(len(points), model.layout.total, requires_grad=True)
    optimiser = torch.optim.Adam([numbers], RATE)
    mean = model.shape(model.coefficients(torch.zeros(1, model.layout.total)))
    for _ in range(STEPS):
        c = model.coefficients(numbers * free)
        loss = landmark_loss(model.landmarks(model.posed(c, mean)), points) * len(points)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return (numbers * free).detach()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("cache", type=Path)
    parser.add_argument("--model", default="ours")
    parser.add_argument("--points", type=int, choices=(478, 68), default=478)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--held-out", type=float, default=0.1)
    options = parser.parse_args()
    cache = FaceCache(options.cache)
    model = load_face_model(options.model, "ibug68" if options.points == 68 else "mediapipe478")
    _, held_out = split(cache, options.held_out)
    stream = StreamSettings(options.size, model.landmark_set, varied=False)
    learner = FaceLearner(model, FaceSettings(model=options.model, size=options.size))
    validation = Validation(learner, FaceStream(cache, held_out, stream))
    print(f"{len(validation.faces)} photos")
    still = torch.zeros(len(validation.faces), model.layout.total)
    for name in ("mean face", "mean face, posed"):
        values = validation(Still(still if name == "mean face" else posed(validation)))
        shown = ", ".join(f"{key} {values[key]:.4f}" for key in ("nme", "landmarks", "image", "image_error"))
        print(f"{name}: {shown}", flush=True)


if __name__ == "__main__":
    main()
