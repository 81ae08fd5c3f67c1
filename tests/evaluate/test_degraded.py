"""Photos are spoiled as their kinds say, the same way for the same numbers."""

from __future__ import annotations

import numpy as np
import pytest

from headshot.datasets.subject import find_subject
from headshot.evaluate import degraded
from headshot.evaluate.degraded import SEEN, UNSEEN, WORN, Face, Others
from headshot.image.photo import read_photo
from headshot.models.topologies.mediapipe478 import MEDIAPIPE_TO_IBUG68


@pytest.fixture(scope="module")
def face(photos) -> Face:
    subject = find_subject(read_photo(photos / "grace_hopper.jpg"))
    return Face(subject.photo.pixels, subject.landmarks.points[MEDIAPIPE_TO_IBUG68])


@pytest.fixture(scope="module")
def others(face) -> Others:
    band = np.zeros(face.pixels.shape[:2], bool)
    band[: band.shape[0] // 4] = True
    return Others((face.pixels[::-1],), ((face, band),), ((face, band),))


@pytest.mark.parametrize("kind", [*SEEN, *UNSEEN, *WORN])
def test_kinds_change_the_face_and_are_the_same_for_the_same_number(face, others, kind):
    one, again = ((SEEN | UNSEEN | WORN)[kind](face, np.random.default_rng(5), others) for _ in range(2))
    assert one.pixels.dtype == np.uint8
    np.testing.assert_array_equal(one.pixels, again.pixels)
    same = one.pixels.shape == face.pixels.shape and (one.pixels == face.pixels).all()
    assert same == (kind in ("as it is", "neither"))


def test_reduced_photos_keep_their_points(face):
    small = degraded.reduced(face, 40)
    assert small.size == pytest.approx(40, rel=0.02)
    np.testing.assert_allclose(
        small.points / small.pixels.shape[1], face.points / face.pixels.shape[1], rtol=0.02
    )
    assert degraded.reduced(small, 80).pixels.shape == small.pixels.shape


def test_bars_cover_the_share_they_are_told_to(face):
    low, high = face.points.min(axis=0), face.points.max(axis=0)
    x, y = ((face.points - low) / (high - low)).T
    for side, inside in enumerate((x < 0.4, x > 0.6, y > 0.6)):
        made = degraded.bar(face, 0.4, side)
        at = np.floor(face.points).astype(int)
        black = made.pixels[at[:, 1], at[:, 0]].max(axis=1) < 60
        clear = np.abs(np.choose(side, (x - 0.4, x - 0.6, y - 0.6))) > 0.05
        original = face.pixels[at[:, 1], at[:, 0]].max(axis=1) >= 60
        np.testing.assert_array_equal(black[clear & original], inside[clear & original])


def test_what_is_pasted_lies_where_the_face_is(face):
    """Half the size and elsewhere, by eyes, nose and mouth."""
    red = np.zeros_like(face.pixels)
    red[..., 0] = 255
    small = Face(red[::2, ::2], face.points / 2)
    mouth = np.zeros(small.pixels.shape[:2], bool)
    low, high = (f(small.points[48:68], axis=0).astype(int) for f in (np.min, np.max))
    mouth[low[1] : high[1] + 1, low[0] : high[0] + 1] = True
    made = degraded.pasted(face, small, mouth)
    changed = (made.pixels[..., 1] < 0.5 * face.pixels[..., 1]) & (made.pixels[..., 0] > 128)
    x, y = np.floor(face.points[48:68].mean(axis=0)).astype(int)
    assert tuple(made.pixels[y, x]) == (255, 0, 0)
    assert changed.sum() == pytest.approx(4 * mouth.sum(), rel=0.2)
