"""Face parts of the repository's photos, with the network that ships."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from headshot import Settings, reconstruct
from headshot.evaluate.picture import face_mask
from headshot.image.crop import rotation2d
from headshot.image.resample import warp
from headshot.perception.segmentation import CLASSES, SIZE, Segmentation, crop_of, segment
from headshot.results import Head

PHOTOS = Path(__file__).parents[2] / "photos"


@cache
def _head(name: str) -> Head:
    return reconstruct(PHOTOS / f"{name}.jpg", settings=Settings(detail="low", texture=None))


@cache
def _parts(name: str) -> Segmentation:
    head = _head(name)
    return segment(head.photo.pixels, head.landmarks.points)


def test_the_crop_turns_with_the_face() -> None:
    points = _head("astronaut").landmarks.points
    crop = crop_of(points)
    turn = 1.5 * rotation2d(23)
    moved = crop_of(points @ turn.T + (30, -20))
    np.testing.assert_allclose((moved.x, moved.y), turn @ (crop.x, crop.y) + (30, -20), atol=0.03 * crop.side)
    assert moved.side == pytest.approx(1.5 * crop.side, rel=0.03)
    assert moved.roll == pytest.approx(crop.roll + 23, abs=2)


@pytest.mark.parametrize("name", ["astronaut", "grace_hopper"])
def test_the_skin_lies_where_the_fitted_head_is(name: str) -> None:
    head, parts = _head(name), _parts(name)
    shown = face_mask(head, head.photo.height, head.photo.width)
    shown &= parts.probability("hair", "hat") < 0.5  # the forehead lies under them
    found = parts.probability("skin", "nose", "brows", "eyes", "mouth", "upper_lip", "lower_lip", "glasses")
    both, either = (shown & (found > 0.5)).sum(), (shown | (found > 0.5)).sum()
    assert both / shown.sum() > 0.95
    assert both / either > 0.7  # the head's "face" ends before the ears


@pytest.mark.parametrize("name", ["astronaut", "grace_hopper"])
def test_eyes_nose_and_mouth_lie_where_the_landmarks_are(name: str) -> None:
    points, labels = _head(name).landmarks.points, _parts(name).labels
    x, y = points[[1, 468, 473, 13]].astype(int).T
    found = [CLASSES[label] for label in labels[y, x]]
    assert found[0] == "nose"
    assert found[1:3] == ["eyes", "eyes"] or "glasses" in found
    assert found[3] in ("mouth", "upper_lip", "lower_lip")


def test_hair_and_clothes_are_not_explained() -> None:
    parts = _parts("astronaut")
    labels, explained = parts.labels, parts.explained()
    hair = labels == CLASSES.index("hair")
    assert 0.01 < hair.mean() < 0.2
    assert explained[hair].mean() < 0.1
    assert explained[-1].max() == 0  # the space suit at the photo's lower edge


def test_probabilities_of_all_classes_sum_up_to_one() -> None:
    parts = _parts("astronaut")
    total = sum(parts.probability(name) for name in CLASSES)
    np.testing.assert_allclose(total, 1, atol=1e-3)
    np.testing.assert_array_equal(parts.probability(*CLASSES), 1)
    assert parts.probability("background")[0, 0] == pytest.approx(1, abs=1e-3)


def test_resampling_to_the_photo_inverts_the_crop() -> None:
    parts = _parts("astronaut")
    skin = parts.probability("skin")
    picture = np.repeat((skin * 255).astype(np.uint8)[..., None], 3, axis=2)
    back = warp(picture, parts.map[None], (SIZE, SIZE))[0, ..., 0] / 255
    own = parts.crop[CLASSES.index("skin")]
    # Blurred by two samplings along the borders of the skin, but not moved.
    assert np.abs(back - own).mean() < 0.02
    assert np.corrcoef(back[1:].ravel(), own[1:].ravel())[0, 1] > 0.98


def test_single_points_have_the_probabilities_of_their_pixels() -> None:
    parts, points = _parts("astronaut"), _head("astronaut").landmarks.points
    column, row = np.floor(points).astype(int).T
    there = parts.probability("skin", "nose")[row, column]
    assert np.median(np.abs(parts.at(points, "skin", "nose") - there)) < 0.01
    outside = np.array([[-1000.0, 50.0], [50.0, 90000.0]])
    np.testing.assert_array_equal(parts.at(outside, "skin"), 0)
    np.testing.assert_array_equal(parts.at(outside, "hair", "background"), 1)


def test_unknown_names_and_wrong_shapes_are_refused() -> None:
    parts = _parts("astronaut")
    with pytest.raises(ValueError, match=r"name at least one of .* got moustache"):
        parts.probability("skin", "moustache")
    with pytest.raises(ValueError, match="got none"):
        parts.probability()
    with pytest.raises(ValueError, match=r"\(478, 2\), got \(68, 2\)"):
        crop_of(np.zeros((68, 2)))
    points = _head("astronaut").landmarks.points
    with pytest.raises(ValueError, match="uint8"):
        segment(np.zeros((10, 10, 3), np.float32), points)  # type: ignore[arg-type]
