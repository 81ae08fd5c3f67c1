"""The score falls, and says why, when something limits the result."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from headshot import Head, Reconstructor, Settings
from headshot.datasets.subject import find_subject
from headshot.evaluate import degraded
from headshot.evaluate.degraded import Face
from headshot.image.photo import Photo
from headshot.perception.segmentation import segment
from headshot.pipeline import _main_view
from headshot.quality import LOW, REASONS, SCALES, Scale, assess
from headshot.texture import TextureSettings

GOOD = {
    "presence": 1.0,
    "face_pixels": 300.0,
    "sharpness": 1.0,
    "noise": 0.5,
    "brightness": 190.0,
    "clipped": 0.0,
    "tones": 140.0,
    "flat": 0.05,
    "blocks": 1.0,
    "hidden": 0.0,
    "hair": 0.0,
    "hidden_mouth": 0.0,
    "hidden_nose": 0.0,
    "hidden_eyes": 0.0,
    "glasses": 0.0,
    "eyewear": 0.0,
    "hat": 0.0,
    "yaw": 5.0,
    "pitch": -5.0,
    "inside": 1.0,
    "coverage": 0.9,
    "residual": 0.5,
    "disagreement": 0.4,
    "spread": 0.4,
    "expected_error": 0.8,
    "recognition": 14.0,
    "person": 1.0,
}


def test_a_good_portrait_scores_one_without_warnings():
    quality = assess(GOOD)
    assert quality.score == 1
    assert quality.warnings == ()
    assert set(SCALES) <= set(GOOD)


@pytest.mark.parametrize(
    ("measures", "words"),
    [
        ({"presence": 0.4}, "uncertain"),
        ({"spread": 4.0}, "uncertain"),
        ({"face_pixels": 30.0}, "small (30 pixels)"),
        ({"sharpness": 0.05}, "blurred"),
        ({"noise": 12.0}, "noisy (by 12"),
        ({"brightness": 20.0}, "very dark"),
        ({"clipped": 0.6}, "overexposed (60 %"),
        ({"blocks": 6.0}, "compressed"),
        ({"flat": 0.85}, "flat colours"),
        ({"hidden": 0.3}, "30 % of the face is hidden by a hand"),
        ({"hair": 0.4}, "40 % of the face is hidden by hair"),
        ({"hidden": 0.4, "hidden_mouth": 1.0}, "the mouth is hidden by a hand"),
        ({"hidden": 0.4, "hidden_eyes": 1.0}, "the eyes are hidden"),
        ({"hidden": 0.6, "hidden_nose": 0.7, "hidden_mouth": 1.0}, "the nose and the mouth are hidden"),
        ({"glasses": 1.0, "eyewear": 0.6}, "dark glasses"),
        ({"eyewear": 0.4}, "there are glasses before the eyes"),
        ({"hat": 0.5}, "a hat or a scarf hides 50 % of forehead"),
        ({"yaw": -75.0}, "turned by 75"),
        ({"pitch": 45.0}, "tilted by 45"),
        ({"residual": 5.0}, "overlay"),
        ({"inside": 0.7}, "cut off"),
        ({"person": 0.6}, "animal"),
    ],
)
def test_each_defect_is_named_alone(measures, words):
    quality = assess(GOOD | measures)
    assert len(quality.warnings) == 1
    assert words in quality.warnings[0]
    if set(measures) & set(SCALES):
        assert quality.score < 0.99


@pytest.mark.parametrize("name", sorted(SCALES))
def test_the_score_falls_with_every_measure_and_has_a_reason_where_it_is_low(name):
    scale = SCALES[name]
    steps = np.linspace(0, 1, 5)
    if scale.log:
        values = np.exp(np.log(scale.full) + steps * np.log(scale.half / scale.full))
    else:
        values = scale.full + steps * (scale.half - scale.full)
    found = [assess(GOOD | {name: float(value)}) for value in values]
    scores = [quality.score for quality in found]
    assert scores[-1] == pytest.approx(0.5)
    assert (np.diff(scores) < 0).all()
    assert all(quality.warnings for quality in found if quality.score < LOW)


def test_many_small_defects_are_a_reason_too():
    """Every score below `LOW` has a sentence, also where no measure is beyond its limit."""
    random = np.random.default_rng(0)
    low = 0
    for _ in range(300):
        measures = dict(GOOD)
        for name in random.choice(sorted(SCALES), 6):
            scale, step = SCALES[name], random.uniform(0, 0.5)
            bent = scale.full * (scale.half / scale.full) ** step if scale.log else None
            measures[name] = float(bent or scale.full + step * (scale.half - scale.full))
        quality = assess(measures)
        low += quality.score < LOW
        assert quality.warnings or quality.score >= LOW
    assert low > 50


def test_every_measure_that_costs_belongs_to_one_reason():
    named = [name for reason in REASONS for name in reason.limits]
    assert len(named) == len(set(named))
    assert set(SCALES) <= set(named)


def test_steps_of_a_scale():
    assert [Scale(10, 20).halvings(v) for v in (-5, 10, 15, -20, 40)] == [0, 0, 0.5, 1, 3]
    assert [Scale(100, 25, log=True).halvings(v) for v in (200, 100, 50, 25)] == pytest.approx([0, 0, 0.5, 1])


def test_measures_that_are_not_known_cost_nothing():
    assert assess({"yaw": 0.0}).score == 1


def test_photo_warnings_are_kept():
    assert assess(GOOD, ("first",)).warnings == ("first",)


def test_a_measure_that_is_not_finite_is_a_bug():
    with pytest.raises(ValueError, match="finite"):
        assess(GOOD | {"residual": float("nan")})


# --- on photos


@pytest.fixture(scope="module")
def reconstructor() -> Reconstructor:
    return Reconstructor(Settings(detail="low", texture=TextureSettings(size=512)))


@pytest.fixture(scope="module")
def clean(reconstructor, photos) -> dict[str, Head]:
    return {name: reconstructor(photos / f"{name}.jpg") for name in ("astronaut", "grace_hopper")}


def test_nothing_is_said_of_the_photos_as_they_are_but_of_glasses(clean):
    """Grace Hopper's are clear, below a hat that leaves her forehead free."""
    assert clean["astronaut"].quality.warnings == ()
    assert clean["astronaut"].quality.score > 0.75
    (warning,) = clean["grace_hopper"].quality.warnings
    assert "there are glasses before the eyes" in warning
    assert 0.6 < clean["grace_hopper"].quality.score < clean["astronaut"].quality.score


