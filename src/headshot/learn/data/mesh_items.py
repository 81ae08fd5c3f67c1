"""Items that MeshNet and MeshNet+ learn from: photos, and heads of which shape, albedo or light are known.

Item k depends on k and the seed alone. Half are mirrored.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.data import Dataset

from headshot.arrays import U8, Index
from headshot.learn.data.faces import Faces
from headshot.learn.data.rendered import LEVEL, Rendered
from headshot.learn.render import PerspectiveCameras
from headshot.learn.template import Template, face_template
from headshot.models.topologies.mediapipe478 import MIRROR
from headshot.perception.segmentation import CLASSES, PALETTE

# Light of a mirrored picture: the functions of normals that are odd in x change their sign
# (headshot.geometry.light).
_ODD_IN_X = torch.tensor([1.0, 1, 1, -1, -1, 1, 1, -1, 1])[:, None]


@dataclass(frozen=True, eq=False)
class Known:
    """Heads of which something is known.

    Attributes:
        rendered: heads of the head model in known light (`data.rendered`), or None.
        heads: synthetic heads (`data.heads`), or None.
    """

    rendered: Rendered | None = None
    heads: Rendered | None = None

    def some(self) -> Rendered | None:
        """What shapes are validated on: synthetic heads where there are any."""
        return self.heads if self.heads is not None else self.rendered

    def select(self, *, held_out: bool) -> Known:
        """Those that are held out, or the others."""

        def part(known: Rendered | None) -> Rendered | None:
            return None if known is None else known.select(known.faces.held_out == held_out)

        return Known(part(self.rendered), part(self.heads))


class Mixed(Dataset[Any]):
    """Item k: a photo, a synthetic head, a rendered one, a synthetic head; each in its own shuffled order.

    Where synthetic heads are missing, photos and rendered heads take turns; where rendered ones are, photos
    and synthetic heads do.
    """

    def __init__(
        self, photos: Faces, known: Known, template: Template, seed: int = 0, size: int | None = None
    ) -> None:
        """``size`` of the pictures, pixels; that of the crops if it is None."""
        turns = {
            (False, False): (photos,),
            (True, False): (photos, known.rendered),
            (False, True): (photos, known.heads),
            (True, True): (photos, known.heads, known.rendered, known.heads),
        }
        self.turns: tuple[Any, ...] = turns[known.rendered is not None, known.heads is not None]
        self.mirror, self.seed, self.size = template.mirror[: template.counts[LEVEL]].astype(int), seed, size

    def __getitem__(self, k: int) -> dict[str, Any]:
        turn = k % len(self.turns)
        source = self.turns[turn]
        period, count = k // len(self.turns), len(source)
        order = np.random.default_rng([self.seed, turn, period // count]).permutation(count)
        out = item(source, int(order[period % count]))
        if np.random.default_rng([self.seed, 1, k]).random() < 0.5:
            out = mirrored(out, self.mirror)
        return {**(out if self.size is None else resized(out, self.size)), "number": torch.tensor(k)}


@cache
def _painter() -> U8:
    """Colour (256, 3) of each label."""
    return np.concatenate([PALETTE, np.zeros((256 - len(CLASSES), 3), np.uint8)])


def item(source: Faces | Rendered, n: int) -> dict[str, Any]:
    """Face n as tensors: "known" is 1 if its shape is, "lit" if its albedo and light are."""
    faces = source.faces if isinstance(source, Rendered) else source
    painted = torch.from_numpy(_painter()[faces.labels[n]])
    out = {
        "picture": torch.from_numpy(faces.pixels[n]).permute(2, 0, 1).float() / 255,
        "painted": painted.permute(2, 0, 1).float() / 255,
        "mask": torch.from_numpy(faces.select(slice(n, n + 1)).mask()).float(),
        "landmarks": torch.from_numpy(faces.landmarks[n]),
        "focal": torch.tensor(faces.focal[n]),
        "rotation": torch.from_numpy(faces.rotation[n]),
        "translation": torch.from_numpy(faces.translation[n]),
    }
    if not isinstance(source, Rendered):
        blank = torch.zeros(face_template().counts[LEVEL], 3)
        rest = {"truth": blank, "neutral": blank, "albedo": blank, "light": torch.zeros(9, 3)}
        return {**out, **rest, "known": torch.tensor(0.0), "lit": torch.tensor(0.0)}
    rest = {
        name: torch.from_numpy(np.nan_to_num(getattr(source, name)[n]))
        for name in ("truth", "neutral", "albedo", "light")
    }
    lit = float(np.isfinite(source.light[n]).all())
    return {**out, **rest, "known": torch.tensor(1.0), "lit": torch.tensor(lit)}


def mirrored(face: dict[str, Any], mirror: Index) -> dict[str, Any]:
    """The same face in a mirror; ``mirror`` (V,) pairs the vertices of its truth."""
    flip = torch.tensor([-1.0, 1.0, 1.0])
    size = face["picture"].shape[2]
    landmarks = face["landmarks"][torch.from_numpy(MIRROR).long()]
    out = {
        **face,
        **{name: face[name].flip(2) for name in ("picture", "painted", "mask")},
        "landmarks": torch.stack([size - landmarks[:, 0], landmarks[:, 1]], dim=1),
        "rotation": flip[:, None] * face["rotation"] * flip,
        "translation": flip * face["translation"],
        "light": _ODD_IN_X * face["light"],
        "albedo": face["albedo"][mirror],
    }
    return {**out, **{name: flip * face[name][mirror] for name in ("truth", "neutral")}}


def resized(face: dict[str, Any], size: int) -> dict[str, Any]:
    """The same face in a crop of ``size`` pixels."""
    before = face["picture"].shape[2]
    if before == size:
        return face
    scale = size / before
    pictures = {
        name: functional.interpolate(face[name][None], size, mode="area")[0]
        for name in ("picture", "painted", "mask")
    }
    return {**face, **pictures, "landmarks": face["landmarks"] * scale, "focal": face["focal"] * scale}


def batch_of(items: list[dict[str, Any]]) -> dict[str, Tensor]:
    """Items as a batch."""
    return {key: torch.stack([x[key] for x in items]) for key in items[0]}


def cameras_of(batch: dict[str, Tensor], unit: float = 1.0) -> PerspectiveCameras:
    """The cameras of a batch of items, for a world in units of so many millimetres."""
    size = batch["picture"].shape[2]
    centre = torch.full((len(batch["focal"]), 2), size / 2)
    return PerspectiveCameras(batch["focal"], centre, batch["rotation"], batch["translation"] / unit)
