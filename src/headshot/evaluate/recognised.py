"""Is the head recognised? A head made from one photo, seen from the front and from both sides, is compared
with the person's *other* photos by a face-recognition network.

AUC is the probability that a picture of the head is more similar to another photo of its person than to one
of somebody else, or that somebody else's head is less similar to that photo. Above it is the *photo itself*
that the head was made from; below it the *mean face* with this photo's texture: a texture alone carries much
of who somebody is. People and pairs are those of `headshot.evaluate.identity`.

Known weaknesses: the network sees 112 x 96 pixels around eyes, nose and mouth, where the texture shows more
than the shape; it hardly sees the outline of the head, and no hair. It was trained on photos of public
figures, mostly light-skinned adults. Pictures of heads are laid by the head's own points, photos by the
landmark network's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from headshot.arrays import U8, Array
from headshot.datasets.selection import PeopleSelection, photo_names_of_people
from headshot.datasets.subject import central_subject
from headshot.evaluate.baselines import Head, Predictor, methods_side_by_side
from headshot.evaluate.drawing import png, side_by_side
from headshot.evaluate.machine import machine
from headshot.evaluate.result import Column, Curve, Item, Result
from headshot.evaluate.resume_log import ResumeLog, Row, failures
from headshot.geometry.camera import Camera
from headshot.image.photo import read_photo
from headshot.metrics.verification import auc, roc_line
from headshot.models.topologies.ibug68 import five_points
from headshot.models.topologies.mediapipe478 import MEDIAPIPE_TO_IBUG68
from headshot.perception.recognition import Recogniser, aligned_face
from headshot.render import render, view_camera

SIZE = 256  # of the pictures, pixels
PHOTO = "photo itself"
# Yaw in degrees, and whether the head keeps the expression of the photo.
VIEWS: dict[str, tuple[float, bool]] = {
    "front": (0.0, True),
    "right": (-30.0, True),
    "left": (30.0, True),
    "neutral": (0.0, False),
}
COUNTED = ("front", "right", "left")


@dataclass(frozen=True)
class RecognisedSettings:
    """What is measured.

    Attributes:
        people: whose photos; the head is made from the first photo of each and compared with the others.
        recogniser: the face-recognition network.
    """

    recogniser: Recogniser
    people: PeopleSelection = field(default_factory=PeopleSelection)


def pictures_of(head: Head) -> dict[str, tuple[U8, Camera]]:
    """Pictures (256, 256, 3) of a textured head by view, and the camera of each.

    Raises:
        ValueError: the head has no texture.
    """
    if head.texture is None:
        raise ValueError("the head has no texture")
    out = {}
    for view, (yaw, expression) in VIEWS.items():
        vertices = head.vertices if expression else head.neutral
        camera = view_camera(vertices, yaw, size=SIZE)
        out[view] = (render(vertices, head.model, camera, texture=head.texture.pixels), camera)
    return out


def faces_of(head: Head) -> U8:
    """The aligned faces (views, 112, 96, 3) of pictures of a textured head, in the order of `VIEWS`."""
    faces = []
    for view, (picture, camera) in pictures_of(head).items():
        vertices = head.vertices if VIEWS[view][1] else head.neutral
        points = head.model.landmarks["ibug68"].on(vertices, head.model.triangles)
        faces.append(aligned_face(picture, five_points(camera.project(points))))
    return np.stack(faces)


def default_methods() -> tuple[Predictor, ...]:
    """Every method of `headshot.reconstruct`, and the mean face."""
    return methods_side_by_side()


def evaluate_recognised(
    folder: str | Path,
    settings: RecognisedSettings,
    predictors: tuple[Predictor, ...] | None = None,
    log: ResumeLog | None = None,
) -> Result:
    """Recognised heads on a folder PERSON/PHOTO.jpg; an item is a person.

    Raises:
        HeadshotError: fewer than two people have enough photos, or the network cannot be used.
    """
    methods = tuple(predictors or default_methods())
    root = Path(folder)
    names = photo_names_of_people(root, settings.people)
    sources = set(names[:: settings.people.photos])

    def attempt(name: str) -> Row:
        subject = central_subject(read_photo(root / name))
        points = subject.landmarks.points[list(MEDIAPIPE_TO_IBUG68)]
        face = aligned_face(subject.photo.pixels, five_points(points))
        row: Row = {PHOTO: settings.recogniser.vectors(face[None]).round(5).tolist()}
        for method in methods if name in sources else ():
            head = method(subject, textured=True).head
            if head is not None:
                row[method.name] = settings.recogniser.vectors(faces_of(head)).round(5).tolist()
        return row

    depends = {
        "settings": settings,
        "methods": methods,
        "folder": root.resolve(),
        "network": settings.recogniser.file,
    }
    rows = (log or ResumeLog()).work(names, attempt, depends)
    labels = (PHOTO, *(m.name for m in methods))
    others = {n: np.array(r[PHOTO][0]) for n, r in rows.items() if n not in sources and "error" not in r}
    values: dict[str, dict[str, dict[str, float]]] = {name.split("/")[0]: {} for name in names}
    curves: dict[str, list[tuple[float, float]]] = {}
    overall = []
    for label in labels:
        heads = {_owner(n): np.array(rows[n][label]) for n in names if n in sources and label in rows[n]}
        if len(heads) < 2:
            continue
        similarity = _Similarities(heads, others)
        for person in heads:
            values[person][label] = similarity.of_person(person)
        curves[label] = similarity.curve()
        overall.append(f"{label} {auc(*similarity.pairs()):.3f}")
    result = Result(
        measure="recognised",
        title=f"Recognised in other photos ({root.name})",
        protocol=_PROTOCOL,
        columns=_COLUMNS,
        methods=labels,
        items=[Item(person, {}, row) for person, row in values.items()],
        statistic="mean",
        command=f"headshot evaluate recognised {root.name}",
        machine=machine(),
        curves=[Curve("ROC of all pairs", "different people accepted, %", "same person accepted, %", curves)],
        notes=[
            f"AUC over all pairs together: {', '.join(overall)}.",
            failures(rows),
        ],
    )
    aucs = result.worst(methods[0].name, "auc")
    for person in aucs:
        name = next(n for n in names if n in sources and _owner(n) == person)
        subject = central_subject(read_photo(root / name))
        head = methods[0](subject, textured=True).head
        assert head is not None  # it has a value
        pictures = [picture for picture, _ in pictures_of(head).values()]
        caption = f"{person}: AUC {aucs[person]:.3f}; the photo, the head from {', '.join(VIEWS)}"
        result.pictures.append((caption, png(side_by_side(subject.photo.pixels, *pictures))))
    return result


class _Similarities:
    """Cosines of heads (views, n) by person with photos (n,) by name PERSON/PHOTO.jpg."""

    def __init__(self, heads: dict[str, Array], photos: dict[str, Array]) -> None:
        self.people = list(heads)
        self.views = len(next(iter(heads.values())))
        self.owner = np.array([_owner(name) for name in photos])
        gallery = np.array(list(photos.values()))
        # The photo itself has one view, heads have those of `VIEWS`.
        self.values = np.array([heads[p] @ gallery.T for p in self.people])  # (people, views, photos)

    def pairs(self, views: Sequence[int] | None = None, person: str | None = None) -> tuple[Array, Array]:
        """Similarities of same and of different pairs, of one person's head or photos, or of all."""
        rows = np.array(self.people)[:, None]
        chosen = list(views if views is not None else range(min(self.views, len(COUNTED))))
        values = self.values[:, chosen].transpose(0, 2, 1)  # (people, photos, views)
        same = rows == self.owner
        counts = np.ones_like(same) if person is None else (rows == person) | (self.owner == person)
        return values[same & counts].ravel(), values[~same & counts].ravel()

    def of_person(self, person: str) -> dict[str, float]:
        """Columns of a person; without the views where there is but one; nothing without other photos."""
        if not (self.owner == person).any():
            return {}
        out = {"auc": auc(*self.pairs(None, person))}
        if self.views > 1:
            out |= {view: auc(*self.pairs([k], person)) for k, view in enumerate(VIEWS)}
        same, different = self.pairs(None, person)
        return out | {"likeness": float(same.mean()), "others": float(different.mean())}

    def curve(self) -> list[tuple[float, float]]:
        """ROC of all pairs, percent."""
        return roc_line(*self.pairs())


