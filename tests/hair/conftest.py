"""Windows as a photo would give them, of hair that is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from headshot.arrays import F32, I32
from headshot.geometry.camera import Camera, project_for_raster, rotation_from_angles
from headshot.geometry.raster import rasterise
from headshot.hair.warp import two_sided
from headshot.hair.window import GRID, HairWindow, hair_window
from headshot.models.head_model import HeadModel
from headshot.perception.segmentation import CLASSES, Segmentation


def camera(yaw: float = 0.0) -> Camera:
    return Camera(512, 512, 1400, (256, 256), rotation_from_angles(yaw, 0, 0), np.array([0.0, 0.0, -1300.0]))


def segmentation(hair: F32, size: int = 512) -> Segmentation:
    """Of a photo where ``hair`` (128, 128) is hair and all else background or skin."""
    probabilities = np.zeros((len(CLASSES), 128, 128), np.float32)
    probabilities[CLASSES.index("hair")] = hair
    probabilities[0] = 1 - hair
    scale = size / 128
    return Segmentation(probabilities, np.array([[scale, 0, 0], [0, scale, 0.0]]), (size, size))


def _window_of(
    head: F32, model: HeadModel, points: F32 | None, triangles: I32 | None, yaw: float = 0.0
) -> HairWindow:
    """The window of a head (V, 3) that wears hair; bare skin is seen elsewhere."""
    window = hair_window([segmentation(np.zeros((128, 128), np.float32))], camera(yaw), head, model)
    hair = np.zeros((GRID, GRID), np.float32)
    if points is not None and triangles is not None:
        xy, depth = project_for_raster(points, window.camera)
        raster = rasterise(xy, depth, two_sided(triangles), GRID, GRID)
        hair = (raster.depth < window.depth).astype(np.float32)
    skin = np.isfinite(window.depth) * (1 - hair)
    return replace(window, hair=hair, skin=skin.astype(np.float32))


@pytest.fixture
def window_of() -> Callable[..., HairWindow]:
    """See `_window_of`."""
    return _window_of
