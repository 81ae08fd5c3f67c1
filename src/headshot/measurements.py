"""Distances between named points of a face, as anthropometry takes them.

Points and distances after Farkas, "Anthropometry of the Head and Face" (2nd ed., 1994): en endocanthion,
ex exocanthion, p pupil, zy zygion, go gonion, n nasion, sn subnasale, prn pronasale, al alare, ch cheilion,
gn gnathion. They are taken on the neutral face. Where Farkas feels for bone (zygion, gonion, gnathion) the
surface has to do: zygion is where the face mesh of 478 points is widest, before the ear, gonion where the
face is widest at the height of the mouth's corners, alare where the nose is widest.

Each distance errs with the size of the head, which photos hardly tell, and with its shape. The latter's
relative errors (root mean square, at the true scale) were measured on synthetic heads, one photo each, and
so was by how much errors grow for heads that are turned: ``python benchmarks/measurements.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from headshot.arrays import F32, Array, ReadOnlyDict
from headshot.errors import HeadshotError
from headshot.models.head_model import HeadModel
from headshot.models.protocol import FaceModel
from headshot.models.topologies.mediapipe478 import IRIS_LEFT_IN_IMAGE, IRIS_RIGHT_IN_IMAGE

# Name -> ends, relative error that is the shape's, and what heads that are turned by 60 degrees add to the
# whole error (in quadrature).
DISTANCES: dict[str, tuple[str, str, float, float]] = {
    "interpupillary distance (p-p)": ("p_right", "p_left", 0.028, 0.026),
    "intercanthal width (en-en)": ("en_right", "en_left", 0.056, 0.049),
    "biocular width (ex-ex)": ("ex_right", "ex_left", 0.032, 0.017),
    "bizygomatic width (zy-zy)": ("zy_right", "zy_left", 0.070, 0.0),
    "bigonial width (go-go)": ("go_right", "go_left", 0.051, 0.042),
    "nose height (n-sn)": ("n", "sn", 0.043, 0.022),
    "nose length (n-prn)": ("n", "prn", 0.063, 0.021),
    "nose protrusion (sn-prn)": ("sn", "prn", 0.137, 0.0),
    "nose width (al-al)": ("al_right", "al_left", 0.080, 0.062),
    "mouth width (ch-ch)": ("ch_right", "ch_left", 0.063, 0.032),
    "face height (n-gn)": ("n", "gn", 0.027, 0.062),
    "lower face height (sn-gn)": ("sn", "gn", 0.058, 0.084),
}
_TURNED = 1 - np.cos(np.radians(60))
_EYES = "interpupillary distance (p-p)"
_SMALL, _CHILD = 0.06, 0.25
"""What children's heads add: so much where the logarithm of the scale is less than 0 by so much. Their size
is that of the distance of the eyes; other distances come out 3 to 10 % shorter than they are in children
(``python benchmarks/size_intervals.py proportions``)."""

# iBUG's numbers of the points that are among the 68.
_IBUG = {
    "ex_right": 36, "en_right": 39, "en_left": 42, "ex_left": 45, "n": 27, "prn": 30, "sn": 33,
    "ch_right": 48, "ch_left": 54, "gn": 8,
}  # fmt: skip
_ZYGIA = (234, 454)  # of MediaPipe's 478 points, on the subject's right and left
_BAND = 6.0  # mm up and down within which the widest place is looked for


@dataclass(frozen=True)
class Measurement:
    """A distance, known as one knows a factor: its logarithm has a normal distribution.

    Attributes:
        value: mm; the distance is as probably longer as shorter.
        uncertainty: standard deviation, mm.
    """

    value: float
    uncertainty: float

    def interval(self, share: float = 0.95) -> tuple[float, float]:
        """Shortest and longest distance, mm, between which it is with a probability.

        Raises:
            ValueError: the probability is not between 0 and 1.

        Example:
            >>> low, high = Measurement(60.0, 3.0).interval(0.95)
            >>> f"{low:.1f} to {high:.1f}"
            '54.4 to 66.2'
        """
        if not 0 < share < 1:
            raise ValueError(f"share must be between 0 and 1, got {share}")
        factor = float(np.exp(NormalDist().inv_cdf((1 + share) / 2) * self.uncertainty / self.value))
        return self.value / factor, self.value * factor

    def __str__(self) -> str:
        return f"{self.value:.1f} ± {self.uncertainty:.1f} mm"


def measure(
    model: FaceModel, neutral: F32, scale: float, uncertainty: float, yaw: float = 0.0
) -> Mapping[str, Measurement]:
    """The distances of a head by name, as far as the model defines their ends.

    Args:
        model: the head model.
        neutral: (V, 3) the head without expression, mm.
        scale, uncertainty: its millimetres per model millimetre, and the relative standard deviation of that.
        yaw: degrees by which the head is turned in the photo that shows most of it.

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
    turned = (1 - float(np.cos(np.radians(yaw)))) / _TURNED
    small = _SMALL * max(-float(np.log(scale)) / _CHILD, 0.0)
    for name, (_, _, frontal, added) in DISTANCES.items():
        if name not in values:
            continue
        young = 0.0 if name == _EYES else small
        relative = float(np.sqrt(uncertainty**2 + frontal**2 + (turned * added) ** 2 + young**2))
        found[name] = Measurement(values[name], relative * values[name])
    return ReadOnlyDict(found)


def distances(model: FaceModel, neutral: F32) -> dict[str, float]:
    """The distances in the unit of neutral vertices (V, 3), as far as the model defines their ends."""
    at = points(model, neutral)
    return {
        name: float(np.linalg.norm(at[a] - at[b]))
        for name, (a, b, _, _) in DISTANCES.items()
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
