"""How a photo shows a face, whatever the face: noise, exposure, tones, blocks, and what covers it.

Everything is measured within the face alone, so that backgrounds and borders do not count, and so that skin
tones do not: brightness is that of what is brightest in a face (highlights, whites of the eyes), which dark
skin has too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headshot.arrays import U8, Array, Mask
from headshot.image.colour import luma
from headshot.image.crop import FaceCrop
from headshot.models.topologies import ibug68
from headshot.models.topologies.mediapipe478 import MEDIAPIPE_TO_IBUG68, OVAL, POINTS
from headshot.perception.segmentation import Segmentation

NOISE_SIZE = 128
"""Pixels of the extent of the landmarks at which noise is measured: that of the landmark networks' crops."""
_GRID = 128  # pixels across the face that are looked at, at most
_BRIGHTEST = 0.95  # quantile of brightness
_WHITE = 250  # levels from which on a channel is clipped
_BLOCK = 8  # pixels, of JPEG
_CALM = 0.3  # levels; smaller differences make no blocks
_MIDDLE = 384  # pixels of the middle of the face in which blocks are looked for
_FEW = 16  # pixels across the face that say nothing about blocks
_COVERS = ("background", "hat", "cloth")  # hands, masks and things count among the background
FOREHEAD = (10, 338, 297, 109, 67, 151, 9, 108, 337, 69, 299, 105, 66, 107, 336, 296, 334)
"""Points of MediaPipe on the forehead and the brows."""
_INNER = np.setdiff1d(np.arange(POINTS), OVAL)
# Places around an eye in widths of it, and points of MediaPipe on the cheeks; and the brightness of the
# brightest tenth of the former over that of the latter behind clear and behind dark glasses (of 36 photos of
# CelebAMask-HQ with glasses 0.55 to 1.1, and 0.04 to 0.5 but for a mirrored pair).
_AROUND = np.array([(x, y) for x in (-0.4, -0.2, 0.0, 0.2, 0.4) for y in (-0.15, 0.0, 0.15)])
_CHEEKS = (50, 205, 280, 425)
_CLEAR, _DARK = 0.7, 0.5
# Where glasses are worn, in distances of the eyes from the middle between them.
_GLASSES_ACROSS, _GLASSES_DOWN = np.linspace(-1.0, 1.0, 64), np.linspace(-0.35, 0.45, 28)
_LIDS = ((37, 41), (38, 40), (43, 47), (44, 46))  # upper and lower ones of iBUG


@dataclass(frozen=True)
class PhotoQuality:
    """What a photo shows of a face.

    Attributes:
        noise: standard deviation of the noise at `NOISE_SIZE`, levels (0 to 255).
        brightness: of the brightest twentieth of the face, levels (0 to 255).
        clipped: share of the face in which two channels or three are white.
        tones: effective number of grey levels, 2 to the power of their entropy.
        flat: share of neighbouring pixels of exactly one colour.
        blocks: differences across the edges of JPEG's blocks, over those within.
    """

    noise: float
    brightness: float
    clipped: float
    tones: float
    flat: float
    blocks: float


