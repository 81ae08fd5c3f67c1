"""Which network places the points: the landmark network's where it can, ours where it cannot."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from headshot import NoFaceError, Photo, read_photo
from headshot.datasets.annotations import read_cfp
from headshot.datasets.split import held_out_people
from headshot.perception.detection.detect import Face, detect_faces
from headshot.perception.detection.fallback import OwnSettings
from headshot.perception.faces import recognise, yaw_of
from headshot.perception.landmarks.mediapipe import LandmarkSettings, find_landmarks

PLAIN = LandmarkSettings()


def test_frontal_faces_keep_the_landmark_networks_points(photos: Path) -> None:
    for name in ("astronaut.jpg", "grace_hopper.jpg"):
        photo = read_photo(photos / name)
        faces = detect_faces(photo.pixels)
        ((_, points),) = recognise(photo, faces, [0], PLAIN)
        assert points.regression is None
        assert (points.points == find_landmarks(photo.pixels, faces[0]).points).all()


def test_our_network_alone_on_request(photos: Path) -> None:
    photo = read_photo(photos / "astronaut.jpg")
    faces = detect_faces(photo.pixels)
    ((_, points),) = recognise(photo, faces, [0], PLAIN, OwnSettings(only=True))
    theirs = find_landmarks(photo.pixels, faces[0])
    assert points.regression is not None and points.presence > 0.5
    assert np.linalg.norm(points.points - theirs.points, axis=1).mean() < 0.05 * theirs.extent
    assert points.blendshapes.shape == (52,) and points.depth.shape == (478,)
    nose, ear = points.depth[4], points.depth[234]
    assert nose > ear, "the nose is nearer than the temple"


def test_the_landmark_network_places_what_only_ours_found(photos: Path) -> None:
    """Detectors lose half hidden faces whose points the landmark network still sees."""
    photo = read_photo(photos / "grace_hopper.jpg")
    theirs = find_landmarks(photo.pixels, detect_faces(photo.pixels)[0])
    ((face, points),) = recognise(photo, [], [0], PLAIN)
    assert points.regression is None
    assert np.linalg.norm(points.points - theirs.points, axis=1).mean() < 0.01 * theirs.extent
    assert face.box == pytest.approx([*points.points.min(axis=0), *points.points.max(axis=0)])
    ((_, mine),) = recognise(photo, [], [0], PLAIN, OwnSettings(only=True))
    assert mine.regression is not None


def test_half_a_face_is_no_profile(photos: Path) -> None:
    """Where one half is covered, our network sees a profile, and the landmark network the other half."""
    photo = read_photo(photos / "astronaut.jpg")
    theirs = find_landmarks(photo.pixels, detect_faces(photo.pixels)[0])
    (left, top), (right, bottom) = theirs.points.min(axis=0), theirs.points.max(axis=0)
    width, height = right - left, bottom - top
    covered = photo.pixels.copy()
    rows = slice(int(top - 0.3 * height), int(bottom + 0.3 * height))
    covered[rows, int(right - 0.55 * width) : int(right + 0.4 * width)] = (170, 122, 96)
    half, own = Photo(covered, "half.jpg"), OwnSettings(yaw=45.0)
    assert not detect_faces(covered)
    ((_, mine),) = recognise(half, [], [0], PLAIN, replace(own, only=True))
    assert abs(yaw_of(mine)) > own.yaw
    ((_, points),) = recognise(half, [], [0], PLAIN, own)
    assert points.regression is None
    off = [np.linalg.norm(p.points - theirs.points, axis=1).mean() / theirs.extent for p in (points, mine)]
    assert off[0] < 0.03 < 0.1 < off[1]


def test_photos_without_faces_end_clearly() -> None:
    photo = Photo(np.full((200, 200, 3), 90, np.uint8), "wall.jpg")
    for own in (OwnSettings(), OwnSettings(enabled=False)):
        with pytest.raises(NoFaceError, match=r"wall\.jpg"):
            recognise(photo, [], [0], PLAIN, own)
    # A detection that is none, too.
    five = np.array([[70.0, 75], [110, 75], [90, 95], [75, 115], [105, 115]])
    wrong = Face(np.array([40.0, 40, 140, 140]), five, 0.99)
    with pytest.raises(NoFaceError):
        recognise(photo, [wrong], [0], PLAIN)


def test_a_number_too_high_is_said(photos: Path) -> None:
    photo = read_photo(photos / "astronaut.jpg")
    with pytest.raises(NoFaceError, match="no face number 3"):
        recognise(photo, detect_faces(photo.pixels), [2], PLAIN)


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
            ((_, points),) = recognise(photo, detect_faces(photo.pixels), [0], PLAIN)
        except NoFaceError:
            lost += 1
            continue
        known = np.isfinite(annotations[name].points).all(axis=1)
        middle = np.median(annotations[name].points[known], axis=0)
        assert np.linalg.norm(points.points.mean(axis=0) - middle) < 0.5 * points.extent, name
        turned.append(abs(yaw_of(points)))
    assert lost <= 1, "one in a hundred is lost"
    assert np.median(turned) > 48, "they are seen from the side"
