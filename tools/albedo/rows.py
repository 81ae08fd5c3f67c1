"""The collected photos as one table: colours, weights, normals, and how much each photo counts."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from headshot.datasets.benchmark import measured_people, measured_photos
from headshot.datasets.utkface import groups_of
from headshot.image.colour import TO_LINEAR
from headshot.metrics.picture import typology
from headshot.models.head_model import load_head_model
from headshot.texture.surface import surface_of

HELD_OUT = 10  # one photo of UTKFace in so many is held out for benchmarks/albedo.py
UNLABELLED = 0.3  # share of LFW and HELEN, whose photos are sharper but of less different people


@dataclass(frozen=True, eq=False)
class Rows:
    """N photos, S skin vertices of the high resolution; the first of them are those of the low one.

    Attributes:
        name: (N,) "lfw-deepfunneled/Person/file.jpg", "helen-train/..." or "utkface-balanced/...".
        colour: (N, S, 3) uint8 sRGB.
        visibility: (N, S) uint8, 255 where the photo certainly shows skin.
        normals: (N, S, 3) int8, 127 times the unit normals in the head frame.
        share: (N,) how much a photo counts, sum N.
    """

    name: np.ndarray
    colour: np.ndarray
    visibility: np.ndarray
    normals: np.ndarray
    share: np.ndarray

    def linear(self, photo: int, chosen: np.ndarray | slice) -> np.ndarray:
        """Linear colours (n, 3) of some vertices in one photo."""
        return TO_LINEAR[self.colour[photo, chosen]]

    def facing(self, photo: int, chosen: np.ndarray | slice) -> np.ndarray:
        """Unit normals (n, 3) of some vertices in one photo."""
        n = self.normals[photo, chosen].astype(np.float32)
        return n / np.maximum(np.linalg.norm(n, axis=1, keepdims=True), 1e-6)


def held_out(name: str) -> bool:
    """Whether a photo (of UTKFace) is held out for measuring."""
    file = name.rsplit("/", 1)[-1]
    return "utkface" in name and zlib.crc32(file.encode()) % HELD_OUT == 0


def measured(data: Path) -> set[str]:
    """Names of people ("lfw-deepfunneled/Person") and of photos whom the benchmark measures."""
    people = {f"lfw-deepfunneled/{name}" for name in measured_people(data / "lfw-deepfunneled")}
    return people | {photo.relative_to(data).as_posix() for photo in measured_photos(data)}


def load(folder: Path, without: set[str], files: int | None = None) -> Rows:
    """Read what collect.py made (the first ``files``), without held-out photos and those of `measured`."""
    parts = [np.load(f) for f in sorted(folder.glob("rows-[0-9]*[0-9].npz"))[:files]]
    name = np.concatenate([p["name"] for p in parts])
    keep = np.array([not (held_out(n) or n in without or n.rsplit("/", 1)[0] in without) for n in name])

    def take(key: str) -> np.ndarray:
        return np.concatenate([p[key] for p in parts])[keep]

    name, colour, visibility = name[keep], take("colour"), take("visibility")
    return Rows(name, colour, visibility, take("normals"), balance(name, tones(colour, visibility)))


def tones(colour: np.ndarray, visibility: np.ndarray) -> np.ndarray:
    """Typical skin colour (N, 3), sRGB in [0, 255]: the median of the core of the face."""
    core = np.flatnonzero(surface_of(load_head_model("high")).core > 0.5)[::4]
    out = np.empty((len(colour), 3))
    for i in range(len(colour)):
        used = core[visibility[i, core] > 60]
        out[i] = np.median(colour[i, used if len(used) > 20 else core], axis=0)
    return out


def balance(name: np.ndarray, tone: np.ndarray) -> np.ndarray:
    """How much each photo counts (N,): races, sexes and ages alike in UTKFace, tones alike elsewhere.

    Iterative proportional fitting of the marginals. No photo counts for more than five.
    """
    labels = [groups_of(n.rsplit("/", 1)[-1]) for n in name]
    labelled = np.array([bool(x) for x in labels])
    share = np.ones(len(name))
    angle = np.array([typology(t) for t in tone])
    edges = np.array([-30, 10, 28, 41, 55])
    columns = [np.array([f"{x[key]}" if x else "" for x in labels]) for key in ("race", "sex", "age")] + [
        np.where(labelled, "", np.searchsorted(edges, angle).astype(str))
    ]
    for _ in range(30):
        for column in columns:
            groups = [g for g in np.unique(column) if g]
            total = share[column != ""].sum()
            for g in groups:
                here = column == g
                share[here] *= total / len(groups) / share[here].sum()
        for here, part in ((labelled, 1 - UNLABELLED), (~labelled, UNLABELLED)):
            if here.any():
                share[here] *= part * len(name) / share[here].sum()
        share = np.minimum(share, 5)
    return share * len(share) / share.sum()
