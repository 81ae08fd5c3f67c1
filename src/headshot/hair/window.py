"""What a photo shows of hair around a head, on a coarse grid of its own.

Dimension letters: G x G cells of the grid, V vertices of the head.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from headshot.arrays import F32, Array, ReadOnly
from headshot.geometry.camera import Camera, project_for_raster
from headshot.geometry.raster import interpolate, rasterise
from headshot.models.head_model import HeadModel
from headshot.perception.segmentation import Segmentation

GRID = 128
CELL = 3.5  # mm at the distance of the head: the window is 448 mm wide
MIDDLE = (0.0, 28.0, -62.0)
"""mm: the middle of the skull, head frame."""
SKULL = np.array(MIDDLE, np.float32)
_CENTRE = (0.0, 0.0, -60.0)  # mm: of the window; more hair hangs down than stands up
_SKIN = ("skin", "nose", "brows", "eyes", "glasses", "ears", "mouth", "upper_lip", "lower_lip", "neck")


@dataclass(frozen=True, eq=False, repr=False)
class HairWindow(ReadOnly):
    """What one photo shows around a head.

    Attributes:
        camera: maps the head frame to cells of the grid.
        to_photo: (2, 3) cells to pixels of the photo.
        hair: (G, G) in [0, 1], how much of a cell shows hair.
        skin: (G, G) likewise, face, ears and neck of the person.
        known: (G, G) in [0, 1], how far the photo tells whether there is hair; nothing beyond its borders,
            and where hats and clothes may hide some.
        hat, cloth: (G, G) in [0, 1], how much of a cell shows a hat, or clothes.
        depth: (G, G) mm, of the bare head, inf where there is none.
        scalp: (G, G) in [0, 1], how far the bare head shows its scalp.
        weight: of the photo against others.
    """

    camera: Camera
    to_photo: Array
    hair: F32
    skin: F32
    known: F32
    hat: F32
    cloth: F32
    depth: F32
    scalp: F32
    weight: float = 1.0


def halved(values: F32) -> F32:
    """Means (r, c, ...) of 2 x 2 cells (2 r, 2 c, ...)."""
    total = values[::2, ::2] + values[1::2, ::2] + values[::2, 1::2] + values[1::2, 1::2]
    return np.asarray(total * np.float32(0.25), np.float32)


def hair_window(
    parts: Sequence[Segmentation], camera: Camera, vertices: F32, model: HeadModel, weight: float = 1.0
) -> HairWindow:
    """The window around a head.

    Args:
        parts: of the photo; where the first one's crop ends, the next one counts.
        camera: of the photo.
        vertices: (V, 3) mm, the head with the expression that the photo shows.
        model: gives the triangles.
        weight: of the photo against others.
    """
    scale = camera.focal / -camera.to_camera(np.array(_CENTRE))[2] * CELL  # photo pixels a cell
    corner = camera.project(np.array(_CENTRE)) - scale * GRID / 2
    side = max(round(scale * GRID), 1)
    window = replace(
        camera.cropped(corner[0], corner[1], side, side).resized(1 / scale), width=GRID, height=GRID
    )
    to_photo = np.array([[scale, 0, corner[0]], [0, scale, corner[1]]])
    half, fine = to_photo * [[0.5, 0.5, 1]], (2 * GRID, 2 * GRID)

    inside = [halved(part.covers(half, fine)) for part in parts]

    def share(*names: str) -> F32:
        out = np.zeros((GRID, GRID), np.float32)
        for part, covers in reversed(list(zip(parts, inside, strict=True))):
            here = halved(part.resampled(half, fine, *names))
            out = here + (1 - covers) * out
        return np.clip(out, 0, 1)

    hair, skin, hat, cloth = share("hair"), share(*_SKIN), share("hat"), share("cloth")
    at = np.arange(GRID) + 0.5
    x, y = (scale * at + corner[k] for k in range(2))
    photo = ((y > 0) & (y < camera.height))[:, None] & ((x > 0) & (x < camera.width))
    covered = np.maximum.reduce(inside)
    known = photo * (covered > 0.99) * (1 - np.clip(hat + cloth, 0, 1))
    hat, cloth = hat * photo, cloth * photo
    xy, depth = project_for_raster(vertices, window)
    raster = rasterise(xy, depth, model.triangles, GRID, GRID)
    scalp = interpolate(raster, model.regions["scalp"][:, None], model.triangles)[..., 0]
    return HairWindow(
        window, to_photo, hair, skin, known.astype(np.float32), hat, cloth, raster.depth, scalp, weight
    )