def _owner(name: str) -> str:
    return name.split("/")[0]


_COLUMNS = (
    Column("auc", "AUC, front and ±30°", "", "higher", decimals=3),
    Column("front", "front", "", "higher", decimals=3),
    Column("right", "turned to the right", "", "higher", decimals=3),
    Column("left", "turned to the left", "", "higher", decimals=3),
    Column("neutral", "front, neutral", "", "higher", decimals=3),
    Column("likeness", "cosine, same person", "", "higher", decimals=3),
    Column("others", "cosine, others", "", "lower", decimals=3),
)

_PROTOCOL = (
    "A head is made from the first photo of each person and drawn by the built-in renderer (256 pixels, its "
    "usual light, a plain background) as it is in the photo, from the front and turned by 30° to both sides, "
    "and neutral from the front. A face-recognition network (MobileFaceNet: Chen et al. 2018) compares the "
    "pictures with the person's other photos, none of which the head has seen. AUC: all pairs of a person's "
    "head with this person's other photos against all pairs of this head with other people's photos and of "
    "other heads with this person's, averaged over people; turned views are pooled with the frontal one. The "
    "*photo itself* instead of the head is the upper bound, the *mean face* in this photo's texture the "
    "lower one. Weak in: the network sees eyes, nose and mouth, where a texture alone shows most of it; no "
    "hair, little outline; trained mostly on light-skinned adults."
)
