"""Reconstructions against real 3D scans: the protocol of the NoW challenge, and errors by region as in REALY.

NoW: Sanyal et al., "Learning to regress 3D face shape and expression from an image without 3D supervision",
CVPR 2019, section 5, with the details (seven points, the radius of the face) of the authors' published code.
REALY: Chai et al., "REALY: Rethinking the evaluation of 3D face reconstruction", ECCV 2022. What is different
here is said in docs/explanation/evaluation.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from headshot.arrays import F32, I32, Array, Index, Mask
from headshot.datasets.subject import find_subject
from headshot.errors import HeadshotError
from headshot.evaluate.baselines import Head, Predictor
from headshot.evaluate.errormap import error_map
from headshot.evaluate.machine import machine
from headshot.evaluate.meshes import ENDINGS, LANDMARK_ENDINGS, SEVEN, Shape, read_shape
from headshot.evaluate.result import BASELINE, Column, Curve, Item, Result, cumulative
from headshot.geometry.align import Similarity, Surface, distances, icp, similarity
from headshot.image.files import PHOTO_ENDINGS
from headshot.image.photo import read_photo
from headshot.models.head_model import load_head_model

MEASURED, ALIGNED = 20_000, 4_000  # points of a scan for distances and for alignment, at most
LIMIT = 7.0  # mm, end of the cumulative curves
REGIONS = {
    "nose": ("nose",),
    "mouth": ("lips", "mouth"),
    "forehead": ("forehead", "brows"),
    "cheek": ("cheeks",),
}

COLUMNS = (
    Column("median", "median", "mm"),
    Column("mean", "mean", "mm"),
    Column("std", "std", "mm"),
    Column("metric", "median, size fixed", "mm"),
    Column("landmarks", "median, aligned by landmarks only", "mm"),
    Column("bent", "median, bent", "mm"),
    *(Column(name, name, "mm") for name in REGIONS),
)

PROTOCOL = """
Each neutral prediction is laid on the scan by NoW's seven points (corners of eyes and mouth, below the
nose) with a similarity, and refined by iterative closest points on the face: the scan's points within 0.7
times (distance of the outer corners of the eyes + length of the nose) from the nose. The error is the
distance from each of these points to the nearest point of the predicted surface. Per scan its median, mean
and standard deviation; over the scans see below.

- **size fixed**: the same with a rigid motion: the predicted millimetres count.
- **aligned by landmarks only**, **bent**: the same median without refinement, and after bending the
  prediction onto the scan by the best quadratic map (30 numbers). An order of methods that changes between
  these three is a product of the alignment, not of the reconstructions.
- **nose, mouth, forehead, cheek**: mean error of the region after the prediction has been laid on this
  region alone, rigidly. Regions come from our mean head, laid on the scan by its seven points and bent onto
  it, without regard to any prediction.

Weaknesses: the nearest point need not be the corresponding one, so that a smooth average face scores well;
hair, beards and holes of the scan count as face; people smile a little in "neutral" scans.
""".strip()


@dataclass(frozen=True, eq=False)
class Prepared:
    """A scan and what is measured on it.

    Attributes:
        name: of the item.
        shape: the scan.
        measured: (N,) vertices of the face, of which `aligned` is a part for the alignment.
        aligned: (M,) vertices.
        regions: name -> (N,) which of the measured vertices belong to it.
        upright: motion from the scan's frame to the head frame, for pictures.
    """

    name: str
    shape: Shape
    measured: Index
    aligned: Index
    regions: dict[str, Mask]
    upright: Similarity


@dataclass(frozen=True, eq=False)
class Score:
    """Errors of one prediction on one scan: values by column, and the distance (N,) of measured points."""

    values: dict[str, float]
    distance: Array


def face_of(shape: Shape) -> Index:
    """Vertices of the face: NoW's ball around the nose."""
    below, bridge = shape.seven[4], (shape.seven[1] + shape.seven[2]) / 2
    centre = below + 0.3 * (bridge - below)
    eyes, nose = np.linalg.norm(shape.seven[0] - shape.seven[3]), np.linalg.norm(bridge - below)
    inside = np.linalg.norm(shape.vertices - centre, axis=1) <= 0.7 * (eyes + nose)
    used = np.zeros(len(inside), bool)
    used[shape.triangles] = True  # files carry stray points that belong to no surface
    found = np.flatnonzero(inside & used)
    if len(found) < 100:
        raise HeadshotError(f"only {len(found)} points of the scan are near its landmarks: check their unit")
    return found


