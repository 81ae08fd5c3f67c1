"""Hair as cards on heads: how it is lit, coloured, drawn, and moved."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from headshot.geometry.cards import Cards
from headshot.hair.cards import worn_cards
from headshot.hair.strands import BANDS, GAP, HEIGHT, load_strands, on_texture
from headshot.hair.styles import load_styles
from headshot.hair.worn import Hair, HairColour
from headshot.models.head_model import HeadModel, load_head_model
from headshot.render import RenderSettings, render, view_camera

RED = HairColour((0.3, 0.03, 0.02), (0.4, 0.05, 0.03), 0.0)


@pytest.fixture(scope="module")
def model() -> HeadModel:
    return load_head_model("low")


@pytest.mark.parametrize("name", load_styles())
@pytest.mark.parametrize("texture", ["straight", "coily"])
def test_cards_of_every_style_fit_together(name: str, texture: str, model: HeadModel) -> None:
    (worn,) = worn_cards(Hair(name, texture=texture, lashes=None), model, model.mean)
    cards = worn.cards
    assert cards.vertices.dtype == cards.normals.dtype == cards.uv.dtype == cards.tint.dtype == np.float32
    assert np.allclose(np.linalg.norm(cards.normals, axis=1), 1, atol=1e-4)
    assert cards.tint.min() > 0 and cards.tint.max() <= 1
    first = min(BANDS[f"{texture}_{kind}"][0] for kind in ("shell", "wisp"))
    last = max(BANDS[f"{texture}_{kind}"][1] for kind in ("shell", "wisp"))
    assert first / HEIGHT <= cards.uv[:, 1].min() and cards.uv[:, 1].max() <= last / HEIGHT


def test_bands_of_the_texture_are_apart_and_opaque_where_they_should_be() -> None:
    alpha = load_strands()[..., 1].astype(float) / 255
    for name, (first, last) in BANDS.items():
        assert not alpha[first : first + GAP - 1].any() and not alpha[last - GAP + 1 : last].any()
        size = last - first
        middle = alpha[first + size // 4 : first + size // 2].mean()
        thick = {"shell": 0.99, "wisp": 0.5, "brow": 0.3, "lash": 0.1}[name.split("_")[-1]]
        assert middle > thick if name.endswith("shell") else thick < middle < 0.97, (name, middle)
        assert alpha[last - GAP - 3 : last - GAP].mean() < 0.4, name  # tips are thin
    ends = np.array([[0.0, 0.0], [0.0, 1.0]], np.float32)
    found = on_texture(ends, np.array(["wavy_shell", "wavy_wisp"]))
    assert np.allclose(found[:, 1] * HEIGHT, [96 + GAP, 256 - GAP])


def test_a_picture_shows_the_colour_of_the_hair(model: HeadModel) -> None:
    camera = view_camera(model.mean, 180.0, size=96)
    texture = np.full((8, 8, 3), (0, 0, 200), np.uint8)
    flat = RenderSettings(lighting=0.0)
    bare = render(model.mean, model, camera, texture=texture, settings=flat)
    cards = [worn.cards for worn in worn_cards(Hair("bob02", RED, lashes=None), model, model.mean)]
    worn = render(model.mean, model, camera, texture=texture, settings=flat, cards=cards)
    back = worn[20:40, 40:56].reshape(-1, 3).astype(float)
    assert (bare[20:40, 40:56, 2] > 190).all()
    assert (back[:, 0] > 60).all() and (back[:, 2] < 60).all()
    linear = (back / 255) ** 2.2
    assert np.allclose(linear.mean(0), RED.root, rtol=0.4)
    np.testing.assert_array_equal(worn[-8:, 40:56], bare[-8:, 40:56])  # the neck


def test_what_is_behind_the_head_is_not_seen(model: HeadModel) -> None:
    camera = view_camera(model.mean, 0.0, size=96)
    texture = np.full((8, 8, 3), (0, 0, 200), np.uint8)
    (worn,) = worn_cards(Hair("ponytail01", RED, lashes=None), model, model.mean)
    picture = render(
        model.mean, model, camera, texture=texture, settings=RenderSettings(lighting=0.0), cards=[worn.cards]
    )
    nose = camera.project(model.landmarks["ibug68"].on(model.mean, model.triangles)[30]).astype(int)
    assert picture[nose[1], nose[0], 2] > 190


def test_hair_at_the_forehead_follows_brows_and_the_rest_stays(model: HeadModel) -> None:
    (worn,) = worn_cards(Hair("bob01", lashes=None), model, model.mean)
    raised = np.zeros_like(model.mean) + np.float32([0, 5, 0])
    offsets = worn.offsets(raised, model.triangles)
    height = np.linalg.norm(worn.cards.vertices - worn.root.on(model.mean, model.triangles), axis=1)
    assert np.allclose(offsets[height < 5], [0, 5, 0], atol=1e-4)
    assert (np.abs(offsets[height > 18]) == 0).all() and (height > 18).any()
    moved = worn.on(raised, model.triangles)
    assert np.allclose(moved.vertices - worn.cards.vertices, offsets, atol=1e-4)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"uv": np.zeros((2, 2), np.float32)}, "uv of Hair must be finite of shape"),
        ({"triangles": np.array([[0, 1, 10**6]], np.int32)}, "point beyond"),
        ({"texture": np.zeros((4, 4, 3), np.uint8)}, r"texture of Hair must be uint8 \(H, W, 2\)"),
        ({"inner": 10**6}, "cannot be inner"),
        ({"colour": (0.0, 0.0, 2.0)}, "colour of Hair must be linear RGB"),
    ],
)
def test_cards_that_do_not_fit_together(model: HeadModel, changes: dict[str, object], message: str) -> None:
    (worn,) = worn_cards(Hair("short04", lashes=None), model, model.mean)
    with pytest.raises(ValueError, match=message):
        replace(worn.cards, **changes)
    assert isinstance(worn.cards, Cards)
