"""One look of our own network at a crop: points, pose, identity, expression, light and colours of a head.

The network (docs/regressor.md) sees faces from all sides, small, blurred and half hidden ones too, and says
how sure it is of each point. It wants an upright crop around the face; from a poor one it finds the way to a
good one by itself, in a second look.

Dimension letters: N crops, P = 546 points (478 of MediaPipe's mesh and the 68 of iBUG).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike
from onnxruntime import InferenceSession

from headshot.arrays import F32, U8, Array, Index
from headshot.geometry.camera import Camera, angles_of, nearest_rotation
from headshot.geometry.pose import camera_of_crop_pose
from headshot.image.resample import warp
from headshot.models.arkit import ARKIT52
from headshot.models.head_model import load_head_model
from headshot.models.topologies.mediapipe478 import MIRROR, POINTS
from headshot.perception.networks import session

CROP, CROP_MARGIN = 128, 1.4
"""Side of the network's input in pixels, and in sizes of the face: the longer side of its points' box."""
_BOX_TO_POINTS = 0.07  # a detector's box sits higher than that of the points, in its sizes

# iBUG index of each point's counterpart on the other side of the face.
# fmt: off
_MIRROR68 = (
    *range(16, -1, -1), *range(26, 16, -1), 27, 28, 29, 30, 35, 34, 33, 32, 31,
    45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40,
    54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55, 64, 63, 62, 61, 60, 67, 66, 65,
)
# fmt: on


@dataclass(frozen=True)
class Crop:
    """A square window of a photo: centre and side in pixels, and its turn in degrees, clockwise."""

    x: float
    y: float
    side: float
    roll: float = 0.0

    @classmethod
    def of_box(cls, box: ArrayLike, roll: float = 0.0) -> Crop:
        """Around a detector's box x0, y0, x1, y1; ``roll`` of the head, as in `headshot.Camera.angles`."""
        b = np.asarray(box, np.float64)
        size = float(np.sqrt(np.prod(b[2:] - b[:2])))
        a = np.radians(roll)
        x, y = (b[:2] + b[2:]) / 2 + _BOX_TO_POINTS * size * np.array([-np.sin(a), np.cos(a)])
        return cls(float(x), float(y), CROP_MARGIN * size, roll)

    @classmethod
    def of_points(cls, points: ArrayLike, roll: float) -> Crop:
        """Around the 478 points (478, 2) of a head with this roll."""
        turn = _turn(roll)
        upright = np.asarray(points, np.float64) @ turn
        low, high = upright.min(axis=0), upright.max(axis=0)
        x, y = turn @ ((low + high) / 2)
        return cls(float(x), float(y), CROP_MARGIN * float((high - low).max()), roll)

    @property
    def map(self) -> Array:
        """(2, 3) the unit square to pixels of the photo."""
        a = _turn(self.roll) * self.side
        return np.column_stack([a, np.array([self.x, self.y]) - a @ [0.5, 0.5]])


@dataclass(frozen=True, eq=False)
class Regression:
    """What the network says about the head in a crop.

    Attributes:
        crop: the crop.
        points: (478, 2) points on the head in pixels of the photo, hidden ones too.
        sigma: (478,) their standard deviation along each axis, pixels. Neighbours err alike.
        points68, sigma68: (68, 2), (68,) the same for iBUG's points, whose jaw follows the visible outline.
        identity: (I,) coefficients in standard deviations of the prior: the mean given the picture.
        identity_sigma: (I,) standard deviation of what they are off by.
        expression: (52,) ARKit weights in [0, 1].
        rotation: (3, 3) head frame to a camera that looks straight at the head.
        origin: (2,) pixel of the head frame's origin.
        scale: pixels of the photo for a millimetre of the head model at the origin.
        light: (9, 3) spherical harmonics in the head frame, as in `headshot.geometry.light`.
        albedo: (A,) coefficients of `headshot.models.albedo`.
        presence: belief in [0, 1] that the crop shows a face, about as large as it should be.
    """

    crop: Crop
    points: Array
    sigma: Array
    points68: Array
    sigma68: Array
    identity: Array
    identity_sigma: Array
    expression: Array
    rotation: Array
    origin: Array
    scale: float
    light: Array
    albedo: Array
    presence: float

    @property
    def angles(self) -> tuple[float, float, float]:
        """Yaw, pitch and roll in degrees as the crop shows them; see `Camera.angles`."""
        return angles_of(self.rotation)

    def camera(self, width: int, height: int, focal: float | None = None) -> Camera:
        """The camera that sees the head, in millimetres of the head model.

        Args:
            width, height: of the photo, whose middle is taken for the principal point.
            focal: focal length in pixels; the head is taken to be 1 m away where it is unknown.
        """
        return camera_of_crop_pose(self.rotation, self.origin, self.scale, (width, height), focal)


