"""The head of one photo in another photo of the same person, where a wrong shape shows.

Identity and texture come from photo A; camera, pose and expression are fitted in photo B, by the same
method. Had A given the person's true shape, eyes, nose and mouth would fall onto those of B; the mean face
misses them by what makes the person's face different. A texture alone cannot help, because its photo is
another one than it is compared with.

    vertices = neutral_A * s_B / s_A + (vertices_B - neutral_B)

Light and camera differ between photos: colours are matched by mean and deviation of each channel (Reinhard et
al., "Color Transfer between Images", 2001, in sRGB) before SSIM and photometric error.

Known weaknesses: age, make-up, beard and shadows remain; B's camera was fitted with B's identity, which helps
wrong shapes a little; errors of shape common to all photos of a person cancel in neither measure nor method.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from headshot.arrays import U8, Mask
from headshot.datasets.selection import PeopleSelection, photos_of_people
from headshot.datasets.subject import Subject, central_subject
from headshot.errors import HeadshotError
from headshot.evaluate.baselines import Head, Predictor, textured_predictors
from headshot.evaluate.drawing import png, side_by_side
from headshot.evaluate.machine import machine
from headshot.evaluate.picture import face_mask, landmark_residual, overlay, shrunk
from headshot.evaluate.result import Column, Item, Result
from headshot.evaluate.resume_log import ResumeLog, Row, failures
from headshot.image.photo import read_photo
from headshot.metrics.picture import photometric_error, ssim


@dataclass(frozen=True)
class TransferSettings:
    """What is measured.

    Attributes:
        people: so many people with two photos or more, drawn with ``seed``; the first two photos count.
        face_pixels: larger faces are reduced to this extent.
    """

    people: int = 60
    face_pixels: int = 160
    seed: int = 0


def transferred(first: Head, second: Head) -> Head:
    """The person and texture of ``first`` with camera, pose, expression and size of ``second``.

    Raises:
        ValueError: the heads have different topologies.
    """
    if first.neutral.shape != second.neutral.shape:
        raise ValueError(f"heads must share vertices, got {first.neutral.shape} and {second.neutral.shape}")
    neutral = first.neutral * np.float32(second.scale / first.scale)
    vertices = neutral + (second.vertices - second.neutral)
    return replace(second, neutral=neutral, vertices=vertices, texture=first.texture)


def recoloured(picture: U8, photo: U8, mask: Mask) -> U8:
    """The picture with the mean and deviation of the photo's colours, channel by channel, over the mask."""
    if not mask.any():
        return picture
    have, want = picture[mask].astype(np.float64), photo[mask].astype(np.float64)
    gain = want.std(axis=0) / np.maximum(have.std(axis=0), 1.0)
    out = (picture - have.mean(axis=0)) * gain + want.mean(axis=0)
    return np.asarray(np.clip(np.round(out), 0, 255), dtype=np.uint8)


def evaluate_transfer(
    folder: str | Path,
    predictors: tuple[Predictor, ...] | None = None,
    settings: TransferSettings | None = None,
    log: ResumeLog | None = None,
) -> Result:
    """Transfer between two photos of each person of a folder PERSON/PHOTO.jpg.

    Raises:
        HeadshotError: nobody has two photos.
    """
    chosen = settings or TransferSettings()
    methods = tuple(predictors or textured_predictors())
    root = Path(folder)
    pairs = photos_of_people(root, PeopleSelection(chosen.people, 2, chosen.seed))
    if not pairs:
        raise HeadshotError(f"{root} has nobody with two photos: expected PERSON/PHOTO.jpg")

    def attempt(name: str) -> Row:
        one, two = (central_subject(read_photo(file)) for file in pairs[name])
        values = {}
        for method in methods:
            shown = _shown(method, one, two, chosen)
            if shown is not None:
                picture, photo, mask, head = shown
                values[method.name] = {
                    "residual": landmark_residual(head, two.landmarks),
                    "ssim": ssim(picture, photo, mask),
                    "photometric": photometric_error(picture, photo, mask),
                }
        return {"values": values}

    depends = {"settings": chosen, "methods": methods, "folder": root.resolve()}
    rows = (log or ResumeLog()).work(list(pairs), attempt, depends)
    result = Result(
        measure="transfer",
        title=f"The head of one photo in another ({root.name})",
        protocol=_PROTOCOL,
        columns=_COLUMNS,
        methods=tuple(m.name for m in methods),
        items=[Item(name, {}, row.get("values", {})) for name, row in rows.items()],
        command=f"headshot evaluate transfer {root.name}",
        machine=machine(),
        notes=[failures(rows, "People")],
    )
    errors = result.worst(methods[0].name, "residual")
    for name in errors:
        one, two = (central_subject(read_photo(file)) for file in pairs[name])
        shown = _shown(methods[0], one, two, chosen)
        if shown is not None:
            picture = side_by_side(one.photo.pixels, two.photo.pixels, shown[0])
            result.pictures.append((f"{name}: {errors[name]:.1f} %; A, B, and A's head in B", png(picture)))
    return result


_COLUMNS = (
    Column("residual", "478 landmarks of B", "% of their extent"),
    Column("ssim", "SSIM in B", "", "higher", decimals=3),
    Column("photometric", "photometric error in B", "levels of 255"),
)

_PROTOCOL = (
    "Identity and texture from one photo of a person, camera, pose and expression from another by the same "
    "method (no known source; ours). The head is rendered into the second photo, its colours matched by mean "
    "and deviation, and compared over the skin of its face; and its 478 points with the landmarks there. "
    "Unlike in the photo that the texture came from, a wrong identity shows. Weak in: light, age and make-up "
    "differ between photos; the pose was fitted together with the second photo's own identity."
)


def _shown(
    method: Predictor, one: Subject, two: Subject, settings: TransferSettings
) -> tuple[U8, U8, Mask, Head] | None:
    """Rendered picture and photo B, reduced, where they are compared, and the head; None without heads."""
    first, second = method(one, textured=True).head, method(two).head
    if first is None or second is None:
        return None
    head = transferred(first, second)
    picture, photo, factor = overlay(head, two.photo.pixels, settings.face_pixels)
    mask = shrunk(face_mask(head, two.photo.height, two.photo.width), factor)
    return recoloured(picture, photo, mask), photo, mask, head
