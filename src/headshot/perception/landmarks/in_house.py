"""The in-house landmark network: points, pose, identity, expression, light and colours of the head in a crop.

The network (docs/explanation/regressor.md) was trained on faces from all sides, also small, blurred and half
hidden ones, and predicts a standard deviation of each point. It expects an upright crop around the
face; from a poor crop a first pass leads to a good one for the second.

Dimension letters: N crops, P = 546 points (478 of MediaPipe's mesh and the 68 of iBUG).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from onnxruntime import InferenceSession

from headshot.arrays import U8, Array, ReadOnly
from headshot.geometry.camera import Camera, angles_of, nearest_rotation
from headshot.geometry.pose import camera_of_crop_pose
from headshot.image.crop import FaceCrop, cut_crops, rotation2d
from headshot.models.topologies.mediapipe478 import POINTS
from headshot.perception.landmarks.mirror import head_mirror
from headshot.perception.networks import NETWORKS, run_network

SIZE, MARGIN = 128, 1.4
"""Side of the network's input in pixels, and in sizes of the face: the longer side of its points' box."""


@dataclass(frozen=True, eq=False, repr=False)
class HeadPrediction(ReadOnly):
    """What the in-house network predicts of the head in a crop.

    Attributes:
        crop: the crop.
        points: (478, 2) points on the head in pixels of the photo, hidden ones too.
        sigma: (478,) their standard deviation along each axis, pixels. Errors of neighbours are correlated.
        points68, sigma68: (68, 2), (68,) the same for iBUG's points, whose jaw follows the visible outline.
        identity: (I,) coefficients in standard deviations of the prior: the mean given the picture.
        identity_sigma: (I,) standard deviation of their errors.
        expression: (52,) ARKit weights in [0, 1].
        rotation: (3, 3) head frame to a camera whose axis goes through the head's origin.
        origin: (2,) pixel of the head frame's origin.
        scale: pixels of the photo for a millimetre of the head model at the origin.
        light: (9, 3) spherical harmonics in the head frame, as in `headshot.geometry.light`.
        albedo: (A,) coefficients of `headshot.models.albedo`.
        presence: probability that the crop shows a face, about as large as it should be.
    """

    crop: FaceCrop
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

    @property
    def next_crop(self) -> FaceCrop:
        """The crop around the predicted points, for another pass."""
        return FaceCrop.of_points(self.points, MARGIN, self.angles[2])

    def camera(self, width: int, height: int, focal: float | None = None) -> Camera:
        """The camera that sees the head, in millimetres of the head model.

        Args:
            width, height: of the photo, whose middle is taken for the principal point.
            focal: focal length in pixels; the head is taken to be 1 m away where it is unknown.
        """
        return camera_of_crop_pose(self.rotation, self.origin, self.scale, (width, height), focal)


def predict_head(
    pixels: U8, crop: FaceCrop, passes: int = 2, network: InferenceSession | None = None
) -> HeadPrediction:
    """Predict the head in a crop, in several passes, each on the crop around the points of the one before.

    The last pass is averaged with that of the mirrored crop, and its points are refined (`refine_points`).

    Args:
        pixels: (H, W, 3) uint8 RGB, the photo.
        crop: around the face: `FaceCrop.of_box` or `FaceCrop.of_points` with `MARGIN`.
        passes: 1 where the crop is good, as one around landmarks is.
        network: another one of the same form; the one that ships by default.

    Returns:
        The prediction; without a face in the crop, one with a low ``presence``.
    """
    for _ in range(passes - 1):
        crop = predict_heads(pixels, [crop], network=network)[0].next_crop
    return refine_points(pixels, predict_heads(pixels, [crop], mirrored=True, network=network)[0])


def refine_points(pixels: U8, found: HeadPrediction) -> HeadPrediction:
    """Correct each predicted point from the features around it: two steps of a cascade.

    See docs/explanation/regressor.md. Only points and their standard deviations change.

    Args:
        pixels: (H, W, 3) uint8 RGB, the photo.
        found: prediction for a face in it.
    """
    crop, mirror = found.crop, head_mirror().points
    picture = cut_crops(pixels, [crop], SIZE)
    local = crop.from_photo(np.concatenate([found.points, found.points68]))
    sigma = np.concatenate([found.sigma, found.sigma68]) / crop.side
    feed = {
        "pixels": np.concatenate([picture, picture[:, :, ::-1]]),
        "points": np.stack([local, local[mirror] * [-1, 1] + [1, 0]]).astype(np.float32),
        "sigma": np.stack([sigma, sigma[mirror]]).astype(np.float32),
    }
    refined, spread = run_network("refiner", ["refined", "refined_sigma"], feed)
    one, other = refined.astype(np.float64)
    local = (one + other[mirror] * [-1, 1] + [1, 0]) / 2
    sigma = (spread[0] + spread[1][mirror]).astype(np.float64) / 2 * crop.side
    points = crop.to_photo(local)
    return replace(
        found, points=points[:POINTS], sigma=sigma[:POINTS], points68=points[POINTS:], sigma68=sigma[POINTS:]
    )


def predict_heads(
    pixels: U8, crops: Sequence[FaceCrop], *, mirrored: bool = False, network: InferenceSession | None = None
) -> list[HeadPrediction]:
    """One pass on each of several crops of a photo; points are not refined.

    Args:
        pixels: (H, W, 3) uint8 RGB, the photo.
        crops: N of them.
        mirrored: average with the predictions for the mirrored crops.
        network: see `predict_head`.
    """
    pictures = cut_crops(pixels, crops, SIZE)
    if mirrored:
        pictures = np.concatenate([pictures, pictures[:, :, ::-1]])
    names = list(NETWORKS["regressor"].outputs)
    feed = {"pixels": np.ascontiguousarray(pictures)}
    values = dict(zip(names, run_network("regressor", names, feed, network), strict=True))
    n = len(crops)
    found = [
        {name: value[k].astype(np.float64) for name, value in values.items()} for k in range(len(pictures))
    ]
    if mirrored:
        found = [_averaged(one, _unmirrored(other)) for one, other in zip(found[:n], found[n:], strict=True)]
    return [_in_photo(crop, one) for crop, one in zip(crops, found, strict=True)]


Outputs = dict[str, Array]


def _in_photo(crop: FaceCrop, found: Outputs) -> HeadPrediction:
    """Outputs for a crop in coordinates of the photo."""
    points = crop.to_photo(found["points"])
    sigma = found["sigma"] * crop.side
    turn = np.eye(3)
    turn[:2, :2] = rotation2d(-crop.roll)
    place = found["place"]
    return HeadPrediction(
        crop=crop,
        points=points[:POINTS],
        sigma=sigma[:POINTS],
        points68=points[POINTS:],
        sigma68=sigma[POINTS:],
        identity=found["identity"],
        identity_sigma=found["identity_sigma"],
        expression=found["expression"],
        rotation=turn @ found["rotation"],
        origin=crop.to_photo(place[:2]),
        scale=float(np.exp(place[2])) * crop.side,
        light=found["light"].reshape(9, 3),
        albedo=found["albedo"],
        presence=float(found["presence"]),
    )


def _averaged(one: Outputs, other: Outputs) -> Outputs:
    """The mean of two outputs."""
    out = {name: (value + other[name]) / 2 for name, value in one.items()}
    out["rotation"] = nearest_rotation(out["rotation"])
    return out


def _unmirrored(found: Outputs) -> Outputs:
    """Outputs for the mirrored crop as outputs for the crop."""
    s = head_mirror()
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
