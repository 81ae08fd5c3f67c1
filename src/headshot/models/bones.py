"""Bones of the bundled head model: neck, head, jaw and eyes, with the weights by which they move its surface.

No bone is stored: all of them follow from the geometry. A file that has them shows the same head as one
without, until a bone turns. Names are those of VRM 1.0 (`VRMC_vrm.humanoid`), which other engines map by hand
anyway. Weights are for linear blend skinning: a vertex x becomes sum_j w_j (R_j (x - c_j) + c_j).

Lengths are millimetres in the head frame. Dimension letters: V vertices, J bones.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from headshot.arrays import F32, Array, Index, ReadOnly
from headshot.models.head_model import HeadModel
from headshot.models.neck import neck_rim
from headshot.ramps import smoothstep

NAMES = ("neck", "head", "jaw", "leftEye", "rightEye")
PARENTS = (-1, 0, 1, 1, 1)
_NECK, _HEAD, _JAW, _LEFT, _RIGHT = range(len(NAMES))

# Heights of the mean head, mm, between which the neck's skin goes over to the head, at two depths each: the
# border of the skin in front and behind, and throat and nape. Read off its profile.
_BORDER = ((-38.0, -160.0), (-139.0, -122.0))
_THROAT_AND_NAPE = ((-10.0, -118.0), (-143.0, -60.0))
_ATLAS = 30.0  # mm below the middle of the ears, where the skull turns on the spine
_STILL = 2.0  # mm of jawOpen below which its rotation says little about a weight


@dataclass(frozen=True, eq=False, repr=False)
class Bones(ReadOnly):
    """A skeleton and what it moves.

    Attributes:
        names: J names, each after its parent.
        parents: (J,) number of the bone above; -1 for the root.
        places: (J, 3) mm, where they turn; unturned, all have the axes of the head frame.
        weights: (V, J) of each vertex; rows sum to 1.
    """

    names: tuple[str, ...]
    parents: tuple[int, ...]
    places: F32
    weights: F32

    def __post_init__(self) -> None:
        super().__post_init__()
        count = len(self.names)
        if not (
            len(self.parents) == count
            and self.places.shape == (count, 3)
            and self.weights.shape[1:] == (count,)
            and all(-1 <= parent < number for number, parent in enumerate(self.parents))
        ):
            raise ValueError(f"{count} bones do not fit their parents, places and weights")
        if not np.allclose(self.weights.sum(axis=1), 1, atol=1e-4):
            raise ValueError("weights of a vertex must sum to 1")

    def restricted(self, vertices: Index) -> Bones:
        """The bones with the weights of some vertices."""
        return Bones(self.names, self.parents, self.places, self.weights[vertices])

    def rigid(self, name: str, count: int) -> Bones:
        """The bones with weights of so many vertices that one of them moves alone."""
        weights = np.zeros((count, len(self.names)), np.float32)
        weights[:, self.names.index(name)] = 1
        return Bones(self.names, self.parents, self.places, weights)


def bones_of(model: HeadModel, neutral: F32, jaw_open: F32, scale: float) -> Bones:
    """The bones of a person.

    Args:
        model: the bundled head model.
        neutral: (V, 3) the person's head without expression, mm.
        jaw_open: (V, 3) offsets of the person's ``jawOpen``, mm.
        scale: the person's millimetres per model millimetre.
    """
    teeth = _vertices(model, "teeth_lower")
    _, hinge = hinge_of(neutral[teeth], jaw_open[teeth])
    ears = np.average(neutral, axis=0, weights=model.regions["ears"])
    places = np.zeros((len(NAMES), 3))
    places[_NECK] = neutral[neck_rim(model)].mean(axis=0)
    places[_HEAD] = [0, ears[1] - _ATLAS * scale, ears[2]]
    places[_JAW] = [0, *hinge]
    places[_LEFT] = ball_centre(neutral[_vertices(model, "eye_left")])
    places[_RIGHT] = ball_centre(neutral[_vertices(model, "eye_right")])
    return Bones(NAMES, PARENTS, places.astype(np.float32), bone_weights(model))


@lru_cache(maxsize=2)
def bone_weights(model: HeadModel) -> F32:
    """(V, J) of the bundled head model, the same for all people.

    The jaw's are how much of its rotation ``jawOpen`` moves a vertex by, so that turning the bone by the
    angle of `hinge_of` looks like the expression; what is left goes from the neck to the head.
    """
    offsets = model.expression[model.expression_names.index("jawOpen")]
    teeth = _vertices(model, "teeth_lower")
    angle, hinge = hinge_of(model.mean[teeth], offsets[teeth])
    turned = _turned(model.mean, angle, hinge) - model.mean
    square = np.einsum("vc,vc->v", turned, turned) + _STILL**2
    jaw = np.clip(np.einsum("vc,vc->v", offsets, turned) / square, 0, 1)
    jaw[_vertices(model, "teeth_lower", "tongue")] = 1
    jaw[_vertices(model, "teeth_upper")] = 0
    y, z = model.mean[:, 1], model.mean[:, 2]
    low, high = _line(_BORDER, z), _line(_THROAT_AND_NAPE, z)
    above = smoothstep((y - low) / (high - low), 0, 1)
    inner = np.unique(model.triangles[model.parts["skin"][1] :])
    above[inner] = 1  # throat and tongue reach as deep as the neck
    weights = np.zeros((len(model.mean), len(NAMES)))
    weights[:, _JAW] = jaw
    weights[:, _HEAD] = (1 - jaw) * above
    weights[:, _NECK] = (1 - jaw) * (1 - above)
    for bone, part in ((_LEFT, "eye_left"), (_RIGHT, "eye_right")):
        weights[_vertices(model, part)] = np.eye(len(NAMES))[bone]
    out: F32 = weights.astype(np.float32)
    return out


def hinge_of(points: F32, offsets: F32) -> tuple[float, Array]:
    """The rotation about an axis from left to right that moves points (N, 3) by offsets (N, 3) best.

    Kabsch's least squares in the plane of y and z; a rotation and a shift there are one rotation about
    another point.

    Returns:
        The angle, radians, positive as the jaw opens; and y and z of the axis.
    """
    start = points[:, 1:].astype(np.float64)
    end = start + offsets[:, 1:]
    a, b = start - start.mean(axis=0), end - end.mean(axis=0)
    angle = float(np.arctan2((a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum(), (a * b).sum()))
    if abs(angle) < 1e-3:
        raise ValueError("jawOpen does not turn the lower teeth, so that the jaw has no hinge")
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    shift = end.mean(axis=0) - rotation @ start.mean(axis=0)
    return angle, np.linalg.solve(np.eye(2) - rotation, shift)


def ball_centre(points: F32) -> Array:
    """Centre (3,) of the sphere through the back half of a ball's vertices (N, 3): no cornea is there.

    Least squares of |x|^2 = 2 c.x + (r^2 - |c|^2), which is linear in c.
    """
    back = points[points[:, 2] <= np.median(points[:, 2])].astype(np.float64)
    origin = back.mean(axis=0)
    x = back - origin
    system = np.concatenate([2 * x, np.ones((len(x), 1))], axis=1)
    solution = np.linalg.lstsq(system, (x**2).sum(axis=1), rcond=None)[0]
    return np.asarray(solution[:3] + origin)


def _turned(points: F32, angle: float, hinge: Array) -> Array:
    """Points (N, 3) turned about the axis from left to right through y and z."""
    cos, sin = np.cos(angle), np.sin(angle)
    out = points.astype(np.float64)
    y, z = out[:, 1] - hinge[0], out[:, 2] - hinge[1]
    out[:, 1], out[:, 2] = hinge[0] + cos * y - sin * z, hinge[1] + sin * y + cos * z
    return out


def _line(through: tuple[tuple[float, float], tuple[float, float]], z: F32) -> Array:
    """Heights at depths (N,) of a line through two points (depth, height)."""
    (z0, y0), (z1, y1) = through
    return np.asarray(y0 + (y1 - y0) * (z - z0) / (z1 - z0))


def _vertices(model: HeadModel, *parts: str) -> Index:
    return np.unique(model.part_triangles(*parts))
