"""What photos were found to say of a person: small, without pixels, to JSON and back.

Dimension letters: I identity modes, E expressions (52 of the bundled head model), A albedo modes.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

import numpy as np

from headshot.arrays import Array, ReadOnly
from headshot.geometry.camera import Camera


@dataclass(frozen=True, eq=False, repr=False)
class PersonParameters(ReadOnly):
    """What all views of a person share.

    Attributes:
        identity: (I,) coefficients in standard deviations of their prior.
        albedo: (A,) albedo coefficients in standard deviations (`headshot.models.albedo`); None when only
            landmarks were fitted.
        scale: the person's millimetres per model millimetre.
        scale_uncertainty: relative standard deviation of ``scale``; distances err with the shape besides.
    """

    identity: Array
    albedo: Array | None
    scale: float
    scale_uncertainty: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "identity", np.asarray(self.identity, np.float64))
        super().__post_init__()
        if self.identity.ndim != 1:
            raise ValueError(f"identity must have shape (I,), got {self.identity.shape}")
        if not 0 < self.scale < inf or not 0 <= self.scale_uncertainty < inf:
            raise ValueError(
                "scale must be positive and its uncertainty not negative, both finite; "
                f"got {self.scale} and {self.scale_uncertainty}"
            )


@dataclass(frozen=True)
class PhotoInfo:
    """What is remembered of a photo.

    Attributes:
        name: file name without folders, or "photo".
        width, height: pixels, as read and upright.
        reduced: how many times smaller than the file it was read.
        focal_35mm: 35 mm-equivalent focal length in mm from EXIF; None when unknown.
    """

    name: str
    width: int
    height: int
    reduced: int
    focal_35mm: float | None


@dataclass(frozen=True, eq=False, repr=False)
class ViewParameters(ReadOnly):
    """What belongs to one view.

    Attributes:
        photo: the photo.
        camera: camera and head pose; maps the head frame, in the person's millimetres, to the photo.
        expression: (E,) coefficients of the model's expressions, of the bundled one ARKit weights in [0, 1].
        light: (9, 3) spherical harmonics of the photo's light, head frame (`headshot.geometry.light`); None
            when only landmarks were fitted.
        box: (4,) x0, y0, x1, y1 of the detected face, pixels.
        points: (5, 2) the detector's points, pixels.
        score: of the detector, in [0, 1].
        landmarks: (478, 2) pixels.
        presence: the landmark network's probability of a face.
        network: which network found the landmarks, "mediapipe" or "in_house".
        weight: share of the view's information that is not in other views as well, in (0, 1].
    """

    photo: PhotoInfo
    camera: Camera
    expression: Array
    light: Array | None
    box: Array
    points: Array
    score: float
    landmarks: Array
    presence: float
    network: str
    weight: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "expression", np.asarray(self.expression, np.float64))
        super().__post_init__()


@dataclass(frozen=True, eq=False, repr=False)
class Estimate(ReadOnly):
    """All that a head is made of, without pixels.

    Attributes:
        resolution: of the head model, "low" or "high"; of others than the bundled one "full".
        person: what all views share.
        views: one for each photo, in the order in which they were given.
        prior: what was expected of the shape, see `headshot.Settings`.
        preset: likewise.
    """

    resolution: str
    person: PersonParameters
    views: tuple[ViewParameters, ...]
    prior: str
    preset: str

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.views:
            raise ValueError("an estimate needs at least one view")


@dataclass(frozen=True)
class LeftOut:
    """A photo that several photos of one person were not made of.

    Attributes:
        name: of the photo.
        reason: a sentence.
        figure: what the reason rests on; None where there is none.
    """

    name: str
    reason: str
    figure: float | None = None