def measure_photo(pixels: U8, points: Array, crop: FaceCrop) -> PhotoQuality:
    """Measure how a photo shows a face.

    Args:
        pixels: (H, W, 3) uint8 sRGB, the photo.
        points: (478, 2) landmarks, pixels.
        crop: whose side is the extent of the landmarks.
    """
    height, width, _ = pixels.shape
    low = np.clip(np.floor(points.min(axis=0)), 0, (max(width - 3, 0), max(height - 3, 0))).astype(int)
    high = np.clip(np.ceil(points.max(axis=0)), low + 2, (width, height)).astype(int)
    window = pixels[low[1] : high[1], low[0] : high[0]]
    step = -(-max(window.shape[:2]) // _GRID)
    row, column = np.arange(0, len(window) - 1, step), np.arange(0, window.shape[1] - 1, step)
    here, right, down = (window[np.ix_(row + y, column + x)] for x, y in ((0, 0), (1, 0), (0, 1)))
    inside = _ellipse((2 * row + 1) / len(window) - 1, (2 * column + 1) / window.shape[1] - 1)
    face = here[inside]
    grey = luma(face)
    share = np.bincount(grey.astype(np.int64), minlength=256) / len(grey)
    share = share[share > 0]
    same = [_same(here, beside)[inside].mean() for beside in (right, down)]
    return PhotoQuality(
        noise=_noise(luma(crop.cut(pixels, NOISE_SIZE))),
        brightness=float(np.quantile(grey, _BRIGHTEST)),
        clipped=float(((face >= _WHITE).sum(axis=1) >= 2).mean()),
        tones=float(2 ** -(share * np.log2(share)).sum()),
        flat=float(np.mean(same)),
        blocks=_blocks(window, low),
    )


def _ellipse(y: Array, x: Array) -> Mask:
    """(R, C) which points of a grid lie in the unit circle."""
    return np.asarray(y[:, None] ** 2 + x**2 < 1)


def _same(here: U8, beside: U8) -> Mask:
    """(R, C) where two pictures (R, C, 3) have one colour."""
    red, green, blue = (here[..., k] == beside[..., k] for k in range(3))
    return np.asarray(red & green & blue)


def _noise(grey: Array) -> float:
    """Standard deviation of the noise of a picture (S, S), levels.

    By the difference of two Laplacians, which edges hardly reach (Immerkaer, "Fast noise variance
    estimation", Computer Vision and Image Understanding 64, 1996), and its median absolute deviation, which
    those that it reaches do not either.
    """
    rows = grey[:-2] - 2 * grey[1:-1] + grey[2:]
    both = rows[:, :-2] - 2 * rows[:, 1:-1] + rows[:, 2:]
    centre = (np.arange(len(both)) + 0.5) * 2 / len(both) - 1
    disc = _ellipse(centre / 0.9, centre / 0.9)
    return float(np.median(np.abs(both[disc]))) / 0.6745 / 6


def _blocks(window: U8, corner: Array) -> float:
    """See `PhotoQuality`; the smaller of both directions, as the edges of things have one.

    Args:
        window: (h, w, 3) of the photo.
        corner: (2,) pixel of the photo at its top left.
    """
    if min(window.shape[:2]) <= _FEW:
        return 1.0
    start = [max(0, (n - _MIDDLE) // 2) for n in window.shape[:2]]
    part = window[start[0] : start[0] + _MIDDLE, start[1] : start[1] + _MIDDLE]
    grey = part.sum(axis=2, dtype=np.int16)
    found = []
    for axis in (0, 1):
        step = np.abs(np.diff(grey, axis=axis)).mean(axis=1 - axis)
        edge = (np.arange(1, len(step) + 1) + start[axis] + corner[1 - axis]) % _BLOCK == 0
        found.append(float(step[edge].mean()) / max(float(step[~edge].mean()), _CALM))
    return min(found)


@dataclass(frozen=True)
class HiddenParts:
    """Shares in [0, 1] of the landmarks of parts of a face that something hides, by a segmentation.

    Attributes:
        face: all but the outline, behind things that are not hair.
        hair: likewise, behind hair.
        mouth, nose, eyes: of these parts, behind anything but glasses.
        glasses: of the eyes between the lids, behind dark glasses.
        eyewear: of the region around the eyes, behind rims and lenses of any glasses.
        hat: of forehead and brows, behind a hat or a scarf.
    """

    face: float
    hair: float
    mouth: float
    nose: float
    eyes: float
    glasses: float
    eyewear: float
    hat: float


def hidden_parts(pixels: U8, points: Array, segmentation: Segmentation) -> HiddenParts:
    """What hides parts of a face.

    Args:
        pixels: (H, W, 3) uint8 sRGB, the photo.
        points: (478, 2) landmarks, pixels.
        segmentation: of the photo.
    """

    def share(where: Array, *names: str) -> float:
        return float((segmentation.at(where, *names) > 0.5).mean())

    p = points[MEDIAPIPE_TO_IBUG68]
    between = np.array([(p[a] + p[b]) / 2 for a, b in _LIDS])
    hiding = (*_COVERS, "hair")
    behind = share(between, "glasses")
    return HiddenParts(
        face=share(points[_INNER], *_COVERS),
        hair=share(points[_INNER], "hair"),
        mouth=share(p[ibug68.MOUTH], *hiding),
        nose=share(p[ibug68.NOSE], *hiding),
        eyes=share(between, *hiding),
        glasses=behind * _darkness(pixels, points, p) if behind else 0.0,
        eyewear=share(_around_eyes(p), "glasses"),
        hat=share(points[list(FOREHEAD)], "hat", "cloth"),
    )


def _around_eyes(ibug: Array) -> Array:
    """Places (N, 2) of a grid from temple to temple and from the brows to the cheeks."""
    left, right = ibug[ibug68.EYE_LEFT_IN_IMAGE].mean(axis=0), ibug[ibug68.EYE_RIGHT_IN_IMAGE].mean(axis=0)
    across = right - left
    down = np.array([-across[1], across[0]])
    x, y = np.meshgrid(_GLASSES_ACROSS, _GLASSES_DOWN)
    return (left + right) / 2 + x.reshape(-1, 1) * across + y.reshape(-1, 1) * down


def _darkness(pixels: U8, points: Array, ibug: Array) -> float:
    """How dark the eyes are beside the cheeks, in [0, 1]: 0 of those behind clear glasses, also if shut."""
    eyes = np.concatenate(
        [
            q.mean(axis=0) + np.linalg.norm(q[3] - q[0]) * _AROUND
            for q in (ibug[ibug68.EYE_LEFT_IN_IMAGE], ibug[ibug68.EYE_RIGHT_IN_IMAGE])
        ]
    )
    size = pixels.shape[1::-1]
    bright = []
    for where in (eyes, points[list(_CHEEKS)]):
        x, y = np.clip(np.floor(where), 0, np.subtract(size, 1)).astype(int).T
        bright.append(luma(pixels[y, x].astype(np.float64)))
    ratio = float(np.quantile(bright[0], 0.9)) / max(float(bright[1].max()), 1.0)
    return float(np.clip((_CLEAR - ratio) / (_CLEAR - _DARK), 0, 1))
