"""Shapes from looks at run time: what does not matter must not, and what does must."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from headshot import read_photo
from headshot.perception.detection.detect import detect_faces
from headshot.perception.identity import IdentityPrediction, predict_identity
from headshot.perception.landmarks.in_house import Crop
from headshot.perception.landmarks.mediapipe import find_landmarks
from headshot.perception.landmarks.mirror import head_mirror

PHOTOS = Path(__file__).parents[2] / "photos"


@pytest.fixture(scope="module")
def faces():
    """Pixels and crop of each photo."""
    found = []
    for name in ("astronaut", "grace_hopper"):
        pixels = read_photo(PHOTOS / f"{name}.jpg").pixels
        points = find_landmarks(pixels, detect_faces(pixels)[0])
        found.append((pixels, Crop.of_points(points.points, points.roll)))
    return found


def _cosine(a: np.ndarray, b: np.ndarray) -> float:
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


def test_a_guess_is_the_mean_of_people_who_look_like_this(faces):
    for pixels, crop in faces:
        guess = predict_identity(pixels, crop)
        assert guess.mean.shape == guess.sigma.shape == (100,)
        # Less is known than there is: the guess is nearer to the mean than people are, and unsure.
        assert 1.0 < np.linalg.norm(guess.mean) < 10.0
        assert (guess.sigma > 0.1).all() and (guess.sigma < 1.3).all()


def test_of_all_but_the_largest_modes_it_says_what_people_are_like():
    guess = IdentityPrediction(np.array([0.5, -1.0, 0.3]), np.array([0.8, 0.5, 1.1])).largest(2)
    np.testing.assert_array_equal(guess.mean, [0.5, -1.0, 0.0])
    np.testing.assert_array_equal(guess.sigma, [0.8, 0.5, 1.0])


def test_light_size_and_a_poor_crop_change_little_two_people_much(faces):
    (one, crop), (other, others_crop) = faces
    guess, stranger = predict_identity(one, crop).mean, predict_identity(other, others_crop).mean
    dark = (one * 0.6).astype(np.uint8)
    aside = Crop(crop.x + 0.03 * crop.side, crop.y, 1.05 * crop.side, crop.roll + 4)
    for changed in (predict_identity(dark, crop).mean, predict_identity(one, aside).mean):
        assert _cosine(guess, changed) > 0.8 > _cosine(guess, stranger)


def test_a_mirrored_photo_has_the_mirrored_identity(faces):
    pixels, crop = faces[0]
    mirrored = Crop(pixels.shape[1] - crop.x, crop.y, crop.side, -crop.roll)
    turned = predict_identity(np.ascontiguousarray(pixels[:, ::-1]), mirrored).mean
    assert np.abs(turned * head_mirror().identity - predict_identity(pixels, crop).mean).max() < 0.1
