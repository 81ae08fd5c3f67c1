"""Any folder of photos into a cache of aligned faces with landmarks (Jiang and Yang 2026, section II-B).

Each photo: faces and five points by MTCNN, the crop of `headshot.learn.data.align`, landmarks, on request
where the bare face is (`headshot.perception.segmentation`). Of several faces the one counts that is large
and in the middle: in Labeled Faces in the Wild that is the one who gave the file its name.
"""

from __future__ import annotations

import io
import re
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from functools import cache
from itertools import islice
from multiprocessing import get_context
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image

from headshot.arrays import U8, Array
from headshot.errors import HeadshotError
from headshot.export.mark import carries_mark
from headshot.export.origin import PhotoFile
from headshot.image.files import find_photos, readable_name
from headshot.image.photo import read_photo
from headshot.image.resample import warp
from headshot.learn.data.align import SIZE, alignment, standard_points, to_crop
from headshot.learn.data.cache import CacheWriter, Making, PreparedFace
from headshot.models.head_model import load_head_model
from headshot.perception.detection.detect import Face, detect_faces
from headshot.perception.landmarks.mediapipe import Landmarks, LandmarkSettings, find_landmarks
from headshot.perception.segmentation import EXPLAINED, segment
from headshot.version import __version__

QUALITY = 95
LANDMARKS = ("headshot", "fan", "fan-s3fd")
"""The built-in 478 points; the 68 of FAN in MTCNN's box; those in the box of S3FD, as in the paper."""


@dataclass(frozen=True)
class PrepareSettings:
    """How to prepare.

    Attributes:
        landmarks: "headshot", "fan" or "fan-s3fd", see `LANDMARKS`.
        mask: find the bare face too.
        size: of the crops, pixels.
        workers: processes.
    """

    landmarks: str = "headshot"
    mask: bool = False
    size: int = SIZE
    workers: int = 1

    def __post_init__(self) -> None:
        if self.landmarks not in LANDMARKS:
            raise HeadshotError(f"--landmarks is {', '.join(LANDMARKS)}, not {self.landmarks!r}")


def prepare(
    folder: Path,
    file: Path,
    settings: PrepareSettings = PrepareSettings(),
    progress: Callable[[int, int, str | None], None] = lambda done, total, failure: None,
) -> dict[str, str]:
    """Prepare all photos of a folder and its sub-folders, or those that are not in the cache yet.

    Afterwards the cache is of what is in the folder now: photos that have changed are prepared again, as all
    are by another version of Headshot, and those that are gone leave it. Headshot's own pictures are no
    photos.

    Args:
        folder: of the photos.
        file: the cache.
        settings: how.
        progress: called after each photo with how many are done, of how many, and what failed, if it did.

    Returns:
        photo -> why it cannot be used, for all that cannot.

    Raises:
        HeadshotError: there are no photos, the cache was made in another way, or nothing could be used.
        KeyboardInterrupt: the same command goes on from here.
    """
    if settings.landmarks != "headshot":
        from headshot.learn.data import fan

        fan.check_fan(fan.FAN, *([fan.S3FD] if settings.landmarks == "fan-s3fd" else []))
    found = find_photos([folder], recursive=True, leave_out=carries_mark)
    photos = {readable_name(p.relative_to(folder).as_posix()): p for p, _ in found}

    def keep(photo: str, made: str) -> bool:
        return photo in photos and made == made_from(photos[photo])

    writer = CacheWriter(file, Making(settings.size, settings.landmarks, settings.mask), keep)
    try:
        missing = [(name, path) for name, path in photos.items() if name not in writer.known]
        for done, result in enumerate(_results(missing, settings), start=len(photos) - len(missing) + 1):
            name, made, face = result
            if isinstance(face, PreparedFace):
                writer.add(face, made)
                progress(done, len(photos), None)
            else:
                writer.fail(name, face, made)
                progress(done, len(photos), f"{name}: {face}")
    except BaseException:
        writer.close()
        raise
    if len(writer.failed) == len(writer.known):
        writer.close()
        raise HeadshotError(f"none of the {len(photos)} photos in {folder} shows a face that can be used")
    writer.finish()
    return writer.failed


Result = tuple[str, str, PreparedFace | str]
"""A photo's name, what it was made from, and the prepared face, or why there is none."""


def made_from(photo: Path) -> str:
    """What a prepared face depends on beside `Making`: the version, and the photo's content."""
    content = PhotoFile.of(photo)
    return f"{__version__} {content.bytes} {content.sha256}"


