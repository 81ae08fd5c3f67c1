"""The face-alignment network (FAN), whose landmarks Jiang and Yang (2026) use: 68 points, in 3D on request.

Bulat and Tzimiropoulos, "How far are we from solving the 2D & 3D face alignment problem?" (ICCV 2017). The
package ``face-alignment`` 1.5 has the networks: FAN, which draws a heat map for each point; the one of depth;
and the detector S3FD (Zhang et al., "S3FD: Single Shot Scale-invariant Face Detector", ICCV 2017).

Crop and places are found here. The package cuts its crop at whole pixels, takes the highest cell of 64 x 64
and a quarter of a cell, and drops the decimals of what comes of it, which moves landmarks a pixel or two up
and to the left. Here the crop is an exact affine map, and the peak the top of the Gaussian through the
highest cell and its neighbours.

The package would download weights when they are first used; Headshot never downloads, so they have to be in
torch.hub's folder. They are read as arrays of numbers: no code in such a file is run.
"""

from __future__ import annotations

import pickle
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch

from headshot.arrays import F32, U8, Array
from headshot.errors import HeadshotError, MissingExtraError
from headshot.image.resample import reduced, warp
from headshot.models.topologies import ibug68
from headshot.perception.detection.detect import Face
from headshot.reading.complaint import reading

FAN, DEPTH, S3FD = "3DFAN4-7835d9f11d.pth.tar", "depth-2a464da4ea.pth.tar", "s3fd-619a316812.pth"
URL = "https://www.adrianbulat.com/downloads/python-fan/"

SIDE, CELLS = 256, 64  # of the crop, pixels; of the heat maps
# Of the published networks' training: a crop's side is 200 / 195 of the box's width and height together, and
# its centre is 0.12 of the box's height above that of the box.
ENLARGED, RAISED = 200 / 195, 0.12
# The network of depth sees landmarks as Gaussians of this standard deviation and half width, crop pixels.
SIGMA, REACH = 3.25, 6
LARGEST = 1280  # pixels that S3FD looks at along the longer side: it takes 1 GB there
# What makes a number of NumPy's (both names that its versions give it), and nothing else.
_SCALAR: Any = np.float64(0).__reduce__()[0]
_NUMBERS: list[Any] = [
    (_SCALAR, "numpy.core.multiarray.scalar"), (_SCALAR, "numpy._core.multiarray.scalar"),
    np.dtype, np.dtypes.Float64DType,
]  # fmt: skip
SAME = 0.3  # intersection over union of boxes of the same face


def check_fan(*files: str) -> None:
    """Whether the package and these files of weights (`FAN`, `DEPTH`, `S3FD`) are there.

    Raises:
        MissingExtraError: the package is not.
        HeadshotError: a file is not; says from where to get it.
    """
    if find_spec("face_alignment") is None:
        raise MissingExtraError(
            'the points of FAN need the package face-alignment: pip install "headshot[fan]", or use '
            "--landmarks headshot"
        )
    for name in files:
        if not _file(name).is_file():
            raise HeadshotError(
                f"weights are not at {_file(name)}: download {URL}{name} to that place, or use "
                "--landmarks headshot"
            )


def fan_points(pixels: U8, box: Array) -> Array:
    """Landmarks of a face: ``ibug68``, those of the jaw on the skin and not on the outline.

    Args:
        pixels: (H, W, 3) of the photo.
        box: (4,) x0, y0, x1, y1 of the face, pixels, forehead to chin, as S3FD and MTCNN give it.

    Returns:
        (68, 2) pixels of the photo.

    Raises:
        HeadshotError: package or weights are missing, with what to do; or the network finds nothing.
    """
    affine = crop_map(box)
    _, points = _found(pixels, affine)
    return points @ affine[:, :2].T + affine[:, 2]


def fan_points_3d(pixels: U8, box: Array) -> Array:
    """Landmarks (68, 3): `fan_points`, and depth towards the camera, all in pixels of the photo.

    The camera is orthographic; only differences of depth mean something.
    """
    affine = crop_map(box)
    crop, points = _found(pixels, affine)
    maps = torch.from_numpy(landmark_maps(points))[None]
    with torch.inference_mode():
        depth = _depth_network()(torch.cat([crop, maps], dim=1))[0].double().numpy()
    found = points @ affine[:, :2].T + affine[:, 2]
    return np.column_stack([found, depth * affine[0, 0]])


def s3fd_box(pixels: U8, face: Face) -> Array:
    """The box (4,), pixels of the photo, that S3FD has of a face that was found by another detector.

    Raises:
        HeadshotError: package or weights are missing, with what to do; or S3FD does not find this face.
    """
    k = -(-max(pixels.shape[:2]) // LARGEST)
    found = _s3fd().detect_from_image(reduced(pixels, k))
    boxes = np.array([box[:4] for box in found], np.float64).reshape(-1, 4) * k
    low, high = np.maximum(boxes[:, :2], face.box[:2]), np.minimum(boxes[:, 2:], face.box[2:])
    shared = np.prod(np.clip(high - low, 0, None), axis=1)
    union = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) + face.size**2 - shared
    overlap = shared / union
    if not (overlap > SAME).any():
        raise HeadshotError("S3FD does not find the face")
    return boxes[overlap.argmax()]


