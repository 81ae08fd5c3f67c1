"""The 68 iBUG landmarks of the faces in a photo: this project's own, or dlib's."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from headshot.arrays import U8, Array, Index, ReadOnly
from headshot.errors import MissingExtraError, NoFaceError
from headshot.image.photo import Photo
from headshot.image.resample import reduced

Finder = Literal["headshot", "dlib"]

PREDICTOR = Path("face_recognition_models", "models", "shape_predictor_68_face_landmarks.dat")
SEARCHED = 1000
"""Longer side, pixels, of the copy on which dlib's detector runs: faces of 80 pixels and more are found."""


@dataclass(frozen=True, eq=False, repr=False)
class Points68(ReadOnly):
    """The landmarks of one face.

    Attributes:
        points: (68, 2) pixels, origin at the top left, pixel centres at +0.5.
        box: (4,) x0, y0, x1, y1 of the detector, pixels.
        score: of the detector: dlib's distance from the SVM's plane, or a probability.
        finder: who found them.
    """

    points: Array
    box: Array
    score: float
    finder: Finder


def find_points68(photo: Photo, finder: Finder = "headshot") -> list[Points68]:
    """Faces with their landmarks, largest first.

    Args:
        photo: the photo.
        finder: "headshot": MTCNN, the built-in network's 478 points, and the 68 of the head fitted to them;
            or "dlib": histograms of oriented gradients and a linear SVM (Dalal and Triggs, CVPR 2005), and an
            ensemble of regression trees (Kazemi and Sullivan, CVPR 2014) trained on 300-W, for research.

    Raises:
        ValueError: another finder.
        NoFaceError: no face was found.
        MissingExtraError: dlib is chosen and not installed.
    """
    if finder not in get_args(Finder):
        raise ValueError(f"finder must be one of {', '.join(get_args(Finder))}, got {finder!r}")
    faces = _dlib(photo.pixels) if finder == "dlib" else _own(photo)
    if not faces:
        raise NoFaceError(
            f"no face found in {photo.name} by {finder}'s detector: use a photo in which the face is "
            "upright, seen from the front and at least 80 pixels wide, or the other finder (--landmarks)"
        )
    return sorted(faces, key=lambda face: -float(np.prod(face.box[2:] - face.box[:2])))


@lru_cache(maxsize=1)
def _networks() -> tuple[Any, Any]:
    """dlib's detector and shape predictor.

    The package of the predictor's weights is found, not imported: its import fails where setuptools is new.
    """
    spec = find_spec("face_recognition_models") if find_spec("dlib") else None
    folder = Path(spec.origin).parent.parent if spec is not None and spec.origin else None
    if folder is None or not (folder / PREDICTOR).is_file():
        raise MissingExtraError(
            "dlib and its landmarks are not installed: `pip install 'headshot[dlib]'` (its landmark weights "
            "were trained on 300-W and are for research), or use --landmarks headshot"
        )
    import dlib

    return dlib.get_frontal_face_detector(), dlib.shape_predictor(str(folder / PREDICTOR))


def _dlib(pixels: U8) -> list[Points68]:
    """Faces by dlib. Its pixel coordinates are integers at pixel centres."""
    detector, predictor = _networks()
    import dlib

    factor = max(1, round(max(pixels.shape[:2]) / SEARCHED))
    copy = np.ascontiguousarray(reduced(pixels, factor))
    # The detector knows faces of 80 pixels; one doubling finds those of 40 in small photos.
    boxes, scores, _ = detector.run(copy, 1 if max(copy.shape[:2]) <= SEARCHED // 2 else 0, 0.0)
    if not boxes:
        boxes, scores, _ = detector.run(copy, 1, 0.0)
    found = []
    whole = np.ascontiguousarray(pixels)
    for box, score in zip(boxes, scores, strict=True):
        edges = np.array([box.left(), box.top(), box.right() + 1, box.bottom() + 1]) * factor
        points = np.median(
            [_predicted(predictor, dlib.rectangle, whole, place) for place in _variants(edges)], axis=0
        )
        found.append(Points68(points, edges.astype(np.float64), float(score), "dlib"))
    return found


def _variants(box: Index) -> list[Index]:
    """Boxes (4,) around the detector's, whose steps in size and place are coarse.

    The regression trees follow the box that they start from: a box one step too large can put the jaw beside
    the face, as in photos/grace_hopper.jpg. The median over these is robust against it.
    """
    centre, half = (box[:2] + box[2:]) / 2, (box[2] - box[0]) / 2
    return [
        np.round(np.concatenate([middle - scale * half, middle + scale * half])).astype(np.int64)
        for scale in (0.88, 1.0, 1.12)
        for middle in centre + 0.1 * half * np.array([[0, 0], [1, 0], [-1, 0], [0, 1], [0, -1]])
    ]


def _predicted(predictor: Any, rectangle: Any, pixels: U8, box: Index) -> Array:
    """Landmarks (68, 2) that the shape predictor finds from a box."""
    shape = predictor(pixels, rectangle(*(int(edge) for edge in box)))
    return np.array([[part.x, part.y] for part in shape.parts()], np.float64) + 0.5


def _own(photo: Photo) -> list[Points68]:
    """Faces by the networks that ship with the project.

    The network's 478 points have no exact counterparts among the 68; those of the head fitted to them do.
    """
    from headshot.perception.detection.detect import DetectSettings, detect_faces
    from headshot.perception.faces import locate_faces
    from headshot.pipeline import Reconstructor
    from headshot.settings import Settings

    settings = Settings(detail="low", texture=None, photometric=None, prior="none")
    faces = detect_faces(photo.pixels, DetectSettings(exhaustive=True))
    reconstruct = Reconstructor(settings, preload=False)
    heads = [
        reconstruct.of_face(photo, face, points)
        for face, points in locate_faces(photo, faces, None, settings.landmarks)
    ]
    return [
        Points68(head.project(head.landmarks68), head.face.box, head.face.score, "headshot") for head in heads
    ]