def _results(photos: Sequence[tuple[str, Path]], settings: PrepareSettings) -> Iterator[Result]:
    """What came of each photo, in any order."""
    if settings.workers <= 1:
        for name, path in photos:
            yield _attempt(name, path, settings)
        return
    # Forked processes would inherit the networks' threads in an unknown state.
    start = get_context("spawn")
    with ProcessPoolExecutor(settings.workers, start, initializer=_ignore_interrupts) as pool:
        left = iter(photos)
        running: set[Future[Result]] = set()
        try:
            while True:
                for name, path in islice(left, 4 * settings.workers - len(running)):
                    running.add(pool.submit(_attempt, name, path, settings))
                if not running:
                    return
                finished, running = wait(running, return_when=FIRST_COMPLETED)
                for future in finished:
                    yield future.result()
        finally:
            for future in running:
                future.cancel()


def _ignore_interrupts() -> None:
    """Ctrl-C is the main process's business."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _attempt(name: str, path: Path, settings: PrepareSettings) -> Result:
    made = made_from(path)
    try:
        return name, made, prepare_photo(name, path, settings)
    except HeadshotError as error:
        return name, made, str(error)


def prepare_photo(name: str, path: Path, settings: PrepareSettings) -> PreparedFace:
    """Prepare one photo.

    Raises:
        HeadshotError: it cannot be read, or no face in it can be used.
    """
    pixels = read_photo(path).pixels
    face = main_face(detect_faces(pixels), pixels.shape[1], pixels.shape[0])
    if face is None:
        raise HeadshotError("no face found")
    dense = None
    if settings.landmarks == "headshot" or settings.mask:
        dense = find_landmarks(pixels, face)
        if dense.presence < LandmarkSettings().minimum_presence:
            raise HeadshotError("the face has no landmarks that can be relied on")
    return prepare_face(name, pixels, face, dense, settings)


def prepare_face(
    name: str, pixels: U8, face: Face, dense: Landmarks | None, settings: PrepareSettings
) -> PreparedFace:
    """Prepare a face that has been found: the only way from photos to what networks see.

    Args:
        name: of the photo, below the folder that is prepared.
        pixels: (H, W, 3) of the photo.
        face: the face.
        dense: its 478 landmarks; None if neither they nor the mask are wanted.
        settings: how.

    Raises:
        HeadshotError: its five points cannot be those of a face.
    """
    affine = alignment(face.points, _standard(), settings.size)
    if settings.landmarks == "headshot":
        assert dense is not None
        points = dense.points
    else:
        from headshot.learn.data import fan

        box = fan.s3fd_box(pixels, face) if settings.landmarks == "fan-s3fd" else face.box
        points = fan.fan_points(pixels, box)
    crop = warp(pixels, affine[None], (settings.size, settings.size))[0]
    mask = None
    if settings.mask:
        assert dense is not None
        shown = segment(pixels, dense.points).resampled(affine, (settings.size, settings.size), *EXPLAINED)
        mask = _encoded((shown * 255 + 0.5).astype(np.uint8), "png")
    return PreparedFace(
        photo=name,
        person=person_of(name),
        picture=_encoded(crop, "jpeg"),
        points=to_crop(affine, points).astype(np.float32),
        five=to_crop(affine, face.points),
        affine=affine,
        mask=mask,
    )


def main_face(faces: Sequence[Face], width: int, height: int) -> Face | None:
    """The face that a photo of this size is of: large, and near the middle; None without any."""

    def merit(face: Face) -> float:
        away = (face.box[:2] + face.box[2:]) / 2 - (width / 2, height / 2)
        return face.size - float(np.linalg.norm(away))

    return max(faces, key=merit, default=None)


def person_of(name: str) -> str:
    """Who a photo shows: its folder, or its file's name without ending and last number.

    ``Ann_Lee/Ann_Lee_0001.jpg`` and ``Ann_Lee_0001.jpg`` are of Ann_Lee.
    """
    path = PurePosixPath(name)
    return path.parent.as_posix() if path.parent.name else re.sub(r"[ _-]*\d+$", "", path.stem) or path.stem


@cache
def _standard() -> Array:
    return standard_points(load_head_model("low"))


def _encoded(pixels: U8, kind: str) -> bytes:
    buffer = io.BytesIO()
    options = {"quality": QUALITY, "subsampling": 0} if kind == "jpeg" else {}
    Image.fromarray(pixels).save(buffer, kind, **options)
    return buffer.getvalue()
