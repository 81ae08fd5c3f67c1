"""What a head wears: checked when it is made, and kept by files."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import headshot
from headshot.errors import RecordError
from headshot.hair.styles import load_styles
from headshot.hair.worn import Hair, HairColour
from headshot.results import Head


@pytest.fixture(scope="module")
def head(photos: Path) -> Head:
    return headshot.reconstruct(photos / "astronaut.jpg", settings=headshot.Settings(detail="low"))


def offsets(style: str) -> np.ndarray:
    shape = load_styles()[style].vertices.shape
    return np.random.default_rng(3).normal(0, 10, shape)


def test_a_saved_head_keeps_its_hair(head: Head, tmp_path: Path) -> None:
    grey = HairColour((0.31, 0.3, 0.29), (0.4, 0.39, 0.385), 0.4)
    worn = Hair("bob02", grey, offsets("bob02"), "wavy", "eyebrow003", None, (0.2, 0.19, 0.18))
    head.with_hair(worn).save(tmp_path, "json", "worn")
    found = headshot.load(tmp_path / "worn.json").hair
    assert found is not None
    assert (found.style, found.texture, found.colour) == ("bob02", "wavy", grey)
    assert (found.brows, found.lashes, found.face_colour) == ("eyebrow003", None, (0.2, 0.19, 0.18))
    np.testing.assert_array_equal(found.offsets, worn.offsets)
    assert np.abs(np.asarray(worn.offsets) - offsets("bob02")).max() < 0.051


def test_records_without_hair_and_of_unknown_styles(head: Head, tmp_path: Path) -> None:
    head.with_hair(Hair(None)).save(tmp_path, "json", "bald")
    fields = json.loads((tmp_path / "bald.json").read_text("utf-8"))
    bald = headshot.load(tmp_path / "bald.json").hair
    assert bald is not None and bald.style is None
    for hair, message in (
        ({**fields["hair"], "style": "mohican99"}, "no hair style 'mohican99'"),
        ({**fields["hair"], "variation": 2}, "hair.variation must be a number from 0 to 1"),
        ({**fields["hair"], "offsets": [[1, 2, 3]]}, "offsets are of a style"),
    ):
        (tmp_path / "other.json").write_text(json.dumps({**fields, "hair": hair}), "utf-8")
        with pytest.raises(RecordError, match=message):
            headshot.load(tmp_path / "other.json")
    del fields["hair"]
    fields["schema_version"] = "2.2"
    (tmp_path / "older.json").write_text(json.dumps(fields), "utf-8")
    assert headshot.load(tmp_path / "older.json").hair is None


def test_another_style_keeps_the_colour(head: Head) -> None:
    red = HairColour((0.2, 0.05, 0.02), (0.3, 0.08, 0.03))
    other = head.with_hair(Hair("bob01", red, offsets("bob01"))).with_hair("short02")
    assert other.hair is not None and other.hair.colour == red and other.hair.offsets is None
    assert other.with_hair(None).hair is None


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Hair("bob99"), "no hair style 'bob99': use one of"),
        (lambda: Hair("bob01", texture="felt"), "texture of hair must be one of"),
        (lambda: Hair("bob01", offsets=np.zeros((3, 3))), r"offsets of bob01 must have shape"),
        (lambda: Hair("bob01", offsets=np.full(load_styles()["bob01"].vertices.shape, np.nan)), "within"),
        (lambda: Hair(None, offsets=np.zeros((3, 3))), "offsets are of a style"),
        (lambda: Hair("bob01", brows="monobrow"), "no brows 'monobrow': use one of eyebrow001"),
        (lambda: Hair("bob01", lashes="long"), "no lashes 'long'"),
        (lambda: Hair("bob01", face_colour=(1, 2, 3)), "face_colour must be linear RGB"),
        (lambda: HairColour((0, 0, 2)), "root must be linear RGB"),
        (lambda: HairColour(variation=-1), "variation must be within"),
    ],
)
def test_what_cannot_be_worn_is_refused(make: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()  # type: ignore[operator]


def test_hair_is_of_the_bundled_model(head: Head) -> None:
    stranger = replace(head.bundled, id="someone else's")
    with pytest.raises(ValueError, match="hair is bound to the bundled head model"):
        replace(head.with_hair("bob01"), model=stranger)
