"""Finding 68 landmarks on the repository's photos."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from headshot.apps.keypoint import find
from headshot.apps.keypoint.find import find_points68
from headshot.errors import MissingExtraError, NoFaceError
from headshot.image.photo import read_photo


def test_own(photos: Path) -> None:
    found = find_points68(read_photo(photos / "astronaut.jpg"))
    points = found[0].points
    assert points.shape == (68, 2) and found[0].finder == "headshot"
    assert points[36, 0] < points[45, 0] and points[8, 1] > points[57, 1] > points[33, 1] > points[27, 1]


def test_dlib_agrees_with_own(photos: Path) -> None:
    pytest.importorskip("dlib")
    for name in ("astronaut.jpg", "grace_hopper.jpg"):
        photo = read_photo(photos / name)
        a, b = (find_points68(photo, finder)[0] for finder in ("dlib", "headshot"))
        eyes = np.linalg.norm(b.points[36] - b.points[45])
        gap = np.linalg.norm(a.points - b.points, axis=1) / eyes
        assert np.median(gap) < 0.06 and gap[17:].max() < 0.2
        assert (a.box[2:] > a.box[:2]).all()


def test_variants_surround_the_box() -> None:
    boxes = np.array(find._variants(np.array([100, 120, 200, 220])))
    assert len(boxes) == 15 and [100, 120, 200, 220] in boxes.tolist()
    np.testing.assert_allclose(np.median(boxes, axis=0), [100, 120, 200, 220])


def test_without_dlib_it_says_what_to_do(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    find._networks.cache_clear()
    monkeypatch.setattr(find, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"headshot\[dlib\]"):
        find_points68(read_photo(photos / "astronaut.jpg"), "dlib")
    find._networks.cache_clear()


def test_a_misspelt_finder(photos: Path) -> None:
    with pytest.raises(ValueError, match="headshot, dlib"):
        find_points68(read_photo(photos / "astronaut.jpg"), "Dlib")  # type: ignore[arg-type]


def test_no_face() -> None:
    blank = read_photo(np.full((300, 300, 3), 128, np.uint8))
    with pytest.raises(NoFaceError):
        find_points68(blank, "headshot")