def test_a_hat_over_the_brows_is_said(reconstructor, clean):
    """Grace Hopper's, put on the astronaut lower than it was worn."""
    wearer, head = clean["grace_hopper"], clean["astronaut"]
    points = wearer.project(wearer.landmarks68)
    found = find_subject(wearer.photo).landmarks.points
    hat = segment(wearer.photo.pixels, found).probability("hat") > 0.5
    lower = points - [0, 0.35 * np.ptp(points[:, 1])]
    face = Face(head.photo.pixels, head.project(head.landmarks68))
    made = degraded.pasted(face, Face(wearer.photo.pixels, lower), hat)
    quality = reconstructor(Photo(made.pixels, "hat.jpg")).quality
    assert any("a hat or a scarf hides" in warning for warning in quality.warnings), quality
    assert quality.score < 0.85 * head.quality.score


def dark_glasses(face: Face) -> Face:
    """Two dark lenses; Grace Hopper wears a hat as well."""
    left, right = face.points[36:42].mean(axis=0), face.points[42:48].mean(axis=0)
    half = np.array([0.36, 0.27]) * np.linalg.norm(right - left)
    boxes = [[*(eye - half), *(eye + half)] for eye in (left, right)]

    def lenses(draw):
        for box in boxes:
            draw.ellipse(box, fill=255)
        draw.line([*left, *right], fill=255, width=5)

    return face.painted(lenses, face.flat((22, 20, 24)))


