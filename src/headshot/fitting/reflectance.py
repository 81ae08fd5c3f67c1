"""What is known about the colours of faces at the points where photos are compared with the head model.

Beside the albedo model this is what neither albedo nor spherical harmonics have: cast shadows, highlights,
one-sided colours, make-up. Such errors are alike at neighbouring points. As brightness that varies smoothly
over the skin, with a prior of its own, they are fitted along and then forgotten; with the robust weights held
fixed this is the generalised least-squares estimate under correlated errors. Without it a shadow that the
light cannot explain would be taken for shape.

Dimension letters: V vertices, S points, A albedo modes, K fields.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from headshot.arrays import F32, Array
from headshot.fitting.surface import Samples, samples_of
from headshot.geometry.light import LightPrior
from headshot.models.albedo import load_albedo
from headshot.models.head_model import HeadModel

FIELDS = 40
REACH = 15.0  # mm, standard deviation of the bell of each field


@dataclass(frozen=True, eq=False)
class Reflectance:
    """Colours of faces at the points on the skin.

    Attributes:
        mean: (S, 3) linear reflectance.
        modes: (S, 3, A + K) per standard deviation: those of the albedo, then the fields.
        albedo: A.
        light: the prior of light.
    """

    mean: F32
    modes: F32
    albedo: int
    light: LightPrior


@lru_cache(maxsize=2)
def reflectance_of(model: HeadModel, spread: float) -> Reflectance:
    """The built-in albedo model, with fields, at the points of the built-in head model; made once.

    Args:
        model: the head model.
        spread: relative standard deviation of brightness that all fields together have.
    """
    colours, points = load_albedo(model.resolution), samples_of(model)
    mean = points.on(colours.mean)
    modes = points.on(colours.modes).transpose(1, 2, 0)
    fields = mean[:, :, None] * smooth_fields(points, spread)[:, None]
    both = np.ascontiguousarray(np.concatenate([modes, fields], axis=2), dtype=np.float32)
    return Reflectance(mean, both, len(colours.modes), colours.light_prior)


def smooth_fields(points: Samples, spread: float) -> F32:
    """Bells (S, K) around places spread evenly over the face, which together have a spread."""
    place: Array = points.mean[:, :3].astype(np.float64)
    nearest = np.full(len(place), np.inf)
    chosen = int(np.abs(place[:, :2]).sum(axis=1).argmin())
    out = np.empty((len(place), FIELDS))
    for k in range(FIELDS):  # each centre as far as possible from all before
        squared = ((place - place[chosen]) ** 2).sum(axis=1)
        out[:, k] = np.exp(-0.5 * squared / REACH**2)
        nearest = np.minimum(nearest, squared)
        chosen = int(nearest.argmax())
    out *= spread / np.sqrt((out**2).sum(axis=1).mean())
    return out.astype(np.float32)
