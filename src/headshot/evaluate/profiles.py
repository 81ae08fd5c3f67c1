"""Faces from the side: are they found, do the points fit, and is it the same head as from the front?

On photos of people from the front and in profile (CFP: Sengupta et al., "Frontal to Profile Face Verification
in the Wild", WACV 2016), 30 points of the visible half placed by hand. Only people count who are held out of
all training (`headshot.datasets.split`). A photo is *off* when no head is found, or the mean error of the
inner points exceeds 7 % of the root of the area of the true points' box. Neutral shapes from the front are
compared with neutral shapes from the side, as in `headshot.evaluate.identity`: AUC of mixed pairs.

Known weaknesses: hand-made points of half a face constrain the pose little; the only truth about it here is
the side to which a profile faces. Half of the points' box of a frontal photo is a smaller ruler than all of
it. Sex, age and ethnicity alone pass as identity.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from headshot.arrays import Array
from headshot.datasets.annotations import Annotation, read_cfp
from headshot.datasets.split import held_out_people
from headshot.datasets.subject import find_subject
from headshot.errors import HeadshotError
from headshot.evaluate.baselines import NetworkPoints, Predictor, methods_side_by_side
from headshot.evaluate.drawing import points_picture
from headshot.evaluate.identity import shape_of
from headshot.evaluate.machine import machine
from headshot.evaluate.result import Column, Item, Result
from headshot.evaluate.resume_log import ResumeLog, Row, failures
from headshot.geometry.camera import angles_of
from headshot.image.photo import read_photo
from headshot.metrics.landmarks import REGIONS, box_root, nme
from headshot.metrics.shape import shape_similarity
from headshot.metrics.verification import auc

OFF = 7.0
"""Percent of the root of the points' box above which a photo is off."""
MIXED = "both, mixed pairs"
TRUE_LEFT_JAW, TRUE_RIGHT_JAW = 0, 16


@dataclass(frozen=True)
class ProfileSettings:
    """What is measured.

    Attributes:
        people: at most so many of those that are held out, the first by name; None for all 50.
        frontal, profile: at most so many photos of each person from the front and in profile.
    """

    people: int | None = None
    frontal: int = 3
    profile: int = 4


def default_methods() -> tuple[Predictor, ...]:
    """Every method of `headshot.reconstruct`, the mean face, and the points before any head."""
    return (*methods_side_by_side(), NetworkPoints())


def measure(points: Array, annotation: Annotation, rotation: Array | None) -> dict[str, float]:
    """Columns of one prediction (68, 2) px and the rotation (3, 3) of its head, if it has one."""
    q = annotation.points
    box = box_root(q)
    inner = nme(points[REGIONS["inner"]], q[REGIONS["inner"]], box)
    out = {"found": 100.0, "off": 100.0 * (inner > OFF), "inner": inner, "all": nme(points, q, box)}
    if rotation is not None:
        yaw = angles_of(rotation)[0]
        out["yaw"] = abs(yaw)
        if "profile" in annotation.photo.name:
            out["side"] = 100.0 * (yaw * faces_right(annotation) > 0)
    return {key: round(value, 4) for key, value in out.items()}


def faces_right(annotation: Annotation) -> float:
    """1 where the left half of the picture's face is annotated, so that a profile faces right; else -1."""
    return 1.0 if np.isfinite(annotation.points[TRUE_LEFT_JAW]).all() else -1.0


def evaluate_profiles(
    folder: str | Path,
    predictors: tuple[Predictor, ...] | None = None,
    settings: ProfileSettings | None = None,
    log: ResumeLog | None = None,
) -> Result:
    """Profiles and frontal photos of held-out people; items are photos and, for identity, people.

    Args:
        folder: with fiducials30.csv and PERSON/frontal_NN.jpg, PERSON/profile_NN.jpg.
        predictors: what to measure.
        settings: see `ProfileSettings`.
        log: of the rows that are done.

    Raises:
        HeadshotError: there is no such file, or nobody of it is held out.
    """
    methods = tuple(predictors or default_methods())
    root, chosen = Path(folder), settings or ProfileSettings()
    photos = _photos(root, chosen)

    def attempt(name: str) -> Row:
        annotation = photos[name]
        photo = read_photo(annotation.photo)
        subject = find_subject(photo, annotation.middle)
        row: Row = {"values": {}, "shapes": {}, "points": {}}
        for method in methods:
            found = method(subject)
            head = found.head
            rotation = None if head is None else head.camera.rotation
            row["values"][method.name] = measure(found.points, annotation, rotation)
            row["points"][method.name] = found.points.round(1).tolist()
            if head is not None:
                row["shapes"][method.name] = shape_of(found).round(3).tolist()
        return row

    depends = {"settings": chosen, "methods": methods, "folder": root.resolve()}
    rows = (log or ResumeLog()).work(list(photos), attempt, depends)
    lost = {m.name: {"found": 0.0, "off": 100.0} for m in methods}
    items = [
        Item(name, {"person": _person(name), "view": _view(name)}, row.get("values", lost))
        for name, row in rows.items()
    ]
    labels = tuple(m.name for m in methods)
    items += _identity(rows, labels)
    result = Result(
        measure="profiles",
        title=f"From the side ({root.name})",
        protocol=_PROTOCOL,
        columns=_COLUMNS,
        methods=labels,
        items=items,
        command=f"headshot evaluate profiles {root.name}",
        machine=machine(),
        notes=[failures(rows)],
        cluster="person",
    )
    errors = result.worst(labels[0], "inner")
    for name in errors:
        found = np.array(rows[name]["points"][labels[0]])
        picture = points_picture(read_photo(photos[name].photo).pixels, photos[name].points, found)
        caption = f"{name}: {errors[name]:.1f} %; white: by hand, orange: {labels[0]}"
        result.pictures.append((caption, picture))
    return result


