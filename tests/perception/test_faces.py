"""Which network places the landmarks: MediaPipe's where it can, the in-house one where it cannot."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from headshot import NoFaceError, Photo, read_photo
from headshot.arrays import Array
from headshot.datasets.annotations import read_cfp
from headshot.datasets.split import held_out_people
from headshot.perception.detection.detect import DetectSettings, Face, detect_faces
from headshot.perception.faces import locate_faces, yaw_of
from headshot.perception.fallback import FallbackSettings, search
from headshot.perception.landmarks.mediapipe import Landmarks, LandmarkSettings, find_landmarks

PLAIN = LandmarkSettings()


def test_frontal_faces_have_the_landmarks_of_mediapipe(photos: Path) -> None:
    for name in ("astronaut.jpg", "grace_hopper.jpg"):
        photo = read_photo(photos / name)
        faces = detect_faces(photo.pixels)
        ((_, points),) = locate_faces(photo, faces, [0], PLAIN)
        assert points.prediction is None
        assert (points.points == find_landmarks(photo.pixels, faces[0]).points).all()


def test_in_house_landmarks_where_they_are_preferred(photos: Path) -> None:
    photo = read_photo(photos / "astronaut.jpg")
    faces = detect_faces(photo.pixels)
    always = FallbackSettings(check_yaw=0, prefer_yaw=0)
    ((_, points),) = locate_faces(photo, faces, [0], PLAIN, always)
    mediapipe = find_landmarks(photo.pixels, faces[0])
    assert points.prediction is not None and points.presence > 0.5
    assert np.linalg.norm(points.points - mediapipe.points, axis=1).mean() < 0.05 * mediapipe.extent
    assert points.blendshapes.shape == (52,) and points.depth.shape == (478,)
    nose, ear = points.depth[4], points.depth[234]
    assert nose > ear, "the nose is nearer than the temple"


def test_mediapipe_places_what_only_the_fallback_found(photos: Path) -> None:
    """Detectors miss half hidden faces whose points MediaPipe's network still finds."""
    photo = read_photo(photos / "grace_hopper.jpg")
    mediapipe = find_landmarks(photo.pixels, detect_faces(photo.pixels)[0])
    ((face, points),) = locate_faces(photo, [], [0], PLAIN)
    assert points.prediction is None
    assert np.linalg.norm(points.points - mediapipe.points, axis=1).mean() < 0.01 * mediapipe.extent
    assert face.box == pytest.approx([*points.points.min(axis=0), *points.points.max(axis=0)])
    ((_, in_house),) = search(photo.pixels, FallbackSettings())
    assert in_house.prediction is not None


def test_half_a_face_is_no_profile(photos: Path) -> None:
    """With one half covered, the in-house network places a profile, and MediaPipe's the other half."""
    photo = read_photo(photos / "astronaut.jpg")
    whole = find_landmarks(photo.pixels, detect_faces(photo.pixels)[0])
    (left, top), (right, bottom) = whole.points.min(axis=0), whole.points.max(axis=0)
    width, height = right - left, bottom - top
    covered = photo.pixels.copy()
    rows = slice(int(top - 0.3 * height), int(bottom + 0.3 * height))
    covered[rows, int(right - 0.55 * width) : int(right + 0.4 * width)] = (170, 122, 96)
    half, fallback = Photo(covered, "half.jpg"), FallbackSettings(prefer_yaw=45.0)
    assert not detect_faces(covered)
    ((_, in_house),) = search(covered, fallback)
    assert abs(yaw_of(in_house)) > fallback.prefer_yaw
    ((_, points),) = locate_faces(half, [], [0], PLAIN, fallback)
    assert points.prediction is None
    off = [np.linalg.norm(p.points - whole.points, axis=1).mean() / whole.extent for p in (points, in_house)]
    assert off[0] < 0.03 < 0.1 < off[1]


def cut_photo(photos: Path, name: str, part: str) -> tuple[Photo, Landmarks, Array]:
    """Half of a face, the landmarks of the whole one, and the pixel (2,) where the half begins."""
    photo = read_photo(photos / name)
    whole = find_landmarks(photo.pixels, detect_faces(photo.pixels)[0])
    x, y = (int(v) for v in (whole.points.min(axis=0) + whole.points.max(axis=0)) / 2)
    views = {
        "left": (slice(None), slice(None, x)),
        "right": (slice(None), slice(x, None)),
        "upper": (slice(None, y), slice(None)),
        "lower": (slice(y, None), slice(None)),
    }
    corner = {"right": np.array([x, 0.0]), "lower": np.array([0.0, y])}.get(part, np.zeros(2))
    return Photo(np.ascontiguousarray(photo.pixels[views[part]]), "half.jpg"), whole, corner


