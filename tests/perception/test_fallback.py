"""The fallback detector finds faces in photos, and none where there are none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from headshot import read_photo
from headshot.arrays import U8
from headshot.image.crop import FaceCrop
from headshot.models.topologies.mediapipe478 import EYE_LEFT_IN_IMAGE, EYE_RIGHT_IN_IMAGE
from headshot.perception.detection.detect import detect_faces
from headshot.perception.fallback import (
    MAX_MISFIT,
    MIN_AGREEMENT,
    MIN_PRESENCE_AROUND,
    FallbackSettings,
    detector_agreement,
    face_of,
    face_score,
    head_misfit,
    in_house_landmarks,
    presence_around,
    search,
    verify_detection,
)
from headshot.perception.landmarks.in_house import MARGIN, predict_heads
from headshot.perception.landmarks.mediapipe import find_landmarks


def test_search_finds_the_face_that_a_detector_finds(hopper: U8) -> None:
    (face, points), *rest = search(hopper, FallbackSettings())
    assert not rest
    theirs = find_landmarks(hopper, detect_faces(hopper)[0])
    apart = np.linalg.norm(points.points - theirs.points, axis=1).mean() / theirs.extent
    assert apart < 0.06
    assert (face.box[:2] < theirs.points.mean(axis=0)).all() and (
        theirs.points.mean(axis=0) < face.box[2:]
    ).all()
    left, right = (theirs.points[list(eye)].mean(axis=0) for eye in (EYE_LEFT_IN_IMAGE, EYE_RIGHT_IN_IMAGE))
    assert np.linalg.norm(face.points[0] - left) < 0.12 * theirs.extent
    assert np.linalg.norm(face.points[1] - right) < 0.12 * theirs.extent


def test_people_score_as_people_in_any_light_and_nothing_else_does(hopper: U8, astronaut: U8) -> None:
    rng = np.random.default_rng(3)
    for photo in (hopper, astronaut):
        points = find_landmarks(photo, detect_faces(photo)[0])
        crop = points.crop(MARGIN)
        assert face_score(photo, crop) > 0.95
        assert face_score((photo * 0.1).astype(np.uint8), crop) > 0.95, "dark"
        border = int(points.points[:, 0].max() - 0.25 * points.extent)
        cut = np.ascontiguousarray(photo[:, :border])
        assert face_score(cut, crop) > 0.5, "a quarter is cut off"
        assert face_score(photo, crop.varied(turn=180)) < 0.5, "upside down"
        assert face_score(photo, crop.varied(right=0.9)) < 0.5, "beside the face"
        assert face_score(rng.integers(0, 256, photo.shape, dtype=np.uint8), crop) < 0.5


def test_a_small_face_beside_the_middle(hopper: U8) -> None:
    canvas = np.full((700, 900, 3), (96, 120, 84), np.uint8)
    small = np.asarray(Image.fromarray(hopper).resize((220, 260)))
    canvas[420:680, 660:880] = small
    faces = search(canvas, FallbackSettings())
    assert len(faces) == 1
    x, y = faces[0][1].points.mean(axis=0)
    assert 660 < x < 880 and 420 < y < 680


def _scenes() -> dict[str, U8]:
    """Pictures without faces."""
    rng = np.random.default_rng(0)
    stripes = np.zeros((300, 400, 3), np.uint8)
    stripes[::16] = (200, 120, 60)
    rough = rng.integers(0, 255, (20, 30, 3), dtype=np.uint8)
    clouds = Image.fromarray(rough).resize((450, 300), Image.Resampling.BICUBIC)
    disc = Image.new("RGB", (320, 320), (40, 60, 90))
    ImageDraw.Draw(disc).ellipse([90, 70, 230, 250], fill=(222, 180, 150))
    return {
        "flat": np.full((300, 300, 3), 128, np.uint8),
        "noise": rng.integers(0, 255, (300, 300, 3), dtype=np.uint8),
        "stripes": stripes,
        "clouds": np.asarray(clouds),
        "disc": np.asarray(disc),
    }


@pytest.mark.parametrize("name", _scenes())
def test_nothing_is_found_where_no_face_is(name: str) -> None:
    assert search(_scenes()[name], FallbackSettings()) == []


def test_clothes_and_background_are_no_face(hopper: U8) -> None:
    for part in (hopper[330:, :], hopper[:200, :110]):
        assert search(np.ascontiguousarray(part), FallbackSettings()) == []


def test_checks_pass_on_the_face_and_fail_beside_it(hopper: U8) -> None:
    points = in_house_landmarks(hopper, FaceCrop.of_box(detect_faces(hopper)[0].box, MARGIN))
    assert points is not None and points.prediction is not None
    assert verify_detection(hopper, points)
    # The same claim about another place of the photo.
    moved = np.ascontiguousarray(np.roll(hopper, 250, axis=0))
    assert not verify_detection(moved, points)
    crop = points.prediction.crop
    (on_face,), (beside,) = (predict_heads(pixels, [crop]) for pixels in (hopper, moved))
    assert presence_around(moved, crop) < MIN_PRESENCE_AROUND < presence_around(hopper, crop)
    assert detector_agreement(moved, crop) < MIN_AGREEMENT < detector_agreement(hopper, crop)
    assert head_misfit(on_face) < MAX_MISFIT and head_misfit(on_face) < head_misfit(beside)


def test_points_off_the_predicted_head_are_a_misfit(hopper: U8) -> None:
    (found,) = predict_heads(hopper, [FaceCrop.of_box(detect_faces(hopper)[0].box, MARGIN)])
    shifted = replace(found, points=found.points + 0.1 * np.ptp(found.points, axis=0))
    assert head_misfit(found) < MAX_MISFIT < head_misfit(shifted)


def test_only_in_house_landmarks_can_be_verified(hopper: U8) -> None:
    with pytest.raises(ValueError, match="in-house"):
        verify_detection(hopper, find_landmarks(hopper, detect_faces(hopper)[0]))


def test_settings_are_checked() -> None:
    with pytest.raises(ValueError, match="search_sizes"):
        FallbackSettings(search_sizes=(0.5, 1.5))


def test_five_points_and_box_of_landmarks(hopper: U8) -> None:
    points = in_house_landmarks(hopper, FaceCrop.of_box(detect_faces(hopper)[0].box, MARGIN))
    assert points is not None
    face = face_of(points)
    assert face.points[0, 0] < face.points[2, 0] < face.points[1, 0], "the nose is between the eyes"
    assert face.points[:2, 1].max() < face.points[2, 1] < face.points[3:, 1].min()
    assert (points.points >= face.box[:2] - 1e-9).all() and (points.points <= face.box[2:] + 1e-9).all()


def test_profiles_that_no_detector_finds(data: Path) -> None:
    """Of held-out people; the network has never seen them."""
    found = 0
    for name in ("079/profile_01.jpg", "457/profile_01.jpg"):
        pixels = read_photo(data / "cfp-train" / name).pixels
        assert detect_faces(pixels) == []
        faces = search(pixels, FallbackSettings())
        if faces:
            found += 1
            assert faces[0][1].prediction is not None
            assert abs(faces[0][1].prediction.angles[0]) > 35
    assert found == 2
