"""Distances between named points of a face, as anthropometry takes them.

Points and distances after Farkas, "Anthropometry of the Head and Face" (2nd ed., 1994): en endocanthion,
ex exocanthion, p pupil, zy zygion, go gonion, n nasion, sn subnasale, prn pronasale, al alare, ch cheilion,
gn gnathion. They are taken on the neutral face. Where Farkas feels for bone (zygion, gonion, gnathion) the
surface has to do: zygion is where the face mesh of 478 points is widest, before the ear, gonion where the
face is widest at the height of the mouth's corners, alare where the nose is widest.

Each distance errs with the size of the head, which one photo hardly tells, and with its shape. The latter's
relative errors (root mean square) were measured on synthetic heads, one photo each, after the best scale:
``python benchmarks/measurements.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from headshot.arrays import F32, Array
from headshot.errors import HeadshotError
from headshot.models.head_model import HeadModel
from headshot.models.protocol import FaceModel
from headshot.models.topologies.mediapipe478 import IRIS_LEFT_IN_IMAGE, IRIS_RIGHT_IN_IMAGE

# Name -> ends, and relative error that is the shape's.
DISTANCES: dict[str, tuple[str, str, float]] = {
    "interpupillary distance (p-p)": ("p_right", "p_left", 0.026),
    "intercanthal width (en-en)": ("en_right", "en_left", 0.043),
    "biocular width (ex-ex)": ("ex_right", "ex_left", 0.024),
    "bizygomatic width (zy-zy)": ("zy_right", "zy_left", 0.056),
    "bigonial width (go-go)": ("go_right", "go_left", 0.050),
    "nose height (n-sn)": ("n", "sn", 0.047),
    "nose length (n-prn)": ("n", "prn", 0.053),
    "nose protrusion (sn-prn)": ("sn", "prn", 0.120),
    "nose width (al-al)": ("al_right", "al_left", 0.072),
    "mouth width (ch-ch)": ("ch_right", "ch_left", 0.062),
    "face height (n-gn)": ("n", "gn", 0.041),
    "lower face height (sn-gn)": ("sn", "gn", 0.064),
}

# iBUG's numbers of the points that are among the 68.
_IBUG = {
    "ex_right": 36, "en_right": 39, "en_left": 42, "ex_left": 45, "n": 27, "prn": 30, "sn": 33,
    "ch_right": 48, "ch_left": 54, "gn": 8,
}  # fmt: skip
_ZYGIA = (234, 454)  # of MediaPipe's 478 points, on the subject's right and left
_BAND = 6.0  # mm up and down within which the widest place is looked for


@dataclass(frozen=True)
class Measurement:
    """A distance.

    Attributes:
        value: mm.
        uncertainty: standard deviation, mm.
    """

    value: float
    uncertainty: float

    def __str__(self) -> str:
        return f"{self.value:.1f} ± {self.uncertainty:.1f} mm"


def measure(model: FaceModel, neutral: F32, scale_uncertainty: float) -> Mapping[str, Measurement]:
    """The distances of a head by name, as far as the model defines their ends.

    Args:
        model: the head model.
        neutral: (V, 3) the head without expression, mm.
        scale_uncertainty: relative standard deviation of its size.

    Raises:
        HeadshotError: it defines the ends of none.
    """
    values = distances(model, neutral)
    if not values:
        raise HeadshotError(
            f"{model.id} has too few named points to measure: it needs two ends of a distance among the "
            "68 iBUG or MediaPipe's 478 points"
        )
    found = {}
    for name, (_, _, shape) in DISTANCES.items():
        if name not in values:
            continue
        relative = float(np.hypot(scale_uncertainty, shape))
        found[name] = Measurement(values[name], relative * values[name])
    return MappingProxyType(found)


def distances(model: FaceModel, neutral: F32) -> dict[str, float]:
    """The distances in the unit of neutral vertices (V, 3), as far as the model defines their ends."""
    at = points(model, neutral)
    return {
        name: float(np.linalg.norm(at[a] - at[b]))
        for name, (a, b, _) in DISTANCES.items()
        if a in at and b in at
    }


def points(model: FaceModel, neutral: F32) -> dict[str, Array]:
    """The named points (3,) on neutral vertices (V, 3), as far as the model defines them."""
    # The eye that is on the left of a frontal picture is the subject's right one.
    named = {
        "ibug68": _IBUG,
        "mediapipe478": {
            "zy_right": _ZYGIA[0], "zy_left": _ZYGIA[1],
            "p_right": IRIS_LEFT_IN_IMAGE[0], "p_left": IRIS_RIGHT_IN_IMAGE[0],
        },
    }  # fmt: skip
    found: dict[str, Array] = {}
    for landmarks, numbers in named.items():
        known = model.landmark_set(landmarks)
        if known is not None:
            places = known.points.on(neutral, model.triangles).astype(np.float64)
            row = {int(number): places[k] for k, number in enumerate(known.index)}
            found |= {name: row[number] for name, number in numbers.items() if number in row}
    return found | _widest(model, neutral, found) if isinstance(model, HeadModel) else found


def _widest(model: HeadModel, neutral: F32, found: dict[str, Array]) -> dict[str, Array]:
    """Gonia and alaria, where regions of the bundled head model are widest."""
    widest: dict[str, Array] = {}
    mouth = (found["ch_right"][1] + found["ch_left"][1]) / 2
    face, nose = model.regions["face"] > 0.5, model.regions["nose"] > 0.5
    places = neutral.astype(np.float64)
    for name, region, low, high in (
        ("go", face, mouth - _BAND, mouth + _BAND),
        ("al", nose, found["sn"][1] - _BAND, found["sn"][1] + 2 * _BAND),
    ):
        band = np.flatnonzero(region & (places[:, 1] >= low) & (places[:, 1] <= high))
        widest[f"{name}_left"] = places[band[places[band, 0].argmax()]]
        widest[f"{name}_right"] = places[band[places[band, 0].argmin()]]
    return widest
