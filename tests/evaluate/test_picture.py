"""Picture measures: closed-form cases, and a head rendered over its own picture."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from headshot import read_photo
from headshot.errors import HeadshotError
from headshot.evaluate.baselines import LandmarksOnly, MeanFace, Seen, look
from headshot.evaluate.picture import (
    PictureSettings,
    evaluate_picture,
    face_mask,
    groups_of,
    landmark_residual,
    overlay,
    photometric_error,
    shrunk,
    skin_bin,
    ssim,
    ssim_map,
    typology,
)

RNG = np.random.default_rng(0)
NOISE = RNG.integers(0, 256, (40, 50, 3), dtype=np.uint8)
ALL = np.ones((40, 50), bool)


def test_photometric_error() -> None:
    grey = np.full((40, 50, 3), 100, np.uint8)
    brighter = grey + np.uint8(7)
    assert photometric_error(grey, grey, ALL) == 0
    assert photometric_error(brighter, grey, ALL) == photometric_error(grey, brighter, ALL) == 7
    half = ALL.copy()
    half[:, 25:] = False
    brighter[:, 25:] = 255
    assert photometric_error(brighter, grey, half) == 7
    assert np.isnan(photometric_error(grey, grey, ~ALL))
    with pytest.raises(ValueError, match="expected pictures"):
        photometric_error(grey[1:], grey, ALL)


def test_ssim_of_identical_pictures_is_one() -> None:
    assert ssim(NOISE, NOISE) == pytest.approx(1)


def test_ssim_of_constant_pictures_has_a_closed_form() -> None:
    """Without variance only the luminance term stays: (2 ab + C1) / (a^2 + b^2 + C1)."""
    a, b, c = 100.0, 130.0, (0.01 * 255) ** 2
    expected = (2 * a * b + c) / (a * a + b * b + c)
    assert ssim_map(np.full((20, 20), a), np.full((20, 20), b)) == pytest.approx(expected)


def test_ssim_of_a_negative_and_of_noise() -> None:
    assert ssim(255 - NOISE, NOISE) < -0.8
    other = np.random.default_rng(1).integers(0, 256, NOISE.shape, dtype=np.uint8)
    assert abs(ssim(other, NOISE)) < 0.05


def test_ssim_agrees_with_its_definition_in_one_window() -> None:
    """Weighted moments of one 11 x 11 window, written out."""
    x, y = RNG.uniform(0, 255, (2, 11, 11))
    g = np.exp(-(np.arange(-5, 6) ** 2) / 4.5)
    w = np.outer(g, g) / g.sum() ** 2
    mx, my = (w * x).sum(), (w * y).sum()
    vx, vy, vxy = (w * (x - mx) ** 2).sum(), (w * (y - my) ** 2).sum(), (w * (x - mx) * (y - my)).sum()
    c1, c2 = 2.55**2, 7.65**2
    expected = (2 * mx * my + c1) * (2 * vxy + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2))
    assert ssim_map(x, y) == pytest.approx(np.array([[expected]]))


def test_ssim_counts_only_the_mask() -> None:
    changed = NOISE.copy()
    changed[:, 30:] = 0
    left = ALL.copy()
    left[:, 25:] = False
    assert ssim(changed, NOISE, left) == pytest.approx(1)
    assert ssim(changed, NOISE, ~left) < 0.5
    with pytest.raises(ValueError, match="11 x 11"):
        ssim(NOISE[:5], NOISE[:5])


def test_a_mask_keeps_only_whole_pixels() -> None:
    mask = np.zeros((8, 8), bool)
    mask[:4, :5] = True
    small = shrunk(mask, 0.5)
    assert small.shape == (4, 4) and small.sum() == 4


def test_groups_of_utkface() -> None:
    assert groups_of("a/24_1_2_20170109.jpg") == {"sex": "female", "race": "Asian", "age": "13-29"}
    assert groups_of("75_0_0_2017.jpg")["age"] == "60+"
    assert groups_of("astronaut.jpg") == groups_of("1_2_9_4.jpg") == {}


def test_skin_types() -> None:
    """White is far on the light side; known Lab of a mid-brown: L* 38, b* 24, so ITA -27."""
    assert skin_bin(typology((240, 205, 185))) == "light"
    assert skin_bin(typology((190, 145, 115))) == "medium"
    assert skin_bin(typology((95, 60, 45))) == "dark"
    assert typology((115, 82, 68)) == pytest.approx(np.degrees(np.arctan2(37.99 - 50, 14.06)), abs=1.5)


def test_the_overlay_is_not_shifted(seen: Seen) -> None:
    """The error is least where the head is, to a quarter of a pixel, in photos that are reduced, too."""
    head = LandmarksOnly()(seen).head
    assert head is not None
    values = []
    for shift in (-1.5, 0.0, 1.5):
        camera = replace(head.camera, centre=(head.camera.centre[0] + shift, head.camera.centre[1] + shift))
        picture, photo, factor = overlay(replace(head, camera=camera), seen.photo.pixels, 77)
        values.append(photometric_error(picture, photo, shrunk(face_mask(head, 512, 512), factor)))
    left, middle, right = values
    assert middle < 0.95 * min(left, right)
    # Vertex of the parabola through the three values.
    assert abs(0.5 * (left - right) / (left - 2 * middle + right)) * 1.5 < 0.25


@pytest.fixture(scope="module")
def seen(photos: Path) -> Seen:
    return look(read_photo(photos / "astronaut.jpg"), textured=True)


def test_a_head_over_its_own_picture_is_perfect(seen: Seen) -> None:
    head = LandmarksOnly()(seen).head
    assert head is not None
    picture, _, factor = overlay(head, seen.photo.pixels, 10_000)
    assert factor == 1
    mask = face_mask(head, *picture.shape[:2])
    again, _, _ = overlay(head, picture, 10_000)
    assert 5000 < mask.sum() < 0.3 * mask.size
    assert photometric_error(again, picture, mask) < 0.2
    assert ssim(again, picture, mask) > 0.999


def test_a_shifted_head_looks_worse_and_misses_its_landmarks(seen: Seen) -> None:
    head = LandmarksOnly()(seen).head
    assert head is not None
    camera = replace(head.camera, centre=(head.camera.centre[0] + 6, head.camera.centre[1]))
    shifted = replace(head, camera=camera)
    values = []
    for one in (head, shifted):
        picture, photo, factor = overlay(one, seen.photo.pixels, 160)
        values.append(ssim(picture, photo, shrunk(face_mask(one, 512, 512), factor)))
    assert values[0] > 0.7 and values[1] < values[0] - 0.2
    extent = np.sqrt(np.prod(np.ptp(seen.landmarks.points, axis=0)))
    expected = 600 / extent
    assert landmark_residual(shifted, seen.landmarks) == pytest.approx(expected, rel=0.05)


def test_a_folder_with_label_maps(photos: Path, tmp_path: Path) -> None:
    for part in ("images", "masks"):
        (tmp_path / part).mkdir()
    shutil.copy(photos / "astronaut.jpg", tmp_path / "images" / "a.jpg")
    Image.new("RGB", (300, 300)).save(tmp_path / "images" / "b.png")
    Image.new("L", (512, 512), 0).save(tmp_path / "masks" / "a.png")  # all of it background
    result = evaluate_picture(tmp_path, (LandmarksOnly(), MeanFace()), PictureSettings())
    assert result.values("landmarks-only", "outside") == {"images/a.jpg": 100.0}
    assert result.values("landmarks-only", "photometric") == {}
    assert 60 < result.values("landmarks-only", "completeness")["images/a.jpg"] <= 100
    assert "1 of 2: images/b.png" in result.notes[0]


def test_a_border_is_not_measured(photos: Path, tmp_path: Path) -> None:
    crop = Image.open(photos / "astronaut.jpg").crop((130, 20, 330, 290)).resize((200, 270))
    crop.save(tmp_path / "30_1_0_2017.png")
    result = evaluate_picture(tmp_path, (LandmarksOnly(),), PictureSettings(border=0.5))
    assert result.items[0].group["sex"] == "female"
    assert result.values("landmarks-only", "ssim")["30_1_0_2017.png"] > 0.7
    assert len(result.pictures) == 1


def test_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(HeadshotError, match="no photos"):
        evaluate_picture(tmp_path)
