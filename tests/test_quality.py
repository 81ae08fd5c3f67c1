"""The score falls, and says why, when something limits the result."""

import pytest

from headshot.quality import assess

GOOD = {
    "presence": 1.0,
    "face_pixels": 300.0,
    "yaw": 5.0,
    "pitch": -5.0,
    "residual": 0.5,
    "inside": 1.0,
    "coverage": 0.8,
}


def test_a_good_portrait_scores_one_without_warnings():
    quality = assess(GOOD)
    assert quality.score == 1
    assert quality.warnings == ()


@pytest.mark.parametrize(
    ("measure", "value", "word"),
    [
        ("presence", 0.4, "uncertain"),
        ("face_pixels", 30.0, "small"),
        ("yaw", -75.0, "turned by 75"),
        ("pitch", 45.0, "tilted by 45"),
        ("residual", 5.0, "overlay"),
        ("inside", 0.7, "cut off"),
    ],
)
def test_each_defect_lowers_the_score_and_is_named(measure, value, word):
    quality = assess(GOOD | {measure: value})
    assert quality.score < 0.8
    assert len(quality.warnings) == 1
    assert word in quality.warnings[0]


def test_photo_warnings_are_kept():
    assert assess(GOOD, ("first",)).warnings == ("first",)


def test_a_measure_that_is_not_finite_is_a_bug():
    with pytest.raises(ValueError, match="finite"):
        assess(GOOD | {"residual": float("nan")})
