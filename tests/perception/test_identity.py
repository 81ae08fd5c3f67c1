"""The identity prior: invariant to what does not matter, different for different people."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from headshot import read_photo
from headshot.image.crop import FaceCrop
from headshot.perception.detection.detect import detect_faces
from headshot.perception.identity import MARGIN, IdentityPrediction, predict_identity
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
        found.append((pixels, points.crop(MARGIN)))
    return found


def _cosine(a: np.ndarray, b: np.ndarray) -> float:
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


def test_a_prediction_is_shrunk_towards_the_mean_and_has_standard_deviations(faces):
    for pixels, crop in faces:
        found = predict_identity(pixels, crop)
        assert found.mean.shape == found.sigma.shape == (100,)
        assert 1.0 < np.linalg.norm(found.mean) < 10.0, "people are about 10 from the mean"
        assert (found.sigma > 0.1).all() and (found.sigma < 1.3).all()


def test_all_but_the_largest_modes_have_the_standard_prior():
    found = IdentityPrediction(np.array([0.5, -1.0, 0.3]), np.array([0.8, 0.5, 1.1])).largest(2)
    np.testing.assert_array_equal(found.mean, [0.5, -1.0, 0.0])
    np.testing.assert_array_equal(found.sigma, [0.8, 0.5, 1.0])


def test_light_size_and_a_poor_crop_change_little_two_people_much(faces):
    (one, crop), (other, others_crop) = faces
    found, stranger = predict_identity(one, crop).mean, predict_identity(other, others_crop).mean
    dark = (one * 0.6).astype(np.uint8)
    aside = crop.varied(1.05, right=0.03, turn=4)
    for changed in (predict_identity(dark, crop).mean, predict_identity(one, aside).mean):
        assert _cosine(found, changed) > 0.8 > _cosine(found, stranger)


def test_a_mirrored_photo_has_the_mirrored_identity(faces):
    pixels, crop = faces[0]
    mirrored = FaceCrop(pixels.shape[1] - crop.x, crop.y, crop.side, -crop.roll)
    turned = predict_identity(np.ascontiguousarray(pixels[:, ::-1]), mirrored)
    found = predict_identity(pixels, crop)
    assert np.abs(turned.mean * head_mirror().identity - found.mean).max() < 0.1
    # Who it is does not depend on the side.
    assert turned.embedding is not None and found.embedding is not None
    assert found.embedding.shape == (256,) and _cosine(turned.embedding, found.embedding) > 0.999


def test_the_shape_alone_keeps_the_embedding(faces):
    found = predict_identity(*faces[0])
    np.testing.assert_array_equal(found.largest(5).embedding, found.embedding)


def test_networks_without_an_embedding_are_refused(faces):
    class Older:
        def get_outputs(self):
            return []

    with pytest.raises(ValueError, match="identity_embedding"):
        predict_identity(*faces[0], network=Older())