@dataclass(frozen=True)
class RegressSettings:
    """Settings of `regress`.

    Attributes:
        looks: at crops, each but the first where the one before found the face.
        mirrored: in the last look, average with what the network says of the mirrored crop.
        refined: look again at the points of the last look, see `refine`.
    """

    looks: int = 2
    mirrored: bool = True
    refined: bool = True


def regress(
    pixels: U8,
    crop: Crop,
    settings: RegressSettings = RegressSettings(),
    network: InferenceSession | None = None,
) -> Regression:
    """Look at the head in a crop, and again at the crop where it was found.

    Args:
        pixels: (H, W, 3) uint8 RGB, the photo.
        crop: around the face: `Crop.of_box` or `Crop.of_points`.
        settings: see `RegressSettings`.
        network: another one of the same form; the one that ships by default.

    Returns:
        What the network says; without a face under the crop, something with a low ``presence``.
    """
    for _ in range(settings.looks - 1):
        found = regress_crops(pixels, [crop], network=network)[0]
        crop = Crop.of_points(found.points, found.angles[2])
    last = regress_crops(pixels, [crop], mirrored=settings.mirrored, network=network)[0]
    return refine(pixels, last) if settings.refined else last


def refine(pixels: U8, found: Regression) -> Regression:
    """Look closely at each point where the network found it, and put it where it should have been.

    A step of a cascade, taken twice: docs/regressor.md. Only points and their deviations change.

    Args:
        pixels: (H, W, 3) uint8 RGB, the photo.
        found: what the network says of a face in it.
    """
    crop, affine, mirror = found.crop, found.crop.map, sides().points
    picture = _cut(pixels, [crop])
    points = np.concatenate([found.points, found.points68]) - affine[:, 2]
    local = points @ np.linalg.inv(affine[:, :2]).T
    sigma = np.concatenate([found.sigma, found.sigma68]) / crop.side
    feed = {
        "pixels": np.concatenate([picture, picture[:, :, ::-1]]),
        "points": np.stack([local, local[mirror] * [-1, 1] + [1, 0]]).astype(np.float32),
        "sigma": np.stack([sigma, sigma[mirror]]).astype(np.float32),
    }
    refined, spread = session("refiner").run(["refined", "refined_sigma"], feed)
    one, other = refined.astype(np.float64)
    local = (one + other[mirror] * [-1, 1] + [1, 0]) / 2
    sigma = (spread[0] + spread[1][mirror]).astype(np.float64) / 2 * crop.side
    points = local @ affine[:, :2].T + affine[:, 2]
    return replace(
        found, points=points[:POINTS], sigma=sigma[:POINTS], points68=points[POINTS:], sigma68=sigma[POINTS:]
    )


def regress_crops(
    pixels: U8, crops: Sequence[Crop], *, mirrored: bool = False, network: InferenceSession | None = None
) -> list[Regression]:
    """One look at each of some crops of a photo (H, W, 3); see `regress`."""
    pictures = _cut(pixels, crops)
    if mirrored:
        pictures = np.concatenate([pictures, pictures[:, :, ::-1]])
    network = network or session("regressor")
    names = [output.name for output in network.get_outputs()]
    values = dict(zip(names, network.run(names, {"pixels": np.ascontiguousarray(pictures)}), strict=True))
    n = len(crops)
    found = [
        {name: value[k].astype(np.float64) for name, value in values.items()} for k in range(len(pictures))
    ]
    if mirrored:
        found = [_averaged(one, _unmirrored(other)) for one, other in zip(found[:n], found[n:], strict=True)]
    return [_in_photo(crop, one) for crop, one in zip(crops, found, strict=True)]


