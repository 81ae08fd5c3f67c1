"""Cards: pieces of a mesh with strands painted on them, of which only the strands are seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headshot.arrays import F32, I32, U8, ReadOnly

CUTOFF = 0.5
"""Alpha from which a texel of an inner triangle counts."""


@dataclass(frozen=True, eq=False, repr=False)
class Cards(ReadOnly):
    """Triangles from the inside out, each seen from both sides.

    What is seen is ``colour`` x ``tint`` x the grey of ``texture``, all linear light.

    Dimension letters: P vertices, F triangles, H x W texels.

    Attributes:
        name: what they are, such as "Hair"; of the node in files.
        vertices: (P, 3) mm, head frame.
        normals: (P, 3) unit normals to light them by: those of the whole that they form rather than of each
            card, so that it looks like one body.
        triangles: (F, 3) indices, those near the skin first, counter-clockwise seen from outside.
        uv: (P, 2) texture coordinates, origin at the top left; strands run along v, from root to tip. u may
            leave [0, 1], where the texture repeats.
        tint: (P, 3) factor of the colour in [0, 1], linear.
        texture: (H, W, 2) uint8, grey (sRGB) and alpha (linear).
        colour: linear RGB.
        inner: so many triangles, the first ones, are opaque where alpha is above `CUTOFF`; the others blend.

    Raises:
        ValueError: arrays that do not fit together.
    """

    name: str
    vertices: F32
    normals: F32
    triangles: I32
    uv: F32
    tint: F32
    texture: U8
    colour: tuple[float, float, float]
    inner: int

    def __post_init__(self) -> None:
        super().__post_init__()
        count = len(self.vertices)
        for name, width in (("vertices", 3), ("normals", 3), ("uv", 2), ("tint", 3)):
            values = getattr(self, name)
            if values.shape != (count, width) or not np.isfinite(values).all():
                raise ValueError(
                    f"{name} of {self.name} must be finite of shape {(count, width)}, got {values.shape}"
                )
        if self.triangles.ndim != 2 or self.triangles.shape[1] != 3 or not len(self.triangles):
            raise ValueError(f"triangles of {self.name} must have shape (F, 3), got {self.triangles.shape}")
        if not 0 <= self.triangles.min() <= self.triangles.max() < count:
            raise ValueError(f"triangles of {self.name} point beyond its {count} vertices")
        if self.texture.ndim != 3 or self.texture.shape[2] != 2 or self.texture.dtype != np.uint8:
            raise ValueError(
                f"texture of {self.name} must be uint8 (H, W, 2), got {self.texture.dtype} "
                f"{self.texture.shape}"
            )
        if not 0 <= self.inner <= len(self.triangles):
            raise ValueError(
                f"{self.name} has {len(self.triangles)} triangles, of which {self.inner} cannot be inner"
            )
        if len(self.colour) != 3 or not all(0 <= c <= 1 for c in self.colour):
            raise ValueError(f"colour of {self.name} must be linear RGB within 0 to 1, got {self.colour}")
