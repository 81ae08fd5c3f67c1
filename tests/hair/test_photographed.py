"""Hair of real photos, the whole way."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from headshot import Head, Reconstructor, Settings, load
from headshot.evaluate.hair import overlap, pictured
from headshot.texture import TextureSettings

SMALL = Settings(detail="low", texture=TextureSettings(size=256))


@pytest.fixture(scope="module")
def heads(photos: Path) -> dict[str, Head]:
    reconstruct = Reconstructor(SMALL)
    return {name: reconstruct(photos / f"{name}.jpg") for name in ("astronaut", "grace_hopper")}


@pytest.fixture(scope="module")
def bald(photos: Path) -> Head:
    return Reconstructor(replace(SMALL, hair="none"))(photos / "astronaut.jpg")


def test_hair_is_where_the_photo_has_it(heads: dict[str, Head]) -> None:
    head = heads["astronaut"]
    assert head.hair is not None and head.hair.style is not None and head.parts is not None
    share, _ = pictured(head)
    hair = head.parts.probability("hair")
    assert overlap(share > 0.5, hair > 0.5) > 0.75
    # Not before the face.
    face = head.parts.probability("nose", "eyes", "upper_lip", "lower_lip") > 0.7
    assert (share[face] > 0.5).mean() < 0.02
    # Brown.
    red, green, blue = head.hair.colour.root
    assert 0.45 > red > green > blue > 0.004


def test_lashes_are_worn_and_brows_are_those_of_the_skin(heads: dict[str, Head]) -> None:
    """Cards over brows that a texture shows cost likeness (benchmarks/face_cards.py); lashes cost none."""
    for head in heads.values():
        assert "Lashes" in [cards.name for cards in head.cards]
        assert "Brows" not in [cards.name for cards in head.cards]


def test_a_photo_that_ends_at_the_face_leaves_hair_to_be_guessed(
    heads: dict[str, Head], photos: Path
) -> None:
    whole = heads["astronaut"]
    inner = whole.project(whole.landmarks68[17:])
    middle, half = (inner.min(axis=0) + inner.max(axis=0)) / 2, 0.75 * np.ptp(inner, axis=0).max()
    (left, top), (right, bottom) = (middle - half).astype(int), (middle + half).astype(int)
    cut = Reconstructor(SMALL)(np.asarray(whole.photo.pixels)[top:bottom, left:right])
    said = [warning for warning in cut.quality.warnings if "hair is a guess" in warning]
    assert len(said) == 1 and not any("guess" in warning for warning in whole.quality.warnings)
    assert cut.hair is not None and cut.hair.style is not None  # what is beside the face tells
    # Nothing that hangs far out of the picture, of which nobody knows.
    assert min(cards.vertices[:, 1].min() for cards in cut.cards) > whole.vertices[:, 1].min() - 60


def test_under_a_hat_hair_is_only_painted(heads: dict[str, Head]) -> None:
    head = heads["grace_hopper"]
    assert head.hair is not None and head.parts is not None
    assert any("hat" in warning for warning in head.quality.warnings)
    cap = head.parts.probability("hat") > 0.8
    bare = head.with_hair(None).render(head.camera)
    worn = head.render(head.camera)
    assert (bare[cap] == worn[cap]).all(axis=1).mean() > 0.97
    crown = head.vertices[:, 1].max()
    for cards in head.cards:
        assert cards.vertices[np.unique(cards.triangles), 1].max() < crown - 20, cards.name  # mm


def test_the_scalp_has_hairs_colour_with_and_without_light(heads: dict[str, Head], bald: Head) -> None:
    head = heads["astronaut"]
    for ours, theirs in ((head.texture, bald.texture), (head.albedo_texture, bald.albedo_texture)):
        assert ours is not None and theirs is not None
        changed = (ours.pixels != theirs.pixels).any(axis=2)
        assert 0.05 < changed.mean() < 0.5
        darker = theirs.pixels[changed].astype(int) - ours.pixels[changed]
        assert (darker > 10).mean() > 0.4


def test_nothing_is_worn_without_segmentation_or_when_not_wanted(photos: Path, bald: Head) -> None:
    assert bald.hair is None and bald.cards == ()
    blind = Reconstructor(replace(SMALL, segment=False, texture=None), preload=False)
    assert blind(photos / "astronaut.jpg").hair is None


def test_a_chosen_style_has_the_photos_colour(photos: Path, heads: dict[str, Head]) -> None:
    settings = replace(SMALL, hair="long01", texture=None)
    chosen = Reconstructor(settings, preload=False)(photos / "astronaut.jpg")
    fitted = heads["astronaut"].hair
    assert chosen.hair is not None and fitted is not None
    assert chosen.hair.style == "long01" and chosen.hair.offsets is None
    assert np.allclose(chosen.hair.colour.root, fitted.colour.root, atol=0.2)


def test_files_keep_what_is_cut(heads: dict[str, Head], tmp_path: Path) -> None:
    head = heads["astronaut"]
    assert head.hair is not None
    cut = head.with_hair(replace(head.hair, missing=np.array([0, 5, 9], np.int32)))
    cut.save(tmp_path, "json", "cut")
    found = load(tmp_path / "cut.json").hair
    assert found is not None and found.missing is not None
    np.testing.assert_array_equal(found.missing, [0, 5, 9])
    whole = head.with_hair(replace(head.hair, missing=None))
    assert len(whole.cards[0].triangles) == len(cut.cards[0].triangles) + 3
    assert whole.cards[0].inner == cut.cards[0].inner + 3
    with pytest.raises(ValueError, match="ascending"):
        replace(head.hair, missing=np.array([5, 5]))


def test_of_several_photos_all_count(photos: Path, heads: dict[str, Head]) -> None:
    """The same photo twice is one photo; a smaller one of the same person is another."""
    from PIL import Image

    with Image.open(photos / "astronaut.jpg") as image:
        pixels = np.asarray(image.convert("RGB"))
        small = np.asarray(image.convert("RGB").resize((400, 400)))
    two = Reconstructor(replace(SMALL, texture=None), preload=False)([pixels, small])
    assert len(two.estimate.views) == 2
    assert two.hair is not None and heads["astronaut"].hair is not None
    assert two.hair.style is not None
    assert np.allclose(two.hair.colour.root, heads["astronaut"].hair.colour.root, atol=0.05)