@pytest.mark.parametrize(
    ("name", "part"),
    [
        *(
            (name, part)
            for name in ("astronaut.jpg", "grace_hopper.jpg")
            for part in ("left", "right", "upper")
        ),
        ("astronaut.jpg", "lower"),
    ],
)
def test_half_faces_at_the_border_are_found(photos: Path, name: str, part: str) -> None:
    half, whole, corner = cut_photo(photos, name, part)
    ((_, points),) = locate_faces(half, detect_faces(half.pixels), [0], PLAIN)
    off = np.linalg.norm(points.points + corner - whole.points, axis=1).mean() / whole.extent
    assert off < 0.07, "hidden points are guessed"
    inside = ((points.points > 0) & (points.points < [half.width, half.height])).all(axis=1).mean()
    assert 0.3 < inside < 0.7


def test_half_faces_are_found_beside_whole_ones(photos: Path) -> None:
    """And are numbered as where a single one is asked for."""
    half, whole, corner = cut_photo(photos, "grace_hopper.jpg", "right")
    other = read_photo(photos / "astronaut.jpg")
    height = max(half.height, other.height)
    group = np.zeros((height, half.width + other.width, 3), np.uint8)
    group[: half.height, : half.width] = half.pixels
    group[: other.height, half.width :] = other.pixels
    photo = Photo(group, "group.jpg")
    faces = detect_faces(group, DetectSettings(exhaustive=True))
    found = locate_faces(photo, faces, None, PLAIN)
    assert len(found) == 2
    errors = [np.linalg.norm(points.points + corner - whole.points, axis=1).mean() for _, points in found]
    assert min(errors) < 0.07 * whole.extent
    numbered = [locate_faces(photo, faces, [k], PLAIN)[0][0].box for k in range(2)]
    assert (np.stack(numbered) == np.stack([face.box for face, _ in found])).all()


def test_photos_without_faces_end_clearly() -> None:
    photo = Photo(np.full((200, 200, 3), 90, np.uint8), "wall.jpg")
    for fallback in (FallbackSettings(), FallbackSettings(enabled=False)):
        with pytest.raises(NoFaceError, match=r"wall\.jpg"):
            locate_faces(photo, [], [0], PLAIN, fallback)
    # A detection that is none, too.
    five = np.array([[70.0, 75], [110, 75], [90, 95], [75, 115], [105, 115]])
    wrong = Face(np.array([40.0, 40, 140, 140]), five, 0.99)
    with pytest.raises(NoFaceError):
        locate_faces(photo, [wrong], [0], PLAIN)


def test_a_number_too_high_is_said(photos: Path) -> None:
    photo = read_photo(photos / "astronaut.jpg")
    with pytest.raises(NoFaceError, match="no face number 3"):
        locate_faces(photo, detect_faces(photo.pixels), [2], PLAIN)


def test_yaw_of_points(photos: Path) -> None:
    pixels = np.asarray(Image.open(photos / "astronaut.jpg"))
    one = find_landmarks(pixels, detect_faces(pixels)[0])
    mirrored = np.ascontiguousarray(pixels[:, ::-1])
    other = find_landmarks(mirrored, detect_faces(mirrored)[0])
    assert yaw_of(one) == pytest.approx(-yaw_of(other), abs=1.5) and abs(yaw_of(one)) < 30


def test_profiles_of_people_that_were_not_learned(data: Path) -> None:
    annotations = {
        a.photo.relative_to(data / "cfp-train").as_posix(): a
        for a in read_cfp(data / "cfp-train" / "fiducials30.csv")
    }
    people = held_out_people(name.split("/")[0] for name in annotations)
    names = [f"{person}/profile_01.jpg" for person in people[:12]]
    turned, lost = [], 0
    for name in names:
        photo = read_photo(data / "cfp-train" / name)
        try:
            ((_, points),) = locate_faces(photo, detect_faces(photo.pixels), [0], PLAIN)
        except NoFaceError:
            lost += 1
            continue
        known = np.isfinite(annotations[name].points).all(axis=1)
        middle = np.median(annotations[name].points[known], axis=0)
        assert np.linalg.norm(points.points.mean(axis=0) - middle) < 0.5 * points.extent, name
        turned.append(abs(yaw_of(points)))
    assert lost <= 1, "one in a hundred is lost"
    assert np.median(turned) > 48, "they are seen from the side"
