"""Where the bundled head model ends."""

from __future__ import annotations

from headshot.arrays import Index
from headshot.geometry.borders import border_lines
from headshot.models.protocol import FaceModel


def neck_rim(model: FaceModel) -> Index:
    """(K,) vertices of the lower border of the skin, in the order in which its triangles pass them."""
    first, last = model.parts["skin"]
    lines = border_lines(model.triangles[first:last])
    return min(lines, key=lambda line: float(model.mean[line, 1].mean()))