def presences(pixels: U8, crops: Sequence[Crop]) -> Array:
    """Belief (N,) in [0, 1] that each of some crops shows a face about as large as it should be."""
    found = session("regressor").run(["presence"], {"pixels": _cut(pixels, crops)})[0]
    return np.asarray(found, np.float64)


def _cut(pixels: U8, crops: Sequence[Crop]) -> U8:
    """(N, CROP, CROP, 3) what the network gets; beyond the photo its border goes on."""
    maps = np.stack([crop.map @ np.diag([1 / CROP, 1 / CROP, 1]) for crop in crops])
    return warp(pixels, maps, (CROP, CROP), clamp=True)


Outputs = dict[str, Array]


def _in_photo(crop: Crop, found: Outputs) -> Regression:
    """What the network says of a crop, in terms of the photo."""
    affine = crop.map
    points = found["points"] @ affine[:, :2].T + affine[:, 2]
    sigma = found["sigma"] * crop.side
    turn = np.eye(3)
    turn[:2, :2] = _turn(-crop.roll)
    place = found["place"]
    return Regression(
        crop=crop,
        points=points[:POINTS],
        sigma=sigma[:POINTS],
        points68=points[POINTS:],
        sigma68=sigma[POINTS:],
        identity=found["identity"],
        identity_sigma=found["identity_sigma"],
        expression=found["expression"],
        rotation=turn @ found["rotation"],
        origin=affine[:, :2] @ place[:2] + affine[:, 2],
        scale=float(np.exp(place[2])) * crop.side,
        light=found["light"].reshape(9, 3),
        albedo=found["albedo"],
        presence=float(found["presence"]),
    )


def _averaged(one: Outputs, other: Outputs) -> Outputs:
    """The mean of two answers."""
    out = {name: (value + other[name]) / 2 for name, value in one.items()}
    out["rotation"] = nearest_rotation(out["rotation"])
    return out


def _unmirrored(found: Outputs) -> Outputs:
    """What an answer about the mirrored crop says about the crop."""
    s = sides()
    flip = np.array([-1.0, 1.0, 1.0])
    out = dict(found)
    out["points"] = np.column_stack([1 - found["points"][s.points, 0], found["points"][s.points, 1]])
    out["sigma"] = found["sigma"][s.points]
    out["identity"] = found["identity"] * s.identity
    out["expression"] = found["expression"][s.expression]
    out["rotation"] = found["rotation"] * flip[:, None] * flip
    out["place"] = np.array([1 - found["place"][0], *found["place"][1:]])
    out["light"] = s.light * found["light"]
    return out


@dataclass(frozen=True, eq=False)
class Sides:
    """What mirroring does to a head's description.

    Attributes:
        points: (P,) the point of a mirrored face that lies where each point was.
        identity: (I,) 1 for symmetric modes, -1 for antisymmetric ones; the built-in head has no others.
        expression: (52,) ARKit index of each expression's counterpart.
        light: (27,) likewise of spherical harmonics (9, 3), flattened.
    """

    points: Index
    identity: F32
    expression: Index
    light: F32


@lru_cache(maxsize=1)
def sides() -> Sides:
    """`Sides` of the built-in head."""
    model = load_head_model("low")
    flipped = model.identity[:, model.mirror] * np.array([-1, 1, 1], np.float32)
    signs = np.sign((flipped * model.identity).sum(axis=(1, 2)))
    other = {"Left": "Right", "Right": "Left"}
    names = []
    for name in ARKIT52:
        side = next((s for s in other if name.endswith(s)), "")
        names.append(name.removesuffix(side) + other[side] if side else name)
    light = np.ones((9, 3))
    light[[3, 4, 7]] = -1  # x, xy and xz of `headshot.geometry.light`
    return Sides(
        np.concatenate([MIRROR, POINTS + np.array(_MIRROR68)]),
        signs.astype(np.float32),
        np.array([ARKIT52.index(name) for name in names]),
        light.ravel().astype(np.float32),
    )


def _turn(roll: float) -> Array:
    """(2, 2) rotation by degrees, clockwise in the photo."""
    a = np.radians(roll)
    return np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]])
