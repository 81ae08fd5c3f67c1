"""Training crops: squares of photos around faces, with labels, for the regressor and the identity network.

A training crop is an upright square of ``SIDE`` pixels, whose side is ``MARGIN`` times the longer side of the
box of the face's 478 points: enough room to cut network inputs from it that are off. A store is a folder of
pairs NAME.npy (pixels, read through memory maps) and NAME.npz (labels), one pair for each command that filled
it.

Dimension letters: N training crops, P = 546 points (478 and the 68 of iBUG),
I identity modes, E expressions, A albedo modes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from headshot.arrays import F32, U8, Array, Index, Mask
from headshot.datasets.benchmark import LFW, measured_people, measured_photos
from headshot.errors import HeadshotError
from headshot.geometry.camera import Camera
from headshot.geometry.pose import pose_in_crop
from headshot.image.crop import FaceCrop
from headshot.image.resample import warp
from headshot.models.albedo import AlbedoModel, load_albedo
from headshot.reading.arrays import open_arrays
from headshot.reading.complaint import reading

SIDE = 192
MARGIN = 2.2
POINTS = 478 + 68
KINDS = ("synthetic", "photo", "profile", "none")
LABELS = {
    "points": (POINTS, 2), "weight": (POINTS,), "identity": (100,), "expression": (52,), "rotation": (3, 3),
    "place": (3,), "light": (27,), "albedo": (60,), "known": (5,),
}  # fmt: skip
EMBEDDING = 128
EMBEDDINGS = "embeddings"  # folder below a store: NAME.npy, rows of zeros where there is none
KNOWN = ("identity", "expression", "pose", "light", "albedo")
"""What the entries of ``known`` are about."""


@dataclass(frozen=True, eq=False)
class TrainingCrop:
    """A training crop and its labels.

    Attributes:
        pixels: (SIDE, SIDE, 3) uint8.
        kind: of `KINDS`.
        name: of its source, person and all.
        person: whose photos share it; "" when nobody's.
        held_out: whether it is for validation.
        labels: arrays with the names and shapes of `LABELS`: points in pixels of the crop, and their
            weights; identity; expression; rotation as seen along the ray to the head; place: the head's
            origin in shares of the side, and the logarithm of sides a millimetre; light in units of its
            prior; albedo; and weights of what is known, see `KNOWN`.
    """

    pixels: U8
    kind: str
    name: str
    person: str
    held_out: bool
    labels: dict[str, F32]


def upright_crop_map(points: ArrayLike, roll: float, margin: float = MARGIN, side: int = SIDE) -> Array:
    """(2, 3) pixels of the upright crop around points (N, 2), rolled by ``roll`` degrees, to the photo's."""
    return FaceCrop.of_points(points, margin, roll).pixel_map(side)


def input_crop(
    margin: float, scale: float = 1.0, shift: ArrayLike = (0.0, 0.0), roll: float = 0.0
) -> FaceCrop:
    """A network's input as a crop of a training crop, in whose middle the face has the extent SIDE / MARGIN.

    Args:
        margin: side of an exactly placed input over the extent of the face.
        scale: factor of its side.
        shift: (2,) of its centre to the right and down, in its sides.
        roll: degrees.
    """
    side = SIDE * margin / MARGIN * scale
    x, y = SIDE / 2 + side * np.asarray(shift, np.float64)
    return FaceCrop(float(x), float(y), side, roll)


def pose_labels(camera: Camera, affine: Array, side: int = SIDE) -> tuple[F32, F32]:
    """Rotation (3, 3) and place (3,) of a head in a training crop; see `TrainingCrop`."""
    rotation, at, scale = pose_in_crop(camera)
    factor = float(np.sqrt(np.linalg.det(affine[:, :2])))
    turn = np.eye(3)
    turn[:2, :2] = affine[:, :2] / factor  # y points up in the camera frame, so that the sense is right
    local = np.linalg.solve(affine[:, :2], at - affine[:, 2]) / side
    place = np.array([local[0], local[1], np.log(scale / factor / side)])
    return (turn @ rotation).astype(np.float32), place.astype(np.float32)


