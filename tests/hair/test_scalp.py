"""Where hair grows, and how the scalp takes its colour."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from headshot.hair.scalp import scalp_growth
from headshot.hair.styles import load_styles, place
from headshot.hair.window import GRID, HairWindow
from headshot.image.colour import TO_LINEAR
from headshot.models.head_model import HeadModel, load_head_model
from headshot.texture import Texture
from headshot.texture.layout import layout_of
from headshot.texture.scalp import PaintedScalp, with_scalp

Windows = Callable[..., HairWindow]


@pytest.fixture(scope="module")
def model() -> HeadModel:
    return load_head_model("low")


def test_hair_grows_on_the_scalp_and_nowhere_else(window_of: Windows, model: HeadModel) -> None:
    style = load_styles()["long01"]  # hangs before the neck and the cheeks
    window = window_of(model.mean, model, place(style, model, model.mean), style.triangles)
    growth = scalp_growth([window], [model.mean], model)
    back = model.mean[:, 2] < -120
    assert growth[(model.regions["scalp"] > 0.95) & (model.mean[:, 1] > 40)].min() > 0.7
    assert growth[(model.regions["scalp"] > 0.95) & back & (model.mean[:, 1] > 0)].min() > 0.7
    for part in ("nose", "jaw", "ears"):
        assert growth[model.regions[part] > 0.9].max() < 0.15, part
    assert growth[model.mean[:, 1] < -85].max() < 0.05


def test_bald_heads_have_hair_at_most_at_the_sides(window_of: Windows, model: HeadModel) -> None:
    bald = window_of(model.mean, model, None, None)
    assert scalp_growth([bald], [model.mean], model).max() < 0.1
    # A fringe above the ears.
    y = np.arange(GRID)[:, None]
    ears = bald.camera.project(np.array([80.0, 5.0, -70.0]))[1]
    rim = (np.abs(y - ears) < 7) & (bald.scalp > 0.5)
    fringed = replace(bald, hair=rim.astype(np.float32), skin=bald.skin * ~rim)
    growth = scalp_growth([fringed], [model.mean], model)
    assert growth[model.mean[:, 1] > 70].max() < 0.1
    back = (model.mean[:, 2] < -130) & (model.regions["scalp"] > 0.9) & (np.abs(model.mean[:, 1]) < 5)
    assert growth[back].mean() > 0.4


def test_a_side_that_is_not_seen_is_like_the_other(window_of: Windows, model: HeadModel) -> None:
    """A parting that recedes on the side that the photo shows."""
    window = window_of(model.mean, model, None, None, 50)
    hair = (window.scalp > 0.5).astype(np.float32)
    temple = window.camera.project(model.mean[np.linalg.norm(model.mean - [-58, 62, -10], axis=1).argmin()])
    y, x = np.mgrid[:GRID, :GRID]
    hair[np.hypot(x - temple[0], y - temple[1]) < 7] = 0
    growth = scalp_growth([replace(window, hair=hair, skin=window.skin * (1 - hair))], [model.mean], model)
    full = scalp_growth([replace(window, hair=window.scalp.round())], [model.mean], model)
    gone = full - growth
    assert gone.max() > 0.3
    assert np.abs(gone - gone[model.mirror]).mean() < 0.3 * gone.mean() + 0.005


def test_the_scalp_takes_hairs_colour() -> None:
    model = load_head_model("low")
    layout = layout_of(model, 256)
    grey = np.full((256, 256, 3), 180, np.uint8)
    nothing = np.zeros((256, 256))
    texture = Texture(grey, nothing.astype(np.float32), nothing.astype(np.uint8), 1.0)
    growth = model.regions["scalp"]
    colour = np.array([0.02, 0.015, 0.01], np.float32)
    painted = with_scalp(texture, layout, PaintedScalp(growth, colour, 0.9)).pixels
    triangle = layout.texels.triangle
    corners = np.where((triangle >= 0)[..., None], growth[model.triangles[triangle]], np.nan)
    assert (painted[corners.max(axis=2) == 0] == 180).all()
    dense = corners.min(axis=2)
    linear = TO_LINEAR[painted[dense == 1]].mean(axis=0)
    expected = 0.9 * colour + 0.1 * TO_LINEAR[180]
    assert np.allclose(linear, expected, rtol=0.1)
    assert TO_LINEAR[painted[dense == 1]][:, 0].std() > 0.001  # strands, not paint
