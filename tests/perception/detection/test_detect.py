"""Face detection: faces put at known places are found there, and nothing is found where there is none."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from headshot.arrays import U8, Array
from headshot.image.photo import read_photo
from headshot.image.resample import warp
from headshot.perception.detection.detect import DetectSettings, Face, detect_faces
from headshot.perception.detection.mtcnn import overlaps, suppress

# Eyes, nose tip and mouth corners, placed by hand to about two pixels.
ASTRONAUT = np.array([[203, 101], [247, 103], [224, 128], [203, 141], [246, 142]], dtype=float)
HOPPER = np.array([[221, 192], [309, 187], [268, 238], [232, 280], [307, 274]], dtype=float)


def head(picture: U8) -> tuple[U8, tuple[int, int]]:
    """The head of the astronaut and where its top left corner was."""
    return picture[20:220, 130:320], (130, 20)


def resized(picture: U8, factor: float) -> U8:
    image = Image.fromarray(np.ascontiguousarray(picture))
    return np.array(image.resize((round(image.width * factor), round(image.height * factor)), Image.BICUBIC))


def scene(height: int, width: int) -> U8:
    """A smooth background."""
    y, x = np.mgrid[:height, :width]
    return np.stack([60 + 90 * y / height, 90 + 60 * x / width, np.full(x.shape, 120)], 2).astype(np.uint8)


def assert_points(face: Face, expected: Array, tolerance: float = 0.16) -> None:
    """Points within a share of the distance between the eyes."""
    unit = np.linalg.norm(expected[0] - expected[1])
    error = np.linalg.norm(face.points - expected, axis=1) / unit
    assert error.max() < tolerance, error.round(3)
    middle = (face.box[:2] + face.box[2:]) / 2
    assert np.linalg.norm(middle - expected.mean(axis=0)) < 0.6 * unit


def test_sample_photos(astronaut: U8, hopper: U8) -> None:
    for photo, points in ((astronaut, ASTRONAUT), (hopper, HOPPER)):
        faces = detect_faces(photo)
        assert len(faces) == 1 and faces[0].score > 0.99
        assert_points(faces[0], points)
        assert 1.5 < faces[0].size / np.linalg.norm(points[0] - points[1]) < 3.2


@pytest.mark.parametrize("factor", [0.25, 0.5, 2.5])
@pytest.mark.parametrize("corner", [(0, 0), (700, 500)])
def test_pasted_face_is_found_where_it_was_put(astronaut: U8, factor: float, corner: tuple[int, int]) -> None:
    part, origin = head(astronaut)
    part = resized(part, factor)
    photo = scene(1000, 1200)
    x, y = np.minimum(corner, [1200 - part.shape[1], 1000 - part.shape[0]])
    photo[y : y + part.shape[0], x : x + part.shape[1]] = part
    faces = detect_faces(photo)
    assert len(faces) == 1
    assert_points(faces[0], (ASTRONAUT - origin) * factor + [x, y])


@pytest.mark.parametrize("quarter_turns", [1, 2, 3])
def test_turned_photos(hopper: U8, quarter_turns: int) -> None:
    height, width = hopper.shape[:2]
    expected = HOPPER.copy()
    sides = width, height
    for _ in range(quarter_turns):  # np.rot90 turns anticlockwise: (x, y) -> (y, width - x)
        expected = np.column_stack([expected[:, 1], sides[0] - expected[:, 0]])
        sides = sides[1], sides[0]
    faces = detect_faces(np.rot90(hopper, quarter_turns))
    assert len(faces) == 1
    assert_points(faces[0], expected)


@pytest.mark.parametrize("degrees", [-45, 60])
def test_tilted_heads(hopper: U8, degrees: float) -> None:
    a = np.radians(degrees)
    rotation = np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]])  # of the tilted photo into hopper
    shift = HOPPER.mean(axis=0) - rotation @ (300, 300)
    tilted = warp(hopper, np.column_stack([rotation, shift])[None], (600, 600))[0]
    faces = detect_faces(tilted)
    assert len(faces) == 1
    assert_points(faces[0], (HOPPER - shift) @ rotation, tolerance=0.25)


def test_small_face_in_a_large_photo(astronaut: U8) -> None:
    part, origin = head(astronaut)
    factor = 0.9  # a face of 80 pixels, 2 % of the photo
    part = resized(part, factor)
    photo = scene(3000, 4000)
    photo[1500 : 1500 + part.shape[0], 2500 : 2500 + part.shape[1]] = part
    faces = detect_faces(photo)
    assert len(faces) == 1
    assert_points(faces[0], (ASTRONAUT - origin) * factor + [2500, 1500])


def test_several_faces_largest_first(astronaut: U8, hopper: U8) -> None:
    photo = scene(700, 1400)
    photo[50:650, 20:532] = hopper
    photo[100:612, 700:1212] = astronaut
    small = resized(head(astronaut)[0], 0.3)
    photo[620 : 620 + small.shape[0], 1250 : 1250 + small.shape[1]] = small
    faces = detect_faces(photo)
    assert len(faces) >= 2 and faces[0].size > faces[1].size
    assert_points(faces[0], HOPPER + [20, 50])
    assert_points(faces[1], ASTRONAUT + [700, 100])
    everyone = detect_faces(photo, DetectSettings(exhaustive=True))
    assert len(everyone) == 3
    assert_points(everyone[2], (ASTRONAUT - (130, 20)) * 0.3 + [1250, 620], tolerance=0.25)


def test_close_up_grey_and_cut_faces(hopper: U8) -> None:
    tight = resized(hopper[100:330, 165:360], 5)
    assert_points(detect_faces(tight)[0], (HOPPER - [165, 100]) * 5)
    grey = np.repeat(np.asarray(Image.fromarray(hopper).convert("L"))[:, :, None], 3, axis=2)
    assert_points(detect_faces(grey)[0], HOPPER)
    for cut, origin in (
        (hopper[:, 200:], (200, 0)),
        (hopper[:, :330], (0, 0)),
        (hopper[160:], (0, 160)),
        (hopper[:300], (0, 0)),
    ):
        faces = detect_faces(np.ascontiguousarray(cut))
        assert len(faces) == 1
        assert_points(faces[0], HOPPER - origin, tolerance=0.25)


def test_layout_of_the_array_does_not_matter(hopper: U8) -> None:
    view = np.asfortranarray(hopper)
    view.flags.writeable = False
    np.testing.assert_array_equal(detect_faces(view)[0].points, detect_faces(hopper)[0].points)


def robot() -> Image.Image:
    image = Image.new("RGB", (400, 400), (200, 220, 220))
    draw = ImageDraw.Draw(image)
    draw.rectangle((90, 80, 310, 330), fill=(140, 150, 160), outline="black", width=4)
    for x in (150, 250):
        draw.rectangle((x - 25, 150, x + 25, 190), fill="red")
    draw.rectangle((140, 260, 260, 285), fill="black")
    return image


def back_of_a_head() -> Image.Image:
    image = Image.new("RGB", (400, 500), (150, 160, 170))
    draw = ImageDraw.Draw(image)
    draw.rectangle((40, 380, 360, 500), fill=(40, 60, 110))
    draw.rectangle((160, 300, 240, 400), fill=(205, 160, 135))
    draw.ellipse((95, 180, 125, 250), fill=(205, 160, 135))
    draw.ellipse((275, 180, 305, 250), fill=(205, 160, 135))
    draw.ellipse((110, 70, 290, 340), fill=(60, 40, 30))
    return image.filter(ImageFilter.GaussianBlur(2))


def noise() -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (400, 300, 3), dtype=np.uint8))


def gradient() -> Image.Image:
    return Image.fromarray(scene(500, 400))


@pytest.mark.parametrize("picture", [robot, back_of_a_head, noise, gradient])
def test_pictures_without_a_face(picture: object) -> None:
    assert detect_faces(np.array(picture())) == []  # type: ignore[operator]


@pytest.mark.parametrize("shape", [(16, 16), (16, 256), (256, 16), (40, 40)])
def test_tiny_pictures_end_well(astronaut: U8, shape: tuple[int, int]) -> None:
    tiny = np.array(Image.fromarray(head(astronaut)[0]).resize(shape[::-1]))
    for face in detect_faces(tiny):
        assert np.isfinite(face.points).all() and np.isfinite(face.box).all()


def test_overlaps_and_suppression() -> None:
    boxes = np.array([[0, 0, 10, 10], [5, 0, 15, 10], [2, 2, 6, 6], [20, 20, 30, 30]], dtype=float)
    np.testing.assert_allclose(overlaps(boxes)[0], [1, 50 / 150, 16 / 100, 0])
    np.testing.assert_allclose(overlaps(boxes, of_smaller=True)[0], [1, 0.5, 1, 0])
    scores = np.array([0.8, 0.9, 0.7, 0.1])
    assert suppress(boxes, scores, 0.3).tolist() == [1, 2, 3]
    assert suppress(boxes, scores, 0.4).tolist() == [1, 0, 2, 3]
    assert suppress(boxes, scores, 0.4, of_smaller=True).tolist() == [1, 2, 3]
    assert suppress(boxes[:0], scores[:0], 0.5).tolist() == []


def test_suppression_of_thousands_of_boxes_takes_little_memory() -> None:
    """As of a large photo of leaves; a number for each pair of 6,000 boxes would be 288 MB."""
    rng = np.random.default_rng(0)
    corner = rng.uniform(0, 1500, (6000, 2))
    boxes = np.concatenate([corner, corner + rng.uniform(12, 60, (6000, 1))], axis=1)
    scores = rng.uniform(0, 1, 6000)
    suppress(boxes[:2], scores[:2], 0.5)  # compiles
    tracemalloc.start()
    kept = suppress(boxes, scores, 0.5)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2e6
    assert 1000 < len(kept) < 6000 and (np.diff(scores[kept]) <= 0).all()
    few = kept[:500]
    assert (overlaps(boxes[few]) - np.eye(500)).max() <= 0.5


def test_nearly_all_of_lfw_has_a_face(data: Path) -> None:
    files = sorted((data / "lfw-deepfunneled").glob("*/*.jpg"))
    chosen = np.random.default_rng(0).choice(len(files), 60, replace=False)
    assert all(detect_faces(read_photo(files[i]).pixels) for i in chosen)
