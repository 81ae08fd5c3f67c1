"""Brows and lashes: where they lie, how they move, and which are chosen."""

from __future__ import annotations

import numpy as np
import pytest

from headshot.geometry.raster import rasterise
from headshot.hair.brows import load_brows, load_lashes
from headshot.hair.cards import WornCards, worn_cards
from headshot.hair.painted import brows_like
from headshot.hair.worn import Hair, HairColour
from headshot.models.head_model import HeadModel, load_head_model


@pytest.fixture(scope="module", params=["low", "high"])
def model(request: pytest.FixtureRequest) -> HeadModel:
    return load_head_model(request.param)


def worn(hair: Hair, model: HeadModel) -> dict[str, WornCards]:
    head = model.neutral(np.random.default_rng(2).normal(size=len(model.identity)))
    return {found.cards.name: found for found in worn_cards(hair, model, head)}


def moved_by(model: HeadModel, *names: str) -> np.ndarray:
    return sum(
        model.expressions(np.zeros(len(model.identity)))[model.expression_names.index(n)] for n in names
    )


def test_twelve_brows_and_four_lashes_ship() -> None:
    assert len(load_brows()) == 12 and len(load_lashes()) == 4
    for piece in (*load_brows().values(), *load_lashes().values()):
        assert piece.uv[:, 1].min() < 0.01 and piece.uv[:, 1].max() > 0.99
        assert 60 < np.ptp(piece.vertices[:, 0]) < 130  # mm: both sides


@pytest.mark.parametrize("name", load_brows())
def test_brows_lie_on_the_skin_of_any_head_above_the_eyes(name: str, model: HeadModel) -> None:
    head = model.neutral(np.random.default_rng(2).normal(size=len(model.identity)))
    brows = worn(Hair(None, brows=name, lashes=None), model)["Brows"]
    below = brows.root.on(head, model.triangles)
    assert 0.2 < np.linalg.norm(brows.cards.vertices - below, axis=1).max() < 2.5  # mm
    eyes = model.landmarks["ibug68"].on(head, model.triangles)[36:48]
    assert brows.cards.vertices[:, 1].mean() > eyes[:, 1].max() + 3


def test_lashes_close_with_the_lids_and_brows_do_not(model: HeadModel) -> None:
    found = worn(Hair(None, brows="eyebrow001"), model)
    blink = moved_by(model, "eyeBlinkLeft", "eyeBlinkRight")
    lashes = found["Lashes"].offsets(blink, model.triangles)
    assert lashes[:, 1].min() < -5  # mm: those of the upper lids
    assert np.abs(found["Brows"].offsets(blink, model.triangles)).max() < 1
    raised = moved_by(model, "browInnerUp", "browOuterUpLeft", "browOuterUpRight")
    assert found["Brows"].offsets(raised, model.triangles)[:, 1].mean() > 3


def test_all_hairs_of_a_lash_card_hang_on_the_lid(model: HeadModel) -> None:
    lashes = load_lashes()["eyelashes04"]
    root = lashes.uv[:, 1] < 0.02
    apart = np.linalg.norm(lashes.root_on(model).on(model.mean, model.triangles) - lashes.vertices, axis=1)
    assert np.median(apart[root]) < 1.5 and np.median(apart[lashes.uv[:, 1] > 0.98]) > 4  # mm


def test_the_brows_that_the_texture_shows_are_chosen(model: HeadModel) -> None:
    found = {}
    for name, brows in load_brows().items():
        at = brows.root_on(model).on(model.uv, model.triangles_uv) * np.float32(512)
        flat = rasterise(at, np.ones(len(at)), brows.triangles, 512, 512, cull=False)
        texture = np.full((512, 512, 3), (200, 150, 130), np.uint8)
        texture[flat.triangle >= 0] = (60, 40, 30)
        found[name] = brows_like(texture, model)
    # Brows 8 and 10 hardly differ.
    assert [name for name in found if found[name] != name] in ([], ["eyebrow010"], ["eyebrow008"])


def test_brows_of_light_hair_are_darker_and_of_a_colour_that_is_given(model: HeadModel) -> None:
    white = HairColour((0.8, 0.8, 0.8), (0.8, 0.8, 0.8))
    found = worn(Hair(None, white, brows="eyebrow001"), model)["Brows"].cards.colour
    assert max(found) < 0.5
    dark = HairColour((0.01, 0.008, 0.006), (0.01, 0.008, 0.006))
    colours = [worn(Hair(None, dark, brows="eyebrow001"), model)[n].cards.colour for n in ("Brows", "Lashes")]
    assert colours[0] == colours[1] and np.allclose(np.divide(colours[0], dark.root), colours[0][0] / 0.01)
    given = worn(Hair(None, dark, brows="eyebrow001", face_colour=(0.2, 0.1, 0.05)), model)["Brows"]
    assert given.cards.colour[0] > 0.2
