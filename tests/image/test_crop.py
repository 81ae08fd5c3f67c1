"""Crops of faces: upright in the crop, whatever the photo's turn, and invertible."""

from __future__ import annotations

from dataclasses import astuple

import numpy as np
import pytest

from headshot.image.crop import BOX_TO_POINTS, FaceCrop, cut_crops, head_roll, rotation2d


def test_the_map_sends_corners_to_a_turned_square() -> None:
    crop = FaceCrop(120.0, 80.0, 64.0, 20.0)
    corners = crop.to_photo([[0, 0], [1, 0], [1, 1], [0, 1]])
    np.testing.assert_allclose(corners.mean(axis=0), (120, 80))
    np.testing.assert_allclose(np.linalg.norm(np.roll(corners, -1, axis=0) - corners, axis=1), 64)
    along = corners[1] - corners[0]
    assert np.degrees(np.arctan2(along[1], along[0])) == pytest.approx(20), "clockwise, as y points down"
    np.testing.assert_allclose(crop.pixel_map(32) @ (16, 16, 1), (120, 80))


def test_from_photo_inverts_to_photo() -> None:
    crop, points = FaceCrop(3.0, -5.0, 17.0, -130.0), np.random.default_rng(0).uniform(size=(4, 5, 2))
    np.testing.assert_allclose(crop.from_photo(crop.to_photo(points)), points, atol=1e-12)


def test_a_crop_is_known_by_its_map() -> None:
    crop = FaceCrop(120.0, 80.0, 64.0, 20.0)
    assert astuple(FaceCrop.of_map(crop.map)) == pytest.approx(astuple(crop))
    for other in (crop.map * [[1], [-1]], crop.map @ np.diag([1, 2, 1.0])):
        with pytest.raises(ValueError, match=r"similarity|positive"):
            FaceCrop.of_map(other + [[0, 0.1, 0], [0, 0, 0]])


def test_crops_of_points_are_upright_and_hold_them() -> None:
    upright = np.random.default_rng(0).uniform([100, 100], [180, 220], (478, 2))
    points = upright @ rotation2d(30).T
    crop = FaceCrop.of_points(points, 1.4, 30.0)
    local = crop.from_photo(points)
    np.testing.assert_allclose((local.min(axis=0) + local.max(axis=0)) / 2, 0.5)
    assert np.ptp(local, axis=0).max() == pytest.approx(1 / 1.4)
    raised = FaceCrop.of_points(points, 1.4, 30.0, raised=0.1).from_photo(points)
    np.testing.assert_allclose(raised - local, [[0, 0.1 / 1.4]] * 478, atol=1e-12)


def test_crops_of_boxes_lie_lower_along_the_head() -> None:
    box = np.array([10.0, 20, 50, 60])
    plain, lying = FaceCrop.of_box(box, 1.2), FaceCrop.of_box(box, 1.2, 90.0)
    assert (plain.x, plain.y, plain.side) == pytest.approx((30, 40 + 40 * BOX_TO_POINTS, 48))
    # The chin of a head turned clockwise by a quarter lies on the left.
    assert (lying.x, lying.y, lying.roll) == pytest.approx((30 - 40 * BOX_TO_POINTS, 40, 90))


def test_variations_are_relative_to_the_crop() -> None:
    crop = FaceCrop(100.0, 100.0, 50.0, 90.0)
    other = crop.varied(2.0, right=0.1, down=0.2, turn=10.0)
    # Turned clockwise by a quarter, the crop's right is the photo's down, and its down the photo's left.
    assert (other.x, other.y, other.side, other.roll) == pytest.approx((90, 105, 100, 100))
    assert crop.varied() == crop


def test_cut_shows_the_head_upright() -> None:
    pixels = np.zeros((60, 60, 3), np.uint8)
    pixels[:, 30:] = 255
    (plain, turned) = cut_crops(pixels, [FaceCrop(30, 30, 20), FaceCrop(30, 30, 20, 90.0)], 10)
    assert (plain[:, :4] == 0).all() and (plain[:, 6:] == 255).all()
    # Its top is towards the photo's right.
    assert (turned[:4] == 255).all() and (turned[6:] == 0).all()
    np.testing.assert_array_equal(FaceCrop(30, 30, 20).cut(pixels, 10), plain)


def test_beyond_the_photo_there_is_its_border_or_black() -> None:
    pixels, crop = np.full((20, 20, 3), 200, np.uint8), FaceCrop(0.0, 0.0, 20.0)
    assert (crop.cut(pixels, 8) == 200).all()
    assert (crop.cut(pixels, 8, clamp=False)[0, 0] == 0).all()


def test_roll_of_heads_from_the_front_and_from_the_side() -> None:
    eyes, mouth = np.array([[0.0, 0], [4, 0]]), np.array([[1.0, 5], [3, 5]])
    for degrees in (-150, -20, 0, 35, 180):
        turn = rotation2d(degrees).T
        found = head_roll(eyes @ turn, mouth @ turn)
        assert np.cos(np.radians(found - degrees)) == pytest.approx(1)
    profile = head_roll([[2.0, 0], [2.1, 0.3]], [[2.0, 5], [2.1, 5]])
    assert abs(profile) < 5, "the short line between the eyes of a profile hardly counts"


def test_a_crop_has_a_side() -> None:
    with pytest.raises(ValueError, match="positive"):
        FaceCrop(0, 0, 0)
