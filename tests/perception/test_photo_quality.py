"""What a photo shows of a face is measured within the face, whatever its skin."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from headshot.arrays import U8, Array
from headshot.evaluate.degraded import Face, exposure, few_colours, jpeg, noise
from headshot.image.crop import FaceCrop
from headshot.models.topologies.mediapipe478 import MEDIAPIPE_TO_IBUG68, POINTS
from headshot.perception.photo_quality import FOREHEAD, hidden_parts, measure_photo
from headshot.perception.segmentation import CLASSES, Segmentation

CROP = FaceCrop(150.5, 150.5, 200.0)


@pytest.fixture(scope="module")
def face() -> tuple[U8, Array]:
    """A smooth picture (300, 300, 3) with many tones and a little noise, and points (478, 2) in it."""
    random = np.random.default_rng(0)
    y, x = np.mgrid[0:300, 0:300] / 300
    grey = 90 + 60 * np.sin(5 * x) * np.cos(4 * y) + 40 * x + random.normal(0, 1.5, (300, 300))
    pixels = np.clip(grey[..., None] * [1.15, 0.9, 0.8], 0, 255).astype(np.uint8)
    points = 150 + 100 * np.clip(random.normal(0, 0.4, (POINTS, 2)), -1, 1)
    points[:2] = (50, 50), (250, 250)
    return pixels, points


def measured(face: tuple[U8, Array], change=lambda f: f):
    made = change(Face(face[0], np.zeros((68, 2))))
    return measure_photo(made.pixels, face[1], CROP)


def test_a_good_photo_has_no_defects(face):
    found = measured(face)
    assert found.noise < 2 and found.brightness > 120 and found.clipped < 0.01
    assert found.tones > 80 and found.flat < 0.15 and 0.8 < found.blocks < 1.25


def test_each_defect_has_its_measure(face):
    random = np.random.default_rng(1)
    assert measured(face, lambda f: noise(f, 40, random)).noise > 8
    assert measured(face, lambda f: exposure(f, 0.08)).brightness < 20
    assert measured(face, lambda f: exposure(f, 4)).clipped > 0.5
    posterised = measured(face, lambda f: few_colours(f, 4))
    assert posterised.flat > 0.7 and posterised.tones < 5
    assert measured(face, lambda f: jpeg(f, 1)).blocks > 2


def test_what_is_beside_the_face_does_not_count(face):
    pixels, points = face
    around = pixels.copy()
    y, x = np.mgrid[0:300, 0:300] + 0.5 - 150
    around[x**2 + y**2 > 102**2] = 255
    found, usual = measured((around, points)), measured(face)
    assert replace(found, noise=0, blocks=0) == replace(usual, noise=0, blocks=0)


def test_noise_is_that_of_the_scale_at_which_networks_look(face):
    """Twice as many pixels average it out, and edges are none."""
    sharp = np.zeros((300, 300, 3), np.uint8)
    sharp[:, 150:] = 255
    assert measured((sharp, face[1])).noise < 1
    random = np.random.default_rng(2)
    small = random.normal(128, 20, (300, 300, 3)).clip(0, 255).astype(np.uint8)
    large = random.normal(128, 20, (1200, 1200, 3)).clip(0, 255).astype(np.uint8)
    crop = FaceCrop(600, 600, 800)
    assert measure_photo(large, 4 * face[1], crop).noise < 0.6 * measured((small, face[1])).noise


def test_a_face_partly_or_wholly_outside_of_the_photo_can_be_measured(face):
    pixels, points = face
    for shift in (-200, 200, 1000, -1000):
        found = measure_photo(pixels, points + shift, replace(CROP, x=150.0 + shift))
        assert np.isfinite(list(vars(found).values())).all()


# --- what is hidden


def segmented(**where: tuple[slice, slice]) -> Segmentation:
    """All skin but for rectangles, rows and columns of a photo of 256 x 256 pixels."""
    crop = np.zeros((len(CLASSES), 256, 256), np.float32)
    crop[CLASSES.index("skin")] = 1
    for name, part in where.items():
        crop[(slice(None), *part)] = 0
        crop[(CLASSES.index(name), *part)] = 1
    return Segmentation(crop, np.array([[1.0, 0, 0], [0, 1.0, 0]]), (256, 256))


@pytest.fixture(scope="module")
def points() -> Array:
    """(478, 2) eyes at y = 100, nose at 130, mouth at 170, all else around."""
    random = np.random.default_rng(3)
    found = random.uniform(40, 216, (POINTS, 2))
    ibug = np.full((68, 2), 128.0)
    ibug[:17], ibug[17:27], ibug[27:36], ibug[36:48], ibug[48:] = (
        (30, 128),
        (128, 80),
        (128, 130),
        (0, 100),
        (128, 170),
    )
    ibug[36:42, 0], ibug[42:48, 0] = (80, 90, 100, 110, 100, 90), (146, 156, 166, 176, 166, 156)
    found[MEDIAPIPE_TO_IBUG68] = ibug
    return found


SKIN = np.full((256, 256, 3), (190, 150, 130), np.uint8)
LOW, MIDDLE = (slice(150, 256), slice(0, 256)), (slice(85, 115), slice(0, 256))


def test_parts_behind_things_are_hidden(points):
    found = hidden_parts(SKIN, points, segmented(background=LOW))
    assert (found.mouth, found.nose, found.eyes, found.glasses, found.hair) == (1, 0, 0, 0, 0)
    assert 0.2 < found.face < 0.7
    hair = hidden_parts(SKIN, points, segmented(hair=MIDDLE))
    assert hair.eyes == 1 and hair.face == 0 and hair.hair > 0.05


def test_dark_glasses_hide_eyes_and_clear_ones_do_not(points):
    parts = segmented(glasses=MIDDLE)
    dark = SKIN.copy()
    dark[MIDDLE] = 30
    assert hidden_parts(dark, points, parts).glasses == 1
    assert hidden_parts(SKIN, points, parts).glasses == 0
    assert hidden_parts((dark * 0.3).astype(np.uint8), points, parts).glasses == 1
    assert hidden_parts(dark, points, segmented()).glasses == 0


def test_glasses_of_any_kind_count_and_hats_where_they_hide_the_forehead(points):
    with_forehead = points.copy()
    with_forehead[list(FOREHEAD), 1] = 60.0
    above, over = (slice(0, 40), slice(0, 256)), (slice(0, 70), slice(0, 256))
    assert hidden_parts(SKIN, points, segmented()).eyewear == 0
    assert hidden_parts(SKIN, points, segmented(glasses=MIDDLE)).eyewear > 0.3
    assert hidden_parts(SKIN, with_forehead, segmented(hat=above)).hat == 0
    assert hidden_parts(SKIN, with_forehead, segmented(hat=over)).hat == 1
