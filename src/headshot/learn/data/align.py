"""Alignment of faces by five points, as the reference of Jiang and Yang (2026) does it.

Deng et al., "Accurate 3D Face Reconstruction with Weakly-Supervised Learning" (CVPRW 2019): the five points
of a mean face in 3D are fitted to the five of the photo with a scaled orthographic camera, which says how
large the face is whichever way it looks. The crop then shows every face in the same size, its middle in the
middle; it is not turned. One millimetre of the head takes 1.015 of 224 pixels: what a camera with a focal
length of 1,015 pixels sees at a distance of one metre, which is the camera of `headshot.learn.face_model`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from headshot.arrays import Array
from headshot.errors import HeadshotError
from headshot.models.head_model import HeadModel
from headshot.models.topologies.ibug68 import five_points

SIZE = 224
"""Side of aligned crops, pixels."""
FOCAL, DISTANCE = 1015.0, 1000.0
"""Focal length in pixels of a 224-pixel crop, and how far the camera is from the face, mm."""
CENTRE = np.array([0.0, -30.0, 20.0])
"""(3,) what is in the middle of a crop, head frame, mm: about the centre of gravity of the face, where
Basel's frontal model has its origin."""


def standard_points(model: HeadModel) -> Array:
    """The five points (5, 3) of the mean head, mm from `CENTRE`.

    In the order of `headshot.perception.detection.detect.Face.points`: the eye on the left of the picture,
    the other eye, the nose tip, the corners of the mouth.
    """
    return five_points(model.landmarks["ibug68"].on(model.mean, model.triangles)) - CENTRE


def alignment(points: ArrayLike, standard: Array, size: int = SIZE) -> Array:
    """The crop of a face.

    The camera is x = s P R X + t with the first two rows P R of a rotation; as Deng et al. do, its eight
    numbers are found by linear least squares, and s is the mean length of the two rows found.

    Args:
        points: (5, 2) pixels of the photo.
        standard: (5, 3) mm, of `standard_points`.
        size: of the crop, pixels.

    Returns:
        (2, 3) pixels of the crop to pixels of the photo.

    Raises:
        HeadshotError: the points cannot be those of a face.
    """
    p = np.asarray(points, dtype=np.float64)
    if p.shape != (5, 2):
        raise ValueError(f"expected five points (5, 2), got {p.shape}")
    design = np.column_stack([standard, np.ones(5)])
    solution = np.linalg.lstsq(design, p, rcond=None)[0]  # (4, 2)
    scale = float(np.linalg.norm(solution[:3], axis=0).mean())  # pixels per mm
    extent = float(np.ptp(p, axis=0).max())
    if not (np.isfinite(scale) and extent > 1 and 0.2 < scale / (extent / 70) < 5):
        raise HeadshotError("the five points are not those of a face")
    step = FOCAL / DISTANCE * size / SIZE / scale  # pixels of the crop per pixel of the photo
    a = np.eye(2) / step
    return np.column_stack([a, solution[3] - a @ np.full(2, size / 2)])


def to_crop(affine: Array, points: ArrayLike) -> Array:
    """Points (..., 2) of the photo in pixels of the crop, for its map (2, 3) to the photo."""
    back = np.linalg.inv(affine[:, :2])
    return np.asarray((np.asarray(points, np.float64) - affine[:, 2]) @ back.T)
