"""Hard photos: what blur, small faces and things before the face do to each method.

Annotated photos are spoiled, always in the same way: *blur* (a Gaussian of 3 % of the face's size), *60
pixels* (the photo reduced until the root of the area of the points' box is that), *hidden* (dark glasses, a
mask over nose and mouth, or something from the side that covers 40 % of the face, by the photo's name).
Errors are those of `headshot.evaluate.landmarks`: also hidden points count, because a head has all of them.
Profiles, the fourth hard case, are `headshot.evaluate.profiles`.

Known weaknesses: real blur moves, real hands have fingers, and the network that finds the face may have
learned such simple things; photos are otherwise easy ones.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from headshot.arrays import Array
from headshot.datasets.annotations import Annotation, read_annotations
from headshot.datasets.selection import spread
from headshot.datasets.subject import find_subject
from headshot.evaluate.baselines import Predictor, methods_side_by_side
from headshot.evaluate.drawing import points_picture
from headshot.evaluate.landmarks import NmeSettings, measure
from headshot.evaluate.machine import machine
from headshot.evaluate.result import Column, Item, Result
from headshot.evaluate.resume_log import ResumeLog, Row, failures
from headshot.image.photo import Photo, read_photo
from headshot.metrics.landmarks import box_root
from headshot.models.topologies import ibug68

BLUR = 0.03  # of the face's size, standard deviation
SMALL = 60.0  # pixels
COVERED = 0.4  # of the width of the face, by what comes from the side


@dataclass(frozen=True)
class HardSettings:
    """What is measured.

    Attributes:
        photos: which photos, and what counts as a failure.
        people: at most so many of these, spread evenly.
    """

    photos: NmeSettings = field(default_factory=NmeSettings)
    people: int | None = 40


def blurred(photo: Photo, truth: Array) -> tuple[Photo, Array]:
    """The photo out of focus."""
    soft = Image.fromarray(photo.pixels).filter(ImageFilter.GaussianBlur(BLUR * box_root(truth)))
    return Photo(np.asarray(soft), photo.name), truth


def small(photo: Photo, truth: Array) -> tuple[Photo, Array]:
    """The photo with a face of 60 pixels, and its points; as it is where the face is smaller."""
    factor = min(1.0, SMALL / box_root(truth))
    size = (max(1, round(photo.width * factor)), max(1, round(photo.height * factor)))
    reduced = Image.fromarray(photo.pixels).resize(size, Image.Resampling.BOX)
    return Photo(np.asarray(reduced), photo.name), truth * np.divide(size, (photo.width, photo.height))


def hidden(photo: Photo, truth: Array) -> tuple[Photo, Array]:
    """The photo with something before the face."""
    picture = Image.fromarray(photo.pixels)
    draw = ImageDraw.Draw(picture)
    kind = zlib.crc32(Path(photo.name).stem.encode("utf-8")) % 4
    left, right = truth[list(ibug68.OUTER_EYE_CORNERS)]
    across = right - left
    if kind == 0:  # dark glasses
        for group in (ibug68.EYE_LEFT_IN_IMAGE, ibug68.EYE_RIGHT_IN_IMAGE):
            eye = truth[group].mean(axis=0)
            half = np.array([0.34, 0.24]) * np.linalg.norm(across)
            draw.ellipse([*(eye - half), *(eye + half)], fill=(24, 22, 28))
        draw.line([tuple(left - 0.3 * across), tuple(right + 0.3 * across)], fill=(24, 22, 28), width=4)
    elif kind == 1:  # a mask over nose and mouth
        outline = [truth[2], *truth[3:14], truth[14], truth[29]]
        draw.polygon([tuple(point) for point in outline], fill=(146, 178, 196))
    else:  # something from one side
        low, high = truth.min(axis=0), truth.max(axis=0)
        reach = COVERED * (high[0] - low[0])
        x0, x1 = (low[0] - reach, low[0] + reach) if kind == 2 else (high[0] - reach, high[0] + reach)
        draw.rectangle([x0, low[1] - 0.3 * reach, x1, high[1] + reach], fill=(170, 122, 96))
    return Photo(np.asarray(picture), photo.name), truth


CASES: dict[str, Callable[[Photo, Array], tuple[Photo, Array]]] = {
    "as it is": lambda photo, truth: (photo, truth),
    "blur": blurred,
    "60 pixels": small,
    "hidden": hidden,
}


def evaluate_hard(
    folder: str | Path,
    predictors: tuple[Predictor, ...] | None = None,
    settings: HardSettings | None = None,
    log: ResumeLog | None = None,
) -> Result:
    """Landmark errors on spoiled photos of a folder with all 68 points; an item is a photo in one case.

    Raises:
        HeadshotError: nothing is annotated there.
    """
    methods = tuple(predictors or methods_side_by_side())
    root, chosen = Path(folder), settings or HardSettings()
    found = [a for a in chosen.photos.chosen(read_annotations(root)) if np.isfinite(a.points).all()]
    if chosen.people is not None:
        found = spread(found, chosen.people)
    wanted = {f"{a.photo.relative_to(root).as_posix()}, {case}": (a, case) for a in found for case in CASES}

    def attempt(name: str) -> Row:
        photo, annotation = spoiled(*wanted[name])
        subject = find_subject(photo, annotation.middle)
        row: Row = {"values": {}, "points": {}}
        for method in methods:
            points = method(subject).points
            row["values"][method.name] = measure(points, annotation, chosen.photos)
            row["points"][method.name] = points.round(1).tolist()
        return row

    depends = {"settings": chosen, "methods": methods, "folder": root.resolve()}
    rows = (log or ResumeLog()).work(list(wanted), attempt, depends)
    lost = {m.name: {"failed": 100.0} for m in methods}
    items = [
        Item(n, {"photo": n.split(", ")[0], "case": wanted[n][1]}, r.get("values", lost))
        for n, r in rows.items()
    ]
    result = Result(
        measure="hard",
        title=f"Hard photos ({root.name})",
        protocol=_PROTOCOL,
        columns=_COLUMNS,
        methods=tuple(m.name for m in methods),
        items=items,
        command=f"headshot evaluate hard {root.name}",
        machine=machine(),
        notes=[failures(rows)],
        cluster="photo",
    )
    label = methods[0].name
    errors = result.worst(label, "inner")
    for name in errors:
        photo, annotation = spoiled(*wanted[name])
        picture = points_picture(photo.pixels, annotation.points, np.array(rows[name]["points"][label]))
        result.pictures.append((f"{name}: {errors[name]:.1f} %; white: by hand, orange: {label}", picture))
    return result


def spoiled(annotation: Annotation, case: str) -> tuple[Photo, Annotation]:
    """The photo of an annotation in a case, and the annotation of what it became."""
    photo, points = CASES[case](read_photo(annotation.photo), annotation.points)
    return photo, Annotation(annotation.photo, points, annotation.rotation)


_COLUMNS = (
    Column("inner", "inner 51", "% of the eyes' distance"),
    Column("all", "all", "% of the eyes' distance"),
    Column("failed", "failures above 8 %", "%", statistic="mean"),
)

_PROTOCOL = (
    "Landmark errors as in the measure *landmarks* on the same photos in four states: as they are; blurred "
    "by a Gaussian of 3 % of the face; reduced until the face has 60 pixels; with dark glasses, a mask over "
    "nose and mouth, or a bar from one side over 40 % of the face, drawn flatly. All points count, also "
    "hidden ones; a photo without a result is a failure and has no error, so errors and failures belong "
    "together. All states of a photo are drawn together by the bootstrap. Weak in: nothing here is as untidy "
    "as real blur and real hands."
)