def prepare(name: str, shape: Shape) -> Prepared:
    """Choose the points of a scan that are measured, and find its regions."""
    face = face_of(shape)
    measured = face[np.linspace(0, len(face) - 1, min(MEASURED, len(face))).astype(int)]
    aligned = face[np.linspace(0, len(face) - 1, min(ALIGNED, len(face))).astype(int)]
    model = load_head_model("low")
    triangles, mean = model.part_triangles("skin"), mean_shape()
    start = similarity(mean.seven, shape.seven)
    motion = icp(shape.vertices[aligned], Surface(mean.vertices, triangles), start)
    bent = bend(motion(mean.vertices), triangles, shape.vertices[aligned])
    surface = Surface(bent, triangles)
    triangle, weights, _ = surface.closest(shape.vertices[measured])
    corners = surface.triangles[triangle]
    regions = {
        name: (np.sum([model.regions[part] for part in parts], axis=0)[corners] * weights).sum(axis=1) > 0.5
        for name, parts in REGIONS.items()
    }
    back = motion.rotation.T
    upright = Similarity(1 / motion.scale, back, -back @ motion.translation / motion.scale)
    return Prepared(name, shape, measured, aligned, regions, upright)


@lru_cache(maxsize=1)
def mean_shape() -> Shape:
    """The mean head of the built-in model."""
    model = load_head_model("low")
    return _with_points(
        model.mean, model.part_triangles("skin"), model.landmarks["ibug68"].on(model.mean, model.triangles)
    )


def shape_of(head: Head) -> Shape:
    """The neutral skin of a predicted head."""
    marks = head.model.landmarks["ibug68"].on(head.neutral, head.model.triangles)
    return _with_points(head.neutral, head.model.part_triangles("skin"), marks)


def _with_points(vertices: F32, triangles: I32, marks: F32) -> Shape:
    points = marks[list(SEVEN)].astype(np.float64)
    return Shape(vertices.astype(np.float64), triangles.astype(np.int64), points)


def bend(vertices: Array, triangles: I32 | Index, target: Array, steps: int = 6) -> Array:
    """Vertices (V, 3) after the quadratic map that brings the surface closest to points (N, 3).

    Ten monomials for each coordinate, by iterated least squares to closest points, without the worst tenth.
    """
    centre, size = target.mean(axis=0), 100.0

    def monomials(points: Array) -> Array:
        x, y, z = ((points - centre) / size).T
        return np.stack([np.ones_like(x), x, y, z, x * x, y * y, z * z, x * y, x * z, y * z], axis=1)

    bent = vertices
    for _ in range(steps):
        surface = Surface(bent, triangles)
        triangle, weights, distance = surface.closest(target)
        keep = distance <= np.quantile(distance, 0.9)
        corners = surface.triangles[triangle]
        source = (vertices[corners] * weights[:, :, None]).sum(axis=1)
        solution = np.linalg.lstsq(monomials(source[keep]), target[keep], rcond=None)[0]
        bent = monomials(vertices) @ solution
    return bent


def score(scan: Prepared, prediction: Shape) -> Score:
    """Errors (mm) of a prediction; the columns are `COLUMNS`."""
    surface = Surface(prediction.vertices, prediction.triangles)
    points, fitted = scan.shape.vertices[scan.measured], scan.shape.vertices[scan.aligned]
    by_landmarks = similarity(prediction.seven, scan.shape.seven)
    motion = icp(fitted, surface, by_landmarks)
    rigid = icp(fitted, surface, similarity(prediction.seven, scan.shape.seven, scaled=False), scaled=False)
    distance = distances(points, surface, motion)
    bent = Surface(bend(motion(prediction.vertices), prediction.triangles, fitted), prediction.triangles)
    values = {
        "median": float(np.median(distance)),
        "mean": float(distance.mean()),
        "std": float(distance.std()),
        "metric": float(np.median(distances(points, surface, rigid))),
        "landmarks": float(np.median(distances(points, surface, by_landmarks))),
        "bent": float(np.median(bent.closest(points)[2])),
    }
    placed = Surface(motion(prediction.vertices), prediction.triangles)
    still = Similarity(1.0, np.eye(3), np.zeros(3))
    for name, inside in scan.regions.items():
        region = points[inside]
        if len(region) >= 50:
            local = icp(region, placed, still, scaled=False, steps=20)
            values[name] = float(distances(region, placed, local).mean())
    return Score(values, distance)


def beside(folder: Path, stem: str, endings: Sequence[str]) -> Path | None:
    """The file of that stem with one of the endings."""
    return next((p for p in (folder / f"{stem}{ending}" for ending in endings) if p.is_file()), None)


def photos_of(folder: Path, stem: str) -> list[Path]:
    """Photos NAME.jpg and NAME-*.jpg of a scan."""
    files = [*folder.glob(f"{stem}.*"), *folder.glob(f"{stem}-*.*")]
    return sorted(p for p in files if p.suffix.lower() in PHOTO_ENDINGS)


