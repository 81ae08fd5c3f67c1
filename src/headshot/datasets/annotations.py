"""Read hand-made landmarks next to photos: iBUG .pts, CSV, AFLW2000-3D .mat, and CFP's 30 points.

Everything comes out in the project's pixels (origin at the top left, centres at +0.5) as 68 iBUG points,
NaN where nothing was annotated.

Sources:
    .pts: Sagonas et al., "300 Faces in-the-Wild Challenge", ICCVW 2013; counted from 1. Without taking off 1,
        any unbiased method is off by one pixel in x and y on HELEN (docs/reference/data.md).
    .mat: Zhu et al., "Face Alignment Across Large Poses: A 3D Solution", CVPR 2016; MATLAB counts pixel
        centres from 1, which is +0.5 here. The points are projections of a fitted model, not hand-made.
    fiducials30.csv: Sengupta et al., "Frontal to Profile Face Verification in the Wild", WACV 2016.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from headshot.arrays import Array, all_finite
from headshot.errors import HeadshotError
from headshot.geometry.camera import rotation_from_angles
from headshot.models.readers.matlab import read_mat
from headshot.reading.bounds import inside
from headshot.reading.complaint import reading
from headshot.reading.documents import read_table, read_text

POINTS = 68
PHOTOS = (".jpg", ".jpeg", ".png", ".JPG", ".JPEG", ".PNG")

# iBUG indices of CFP's 30 points where the left half of the picture's face is seen (docs/reference/data.md).
CFP_LEFT = (*range(9), 17, 19, 21, 36, 37, 38, 39, 41, 40, 27, 28, 29, 30, 33, 32, 31, 48, 51, 62, 57, 66)

# iBUG index of each point's counterpart on the other side of the face.
MIRROR68 = (
    *range(16, -1, -1), *range(26, 16, -1), 27, 28, 29, 30, 35, 34, 33, 32, 31,
    45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40,
    54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55, 64, 63, 62, 61, 60, 67, 66, 65,
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Annotation:
    """Truth of one photo.

    Attributes:
        photo: the file.
        points: (68, 2) pixels, NaN where unknown.
        rotation: (3, 3) head pose, head frame to camera frame, or None.
    """

    photo: Path
    points: Array
    rotation: Array | None = None

    @property
    def middle(self) -> Array:
        """(2,) middle of the box around the known points, pixels."""
        return np.asarray((np.nanmax(self.points, axis=0) + np.nanmin(self.points, axis=0)) / 2)


def read_annotations(folder: str | Path) -> list[Annotation]:
    """All annotated photos below a folder, in the order of their names.

    Of the formats, the first that is there counts: fiducials30.csv, .mat, .pts, .csv.

    Raises:
        HeadshotError: nothing is annotated, or a file is not as its format says.
    """
    root = Path(folder)
    cfp = root / "fiducials30.csv"
    if cfp.is_file():
        return sorted(read_cfp(cfp), key=lambda a: str(a.photo))
    readers: dict[str, Callable[[Path], list[Annotation]]] = {
        ".mat": lambda file: [read_aflw2000(file)],
        ".pts": lambda file: [Annotation(_photo_of(file), read_pts(file))],
        ".csv": read_csv,
    }
    for ending, reader in readers.items():
        files = sorted(root.rglob(f"*{ending}"))
        if files:
            return [annotation for file in files for annotation in reader(file)]
    raise HeadshotError(
        f"no landmarks in {root}: expected photos with .pts or .mat files of the same name, or a .csv "
        "with the columns image, x0, y0 ... x67, y67"
    )


def read_pts(file: str | Path, origin: float = 1.0) -> Array:
    """Points (68, 2) of an iBUG file, with or without its header; ``origin`` is taken off.

    Raises:
        HeadshotError: it is not such a file; the message says the line.
    """
    with reading(file, "landmarks of iBUG", HeadshotError):
        points = []
        for number, line in enumerate(read_text(file).splitlines(), start=1):
            words = line.replace(",", " ").split()
            if len(words) == 2 and ":" not in line:
                points.append(_point(words, f"line {number}"))
        if len(points) != POINTS:
            raise ValueError(f"it has {len(points)} points, expected the {POINTS} of iBUG")
        return np.array(points) - origin


def read_csv(file: str | Path) -> list[Annotation]:
    """Annotations of a table with the columns image, x0, y0 ... x67, y67 and perhaps yaw, pitch, roll.

    Image names are relative to the file's folder, in which they must lie; pixels and angles are as in
    docs/reference/conventions.md; empty cells and missing columns are unknown points.

    Raises:
        HeadshotError: it is not such a table; the message says the line.
    """
    path = Path(file)
    found: list[Annotation] = []
    with reading(path, "a table of landmarks", HeadshotError):
        for line, row in read_table(path):
            if "image" not in row or (not found and "x30" not in row):
                raise ValueError("it needs a header with the columns image, x0, y0 ... x67, y67")
            where = f"line {line} ({row['image'][:80]})"
            *xy, yaw, pitch, roll = _cells(row, where)
            rotation = rotation_from_angles(yaw, pitch, roll) if math.isfinite(yaw + pitch + roll) else None
            points = np.array(xy).reshape(POINTS, 2)
            found.append(Annotation(inside(path.parent, row["image"]), points, rotation))
        if not found:
            raise ValueError("it needs a header with the columns image, x0, y0 ... x67, y67, and rows")
    return found


def read_cfp(file: str | Path, *, frontal: bool = False) -> list[Annotation]:
    """Annotations of CFP: one half of each face. Of the frontal photos, the easier task, only on request.

    Raises:
        HeadshotError: it is not such a table; the message says the line.
    """
    path = Path(file)
    found: list[Annotation] = []
    with reading(path, "CFP's table of points", HeadshotError):
        for line, row in read_table(path):
            if not frontal and "profile" not in row["image"]:
                continue
            where = f"line {line}"
            thirty = np.array(
                [_point([row[f"{axis}{i}"] for axis in "xy"], where) for i in range(len(CFP_LEFT))]
            )
            # Seen from the other side the same 30 points are their mirror images.
            right_half = thirty[0, 0] > thirty[21, 0]
            order = np.array(MIRROR68)[list(CFP_LEFT)] if right_half else np.array(CFP_LEFT)
            points = np.full((POINTS, 2), np.nan)
            points[order] = thirty
            found.append(Annotation(inside(path.parent, row["image"]), points))
    return found


def read_aflw2000(file: str | Path) -> Annotation:
    """Points and pose of an AFLW2000-3D (or 300W-LP) file.

    Raises:
        HeadshotError: it is no such file, or has no photo beside it.
    """
    path = Path(file)
    with reading(path, "a MATLAB v5 file with pt3d_68 and Pose_Para", HeadshotError):
        content = read_mat(path, ("pt3d_68", "Pose_Para"), HeadshotError)
        points, pose = content["pt3d_68"].astype(np.float64), content["Pose_Para"].astype(np.float64).ravel()
        if points.shape != (3, POINTS) or len(pose) < 3:
            raise ValueError(
                f"pt3d_68 must be 3 x {POINTS} and Pose_Para 1 x 7, got {points.shape} and {pose.shape}"
            )
        if not all_finite(points, pose):
            raise ValueError("it has numbers that are not finite")
    return Annotation(_photo_of(path), points[:2].T - 0.5, rotation_3ddfa(pose[:3]))


def rotation_3ddfa(angles: ArrayLike) -> Array:
    """Rotation (3, 3) of (pitch, yaw, roll) in radians as 3DDFA composes them, R = Rx Ry Rz.

    The axes are ours (x to the image's right for a frontal face, y up, z out of the face), the matrices are
    the transposes of the usual ones: ``RotationMatrix.m`` of the code of Zhu et al. 2016.
    """
    pitch, yaw, roll = np.asarray(angles, dtype=np.float64)
    c, s = np.cos(pitch), np.sin(pitch)
    rx = np.array([[1, 0, 0], [0, c, s], [0, -s, c]])
    c, s = np.cos(yaw), np.sin(yaw)
    ry = np.array([[c, 0, -s], [0, 1, 0], [s, 0, c]])
    c, s = np.cos(roll), np.sin(roll)
    rz = np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]])
    return rx @ ry @ rz


_FARTHEST = 1e6  # pixels: no photo is so large


def _point(words: list[str], where: str) -> list[float]:
    """x and y."""
    try:
        found = [float(word) for word in words]
    except ValueError as error:
        raise ValueError(f"{where}: {error}; expected lines of two numbers") from error
    if not all(abs(value) <= _FARTHEST for value in found):  # NaN is not
        raise ValueError(f"{where}: {', '.join(words)[:80]} is no place in a photo")
    return found


_COLUMNS = (*(f"{axis}{i}" for i in range(POINTS) for axis in "xy"), "yaw", "pitch", "roll")


def _cells(row: dict[str, str], where: str) -> list[float]:
    """The numbers of a row of a table, in the order of `_COLUMNS`; NaN of empty cells and missing ones."""
    texts = [row.get(name) or "nan" for name in _COLUMNS]
    try:
        values = [float(text) if text.strip() else math.nan for text in texts]
    except ValueError as error:
        raise ValueError(f"{where}: {error}; cells must be numbers or empty") from error
    for name, value in zip(_COLUMNS, values, strict=True):
        if abs(value) > _FARTHEST:
            raise ValueError(f"{where}: {name} is {value:g}, which is no place in a photo")
    return values


def _photo_of(file: Path) -> Path:
    """The photo with the same name as a landmark file."""
    for ending in PHOTOS:
        photo = file.with_suffix(ending)
        if photo.is_file():
            return photo
    raise HeadshotError(f"there is no photo next to {file}: expected the same name ending in .jpg or .png")