def into_crop(points: ArrayLike, affine: Array) -> F32:
    """Points (N, 2) of the photo in pixels of a crop, for the crop's map (2, 3) to the photo."""
    return np.linalg.solve(affine[:, :2], (np.asarray(points, np.float64) - affine[:, 2]).T).T.astype(
        np.float32
    )


def light_factor(albedo: AlbedoModel) -> Array:
    """(27, 27) by which independent standard deviations become light, beside its mean."""
    return np.linalg.cholesky(np.linalg.inv(albedo.light_precision))


def light_units(light: ArrayLike) -> F32:
    """Light (9, 3) in standard deviations (27,) of its prior, without correlation."""
    albedo = load_albedo("low")
    off = np.asarray(light, np.float64).reshape(27) - albedo.light_mean
    return np.linalg.solve(light_factor(albedo), off).astype(np.float32)


def empty_labels() -> dict[str, F32]:
    """Labels of which nothing is known."""
    labels = {name: np.zeros(shape, np.float32) for name, shape in LABELS.items()}
    labels["rotation"] = np.eye(3, dtype=np.float32)
    return labels


def head_labels(
    camera: Camera, points: ArrayLike, identity: Array, expression: Array, affine: Array
) -> dict[str, F32]:
    """Labels of a head of which all is known but light and albedo.

    Args:
        camera: before the head in millimetres of the model.
        points: (P, 2) pixels of the photo.
        identity, expression: coefficients.
        affine: (2, 3) pixels of the crop to those of the photo.
    """
    rotation, place = pose_labels(camera, affine)
    return empty_labels() | {
        "points": into_crop(points, affine),
        "weight": np.ones(POINTS, np.float32),
        "identity": identity.astype(np.float32),
        "expression": expression.astype(np.float32),
        "rotation": rotation,
        "place": place,
        "known": np.ones(len(KNOWN), np.float32),
    }


def cut(pixels: U8, affine: Array) -> U8:
    """The training crop (SIDE, SIDE, 3) of a photo; beyond its border the border goes on."""
    return warp(pixels, affine[None], (SIDE, SIDE), clamp=True)[0]


def save_training_crops(folder: Path, name: str, rows: Sequence[TrainingCrop]) -> None:
    """Write a pair of files, complete or not at all."""
    if not rows:
        raise HeadshotError(f"{name}: no photo gave a training crop")
    folder.mkdir(parents=True, exist_ok=True)
    labels: dict[str, Any] = {
        key: np.stack([row.labels[key] for row in rows]).astype(np.float32) for key in LABELS
    }
    part = folder / f".{name}.part.npy"
    np.save(part, np.stack([row.pixels for row in rows]))
    np.savez(
        folder / f".{name}.part.npz",
        kind=np.array([KINDS.index(row.kind) for row in rows], np.int8),
        name=np.array([row.name for row in rows]),
        person=np.array([row.person for row in rows]),
        held_out=np.array([row.held_out for row in rows]),
        **labels,
    )
    (folder / f"{name}.npz").unlink(missing_ok=True)  # labels of other pixels
    part.replace(folder / f"{name}.npy")
    (folder / f".{name}.part.npz").replace(folder / f"{name}.npz")


@dataclass(frozen=True, eq=False)
class TrainingCrops:
    """All training crops of a store.

    Attributes:
        pixels: one memory map for each pair of files.
        where: (N, 2) its number, and the row in it.
        kind: (N,) indices into `KINDS`.
        name, person: (N,) see `TrainingCrop`.
        held_out: (N,) whether to validate with it.
        labels: (N, ...) see `TrainingCrop`; and ``embedding`` (N, EMBEDDING) of real photos by a
            face-recognition network, zeros where there is none.
    """

    pixels: list[U8]
    where: Index
    kind: NDArray[np.int8]
    name: NDArray[np.str_]
    person: NDArray[np.str_]
    held_out: Mask
    labels: dict[str, F32]

    def __len__(self) -> int:
        return len(self.where)

    def picture(self, k: int) -> U8:
        """Pixels (SIDE, SIDE, 3) of a training crop."""
        file, row = self.where[k]
        return np.ascontiguousarray(self.pixels[file][row])