def evaluate(
    folder: str | Path,
    predictors: Sequence[Predictor],
    *,
    others: Mapping[str, Path] | None = None,
    unit: str | None = None,
    command: str = "",
    progress: Callable[[Sequence[Path]], Iterator[Path]] = iter,
) -> Result:
    """Score methods on a folder of scans.

    Args:
        folder: NAME.obj (or .ply, .glb) with NAME.txt (or .json, .lm3) and photos NAME.jpg, NAME-*.jpg.
        predictors: methods that start from the photos; the mean face needs none.
        others: method -> folder of its meshes and landmarks, called like the photos or like the scans.
        unit: of the scans; found from the eyes when None.
        command: for the report.
        progress: wraps the scans, to show a bar.

    Raises:
        HeadshotError: there are no scans, or one cannot be read.
    """
    root = Path(folder)
    scans = sorted(p for p in root.glob("*") if p.suffix.lower() in ENDINGS)
    if not scans:
        raise HeadshotError(f"{root} has no scans: put NAME.obj, .ply or .glb and NAME.txt there")
    items: list[Item] = []
    curves: dict[str, list[Array]] = {}
    maps: list[tuple[float, str, bytes]] = []
    others = others or {}
    methods = tuple(dict.fromkeys([*(p.name for p in predictors), BASELINE, *others]))
    for file in progress(scans):
        marks = beside(root, file.stem, LANDMARK_ENDINGS)
        if marks is None:
            raise HeadshotError(
                f"{file} has no landmarks: put its 7 or 68 points into {file.stem}.txt beside it"
            )
        scan = prepare(file.stem, read_shape(file, marks, unit))
        photos: list[Path | None] = [*photos_of(root, file.stem)]
        for photo in photos or [None]:
            name = photo.stem if photo else file.stem
            found = {BASELINE: mean_shape(), **_predicted(photo, predictors)}
            found.update(_read_others(others, (name, file.stem)))
            scores = {method: score(scan, shape) for method, shape in found.items()}
            items.append(Item(name, {"scan": file.stem}, {m: s.values for m, s in scores.items()}))
            for method, s in scores.items():
                curves.setdefault(method, []).append(s.distance)
            first = next((m for m in methods if m in scores), BASELINE)
            maps.append(
                (scores[first].values["median"], f"{name}, {first}", _map(scan, scores[first].distance))
            )
    return _result(items, methods, curves, maps, command)


def _predicted(photo: Path | None, predictors: Sequence[Predictor]) -> dict[str, Shape]:
    """Neutral shapes of the methods that found the face."""
    out: dict[str, Shape] = {}
    if photo is None:
        return out
    try:
        subject = find_subject(read_photo(photo))
    except HeadshotError:
        return out
    for predictor in predictors:
        if predictor.name == BASELINE:
            continue  # without the photo it is the same, and there even when no face is found
        try:
            head = predictor(subject).head
        except HeadshotError:
            continue
        if head is not None:
            out[predictor.name] = shape_of(head)
    return out


def _read_others(others: Mapping[str, Path], stems: Sequence[str]) -> dict[str, Shape]:
    """Predictions of other methods for a photo; those that are missing count as failures."""
    out: dict[str, Shape] = {}
    for method, folder in others.items():
        for stem in dict.fromkeys(stems):
            mesh, marks = beside(folder, stem, ENDINGS), beside(folder, stem, LANDMARK_ENDINGS)
            if mesh is not None and marks is not None:
                # Size is part of a prediction, but many methods have none: then only "size fixed" is off.
                try:
                    out[method] = read_shape(mesh, marks)
                except HeadshotError:
                    out[method] = read_shape(mesh, marks, "mm")
                break
    return out


def _map(scan: Prepared, distance: Array) -> bytes:
    errors = np.full(len(scan.shape.vertices), np.nan)
    errors[scan.measured] = distance
    return error_map(scan.upright(scan.shape.vertices), scan.shape.triangles, errors)


def _result(
    items: list[Item],
    methods: tuple[str, ...],
    curves: dict[str, list[Array]],
    maps: list[tuple[float, str, bytes]],
    command: str,
) -> Result:
    lines = {}
    for method in methods:
        if method in curves:
            each = [np.array(cumulative(distance, LIMIT)) for distance in curves[method]]
            lines[method] = [(float(x), float(y)) for x, y in np.mean(each, axis=0)]  # scans weigh alike
    worst = sorted(maps, key=lambda entry: -entry[0])[:10]
    pictures = [
        (f"{caption}: median {median:.2f} mm; blue 0, red 5 mm and more, grey not measured", png)
        for median, caption, png in worst
    ]
    curve = Curve("Points below an error", "distance to the predicted surface, mm", "points, %", lines)
    missing = [
        f"{method}: no prediction for {len(items) - n} of {len(items)} items."
        for method in methods
        if (n := sum(method in item.values for item in items)) < len(items)
    ]
    return Result(
        "scan", "Error on 3D scans", PROTOCOL, COLUMNS, methods, items, "mean", command, machine(), pictures,
        [curve], missing, "scan",
    )  # fmt: skip