def _photos(root: Path, settings: ProfileSettings) -> dict[str, Annotation]:
    """Annotations of the chosen photos by name PERSON/PHOTO.jpg."""
    file = root / "fiducials30.csv"
    if not file.is_file():
        raise HeadshotError(f"there is no {file}: expected CFP's folder, docs/reference/data.md")
    found = {a.photo.relative_to(root).as_posix(): a for a in read_cfp(file, frontal=True)}
    people = held_out_people(_person(name) for name in found)[: settings.people]
    if not people:
        raise HeadshotError(f"nobody in {file} is held out of training: nothing may be measured")
    out = {}
    for person in people:
        for view, count in (("frontal", settings.frontal), ("profile", settings.profile)):
            names = [n for n in found if _person(n) == person and _view(n) == view]
            out.update({name: found[name] for name in sorted(names)[:count]})
    return out


def _person(name: str) -> str:
    return name.split("/")[0]


def _view(name: str) -> str:
    return "profile" if "profile" in name else "frontal"


def _identity(rows: dict[str, Row], labels: tuple[str, ...]) -> list[Item]:
    """An item for each person with photos from both sides: AUC of the mixed pairs that have it in them."""
    values: dict[str, dict[str, dict[str, float]]] = {}
    for label in labels:
        names = [name for name, row in rows.items() if label in row.get("shapes", {})]
        if not names:
            continue
        shapes = np.array([rows[name]["shapes"][label] for name in names], dtype=np.float64)
        similarity = shape_similarity(shapes)
        for person, value in mixed_auc(similarity, names).items():
            values.setdefault(person, {})[label] = {"auc": value}
    return [
        Item(f"{person}, mixed pairs", {"person": person, "view": MIXED}, row)
        for person, row in values.items()
    ]


def mixed_auc(similarity: Array, names: list[str]) -> dict[str, float]:
    """AUC of each person over the pairs of a frontal photo and a profile that have this person in them.

    Args:
        similarity: (N, N) of all photos.
        names: N names PERSON/PHOTO.jpg.
    """
    owners, views = np.array([_person(n) for n in names]), np.array([_view(n) for n in names])
    front, side = np.flatnonzero(views == "frontal"), np.flatnonzero(views == "profile")
    mixed = similarity[np.ix_(front, side)]
    same = owners[front, None] == owners[side]
    out = {}
    for person in dict.fromkeys(owners.tolist()):
        own = (owners[front, None] == person) | (owners[side] == person)
        if (same & own).any() and (~same & own).any():
            out[person] = auc(mixed[same & own], mixed[~same & own])
    return out


_COLUMNS = (
    Column("off", f"not found or off by more than {OFF:g} %", "%", statistic="mean", decimals=1),
    Column("found", "found", "%", "higher", statistic="mean", decimals=1),
    Column("inner", "inner points", "% of the box"),
    Column("all", "all points", "% of the box"),
    Column("side", "turned to the true side", "%", "higher", statistic="mean", decimals=1),
    Column("yaw", "yaw found", "°", None, decimals=0),
    Column("auc", "AUC, frontal against profile", "", "higher", statistic="mean", decimals=3),
)

_PROTOCOL = (
    "Photos of people from the front and in profile (Sengupta et al. 2016) who are held out of all training. "
    "Mean distance of the 68 iBUG points to the 30 placed by hand on the visible half, over the root of the "
    f"area of their box; off: the inner points by more than {OFF:g} %, or no head found. The face nearest to "
    "the true points counts. AUC: neutral faces from frontal photos against neutral faces from profiles, "
    "compared like those of the measure *identity*, over the mixed pairs that a person is part of, averaged "
    "over people. Photos of one person are drawn together by the bootstrap. Weak in: pose, of which only "
    "the side is known; identity, for which sex, age and ethnicity alone pass."
)
