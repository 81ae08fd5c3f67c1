"""Clenched teeth are told from open mouths, tongues and closed lips."""

from __future__ import annotations

import numpy as np
import pytest

from headshot.arrays import U8, Array
from headshot.models.topologies.mediapipe478 import POINTS
from headshot.perception.teeth import clenched_teeth

UPPER, LOWER, CHEEKS = (81, 82, 13, 312, 311), (178, 87, 14, 317, 402), (50, 205, 280, 425)
SKIN, TOOTH, DARK, TONGUE = (200, 160, 140), (225, 215, 200), (40, 20, 20), (200, 110, 110)


def face(gap: int, *rows: tuple[int, int, int]) -> tuple[U8, Array]:
    """A photo whose lips are ``gap`` pixels apart and show rows of these colours, and its landmarks."""
    pixels = np.full((300, 300, 3), SKIN, np.uint8)
    for k, colour in enumerate(rows):
        top, bottom = (200 + round(gap * n / len(rows)) for n in (k, k + 1))
        pixels[top:bottom, 110:190] = colour
    points = np.full((POINTS, 2), 150.0)
    for k, (a, b) in enumerate(zip(UPPER, LOWER, strict=True)):
        points[a], points[b] = (120 + 15 * k, 200), (120 + 15 * k, 200 + gap)
    points[list(CHEEKS)] = (60, 150)
    return pixels, points


@pytest.mark.parametrize(
    ("gap", "rows", "together"),
    [
        (14, (TOOTH,), True),
        (20, (TOOTH, TOOTH), True),
        (14, (TOOTH, DARK, TOOTH), False),
        (20, (TOOTH, DARK), False),
        (14, (DARK,), False),
        (14, (TONGUE,), False),
        (2, (TOOTH,), False),
        (60, (TOOTH,), False),
    ],
)
def test_teeth_are_together_where_nothing_between_the_lips_is_dark(gap, rows, together):
    assert clenched_teeth(*face(gap, *rows), 200.0) == float(together)


def test_grey_photos_and_dark_skin_show_teeth_as_well():
    pixels, points = face(14, TOOTH)
    grey = np.repeat(pixels.mean(axis=2, keepdims=True), 3, axis=2).astype(np.uint8)
    assert clenched_teeth(grey, points, 200.0) == 1
    dark = np.where((pixels == SKIN).all(axis=2, keepdims=True), np.uint8([90, 60, 45]), pixels)
    assert clenched_teeth(dark, points, 200.0) == 1


def test_mouths_outside_of_the_photo_show_nothing():
    pixels, points = face(14, TOOTH)
    assert clenched_teeth(pixels[:205], points, 200.0) == 0