def crop_map(box: Array) -> Array:
    """Affine map (2, 3) from pixels of FAN's crop (`SIDE` squared) to pixels of the photo, for a box (4,)."""
    width, height = box[2:] - box[:2]
    side = ENLARGED * (width + height)
    middle = (box[:2] + box[2:]) / 2 - (0, RAISED * height)
    return np.column_stack([np.eye(2) * side / SIDE, middle - side / 2])


def peaks(maps: F32) -> Array:
    """Places of the highest values of heat maps, between their cells.

    Along each axis the parabola through the logarithms of the highest cell and its two neighbours, which is
    exact for a Gaussian; a neighbour counts as at least a thousandth of the peak. At the border the cell's
    centre.

    Args:
        maps: (L, h, w), any scale.

    Returns:
        (L, 2) x and y in cells, whose centres are at +0.5.

    Raises:
        HeadshotError: a map is nowhere positive.
    """
    count, height, width = maps.shape
    row, column = np.divmod(maps.reshape(count, -1).argmax(axis=1), width)
    each = np.arange(count)
    top = maps[each, row, column].astype(np.float64)
    if not (top > 0).all():  # also of NaN
        raise HeadshotError("the face-alignment network finds no points")

    def shift(before: F32, after: F32, inside: Array) -> Array:
        low, high = (np.log(np.maximum(v / top, 1e-3)) for v in (before, after))  # the peak's is 0
        bend = low + high
        moved = np.divide(low - high, 2 * bend, out=np.zeros(count), where=bend < 0)
        return np.where(inside, moved, 0)

    left, right = np.maximum(column - 1, 0), np.minimum(column + 1, width - 1)
    above, below = np.maximum(row - 1, 0), np.minimum(row + 1, height - 1)
    x = column + 0.5 + shift(maps[each, row, left], maps[each, row, right], right - left == 2)
    y = row + 0.5 + shift(maps[each, above, column], maps[each, below, column], below - above == 2)
    return np.column_stack([x, y])


def landmark_maps(points: Array) -> F32:
    """Landmarks (L, 2), crop pixels, as the network of depth was trained to see them: (L, SIDE, SIDE).

    A Gaussian of height 1 around the pixel before that of the landmark, cut off at a square.
    """
    away = np.arange(SIDE) - (np.floor(points) - 1)[:, :, None]  # (L, 2, SIDE)
    bell = np.where(np.abs(away) <= REACH, np.exp(-(away**2) / (2 * SIGMA**2)), 0)
    return (bell[:, 1, :, None] * bell[:, 0, None, :]).astype(np.float32)


def _found(pixels: U8, affine: Array) -> tuple[torch.Tensor, Array]:
    """The crop (1, 3, SIDE, SIDE) in [0, 1], and the landmarks (68, 2) in its pixels."""
    network = _fan()
    picture = warp(pixels, affine[None], (SIDE, SIDE))[0]
    crop = torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 255
    with torch.inference_mode():
        # The crop and its mirror image, as the package does it.
        maps = network(crop)[-1][0]
        maps = maps + network(crop.flip(3))[-1][0][list(ibug68.MIRROR)].flip(2)
    return crop, peaks(maps.numpy()) * (SIDE / CELLS)


@cache
def _fan() -> Any:
    check_fan(FAN)
    from face_alignment.models import FAN as Network

    return _loaded(Network(4), FAN)


@cache
def _depth_network() -> Any:
    check_fan(DEPTH)
    from face_alignment.models import ResNetDepth

    return _loaded(ResNetDepth(), DEPTH)


@cache
def _s3fd() -> Any:
    check_fan(S3FD)
    from face_alignment.detection.sfd import FaceDetector

    with _as_weights(S3FD):
        return FaceDetector(device="cpu", path_to_detector=str(_file(S3FD)))


def _loaded(network: Any, name: str) -> Any:
    # The file of depth is a whole checkpoint, of a network in a DataParallel, perhaps with NumPy's numbers.
    with _as_weights(name), torch.serialization.safe_globals(_NUMBERS):
        state = torch.load(_file(name), map_location="cpu", weights_only=True)
        state = {key.removeprefix("module."): value for key, value in state.get("state_dict", state).items()}
        network.load_state_dict(state)
    return network.eval()


def _as_weights(name: str) -> Any:
    return reading(_file(name), "published weights", HeadshotError, also=(pickle.UnpicklingError,))


def _file(name: str) -> Path:
    return Path(torch.hub.get_dir()) / "checkpoints" / name
