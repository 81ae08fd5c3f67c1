"""Synthetic heads with exact truth: shape, expression, pose, depth, scale, and shrinkage to the mean face.

Reads the folders of tools/synthetic_heads.py. Every vertex of a true head corresponds to a place on the mean
head of our model (the mesh's ``canonical`` positions), so that errors can be taken between corresponding
points and not only to the nearest surface, which flatters. Protocol: docs/explanation/evaluation.md.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image

from headshot.arrays import F32, Array, Index
from headshot.datasets.subject import find_subject
from headshot.datasets.synthetic import Mesh, Truth, read_truths
from headshot.errors import HeadshotError
from headshot.evaluate.baselines import Head, Predictor
from headshot.evaluate.errormap import error_map
from headshot.evaluate.machine import machine
from headshot.evaluate.result import Column, Curve, Item, Result, cumulative
from headshot.geometry.align import Surface, icp, similarity
from headshot.image.photo import read_photo
from headshot.metrics.shape import expression_error, mean_distance, shrinkage
from headshot.models.head_model import HeadModel

COLUMNS = (
    Column("vertex", "shape, corresponding points", "mm"),
    Column("surface", "shape, to surface", "mm"),
    Column("posed", "with expression", "mm"),
    Column("expression", "motion of the expression", "mm"),
    Column("norm", "norm ratio", "", None),
    Column("correlation", "correlation", "", "higher"),
    Column("rotation", "rotation", "°"),
    Column("distance", "camera distance", "%", "lower", decimals=1),
    Column("relief", "relief in depth", "mm"),
    Column("scale", "scale", "%", "lower", decimals=1),
    Column("found", "found", "%", "higher", "mean", 1),
)

PROTOCOL = """
Heads of meshes and modes that are not ours (ICT-FaceKit's raw geometry, MakeHuman characters), rendered by
`tools/synthetic_heads.py` with known truth. Points of the region *face* of the true mesh that lie on our
mean head are compared with the corresponding points of the predicted head; both are similarity-aligned
where the column is about shape.

- **shape, corresponding points**: mean distance of the neutral heads' corresponding points. **to surface**:
  mean distance from the true points to the nearest point of the predicted surface, after iterative closest
  points; the number that papers print, and the more forgiving one. **with expression**: corresponding
  points, as in the photo.
- **motion of the expression**: mean distance of the displacements that the expression causes, true and
  predicted, neutral faces laid on each other. With a neutral truth it counts expressions that were made up.
- **norm ratio** and **correlation**: of the predicted against the true offset from the mean head, both
  aligned to the mean on the face. 0 means that only the mean face came back, 1 the whole identity; a
  prediction that has nothing to do with the person has correlation 0 (the mean face, without any direction,
  counts as 0).
- **rotation**: angle of the motion that lays the predicted face, in the camera frame, on the true one: it
  does not depend on how either model defines a frontal head. **camera distance** and **scale**: relative
  errors; a single photo constrains either little. **relief in depth**: mean difference along the viewing
  axis after taking out the distance and scale.

Weaknesses: the heads are draws from statistical models and artists' sliders, one of which our model was
built from (its modes re-mixed); the colours are procedural, no hair, no shadows; our mean head *is* ICT's
mean, which makes the mean face a strong baseline on ICT heads.
""".strip()


@lru_cache(maxsize=8)
def places(model: HeadModel, mesh: Mesh) -> tuple[Index, Array]:
    """Where the face of a true mesh lies on a model: corners (P, 3) and their weights (P, 3)."""
    surface = Surface(model.mean, model.part_triangles("skin"))
    triangle, weights, _ = surface.closest(mesh.canonical[mesh.face])
    return surface.triangles[triangle], weights


def errors(head: Head, truth: Truth) -> dict[str, float]:
    """All errors of a prediction; keys are those of `COLUMNS`."""
    mesh = truth.mesh
    corners, weights = places(head.model, mesh)

    def at(vertices: F32) -> Array:
        return np.einsum("pcd,pc->pd", np.asarray(vertices, np.float64)[corners], weights)

    neutral, posed, mean = at(head.neutral), at(head.vertices), at(head.model.mean)
    true_neutral, true_posed = truth.neutral[mesh.face], truth.camera_vertices[mesh.face]
    on_truth = similarity(neutral, true_neutral)
    skin = Surface(head.neutral, head.model.part_triangles("skin"))
    refined = icp(true_neutral, skin, on_truth, steps=20)
    local = (true_neutral - refined.translation) @ (refined.rotation / refined.scale)
    surface = skin.closest(local)[2] * refined.scale

    in_camera = np.asarray(head.camera.to_camera(posed))
    motion = similarity(in_camera, true_posed)
    after = motion(in_camera)
    centre, true_centre = in_camera.mean(axis=0), true_posed.mean(axis=0)
    depth = after[:, 2] - true_posed[:, 2]
    norm, correlation = shrinkage(neutral, true_neutral, mean)
    return {
        "vertex": mean_distance(on_truth(neutral), true_neutral),
        "surface": float(surface.mean()),
        "posed": mean_distance(after, true_posed),
        "expression": expression_error(neutral, posed, true_neutral, true_posed),
        "norm": norm,
        "correlation": correlation,
        "rotation": motion.degrees,
        "distance": 100 * abs(float(np.linalg.norm(centre) / np.linalg.norm(true_centre)) - 1),
        "relief": float(np.abs(depth - depth.mean()).mean()),
        "scale": 100 * abs(1 / on_truth.scale - 1),
    }


def evaluate_photo(truth: Truth, predictors: Sequence[Predictor]) -> Item:
    """Find the face and score every method on it; what finds nothing has only ``found`` = 0."""
    values = {predictor.name: {"found": 0.0} for predictor in predictors}
    try:
        subject = find_subject(read_photo(truth.photo))
    except HeadshotError:
        subject = None
    middle = truth.camera_vertices[truth.mesh.face].mean(axis=0)
    for predictor in predictors if subject is not None else ():
        try:
            assert subject is not None
            head = predictor(subject).head
        except HeadshotError:
            continue
        if head is None or not _same_place(head, middle):
            continue
        values[predictor.name] = {"found": 100.0, **errors(head, truth)}
    group: dict[str, str | float] = {
        "kind": truth.head.split("-")[0],
        "yaw": yaw_bin(truth.yaw),
        "focal length": f"{truth.focal_35mm:.0f} mm",
        "skin": ("light", "medium", "dark")[min(int(truth.melanin * 3), 2)],
        "face": "expressive" if truth.expressive else "neutral",
        "head": truth.head,
    }
    return Item(truth.name, group, values)


def _same_place(head: Head, middle: Array) -> bool:
    """Whether the prediction is in the direction of the true face: anything else is a false detection."""
    predicted = np.asarray(head.camera.to_camera(head.vertices.mean(axis=0)))
    cosine = predicted @ middle / (np.linalg.norm(predicted) * np.linalg.norm(middle))
    return bool(np.arccos(np.clip(cosine, -1, 1)) < 200 / np.linalg.norm(middle))


def yaw_bin(yaw: float) -> str:
    """Label of the absolute yaw."""
    edges = (0, 22.5, 37.5, 52.5, 67.5)
    labels = ("0-22°", "22-37°", "37-52°", "52-67°", "67-90°")
    return labels[int(np.searchsorted(edges, abs(yaw), side="right")) - 1]


def evaluate(
    folder: str | Path,
    predictors: Sequence[Predictor],
    *,
    limit: int | None = None,
    command: str = "",
    progress: Callable[[Sequence[Truth]], Iterator[Truth]] = iter,
) -> Result:
    """Score methods on a folder of synthetic heads.

    Args:
        folder: made by tools/synthetic_heads.py.
        predictors: the methods.
        limit: use that many photos, spread evenly over the folder.
        command: for the report.
        progress: wraps the photos, to show a bar.
    """
    truths = read_truths(folder)
    if limit is not None and limit < len(truths):
        truths = [truths[i] for i in np.linspace(0, len(truths) - 1, limit).astype(int)]
    items = [evaluate_photo(truth, predictors) for truth in progress(truths)]
    by_name = {truth.name: truth for truth in truths}
    return result_of(
        items,
        tuple(p.name for p in predictors),
        command,
        lambda name: worst_picture(by_name[name], predictors[0]),
    )


def result_of(
    items: list[Item], methods: tuple[str, ...], command: str, draw: Callable[[str], bytes]
) -> Result:
    """The result of all photos, with curves and the ten worst photos of the first method.

    Args:
        items: from `evaluate_photo`.
        methods: names of the methods.
        command: for the report.
        draw: picture of an item by its name.
    """
    lines = {}
    for method in methods:
        found = [item.values.get(method, {}).get("vertex") for item in items]
        known = [value for value in found if value is not None]
        if known:
            lines[method] = cumulative(known, 6.0)
    first = methods[0]
    worst = sorted(
        (item for item in items if "vertex" in item.values.get(first, {})),
        key=lambda item: -item.values[first]["vertex"],
    )[:10]
    pictures = [
        (f"{item.name}: {item.values[first]['vertex']:.2f} mm ({first}); blue 0, red 5 mm", draw(item.name))
        for item in worst
    ]
    missed = [item.name for item in items if not item.values.get(first, {}).get("found")]
    notes = [f"Not found by {first}: {', '.join(missed)}."] if missed else []
    curve = Curve("Heads below an error", "mean distance of corresponding points, mm", "heads, %", lines)
    return Result(
        "synthetic", "Synthetic heads with exact truth", PROTOCOL, COLUMNS, methods, items, "median", command,
        machine(), pictures, [curve], notes, "head",
    )  # fmt: skip


def worst_picture(truth: Truth, predictor: Predictor) -> bytes:
    """A PNG: the photo beside the true neutral head, coloured by the distance of corresponding points."""
    found = predictor(find_subject(read_photo(truth.photo))).head
    assert found is not None  # it was scored
    corners, weights = places(found.model, truth.mesh)
    points = np.einsum("pcd,pc->pd", found.neutral.astype(np.float64)[corners], weights)
    true = truth.neutral[truth.mesh.face]
    distance = np.linalg.norm(similarity(points, true)(points) - true, axis=1)
    values = np.full(len(truth.neutral), np.nan)
    for part in np.array_split(np.unique(truth.mesh.skin), 40):  # each vertex like its nearest measured one
        gap = np.linalg.norm(truth.neutral[part][:, None] - true, axis=2)
        near = gap.argmin(axis=1)
        values[part] = np.where(gap[np.arange(len(part)), near] < 6, distance[near], np.nan)
    with Image.open(io.BytesIO(error_map(truth.neutral, truth.mesh.skin, values, size=240))) as coloured:
        picture = Image.new("RGB", (240 + coloured.width, 240))
        picture.paste(coloured, (240, 0))
    with Image.open(truth.photo) as photo:
        picture.paste(photo.convert("RGB").resize((240, 240), Image.Resampling.BOX), (0, 0))
    stream = io.BytesIO()
    picture.save(stream, format="PNG")
    return stream.getvalue()
