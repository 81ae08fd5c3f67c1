"""Observations: which networks run, and the measures of the photo of a face."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from headshot import Photo, read_photo
from headshot.arrays import U8
from headshot.image.crop import FaceCrop
from headshot.perception import identity
from headshot.perception.detection.detect import detect_faces
from headshot.perception.faces import locate_faces
from headshot.perception.fallback import in_house_landmarks
from headshot.perception.identity import predict_identity
from headshot.perception.landmarks import in_house
from headshot.perception.landmarks.in_house import predict_head
from headshot.perception.landmarks.mediapipe import LandmarkSettings
from headshot.perception.observe import FaceObservation, ObserveSettings, observe, sharpness
from headshot.perception.segmentation import segment


def _found(photo: Photo) -> FaceObservation:
    """A face with its landmarks; no network was run."""
    ((face, landmarks),) = locate_faces(photo, detect_faces(photo.pixels), [0], LandmarkSettings())
    return observe(photo, face, landmarks, ObserveSettings(False, False, False))


@pytest.fixture(scope="module")
def astronaut(photos: Path) -> FaceObservation:
    return _found(read_photo(photos / "astronaut.jpg"))


def test_all_networks_say_what_they_say_alone(astronaut: FaceObservation) -> None:
    photo, landmarks = astronaut.photo, astronaut.landmarks
    seen = observe(photo, astronaut.face, landmarks)
    assert seen.prediction is not None and seen.identity is not None and seen.segmentation is not None
    head = predict_head(photo.pixels, landmarks.crop(in_house.MARGIN), passes=1)
    np.testing.assert_array_equal(seen.prediction.points, head.points)
    person = predict_identity(photo.pixels, landmarks.crop(identity.MARGIN))
    np.testing.assert_array_equal(seen.identity.mean, person.mean)
    parts = segment(photo.pixels, landmarks.points)
    np.testing.assert_array_equal(seen.segmentation.crop, parts.crop)
    assert set(seen.seconds) == {"prediction", "identity", "segmentation"}


@pytest.mark.parametrize("name", ["prediction", "identity", "segmentation"])
def test_only_the_networks_that_are_asked_for_run(astronaut: FaceObservation, name: str) -> None:
    settings = replace(ObserveSettings(False, False, False), **{name: True})
    seen = observe(astronaut.photo, astronaut.face, astronaut.landmarks, settings)
    for other in ("prediction", "identity", "segmentation"):
        assert (getattr(seen, other) is not None) == (other == name)
    assert set(seen.seconds) == {name}


def test_in_house_landmarks_bring_their_prediction_along(astronaut: FaceObservation) -> None:
    photo, face = astronaut.photo, astronaut.face
    landmarks = in_house_landmarks(photo.pixels, FaceCrop.of_box(face.box, in_house.MARGIN))
    assert landmarks is not None
    seen = observe(photo, face, landmarks, ObserveSettings(segmentation=False))
    assert seen.prediction is landmarks.prediction and "prediction" not in seen.seconds


def test_face_pixels_and_yaw(astronaut: FaceObservation) -> None:
    low, high = astronaut.landmarks.points.min(axis=0), astronaut.landmarks.points.max(axis=0)
    assert astronaut.face_pixels == pytest.approx(np.sqrt(np.prod(high - low)))
    flipped = np.ascontiguousarray(astronaut.photo.pixels[:, ::-1])
    assert _found(replace(astronaut.photo, pixels=flipped)).yaw == pytest.approx(-astronaut.yaw, abs=1.5)


def test_a_covered_mouth_is_hidden(astronaut: FaceObservation) -> None:
    assert astronaut.hidden is None, "without a segmentation nothing is known"
    clear = observe(astronaut.photo, astronaut.face, astronaut.landmarks)
    points = astronaut.landmarks.points
    low, high = points.min(axis=0).astype(int), points.max(axis=0).astype(int)
    masked = astronaut.photo.pixels.copy()
    masked[int(points[4, 1]) : high[1] + 5, low[0] : high[0]] = (70, 120, 190)  # below the tip of the nose
    photo = replace(astronaut.photo, pixels=masked)
    covered = observe(photo, astronaut.face, astronaut.landmarks)
    assert clear.hidden is not None and covered.hidden is not None
    assert clear.hidden < 0.05 and 0.25 < covered.hidden < 0.7


def _grey_photo() -> tuple[U8, FaceCrop]:
    noise = np.random.default_rng(0).normal(size=(300, 300))
    picture = Image.fromarray(np.clip(128 + 60 * noise, 0, 255).astype(np.uint8))
    smooth = np.asarray(picture.filter(ImageFilter.GaussianBlur(1)), np.float64)
    return np.repeat(smooth[..., None], 3, axis=2).astype(np.uint8), FaceCrop(150, 150, 200)


def test_sharpness_does_not_depend_on_contrast_or_level() -> None:
    pixels, crop = _grey_photo()
    value = sharpness(pixels, crop)
    assert sharpness((60 + pixels * 0.4).astype(np.uint8), crop) == pytest.approx(value, rel=0.03)
    assert sharpness(np.full_like(pixels, 90), crop) == 0


def test_sharpness_falls_with_blur_and_with_size(astronaut: FaceObservation) -> None:
    photo, landmarks = astronaut.photo, astronaut.landmarks
    crop = landmarks.crop(1.0)
    assert astronaut.sharpness == sharpness(photo.pixels, crop)
    values = [astronaut.sharpness]
    for share in (0.005, 0.01, 0.02):
        blurred = Image.fromarray(photo.pixels).filter(ImageFilter.GaussianBlur(share * crop.side))
        values.append(sharpness(np.asarray(blurred), crop))
    assert 0.5 < values[0] < 1.5
    assert all(after < 0.7 * before for before, after in pairwise(values))
    factor = 64 / crop.side
    size = (round(photo.width * factor), round(photo.height * factor))
    small = np.asarray(Image.fromarray(photo.pixels).resize(size, Image.Resampling.BOX))
    where = FaceCrop(crop.x * factor, crop.y * factor, crop.side * factor, crop.roll)
    assert 0.3 < sharpness(small, where) / values[0] < 0.7
