"""The pose of a face from the centres of its components: where a keypoint fit begins."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from headshot.geometry.pose import weak_perspective_pose
from headshot.geometry.view import Orthographic
from headshot.models.topologies import ibug68

# Landmarks by facial component (iBUG numbers from 0). Their centres hardly move with the expression.
COMPONENTS = (
    ibug68.numbers(ibug68.BROW_LEFT_IN_IMAGE),
    ibug68.numbers(ibug68.BROW_RIGHT_IN_IMAGE),
    ibug68.numbers(ibug68.EYE_LEFT_IN_IMAGE),
    ibug68.numbers(ibug68.EYE_RIGHT_IN_IMAGE),
    ibug68.numbers(ibug68.NOSE_BRIDGE)[:2],  # bridge, tip and base of the nose
    ibug68.numbers(ibug68.NOSE_BRIDGE)[2:],
    ibug68.numbers(ibug68.NOSE_BASE),
    ibug68.numbers(ibug68.LIPS_OUTER),
)


def component_pose(points: ArrayLike, index: ArrayLike, shape: ArrayLike) -> Orthographic:
    """A first pose from the centres of brows, eyes, nose and mouth ("Physics-based 3D Face Reconstruction",
    section III-A-1).

    Args:
        points: (68, 2) landmarks, pixels.
        index: (L,) which of the 68 the model has.
        shape: (L, 3) their places on the mean face, mm.
    """
    pixels, known, places = np.asarray(points, np.float64), np.asarray(index), np.asarray(shape, np.float64)
    image, model = [], []
    for component in COMPONENTS:
        rows = np.flatnonzero(np.isin(known, component))
        if len(rows):
            image.append(pixels[known[rows]].mean(axis=0))
            model.append(places[rows].mean(axis=0))
    if len(image) < 5:  # a sparse set of landmarks: take them as they are
        image, model = list(pixels[known]), list(places)
    rotation, origin, scale = weak_perspective_pose(np.array(image), np.array(model), np.ones(len(image)))
    return Orthographic(rotation, origin, scale)
