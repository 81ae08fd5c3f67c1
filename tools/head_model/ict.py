"""Reading ICT-FaceKit Light (MIT, USC Institute for Creative Technologies) from its arrays in one npz file.

Vertex ranges are those of the face kit's own documentation (https://github.com/ICT-VGL/ICT-FaceKit).
Lengths are converted to millimetres (the files use centimetres); x to the subject's left, y up, z forward.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

MM = 10.0  # one unit of the files in mm
FACE, HEAD, LINED = (
    9409,
    11248,
    14062,
)  # ends of: the face, face + head + neck, and these + mouth + eye sockets
GUMS_TEETH = slice(14062, 21451)
TEETH = slice(17039, 21451)
EYEBALLS = {"eye_left": slice(21451, 22221), "eye_right": slice(23021, 23791)}


@dataclass(frozen=True)
class Ict:
    """The face kit.

    Attributes:
        mean: (V, 3) mm.
        identity: (100, V, 3) mm per standard deviation.
        expression: name -> (V, 3) mm at weight 1.
        triangles: (F, 3).
        landmarks: (68,) vertices, iBUG order.
    """

    mean: np.ndarray
    identity: np.ndarray
    expression: dict[str, np.ndarray]
    triangles: np.ndarray
    landmarks: np.ndarray

    def surface(self, last: int) -> np.ndarray:
        """Triangles (F', 3) whose vertices all come before ``last``."""
        return self.triangles[(self.triangles < last).all(1)]


def read_ict(file: str | Path) -> Ict:
    """Read ``ict_facekit_light.npz``."""
    with np.load(file, allow_pickle=False) as data:
        mean = data["mean"].astype(float) * MM
        triangles = data["triangles"].astype(int)
        return Ict(
            mean=mean,
            identity=data["identity"].astype(np.float32) * MM,
            expression={
                str(name): offsets.astype(float) * MM
                for name, offsets in zip(data["expression_names"], data["expression"], strict=True)
            },
            triangles=triangles,
            landmarks=data["landmark_vertices"].astype(int),
        )
