"""The 68 points of the face-alignment network (FAN), which Jiang and Yang (2026) use.

Bulat and Tzimiropoulos, "How far are we from solving the 2D & 3D face alignment problem?" (ICCV 2017), by
the package ``face-alignment``: the points of its 3D network, which belong to fixed places of the skin, the
jaw's too. The package would download its weights when it is first used; Headshot never downloads, so they
have to be in torch.hub's folder.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from headshot.arrays import U8, Array
from headshot.errors import HeadshotError, MissingExtraError
from headshot.perception.detection.detect import Face

WEIGHTS = "3DFAN4-7835d9f11d.pth.tar"
URL = f"https://www.adrianbulat.com/downloads/python-fan/{WEIGHTS}"


def fan_points(pixels: U8, face: Face) -> Array:
    """Landmarks (68, 2), pixels of the photo (H, W, 3), of a face found in it.

    Raises:
        HeadshotError: package or weights are missing, with what to do; or the network finds nothing.
    """
    # The networks expect boxes as their own detector S3FD makes them, forehead to chin like MTCNN's.
    box = np.append(face.box, face.score)
    found = _network().get_landmarks_from_image(pixels, detected_faces=[box])
    if not found:
        raise HeadshotError("the face-alignment network finds no points")
    return np.asarray(found[0], np.float64)[:, :2]


@cache
def _network() -> Any:
    check_fan()
    import face_alignment

    # "folder" is the one detector that needs no weights; ours says where faces are.
    kind = face_alignment.LandmarksType.TWO_HALF_D
    return face_alignment.FaceAlignment(kind, device="cpu", face_detector="folder", compile=False)


def check_fan() -> None:
    """Whether package and weights are there.

    Raises:
        HeadshotError: they are not.
    """
    try:
        import face_alignment  # noqa: F401
    except ImportError as error:
        raise MissingExtraError(
            'the points of FAN need the package face-alignment: pip install "headshot[fan]", or use '
            "--landmarks headshot"
        ) from error
    file = Path(torch.hub.get_dir()) / "checkpoints" / WEIGHTS
    if not file.is_file():
        raise HeadshotError(
            f"the weights of FAN are not at {file}: download {URL} to that place, or use --landmarks headshot"
        )
