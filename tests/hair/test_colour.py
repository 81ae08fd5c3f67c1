"""The colour of hair without the photo's light, and how its strands run."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from headshot.arrays import F32
from headshot.hair.colour import SeenHair, finely, hair_colour, hair_normals, hair_pixels, light_on_hair
from headshot.hair.flow import coherence, texture_by
from headshot.hair.styles import load_styles, place
from headshot.hair.window import GRID, HairWindow
from headshot.image.colour import linear_to_srgb, srgb_bytes
from headshot.image.resample import warp
from headshot.metrics.colour import ciede2000, lab
from headshot.models.head_model import HeadModel, load_head_model

LIGHT = np.zeros((9, 3))
LIGHT[0], LIGHT[2], LIGHT[3] = (0.9, 0.8, 0.6), 0.25, 0.3  # warm, from the front and the subject's left


@pytest.fixture(scope="module")
def model() -> HeadModel:
    return load_head_model("low")


@pytest.mark.parametrize("albedo", [(0.02, 0.015, 0.012), (0.25, 0.14, 0.06), (0.5, 0.5, 0.5)])
def test_colour_is_found_in_coloured_light(
    window_of: Callable[..., HairWindow], model: HeadModel, albedo: tuple[float, float, float]
) -> None:
    style = load_styles()["short02"]
    window = window_of(model.mean, model, place(style, model, model.mean), style.triangles)
    normals = hair_normals(window, np.where(np.isfinite(window.depth), window.depth, 1300))
    grid = np.array(albedo) * light_on_hair(normals.reshape(-1, 3), LIGHT).reshape(GRID, GRID, 3)
    back = np.linalg.inv(np.vstack([window.to_photo, [0, 0, 1]]))[:2]
    photo = warp(srgb_bytes(grid), back[None], (512, 512))[0]
    found = hair_colour([hair_pixels(finely(photo, window), window, LIGHT)])
    assert found is not None
    true = lab(linear_to_srgb(np.array(albedo)))
    for colour in (found.root, found.tip):
        assert ciede2000(lab(linear_to_srgb(np.array(colour))), true) < 4


def test_roots_and_tips_are_told_apart(window_of: Callable[..., HairWindow], model: HeadModel) -> None:
    style = load_styles()["bob01"]
    window = window_of(model.mean, model, place(style, model, model.mean), style.triangles)
    strand = np.repeat(np.linspace(-0.6, 1.6, GRID, dtype=np.float32)[:, None], GRID, axis=1).clip(0, 1)
    white = np.zeros((9, 3))
    white[0] = 1
    grid = np.where(strand[..., None] > 0.5, [0.3, 0.2, 0.1], [0.03, 0.02, 0.01])
    back = np.linalg.inv(np.vstack([window.to_photo, [0, 0, 1]]))[:2]
    photo = warp(srgb_bytes(grid), back[None], (512, 512))[0]
    seen = SeenHair(np.full((GRID, GRID), 1300, np.float32), strand, np.ones((GRID, GRID), np.float32))
    found = hair_colour([hair_pixels(finely(photo, window), window, white, seen)])
    assert found is not None and found.tip[0] > 1.5 * found.root[0]


def test_too_little_hair_has_no_colour(window_of: Callable[..., HairWindow], model: HeadModel) -> None:
    window = window_of(model.mean, model, None, None)
    assert hair_colour([hair_pixels(np.zeros((2 * GRID, 2 * GRID, 3), np.float32), window, LIGHT)]) is None
    assert hair_colour([]) is None


def test_strands_that_run_one_way_are_straight() -> None:
    rng = np.random.default_rng(0)
    size = 2 * GRID
    stripes: F32 = np.repeat(rng.uniform(0.05, 0.5, (1, size, 1)), size, axis=0).repeat(3, axis=2)
    noise: F32 = np.repeat(rng.uniform(0.05, 0.5, (size, size, 1)), 3, axis=2)
    hair = np.zeros((GRID, GRID), bool)
    assert np.isnan(coherence(stripes, hair)) and texture_by([float("nan")]) == "straight"
    hair[30:80, 30:80] = True
    assert coherence(stripes, hair) > 0.95 and texture_by([coherence(stripes, hair)]) == "straight"
    assert coherence(noise, hair) < 0.3 and texture_by([coherence(noise, hair), float("nan")]) == "coily"
