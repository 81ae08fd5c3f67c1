"""Metric scale of a head from one photo: what the iris says, and what is known of people.

A single photo fixes a head only up to its size. Two independent clues remain: the visible iris has nearly
the same diameter in all adults, 11.7 mm with a standard deviation of 0.4 mm (Rüfer, Schröder and Erb,
"White-to-white corneal diameter", Cornea 2005), and adult faces differ in size by a few percent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from headshot.arrays import Array
from headshot.geometry.camera import Camera
from headshot.models.topologies.mediapipe478 import IRIS_LEFT_IN_IMAGE, IRIS_RIGHT_IN_IMAGE

IRIS_DIAMETER = 11.7
IRIS_SPREAD = 0.42 / 11.7
"""Relative standard deviation of the iris diameter among people."""
FACE_SPREAD = 0.05
"""Relative standard deviation of face size among adults and older children, around the mean head."""
POINT_NOISE = 0.7
"""Standard deviation of an iris diameter measured in the 256-pixel crop of the landmark network, pixels of a
photo in which the face is about that large; smaller faces are measured less exactly. With it the diameters
measured on LFW scatter as they should (log standard deviation 0.08)."""


@dataclass(frozen=True)
class Scale:
    """Metric scale of a person's head.

    Attributes:
        value: millimetres of the person per millimetre of the head model.
        uncertainty: relative standard deviation of ``value``.
        iris_diameter: what the iris would measure on the unscaled model, mm, or None where unusable.
    """

    value: float
    uncertainty: float
    iris_diameter: float | None


@dataclass(frozen=True)
class IrisMeasure:
    """What the irises measure on the unscaled model in one view.

    Attributes:
        log_diameter: logarithm of the diameter in model mm.
        variance: of its error in this view; how irises differ between people is not in it.
    """

    log_diameter: float
    variance: float


def measure_iris(
    landmarks: ArrayLike, camera: Camera, iris_centres: ArrayLike, face_size: float
) -> IrisMeasure | None:
    """Measure the irises in one view; None where they are unusable.

    Args:
        landmarks: (478, 2) MediaPipe points in pixels.
        camera: the fitted camera, model millimetres.
        iris_centres: (2, 3) fitted iris centres in the head frame, the subject's right eye first.
        face_size: extent of the face in the photo, pixels; sets the precision of the iris.
    """
    points = np.asarray(landmarks, dtype=np.float64)
    depth = -camera.to_camera(iris_centres)[:, 2]
    diameters, precisions = [], []
    for iris, z in zip((IRIS_LEFT_IN_IMAGE, IRIS_RIGHT_IN_IMAGE), depth, strict=True):
        a, b, c, d = points[list(iris[1:])]
        # A turned eye shows its round iris as an ellipse, whose longer axis keeps the true length.
        pixels = max(np.linalg.norm(a - c), np.linalg.norm(b - d))
        if pixels > 1 and np.isfinite(pixels):
            noise = POINT_NOISE * max(face_size / 256.0, 1.0)
            diameters.append(np.log(pixels * z / camera.focal))
            precisions.append((noise / pixels) ** -2)
    if not diameters:
        return None
    measured = float(np.average(diameters, weights=precisions))
    # The network errs in both eyes alike, so two eyes are no better than their mean.
    return IrisMeasure(measured, float(len(precisions) / sum(precisions)))


def metric_scale(measures: Sequence[IrisMeasure | None]) -> Scale:
    """Combine the irises of all views and the population into one estimate of the head's size.

    Args:
        measures: of each view; their errors are independent, but not how a person's irises differ.
    """
    known = [m for m in measures if m is not None]
    if not known:
        return Scale(1.0, FACE_SPREAD, None)
    precisions = [1 / m.variance for m in known]
    measured = float(np.average([m.log_diameter for m in known], weights=precisions))
    variance = IRIS_SPREAD**2 + 1 / sum(precisions)
    # Product of two Gaussians over log scale: N(0, face spread) and N(log 11.7 - measured, variance).
    precision = FACE_SPREAD**-2 + 1 / variance
    log_scale = (np.log(IRIS_DIAMETER) - measured) / variance / precision
    return Scale(float(np.exp(log_scale)), float(precision**-0.5), float(np.exp(measured)))


def scaled_camera(camera: Camera, scale: float) -> Camera:
    """The same view of a head enlarged by ``scale``: it stands proportionally farther away."""
    translation: Array = camera.translation * scale
    return Camera(camera.width, camera.height, camera.focal, camera.centre, camera.rotation, translation)