def clear_glasses(face: Face) -> Face:
    """Rims around both eyes, nothing before them."""
    left, right = face.points[36:42].mean(axis=0), face.points[42:48].mean(axis=0)
    distance = np.linalg.norm(right - left)
    half = np.array([0.38, 0.28]) * distance
    width = max(2, round(0.05 * distance))

    def rims(draw):
        for eye in (left, right):
            draw.ellipse([*(eye - half), *(eye + half)], outline=255, width=width)
        draw.line([left[0] + half[0], left[1], right[0] - half[0], right[1]], fill=255, width=width)

    return face.painted(rims, face.flat((30, 26, 28)))


CASES = {
    "blur of sigma 9": (lambda f: degraded.blur(f, 9), "blurred"),
    "noise of sigma 70": (lambda f: degraded.noise(f, 70, np.random.default_rng(0)), "noisy"),
    "exposure x 3.2": (lambda f: degraded.exposure(f, 3.2), "overexposed"),
    "exposure x 0.08": (lambda f: degraded.exposure(f, 0.08), "very dark"),
    "JPEG of quality 1": (lambda f: degraded.jpeg(f, 1), "compressed"),
    "four colours": (lambda f: degraded.few_colours(f, 4), "flat colours"),
    "half behind a bar": (lambda f: degraded.bar(f, 0.5, 0), "hidden by"),
    "eyes behind a bar": (lambda f: degraded.bar(f, 0.3, 3), "the eyes are hidden"),
    "surgical mask": (lambda f: degraded.surgical_mask(f), "the mouth"),
    "hand over the mouth": (lambda f: degraded.hand(f, f.points[57], np.random.default_rng(0)), "the mouth"),
    "dark glasses with a hat": (dark_glasses, "dark glasses"),
    "cartoon": (lambda f: degraded.cartoon(f, 8, 7), "flat colours"),
    "face of 24 pixels": (lambda f: degraded.reduced(f, 24), "small"),
}


@pytest.mark.parametrize(
    ("name", "case"),
    [
        *(("grace_hopper", case) for case in CASES),
        *(
            ("astronaut", case)
            for case in ("exposure x 0.08", "JPEG of quality 1", "surgical mask", "cartoon")
        ),
    ],
)
def test_spoiled_photos_score_below_the_clean_one_and_say_why(reconstructor, clean, name, case):
    head = clean[name]
    spoil, words = CASES[case]
    made = spoil(Face(head.photo.pixels, head.project(head.landmarks68)))
    quality = reconstructor(Photo(made.pixels, case)).quality
    assert any(words in warning for warning in quality.warnings), quality.warnings
    # Paint may hide Grace Hopper's glasses.
    without_glasses = assess(head.quality.measures | {"eyewear": 0.0}).score
    assert quality.score < min(0.85 * without_glasses, 0.75)


def test_clear_glasses_are_said(reconstructor, clean):
    head = clean["astronaut"]
    made = clear_glasses(Face(head.photo.pixels, head.project(head.landmarks68)))
    quality = reconstructor(Photo(made.pixels, "glasses.jpg")).quality
    assert any("there are glasses before the eyes" in warning for warning in quality.warnings)
    assert quality.measures["glasses"] == 0, "they are clear"
    assert quality.score < 0.95 * head.quality.score


def test_the_main_view_shows_the_face():
    """A hand before the larger face makes the smaller one the main view, of which quality is."""
    views = SimpleNamespace(
        views=[SimpleNamespace(camera=SimpleNamespace(angles=(a, 0, 0))) for a in (5, -5)]
    )

    def seen(extent: float, hidden: float | None) -> SimpleNamespace:
        return SimpleNamespace(landmarks=SimpleNamespace(extent=extent), hidden=hidden)

    assert _main_view([seen(200, 0.0), seen(180, None)], views) == 0
    assert _main_view([seen(200, 0.4), seen(180, 0.02)], views) == 1
