"""Where the face is in each training photo: the crops that the network will get at run time."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import astuple
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from headshot.datasets.parts.scheme import Sample, classes
from headshot.errors import HeadshotError
from headshot.export.origin import PhotoFile, short_hash
from headshot.image.crop import FaceCrop
from headshot.image.files import readable_name
from headshot.perception.detection.detect import detect_faces
from headshot.perception.landmarks.mediapipe import find_landmarks
from headshot.perception.segmentation import MARGIN, RAISED, crop_of
from headshot.reading.complaint import reading
from headshot.reading.documents import read_json

FACE = classes("skin", "nose", "eyes", "brows", "glasses", "mouth", "upper_lip", "lower_lip")
PRESENCE, SPREAD = 0.5, 0.08  # landmarks with less of the one or more of the other are not used


def crop_of_sample(sample: Sample) -> FaceCrop:
    """The crop of a photo's labelled face: of its landmarks, or of the label's box where none are found.

    Of several faces the one counts that covers most of the label. A crop that leaves half of the labelled
    face outside is a mistake of the landmarks, and counts as none.
    """
    with Image.open(sample.photo) as image:
        pixels = np.ascontiguousarray(image.convert("RGB"))
    sets = sample.read_sets()
    face = ((sets & FACE) > 0) & ((sets & ~np.uint16(FACE)) == 0)
    if not face.any():  # a set in which skin may be neck
        face = (sets & classes("skin") > 0) & (sets & classes("background") == 0)
    rows, columns = np.nonzero(face)
    if not len(rows):
        height, width = sets.shape
        return FaceCrop(width / 2, height / 2, float(max(width, height)))
    best: tuple[float, FaceCrop] | None = None
    for found in detect_faces(pixels):
        landmarks = find_landmarks(pixels, found)
        if landmarks.presence < PRESENCE or landmarks.spread > SPREAD:
            continue
        crop = crop_of(landmarks.points)
        low, high = landmarks.points.min(axis=0), landmarks.points.max(axis=0)
        inside = (columns > low[0]) & (columns < high[0]) & (rows > low[1]) & (rows < high[1])
        if best is None or inside.mean() > best[0]:
            best = float(inside.mean()), crop
    return best[1] if best and best[0] > 0.4 else _crop_of_box(rows, columns)


def _crop_of_box(rows: NDArray[np.intp], columns: NDArray[np.intp]) -> FaceCrop:
    """An upright crop around labelled pixels, as large as their landmarks would give."""
    (top, bottom), (left, right) = (np.percentile(v, (1, 99)) for v in (rows, columns))
    # Labelled skin may reach down the neck: a face is at most 1.5 times as high as wide, from any side.
    bottom = min(bottom, top + 1.5 * max(right - left, 1.0))
    extent = max(bottom - top, right - left)
    x, y = (left + right) / 2, (top + bottom) / 2 - RAISED * extent
    return FaceCrop(float(x), float(y), float(MARGIN * extent))


def find_crops(
    samples: Sequence[Sample],
    cache: Path,
    *,
    workers: int = 1,
    progress: Callable[[Sequence[Sample]], Iterator[Sample]] = iter,
) -> list[FaceCrop]:
    """Crops of samples, stored in a file so that landmarks are searched for only once.

    Args:
        samples: labelled photos.
        cache: JSON file of crops (x, y, side, roll in degrees) by photo and content of photo and labels, read
            if it exists, and written with what is new.
        workers: processes.
        progress: shows how far it is.

    Raises:
        HeadshotError: the cache is something else, or damaged.
    """
    known = _read(cache) if cache.is_file() else {}
    names = [_name(sample) for sample in samples]
    missing = [(name, sample) for name, sample in zip(names, samples, strict=True) if name not in known]
    if missing:
        with ProcessPoolExecutor(workers) as pool:
            wanted = [sample for _, sample in missing]
            results = pool.map(crop_of_sample, wanted, chunksize=8)
            for (name, _), _, crop in zip(missing, progress(wanted), results, strict=True):
                known[name] = [round(value, 3) for value in astuple(crop)]
        cache.parent.mkdir(parents=True, exist_ok=True)
        part = cache.with_name(f"{cache.name}.part")
        part.write_text(json.dumps(known, indent=0), encoding="utf-8")
        part.replace(cache)
    return [FaceCrop(*known[name]) for name in names]


def _name(sample: Sample) -> str:
    """What a crop depends on: a photo of the same name may be another one."""
    content = short_hash(repr([PhotoFile.of(file) for file in (sample.photo, *sample.labels)]).encode())
    return f"{readable_name(str(sample.photo))} {content}"


def _read(cache: Path) -> dict[str, list[float]]:
    with reading(cache, "a file of face crops", HeadshotError, "delete it"):
        known = read_json(cache)
        if not all(
            len(crop) == 4 and all(isinstance(v, float | int) for v in crop) for crop in known.values()
        ):
            raise ValueError("it holds other things than crops")
    crops: dict[str, list[float]] = known
    return crops