def measured_names(data: Path) -> frozenset[str]:
    """Names of people and photos in the default benchmark on a folder of research data."""
    people = measured_people(data / LFW) if (data / LFW).is_dir() else set()
    return frozenset(people | {photo.stem for photo in measured_photos(data)})


def read_training_crops(folder: Path, measured: frozenset[str] = frozenset()) -> TrainingCrops:
    """Open a store.

    Args:
        folder: of the store.
        measured: people and photos to leave out of training, `measured_names`; they count as held out.

    Raises:
        HeadshotError: it is empty, or a file is damaged.
    """
    pixels, where, tables, embeddings = [], [], [], []
    for number, file in enumerate(sorted(f for f in folder.glob("*.npz") if f.name[0] != ".")):
        with reading(file, "training crops", HeadshotError):
            with open_arrays(file, None) as data:
                tables.append({key: data[key] for key in data})
            pixels.append(open_pixels(file))
            rows = len(tables[-1]["kind"])
            embedded, known = folder / EMBEDDINGS / f"{file.stem}.npy", np.zeros((rows, EMBEDDING))
            if embedded.is_file():
                known = np.load(embedded, mmap_mode="r", allow_pickle=False)
            embeddings.append(known.astype(np.float32))
        where.append(np.column_stack([np.full(rows, number), np.arange(rows)]))
    if not tables:
        raise HeadshotError(f"{folder} has no training crops yet: see `headshot learn regressor-data --help`")
    table = {key: np.concatenate([t[key] for t in tables]) for key in tables[0]}
    labels = {key: table[key] for key in LABELS} | {"embedding": np.concatenate(embeddings)}
    apart = [bool(measured.intersection(name.split("/")[1:])) for name in table["name"].tolist()]
    _share(table, labels)
    return TrainingCrops(
        pixels, np.concatenate(where), table["kind"], table["name"], table["person"],
        table["held_out"] | np.array(apart), labels,
    )  # fmt: skip


def open_pixels(file: Path) -> U8:
    """The pixels (N, SIDE, SIDE, 3) that belong to a table of training crops, as a memory map.

    Raises:
        OSError, ValueError: they are missing, or fewer than the header says.
    """
    return np.load(file.with_suffix(".npy"), mmap_mode="r", allow_pickle=False)


def learned_from(folder: Path, benchmark: Path | None) -> TrainingCrops:
    """A store from which everything is held out that the default benchmark measures.

    Args:
        folder: of the store.
        benchmark: folder of the research data; None holds out nothing more than the store does.
    """
    return read_training_crops(folder, measured_names(benchmark) if benchmark else frozenset())


def _share(table: dict[str, Any], labels: dict[str, F32]) -> None:
    """Give all crops of a person one identity and one embedding, the means of those that are known.

    The errors of the fit differ between photos of a person; what a profile cannot show, other photos do.
    """
    embedding = labels["embedding"]
    owner = np.where(table["person"] == "", table["name"], table["person"])
    whose = np.unique(owner, return_inverse=True)[1]
    face = np.isin(table["kind"], (KINDS.index("photo"), KINDS.index("profile")))
    for known, values, flags in (
        (face & (embedding != 0).any(axis=1), embedding, None),
        (face & (table["person"] != "") & (labels["known"][:, 0] > 0), labels["identity"], labels["known"]),
    ):
        count = np.bincount(whose[known], minlength=whose.max() + 1)
        total = np.zeros((len(count), values.shape[1]), np.float32)
        np.add.at(total, whose[known], values[known])
        shared = face & (count[whose] > 0) & ((flags is None) | (table["person"] != ""))
        values[shared] = (total / np.maximum(count, 1)[:, None])[whose[shared]]
        if flags is not None:
            flags[shared, 0] = 1
    length = np.linalg.norm(embedding, axis=1, keepdims=True)
    embedding /= np.where(length > 0, length, 1)
