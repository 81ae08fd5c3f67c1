"""Picture measures: closed-form cases, and a head rendered over its own picture."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from headshot import read_photo
from headshot.datasets.subject import Subject, find_subject
from headshot.errors import HeadshotError
from headshot.evaluate.baselines import MeanFace, named_method
from headshot.evaluate.picture import (
    PictureSettings,
    evaluate_picture,
    face_mask,
    landmark_residual,
    overlay,
    shrunk,
)
from headshot.metrics.picture import photometric_error, ssim


def test_a_mask_keeps_only_whole_pixels() -> None:
    mask = np.zeros((8, 8), bool)
    mask[:4, :5] = True
    small = shrunk(mask, 0.5)
    assert small.shape == (4, 4) and small.sum() == 4


def test_the_overlay_is_not_shifted(subject: Subject) -> None:
    """The error is least where the head is, to a quarter of a pixel, in photos that are reduced, too."""
    head = named_method("landmarks only")(subject, textured=True).head
    assert head is not None
    values = []
    for shift in (-1.5, 0.0, 1.5):
        camera = replace(head.camera, centre=(head.camera.centre[0] + shift, head.camera.centre[1] + shift))
        picture, photo, factor = overlay(replace(head, camera=camera), subject.photo.pixels, 77)
        values.append(photometric_error(picture, photo, shrunk(face_mask(head, 512, 512), factor)))
    left, middle, right = values
    assert middle < 0.95 * min(left, right)
    # Vertex of the parabola through the three values.
    assert abs(0.5 * (left - right) / (left - 2 * middle + right)) * 1.5 < 0.25


@pytest.fixture(scope="module")
def subject(photos: Path) -> Subject:
    return find_subject(read_photo(photos / "astronaut.jpg"))


def test_a_head_over_its_own_picture_is_perfect(subject: Subject) -> None:
    head = named_method("landmarks only")(subject, textured=True).head
    assert head is not None
    picture, _, factor = overlay(head, subject.photo.pixels, 10_000)
    assert factor == 1
    mask = face_mask(head, *picture.shape[:2])
    again, _, _ = overlay(head, picture, 10_000)
    assert 5000 < mask.sum() < 0.3 * mask.size
    assert photometric_error(again, picture, mask) < 0.2
    assert ssim(again, picture, mask) > 0.999


def test_a_shifted_head_scores_worse_and_misses_its_landmarks(subject: Subject) -> None:
    head = named_method("landmarks only")(subject, textured=True).head
    assert head is not None
    camera = replace(head.camera, centre=(head.camera.centre[0] + 6, head.camera.centre[1]))
    shifted = replace(head, camera=camera)
    values = []
    for one in (head, shifted):
        picture, photo, factor = overlay(one, subject.photo.pixels, 160)
        values.append(ssim(picture, photo, shrunk(face_mask(one, 512, 512), factor)))
    assert values[0] > 0.7 and values[1] < values[0] - 0.2
    extent = np.sqrt(np.prod(np.ptp(subject.landmarks.points, axis=0)))
    expected = 600 / extent
    assert landmark_residual(shifted, subject.landmarks) == pytest.approx(expected, rel=0.05)


def test_a_folder_with_label_maps(photos: Path, tmp_path: Path) -> None:
    for part in ("images", "masks"):
        (tmp_path / part).mkdir()
    shutil.copy(photos / "astronaut.jpg", tmp_path / "images" / "a.jpg")
    Image.new("RGB", (300, 300)).save(tmp_path / "images" / "b.png")
    Image.new("L", (512, 512), 0).save(tmp_path / "masks" / "a.png")  # all of it background
    result = evaluate_picture(tmp_path, (named_method("landmarks only"), MeanFace()), PictureSettings())
    assert result.values("landmarks only", "outside") == {"images/a.jpg": 100.0}
    assert result.values("landmarks only", "photometric") == {}
    assert 60 < result.values("landmarks only", "completeness")["images/a.jpg"] <= 100
    assert "1 of 2: images/b.png" in result.notes[0]


def test_a_border_is_not_measured(photos: Path, tmp_path: Path) -> None:
    crop = Image.open(photos / "astronaut.jpg").crop((130, 20, 330, 290)).resize((200, 270))
    crop.save(tmp_path / "30_1_0_2017.png")
    result = evaluate_picture(tmp_path, (named_method("landmarks only"),), PictureSettings(border=0.5))
    assert result.items[0].group["sex"] == "female"
    assert result.values("landmarks only", "ssim")["30_1_0_2017.png"] > 0.7
    assert len(result.pictures) == 1


def test_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(HeadshotError, match="no photos"):
        evaluate_picture(tmp_path)
