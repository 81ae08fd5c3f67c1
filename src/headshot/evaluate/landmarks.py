"""Landmark error: how far the 68 points of a head, projected into the photo, lie from hand-made ones.

    NME = mean_i |p_i - q_i| / d

with d the distance of the outer eye corners (interocular: Sagonas et al., "300 Faces in-the-Wild Challenge",
ICCVW 2013) or the root of the area of the box around the true points (Zhu et al., "Face Alignment Across
Large Poses", CVPR 2016; from the side, where eye corners meet, only this one is of use).

Known weaknesses: it says nothing about shape along the line of sight, and little about identity; hand-made
points scatter by 2-4 % of the interocular distance themselves, along the jaw more; the jaw points of other
schemes follow other lines; a network trained on this annotation style beats a better head of another.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from headshot.evaluate.annotations import Annotation, read_annotations
from headshot.evaluate.baselines import NetworkPoints, Predictor, default_predictors, look
from headshot.evaluate.drawing import points_picture
from headshot.evaluate.journal import Journal, Row, failures
from headshot.evaluate.machine import machine
from headshot.evaluate.result import Column, Curve, Item, Result, cumulative
from headshot.geometry.camera import angles_of
from headshot.geometry.pose import weak_perspective_pose
from headshot.image.photo import read_photo
from headshot.models.head_model import load_head_model
from headshot.models.topologies import ibug68

REGIONS = {
    "inner": ibug68.INNER,
    "all": slice(0, ibug68.POINTS),
    "jaw": ibug68.JAW,
    "brows": ibug68.BROWS,
    "nose": ibug68.NOSE,
    "eyes": ibug68.EYES,
    "mouth": ibug68.MOUTH,
}
YAW_BINS = (0, 10, 20, 30, 45, 60, 75, 180)
NMES = tuple(REGIONS)
POSE = ("yaw", "pitch", "roll", "rotation")


@dataclass(frozen=True)
class NmeSettings:
    """What is measured.

    Attributes:
        normalisation: "interocular" or "box"; None takes the box where an outer eye corner is missing in
            some photo or a true yaw exceeds 60 degrees, as in sets with profiles.
        failure: an error of all points above this many percent is a failure, and so is no result.
        limit: at most so many photos, drawn with ``seed``; None for all.
        leave_out: leave out every so many-th photo (in the order of names), counted from the first: those
            that calibrated the method. 0 keeps all.
    """

    normalisation: Literal["interocular", "box"] | None = None
    failure: float = 8.0
    limit: int | None = None
    leave_out: int = 0
    seed: int = 0


def interocular(truth: ArrayLike) -> float:
    """Distance of the outer eye corners of true points (68, 2), pixels; NaN where one is unknown."""
    q = np.asarray(truth, dtype=np.float64)
    return float(np.linalg.norm(np.subtract(*q[list(ibug68.OUTER_EYE_CORNERS)])))


def box_root(truth: ArrayLike) -> float:
    """Root of the area of the box around the known true points (68, 2), pixels."""
    width, height = np.nanmax(truth, axis=0) - np.nanmin(truth, axis=0)
    return float(np.sqrt(width * height))


def nme(points: ArrayLike, truth: ArrayLike, distance: float) -> float:
    """Normalised mean error in percent of ``distance`` over the known true points (L, 2); NaN without any.

    Example:
        >>> square = [[0, 0], [10, 0], [10, 10], [0, 10]]
        >>> shifted = [[3, 4], [13, 4], [13, 14], [3, 14]]
        >>> nme(shifted, square, box_root(square))
        50.0
    """
    p, q = np.asarray(points, dtype=np.float64), np.asarray(truth, dtype=np.float64)
    if p.shape != q.shape or p.ndim != 2 or p.shape[1] != 2:
        raise ValueError(f"expected points and truth of the same shape (L, 2), got {p.shape} and {q.shape}")
    known = np.isfinite(q).all(axis=1)
    if not known.any() or not distance > 0:
        return float("nan")
    return float(100 * np.linalg.norm(p[known] - q[known], axis=1).mean() / distance)


def failure_rate(errors: ArrayLike, threshold: float) -> float:
    """Percent of errors (N,) above the threshold; NaN (no result) is a failure."""
    e = np.asarray(errors, dtype=np.float64)
    if len(e) == 0:
        raise ValueError("no errors: nothing was measured")
    return float(100 * np.mean(~(e <= threshold)))


def pose_errors(rotation: ArrayLike, truth: ArrayLike) -> dict[str, float]:
    """Absolute differences of yaw, pitch and roll, and the angle of the rotation between them, degrees."""
    r, t = np.asarray(rotation, dtype=np.float64), np.asarray(truth, dtype=np.float64)
    gaps = np.abs(np.array(angles_of(r)) - angles_of(t))
    turn = np.degrees(np.arccos(np.clip((np.trace(r @ t.T) - 1) / 2, -1, 1)))
    values = (*np.minimum(gaps, 360 - gaps), turn)
    return {name: float(v) for name, v in zip(POSE, values, strict=True)}


def true_yaw(annotation: Annotation) -> float:
    """Yaw in degrees: the true one, or that of the mean head posed to the true inner points.

    NaN where only one half of the face is annotated: the yaw of half a face is off by tens of degrees.
    """
    if annotation.rotation is not None:
        return angles_of(annotation.rotation)[0]
    if not np.isfinite(interocular(annotation.points)):
        return float("nan")
    model = load_head_model("low")
    mean = model.landmarks["ibug68"].on(model.mean, model.triangles)
    known = np.flatnonzero(np.isfinite(annotation.points).all(axis=1))
    known = known[known >= 17]
    rotation, _, _ = weak_perspective_pose(annotation.points[known], mean[known], np.ones(len(known)))
    return angles_of(rotation)[0]


def measure(
    points: ArrayLike, annotation: Annotation, settings: NmeSettings, rotation: ArrayLike | None = None
) -> dict[str, float]:
    """All columns of one prediction (68, 2) px, with its head pose where it has one."""
    p, q = np.asarray(points, dtype=np.float64), annotation.points
    distance = box_root(q) if settings.normalisation == "box" else interocular(q)
    values = {name: nme(p[part], q[part], distance) for name, part in REGIONS.items()}
    values["box"] = nme(p, q, box_root(q))
    if rotation is not None and annotation.rotation is not None:
        values.update(pose_errors(rotation, annotation.rotation))
    values["failed"] = failure_rate([values["all"]], settings.failure)
    return {name: round(value, 4) for name, value in values.items() if np.isfinite(value)}


def evaluate_landmarks(
    folder: str | Path,
    predictors: tuple[Predictor, ...] | None = None,
    settings: NmeSettings | None = None,
    journal: Journal | None = None,
) -> Result:
    """Landmark errors on a folder of annotated photos; see `read_annotations` for what it may hold.

    Raises:
        HeadshotError: nothing is annotated there.
    """
    methods = tuple(predictors or (*default_predictors(), NetworkPoints()))
    root = Path(folder)
    chosen = chosen_photos(read_annotations(root), settings or NmeSettings())
    settings = _normalised(chosen, settings or NmeSettings())
    by_name = {a.photo.relative_to(root).as_posix(): a for a in chosen}

    def attempt(name: str) -> Row:
        return _attempt(by_name[name], methods, settings)

    depends = {"settings": settings, "methods": methods, "folder": root.resolve()}
    rows = (journal or Journal()).work(list(by_name), attempt, depends)
    items = [_item(name, by_name[name], row, methods) for name, row in rows.items()]
    names = tuple(m.name for m in methods)
    result = Result(
        measure=f"landmarks-{root.name}",
        title=f"Landmark error ({root.name})",
        protocol=_protocol(settings),
        columns=_columns(settings, items),
        methods=names,
        items=items,
        command=f"headshot evaluate landmarks {root.name}",
        machine=machine(),
        curves=[_curve(items, names)],
        notes=[failures(rows)],
    )
    result.pictures.extend(_worst(result, by_name, rows))
    return result


def chosen_photos(found: list[Annotation], settings: NmeSettings) -> list[Annotation]:
    """The photos to measure."""
    if settings.leave_out:
        found = [a for i, a in enumerate(found) if i % settings.leave_out]
    if settings.limit is not None and len(found) > settings.limit:
        chosen = np.random.default_rng(settings.seed).choice(len(found), settings.limit, replace=False)
        found = [found[i] for i in sorted(chosen)]
    return found


def _normalised(found: list[Annotation], settings: NmeSettings) -> NmeSettings:
    """The settings with their normalisation decided."""
    how = settings.normalisation
    if how is None:
        sideways = any(
            not np.isfinite(interocular(a.points))
            or (a.rotation is not None and abs(angles_of(a.rotation)[0]) > 60)
            for a in found
        )
        how = "box" if sideways else "interocular"
    return replace(settings, normalisation=how)


def _attempt(annotation: Annotation, methods: tuple[Predictor, ...], settings: NmeSettings) -> Row:
    photo = read_photo(annotation.photo)
    centre = (np.nanmax(annotation.points, axis=0) + np.nanmin(annotation.points, axis=0)) / 2
    seen = look(photo, centre)
    row: Row = {"values": {}, "points": {}}
    for method in methods:
        found = method(seen)
        rotation = None if found.head is None else found.head.camera.rotation
        row["values"][method.name] = measure(found.points, annotation, settings, rotation)
        row["points"][method.name] = found.points.round(1).tolist()
    return row


def _item(name: str, annotation: Annotation, row: Row, methods: tuple[Predictor, ...]) -> Item:
    values = row.get("values", {m.name: {"failed": 100.0} for m in methods})
    return Item(name, {"yaw": yaw_bin(true_yaw(annotation))}, values)


def yaw_bin(yaw: float) -> str:
    """Label of the bin of a yaw in degrees, either side."""
    if not np.isfinite(yaw):
        return "profile"
    last = int(np.searchsorted(YAW_BINS, abs(yaw), side="right"))
    last = min(last, len(YAW_BINS) - 1)
    low, high = YAW_BINS[last - 1], YAW_BINS[last]
    return f"{low}°+" if high == YAW_BINS[-1] else f"{low}-{high}°"


def _columns(settings: NmeSettings, items: list[Item]) -> tuple[Column, ...]:
    by = "% of the eyes' distance" if settings.normalisation == "interocular" else "% of the box"
    columns = [Column(key, "inner 51" if key == "inner" else key, by) for key in NMES]
    columns.append(Column("failed", f"failures above {settings.failure:g} %", "%", statistic="mean"))
    if settings.normalisation == "interocular":
        columns.insert(2, Column("box", "all, by box", "%"))
    columns += [Column(key, f"{key} of the head", "°") for key in POSE]
    present = {key for item in items for values in item.values.values() for key in values}
    return tuple(c for c in columns if c.key in present)


def _protocol(settings: NmeSettings) -> str:
    left = (
        f" Every {settings.leave_out}rd photo is left out: those calibrated the points."
        if settings.leave_out
        else ""
    )
    return (
        "Mean distance of 68 iBUG points to hand-made ones per photo, over the distance of the outer eye "
        "corners (300-W, Sagonas et al. 2013) or the root of the area of the true points' box (Zhu et al. "
        "2016). The face nearest to the true points counts; a photo without a result is a failure and has no "
        "error. Yaw is the annotated one, or that of the mean head posed to the true points." + left + " "
        "Weak in: depth and identity, which it does not see; the jaw, where annotators differ."
    )


def _curve(items: list[Item], methods: tuple[str, ...]) -> Curve:
    """Cumulative error distribution; failures never enter it."""
    lines = {
        m: cumulative([item.values.get(m, {}).get("all", np.inf) for item in items], 15.0) for m in methods
    }
    return Curve("Cumulative error of all points", "error, %", "photos, %", lines)


def _worst(
    result: Result, annotations: dict[str, Annotation], rows: dict[str, Row]
) -> list[tuple[str, bytes]]:
    """The ten photos with the largest error of the first method."""
    method = result.methods[0]
    errors = result.worst(method, "all")
    pictures = []
    for name in errors:
        truth, points = annotations[name].points, np.array(rows[name]["points"][method])
        png = points_picture(read_photo(annotations[name].photo).pixels, truth, points)
        pictures.append((f"{name}: {errors[name]:.1f} %; white: by hand, orange: {method}", png))
    return pictures
